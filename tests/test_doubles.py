import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import Detections, DoublesConfig, Tracker
from tracker.boxes import iou_matrix
from tracker.doubles import against_doubles
from tracker.observation import observe

CONFIG = DoublesConfig(weight=2.0, iou=0.2)
BOX = [100.0, 100.0, 140.0, 200.0]


def by_row(xyxy, confidence, class_id=0, config=CONFIG):
    """What speaks against each box, in the order given."""
    frame = observe(Detections(xyxy, confidence, class_id))
    out = np.empty(len(frame))
    out[frame.source] = against_doubles(frame, config)
    return out


def brute_force(xyxy, confidence, class_id, config):
    """The docstring of `against_doubles`, one pair at a time."""
    overlap = iou_matrix(np.asarray(xyxy, float), np.asarray(xyxy, float))
    sure = [math.log(c / (1 - c)) for c in np.clip(confidence, 1e-3, 1 - 1e-3)]
    out = []
    for b in range(len(xyxy)):
        lost = [0.0]
        for a in range(len(xyxy)):
            surer = sure[a] - sure[b]
            if surer > 0 and class_id[a] == class_id[b]:
                share = overlap[a, b] * min(surer / 2, 1)
                lost.append(config.weight * max(0, (share - config.iou) / (1 - config.iou)))
        out.append(max(lost))
    return out


def test_by_hand():
    """The same box twice: all of the weight from a difference of 2 on, a part below."""
    much, less = 1 / (1 + math.exp(-2.0)), 1 / (1 + math.exp(-1.0))
    np.testing.assert_allclose(by_row([BOX, BOX], [0.5, much]), [2.0, 0.0])
    np.testing.assert_allclose(by_row([BOX, BOX], [0.5, 0.999]), [2.0, 0.0])
    np.testing.assert_allclose(by_row([BOX, BOX], [0.5, less]), [2.0 * 0.3 / 0.8, 0.0])


def test_two_that_are_alike_sure_may_both_be_objects():
    assert by_row([BOX, BOX], [0.7, 0.7]).tolist() == [0.0, 0.0]
    assert by_row([BOX, BOX], [0.7, 0.69]).max() == 0.0


def test_another_class_is_no_double():
    assert by_row([BOX, BOX], [0.2, 0.9], [1, 0]).tolist() == [0.0, 0.0]


def test_boxes_beside_one_another_are_no_doubles():
    beside = [x + dx for x, dx in zip(BOX, (30.0, 0, 30.0, 0), strict=True)]
    assert by_row([BOX, beside], [0.2, 0.9]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one(n):
    assert by_row([BOX] * n, [0.5] * n).tolist() == [0.0] * n


def test_it_can_be_switched_off():
    assert by_row([BOX, BOX], [0.2, 0.9], config=DoublesConfig(weight=0.0)).tolist() == [0, 0]


place = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(0, 5)] * 2)
row = st.tuples(place, st.sampled_from([0.0, 0.05, 0.3, 0.31, 0.6, 0.9, 1.0]), st.integers(0, 1))
config = st.builds(DoublesConfig, weight=st.floats(0, 5), iou=st.floats(0, 0.99))


@given(st.lists(row, max_size=12), config)
def test_it_is_the_worst_of_all_neighbours(rows, config):
    xyxy = [[10 * x, 10 * y, 10 * (x + w), 10 * (y + h)] for (x, y, w, h), _, _ in rows]
    confidence, class_id = [c for _, c, _ in rows], [k for _, _, k in rows]
    found = by_row(np.reshape(xyxy, (-1, 4)), confidence, np.array(class_id, int), config)
    expected = brute_force(np.reshape(xyxy, (-1, 4)), confidence, class_id, config)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert ((found >= 0) & (found <= config.weight + 1e-12)).all()


def test_many_boxes_are_compared_as_few(monkeypatch):
    """Beyond the dense limit, and in shares, it is the same."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (120, 2))
    xyxy = np.hstack([corner, corner + rng.uniform(20, 60, (120, 2))])
    confidence, class_id = rng.random(120), rng.integers(0, 2, 120)
    expected = brute_force(xyxy, confidence, class_id, CONFIG)
    assert max(expected) > 1
    for most in (2**18, 500):
        monkeypatch.setattr("tracker.boxes.MOST_AT_ONCE", most)
        np.testing.assert_allclose(by_row(xyxy, confidence, class_id), expected, atol=1e-9)


def test_a_crowd_in_which_all_overlap_all_needs_bounded_memory():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 10, (1000, 2))
    frame = observe(Detections(np.hstack([corner, corner + 100]), rng.random(1000)))
    tracemalloc.start()
    try:
        against_doubles(frame, CONFIG)
        assert tracemalloc.get_traced_memory()[1] < 2**18 * 8 * 40
    finally:
        tracemalloc.stop()


def test_a_double_is_believed_less_and_has_a_lower_score():
    double = [x + dx for x, dx in zip(BOX, (2.0, 3.0, -2.0, -3.0), strict=True)]
    tracker = Tracker()
    for k in range(30):
        tracks = tracker.update(
            Detections([BOX, double, [400, 100, 436, 194]], [0.9, 0.4, 0.4]), timestamp_s=k / 30
        )
    real, doubled, alone = range(3)
    assert tracks.existence[doubled] < tracks.existence[alone] < tracks.existence[real]
    assert tracks.score[doubled] < tracks.score[alone] < tracks.score[real]
