"""How much a track is believed: a Bayesian rule for looks that are not independent.

In come what N tracks have shown so far and what a look at each of them brought; out go the
log-odds ℓ that each follows a real object, P(real) = σ(ℓ) = 1 / (1 + e^−ℓ).

**The question.** A track was hit or missed in a row of looks. Look i brings the evidence

    x_i = logit(confidence) − logit(neutral)      at a hit, less what speaks against its place
    x_i = −miss · telling                         at a miss (`tracker.visibility`)

Adding up log-likelihood ratios, as IPDA does (Musicki, Evans, Stankovic, "Integrated probabilistic
data association", IEEE TAC 39(6), 1994), is right only for independent looks. Looks at one scene
are not: the same poster, cone or half-hidden person gives nearly the same score 33 ms later, and
still does after a minute.

**The model** has the scatter of looks in two parts, one common to all looks at a track and one of
each look (random effects; Laird & Ware, Biometrics 38, 1982):

    x_i = ± δ/2 + b + e_i,    b ~ N(0, ρ σ²),    e_i ~ N(0, (1 − ρ) σ²),    + if real, − if not

The mean of n looks then has the variance σ² (ρ + (1 − ρ) / n) whether the object is real or not,
and the log-likelihood ratio of all looks together is, with g = δ / σ² and S = Σ x_i,

```
                  S                     ρ → 0   g · S        independent looks: IPDA
ℓ = ℓ0 + g · ───────────                ρ → 1   g · S / n    a hundred looks tell as much as one
             1 + ρ (n−1)                n → ∞   g · x̄ / ρ    what stays weak is never believed
```

n / (1 + ρ (n − 1)) is the number of independent looks that n correlated ones are worth (the design
effect of survey statistics; Kish, "Survey Sampling", 1965). It needs no list of looks: n and S are
two numbers a track.

**Time.** Frames close together repeat each other, so a frame of dt seconds is dt / look_s of a
look, at most longest_look_s / look_s: 10 and 30 frames a second of one scene give the same belief.
What b stands for (pose, distance, light) changes over time, so n and S fade with memory_s, and
belief in what nobody looks at goes back towards ℓ0.

| symbol | setting | unit |
|---|---|---|
| ℓ0 | `birth`, plus `moved` once the track has left its place | log-odds |
| g | `gain` | log-odds a look and unit of logit(confidence) |
| ρ | `correlation` | share of the variance |
| logit(neutral) | `neutral_confidence` | |

`score` then joins this slow belief with the evidence of the frame itself.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.config import ExistenceConfig, ScoreConfig

__all__ = [
    "LONGEST_SEARCH_S",
    "TIME_ROUNDING_S",
    "agreed",
    "bounded_evidence",
    "coast_limit",
    "coasted_score",
    "confirm",
    "counted",
    "faded",
    "hit_evidence",
    "hit_score",
    "living",
    "log_odds",
    "log_odds_of",
    "logit",
    "look_share",
    "sigmoid",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A look after a longer pause counts as a search of this long: one miss must not end a track.
LONGEST_SEARCH_S = 0.25
# Room for rounding when seconds add up to a limit.
TIME_ROUNDING_S = 1e-6
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


def faded(dt_s: float, config: ExistenceConfig) -> float:
    """Share of looks and support that is left after `dt_s` seconds; exact for any split of them."""
    return math.exp(-dt_s / config.memory_s)


def bounded_evidence(evidence: FloatArray, config: ExistenceConfig) -> FloatArray:
    """(N,) logits of confidences, cut at `surest_confidence`: above, a detector knows no better."""
    bounded: FloatArray = np.minimum(evidence, log_odds_of(config.surest_confidence))
    return bounded


def hit_evidence(evidence: FloatArray, against: FloatArray, config: ExistenceConfig) -> FloatArray:
    """The evidence x of looks that found a detection.

    What speaks against a place takes away what a detection there is worth, down to nothing: it
    never turns a detection into evidence against its object.

    Args:
        evidence: (N,) from `bounded_evidence`.
        against: (N,) log-odds, at least 0, that speak against its place.
        config: The model.

    Returns:
        (N,) evidence, negative below the neutral confidence.
    """
    news: FloatArray = evidence - log_odds_of(config.neutral_confidence)
    news -= np.minimum(against, np.maximum(news, 0.0))
    return news


def look_share(look_s: float, config: ExistenceConfig) -> float:
    """What a frame that stands for `look_s` seconds is of a look in full, at most 1."""
    return min(look_s / config.look_s, 1.0)


def counted(
    looks: FloatArray, support: FloatArray, fade: float, share: FloatArray, news: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Looks n and support S after one more look.

    Args:
        looks: (N,) n before it.
        support: (N,) S before it.
        fade: Share of both that is left, see `faded`.
        share: (N,) what the frame is of a look in full.
        news: (N,) evidence x that it brought.
    """
    return looks * fade + share, support * fade + share * news


