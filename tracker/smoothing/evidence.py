"""What all looks at a track, past and future, say about one frame.

In come the looks of N tracks as sums over the time around a frame; out go log-odds of `existence`
and of `score` there. Symbols:

| symbol | meaning | unit |
|---|---|---|
| vᵢ | value of look i, at a miss logit(miss_score), at a hit | log-odds |
| | logit(score) − history · logit(existence earned), as the tracker had them online | |
| v₀ | logit(neutral_score) | log-odds |
| sᵢ | seconds that look i stands for | s |
| kᵢ | exp(−∣t − tᵢ∣ / window_s), the weight of a look at another time | |
| N | Σ kᵢ sᵢ, how long was looked around t | s |
| S | Σ kᵢ sᵢ (vᵢ − v₀) | s · log-odds |

The evidence is L = S / (N + repeat_s): a mean, and not a sum, because looks at one scene repeat
each other. It is what the model of `tracker.existence` gives for looks that are nearly all alike
(ρ near 1), taken over the past and the future at once: `repeat_s` says after how much looking
more of the same is no news.

Both sums run over the past with the frame itself (forward) and over the future without it
(backward), so that the present is counted once; each is one number a track, and fades with
exp(−dt / window_s) from frame to frame in its direction.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tracker.config import SmoothingConfig, TrackerConfig
from tracker.errors import InputError
from tracker.existence import log_odds_of

__all__ = [
    "Looks",
    "check_fuser",
    "existence",
    "fade",
    "level",
    "miss_value",
    "seen_score",
    "unseen_score",
    "values",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Public values lie in (0, 1), also as float32.
_STEEPEST = 13.0


def check_fuser(config: TrackerConfig) -> None:
    """See whether what a tracker of these settings tells can be smoothed.

    Raises:
        InputError: It is of another fuser, whose numbers are not log-odds of evidence.
    """
    if config.fuser != "evidence":
        raise InputError(
            f"smoothing is for the fuser 'evidence', not {config.fuser!r}: track with"
            ' fuser = "evidence", or do not smooth'
        )


def values(score: FloatArray, earned: FloatArray, config: SmoothingConfig) -> FloatArray:
    """(N,) values vᵢ of looks that found a detection, from log-odds that the tracker had online."""
    return score - config.history * earned


def fade(dt_s: float, config: SmoothingConfig) -> float:
    """Share of the weight of a look that is left `dt_s` seconds further away."""
    return math.exp(-dt_s / config.window_s)


def miss_value(config: SmoothingConfig) -> float:
    """Value of a look that did not find the track, in log-odds."""
    return log_odds_of(config.miss_score)


def level(support: FloatArray, looked_s: FloatArray, config: SmoothingConfig) -> FloatArray:
    """(N,) evidence L.

    Args:
        support: (N,) Σ kᵢ sᵢ (vᵢ − value of a miss) over the hits.
        looked_s: (N,) N, over hits and misses.
        config: The model.

    Example:
        Seen once, or all the time:

        >>> config = SmoothingConfig(miss_score=0.1, neutral_score=0.5, repeat_s=0.1)
        >>> hit = 3.0 - miss_value(config)  # a look at 3 log-odds
        >>> level(np.array([0.1 * hit, 100 * hit]), np.array([0.1, 100.0]), config).round(2)
        array([1.5, 3. ])
    """
    miss = miss_value(config) - log_odds_of(config.neutral_score)
    out: FloatArray = (support + miss * looked_s) / (looked_s + config.repeat_s)
    return out


def existence(evidence: FloatArray, config: SmoothingConfig) -> FloatArray:
    """(N,) log-odds of existence from the evidence L."""
    return _bounded(config.existence_bias + config.existence_gain * evidence)


def seen_score(evidence: FloatArray, score: FloatArray, config: SmoothingConfig) -> FloatArray:
    """(N,) log-odds of the score of boxes that were seen.

    Args:
        evidence: (N,) L.
        score: (N,) log-odds of the score online.
        config: The model.
    """
    look = config.look_weight * (score - log_odds_of(config.neutral_score))
    return _bounded(config.seen_bias + config.score_gain * evidence + look)


def unseen_score(
    evidence: FloatArray, spread: FloatArray, outside: NDArray[np.bool_], config: SmoothingConfig
) -> FloatArray:
    """(N,) log-odds of the score of boxes between detections, before and after them.

    Args:
        evidence: (N,) L.
        spread: (N,) standard deviation of the centre over the height of the box.
        outside: (N,) mask of those before the first or after the last detection.
        config: The model.
    """
    return _bounded(
        config.unseen_bias
        + config.score_gain * evidence
        - config.uncertainty_weight * spread
        - config.outside * outside
    )


class Looks:
    """The looks at a scene: how long was looked around a frame, whether anything was there or not.

    Args:
        now_s: (F,) times of frames, s.
        look_s: (F,) seconds that the look at each stands for, 0 where nobody looked.
        config: The window.
    """

    def __init__(self, now_s: FloatArray, look_s: FloatArray, config: SmoothingConfig) -> None:
        """Keep the columns."""
        self.now_s, self.look_s = now_s, look_s
        self._window_s = config.window_s

    def before(self, k: int, since_s: FloatArray) -> FloatArray:
        """(N,) seconds of looking, weighted as seen from frame `k`, before it and since a time."""
        first = np.searchsorted(self.now_s, since_s)
        start = int(np.minimum.reduce(first, initial=k))
        sums = self._weights(k, slice(start, k))[::-1].cumsum()[::-1]
        out: FloatArray = np.append(sums, 0.0)[np.minimum(first, k) - start]
        return out

    def after(self, k: int, until_s: FloatArray) -> FloatArray:
        """(N,) the same after frame `k` and until a time."""
        last = np.searchsorted(self.now_s, until_s, side="right")
        stop = int(np.maximum.reduce(last, initial=k + 1))
        sums = self._weights(k, slice(k + 1, stop)).cumsum()
        out: FloatArray = np.concatenate([[0.0], sums])[np.maximum(last, k + 1) - k - 1]
        return out

    def _weights(self, k: int, frames: slice) -> FloatArray:
        away = np.abs(self.now_s[frames] - self.now_s[k])
        weights: FloatArray = self.look_s[frames] * np.exp(-away / self._window_s)
        return weights


def _bounded(log_odds: FloatArray) -> FloatArray:
    return np.minimum(np.maximum(log_odds, -_STEEPEST), _STEEPEST)
