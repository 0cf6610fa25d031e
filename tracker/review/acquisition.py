"""How unsure a detector is of a picture: the five acquisition functions of Encord Active.

In: the `Detections` of one frame. Out: one number a function. They are defined on the full class
vector of each box, which `class_vectors` makes: the probabilities of the C classes and, last, of
"none of these", so n = C + 1 and a detector of one class has the vector (p, 1 − p). Where a
detector gives only its label, its confidence c makes (c, 1 − c): that label, or not.

| name | of one box with vector p | of a frame | range | first |
|---|---|---|---|---|
| `entropy` | −Σ pᵢ log₂ pᵢ | mean over boxes | 0 … log₂ n bits | highest |
| `least-confidence` | (1 − max p) · n/(n − 1) | mean over boxes | 0 … 1 | highest |
| `margin` | p₁ − p₂, the two greatest | mean over boxes | 0 … 1 | lowest |
| `variance` | mean of (pᵢ − 1/n)² | mean over boxes | 0 … (n − 1)/n² | lowest |
| `mean-object-score` | its confidence | the greatest of each class, mean over classes | 0 … 1 | lowest |

A frame without boxes has a mean object score of 0, so it comes first; the other four are means of
nothing there, NaN, and such frames come last.

Source: Encord Active, "Model quality metrics, Acquisition functions"; the scale of least confidence
is that of R. Munro, "Human-in-the-Loop Machine Learning", 2021, chapter 3.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections

__all__ = ["ACQUISITIONS", "Acquisition", "class_vectors", "score_frame"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One acquisition function.

    Attributes:
        of_frame: The (N, n) class vectors, (N,) confidences and (N,) class ids of a frame with at
            least one box -> its value.
        higher_first: Whether high values are the ones to label first.
        of_nothing: The value of a frame without boxes.
    """

    of_frame: Callable[[FloatArray, FloatArray, NDArray[np.int64]], float]
    higher_first: bool
    of_nothing: float = float("nan")


def class_vectors(detections: Detections) -> FloatArray:
    """The full class vector of each box, "none of these" last.

    Probabilities that sum to more than 1 (detectors that ask for each class by itself) are divided
    by their sum, and leave nothing for "none of these".

    Returns:
        (N, C + 1), or (N, 2) where the detector gives only labels; rows sum to 1.

    Example:
        >>> boxes, likely = [[0, 0, 9, 9]] * 2, [[0.5, 0.25], [0.9, 0.9]]
        >>> class_vectors(Detections(boxes, [0.5, 0.9], 0, likely)).tolist()
        [[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]]
        >>> class_vectors(Detections(boxes, [0.75, 0.5])).tolist()
        [[0.75, 0.25], [0.5, 0.5]]
    """
    likely = detections.class_probabilities
    if not likely.shape[1]:
        likely = detections.confidence[:, None]
    likely = np.maximum(likely, 0.0)
    likely = likely / np.maximum(likely.sum(axis=1, keepdims=True), 1.0)
    rest = np.maximum(1.0 - likely.sum(axis=1, keepdims=True), 0.0)
    return np.hstack([likely, rest])


def score_frame(detections: Detections) -> dict[str, float]:
    """The value of every acquisition function for one frame.

    Example:
        >>> sure = Detections([[0, 0, 9, 9]], [1.0])
        >>> list(score_frame(sure).values())
        [0.0, 0.0, 1.0, 0.25, 1.0]
    """
    if not len(detections):
        return {name: one.of_nothing for name, one in ACQUISITIONS.items()}
    vectors = class_vectors(detections)
    return {
        name: one.of_frame(vectors, detections.confidence, detections.class_id)
        for name, one in ACQUISITIONS.items()
    }


def _entropy(p: FloatArray, confidence: FloatArray, class_id: NDArray[np.int64]) -> float:
    # 0 · log 0 is 0.
    terms = p * np.log2(np.where(p > 0, p, 1.0))
    return float(np.abs(terms.sum(axis=1)).mean())


def _least_confidence(p: FloatArray, confidence: FloatArray, class_id: NDArray[np.int64]) -> float:
    n = p.shape[1]
    return float((1.0 - p.max(axis=1)).mean() * n / (n - 1))


def _margin(p: FloatArray, confidence: FloatArray, class_id: NDArray[np.int64]) -> float:
    two = np.partition(p, -2, axis=1)[:, -2:]
    return float((two[:, 1] - two[:, 0]).mean())


def _variance(p: FloatArray, confidence: FloatArray, class_id: NDArray[np.int64]) -> float:
    return float(p.var(axis=1).mean())


def _object_score(p: FloatArray, confidence: FloatArray, class_id: NDArray[np.int64]) -> float:
    classes, row = np.unique(class_id, return_inverse=True)
    best = np.zeros(len(classes))
    np.maximum.at(best, row, confidence)
    return float(best.mean())


ACQUISITIONS: dict[str, Acquisition] = {
    "entropy": Acquisition(_entropy, higher_first=True),
    "least-confidence": Acquisition(_least_confidence, higher_first=True),
    "margin": Acquisition(_margin, higher_first=False),
    "variance": Acquisition(_variance, higher_first=False),
    "mean-object-score": Acquisition(_object_score, higher_first=False, of_nothing=0.0),
}
