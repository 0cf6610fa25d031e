from __future__ import annotations

import numpy as np
import torch
from torchvision.ops import box_iou

from detectors.rows import Rules, best_rows

SIZE = (480, 640)


def rules(**changes: object) -> Rules:
    given = {
        "columns": torch.tensor([1, 2, 3]),
        "score_threshold": 0.05,
        "iou": 0.5,
        "limit": 100,
        **changes,
    }
    return Rules(**given)


def run(probabilities: object, boxes: object, **changes: object) -> np.ndarray:
    return best_rows(
        torch.tensor(probabilities, dtype=torch.float32).reshape(-1, 3),
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        rules(**changes),
        resized=SIZE,
        original=SIZE,
    ).numpy()


VAN = [100, 100, 200, 180]
VAN_AGAIN = [102, 101, 203, 179]
PERSON = [300, 100, 340, 200]


def test_two_proposals_on_one_van_become_one_box_with_both_probabilities():
    out = run([[0.0, 0.5, 0.4], [0.0, 0.38, 0.45]], [VAN, VAN_AGAIN])
    assert len(out) == 1
    np.testing.assert_allclose(out[0], [*VAN, 0.5, 1, 0.0, 0.5, 0.4], atol=1e-5)


def test_zero_proposals():
    assert run([], []).shape == (0, 9)


def test_best_first_and_the_limit_keeps_the_best():
    boxes = [[50 * i, 10, 50 * i + 20, 60] for i in range(5)]
    scores = [0.2, 0.9, 0.1, 0.5, 0.3]
    out = run([[s, 0, 0] for s in scores], boxes, limit=3)
    np.testing.assert_allclose(out[:, 4], [0.9, 0.5, 0.3], rtol=1e-6)


def test_the_threshold_is_on_the_top_class_and_strict():
    out = run([[0.05, 0, 0], [0.051, 0.04, 0.04]], [VAN, PERSON])
    np.testing.assert_allclose(out[:, :4], [PERSON])


def test_a_filtered_class_still_suppresses_its_doubles():
    """The truck's double must not come back as the car that it also might be."""
    wanted = torch.tensor([True, True, False])
    out = run(
        [[0.0, 0.3, 0.6], [0.0, 0.45, 0.4], [0.7, 0.1, 0.0]],
        [VAN, VAN_AGAIN, PERSON],
        wanted=wanted,
    )
    np.testing.assert_allclose(out[:, :4], [PERSON])
    np.testing.assert_allclose(out[:, 6:], [[0.7, 0.1, 0.0]], rtol=1e-6)


def test_the_filter_comes_before_the_limit():
    wanted = torch.tensor([False, False, True])
    out = run([[0.9, 0, 0], [0, 0, 0.2]], [VAN, PERSON], wanted=wanted, limit=1)
    np.testing.assert_allclose(out[:, 5], [2])


def test_boxes_are_clipped_and_those_outside_dropped():
    out = run([[0.9, 0, 0], [0.8, 0, 0]], [[-20, -10, 40, 50], [700, 10, 800, 90]])
    np.testing.assert_allclose(out[:, :4], [[0, 0, 40, 50]])


def test_boxes_come_back_in_pixels_of_the_original():
    out = best_rows(
        torch.tensor([[0.9, 0, 0]]),
        torch.tensor([[64.0, 48, 128, 96]]),
        rules(),
        resized=SIZE,
        original=(960, 1920),
    )
    np.testing.assert_allclose(out[0, :4], [192, 96, 384, 192], rtol=1e-6)


def test_against_suppression_written_as_a_loop():
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(300, 2, generator=generator) * 300
    boxes = torch.cat([corner, corner + 20 + torch.rand(300, 2, generator=generator) * 100], 1)
    probabilities = torch.rand(300, 4, generator=generator).softmax(1)[:, 1:]
    confidence, label = probabilities.max(1)
    iou = box_iou(boxes, boxes)
    left: list[int] = []
    for i in confidence.argsort(descending=True, stable=True).tolist():
        if confidence[i] > 0.05 and all(iou[i, j] <= 0.5 for j in left):
            left.append(i)
    out = best_rows(probabilities, boxes, rules(limit=1000), resized=SIZE, original=SIZE)
    expected = torch.cat(
        [boxes[left], confidence[left, None], label[left, None], probabilities[left]], 1
    )
    torch.testing.assert_close(out, expected)
