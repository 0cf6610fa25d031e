"""The rules that are compared with: each a few equations on the history of every track at once.

In come what a rule remembers of N tracks and the confidence of each in this look, NaN for a miss;
out go the new memory, and from it existence and score. Parameters are those of the sources.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from tracker.existence import logit, sigmoid

__all__ = ["Counting", "Ema", "Fuser", "Ipda", "KalmanLogit", "Median", "NoisyOr", "Raw"]

FloatArray = NDArray[np.float64]


class Fuser(ABC):
    """One rule. Its memory is an array of one row a track and `columns` numbers.

    A detection of a new track calls `birth`; for a known track every update calls `age`, and
    `look` if a detector looked. None of them changes its arguments. Confidences are (N,) in
    [0, 1], NaN where the track was not found.
    """

    columns = 1

    def birth(self, confidence: FloatArray) -> FloatArray:
        """(N, columns) memory after the first detection."""
        return confidence[:, None]

    def age(self, memory: FloatArray, dt_s: float) -> FloatArray:
        """Memory after `dt_s` seconds, looked or not."""
        return memory

    @abstractmethod
    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """Memory after a look."""

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(N,) existence and (N,) score, in [0, 1]; NaN where the box is predicted."""
        return memory[:, 0], memory[:, 0]


class Raw(Fuser):
    """The confidence of the last box: what a plain score threshold works with."""

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """The new confidence, where there is one."""
        return np.where(np.isnan(confidence[:, None]), memory, confidence[:, None])

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A predicted box has no score."""
        return memory[:, 0], np.nan_to_num(confidence)


class Counting(Fuser):
    """n hits in the last m looks, with n = m = 3.

    The rule of SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016:
    `min_hits=3`, a miss starts the count anew, no output without a detection). Its exception for
    the first frames of a video is left out.
    """

    columns = hits = 3

    def birth(self, confidence: FloatArray) -> FloatArray:
        """One hit, no looks before."""
        return np.tile([0.0] * (self.columns - 1) + [1.0], (len(confidence), 1))

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """The oldest look makes room for this one."""
        return np.column_stack([memory[:, 1:], ~np.isnan(confidence)])

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A box has its raw confidence where the count is reached, else none."""
        share = np.minimum(memory.sum(axis=1) / self.hits, 1.0)
        return share, np.where(share >= 1.0, np.nan_to_num(confidence), 0.0)


