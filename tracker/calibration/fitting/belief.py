"""Constants of the belief, fitted to real and false tracks.

In come traces with what turned out; out go `Constants`. The log-odds of `tracker.existence`

    ℓ = ℓ0 + moved · m + g · (E − logit(neutral) · H − miss · M) / w        w = 1 + ρ (n − 1)

are linear in ℓ0, moved, g, g · logit(neutral) and g · miss, given ρ: E is the faded sum of the
evidence of hits, H and M the faded shares of looks that were hits and misses (n = H + M). So for
each ρ they are the coefficients of a logistic regression of "the track is real", and ρ is the one
under which the tracks are most probable, with a prior around the shipped value.
`memory_s`, with which E, H and M fade, is the mean of its posterior in the same way, where truth is
known: guesses are made of whole lives, for which what was seen long ago tells as much as what was
seen last, and would ask for ever longer memories.

**Shape only.** What most differs between detectors is the level and the scale of ℓ; both are told
by the `LogOddsMap` of existence, where they change nothing of what is tracked. So the regression is
divided by the line that fits best first, and the constants stay in the scale of the shipped ones,
which association and coasting rely on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.calibration.fitting.labels import Labels
from tracker.calibration.fitting.logistic import fit, weights
from tracker.calibration.fitting.maps import rounded
from tracker.calibration.fitting.trace import Trace, joined
from tracker.calibration.model import Constants
from tracker.config import ExistenceConfig
from tracker.existence import bounded_evidence, hit_evidence, log_odds_of

__all__ = ["fit_constants", "leaky_sums"]

FloatArray = NDArray[np.float64]

# Correlations that are tried, as factors of the setting, and the deviation of their logarithm.
_FACTORS = np.array([0.25, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0])
_LOG_DEVIATION = 0.5
# The same of memories: no two sets ask for the same, none for much (docs/calibration.md).
_MEMORIES = np.array([0.5, 0.71, 1.0, 1.41, 2.0])
_MEMORY_DEVIATION = 0.15
# How far line and coefficients may lie from what is expected: the line as scattered as detectors
# are, coefficients in shares of themselves, the constant in log-odds.
_LINE = np.array([1.2, 0.45])
_SHARE, _CONSTANT = 0.15, 0.3
# No constant moves further than by this factor.
_FURTHEST = 2.0


def fit_constants(
    traces: Sequence[Trace],
    labels: Sequence[Labels],
    config: ExistenceConfig,
    *,
    memory: bool = True,
) -> Constants:
    """Fit the constants to what turned out.

    Args:
        traces: Of the tracker with these settings.
        labels: Of each.
        config: The settings, which the constants start from.
        memory: Whether `memory_s` is fitted too, where truth is known.
    """
    counts = np.concatenate([one.counts for one in labels])
    real = np.concatenate([one.real for one in labels])[counts]
    if not len(real):
        return Constants()
    weight, _ = weights(
        joined(traces, "track_id")[counts],
        joined(traces, "stretch")[counts],
        real,
        labels[0].trust,
    )
    moved = joined(traces, "moved")[counts].astype(np.float64)
    neutral = log_odds_of(config.neutral_confidence)
    prior = np.array(
        [
            log_odds_of(config.birth), config.moved, config.gain,
            config.gain * neutral, config.gain * config.miss,
        ]
    )  # fmt: skip

    def fitted(memory_s: float, correlations: FloatArray) -> tuple[float, float, FloatArray]:
        """The logarithm of how probable all is with the best ρ, that ρ, and the coefficients."""
        sums = np.concatenate([leaky_sums(one, config, memory_s) for one in traces])[counts]
        looks = -sums[:, 1] - sums[:, 2]
        best: tuple[float, float, FloatArray] | None = None
        for rho in correlations.tolist():
            worth = 1.0 + rho * np.maximum(looks - 1.0, 0.0)
            features = np.column_stack([np.ones_like(looks), moved, *(sums / worth[:, None]).T])
            line = _line(features @ prior, real, weight)
            shape, value = _shape(features, real, weight, prior, line)
            value -= _away(rho, config.correlation, _LOG_DEVIATION)
            value -= _away(memory_s, config.memory_s, _MEMORY_DEVIATION)
            if best is None or value > best[0]:
                best = (value, rho, shape)
        assert best is not None
        return best

    memory_s = None
    best = fitted(config.memory_s, np.minimum(config.correlation * _FACTORS, 1.0))
    if memory and labels[0].trust.is_of_labels:
        known, tried = np.array([best[1]]), np.log(config.memory_s * _MEMORIES)
        values = np.array([fitted(one, known)[0] for one in np.exp(tried).tolist()])
        memory_s = _near(float(np.exp(special.softmax(values) @ tried)), config.memory_s)
        best = fitted(memory_s, known)
    _, rho, (birth, moved_by, gain, level, misses) = best
    gain = max(gain, config.gain / _FURTHEST)
    return Constants(
        birth=_near(special.expit(birth), config.birth),
        neutral_confidence=_near(special.expit(level / gain), config.neutral_confidence),
        gain=_near(gain, config.gain),
        correlation=_near(rho, config.correlation),
        miss=_near(misses / gain, config.miss),
        moved=_near(moved_by, config.moved),
        memory_s=memory_s,
    )


def leaky_sums(found: Trace, config: ExistenceConfig, memory_s: float | None = None) -> FloatArray:
    """(N, 3) the faded sums E, −H and −M of each row's track, see above.

    E has what spoke against the places of hits taken off already.

    Args:
        found: Of a tracker with these settings.
        config: The settings.
        memory_s: With which the sums fade, s; None is that of the settings.
    """
    order = np.lexsort((found.frame, found.track_id))
    track, time = found.track_id[order], found.timestamp_s[order]
    first = np.concatenate([[True], track[1:] != track[:-1]]) if len(track) else track > 0
    before = np.where(first, 0, np.arange(len(track)) - 1)
    fade = np.where(first, 0.0, np.exp(-(time - time[before]) / config.memory_s))
    looks = found.looks[order]
    share = looks - fade * looks[before]
    if memory_s is not None:
        fade = np.where(first, 0.0, np.exp(-(time - time[before]) / memory_s))
    hit = found.seen[order]
    evidence = np.where(hit, bounded_evidence(found.evidence[order], config), 0.0)
    news = np.where(hit, hit_evidence(evidence, found.against[order], config), 0.0)
    # What is left of the evidence once its place has spoken: news = evidence − neutral − lost.
    news += np.where(hit, log_odds_of(config.neutral_confidence), 0.0)
    sums = np.column_stack([share * news, -share * hit, -share * ~hit])
    # All tracks advance together, one row each at a time.
    start = np.maximum.accumulate(np.where(first, np.arange(len(track)), 0))
    age = np.arange(len(track)) - start
    by_age = np.argsort(age, kind="stable")
    bounds = np.searchsorted(age[by_age], np.arange(1, age.max(initial=0) + 2))
    for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = by_age[a:b]
        sums[rows] += fade[rows, None] * sums[rows - 1]
    out = np.empty_like(sums)
    out[order] = sums
    return out


def _away(value: float, shipped: float, deviation: float) -> float:
    """What the prior of a constant takes off, its logarithm being normal around the shipped one."""
    return 0.5 * float(np.log(value / shipped) / deviation) ** 2 if value else 0.0


def _line(z: FloatArray, real: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Offset and slope that make log-odds z true."""
    features = np.column_stack([np.ones_like(z), z])
    offset, slope = fit(features, real, weight, np.array([0.0, 1.0]), _LINE).tolist()
    return offset, max(slope, 0.1)


def _shape(
    features: FloatArray,
    real: FloatArray,
    weight: FloatArray,
    prior: FloatArray,
    line: tuple[float, float],
) -> tuple[FloatArray, float]:
    """The coefficients without the line, and the logarithm of how probable all is."""
    offset, slope = line
    expected = prior * slope
    expected[0] += offset
    deviation = np.maximum(np.abs(expected) * _SHARE, 1e-3)
    deviation[0] = _CONSTANT
    found = fit(features, real, weight, expected, deviation)
    z = features @ found
    value = float(weight @ (real * z - np.logaddexp(0.0, z)))
    value -= 0.5 * float((((found - expected) / deviation) ** 2).sum())
    found = found.copy()
    found[0] -= offset
    return found / slope, value


def _near(value: float, shipped: float) -> float:
    """A constant, not too far from the shipped one."""
    return rounded(float(np.clip(value, shipped / _FURTHEST, shipped * _FURTHEST)))
