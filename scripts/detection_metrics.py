"""Matches detections with ground truth and measures average precision and recall.

In: for each image the detected boxes with scores, the true boxes and the boxes to ignore. Out: a
`Matched` of all detections of a run, from which every number of the model card follows. It stands
here so that the validation during training and `scripts.evaluate_detector` count alike.

Rules: in each image, detections by falling score; each takes the free true box of highest IoU if
that reaches the threshold. One left over that overlaps an ignored box as much counts neither way.
A second detection of one object is false.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImageResult:
    """One image: `xyxy` (N, 4) with `scores` (N,), `truth` (M, 4) and `ignored` (K, 4)."""

    xyxy: Floats
    scores: Floats
    truth: Floats
    ignored: Floats


@dataclass(frozen=True)
class Matched:
    """All counted detections of a run.

    Attributes:
        scores: (N,) falling.
        correct: (N,) bool, whether the detection took a true box.
        objects: Number of true boxes.
        images: Number of images.
    """

    scores: Floats
    correct: NDArray[np.bool_]
    objects: int
    images: int

    def average_precision(self) -> float:
        """Area under the precision envelope; equal scores make one point. 0 without objects."""
        if self.objects == 0 or len(self.scores) == 0:
            return 0.0
        last = np.append(self.scores[1:] != self.scores[:-1], True)
        hits = np.cumsum(self.correct)[last]
        precision = hits / (np.flatnonzero(last) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(hits / self.objects, prepend=0.0) * envelope))

    def recall(self, threshold: float) -> float:
        """Share of the true boxes found at scores of at least `threshold`."""
        found = np.count_nonzero(self.correct & (self.scores >= threshold))
        return float(found / max(self.objects, 1))

    def false_per_image(self, threshold: float) -> float:
        """False boxes an image at scores of at least `threshold`."""
        false = np.count_nonzero(~self.correct & (self.scores >= threshold))
        return float(false / max(self.images, 1))


def pairwise_iou(a: Floats, b: Floats) -> Floats:
    """IoU of (N, 4) with (M, 4) boxes, (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod((high - low).clip(0), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    iou: Floats = inter / np.maximum(area_a[:, None] + area_b[None] - inter, 1e-9)
    return iou


def match(results: Iterable[ImageResult], *, iou_threshold: float = 0.5) -> Matched:
    """Matches each image by the module's rules.

    Args:
        results: One entry an image; empty arrays of shape (0, 4) and (0,) are welcome.
        iou_threshold: What counts as found.

    Returns:
        All detections that count, by falling score.
    """
    scores: list[float] = []
    correct: list[bool] = []
    objects = images = 0
    for result in results:
        images += 1
        objects += len(result.truth)
        order = np.argsort(-result.scores, kind="stable")
        overlap = pairwise_iou(result.xyxy[order], result.truth)
        spared = pairwise_iou(result.xyxy[order], result.ignored).max(axis=1, initial=0.0)
        free = np.ones(len(result.truth), bool)
        for row, index in enumerate(order):
            candidates = np.where(free, overlap[row], -1.0)
            best = int(candidates.argmax()) if len(candidates) else -1
            hit = best >= 0 and candidates[best] >= iou_threshold
            if hit:
                free[best] = False
            elif spared[row] >= iou_threshold:
                continue
            scores.append(float(result.scores[index]))
            correct.append(bool(hit))
    falling = np.argsort(-np.asarray(scores, float), kind="stable")
    return Matched(
        np.asarray(scores, float)[falling], np.asarray(correct, bool)[falling], objects, images
    )