class Median(Fuser):
    """Median of the last 10 scores, a miss being 0, padded with zeros to at least 3.

    The rule of Frigate (docs.frigate.video, "Object Filters": computed score).
    """

    columns = 10
    least = 3

    def birth(self, confidence: FloatArray) -> FloatArray:
        """One score; −1 stands for none yet."""
        none = np.full((len(confidence), self.columns - 1), -1.0)
        return np.column_stack([none, confidence])

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """The oldest score makes room for this one."""
        return np.column_stack([memory[:, 1:], np.nan_to_num(confidence)])

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The median, for the boxes too."""
        scores = memory.copy()
        scores[:, -self.least :] = np.maximum(scores[:, -self.least :], 0.0)
        count = np.count_nonzero(scores >= 0.0, axis=1)
        scores.sort(axis=1)  # what is none comes first
        row, first = np.arange(len(scores)), self.columns - count
        middle = scores[row, first + (count - 1) // 2] + scores[row, first + count // 2]
        return middle / 2.0, middle / 2.0


class Ema(Fuser):
    """Exponential moving average of the confidences, a miss being 0.

    The weight 0.1 of a new value at 30 frames a second (0.9 of the old one, as trackers smooth
    appearance since JDE: Wang et al., ECCV 2020) as a time constant, for uneven times as in
    Wright, "Forecasting data published at irregular time intervals using an extension of Holt's
    method", Management Science 32(4), 1986.
    """

    columns = 2  # average, seconds since the last look
    time_s = -1.0 / (30.0 * math.log(0.9))

    def birth(self, confidence: FloatArray) -> FloatArray:
        """The average starts at the first value."""
        return np.column_stack([confidence, np.zeros(len(confidence))])

    def age(self, memory: FloatArray, dt_s: float) -> FloatArray:
        """The next look stands for all the time since the last one."""
        return np.column_stack([memory[:, 0], memory[:, 1] + dt_s])

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """The new value takes its share."""
        old = np.exp(-memory[:, 1] / self.time_s)
        average = old * memory[:, 0] + (1.0 - old) * np.nan_to_num(confidence)
        return np.column_stack([average, np.zeros(len(average))])


class NoisyOr(Fuser):
    """The chance that not all detections were wrong, fading by 0.2 a frame.

    CBMOT (Benbarka, Schröder, Zell, "Score refinement for confidence-based 3D multi-object
    tracking", IROS 2021): update "multiplication", decay 0.2, as in the runs its authors publish.
    """

    decay = 0.2

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """Fade, then join; a miss joins nothing."""
        faded = np.maximum(memory[:, 0] - self.decay, 0.0)
        joined: FloatArray = 1.0 - (1.0 - faded) * (1.0 - np.nan_to_num(confidence))
        return joined[:, None]


class Ipda(Fuser):
    """Integrated probabilistic data association, every look independent; memory in log-odds.

    Mušicki, Evans, Stanković, IEEE TAC 39(6), 1994, for one detection in the gate: with the
    likelihood ratio Λ of "from the object" against "clutter", existence has odds × (1 − D + D Λ)
    after a hit, × (1 − D) after a miss, and the box is the object's with probability
    existence · D Λ / (1 − D + D Λ). Λ comes from the confidence as from an amplitude (Lerro &
    Bar-Shalom, IEEE TAES 29(2), 1993): taken at its word, c is P(right) from even odds, so
    Λ = c / (1 − c). D = 0.9; survival 0.98 a second, usual for scans of one second.
    """

    detected = 0.9
    survival = 0.98

    def birth(self, confidence: FloatArray) -> FloatArray:
        """Even odds, then a detection that is there for certain."""
        return logit(confidence)[:, None]

    def age(self, memory: FloatArray, dt_s: float) -> FloatArray:
        """P ← P s, in log-odds."""
        stay = dt_s * math.log(self.survival)
        survived: FloatArray = memory + stay - np.log1p(-math.expm1(stay) * np.exp(memory))
        return survived

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """Add the log-likelihood ratio of the hit or miss."""
        news: FloatArray = memory + np.log(1.0 - self.detected + self._right(confidence))[:, None]
        return np.clip(news, -30.0, 30.0)

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A seen box is the object's if the object exists and the detection is not clutter."""
        existence, right = sigmoid(memory[:, 0]), self._right(confidence)
        share = np.where(np.isnan(confidence), 1.0, right / (1.0 - self.detected + right))
        return existence, existence * share

    def _right(self, confidence: FloatArray) -> FloatArray:
        """D Λ of hits, 0 of misses."""
        return self.detected * np.exp(np.nan_to_num(logit(confidence), nan=-np.inf))


class KalmanLogit(Fuser):
    """Scalar Kalman filter on logit(confidence), which wanders at random.

    A miss measures the confidence below which detectors keep silent (0.05). Filter: Bar-Shalom,
    Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, ch. 5. The
    probability averages over the uncertainty of the logit x: σ(x / √(1 + π P / 8)) (MacKay, "The
    evidence framework applied to classification networks", 1992).
    """

    columns = 2  # logit, its variance P
    noise = 1.0  # variance of a measured logit
    wander = 1.0  # growth of P, per second
    silent = 0.05

    def birth(self, confidence: FloatArray) -> FloatArray:
        """The first measurement."""
        return np.column_stack([logit(confidence), np.full(len(confidence), self.noise)])

    def age(self, memory: FloatArray, dt_s: float) -> FloatArray:
        """P ← P + q dt."""
        return np.column_stack([memory[:, 0], memory[:, 1] + self.wander * dt_s])

    def look(self, memory: FloatArray, confidence: FloatArray) -> FloatArray:
        """Update: x ← x + K (z − x), P ← (1 − K) P with K = P / (P + R)."""
        x, variance = memory.T
        gain = variance / (variance + self.noise)
        measured = logit(np.nan_to_num(confidence, nan=self.silent))
        return np.column_stack([x + gain * (measured - x), (1.0 - gain) * variance])

    def read(self, memory: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The mean probability, for the boxes too."""
        mean = sigmoid(memory[:, 0] / np.sqrt(1.0 + np.pi / 8.0 * memory[:, 1]))
        return mean, mean
