"""Cameras, detector, trackers and events together, step by step on a clock of the test's own."""

import random
import threading
import time

import numpy as np
import pytest

from tests.live.fakes import SIZE, FakeClock, SquareDetector, picture, shot
from tracker import Tracker, presets
from tracker.live.camera import LiveCamera
from tracker.live.clocks import Timeline
from tracker.live.looker import Looker
from tracker.live.settings import CameraSettings, EventSettings


def scene(number, x=10, size=SIZE):
    """A moving bright square on a dull ground."""
    image = picture(number, size)
    k = size[0] // SIZE[0]
    image[10 * k : 40 * k, k * x : k * (x + 12)] = 220
    return image


class Bench:
    """Cameras whose shots a test hands in, and the looker that takes them."""

    def __init__(self, *names, detector=None, budget_s=0.1, **settings):
        self.clock = FakeClock()
        self.line, self.bell = Timeline(self.clock), threading.Condition()
        self.detector = detector or SquareDetector()
        self.results = []
        self.cameras = {
            name: LiveCamera(
                name,
                CameraSettings(source="rtsp://u:hunter2@h/x", **settings),
                Tracker(presets.load("camera")),
                self.detector.class_names,
                timeline=self.line,
                bell=self.bell,
                events=EventSettings(),
                tell=self.results.append,
                run="r",
                rng=random.Random(0),
            )
            for name in names
        }
        for camera in self.cameras.values():
            camera.reader.state = "up"
        self.looker = Looker(
            self.detector,
            list(self.cameras.values()),
            timeline=self.line,
            bell=self.bell,
            batch_size=getattr(self.detector, "batch_size", 1),
            budget_s=budget_s,
        )
        self.number = 0

    def send(self, name="a", image=None, own_s=None, first=False, **more):
        self.number += 1
        image = scene(self.number, 5 + self.number % 30) if image is None else image
        one = shot(self.number, self.line, own_s=own_s, image=image, **more)
        return self.cameras[name]._receive(one, first)

    def watch(self, seconds, fps=10.0, names=("a",), x=lambda i: 5 + i % 30):
        """So many seconds of a scene, each frame looked at."""
        for i in range(round(seconds * fps)):
            self.clock.pass_(1 / fps)
            for name in names:
                self.number += 1
                self.send(name, scene(self.number, x(i)))
            while self.looker.step():
                pass

    @property
    def events(self):
        return [event for result in self.results for event in result.events]

    @property
    def tracks(self):
        return self.results[-1].tracks


def walk(i):
    return 4 + i // 2


def test_a_thing_is_confirmed_with_evidence_and_picture():
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    (event,) = bench.events
    assert (event.event, event.camera, event.track_id) == ("confirmed", "a", 1)
    assert event.existence > 0.8
    assert event.evidence["hits"] > 3
    assert event.snapshot.startswith(b"\xff\xd8")
    assert event.time.startswith("2023-11-14T")
    assert bench.cameras["a"].counts.events == {"confirmed": 1}
    assert len(bench.cameras["a"].explain(1)) == 30


def test_frames_that_are_overtaken_are_dropped_and_counted():
    bench = Bench("a")
    for _ in range(10):
        bench.send()
    assert bench.looker.step() == 1
    assert bench.looker.step() == 0
    assert bench.cameras["a"].slot.dropped == 9
    assert bench.results[-1].frame.index == bench.number


def test_frames_that_are_overtaken_are_no_misses():
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    for _ in range(20):  # empty pictures, which nobody comes to look at
        bench.clock.pass_(0.1)
        bench.number += 1
        bench.send(image=picture(bench.number))
    bench.clock.pass_(0.1)
    bench.number += 1
    bench.send(image=scene(bench.number, walk(51)))
    bench.looker.step()
    assert bench.cameras["a"].slot.dropped == 20
    assert (bench.tracks.track_id.tolist(), bench.tracks.misses[0]) == ([1], 0)
    assert bench.tracks.hits[0] == 31


