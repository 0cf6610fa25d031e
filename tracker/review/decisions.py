"""Yes, maybe or no of each track, and what that is expected to cost.

In: probabilities that tracks are real, and thresholds or costs. Out: a verdict for each, and the
expected numbers of mistakes and looks. Of a track that is real with probability p

    to say yes costs (1 − p) · false,   to say no p · miss,   to look at it costs review,

if who looks knows. So a look is worth min(p · miss, (1 − p) · false) − review, and *maybe* is where
that is above 0: between p = review/miss and p = 1 − review/false. Where looking is dearer than any
mistake expected, nothing is maybe, and p = false/(miss + false) parts yes from no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["Costs", "Expected", "Thresholds", "Verdict", "expected", "value_of_look", "verdicts"]

FloatArray = NDArray[np.float64]
Verdict: TypeAlias = Literal["yes", "maybe", "no"]

# Thresholds of exactly 0 and 1 stand for costs without end.
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Yes from `yes` on, no below `no`, maybe in between.

    Raises:
        InputError: Not 0 <= no <= yes <= 1.
    """

    yes: float
    no: float

    def __post_init__(self) -> None:
        """Check the order."""
        if not 0.0 <= self.no <= self.yes <= 1.0:
            raise InputError(
                f"thresholds must be 0 <= no <= yes <= 1, got no {self.no:g} and yes {self.yes:g}"
            )

    def costs(self) -> Costs:
        """The costs that they stand for, in units of a look.

        Example:
            >>> Thresholds(yes=0.75, no=0.25).costs()
            Costs(miss=4.0, false=4.0, review=1.0)
        """
        return Costs(1.0 / max(self.no, _LEAST), 1.0 / max(1.0 - self.yes, _LEAST), 1.0)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a missed object, a false one and a person's look cost, in one unit.

    Raises:
        InputError: A cost that is not above 0, or no number.
    """

    miss: float
    false: float
    review: float

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("miss", "false", "review"):
            value = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise InputError(f"the cost of {name} must be above 0, got {value:g}")

    def thresholds(self) -> Thresholds:
        """Where yes, maybe and no part.

        Example:
            >>> Costs(miss=10.0, false=2.0, review=1.0).thresholds()
            Thresholds(yes=0.5, no=0.1)
            >>> Costs(miss=3.0, false=1.0, review=5.0).thresholds()
            Thresholds(yes=0.25, no=0.25)
        """
        no, yes = self.review / self.miss, 1.0 - self.review / self.false
        if no >= yes:
            alone = self.false / (self.miss + self.false)
            return Thresholds(alone, alone)
        return Thresholds(yes, no)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a triage of N tracks is expected to bring, by their probabilities.

    Attributes:
        yes, maybe, no: Numbers of tracks; a look at each maybe.
        false: Expected number of tracks among yes that are not real.
        false_spread: Its standard deviation, tracks being right or wrong each by itself.
        missed: Expected number of real tracks among no.
        missed_spread: Its standard deviation.
        cost: Expected cost of all three.
        cost_unseen: Expected cost if nobody looked at any track.
    """

    yes: int
    maybe: int
    no: int
    false: float
    false_spread: float
    missed: float
    missed_spread: float
    cost: float
    cost_unseen: float


def verdicts(probability: FloatArray, thresholds: Thresholds) -> list[Verdict]:
    """The verdict of each track.

    Example:
        >>> verdicts(np.array([0.95, 0.9, 0.5, 0.1, 0.05]), Thresholds(yes=0.9, no=0.1))
        ['yes', 'yes', 'maybe', 'maybe', 'no']
    """
    return [
        "yes" if p >= thresholds.yes else "maybe" if p >= thresholds.no else "no"
        for p in probability.tolist()
    ]


def value_of_look(probability: FloatArray, costs: Costs) -> FloatArray:
    """(N,) what a look at each track is expected to save, less what it costs.

    Example:
        >>> value_of_look(np.array([0.5, 0.95]), Costs(miss=10.0, false=10.0, review=1.0)).round(9)
        array([ 4. , -0.5])
    """
    return np.minimum(probability * costs.miss, (1.0 - probability) * costs.false) - costs.review


def expected(probability: FloatArray, thresholds: Thresholds, costs: Costs) -> Expected:
    """What is expected of these thresholds at these costs.

    Args:
        probability: (N,) in [0, 1].
        thresholds: They decide.
        costs: In which the result is counted.
    """
    told = np.array(verdicts(probability, thresholds), dtype=np.str_)
    yes, no = probability[told == "yes"], probability[told == "no"]
    maybe = int((told == "maybe").sum())
    false, missed = float((1.0 - yes).sum()), float(no.sum())
    unseen = np.minimum(probability * costs.miss, (1.0 - probability) * costs.false)
    return Expected(
        yes=len(yes),
        maybe=maybe,
        no=len(no),
        false=false,
        false_spread=float(np.sqrt((yes * (1.0 - yes)).sum())),
        missed=missed,
        missed_spread=float(np.sqrt((no * (1.0 - no)).sum())),
        cost=false * costs.false + missed * costs.miss + maybe * costs.review,
        cost_unseen=float(unseen.sum()),
    )
