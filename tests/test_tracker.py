"""The tracker as its user meets it, with the default settings unless a test says otherwise."""

import itertools
import json
import math
import tracemalloc

import numpy as np
import pytest

from tests.comparing import assert_same
from tracker import (
    Detections,
    Event,
    InputError,
    TimeError,
    Tracker,
    TrackerConfig,
)
from tracker.motion import ConstantVelocity

BOX = np.array([100.0, 100.0, 140.0, 200.0])


# ---- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0.5, 1.0, -3.0, math.nan, math.inf])
def test_a_bad_time_leaves_the_tracker_as_it_was(street, bad):
    scene = list(street(1, 30))
    one, two = Tracker(), Tracker()
    times = [t - scene[14][0] + 1.0 for t, _ in scene]  # frame 14 is at 1.0 s
    for k, (_, detections) in enumerate(scene):
        a = one.update(detections, timestamp_s=times[k])
        if k == 14:
            with pytest.raises(TimeError, match=r"timestamp_s must"):
                one.update(Detections([BOX], [0.9]), timestamp_s=bad)
        assert_same(a, two.update(detections, timestamp_s=times[k]))


def test_a_reset_drops_the_tracks_and_keeps_the_ids_going():
    tracker = Tracker(TrackerConfig(on_backward_time="reset"))
    for k in range(30):
        before = tracker.update(Detections([BOX], [0.8]), timestamp_s=100 + k / 30)
    after = tracker.update(Detections([BOX], [0.8]), timestamp_s=0.0)
    assert (before.track_id.tolist(), after.track_id.tolist()) == ([1], [2])
    assert after.age_s.tolist() == [0.0]
    assert after.hits.tolist() == [1]
    assert [e.timestamp_s for e in tracker.explain(1)] == [100 + k / 30 for k in range(30)]
    assert [e.event for e in tracker.explain(2)] == [Event.BIRTH]
    with pytest.raises(TimeError):
        tracker.update(None, timestamp_s=math.nan)
    assert tracker.update(Detections([BOX], [0.8]), timestamp_s=0.1).track_id.tolist() == [2]
    tracker.reset()
    with pytest.raises(InputError, match="not alive"):
        tracker.explain(1)


class Failing(ConstantVelocity):
    """A motion model that fails when it is told to."""

    fails = False

    def birth(self, cxcywh, confidence):
        if self.fails and len(cxcywh):
            raise ArithmeticError("no such box")
        return super().birth(cxcywh, confidence)


@pytest.mark.parametrize("max_delay_s", [0.0, 0.5])
def test_a_reset_whose_update_fails_changes_nothing(street, max_delay_s):
    config = TrackerConfig(on_backward_time="reset", max_delay_s=max_delay_s)
    motion = Failing(config.motion)
    one, two = Tracker(config, motion=motion), Tracker(config)
    scene = list(street(4, 60))
    for k, (time, detections) in enumerate(scene):
        a = one.update(detections, timestamp_s=time)
        if k == 30:
            motion.fails = True
            with pytest.raises(ArithmeticError):
                one.update(Detections([BOX], [0.9]), timestamp_s=-100.0)
            motion.fails = False
            with pytest.raises(InputError, match="too large"):
                one.update(Detections([BOX], [0.9], 999_999), timestamp_s=-100.0)
        np.testing.assert_array_equal(a.xyxy, two.update(detections, timestamp_s=time).xyxy)
        np.testing.assert_array_equal(a.track_id, two.predict(timestamp_s=time).track_id)
    alive = a.track_id.tolist()
    assert alive
    for track_id in alive:
        assert repr(one.explain(track_id)) == repr(two.explain(track_id))
    # And when it works, what was before can still be explained.
    after = one.update(Detections([BOX], [0.9]), timestamp_s=-100.0)
    assert after.track_id[0] > max(alive)
    for track_id in alive:
        assert repr(one.explain(track_id)) == repr(two.explain(track_id))


@pytest.mark.parametrize("start", [0.0, 1.7e9])
def test_any_clock_will_do(start):
    """Seconds since 1970 have rounding of 2e-7 s; nothing may depend on it."""
    tracker = Tracker()
    for k in range(90):
        tracks = tracker.update(
            Detections([BOX + k], [0.5 if k % 3 else 0.9]), timestamp_s=start + k / 30
        )
    assert tracks.track_id.tolist() == [1]
    assert tracks.age_s == pytest.approx([89 / 30], abs=1e-6)
    np.testing.assert_allclose(tracks.velocity, [[30.0, 30.0]], atol=1.5)


EPOCH_NS = 1_795_325_445_123_456_789  # since 1970; as float64 seconds 200 ns are lost


def test_a_time_since_1970_in_nanoseconds_loses_nothing(street):
    """The same scene at two starts, bit for bit; and in seconds, where they can hold it."""
    trackers = [Tracker(), Tracker(), Tracker()]
    for time, detections in street(3, 120):
        ns = round(time * 1e9)
        a, b, c = (
            t.update(detections, **when)
            for t, when in zip(
                trackers,
                ({"timestamp_ns": ns}, {"timestamp_ns": EPOCH_NS + ns}, {"timestamp_s": ns / 1e9}),
                strict=True,
            )
        )
        assert_same(a, b, but=("timestamp_s", "timestamp_ns"))
        assert_same(a, c)
        assert b.timestamp_ns == EPOCH_NS + ns
        assert trackers[1].predict(timestamp_ns=EPOCH_NS + ns + 1).timestamp_ns == EPOCH_NS + ns + 1
    with pytest.raises(TimeError, match="timestamp_s must increase"):
        trackers[1].update(None, timestamp_ns=EPOCH_NS + ns)


