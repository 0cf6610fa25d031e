"""What must hold for any input: order, repetition, independence, bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import AssociationConfig, Detections, Tracker, TrackerConfig, Tracks, TrackState

PER_CLASS = TrackerConfig(association=AssociationConfig(per_class=True))
COLUMNS = tuple(Tracks.__dataclass_fields__)

# A coarse grid makes ties and equal boxes common: there the order would show.
place = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))
row = st.tuples(place, st.sampled_from([0.0, 0.1, 0.3, 0.3, 0.6, 0.9, 1.0]), st.integers(0, 2))
frame = st.one_of(st.none(), st.lists(row, max_size=8))
step = st.sampled_from([0.01, 1 / 30, 0.1, 0.5, 3.0, 20.0])
scene = st.lists(st.tuples(step, frame), min_size=1, max_size=12)


def detections_of(rows) -> Detections | None:
    if rows is None:
        return None
    xyxy = [[10.0 * x, 10.0 * y, 10.0 * (x + w), 10.0 * (y + h)] for (x, y, w, h), _, _ in rows]
    return Detections(xyxy, [c for _, c, _ in rows], [k for _, _, k in rows])


def run(frames, config=None, order=None):
    """The tracks after each frame; `order` reorders each frame's rows."""
    tracker, time, out = Tracker(config), 0.0, []
    for dt, rows in frames:
        time += dt
        rows = rows if rows is None or order is None else order(rows)
        out.append((rows, tracker.update(detections_of(rows), timestamp_s=time)))
    return out


def assert_same(a: Tracks, b: Tracks, *, but: str = "") -> None:
    for name in COLUMNS:
        if name != but:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("config", [None, PER_CLASS], ids=["agnostic", "per class"])
def test_the_order_of_detections_changes_nothing(config):
    @settings(deadline=None, max_examples=60)
    @given(scene, st.randoms(use_true_random=False))
    def check(frames, random):
        straight = run(frames, config)
        mixed = run(frames, config, lambda rows: random.sample(rows, len(rows)))
        for (rows, a), (other_rows, b) in zip(straight, mixed, strict=True):
            assert_same(a, b, but="detection")
            for mine, theirs in zip(a.detection.tolist(), b.detection.tolist(), strict=True):
                assert (mine < 0) == (theirs < 0)
                assert mine < 0 or rows[mine] == other_rows[theirs]

    check()


def test_the_order_of_class_vectors_changes_nothing():
    """Two detections that differ in nothing but their class vectors."""
    boxes, vectors = [[0, 0, 10, 20], [0, 0, 10, 20]], [[0.6, 0.3, 0.1], [0.6, 0.1, 0.3]]
    ends = []
    for order in (slice(None), slice(None, None, -1)):
        tracker = Tracker()
        for k in range(3):
            tracks = tracker.update(
                Detections(boxes, [0.6, 0.6], [0, 0], vectors[order]), timestamp_s=k / 30
            )
        ends.append(tracks)
    assert_same(*ends, but="detection")


@pytest.mark.parametrize("seed", range(3))
def test_the_order_changes_nothing_in_a_long_scene(street, seed):
    rng = np.random.default_rng(99)
    one, two = Tracker(), Tracker()
    for time, detections in street(seed, 150, walkers=15, classes=3, vectors=seed == 2):
        mixed = None if detections is None else detections[rng.permutation(len(detections))]
        a, b = one.update(detections, timestamp_s=time), two.update(mixed, timestamp_s=time)
        assert_same(a, b, but="detection")


@settings(deadline=None, max_examples=60)
@given(scene)
def test_the_same_input_gives_the_same_output(frames):
    for (_, a), (_, b) in zip(run(frames), run(frames), strict=True):
        assert_same(a, b)


def test_two_trackers_share_nothing(street):
    """Two scenes in turn, against each scene alone; ids begin at 1 in both."""
    one, two = Tracker(), Tracker()
    alone = [Tracker(), Tracker()]
    ids: tuple[set[int], set[int]] = set(), set()
    for (t1, d1), (t2, d2) in zip(street(10, 100), street(11, 100), strict=True):
        a, b = one.update(d1, timestamp_s=t1), two.update(d2, timestamp_s=t2)
        assert_same(a, alone[0].update(d1, timestamp_s=t1))
        assert_same(b, alone[1].update(d2, timestamp_s=t2))
        ids[0].update(a.track_id.tolist())
        ids[1].update(b.track_id.tolist())
    assert min(ids[0]) == min(ids[1]) == 1


@settings(deadline=None, max_examples=100)
@given(scene)
def test_what_always_holds(frames):
    known: dict[int, tuple[int, int]] = {}
    dead: set[int] = set()
    time, top = 0.0, 0
    for (dt, _), (rows, tracks) in zip(frames, run(frames), strict=True):
        time += dt
        ids = tracks.track_id.tolist()
        assert ids == sorted(set(ids))
        assert not dead & set(ids)
        dead |= set(known) - set(ids)
        assert all(i > top for i in ids if i not in known)
        top = max([top, *ids])
        for column in (tracks.existence, tracks.score):
            assert ((column > 0) & (column < 1)).all()
        for column in (tracks.xyxy, tracks.velocity, tracks.covariance):
            assert np.isfinite(column).all()
        assert (tracks.xyxy[:, 2:] >= tracks.xyxy[:, :2]).all()
        assert set(tracks.state.tolist()) <= {0, 1, 2}
        assert not (tracks.coasting & tracks.seen).any()
        assert not ((tracks.state == TrackState.CONFIRMED) & ~tracks.seen).any()
        np.testing.assert_allclose(tracks.class_probabilities.sum(axis=1), 1.0)
        assert (tracks.gap_s[tracks.seen] == 0).all()
        assert (tracks.gap_s <= tracks.age_s + 1e-9).all()
        # Every detection belongs to exactly one track, and every one that is left starts one.
        rows_seen = sorted(tracks.detection[tracks.seen].tolist())
        assert rows_seen == list(range(len(rows or [])))
        for i, hits, misses in zip(ids, tracks.hits.tolist(), tracks.misses.tolist(), strict=True):
            before = known.get(i, (0, 0))
            grown = (hits - before[0], misses - before[1])
            assert grown in ([(0, 0)] if rows is None else [(1, 0), (0, 1)])
        counts = np.column_stack([tracks.hits, tracks.misses]).tolist()
        known = {i: (hits, misses) for i, (hits, misses) in zip(ids, counts, strict=True)}


@settings(deadline=None, max_examples=40)
@given(scene, st.integers(1, 5))
def test_what_a_caller_does_to_its_result_changes_nothing(frames, every):
    """Writing into returned columns is refused or harmless."""
    tracker, time = Tracker(), 0.0
    for k, ((dt, rows), (_, expected)) in enumerate(zip(frames, run(frames), strict=True)):
        time += dt
        tracks = tracker.update(detections_of(rows), timestamp_s=time)
        assert_same(tracks, expected)
        if k % every == 0:
            for name in COLUMNS:
                column = getattr(tracks, name)
                if isinstance(column, np.ndarray) and column.flags.writeable:
                    column[...] = 1
