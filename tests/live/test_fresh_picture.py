"""The picture is the newest that came, however slow the detector, its tracks moved along."""

import gc
import threading
import weakref

import numpy as np
import pytest

from tests.live.fakes import SquareDetector, picture, shot
from tests.live.test_system import Bench, scene
from tracker.boxes import iou_matrix
from tracker.live import view as view_module
from tracker.live.health import health_of
from tracker.live.view import from_jpeg
from tracker.tracks import TrackState

pytest.importorskip("cv2")

FOUR = ("a", "b", "c", "d")
BIG = (256, 192)  # four times as large as other scenes of these tests
FPS = 10.0


def place(bench):
    """Where the thing is now: it walks steadily."""
    return 4 + (bench.clock.now_s - 1000.0) * 4.0


def truth(bench):
    x = int(place(bench))
    return np.array([[4.0 * x, 40.0, 4.0 * (x + 12), 160.0]])


class Slow(SquareDetector):
    """Needs `takes_s` a look, during which the cameras go on sending."""

    def __init__(self):
        super().__init__(batch_size=4)
        self.takes_s, self.meanwhile = 0.0, lambda: None

    def detect(self, frames):
        found = super().detect(frames)
        for _ in range(round(self.takes_s * FPS)):
            self.meanwhile()
        return found


class Street(Bench):
    """Four cameras whose pictures can be counted: converted, encoded, alive."""

    def __init__(self, names=FOUR):
        super().__init__(*names, detector=Slow(), budget_s=0.0)
        self.names = names
        self.converted, self.images = [], []

    def tick(self):
        """A frame of each camera."""
        self.clock.pass_(1 / FPS)
        for name in self.names:
            self.number += 1
            self.arrive(name, scene(self.number, int(place(self)), BIG))

    def arrive(self, name, image):
        one = shot(self.number, self.line, image=image)
        self.images.append(weakref.ref(image))
        give = one.to_rgb

        def counted():
            self.converted.append(one.index)
            return give()

        object.__setattr__(one, "to_rgb", counted)
        self.cameras[name]._receive(one, False)

    def walk(self, seconds):
        for _ in range(round(seconds * FPS)):
            self.tick()
            while self.looker.step():
                pass

    def look_for(self, seconds, meanwhile):
        """One look at the newest of all that takes so long."""
        self.tick()
        self.detector.takes_s = seconds
        self.detector.meanwhile = lambda: (self.tick(), meanwhile())
        self.looker.step()
        self.detector.takes_s = 0.0


def test_with_a_look_of_three_seconds_the_picture_is_new_and_its_boxes_have_moved():
    street = Street()
    street.walk(2.0)
    found = {name: camera.view.tracks.xyxy for name, camera in street.cameras.items()}
    seen = []

    def watch():
        for name, camera in street.cameras.items():
            shown = camera.view.annotated()
            health = health_of(camera, street.line.now())
            seen.append((name, shown, health, street.line.now(), truth(street)))

    street.look_for(3.0, watch)
    assert len(seen) == 4 * 30
    assert street.looker.failures == 0
    assert {name for name, _, health, _, _ in seen if health["since_look_s"] > 2.5} == set(FOUR)
    for name, shown, health, now, true in seen:
        age_s = now - shown.captured_s
        assert health["picture_age_s"] == pytest.approx(age_s, abs=1e-3)
        assert age_s < 0.01, "the frame that has just come"
        assert shown.tracks.timestamp_s == pytest.approx(shown.captured_s)
        # Drawn as what is predicted is drawn everywhere.
        assert shown.tracks.state.tolist() == [TrackState.COASTING]
        moved = iou_matrix(shown.tracks.xyxy, true)[0, 0]
        left = iou_matrix(found[name], true)[0, 0]
        assert moved > 0.5
        assert health["since_look_s"] < 2.0 or moved > left + 0.3, "the old box is behind"


