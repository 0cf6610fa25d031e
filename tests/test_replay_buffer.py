"""Measurements that come late: as if they had come in time, under the ids that were shown."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import (
    AssociationConfig,
    ConstantVelocity,
    Detections,
    Event,
    InputError,
    TimeError,
    Tracker,
    TrackerConfig,
    Tracks,
)
from tracker.warp import homography

LATE = TrackerConfig(max_delay_s=1.0)
# What was seen once is continued only where boxes overlap.
OVERLAP = TrackerConfig(max_delay_s=1.0, association=AssociationConfig(young_mahalanobis2=0.0))
SIZE = (600, 600)
BOX = np.array([100.0, 100.0, 140.0, 200.0])


def as_json(state):
    return json.loads(json.dumps(state, default=lambda a: a.tolist(), allow_nan=False))


def assert_same_but_for_ids(a: Tracks, b: Tracks) -> dict[int, int]:
    """Bit for bit, whatever the ids are; which id of `b` each id of `a` has."""
    orders = [
        np.lexsort((t.detection, *t.xyxy.T, *t.covariance.reshape(len(t), 64).T)) for t in (a, b)
    ]
    one, other = a[orders[0]], b[orders[1]]
    for name in Tracks.__dataclass_fields__:
        if name != "track_id":
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    return dict(zip(one.track_id.tolist(), other.track_id.tolist(), strict=True))


def delayed(scene, rng, most_s=1.0, share=0.3):
    """The frames of a scene in the order in which they come in: some late by up to `most_s`."""
    arrival = [t + (rng.uniform(0, most_s) if rng.random() < share else 0.0) for t, _ in scene]
    return [scene[k] for k in np.argsort(arrival, kind="stable")]


# ---- as if in time -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_late_ones_give_what_order_gives(street, seed):
    """All columns at every time, the ledger and the clutter map; ids alone may differ."""
    scene = list(street(seed, 80, walkers=10, classes=3, vectors=seed % 2 == 1))
    late, order = Tracker(LATE), {t: k for k, (t, _) in enumerate(scene)}
    had, checked = set(), 0
    for time, detections in delayed(scene, np.random.default_rng(seed), 0.3, 0.2):
        tracks = late.update(detections, timestamp_s=time, image_size=SIZE)
        had.add(order[time])
        if had == set(range(len(had))) and len(had) % 3 == 0:  # a prefix of the scene, complete
            in_order = Tracker()
            for t, d in scene[: len(had)]:
                expected = in_order.update(d, timestamp_s=t, image_size=SIZE)
            names = assert_same_but_for_ids(expected, tracks)
            for inside, outside in names.items():
                assert repr(in_order.explain(inside)) == repr(late.explain(outside))
            np.testing.assert_array_equal(late._clutter.seconds(), in_order._clutter.seconds())
            assert repr(late._ground.dump()) == repr(in_order._ground.dump())
            ahead = late.predict(timestamp_s=tracks.timestamp_s + 0.2)
            assert set(ahead.track_id.tolist()) <= set(names.values())
            checked += 1
    assert checked > 3


def test_on_time_it_is_the_tracker_without_a_buffer(street):
    a, b = Tracker(), Tracker(LATE)
    for time, detections in street(3, 120):
        one, other = (t.update(detections, timestamp_s=time) for t in (a, b))
        for name in Tracks.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for track_id in one.track_id.tolist():
        assert repr(a.explain(track_id)) == repr(b.explain(track_id))


grid = st.tuples(st.integers(0, 4), st.integers(0, 2), st.sampled_from([0.2, 0.5, 0.9]))
frame = st.one_of(st.none(), st.lists(grid, max_size=4))


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(frame, st.integers(0, 6)), min_size=2, max_size=14))
def test_any_order_within_the_delay(frames):
    """Frames 0.1 s apart, each up to 0.6 s late; ids unique, ordered, new ones larger than all.

    One that had ended already when it was first worked out may be shown later, under the id it got.
    """

    def detections(rows):
        if rows is None:
            return None
        boxes = [[30 * x, 50 * y, 30 * x + 40, 50 * y + 90] for x, y, _ in rows]
        return Detections(boxes, [c for _, _, c in rows])

    times = [k / 10 for k in range(len(frames))]
    arrival = sorted(times, key=lambda t: (round(10 * t) + frames[round(10 * t)][1], t))
    late, top, shown = Tracker(LATE), 0, set()
    for time in arrival:
        given_before = {late._replay.name_of(i) for i in late._ledger.ids()}
        tracks = late.update(detections(frames[round(10 * time)][0]), timestamp_s=time)
        ids = tracks.track_id.tolist()
        assert ids == sorted(set(ids))
        assert all(i > top for i in ids if i not in shown | given_before)
        shown.update(ids)
        top = max([top, *ids])
    in_order = Tracker()
    for time in times:
        expected = in_order.update(detections(frames[round(10 * time)][0]), timestamp_s=time)
    assert_same_but_for_ids(expected, tracks)


def test_a_camera_that_moves_between():
    """The warp of the frame after the late one was from the frame before it."""
    steps = [None, [[1, 0, 7], [0, 1, 1]], [[1.02, 0, -3], [0, 1.02, 2]], [[1, 0.01, 4], [0, 1, 0]]]
    moves = [np.eye(3) if s is None else homography(s) for s in steps]
    found = [Detections([BOX + 5 * k], [0.7]) for k in range(4)]
    late, in_order = Tracker(LATE), Tracker()
    for k in (0, 1, 3, 2):
        warp = {3: moves[3] @ moves[2]}.get(k, steps[k])
        tracks = late.update(found[k], timestamp_s=k / 10, warp=warp)
    for k in range(4):
        expected = in_order.update(found[k], timestamp_s=k / 10, warp=steps[k])
    for name in ("xyxy", "velocity", "covariance", "existence", "score", "hits"):
        np.testing.assert_allclose(
            getattr(tracks, name), getattr(expected, name), rtol=1e-9, atol=1e-9
        )


def test_a_late_frame_nobody_looked_at_is_time_and_no_evidence():
    tracker = Tracker(LATE)
    for k in (0, 1, 2, 4):
        before = tracker.update(Detections([BOX], [0.8]), timestamp_s=k / 10)
    after = tracker.update(None, timestamp_s=0.3)
    assert (after.hits.tolist(), after.misses.tolist()) == (before.hits.tolist(), [0])
    assert [e.event for e in tracker.explain(1)][-2:] == [Event.NOT_LOOKED, Event.HIT]


# ---- ids -----------------------------------------------------------------------------------


def test_a_track_that_began_earlier_keeps_the_id_it_was_shown_with():
    tracker, elsewhere = Tracker(LATE), BOX + 500
    tracker.update(Detections.empty(), timestamp_s=0.0)
    shown = tracker.update(Detections([BOX, elsewhere], [0.5, 0.9]), timestamp_s=0.2)
    assert shown.track_id.tolist() == [1, 2]  # the surer one is born first
    # Only the weaker one was there before: it is born first now, and still the second by name.
    tracks = tracker.update(Detections([BOX], [0.5]), timestamp_s=0.1)
    assert tracks.track_id.tolist() == [1, 2]
    np.testing.assert_array_equal(tracks.detection, shown.detection)
    assert tracks.hits.tolist() == [1, 2]
    assert len(tracker.explain(2)) == 2
    assert tracker.update(Detections([BOX + 900], [0.5]), timestamp_s=0.3).track_id[-1] == 3
    assert tracker.predict(timestamp_s=0.4).track_id.tolist() == [1, 2, 3]


def test_what_only_the_late_frame_saw_gets_a_new_id():
    tracker = Tracker(LATE)
    for k in (0, 2, 3):
        tracker.update(Detections([BOX, BOX + 300], [0.8, 0.8]), timestamp_s=k / 10)
    late = Detections([BOX, BOX + 300, BOX + 900], [0.8, 0.8, 0.8])
    tracks = tracker.update(late, timestamp_s=0.1)
    assert tracks.track_id.tolist() == [1, 2, 3]
    assert tracks.hits.tolist() == [4, 4, 1]
    assert tracker.explain(3)[0].event == Event.BIRTH
    with pytest.raises(InputError, match=r"ids given so far: 1 to 3"):
        tracker.explain(4)


def walk(k):
    """Too fast to be linked over a missing frame while the speed is not known."""
    return Detections([BOX + np.array([16.0 * k, 0, 16.0 * k, 0])], [0.9])


def test_two_tracks_that_were_one_keep_the_id_with_more_detections():
    tracker = Tracker(OVERLAP)
    for k in (1, 3, 4, 5):
        shown = tracker.update(walk(k), timestamp_s=k / 10)
    assert shown.track_id[shown.seen].tolist() == [2]
    tracks = tracker.update(walk(0), timestamp_s=0.0)  # now the speed is known in time
    assert tracks.track_id.tolist() == [2]
    assert tracks.hits.tolist() == [5]
    assert len(tracker.explain(2)) == 5
    with pytest.raises(InputError, match=r"track 1 was not alive .* 1 to 2"):
        tracker.explain(1)
    assert tracker.update(Detections([BOX + 900], [0.9]), timestamp_s=0.6).track_id[-1] == 3


def test_a_track_that_was_there_before_the_late_frame_keeps_its_id():
    tracker = Tracker(OVERLAP)
    for k in (0, 4, 5, 6):
        shown = tracker.update(walk(k), timestamp_s=k / 10)
    assert shown.track_id[shown.seen].tolist() == [2]
    for k in (1, 2, 3):
        tracks = tracker.update(walk(k), timestamp_s=k / 10)
    assert tracks.track_id[tracks.seen].tolist() == [1]
    assert tracks.hits[tracks.seen].tolist() == [7]


def test_ids_hold_while_frames_keep_coming_late(street):
    """Every second frame comes one frame late: a walker has one id, as it has in order."""
    scene = list(street(5, 200, walkers=6))
    swapped = [scene[k ^ 1] for k in range(len(scene))]
    late, in_order = Tracker(LATE), Tracker()
    changes, pairs = 0, 0
    names: dict[int, int] = {}
    for k, (time, detections) in enumerate(swapped):
        tracks = late.update(detections, timestamp_s=time)
        if k % 2:
            for t, d in scene[k - 1 : k + 1]:
                expected = in_order.update(d, timestamp_s=t)
            now = assert_same_but_for_ids(expected, tracks)
            changes += sum(names.get(i, name) != name for i, name in now.items())
            pairs += len(set(now) & set(names))
            names |= now
    assert pairs > 1000
    assert changes <= 0.01 * pairs


# ---- what cannot be put in -----------------------------------------------------------------


def test_beyond_the_delay_it_is_an_error_and_nothing_changes():
    tracker = Tracker(LATE)
    for k in range(20):
        tracker.update(Detections([BOX], [0.8]), timestamp_s=k / 10)
    before = as_json(tracker.snapshot())
    for bad, message in [
        (0.85, r"must not lie more than max_delay_s = 1\.0 s back: got 0\.85 s after 1\.9 s"),
        (1.9, r"must not repeat: there was an update at 1\.9 s"),
        (1.3, r"must not repeat: there was an update at 1\.3 s"),
        (float("nan"), "must be finite"),
    ]:
        with pytest.raises(TimeError, match=message):
            tracker.update(Detections([BOX], [0.8]), timestamp_s=bad)
    with pytest.raises(TimeError, match="cannot predict"):
        tracker.predict(timestamp_s=1.85)
    assert as_json(tracker.snapshot()) == before
    tracker.update(Detections([BOX], [0.8]), timestamp_s=0.95)


def test_before_the_first_update():
    tracker = Tracker(LATE)
    tracker.update(Detections([BOX], [0.8]), timestamp_s=5.0)
    tracks = tracker.update(Detections([BOX], [0.8]), timestamp_s=4.8)
    assert (tracks.hits.tolist(), tracks.timestamp_s) == ([2], 5.0)
    assert tracks.age_s == pytest.approx([0.2])


def test_a_clock_that_jumps_back_further_starts_anew():
    tracker = Tracker(TrackerConfig(max_delay_s=1.0, on_backward_time="reset"))
    for k in range(30):
        tracker.update(Detections([BOX, BOX + 300], [0.8, 0.8]), timestamp_s=100 + k / 10)
    late = tracker.update(Detections([BOX, BOX + 300], [0.8, 0.8]), timestamp_s=102.55)
    assert late.track_id.tolist() == [1, 2]
    assert late.hits.tolist() == [31, 31]
    anew = tracker.update(Detections([BOX], [0.8]), timestamp_s=0.0)
    assert (anew.track_id.tolist(), anew.hits.tolist()) == ([3], [1])
    again = tracker.update(Detections([BOX], [0.8]), timestamp_s=0.2)
    assert again.track_id.tolist() == [3]
    assert tracker.update(Detections([BOX], [0.8]), timestamp_s=0.1).hits.tolist() == [3]


class Fails(ConstantVelocity):
    """A model that fails at its nth prediction from now."""

    left = 10**9

    def predict(self, state, dt_s):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("no")
        return super().predict(state, dt_s)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_an_error_while_running_again_changes_nothing(street, after):
    motion = Fails()
    tracker, other = Tracker(LATE, motion=motion), Tracker(LATE)
    scene = list(street(2, 40))
    for k, (time, detections) in enumerate(scene[:30]):
        if k != 25:
            tracker.update(detections, timestamp_s=time)
            other.update(detections, timestamp_s=time)
    motion.left = after
    with pytest.raises(RuntimeError, match="no"):
        tracker.update(scene[25][1], timestamp_s=scene[25][0])
    with pytest.raises(InputError, match="class_id"):
        tracker.update(Detections([BOX], [0.5], 9_999), timestamp_s=scene[25][0])
    for time, detections in [scene[25], *scene[30:]]:
        a = tracker.update(detections, timestamp_s=time)
        b = other.update(detections, timestamp_s=time)
        for name in Tracks.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


# ---- carrying on, memory -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_carries_the_buffer_on(street, seed):
    scene = list(street(seed, 100, classes=3, vectors=seed == 1))
    tracker, other = Tracker(LATE), None
    for k, (time, detections) in enumerate(delayed(scene, np.random.default_rng(seed))):
        if k % 30 == 29:
            before = tracker.predict(timestamp_s=1e3)
            other = Tracker.restore(as_json(tracker.snapshot()))
            np.testing.assert_array_equal(tracker.predict(timestamp_s=1e3).xyxy, before.xyxy)
        a = tracker.update(detections, timestamp_s=time, image_size=SIZE)
        if other is not None:
            b = other.update(detections, timestamp_s=time, image_size=SIZE)
            for name in Tracks.__dataclass_fields__:
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for track_id in a.track_id.tolist():
        assert repr(tracker.explain(track_id)) == repr(other.explain(track_id))


def test_memory_stays_flat():
    """Births, deaths and late frames: nothing grows with time."""
    rng = np.random.default_rng(0)
    tracker = Tracker(TrackerConfig(max_delay_s=0.5, ledger_updates=20))

    def run(first: int, last: int) -> None:
        for k in range(first, last):
            corner = rng.uniform(0, 2000, (4, 2))
            found = Detections(np.hstack([corner, corner + 40]), rng.random(4))
            tracker.update(found, timestamp_s=((k ^ 1) if k % 10 < 2 else k) / 10)

    run(0, 300)
    tracemalloc.start()
    run(300, 450)
    half = tracemalloc.get_traced_memory()[0]
    run(450, 700)
    end = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert end < half + 100_000


def test_a_clock_that_hardly_moves_eats_no_memory(monkeypatch):
    monkeypatch.setattr("tracker.replay_buffer._MOST_UPDATES", 5)
    tracker = Tracker(LATE)
    for k in range(0, 40, 2):
        tracker.update(None, timestamp_ns=k)
    tracker.update(None, timestamp_ns=31)
    with pytest.raises(TimeError, match="must not lie"):
        tracker.update(None, timestamp_ns=27)
