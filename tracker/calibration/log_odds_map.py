"""A probability bent into another one that is true.

In come log-odds that rank well but are too sure or too timid; out go log-odds to be told. The map

    told = offset + low · −log(1 + e^−z) + high · log(1 + e^z)

is beta calibration (Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017) written in log-odds
z: far below 0 its slope is `low`, far above it is `high`. With equal slopes it is a line: Platt's
(1999). It rises everywhere, so it changes no order, and a threshold on what is told is a threshold
on what goes in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.errors import ConfigError

__all__ = ["LEAST_SLOPE", "LogOddsMap", "check_offset", "check_slope"]

FloatArray = NDArray[np.float64]

# A map must rise, or what is told could not be held to a threshold.
LEAST_SLOPE = 0.01
_MOST_SLOPE = 100.0
_FURTHEST = 100.0
# Public values lie inside (0, 1).
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class LogOddsMap:
    """A rising map of log-odds; without arguments it changes nothing.

    Attributes:
        offset: What is added to all.
        low: Slope far below 0.
        high: Slope far above 0.

    Raises:
        ConfigError: A value that is not finite, or a slope outside [0.01, 100].

    Example:
        >>> LogOddsMap(offset=1.0, low=0.5, high=0.5)(np.array([-2.0, 0.0, 2.0])).round(6).tolist()
        [0.0, 1.0, 2.0]
    """

    offset: float = 0.0
    low: float = 1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Check the values."""
        check_offset("offset", self.offset)
        check_slope("low", self.low)
        check_slope("high", self.high)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.offset == 0.0 and self.low == 1.0 and self.high == 1.0

    def __call__(self, z: FloatArray) -> FloatArray:
        """Log-odds to be told for log-odds z."""
        if self.low == self.high:
            line: FloatArray = self.offset + self.low * z
            return line
        told: FloatArray = (
            self.offset - self.low * np.logaddexp(0.0, -z) + self.high * np.logaddexp(0.0, z)
        )
        return told

    def of_probability(self, probability: FloatArray) -> FloatArray:
        """Probabilities to be told for probabilities, both inside (0, 1).

        Example:
            >>> LogOddsMap(low=2.0, high=2.0).of_probability(np.array([0.5, 0.75])).round(6)
            array([0.5, 0.9])
        """
        told: FloatArray = special.expit(self(special.logit(probability)))
        return np.minimum(np.maximum(told, _LEAST), 1.0 - _LEAST)

    def before(self, probability: float) -> float:
        """The probability that is told as this one; 0 stays 0, and 1 stays 1.

        Example:
            >>> round(LogOddsMap(low=2.0, high=2.0).before(0.9), 6)
            0.75
        """
        if not 0.0 < probability < 1.0:
            return probability
        wanted = math.log(probability / (1.0 - probability))
        low, high = -1.0, 1.0
        while self._at(low) > wanted:
            low *= 2.0
        while self._at(high) < wanted:
            high *= 2.0
        for _ in range(100):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._at(middle) < wanted else (low, middle)
        return float(special.expit(0.5 * (low + high)))

    def _at(self, z: float) -> float:
        return float(self(np.array([z]))[0])


def check_offset(name: str, value: object) -> None:
    """Raise `ConfigError` unless the value is a finite offset of log-odds."""
    _check(name, value, -_FURTHEST, _FURTHEST)


def check_slope(name: str, value: object) -> None:
    """Raise `ConfigError` unless the value is a slope that rises."""
    _check(name, value, LEAST_SLOPE, _MOST_SLOPE)


def _check(name: str, value: object, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        raise ConfigError(f"{name} must be a number in [{least:g}, {most:g}], got {value!r}")
