"""How existence and score must be told to be true: fits of `LogOddsMap`.

In come log-odds that the tracker gave and what turned out; out goes the map. Offset, mean slope and
bend have priors around "as it is", as wide as the scatter of detectors measured so far; so few
tracks change little, and a bend needs more of them than a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.calibration.fitting.logistic import LABELS, Trust, fit, weights
from tracker.calibration.log_odds_map import LogOddsMap

__all__ = ["fit_map", "rounded"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Standard deviations of offset, mean slope and half the difference of the slopes among detectors.
_DEVIATION = np.array([0.8, 0.45, 0.3])
_PRIOR = np.array([0.0, 1.0, 0.0])
# A map that hardly rises could not be held to a threshold.
_LEAST_SLOPE = 0.1


def fit_map(
    z: FloatArray,
    outcome: FloatArray,
    cluster: IntArray,
    stretch: IntArray,
    *,
    trust: Trust = LABELS,
    bent: bool = True,
    loosened_by: float | None = None,
    share: FloatArray | None = None,
    rest: FloatArray | None = None,
) -> LogOddsMap:
    """The map that makes log-odds true.

    Args:
        z: (N,) log-odds as they are.
        outcome: (N,) what turned out, in [0, 1].
        cluster: (N,) track of each.
        stretch: (N,) stretch of time of each, see `logistic`.
        trust: What the outcomes are worth.
        bent: Whether the two slopes may differ.
        loosened_by: So many independent tracks double the variances of the prior, twice as many
            treble them, and so on; None keeps them.
        share: (N,) what is told is this share of the map and a rest; None is all of it.
        rest: (N,) that rest, log-odds; None is nothing.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(0, 3, 20_000)
        >>> true = rng.random(20_000) < 1 / (1 + np.exp(1.0 - 0.5 * z))
        >>> each = np.arange(20_000)
        >>> told = fit_map(z, true.astype(float), each, each)
        >>> told.of_probability(np.array([0.5])).round(1)  # 1 / (1 + e) = 0.27
        array([0.3])
    """
    weight, worth = weights(cluster, stretch, outcome, trust)
    features = _features(z) if share is None else _features(z) * share[:, None]
    rest = np.zeros(len(z)) if rest is None else rest
    deviation = _DEVIATION * np.array([1.0, trust.slopes, trust.slopes])
    if loosened_by is not None:
        deviation *= np.sqrt(1.0 + worth / loosened_by)
    if not bent:
        deviation[2] = 1e-6
    offset, slope, bend = fit(features, outcome, weight, _PRIOR, deviation, rest).tolist()
    for side in (1.0, -1.0):  # low = slope − bend, high = slope + bend
        if slope - side * bend < _LEAST_SLOPE:
            # bend = side · (slope − least): one coefficient less.
            fewer = np.column_stack([features[:, 0], features[:, 1] + side * features[:, 2]])
            added = rest - side * _LEAST_SLOPE * features[:, 2]
            offset, slope = fit(fewer, outcome, weight, _PRIOR[:2], deviation[:2], added).tolist()
            slope = max(slope, _LEAST_SLOPE)
            bend = side * (slope - _LEAST_SLOPE)
    return LogOddsMap(rounded(offset), rounded(slope - bend), rounded(slope + bend))


def rounded(value: float) -> float:
    """To six digits: what a file holds is what was judged.

    >>> rounded(1.23456789e-5)
    1.23457e-05
    """
    return float(f"{value:.6g}")


def _features(z: FloatArray) -> FloatArray:
    """(N, 3) of offset, mean slope, and half the difference of the slopes of `LogOddsMap`."""
    fold = np.logaddexp(0.0, z) + np.logaddexp(0.0, -z)
    return np.column_stack([np.ones_like(z), z, fold])