@pytest.mark.parametrize("what", ["frozen", "black", "corrupt"])
def test_what_shows_nothing_is_not_looked_at_and_takes_no_belief(what):
    bench = Bench("a", frozen_s=1.0)
    bench.watch(3.0, x=walk)
    believed = bench.tracks.existence[0]
    still, looked = scene(1, 20), bench.cameras["a"].counts.looked
    black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for i in range(30):
        bench.clock.pass_(0.1)
        if what == "black":
            black[0, 1] = i % 20  # black, but not the same
        image = {"frozen": still, "black": black.copy(), "corrupt": None}[what]
        bench.send(image=image, corrupt=what == "corrupt")
        bench.looker.step()
    camera = bench.cameras["a"]
    # The first of a frozen picture is a look; what repeats it is none.
    assert camera.counts.looked == looked + (what == "frozen")
    assert camera.counts.verdicts[what] > 10
    assert bench.tracks.track_id.tolist() == [1]
    assert bench.tracks.misses[0] == 0
    assert bench.tracks.existence[0] > 0.5 * believed
    assert camera.state == {"frozen": "frozen", "black": "black", "corrupt": "up"}[what]
    assert not any(event.event == "lost" for event in bench.events)


def test_misses_that_were_looked_for_do_take_belief():
    """What the test before is held against: the same time with an empty scene."""
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    for _ in range(30):
        bench.clock.pass_(0.1)
        bench.number += 1
        bench.send(image=picture(bench.number))
        bench.looker.step()
    (lost,) = [event for event in bench.events if event.event == "lost"]
    assert lost.evidence["misses"] > 5


def test_tracks_outlive_a_gap_with_their_ids_and_end_after_a_long_one():
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    before = bench.tracks.existence[0]
    for _ in range(100):
        bench.clock.pass_(0.05)
        bench.looker.step()
    during = bench.tracks
    assert during.track_id.tolist() == [1]
    assert during.existence[0] < before
    assert during.misses[0] == 0
    bench.send(image=scene(99, walk(79)), first=True)
    bench.looker.step()
    bench.watch(1.0, x=lambda i: walk(80 + i))
    assert bench.tracks.track_id.tolist() == [1]
    for _ in range(400):
        bench.clock.pass_(0.05)
        bench.looker.step()
    assert len(bench.tracks) == 0
    assert bench.events[-1].event == "lost"
    assert bench.events[-1].reason == "ended"
    bench.watch(2.0, x=walk)
    assert bench.tracks.track_id.min() > 1


def test_another_size_of_the_same_picture_moves_the_tracks_along():
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    twice = (SIZE[0] * 2, SIZE[1] * 2)
    box = bench.tracks.xyxy[0]
    for _ in range(20):
        bench.clock.pass_(0.1)
        bench.number += 1
        bench.send(image=scene(bench.number, 18, twice))
        bench.looker.step()
    assert bench.tracks.track_id.tolist() == [1]
    assert np.allclose(bench.tracks.xyxy[0], 2 * box, atol=6)
    assert bench.cameras["a"].counts.size_changes == 1


def test_another_shape_begins_anew():
    bench = Bench("a")
    bench.watch(3.0, x=walk)
    bench.number += 1
    bench.clock.pass_(0.1)
    bench.send(image=scene(bench.number, 18, (128, 48)))
    bench.looker.step()
    assert 1 not in bench.tracks.track_id
    assert bench.events[-1].event == "lost"


def test_cameras_take_turns():
    bench = Bench("a", "b", "c")
    for _ in range(30):
        bench.clock.pass_(0.1)
        for name in "abc":
            bench.send(name)
        bench.looker.step()  # one frame: a third of what comes
    looked = [camera.counts.looked for camera in bench.cameras.values()]
    assert max(looked) - min(looked) <= 1


def test_frames_of_several_cameras_go_through_the_detector_together():
    bench = Bench("a", "b", "c", detector=SquareDetector(batch_size=8))
    for name in "abc":
        bench.send(name)
    bench.looker.step()
    assert bench.detector.batches == [3]
    assert {result.camera for result in bench.results} == {"a", "b", "c"}


def test_a_frame_waits_for_one_that_is_due_and_for_no_other():
    bench = Bench("a", "b", "gone", detector=SquareDetector(batch_size=8), budget_s=1.0)
    bench.watch(3.0, names=("a", "b", "gone"))
    for _ in range(20):  # from here on one of them sends nothing any more
        bench.clock.pass_(0.1)
        bench.send("a")
        bench.send("b")
        bench.looker.step()
    del bench.detector.batches[:]
    bench.clock.pass_(0.1)
    bench.send("a")
    later = threading.Timer(0.05, bench.send, args=("b",))
    later.start()
    bench.looker.step()
    later.join()
    assert bench.detector.batches == [2]
    # Both have sent: the third is not due, and nobody waits for it.
    bench.clock.pass_(0.1)
    bench.send("a")
    bench.send("b")
    began = time.monotonic()
    bench.looker.step()
    assert time.monotonic() - began < 0.5
    assert bench.detector.batches == [2, 2]