def log_odds(
    looks: FloatArray, support: FloatArray, moved: BoolArray, config: ExistenceConfig
) -> FloatArray:
    """Log-odds of existence, inside floor and ceiling.

    Args:
        looks: (N,) looks n, faded; frames count in shares of a look.
        support: (N,) their sum of evidence S, faded.
        moved: (N,) whether the track has left the place where it began.
        config: The model.

    Example:
        With independent looks four of them say four times as much as one, with fully correlated
        ones as much as one:

        >>> four = np.array([4.0]), np.array([8.0]), np.array([False])
        >>> for rho in (0.0, 1.0):
        ...     config = ExistenceConfig(birth=0.5, gain=0.5, correlation=rho)
        ...     print(log_odds(*four, config))
        [4.]
        [1.]
    """
    prior = log_odds_of(config.birth)
    worth = 1.0 + config.correlation * np.maximum(looks - 1.0, 0.0)
    out: FloatArray = prior + config.moved * moved + config.gain * support / worth
    low, high = log_odds_of(config.floor), log_odds_of(config.ceiling)
    return np.minimum(np.maximum(out, low), high)


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


def living(
    log_odds: FloatArray, found_s: FloatArray, looked_s: float, config: ExistenceConfig
) -> BoolArray:
    """(N,) mask of the tracks that were found not longer ago than their belief allows.

    Args:
        log_odds: (N,) of existence.
        found_s: (N,) seconds that had been searched when each was found last.
        looked_s: Seconds that have been searched in all, a frame counting for at most
            `LONGEST_SEARCH_S`.
        config: The limits.
    """
    limit = coast_limit(sigmoid(log_odds), config)
    limit += found_s
    mask: BoolArray = limit >= looked_s - TIME_ROUNDING_S
    return mask


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


def agreed(
    log_odds: FloatArray, score: FloatArray, seen: BoolArray, agreement: float
) -> tuple[FloatArray, FloatArray]:
    """Existence and score as they are told: a box can only be right if its object exists.

    Args:
        log_odds: (N,) log-odds of the existence that was earned.
        score: (N,) log-odds of the score.
        seen: (N,) boxes that were seen. Of the others nothing new is known, so that their score is
            told as at most the existence.
        agreement: Where seen boxes meet, from existence (0) to score (1).

    Example:
        >>> seen = np.array([True, False])
        >>> told = agreed(np.array([-2.0, -2.0]), np.array([2.0, 2.0]), seen, 0.7)
        >>> [column.round(3).tolist() for column in told]
        [[0.8, -2.0], [0.8, -2.0]]
    """
    over = score > log_odds
    told = np.where(over & seen, log_odds + agreement * (score - log_odds), log_odds)
    return told, np.where(over, told, score)


def coasted_score(
    log_odds: FloatArray, spread: FloatArray, hidden: FloatArray, config: ScoreConfig
) -> FloatArray:
    """Log-odds of `score` for boxes that were predicted.

    Args:
        log_odds: (N,) log-odds of the track's existence.
        spread: (N,) standard deviation of the predicted centre over the height of the box: a
            box that may be anywhere is not a box around the object.
        hidden: (N,) share of the box that something in front covers: the reason why an object
            that is there was not found.
        config: The weights.
    """
    return (
        config.coast_existence_weight * log_odds
        + config.coast_bias
        - config.coast_uncertainty_weight * spread
        + config.coast_hidden_weight * hidden
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