def test_one_nanosecond_is_a_step():
    tracker = Tracker()
    for k in range(3):
        tracks = tracker.update(Detections([BOX], [0.9]), timestamp_ns=EPOCH_NS + k)
    assert tracks.age_s.tolist() == [2e-9]
    other = Tracker.restore(
        json.loads(json.dumps(tracker.snapshot(), default=lambda a: a.tolist()))
    )
    assert other.update(None, timestamp_ns=EPOCH_NS + 3).gap_s == pytest.approx([1e-9], rel=1e-9)


def test_exactly_one_time():
    with pytest.raises(TimeError, match="timestamp_s must be given, in seconds, or timestamp_ns"):
        Tracker().update(None)
    with pytest.raises(TimeError, match="must not be given beside"):
        Tracker().predict(timestamp_s=1.0, timestamp_ns=10**9)


def test_after_a_very_long_gap_it_is_somebody_else():
    tracker = Tracker()
    tracker.update(Detections([BOX], [0.9]), timestamp_s=0.0)
    assert len(tracker.predict(timestamp_s=3600.0)) == 0
    tracks = tracker.update(Detections([BOX], [0.9]), timestamp_s=1e9)
    assert tracks.track_id.tolist() == [2]
    assert tracker.explain(1)[-1].event == Event.DEAD
    assert np.isfinite(tracks.covariance).all()
    assert np.isfinite(tracks.xyxy).all()
    later = tracker.predict(timestamp_s=3e9)
    assert ((later.existence > 0) & (later.existence < 1)).all()


# ---- predict -------------------------------------------------------------------------------


def test_predict_changes_nothing(street):
    asked, left = Tracker(), Tracker()
    for time, detections in street(2, 80):
        a = asked.update(detections, timestamp_s=time)
        for ahead in (0.0, 0.3, 7.0):
            asked.predict(timestamp_s=time + ahead)
        assert_same(a, left.update(detections, timestamp_s=time))


def test_predicted_boxes_move_on_and_are_less_certain():
    tracker = Tracker()
    for k in range(60):
        now = tracker.update(Detections([BOX + k], [0.5]), timestamp_s=k / 30)
    at_once, later, latest = (tracker.predict(timestamp_s=59 / 30 + d) for d in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(at_once.xyxy, now.xyxy)
    np.testing.assert_allclose(latest.xyxy, now.xyxy + np.tile(now.velocity, 2), atol=1e-9)
    for a, b in itertools.pairwise([at_once, later, latest]):
        grown = b.covariance[0] - a.covariance[0]
        assert np.linalg.eigvalsh(grown[:4, :4]).min() > 0
        assert b.existence < a.existence
        assert b.score < a.score
    assert later.detection.tolist() == [-1]
    assert later.timestamp_s == 59 / 30 + 0.5
    with pytest.raises(TimeError, match="cannot predict"):
        tracker.predict(timestamp_s=1.0)


def test_predict_before_the_first_update():
    assert len(Tracker().predict(timestamp_s=3.0)) == 0


# ---- crowds, silence, memory ---------------------------------------------------------------


def test_nothing_seen_for_hours():
    tracker = Tracker()
    tracker.update(Detections([BOX], [0.9]), timestamp_s=0.0)
    for k in range(1, 10_001):
        tracks = tracker.update(Detections.empty(), timestamp_s=float(k))
    assert len(tracks) == 0
    assert tracks.covariance.shape == (0, 8, 8)
    born = tracker.update(Detections([BOX], [0.9]), timestamp_s=10_001.0)
    assert born.track_id.tolist() == [2]


def test_five_thousand_detections_in_a_frame():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 4000, (5000, 2))
    boxes = np.hstack([corner, corner + rng.uniform(10, 60, (5000, 2))])
    tracker = Tracker()
    first = tracker.update(Detections(boxes, rng.random(5000)), timestamp_s=0.0)
    second = tracker.update(Detections(boxes, rng.random(5000)), timestamp_s=1 / 30)
    assert len(first) == 5000
    assert len(second) == second.track_id[-1]
    assert (second.hits[:5000] == 2).mean() > 0.9


def test_identical_and_empty_boxes():
    same = Detections([BOX, BOX, BOX, [5, 5, 5, 5], [7, 7, 7, 30]], [0.5] * 5)
    tracker = Tracker()
    for k in range(20):
        tracks = tracker.update(same, timestamp_s=k / 30)
    assert np.isfinite(tracks.xyxy).all()
    assert np.isfinite(tracks.score).all()
    assert (tracks.hits[:3] == 20).all()


def test_memory_stays_flat():
    """5,000 updates with births and deaths: no growth with frames or dead tracks."""
    rng = np.random.default_rng(0)
    tracker = Tracker()

    def run(first: int, last: int) -> None:
        for k in range(first, last):
            corner = rng.uniform(0, 2000, (4, 2))
            tracker.update(
                Detections(np.hstack([corner, corner + 40]), rng.random(4)), timestamp_s=k / 10
            )

    run(0, 2000)
    tracemalloc.start()
    run(2000, 3500)
    half = tracemalloc.get_traced_memory()[0]
    run(3500, 5000)
    end = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert tracker.predict(timestamp_s=500.0).track_id[-1] > 15_000
    assert end < half + 200_000
