"""The five acquisition functions, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import Detections
from tracker.review.acquisition import ACQUISITIONS, class_vectors, score_frame

BOXES = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]


def test_two_boxes_of_two_classes_by_hand() -> None:
    # Vectors with "none of these": (1/2, 1/4, 1/4) and (1, 0, 0); n = 3.
    seen = Detections(BOXES[:2], [0.5, 1.0], [0, 0], [[0.5, 0.25], [1.0, 0.0]])
    told = score_frame(seen)
    assert told["entropy"] == pytest.approx((1.5 + 0.0) / 2)  # ½·1 + ¼·2 + ¼·2 bits
    assert told["least-confidence"] == pytest.approx((0.5 * 3 / 2 + 0.0) / 2)
    assert told["margin"] == pytest.approx((0.25 + 1.0) / 2)
    # mean of squares around 1/3: (1/36 + 1/144 + 1/144) / 3, and (4/9 + 1/9 + 1/9) / 3
    assert told["variance"] == pytest.approx((6 / 144 / 3 + 6 / 9 / 3) / 2)
    assert told["mean-object-score"] == 1.0  # one class, its best box


def test_one_class_has_none_of_these_beside_it() -> None:
    told = score_frame(Detections(BOXES[:1], [0.25], 0, [[0.25]]))
    assert told["entropy"] == pytest.approx(0.25 * 2 + 0.75 * np.log2(4 / 3))
    assert told["least-confidence"] == pytest.approx(0.25 * 2)
    assert told["margin"] == pytest.approx(0.5)
    assert told["variance"] == pytest.approx(0.0625)
    assert told["mean-object-score"] == 0.25


def test_labels_alone_are_that_label_or_not() -> None:
    label, vector = Detections(BOXES[:1], [0.3], 4), Detections(BOXES[:1], [0.3], 0, [[0.3]])
    assert class_vectors(label).tolist() == class_vectors(vector).tolist()
    assert score_frame(label) == score_frame(vector)


def test_mean_object_score_is_the_best_of_each_class() -> None:
    seen = Detections(BOXES, [0.2, 0.6, 0.4], [0, 0, 3])
    assert score_frame(seen)["mean-object-score"] == pytest.approx((0.6 + 0.4) / 2)


def test_nothing_seen_has_an_object_score_of_0_and_no_other() -> None:
    told = score_frame(Detections.empty(2))
    assert told.pop("mean-object-score") == 0.0
    assert np.isnan(list(told.values())).all()


@pytest.mark.parametrize("n", [1, 2, 7])
def test_ranges(n: int) -> None:
    """The ends of each range are reached: by an even vector and by a sure one."""
    even = score_frame(Detections(BOXES[:1], [1 / (n + 1)], 0, np.full((1, n), 1 / (n + 1))))
    sure = score_frame(Detections(BOXES[:1], [1.0], 0, np.eye(n)[:1]))
    assert even["entropy"] == pytest.approx(np.log2(n + 1))
    assert even["least-confidence"] == pytest.approx(1.0)
    assert even["margin"] == pytest.approx(0.0)
    assert even["variance"] == pytest.approx(0.0)
    assert sure["entropy"] == sure["least-confidence"] == 0.0
    assert sure["margin"] == 1.0
    assert sure["variance"] == pytest.approx(n / (n + 1) ** 2)  # (n − 1)/n² with n + 1 entries


def test_unsure_frames_come_first_by_the_stated_direction() -> None:
    unsure = score_frame(Detections(BOXES[:1], [0.5], 0, [[0.5]]))
    sure = score_frame(Detections(BOXES[:1], [0.99], 0, [[0.99]]))
    for name, one in ACQUISITIONS.items():
        assert (unsure[name] > sure[name]) == one.higher_first, name


def test_probabilities_of_each_class_by_itself_are_scaled() -> None:
    both = class_vectors(Detections(BOXES[:1], [0.9], 0, [[0.9, 0.6, 0.0]]))
    assert both == pytest.approx(np.array([[0.6, 0.4, 0.0, 0.0]]))
