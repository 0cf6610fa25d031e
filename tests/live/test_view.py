"""What watchers see: the newest picture, lives of tracks, in bounded memory."""

import numpy as np
import pytest

from tests.live.fakes import picture
from tests.live.test_system import Bench, scene, walk
from tests.made import made_tracks
from tracker import Frame
from tracker.live.view import CameraView, Life, Moment, crop_of, from_jpeg
from tracker.tracks import Tracks


def test_the_newest_picture_is_drawn_once_and_in_the_size_asked_for():
    bench = Bench("a")
    bench.watch(2.0, x=walk)
    view = bench.cameras["a"].view
    jpeg = view.annotated_jpeg()
    assert view.annotated_jpeg() is jpeg
    image = from_jpeg(jpeg)
    assert image.shape == (48, 64, 3)
    frame, tracks = view.newest()
    assert not np.array_equal(image, frame.image)
    assert len(tracks) == 1
    assert from_jpeg(view.annotated_jpeg(most_px=32)).shape == (24, 32, 3)
    bench.watch(0.2, x=walk)
    assert view.annotated_jpeg() is not jpeg


def test_before_the_first_picture_there_is_none():
    view = CameraView(["person"])
    assert view.newest() is None
    assert view.annotated_jpeg() is None
    assert view.lives() == []
    assert view.counts() == {"tentative": 0, "confirmed": 0, "coasting": 0, "lost": 0}


def test_a_life_has_its_looks_and_its_peak_and_its_picture():
    bench = Bench("a")
    bench.watch(2.0, x=walk)
    for _ in range(40):
        bench.clock.pass_(0.05)
        bench.looker.step()
    bench.clock.pass_(0.1)
    bench.send(image=picture(77))
    bench.looker.step()
    (life,) = bench.cameras["a"].view.lives()
    looks = [moment.look for moment in life.moments]
    assert looks[:20] == ["hit"] * 20
    assert set(looks[20:-1]) == {"wait"}
    assert looks[-1] == "miss"
    assert life.peak == max(moment.earned for moment in life.moments) > 0.8
    assert from_jpeg(life.crop).shape[2] == 3
    assert bench.cameras["a"].view.life(999) is None
    assert bench.cameras["a"].view.lives(since_s=bench.line.now() + 1) == []


def test_moments_are_thinned_evenly():
    life = Life(1, 0, 0.0, 0.0)
    for i in range(10_000):
        life.add(Moment(i / 10, 0.5, 0.4, "hit"))
    times = [moment.timestamp_s for moment in life.moments]
    assert 100 <= len(times) <= 240
    gaps = np.diff(times)
    assert gaps.max() <= 2.01 * gaps.min()
    assert times[-1] > 980


def test_lives_are_bounded_in_number_and_age():
    view = CameraView(["person"], crop_px=0)
    frame = Frame(scene(1), 0.0, 0)
    for i in range(3000):
        tracks = made_tracks([i + 1], timestamp_s=float(i), existence=0.5 if i % 2 else 0.01)
        view.update(frame, tracks, looked=True)
    lives = view.lives()
    assert len(lives) <= 1002
    assert min(life.track_id for life in lives) > 900
    assert sum(life.peak < 0.05 for life in lives) <= 1, "noise is not remembered"
    view.update(frame, Tracks.empty(3000.0 + 3700.0), looked=True)
    assert view.lives() == []


@pytest.mark.parametrize("box", [[-50, -50, -10, -10], [70, 10, 90, 30], [5, 5, 5.2, 5.2]])
def test_a_box_outside_has_no_picture(box):
    assert crop_of(scene(1), np.array(box, float), 256, 0.0) is None
