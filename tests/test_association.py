import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import Detections, Tracker, association, kernels
from tracker.association import Pairs, assign, cascade


def pairs_of(value, tier=None) -> Pairs:
    """The pairs of a matrix where it is above 0; `tier` is a matrix too."""
    value = np.asarray(value, float)
    t, d = np.nonzero(value)
    return Pairs(t, d, value[t, d], np.zeros(len(t), int) if tier is None else tier[t, d])


def listed(*rows: tuple[int, int, float, int]) -> Pairs:
    """Pairs as rows of track, detection, similarity, tier."""
    t, d, value, tier = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(t, d, value, tier)


def best_total(value) -> float:
    """Every way to give each row a column or nothing."""
    n, m = value.shape
    wide = np.hstack([value, np.zeros((n, n))])
    return max(
        sum(wide[i, j] for i, j in enumerate(columns))
        for columns in itertools.permutations(range(m + n), n)
    )


def check_disjoint(value, t, d):
    assert len(set(t.tolist())) == len(t) == len(set(d.tolist()))
    assert (value[t, d] > 0).all()


@st.composite
def small_values(draw):
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    cell = st.one_of(st.just(0.0), st.floats(0.01, 1.5))
    return np.array(draw(st.lists(cell, min_size=n * m, max_size=n * m))).reshape(n, m)


@given(small_values())
@settings(deadline=None)
def test_assignment_is_the_best_of_all(value):
    if value.any():
        t, d = assign(pairs_of(value))
        check_disjoint(value, t, d)
        assert value[t, d].sum() == pytest.approx(best_total(value), abs=1e-12)


def test_the_sparse_solver_is_as_good(monkeypatch):
    @given(small_values())
    @settings(deadline=None)
    def check(value):
        if value.any():
            t, d = assign(pairs_of(value))
            check_disjoint(value, t, d)
            assert value[t, d].sum() == pytest.approx(best_total(value), abs=1e-9)

    monkeypatch.setattr(association, "_DENSE_CELLS", -1)
    check()


@pytest.mark.parametrize(("n", "m", "share"), [(300, 200, 0.02), (150, 400, 0.3), (250, 250, 1.0)])
def test_both_solvers_agree_on_large_contested_sets(monkeypatch, n, m, share):
    rng = np.random.default_rng(n)
    value = rng.uniform(0.1, 1.3, (n, m)) * (rng.random((n, m)) < share)
    results = []
    for cells in (n * m, -1):
        monkeypatch.setattr(association, "_DENSE_CELLS", cells)
        t, d = assign(pairs_of(value))
        check_disjoint(value, t, d)
        results.append(sorted(zip(t.tolist(), d.tolist(), strict=True)))
    assert results[0] == results[1]


def test_a_lower_tier_chooses_first():
    # Both tracks want detection 0; the unbelieved one overlaps far more.
    assert cascade(listed((0, 0, 0.9, 2), (1, 0, 0.3, 0)), 2, 1).tolist() == [-1, 0]
    assert cascade(listed((0, 0, 0.9, 0), (1, 0, 0.3, 0)), 2, 1).tolist() == [0, -1]


def test_what_a_tier_leaves_goes_to_the_next():
    # Track 0 (believed) takes strong detection 0, although weak 1 overlaps more; 1 takes the rest.
    pairs = listed((0, 0, 0.4, 0), (0, 1, 0.9, 1), (1, 0, 0.8, 2), (1, 1, 0.2, 3))
    assert cascade(pairs, 2, 2).tolist() == [0, 1]


def test_a_track_is_matched_in_one_tier_only():
    assert cascade(listed((0, 0, 0.5, 0), (0, 1, 0.9, 1), (1, 1, 0.1, 1)), 2, 2).tolist() == [0, 1]


def test_a_pair_without_rivals_is_matched_whatever_its_tier():
    assert cascade(listed((0, 1, 0.1, 3), (2, 0, 0.1, 0)), 3, 2).tolist() == [1, -1, 0]


