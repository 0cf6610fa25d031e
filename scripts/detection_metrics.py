"""Average precision, recall and false boxes of a detector, from the verdicts frame by frame.

In: each frame's scores with `tracker.evaluation.matching.match_boxes`' verdict. Out: the numbers
of the model card. It stands here so that the validation during training and
`scripts.evaluate_detector` count alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.matching import FrameMatch

Floats = NDArray[np.float64]


class ScoreCurve:
    """What a detector gives at every score threshold.

    Example:
        >>> from tracker.evaluation.matching import match_boxes
        >>> curve, score = ScoreCurve(), np.array([0.9, 0.4])
        >>> found = match_boxes([[0, 0, 9, 9], [50, 0, 59, 9]], score, [[0, 0, 9, 10]])
        >>> curve.add(score, found)
        >>> curve.average_precision(), curve.recall(0.95), curve.false_per_frame(0.3)
        (1.0, 0.0, 1.0)
    """

    def __init__(self) -> None:
        """Starts without frames."""
        self._scores: list[Floats] = [np.zeros(0)]
        self._correct: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
        self._objects = self._frames = 0

    def add(self, scores: Floats, verdict: FrameMatch) -> None:
        """Adds one frame.

        Args:
            scores: (N,) of the judged boxes.
            verdict: On those N boxes; ignored ones count neither way.
        """
        judged = ~verdict.ignored
        self._scores.append(scores[judged])
        self._correct.append(verdict.matched[judged])
        self._objects += verdict.truth_count
        self._frames += 1

    def average_precision(self) -> float:
        """Area under the precision envelope, one point per distinct score; 0 without objects."""
        scores, correct = np.concatenate(self._scores), np.concatenate(self._correct)
        if self._objects == 0 or len(scores) == 0:
            return 0.0
        order = np.argsort(-scores, kind="stable")
        last = np.append(np.diff(scores[order]) != 0, True)
        hits = np.cumsum(correct[order])[last]
        precision = hits / (np.flatnonzero(last) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(hits / self._objects, prepend=0.0) * envelope))

    def recall(self, threshold: float) -> float:
        """Share of the objects found at scores of at least `threshold`."""
        return self._count(threshold, right=True) / max(self._objects, 1)

    def false_per_frame(self, threshold: float) -> float:
        """False boxes a frame at scores of at least `threshold`."""
        return self._count(threshold, right=False) / max(self._frames, 1)

    def _count(self, threshold: float, *, right: bool) -> int:
        scores, correct = np.concatenate(self._scores), np.concatenate(self._correct)
        return int(np.count_nonzero((scores >= threshold) & (correct == right)))
