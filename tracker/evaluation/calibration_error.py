"""Whether a probability is true: calibration error, Brier score, log-loss, reliability.

In: probabilities and what turned out, one a box. Out: a `Calibration`. Boxes of one track are not
independent, so these figures have more uncertainty than their number of boxes suggests.

The Brier score is split as Brier = reliability − resolution + uncertainty, exactly and without
bins: the probabilities are recalibrated by isotonic regression (T. Dimitriadis, T. Gneiting,
A. I. Jordan, "Stable reliability diagrams for probabilistic classifiers", PNAS 118, 2021), which is
A. H. Murphy's partition (1973) with the bins that the data ask for. `reliability` is what
recalibration alone would win, `resolution` what the ranking is worth, `uncertainty` the Brier score
of always giving the base rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.errors import InputError

__all__ = ["BINS", "Bin", "Calibration", "calibration"]

FloatArray = NDArray[np.float64]

BINS = 15
# Log-loss takes probabilities no nearer to 0 and 1 than this: one sure mistake is not infinite.
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Bin:
    """Boxes whose probabilities lie together: how many, their mean, and the share that is right."""

    boxes: int
    mean: float
    true_share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How true a probability is, over N boxes; all NaN without boxes.

    Attributes:
        boxes: N.
        mean: Mean probability.
        true_share: Share of the boxes that are right; equals `mean` where all is well.
        ece: Expected calibration error, bins of equal width: mean distance of a bin's mean
            probability from its share of right boxes, weighted by boxes. 0 is best.
        ece_mass: The same with bins of equal numbers of boxes.
        brier: Mean squared distance of the probability from 0 or 1. 0 is best.
        reliability: Part of the Brier score that recalibration would remove.
        resolution: Part that the probabilities win over the base rate; more is better.
        uncertainty: Brier score of the base rate.
        log_loss: Mean −log of the probability given to what turned out, in nats. 0 is best.
        bins: The non-empty bins of equal width, ascending.
    """

    boxes: int
    mean: float
    true_share: float
    ece: float
    ece_mass: float
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    log_loss: float
    bins: tuple[Bin, ...]


def calibration(probability: ArrayLike, right: ArrayLike, *, bins: int = BINS) -> Calibration:
    """Hold probabilities against what turned out.

    Args:
        probability: (N,) in [0, 1].
        right: (N,) whether each box (or its track) was real.
        bins: Number of bins of the calibration errors and the reliability diagram.

    Returns:
        All figures; NaN where N is 0.

    Raises:
        InputError: A probability outside [0, 1], or lengths that differ.

    Example:
        >>> told = calibration([0.25, 0.25, 0.25, 0.25, 1.0], [True, False, False, False, True])
        >>> told.ece, told.brier, told.bins[0]
        (0.0, 0.15, Bin(boxes=4, mean=0.25, true_share=0.25))
    """
    p, y = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if p.shape != y.shape or p.ndim != 1:
        raise InputError(f"probability and right must have one length, got {p.shape}, {y.shape}")
    if not len(p):
        nan = float("nan")
        return Calibration(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, ())
    if not (p.min() >= 0 and p.max() <= 1):  # also NaN
        raise InputError(f"probabilities must be in [0, 1], got {p.min():g} to {p.max():g}")
    wide = _binned(p, y, np.linspace(0.0, 1.0, bins + 1))
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)))
    heavy = _binned(p, y, edges if len(edges) > 1 else np.array([0.0, 1.0]))
    brier = float(np.mean((p - y) ** 2))
    recalibrated, base = _isotonic(p, y), float(y.mean())
    best = float(np.mean((recalibrated - y) ** 2))
    uncertainty = base * (1.0 - base)
    q = np.clip(p, _LEAST, 1.0 - _LEAST)
    return Calibration(
        boxes=len(p),
        mean=float(p.mean()),
        true_share=base,
        ece=_error(wide),
        ece_mass=_error(heavy),
        brier=brier,
        reliability=brier - best,
        resolution=uncertainty - best,
        uncertainty=uncertainty,
        log_loss=float(-np.mean(np.where(y > 0, np.log(q), np.log1p(-q)))),
        bins=wide,
    )


def _binned(p: FloatArray, y: FloatArray, edges: FloatArray) -> tuple[Bin, ...]:
    """The non-empty bins between edges; an inner edge belongs to the bin above it."""
    place = np.searchsorted(edges[1:-1], p, side="right")
    count = np.bincount(place, minlength=len(edges) - 1)
    mean, share = (np.bincount(place, values, len(edges) - 1) for values in (p, y))
    return tuple(
        Bin(int(count[k]), float(mean[k] / count[k]), float(share[k] / count[k]))
        for k in np.flatnonzero(count)
    )


def _error(bins: tuple[Bin, ...]) -> float:
    total = sum(b.boxes for b in bins)
    return sum(b.boxes * abs(b.mean - b.true_share) for b in bins) / total


def _isotonic(p: FloatArray, y: FloatArray) -> FloatArray:
    """(N,) the non-decreasing function of p nearest to y; equal p have equal values."""
    from scipy.optimize import isotonic_regression

    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    fit: FloatArray = isotonic_regression(np.bincount(place, y) / count, weights=count).x
    return fit[place]