def test_no_pairs():
    nothing = pairs_of(np.zeros((3, 2)))
    assert cascade(nothing, 3, 0).tolist() == [-1, -1, -1]
    assert cascade(nothing, 0, 2).tolist() == []


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_a_cascade_is_its_tiers_one_after_the_other(seed):
    """Against a plain loop that solves each tier by brute force on what is left."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 4, 2)
    value = rng.uniform(0.1, 1.0, (n, m)) * (rng.random((n, m)) < 0.7)
    if not value.any():
        return
    doubted, weak = rng.integers(0, 2, n), rng.integers(0, 2, m)
    tier = 2 * doubted[:, None] + weak[None]
    matched = cascade(pairs_of(value, tier), int(n), int(m))
    left = value.copy()
    for level in range(4):
        now = np.where(tier == level, left, 0.0)
        t = np.flatnonzero((matched >= 0) & (now.max(axis=1, initial=0) > 0))
        t = t[now[t, matched[t]] > 0]
        assert value[t, matched[t]].sum() == pytest.approx(best_total(now), abs=1e-12)
        left[t] = 0.0
        left[:, matched[t]] = 0.0
    taken = matched[matched >= 0]
    assert len(set(taken.tolist())) == len(taken)


@pytest.mark.parametrize(("hz", "heights"), [(10.0, 3.0), (5.0, 2.0)])
@pytest.mark.parametrize("confidence", [0.7, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_what_moves_fast_for_the_frame_rate_is_one_track(hz, heights, confidence, seed):
    """A box 0.4 heights wide that moves 0.3 or 0.4 heights from frame to frame."""
    rng = np.random.default_rng(seed)
    tracker, way = Tracker(), 100.0 * heights / hz
    for k in range(20):
        x, y = way * k + rng.normal(0, 3), rng.normal(0, 3)
        box = [x, 100 + y, x + 40, 200 + y]
        tracks = tracker.update(Detections([box], [confidence]), timestamp_s=k / hz)
        assert tracks.track_id.tolist() == [1]
    assert tracks.velocity[0, 0] == pytest.approx(100.0 * heights, rel=0.15)


def test_distance_alone_is_for_strong_ones_without_rivals():
    def second(boxes, confidence, first=0.9):
        tracker = Tracker()
        tracker.update(Detections([[0, 0, 40, 100]], [first]), timestamp_s=0.0)
        found = Detections(boxes, [confidence] * len(boxes))
        tracks = tracker.update(found, timestamp_s=0.2)
        return tracks.hits[0] == 2

    near, other, low = [42, 0, 82, 100], [-42, 0, -2, 100], [42, 45, 82, 100]
    assert second([near], 0.9)
    assert not second([near], 0.5)
    assert not second([near], 0.9, first=0.5)
    assert not second([near, other], 0.9)  # which of the two?
    assert not second([low], 0.9)  # another height
    assert not second([[300, 0, 340, 100]], 0.9)  # too far


# ---- crowds --------------------------------------------------------------------------------


def mutual(n, frames=2):
    """A tracker's results on boxes that all overlap all others."""
    rng = np.random.default_rng(0)
    tracker, out = Tracker(), []
    for k in range(frames):
        corner = rng.uniform(0, 10, (n, 2))
        found = Detections(np.hstack([corner, corner + 100]), rng.uniform(0.05, 1, n))
        out.append(tracker.update(found, timestamp_s=k / 30))
    return out


PATHS = [None] if kernels.native is None else [None, kernels.native]


@pytest.mark.parametrize("native", PATHS, ids=lambda n: "numpy" if n is None else "compiled")
def test_a_crowd_is_associated_alike_in_shares_of_any_size(monkeypatch, native):
    monkeypatch.setattr(kernels, "native", native)
    whole = mutual(150)
    for name in ("tracker.boxes", "tracker.association"):
        monkeypatch.setattr(f"{name}.MOST_AT_ONCE", 1000)
    monkeypatch.setattr(association, "_CROWD", 1)
    for a, b in zip(whole, mutual(150), strict=True):
        for name in ("track_id", "detection", "xyxy", "existence"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (whole[1].detection >= 0).sum() == 150


@pytest.mark.parametrize("native", PATHS, ids=lambda n: "numpy" if n is None else "compiled")
def test_a_crowd_is_associated_in_bounded_memory(monkeypatch, native):
    """At most 70 bytes for each of the pairs that are all candidates, beside one share's worth."""
    n, share = 600, 2**13
    monkeypatch.setattr(kernels, "native", native)
    for name in ("tracker.boxes", "tracker.association"):
        monkeypatch.setattr(f"{name}.MOST_AT_ONCE", share)
    monkeypatch.setattr(association, "_CROWD", 1)
    mutual(5)  # what is made once
    tracemalloc.start()
    try:
        _, second = mutual(n)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(second) >= n
    assert peak < 70 * n * n + 400 * share + 5_000_000
