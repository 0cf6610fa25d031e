"""Streams, smoothed some time later."""

import numpy as np
import pytest

from tracker import (
    Detections,
    InputError,
    ScoreConfig,
    SmoothingConfig,
    Tracker,
    TrackerConfig,
)
from tracker.smoothing import LagSmoother, smooth


def late(scene, lag_s: float, config: TrackerConfig | None = None):
    """All frames of a scene, and how many had come by the time each was taken in."""
    tracker, smoother, out, counts = Tracker(config), LagSmoother(config, lag_s=lag_s), [], []
    for time, detections in scene:
        out += smoother.add(detections, tracker.update(detections, timestamp_s=time))
        counts.append(len(out))
    return out + smoother.flush(), counts


@pytest.mark.parametrize("fps", [10.0, 30.0])
def test_frames_come_as_late_as_was_said(walk, fps: float) -> None:
    frames, counts = late(walk(30, fps=fps), 0.5)
    wait = round(0.5 * fps)
    assert counts == [max(0, k + 1 - wait) for k in range(30)]
    assert [t.timestamp_s for t in frames] == [k / fps for k in range(30)]


def test_a_lag_longer_than_the_video_is_the_whole_video(record, street) -> None:
    """But for what needs the end of a track first: ids are not joined, and no box is added."""
    config = TrackerConfig(smoothing=SmoothingConfig(stitch_gap_s=0.0))
    scene = list(street(4, 60))
    whole = smooth(record(scene, config)[0], config)
    frames, _ = late(scene, 60.0, config)
    assert len(frames) == len(whole) == 60
    compared = 0
    for a, b in zip(frames, whole, strict=True):
        # A whole recording ends a track where its existence ends; a stream where the tracker does.
        both = np.intersect1d(a.track_id[a.hits > 0], b.track_id[b.hits > 0])
        a, b = a[np.isin(a.track_id, both)], b[np.isin(b.track_id, both)]
        assert set(b.track_id[b.seen]) == set(a.track_id[a.seen])
        seen = a.seen
        np.testing.assert_allclose(a.existence[seen], b.existence[seen], rtol=1e-5)
        np.testing.assert_allclose(a.score[seen], b.score[seen], rtol=1e-5)
        np.testing.assert_allclose(a.xyxy[seen], b.xyxy[seen], atol=1e-3)
        compared += int(seen.sum())
    assert compared > 200


def test_a_flicker_is_doubted_and_an_object_believed_earlier(walk) -> None:
    scene = list(walk(60, confidence=0.8, seen=lambda k: k >= 10, flicker=(30,)))
    earned = TrackerConfig(score=ScoreConfig(consistent=False))
    tracker = Tracker(earned)
    online = [tracker.update(d, timestamp_s=t) for t, d in scene]
    frames, _ = late(scene, 0.5, earned)
    assert online[10].existence[0] < 0.1
    assert frames[10].existence[0] > 0.5
    since = [next(k for k, t in enumerate(f) if t.believed.any()) for f in (online, frames)]
    assert since[1] <= since[0] - 5
    flicker = frames[30].existence[frames[30].track_id == 2][0]
    assert flicker < 0.6 * online[30].existence[online[30].track_id == 2][0]


def test_memory_is_that_of_the_lag(walk) -> None:
    tracker, smoother = Tracker(), LagSmoother(lag_s=0.5)
    for time, detections in walk(120):
        smoother.add(detections, tracker.update(detections, timestamp_s=time))
        assert len(smoother) <= 16
    assert len(smoother._now) < 16 + 30 * TrackerConfig().smoothing.margin_s + 3


def test_a_clock_that_runs_back_begins_anew(walk) -> None:
    tracker = Tracker(TrackerConfig(on_backward_time="reset"))
    smoother = LagSmoother(lag_s=0.5)
    scene = list(walk(20))
    out = []
    for shift in (100.0, 0.0):
        for time, detections in scene:
            out += smoother.add(detections, tracker.update(detections, timestamp_s=time + shift))
    out += smoother.flush()
    assert [t.timestamp_s for t in out] == [t + s for s in (100.0, 0.0) for t, _ in scene]


def test_a_pan_and_frames_nobody_looked_at() -> None:
    tracker, smoother, out = Tracker(), LagSmoother(lag_s=0.5), []
    pan = [[1.0, 0, -10], [0, 1, 0]]
    for k in range(40):
        x = 500 - 10 * k
        detections = None if 15 <= k < 22 else Detections([[x, 20, x + 40, 120]], [0.8])
        warp = pan if k else None
        tracks = tracker.update(detections, timestamp_s=k / 30, warp=warp)
        out += smoother.add(detections, tracks, warp=warp)
    out += smoother.flush()
    for k, tracks in enumerate(out):
        assert abs(tracks.xyxy[0, 0] - (500 - 10 * k)) < 2
        assert tracks.misses[0] == 0


@pytest.mark.parametrize("lag_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_lag_must_be_a_time(lag_s: float) -> None:
    with pytest.raises(InputError, match="lag_s must be above 0"):
        LagSmoother(lag_s=lag_s)


@pytest.mark.parametrize("lag_s", [1e-9, 5e-7, 1e-6, 1.5e-6])
def test_the_shortest_lags_wait_for_one_frame(walk, lag_s: float) -> None:
    frames, counts = late(walk(10), lag_s)
    assert len(frames) == 10
    assert counts == list(range(10))


def test_only_evidence_is_smoothed() -> None:
    with pytest.raises(InputError, match="for the fuser 'evidence', not 'ema'"):
        LagSmoother(TrackerConfig(fuser="ema"))
