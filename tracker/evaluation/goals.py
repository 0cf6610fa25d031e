"""What is wanted of a threshold: the least cost, a precision, or a recall.

In: what a user says a miss and a false alarm cost, or the share that must be right or found. Out: a
checked `Goal`.

For a true probability no search is needed: letting a thing through pays where p · cost_miss is
above (1 − p) · cost_false, that is from p = cost_false / (cost_miss + cost_false) on. `believed`
is that number; the further the best threshold is from it, the less calibrated the probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["Goal"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a threshold; exactly one of the three.

    Attributes:
        cost_miss: What each missed object costs, with `cost_false`.
        cost_false: What each false alarm costs, in the same unit.
        precision: Least share of what is let through that must be right, as much of it as possible.
        recall: Least share of the objects that must be found, as few false ones as possible.

    Raises:
        InputError: None or several are given, or a value is out of range.
    """

    cost_miss: float | None = None
    cost_false: float | None = None
    precision: float | None = None
    recall: float | None = None

    def __post_init__(self) -> None:
        """Check."""
        costs = (self.cost_miss, self.cost_false)
        if (costs[0] is None) != (costs[1] is None):
            raise InputError("give both --cost-miss and --cost-false: only their ratio matters")
        given = [costs[0], self.precision, self.recall]
        if sum(value is not None for value in given) != 1:
            raise InputError("give costs, or --precision, or --recall: one of the three")
        for name in ("cost_miss", "cost_false"):
            value = getattr(self, name)
            if value is not None and not (0.0 < value < np.inf):
                raise InputError(f"{name} must be a finite number above 0, got {value:g}")
        for name in ("precision", "recall"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value <= 1.0:
                raise InputError(f"{name} must be in (0, 1], got {value:g}")

    @property
    def words(self) -> str:
        """The goal in words.

        >>> Goal(cost_miss=10, cost_false=1).words, Goal(precision=0.95).words
        ('a miss that costs 10 and a false alarm that costs 1', 'a precision of at least 0.95')
        """
        if self.cost_miss is not None:
            return (
                f"a miss that costs {self.cost_miss:g} and a false alarm that costs"
                f" {self.cost_false:g}"
            )
        if self.precision is not None:
            return f"a precision of at least {self.precision:g}"
        return f"a recall of at least {self.recall:g}"

    @property
    def believed(self) -> float:
        """The threshold that a true probability would call for; NaN without costs.

        >>> Goal(cost_miss=9, cost_false=1).believed
        0.1
        """
        if self.cost_miss is None or self.cost_false is None:
            return float("nan")
        return self.cost_false / (self.cost_miss + self.cost_false)

    def cost(self, true: FloatArray, false: FloatArray, objects: FloatArray) -> FloatArray:
        """What counts cost, element by element; NaN without costs."""
        if self.cost_miss is None or self.cost_false is None:
            return np.full(np.shape(true), np.nan)
        cost: FloatArray = self.cost_miss * (objects - true) + self.cost_false * false
        return cost