def test_a_frame_that_waits_keeps_its_time():
    """While the detector is at another camera's frame for long, no time passes behind its back."""
    bench = Bench("a", "b")
    bench.watch(2.0, names=("a", "b"), x=walk)
    bench.clock.pass_(0.1)
    bench.send("a")
    bench.send("b")
    captured = bench.line.now()
    detect = bench.detector.detect

    def slowly(frames):
        bench.clock.pass_(3.0)
        return detect(frames)

    bench.detector.detect = slowly
    bench.looker.step()
    bench.looker.step()
    looked = [r for r in bench.results[-8:] if r.looked]
    assert [r.camera for r in looked[-2:]] == ["a", "b"]
    assert looked[-1].tracks.timestamp_s == pytest.approx(captured, abs=0.01)


def test_a_new_connection_may_begin_with_another_clock():
    bench = Bench("a")
    for i in range(20):
        bench.clock.pass_(0.1)
        bench.send(own_s=5000 + i / 10, first=i == 0)
    bench.clock.pass_(3.0)
    for i in range(20):
        bench.clock.pass_(0.1)
        bench.send(own_s=i / 10, first=i == 0)
    assert bench.cameras["a"].counts.clock_jumps == 0
    bench.clock.pass_(0.1)
    bench.send(own_s=900.0)
    assert bench.cameras["a"].counts.clock_jumps == 1


def test_a_frame_that_breaks_the_detector_spoils_no_other():
    bench = Bench("a", "b", detector=SquareDetector(batch_size=2))
    bench.send("a")
    bench.send("b")
    bench.detector.fail = {1}
    bench.looker.step()
    a, b = bench.cameras["a"].counts, bench.cameras["b"].counts
    assert (a.looked, a.detector_errors) == (0, 1)
    assert (b.looked, b.detector_errors) == (1, 0)


def test_a_detector_that_always_fails_ends_the_run():
    bench = Bench("a")
    bench.detector.fail = set(range(1000))
    with pytest.raises(RuntimeError, match="broke") as caught:
        bench.watch(10.0)
    assert "20 times in a row" in caught.value.__notes__[0]


class SlowDetector(SquareDetector):
    """Takes 0.1 s a frame on the clock of the test."""

    def __init__(self, clock=None):
        super().__init__()
        self.clock = clock

    def detect(self, frames):
        self.clock.pass_(0.1 * len(frames))
        return super().detect(frames)


def test_what_the_detector_cannot_manage_is_left_out_evenly_and_fairly():
    detector = SlowDetector()
    bench = Bench("a", "b", "slow", detector=detector)
    detector.clock = bench.clock
    begin = bench.clock.now_s
    due = {"a": begin, "b": begin, "slow": begin}
    rate = {"a": 20.0, "b": 20.0, "slow": 1.0}
    looks = {name: [] for name in due}
    seen = 0
    while bench.clock.now_s < begin + 60:
        for name in due:
            while due[name] <= bench.clock.now_s:
                bench.send(name)
                due[name] += 1 / rate[name]
        if not bench.looker.step():
            bench.clock.pass_(0.005)
        for result in bench.results[seen:]:
            if result.looked:
                looks[result.camera].append(result.frame.timestamp_s)
        seen = len(bench.results)
    per_s = {name: len(times) / 60 for name, times in looks.items()}
    assert per_s["slow"] == pytest.approx(1.0, abs=0.1)
    assert per_s["a"] == pytest.approx(per_s["b"], rel=0.05)
    assert sum(per_s.values()) > 9.0
    gaps = np.diff(looks["a"][20:])
    assert np.quantile(gaps, 0.95) < 1.6 * np.median(gaps)
    late = bench.cameras["a"].counts.latency_s.spread()
    assert late.p95 < 0.21, "never later than one round"


def test_a_camera_is_looked_at_no_more_often_than_was_set():
    bench = Bench("a", max_fps=4.0)
    bench.watch(20.0, fps=15.0)
    counts = bench.cameras["a"].counts
    assert counts.looked == pytest.approx(80, abs=2)
    assert counts.looked + counts.skipped == 300
    times = [r.frame.timestamp_s for r in bench.results if r.looked]
    assert np.ptp(np.diff(times)) < 1 / 15 + 1e-3


def test_no_secret_is_in_any_result():
    from tracker.live.health import health_of

    bench = Bench("a")
    bench.watch(2.0, x=walk)
    told = str([event.to_dict() for event in bench.events])
    told += str(health_of(bench.cameras["a"], bench.line.now()))
    assert "hunter2" not in told
