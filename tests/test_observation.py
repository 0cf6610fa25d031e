import numpy as np

from tracker import Detections
from tracker.observation import observe


def test_the_surest_come_first():
    seen = observe(Detections([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]], [0.2, 0.9, 0.5]))
    assert seen.source.tolist() == [1, 2, 0]
    assert seen.confidence.tolist() == [0.9, 0.5, 0.2]
    assert seen.xyxy[:, 2].tolist() == [2, 3, 1]


def test_ties_are_broken_by_the_box_then_the_class():
    boxes = [[5, 0, 6, 1], [1, 0, 6, 1], [1, 0, 6, 1], [1, 0, 3, 1]]
    seen = observe(Detections(boxes, [0.5] * 4, [0, 2, 1, 0]))
    assert seen.source.tolist() == [3, 2, 1, 0]


def test_any_order_gives_the_same_rows():
    rng = np.random.default_rng(0)
    grid = rng.integers(0, 3, (40, 2)).astype(float)
    detections = Detections(
        np.hstack([grid, grid + 1]),
        rng.choice([0.3, 0.6], 40),
        rng.integers(0, 2, 40),
        rng.dirichlet(np.ones(2), 40),
    )
    expected = observe(detections)
    for _ in range(5):
        order = rng.permutation(40)
        seen = observe(detections[order])
        for name in ("xyxy", "cxcywh", "confidence", "evidence", "class_id", "probabilities"):
            np.testing.assert_array_equal(getattr(seen, name), getattr(expected, name))
        np.testing.assert_array_equal(order[seen.source], expected.source)


def test_nothing_seen():
    seen = observe(Detections.empty(classes=3))
    assert len(seen) == 0
    assert seen.cxcywh.shape == (0, 4)
    assert seen.probabilities.shape == (0, 3)
