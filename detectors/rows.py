"""From a box head's raw output to one box an object with its whole class vector.

In: class logits and box regressions of all proposals, as torchvision's box predictor gives them.
Out: for each image its boxes, best first, each with its softmax row. It stands in for torchvision's
`RoIHeads.postprocess_detections`, which makes every (proposal, class) pair a box of its own and
suppresses overlaps within a class only: there a van comes back as a car *and* as a truck, and
neither box knows of the other. Here a proposal is one candidate: its class is the most probable
one, its box is the regression for that class, and overlaps are suppressed across classes, so that
the doubles of an object go, whatever they are called.

The price: two objects of different classes whose boxes overlap by more than `iou` (a rider and the
motorcycle hardly do) leave one box.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import clip_boxes_to_image, nms, remove_small_boxes

__all__ = ["Rules", "best_rows"]

# torchvision's limit for a degenerate box, in pixels of the resized image.
_SMALLEST_BOX = 1e-2


@dataclass(frozen=True, slots=True)
class Rules:
    """What becomes a detection.

    Attributes:
        columns: (C,) logit columns that are classes: without background and unused ones.
        score_threshold: The top class's probability must be above it.
        iou: Of two boxes that overlap more, whatever their classes, the better one stays.
        limit: Most boxes an image.
        wanted: (C,) bool, the top classes to keep; None keeps all.
    """

    columns: Tensor
    score_threshold: float
    iou: float
    limit: int
    wanted: Tensor | None = None


def best_rows(
    probabilities: Tensor,
    boxes: Tensor,
    rules: Rules,
    *,
    resized: tuple[int, int],
    original: tuple[int, int],
) -> Tensor:
    """Choose the detections of one image.

    Args:
        probabilities: (R, C) class probabilities of its proposals, columns as in `rules`.
        boxes: (R, 4) each proposal's regression for its most probable class, in pixels of the
            resized image.
        rules: What to keep.
        resized: Height and width of the image as the network saw it.
        original: Height and width of the image as it came.

    Returns:
        (N, 6 + C) float32, best first: x1, y1, x2, y2 in pixels of the original image, confidence,
        class id, class probabilities.
    """
    confidence, class_id = probabilities.max(1)
    boxes = clip_boxes_to_image(boxes, resized)
    rows = torch.where(confidence > rules.score_threshold)[0]
    rows = rows[remove_small_boxes(boxes[rows], _SMALLEST_BOX)]
    rows = rows[nms(boxes[rows], confidence[rows], rules.iou)]
    if rules.wanted is not None:
        # After suppression: a double of a truck must not come back as the car it also might be.
        rows = rows[rules.wanted[class_id[rows]]]
    rows = rows[: rules.limit]
    return torch.cat(
        [
            resize_boxes(boxes[rows], resized, original),
            confidence[rows, None].clamp(max=1),
            class_id[rows, None].to(boxes.dtype),
            probabilities[rows],
        ],
        1,
    )
