"""Which class a track has: a posterior over classes, fused over its detections.

In come log-posteriors of N tracks and, for some of them, the class evidence of a detection; out
go new log-posteriors. Evidence is tempered for the same reason as in `tracker.existence`:
successive frames show the same face of the same object, so a look counts by the time it stands
for. Old evidence fades, so that a track that took over another object can change its label, but
not on one frame.

    ln p(c) ← memory · ln p(c) + weight · ln q(c),   then normalised

where q is the detector's class vector mixed with a uniform floor.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tracker.config import ClassConfig
from tracker.errors import InputError

__all__ = ["checked_width", "evidence", "fuse", "normalised", "posterior", "widened"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# More classes than any detector has: a larger id is a mistake that would eat the memory.
_MOST_CLASSES = 5_000


def evidence(
    class_id: IntArray, confidence: FloatArray, probabilities: FloatArray, classes: int,
    config: ClassConfig,
) -> FloatArray:  # fmt: skip
    """Log-likelihood of each class for each detection.

    Args:
        class_id: (N,) top labels.
        confidence: (N,) their confidences in [0, 1].
        probabilities: (N, C) full class vectors, or (N, 0) where the detector gives only labels:
            then the top label has its confidence, but at least half-way from an even share to all
            (a weak box says little of what is there, but its label is still the likeliest), and
            the other classes share the rest.
        classes: Number of classes, at least 1 and above every `class_id`.
        config: The uniform floor.

    Returns:
        (N, classes) log-likelihoods; each row's likelihoods sum to 1.
    """
    n = len(class_id)
    if probabilities.shape[1]:
        q = np.zeros((n, classes))
        q[:, : probabilities.shape[1]] = np.maximum(probabilities, 0.0)
        total = q.sum(axis=1, keepdims=True)
        q = np.where(total > 0, q / np.where(total > 0, total, 1.0), 1.0 / classes)
    else:
        top = np.maximum(confidence, 0.5 + 0.5 / classes)
        q = np.repeat(((1.0 - top) / max(classes - 1, 1))[:, None], classes, axis=1)
        q[np.arange(n), class_id] = top
    floor = config.least_probability
    return np.log((1.0 - floor) * q + floor / classes)


def fuse(
    log_posterior: FloatArray, log_evidence: FloatArray, look_s: float, config: ClassConfig
) -> FloatArray:
    """Log-posteriors after one look that stands for `look_s` seconds; both (N, C)."""
    memory = math.exp(-look_s / config.memory_s)
    return normalised(memory * log_posterior + look_s * config.rate * log_evidence)


def normalised(log_values: FloatArray) -> FloatArray:
    """Shift each row so that its exponentials sum to 1."""
    top = log_values - log_values.max(axis=1, keepdims=True)
    out: FloatArray = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    return out


def posterior(log_posterior: FloatArray) -> FloatArray:
    """(N, C) probabilities; rows sum to 1."""
    return np.exp(log_posterior)


def checked_width(classes: int) -> int:
    """The number of classes, or an error where an id is beyond any detector's."""
    if classes > _MOST_CLASSES:
        raise InputError(
            f"class_id {classes - 1} is too large: ids index the detector's class names,"
            f" of which there may be {_MOST_CLASSES}"
        )
    return classes


def widened(log_posterior: FloatArray, classes: int, config: ClassConfig) -> FloatArray:
    """A copy with room for more classes.

    No look so far spoke for a new class, so it is at most as probable as the least probable one,
    and as one look with the uniform floor would have left it.
    """
    n, old = log_posterior.shape
    if classes == old or n == 0:
        return np.zeros((0, classes)) if n == 0 else log_posterior.copy()
    new = np.empty((n, classes))
    new[:, :old] = log_posterior
    floor = math.log(config.least_probability / classes)
    new[:, old:] = np.minimum(log_posterior.min(axis=1, keepdims=True), floor)
    return normalised(new)