def test_a_look_takes_the_place_of_what_was_predicted():
    street = Street(("a",))
    street.walk(2.0)
    view = street.cameras["a"].view
    before = view.annotated()
    street.tick()
    ahead = view.annotated()
    assert ahead.captured_s == pytest.approx(before.captured_s + 1 / FPS)
    assert not np.array_equal(from_jpeg(ahead.jpeg), from_jpeg(before.jpeg))
    street.looker.step()
    looked = view.annotated()
    assert looked.captured_s == ahead.captured_s
    assert looked.tracks.state.tolist() == [TrackState.CONFIRMED], "the look at it has come"
    assert looked.jpeg != ahead.jpeg


def test_with_nobody_watching_nothing_is_converted_encoded_or_kept(monkeypatch):
    street = Street()
    street.walk(2.0)
    encoded = []
    encode = view_module.jpeg_of
    monkeypatch.setattr(
        view_module, "jpeg_of", lambda *a, **k: encoded.append(1) or encode(*a, **k)
    )
    converted = len(street.converted)
    street.look_for(3.0, lambda: None)
    # Those that were looked at, and nothing of the 120 that came meanwhile.
    assert len(street.converted) == converted + 4
    assert len(encoded) <= 4, "the pictures of tracks, of the look itself"
    street.results.clear()
    gc.collect()
    alive = sum(image() is not None for image in street.images)
    assert alive <= 3 * 4, "a camera keeps what was looked at, what waits, and what is newest"


def test_a_picture_is_made_once_for_all_who_watch():
    street = Street()
    street.walk(2.0)
    converted = len(street.converted)

    made = []

    def watch():
        for camera in street.cameras.values():
            made.append({id(camera.view.annotated()) for _ in range(5)})

    street.look_for(3.0, watch)
    assert [len(one) for one in made] == [1] * 4 * 30
    # 30 of each camera, and the look.
    assert len(street.converted) == converted + 4 * 30 + 4


def test_a_box_goes_no_further_than_its_belief_lets_it_coast():
    street = Street(("a",))
    street.walk(2.0)
    camera = street.cameras["a"]
    config = camera._tracker.config.existence
    gaps = []

    def watch():
        tracks = camera.view.annotated().tracks
        gaps.extend(tracks.gap_s.tolist())

    street.look_for(9.0, watch)
    assert config.coast_least_s < 1.0 < max(gaps) <= config.coast_most_s < 9.0
    assert len(camera.view.tracks) > 0, "it lives on in the tracker"


def test_what_is_believed_little_is_not_carried_far():
    street = Street(("a",))
    street.detector.confidence = 0.2
    street.walk(2.0)
    camera = street.cameras["a"]
    (existence,) = camera.view.tracks.existence
    assert existence < 0.2
    counts = []
    street.look_for(3.0, lambda: counts.append(len(camera.view.annotated().tracks)))
    assert counts[0] == 1
    assert counts[15] == 0


def test_what_a_look_has_shown_clearly_is_carried_on_before_it_is_earned():
    street = Street(("a",))
    street.detector.confidence = 0.95
    street.walk(0.1)
    camera = street.cameras["a"]
    (told,), (earned,) = camera.view.tracks.existence, camera.view.tracks.earned
    assert earned < 0.2 < 0.7 < told
    shown = []
    street.look_for(3.0, lambda: shown.append(camera.view.annotated().tracks))
    assert [len(tracks) for tracks in shown[:20]] == [1] * 20
    assert {state for tracks in shown for state in tracks.state_names} == {"tentative"}


def test_what_a_look_has_found_lost_stays_so():
    street = Street(("a",))
    street.walk(2.0)
    camera = street.cameras["a"]
    while not camera.view.tracks.lost.any():  # it is gone from the picture, not from belief
        street.clock.pass_(1 / FPS)
        street.number += 1
        street.arrive("a", picture(street.number, BIG))
        street.looker.step()
    street.clock.pass_(1 / FPS)
    street.number += 1
    street.arrive("a", picture(street.number, BIG))
    assert camera.view.annotated().tracks.state.tolist() == [TrackState.LOST]


