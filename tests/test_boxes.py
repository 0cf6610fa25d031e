import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import boxes
from tracker.boxes import clip, cxcywh_to_xyxy, iou_matrix, overlapping_pairs, xyxy_to_cxcywh

# Few different coordinates: shared edges, equal and empty boxes come up all the time.
corner = st.integers(0, 6)
box = st.tuples(corner, corner, corner, corner).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
box_list = st.lists(box, max_size=12).map(lambda b: np.array(b, float).reshape(-1, 4))


def iou_by_hand(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def random_boxes(rng, n, span=300.0):
    low = rng.uniform(0, span, (n, 2))
    size = rng.exponential(25, (n, 2)) * (rng.random((n, 1)) > 0.05)
    return np.hstack([low, low + size])


@given(box_list)
def test_centre_form_and_back(xyxy):
    np.testing.assert_allclose(cxcywh_to_xyxy(xyxy_to_cxcywh(xyxy)), xyxy, atol=1e-12)


def test_a_negative_size_counts_as_zero():
    assert cxcywh_to_xyxy(np.array([[10.0, 20.0, -4.0, 6.0]])).tolist() == [[10, 17, 10, 23]]


def test_clip_keeps_what_is_inside():
    given_boxes = np.array([[-5.0, -5.0, 5.0, 5.0], [1.0, 2.0, 3.0, 4.0], [90.0, 90.0, 99.0, 99.0]])
    assert clip(given_boxes, 50, 40).tolist() == [[0, 0, 5, 5], [1, 2, 3, 4], [50, 40, 50, 40]]


@given(box_list, box_list)
def test_iou_matrix_against_the_definition(a, b):
    expected = np.array([[iou_by_hand(p, q) for q in b] for p in a]).reshape(len(a), len(b))
    np.testing.assert_allclose(iou_matrix(a, b), expected, atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_none_on_a_side(n, m):
    a, b = np.zeros((n, 4)), np.zeros((m, 4))
    assert iou_matrix(a, b).shape == (n, m)
    i, j, iou = overlapping_pairs(a, b, np.full(m, 0.1))
    assert len(i) == len(j) == len(iou) == 0
    assert cxcywh_to_xyxy(xyxy_to_cxcywh(a)).shape == (n, 4)


def pairs_both_ways(monkeypatch, a, b, least):
    """All with all, and swept."""
    monkeypatch.setattr(boxes, "_DENSE_LIMIT", len(a) * len(b) + 1)
    dense = overlapping_pairs(a, b, least)
    monkeypatch.setattr(boxes, "_DENSE_LIMIT", -1)
    return dense, overlapping_pairs(a, b, least)


@pytest.mark.parametrize("seed", range(30))
def test_sweeping_finds_what_comparing_all_finds(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    a, b = (random_boxes(rng, rng.integers(1, 150)) for _ in range(2))
    b[: len(b) // 4] = a[rng.integers(0, len(a), len(b) // 4)]  # equal ones
    dense, swept = pairs_both_ways(monkeypatch, a, b, rng.uniform(0.05, 0.6, len(b)))
    for x, y in zip(dense, swept, strict=True):
        np.testing.assert_array_equal(x, y)


def test_sweeping_degenerate_boxes(monkeypatch):
    @settings(deadline=None)
    @given(box_list, box_list, st.floats(0.01, 1.0))
    def check(a, b, least):
        if len(a) and len(b):
            dense, swept = pairs_both_ways(monkeypatch, a, b, np.full(len(b), least))
            for x, y in zip(dense, swept, strict=True):
                np.testing.assert_array_equal(x, y)

    check()


def test_many_boxes_are_swept_by_default():
    rng = np.random.default_rng(0)
    a = random_boxes(rng, 1500, span=5000.0)
    i, j, iou = overlapping_pairs(a, a, np.full(len(a), 1.0))
    real = (a[:, 2:] > a[:, :2]).all(axis=1)
    assert set(np.flatnonzero(real)) <= set(i[i == j])
    assert (iou >= 1.0).all()


def crowd(n: int, seed: int = 0) -> np.ndarray:
    """Boxes that all overlap all others."""
    corner = np.random.default_rng(seed).uniform(0, 10, (n, 2))
    return np.hstack([corner, corner + 100])


@pytest.mark.parametrize("at_once", [1, 7, 1000, 20_000])
def test_shares_of_any_size_find_the_same(monkeypatch, at_once):
    rng = np.random.default_rng(0)
    a = np.vstack([crowd(60), random_boxes(rng, 80)])
    b = np.vstack([random_boxes(rng, 70), crowd(50, 1)])
    whole = overlapping_pairs(a, b, np.full(len(b), 0.3))
    monkeypatch.setattr(boxes, "MOST_AT_ONCE", at_once)
    runs = list(boxes.overlapping_runs(a, b, np.full(len(b), 0.3)))
    assert (len(runs) > 1) == (at_once <= 1000)
    for x, y in zip(whole, overlapping_pairs(a, b, np.full(len(b), 0.3)), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_crowd_is_compared_in_bounded_memory(monkeypatch):
    """Beside the pairs found (24 bytes each) not more than one share's worth."""
    monkeypatch.setattr(boxes, "MOST_AT_ONCE", 2**15)
    a = crowd(1200)
    tracemalloc.start()
    try:
        found = sum(len(i) for i, _, _ in boxes.overlapping_runs(a, a, np.full(len(a), 0.2)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == len(a) ** 2
    assert peak < 250 * 2**15
