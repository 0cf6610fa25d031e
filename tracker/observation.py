"""The detections of one frame, made ready for the steps of an update.

Rows are put into one canonical order first, so that the order in which a detector lists its boxes
never changes a result: not the assignment among equal overlaps, not the ids of new tracks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.boxes import xyxy_to_cxcywh
from tracker.detections import Detections
from tracker.existence import logit

__all__ = ["Observation", "observe"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """M detections in canonical order: surest first, then by box and class vector.

    Attributes:
        source: (M,) row of each in the detections as they were given.
        by_left: (M,) rows by the left edges of their boxes.
        xyxy: (M, 4) corners in px.
        cxcywh: (M, 4) centre and size in px.
        confidence: (M,) raw confidence.
        evidence: (M,) its logit; with a calibration what that makes of it.
        class_id: (M,) top labels.
        probabilities: (M, C) class vectors, C = 0 where the detector gives none.
    """

    source: IntArray
    by_left: IntArray
    xyxy: FloatArray
    cxcywh: FloatArray
    confidence: FloatArray
    evidence: FloatArray
    class_id: IntArray
    probabilities: FloatArray

    def __len__(self) -> int:
        """Number of detections."""
        return len(self.xyxy)

    def unmatched(self, match: IntArray) -> IntArray:
        """Rows that no track took; `match` as from `association.cascade`."""
        free = np.ones(len(self), bool)
        free[match[match >= 0]] = False
        return free.nonzero()[0]


def observe(
    detections: Detections, weigh: Callable[[FloatArray], FloatArray] = logit
) -> Observation:
    """Put the detections of one frame into canonical order.

    Args:
        detections: As the detector gave them.
        weigh: Makes evidence of their confidences.

    Example:
        >>> d = Detections([[0, 0, 2, 2], [4, 0, 8, 8]], [0.3, 0.9])
        >>> observe(d).source.tolist()
        [1, 0]
    """
    order = np.argsort(-detections.confidence)
    xyxy, cxcywh, confidence, class_id, ties = _ordered(detections, order)
    if ties:  # only they need the other keys
        x1, y1, x2, y2 = detections.xyxy.T
        vectors = detections.class_probabilities.T
        keys = (*vectors, detections.class_id, y2, x2, y1, x1, -detections.confidence)
        order = np.lexsort(keys)
        xyxy, cxcywh, confidence, class_id, _ = _ordered(detections, order)
    probabilities = detections.class_probabilities
    return Observation(
        order,
        np.argsort(xyxy[:, 0]),
        xyxy,
        cxcywh,
        confidence,
        weigh(confidence),
        class_id,
        probabilities[order] if probabilities.shape[1] else probabilities,
    )


def _ordered(
    given: Detections, order: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray, bool]:
    """Corners, centres, confidences and labels in this order; whether two are alike sure."""
    if kernels.native is not None:
        n = len(order)
        xyxy, cxcywh, confidence = np.empty((n, 4)), np.empty((n, 4)), np.empty(n)
        class_id = np.empty(n, np.int64)
        ties = kernels.native.observe(
            order, given.xyxy, given.confidence, given.class_id, xyxy, cxcywh, confidence, class_id
        )
        return xyxy, cxcywh, confidence, class_id, ties
    xyxy, confidence = given.xyxy[order], given.confidence[order]
    alike = bool(np.count_nonzero(confidence[1:] == confidence[:-1]))
    return xyxy, xyxy_to_cxcywh(xyxy), confidence, given.class_id[order], alike