def test_before_the_first_look_there_is_a_picture_without_tracks():
    street = Street(("a",))
    street.tick()
    camera = street.cameras["a"]
    shown = camera.view.annotated()
    assert len(shown.tracks) == 0
    assert from_jpeg(shown.jpeg).shape == (192, 256, 3)
    health = health_of(camera, street.line.now())
    assert (health["size"], health["since_look_s"]) == (BIG, None)


@pytest.mark.parametrize("end", ["dead", "frozen", "damaged"])
def test_a_camera_that_shows_nothing_new_keeps_its_last_picture_with_its_tracks(end):
    street = Street(("a",))
    street.walk(2.0)
    camera = street.cameras["a"]
    street.tick()  # nobody looks at this one in time
    last = camera.view.annotated()
    street.looker.step()
    looked = camera.view.annotated()
    still = scene(street.number, int(place(street)), BIG)
    for _ in range(200):
        street.clock.pass_(1 / FPS)
        if end == "frozen":
            street.arrive("a", still)
        elif end == "damaged":
            street.number += 1
            one = shot(street.number, street.line, image=picture(street.number, BIG), corrupt=True)
            camera._receive(one, False)
        street.looker.step()
    assert len(camera.view.tracks) == 0, "time has passed for the tracker"
    shown = camera.view.annotated()
    assert shown is looked, "and nothing was drawn again"
    assert shown.captured_s == last.captured_s
    assert len(shown.tracks) == 1
    assert health_of(camera, street.line.now())["picture_age_s"] == pytest.approx(20.0, abs=0.1)
    assert camera.state == ("frozen" if end == "frozen" else "up")


def test_a_picture_nobody_looked_at_before_the_end_keeps_what_was_predicted():
    street = Street(("a",))
    street.walk(2.0)
    camera = street.cameras["a"]
    street.tick()
    camera.slot.take()  # as `max_fps` leaves it out
    predicted = camera.view.annotated()
    for _ in range(200):
        street.clock.pass_(1 / FPS)
        street.looker.step()
    shown = camera.view.annotated()
    assert shown.captured_s == predicted.captured_s
    assert iou_matrix(shown.tracks.xyxy, predicted.tracks.xyxy)[0, 0] > 0.7


def test_pictures_of_another_size_have_their_tracks_stretched_and_of_another_shape_none():
    street = Street(("a",))
    street.walk(2.0)
    camera = street.cameras["a"]
    street.clock.pass_(1 / FPS)
    (box,) = camera.view.tracks.xyxy
    street.arrive("a", scene(1, int(place(street)), (512, 384)))
    (larger,) = camera.view.annotated().tracks.xyxy
    assert larger == pytest.approx(2 * box, abs=25)
    street.clock.pass_(1 / FPS)
    street.arrive("a", scene(2, int(place(street)), (512, 200)))
    assert len(camera.view.annotated().tracks) == 0
    assert camera.counts.size_changes == 0, "asking changes nothing"


def test_a_file_that_waits_is_shown_as_it_is_looked_at():
    bench = Bench("a", policy="every")
    bench.watch(1.0)
    looked = bench.cameras["a"].view.annotated()
    bench.clock.pass_(0.1)
    bench.send()
    bench.send()
    assert bench.cameras["a"].view.annotated() is looked
    assert health_of(bench.cameras["a"], bench.line.now())["picture_age_s"] is None


def test_who_watches_and_who_looks_are_in_nobodys_way():
    street = Street()
    street.walk(0.5)
    over, wrong, made = threading.Event(), [], set()

    def watch(camera):
        while not over.is_set():
            try:
                made.add(camera.view.annotated().captured_s)
            except Exception as error:
                wrong.append(error)
                return

    threads = [
        threading.Thread(target=watch, args=(camera,))
        for camera in street.cameras.values()
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    street.walk(1.5)
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert made
    assert [camera.counts.looked for camera in street.cameras.values()] == [20] * 4
