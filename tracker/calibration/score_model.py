"""What the confidence of a detection is worth: P(this detection is right).

In come raw confidences; out go calibrated probabilities, and the evidence that the tracker weighs.
A detector's confidences are scores, not probabilities: 0.9 is right in 95 % of the boxes of one
detector and in 45 % of those of another.

Four kinds of model, all rising: `identity`; `platt` (a line in log-odds); `beta` (a bent line, see
`log_odds_map`); `isotonic` (a rising broken line through knots in log-odds, from isotonic
regression).

**Evidence.** The constants of `tracker.existence` were tuned on raw confidences of ordinary
detectors. So that they keep their meaning, evidence is the calibrated log-odds brought back to that
scale:

    evidence = (logit(calibrated) − evidence_offset) / evidence_scale

where offset and scale are those of the line that fits the model best, as far as detectors measured
so far have had such ones. So a model that is a line of an ordinary detector changes nothing inside
the tracker; one that is bent straightens its confidences; and a detector whose confidences all lie
between 0.3 and 0.5 is spread out to what they are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.calibration.log_odds_map import LogOddsMap, check_offset, check_slope
from tracker.errors import ConfigError
from tracker.existence import logit

__all__ = ["ScoreKind", "ScoreModel"]

FloatArray = NDArray[np.float64]
ScoreKind = Literal["identity", "platt", "beta", "isotonic"]

_MOST_KNOTS = 1000


@dataclass(frozen=True)
class ScoreModel:
    """A rising map from confidence to P(right); without arguments it changes nothing.

    Attributes:
        kind: Which model.
        offset, low, high: Of `LogOddsMap`, for platt (low = high) and beta.
        knots: For isotonic: (confidence, calibrated) pairs, both rising, inside (0, 1). Between
            them the log-odds are joined by lines, beyond them they stay.
        evidence_offset: Calibrated log-odds that count as evidence 0.
        evidence_scale: Calibrated log-odds in one unit of evidence.

    Raises:
        ConfigError: Values that are no such model.

    Example:
        >>> model = ScoreModel("isotonic", knots=((0.1, 0.01), (0.9, 0.99)))
        >>> model.calibrated(np.array([0.1, 0.5, 0.9])).round(3).tolist()
        [0.01, 0.5, 0.99]
    """

    kind: ScoreKind = "identity"
    offset: float = 0.0
    low: float = 1.0
    high: float = 1.0
    knots: tuple[tuple[float, float], ...] = ()
    evidence_offset: float = 0.0
    evidence_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check everything once."""
        if self.kind not in get_args(ScoreKind):
            raise ConfigError(f"kind must be one of {list(get_args(ScoreKind))}, got {self.kind!r}")
        bend = LogOddsMap(self.offset, self.low, self.high)
        if self.kind in ("identity", "isotonic") and not bend.is_identity:
            raise ConfigError(f"a model of kind {self.kind!r} has no offset, low and high")
        if self.kind == "platt" and self.low != self.high:
            raise ConfigError(f"platt has one slope: low {self.low} and high {self.high} differ")
        knots = _checked_knots(self.knots)
        if bool(len(knots)) != (self.kind == "isotonic"):
            raise ConfigError("isotonic needs knots, and the other kinds have none")
        check_offset("evidence_offset", self.evidence_offset)
        check_slope("evidence_scale", self.evidence_scale)
        object.__setattr__(self, "knots", tuple(map(tuple, knots.tolist())))

    @cached_property
    def _bend(self) -> LogOddsMap:
        return LogOddsMap(self.offset, self.low, self.high)

    @cached_property
    def _points(self) -> FloatArray:
        """(2, K) log-odds of the knots, to interpolate in."""
        points: FloatArray = special.logit(np.array(self.knots).T)
        return points

    @property
    def is_identity(self) -> bool:
        """Whether evidence is logit(confidence) as without any model."""
        plain = self.evidence_offset == 0.0 and self.evidence_scale == 1.0
        return self.kind == "identity" and plain

    def log_odds(self, confidence: FloatArray) -> FloatArray:
        """(N,) log-odds of the calibrated probability; confidences are cut as in `logit`."""
        z = logit(np.asarray(confidence, np.float64))
        if self.kind == "isotonic":
            joined: FloatArray = np.interp(z, *self._points)
            return joined
        return self._bend(z)

    def calibrated(self, confidence: FloatArray) -> FloatArray:
        """(N,) P(a detection of this confidence is right)."""
        probability: FloatArray = special.expit(self.log_odds(confidence))
        return probability

    def evidence(self, confidence: FloatArray) -> FloatArray:
        """(N,) what the tracker weighs in place of logit(confidence)."""
        evidence: FloatArray = (
            self.log_odds(confidence) - self.evidence_offset
        ) / self.evidence_scale
        return evidence

    def to_table(self) -> dict[str, Any]:
        """What differs from the identity, as plain values."""
        table: dict[str, Any] = {"kind": self.kind}
        if self.kind in ("platt", "beta"):
            table |= {"offset": self.offset, "low": self.low, "high": self.high}
        if self.kind == "isotonic":
            table["knots"] = [list(knot) for knot in self.knots]
        return table | {
            "evidence_offset": self.evidence_offset,
            "evidence_scale": self.evidence_scale,
        }


def _checked_knots(knots: Any) -> FloatArray:
    """(K, 2) confidences and calibrated probabilities."""
    try:
        array = np.asarray(knots, np.float64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise ConfigError("knots must be [confidence, calibrated] pairs") from error
    if not len(array):
        return array
    if not 2 <= len(array) <= _MOST_KNOTS:
        raise ConfigError(f"knots must be 2 to {_MOST_KNOTS} pairs, got {len(array)}")
    if not ((array > 0.0) & (array < 1.0)).all():
        raise ConfigError("knots must lie inside (0, 1)")
    if not (np.diff(array, axis=0) > 0.0).all():
        raise ConfigError("knots must rise, both the confidences and the calibrated values")
    return array
