"""How much a track is believed: survive, hit, miss and birth as additions in log-odds.

In come the log-odds ℓ of N tracks, what happened to each of them in this frame and how long the
look before was; out go new log-odds. P(the tracked object is real) is σ(ℓ) = 1 / (1 + e^−ℓ).

```
birth     ℓ = logit(birth), then a hit whose look_s is first_look_s
time dt   p ← p · exp(−dt / lifetime_s)                     the object may have left the scene
hit       ℓ ← ℓ + look_s · hit_rate · (n − min(against, max(n, 0)))
              with n = logit(confidence) − logit(neutral_confidence)
miss      ℓ ← ℓ − look_s · miss_rate
always    floor ≤ p ≤ ceiling
```

Why not the likelihood ratio of every hit in full, as IPDA does (Musicki, Evans, Stankovic,
"Integrated probabilistic data association", IEEE TAC 39(6), 1994)? Because that is right only for
independent looks, and repeated looks at one scene are not: the same poster, cone or half-hidden
person gives nearly the same score again 33 ms later. Counting each as news makes the belief
wildly too sure. Evidence is therefore counted **per second and not per frame**: a camera of 30
frames a second does not know three times as much as one of 10. A hit at the neutral confidence
tells nothing, and one below it lowers the belief: what stays weak for long is clutter.

Floor and ceiling keep the belief able to change: no amount of past looks outweighs what is seen
for some seconds now. `score` then joins this slow belief with the evidence of the frame itself.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.config import ExistenceConfig, ScoreConfig

__all__ = [
    "add",
    "bounded_evidence",
    "coast_limit",
    "coasted_score",
    "confirm",
    "hit_score",
    "hit_weight",
    "log_odds_of",
    "logit",
    "miss_weight",
    "sigmoid",
    "survive",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Confidences are cut to [_EDGE, 1 - _EDGE]: a detector that says 0 or 1 does not know that either.
_EDGE = 1e-3
# Log-odds of probabilities that are still told apart from 0 and 1 in float64.
_STEEPEST = 30.0


def logit(probability: FloatArray) -> FloatArray:
    """Log-odds of probabilities, cut to [0.001, 0.999] first.

    Example:
        >>> logit(np.array([0.5, 0.9, 1.0])).round(3)
        array([0.   , 2.197, 6.907])
    """
    out: FloatArray = special.logit(np.minimum(np.maximum(probability, _EDGE), 1.0 - _EDGE))
    return out


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Probabilities of log-odds, always inside (0, 1).

    Example:
        >>> sigmoid(np.array([0.0, 2.197])).round(3)
        array([0.5, 0.9])
    """
    out: FloatArray = special.expit(np.minimum(np.maximum(log_odds, -_STEEPEST), _STEEPEST))
    return out


def survive(log_odds: FloatArray, dt_s: float, config: ExistenceConfig) -> FloatArray:
    """Log-odds after `dt_s` seconds in which the object may have left, looked for or not.

    p ← p s with s = exp(−dt / lifetime), which in log-odds is ℓ ← ℓ + log s − log(1 + (1 − s) e^ℓ):
    the survival step of IPDA (Musicki & Evans). Exact for any split of the time.
    """
    decay = dt_s / config.lifetime_s
    lost = -math.expm1(-decay)  # 1 − s
    out: FloatArray = log_odds - decay - np.log1p(lost * np.exp(log_odds))
    return out


def bounded_evidence(evidence: FloatArray, config: ExistenceConfig) -> FloatArray:
    """(N,) logits of confidences, cut at `surest_confidence`: above, a detector knows no better."""
    bounded: FloatArray = np.minimum(evidence, log_odds_of(config.surest_confidence))
    return bounded


def hit_weight(
    evidence: FloatArray, against: FloatArray, look_s: FloatArray, config: ExistenceConfig
) -> FloatArray:
    """What a detection adds to the log-odds of its track.

    What speaks against a place takes away what a detection there is worth, down to nothing: it
    never turns a detection into evidence against its object.

    Args:
        evidence: (N,) from `bounded_evidence`.
        against: (N,) log-odds, at least 0, that speak against its place.
        look_s: (N,) seconds that the look stands for: `ExistenceConfig.first_look_s` for the
            first detection of a track, else see `ExistenceConfig.longest_look_s`.
        config: The rates.

    Returns:
        (N,) additions, negative below the neutral confidence.
    """
    news = evidence - log_odds_of(config.neutral_confidence)
    news -= np.minimum(against, np.maximum(news, 0.0))
    news *= look_s
    news *= config.hit_rate
    return news


def miss_weight(look_s: FloatArray, config: ExistenceConfig) -> FloatArray:
    """What a look of `look_s` seconds without a detection adds to the log-odds: below 0, (N,)."""
    return look_s * -config.miss_rate


def add(log_odds: FloatArray, weight: FloatArray, config: ExistenceConfig) -> FloatArray:
    """Log-odds with the weights added, inside floor and ceiling."""
    return _bounded(log_odds + weight, config)


def confirm(log_odds: FloatArray, confirmed: BoolArray, config: ExistenceConfig) -> BoolArray:
    """Which tracks are confirmed now, with hysteresis.

    A track becomes confirmed at `confirm_at` and stays so until its existence falls below
    `release_at`, so that a belief near one threshold does not flap.

    Example:
        >>> confirm(np.array([0.0, 0.0]), np.array([True, False]), ExistenceConfig())
        array([ True, False])
    """
    now: BoolArray = log_odds >= log_odds_of(config.confirm_at)
    return now | (confirmed & (log_odds >= log_odds_of(config.release_at)))


def coast_limit(existence: FloatArray, config: ExistenceConfig) -> FloatArray:
    """Seconds that tracks of this existence are kept while looked for and not found."""
    span = config.coast_most_s - config.coast_least_s
    return config.coast_least_s + span * existence


def hit_score(
    evidence: FloatArray, against: FloatArray, log_odds: FloatArray, config: ScoreConfig
) -> FloatArray:
    """Log-odds of `score` for boxes that were seen.

    Args:
        evidence: (N,) logit of the detection's confidence.
        against: (N,) log-odds that speak against its place (the clutter map).
        log_odds: (N,) log-odds of the track's existence, this hit included.
        config: The weights.
    """
    return (
        config.confidence_weight * evidence
        - against
        + config.existence_weight * log_odds
        + config.bias
    )


def coasted_score(log_odds: FloatArray, spread: FloatArray, config: ScoreConfig) -> FloatArray:
    """Log-odds of `score` for boxes that were predicted.

    Args:
        log_odds: (N,) log-odds of the track's existence.
        spread: (N,) standard deviation of the predicted centre over the height of the box: a
            box that may be anywhere is not a box around the object.
        config: The weights.
    """
    return (
        config.coast_existence_weight * log_odds
        + config.coast_bias
        - config.coast_uncertainty_weight * spread
    )


@functools.lru_cache(maxsize=256)
def log_odds_of(probability: float) -> float:
    """Log-odds of one probability in (0, 1); 0 and 1 give −30 and 30.

    Example:
        >>> log_odds_of(0.5)
        0.0
    """
    if probability <= 0.0:
        return -_STEEPEST
    if probability >= 1.0:
        return _STEEPEST
    return math.log(probability / (1.0 - probability))


def _bounded(log_odds: FloatArray, config: ExistenceConfig) -> FloatArray:
    """Log-odds inside floor and ceiling."""
    low, high = log_odds_of(config.floor), log_odds_of(config.ceiling)
    out: FloatArray = np.minimum(np.maximum(log_odds, low), high)
    return out
