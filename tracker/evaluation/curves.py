"""What every threshold would give: true, false and missed boxes, precision, recall, AP, ROC.

In: scores of boxes that are right or wrong, and how many objects there were. Out: a `Curve` with
one point a distinct score, so that equal scores cannot be ordered in anybody's favour. Boxes that
are not judged are left out before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.errors import InputError
from tracker.evaluation.matching import FrameMatch

__all__ = ["Curve", "CurveBuilder", "curve", "frontier", "swept"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """T thresholds and what is at or above each, from the highest threshold to the lowest.

    Attributes:
        threshold: (T,) distinct scores, descending.
        true: (T,) right boxes with at least that score.
        false: (T,) wrong boxes with at least that score.
        objects: Boxes of the truth; what is not found of them is missed.
    """

    threshold: FloatArray
    true: IntArray
    false: IntArray
    objects: int

    @property
    def precision(self) -> FloatArray:
        """(T,) share of right boxes among those at or above each threshold."""
        share: FloatArray = self.true / np.maximum(self.true + self.false, 1)
        return share

    @property
    def recall(self) -> FloatArray:
        """(T,) share of the objects found at each threshold; NaN without objects."""
        if self.objects == 0:
            return np.full(len(self.true), np.nan)
        share: FloatArray = self.true / self.objects
        return share

    @property
    def f1(self) -> FloatArray:
        """(T,) harmonic mean of precision and recall."""
        share: FloatArray = 2 * self.true / np.maximum(self.true + self.false + self.objects, 1)
        return share

    @property
    def envelope(self) -> FloatArray:
        """(T,) best precision at each recall or a higher one."""
        best: FloatArray = np.maximum.accumulate(self.precision[::-1])[::-1]
        return best

    @property
    def average_precision(self) -> float:
        """Area under the envelope of precision over recall; NaN without objects."""
        if self.objects == 0:
            return float("nan")
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.envelope))

    @property
    def max_recall(self) -> float:
        """Share of the objects found by any box at all; NaN without objects."""
        if self.objects == 0:
            return float("nan")
        return float(self.true[-1] / self.objects) if len(self.true) else 0.0

    @property
    def roc(self) -> tuple[FloatArray, FloatArray]:
        """Share of the wrong and share of the right boxes let through, from (0, 0) to (1, 1)."""
        wrong, right = (np.append(0, counts) for counts in (self.false, self.true))
        return wrong / max(wrong[-1], 1), right / max(right[-1], 1)

    @property
    def roc_auc(self) -> float:
        """P(a right box scores above a wrong one), ties half; NaN without either kind."""
        if not len(self.true) or not self.true[-1] or not self.false[-1]:
            return float("nan")
        wrong, right = self.roc
        return float(np.sum(np.diff(wrong) * (right[1:] + right[:-1])) / 2)

    @property
    def false_total(self) -> int:
        """Wrong boxes at any threshold."""
        return int(self.false[-1]) if len(self.false) else 0

    def at(self, threshold: float) -> tuple[int, int]:
        """True and false boxes with a score of at least `threshold`."""
        reached = int(np.searchsorted(-self.threshold, -threshold, side="right"))
        if reached == 0:
            return 0, 0
        return int(self.true[reached - 1]), int(self.false[reached - 1])

    def recall_at(self, threshold: float) -> float:
        """Share of the objects found with a score of at least `threshold`; NaN without objects."""
        return self.at(threshold)[0] / self.objects if self.objects else float("nan")

    def false_at(self, true: int) -> float:
        """False boxes at the first threshold with at least `true` right ones; inf out of reach."""
        first = int(np.searchsorted(self.true, true))
        return float(self.false[first]) if first < len(self.true) else float("inf")


def curve(score: ArrayLike, right: ArrayLike, objects: int) -> Curve:
    """Sweep the threshold over scored boxes.

    Args:
        score: (N,) of the boxes that are judged, in any order.
        right: (N,) whether each shows a real object.
        objects: Boxes of the truth.

    Returns:
        One point a distinct score.

    Raises:
        InputError: The lengths differ.

    Example:
        >>> sweep = curve([0.9, 0.8, 0.8, 0.1], [True, True, False, False], objects=3)
        >>> sweep.true.tolist(), sweep.false.tolist(), round(sweep.average_precision, 4)
        ([1, 2, 2], [0, 1, 2], 0.5556)
    """
    scores, hit = np.asarray(score, np.float64), np.asarray(right, np.bool_)
    if scores.shape != hit.shape or scores.ndim != 1:
        raise InputError(f"score and right must have one length, got {scores.shape}, {hit.shape}")
    order = np.argsort(-scores, kind="stable")
    return swept(scores[order], hit[order], objects)


def swept(score: FloatArray, right: NDArray[np.bool_], objects: int) -> Curve:
    """The curve of boxes that are in the order of falling scores already."""
    last = np.ones(len(score), np.bool_)
    last[:-1] = np.diff(score) != 0
    count, true = np.flatnonzero(last) + 1, np.cumsum(right, dtype=np.int64)[last]
    return Curve(score[last], true, count - true, objects)


def frontier(sweep: Curve, points: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """False boxes at other methods' numbers of true boxes, as a multiple of their false boxes.

    Args:
        sweep: Of the boxes to compare.
        points: Name: true and false boxes of a method at its operating point.

    Returns:
        The ratio for each name, below 1 where `sweep` is better; infinity where it never reaches
        so many true boxes. Says little about a method with few false boxes.

    Example:
        >>> frontier(curve([0.9, 0.8, 0.1], [True, False, True], 5), {"a": (1, 2), "b": (3, 1)})
        {'a': 0.0, 'b': inf}
    """
    return {name: sweep.false_at(true) / max(false, 1) for name, (true, false) in points.items()}


class CurveBuilder:
    """Gathers verdicts frame by frame, for programs that have no sequence at once.

    Example:
        >>> from tracker.evaluation.matching import match_boxes
        >>> gathered, score = CurveBuilder(), np.array([0.9, 0.4])
        >>> found = match_boxes([[0, 0, 9, 9], [50, 0, 59, 9]], score, [[0, 0, 9, 10]])
        >>> gathered.add(score, found)
        >>> gathered.curve().average_precision, gathered.curve().at(0.3), gathered.frames
        (1.0, (1, 1), 1)
    """

    def __init__(self) -> None:
        """Start without frames."""
        self._scores: list[FloatArray] = [np.zeros(0)]
        self._right: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
        self._objects = 0
        self.frames = 0

    def add(self, score: FloatArray, verdict: FrameMatch) -> None:
        """Add the (N,) scores of one frame and the verdict on its boxes."""
        judged = ~verdict.ignored
        self._scores.append(score[judged])
        self._right.append(verdict.matched[judged])
        self._objects += verdict.truth_count
        self.frames += 1

    def curve(self) -> Curve:
        """What was gathered so far."""
        return curve(np.concatenate(self._scores), np.concatenate(self._right), self._objects)
