"""The belief alone, for hypotheses that any other association has found: 3-D boxes, radar, lidar.

In come, for N hypotheses, which of them were found in a look and how surely, and the time since the
last one; out goes the probability that each is real, and which are believed. The equations and
their constants are those of `Tracker`, from `tracker.existence`: no boxes, no pictures and no
motion are needed. Rows are in the caller's order: `birth` adds at the end, `keep` selects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker import existence
from tracker.config import ExistenceConfig
from tracker.errors import InputError, TimeError
from tracker.existence import log_odds_of
from tracker.state import extended, to_columns

__all__ = ["ExistenceFilter"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROW = np.dtype(
    [
        ("looks", np.float64),  # n and S of tracker.existence
        ("support", np.float64),
        ("log_odds", np.float64),
        ("found_s", np.float64),  # seconds searched, and seconds gone by, when it was found last
        ("seen_s", np.float64),
        ("moved", np.bool_),
        ("confirmed", np.bool_),
    ]
)


class ExistenceFilter:
    """P(real) of N hypotheses, kept up to date look by look.

    Each look is one call of `update`, or of `wait` where nobody looked; then `birth` for what was
    found and belongs to no hypothesis, and `keep` to drop what is `overdue`.

    Args:
        config: Rates and thresholds, as of a tracker.

    Example:
        Two places in space from a lidar at 10 Hz, matched by the caller. The first is found in
        every scan, the second in one of six:

        >>> place = np.array([[4.0, 1.0, 0.2], [9.0, -2.0, 0.3]])  # metres
        >>> belief = ExistenceFilter()
        >>> belief.birth([0.6, 0.6]).tolist()
        [0, 1]
        >>> for k in range(1, 31):
        ...     scan = place + [0.02, 0.0, 0.01] if k % 6 == 0 else place[:1]
        ...     far = np.linalg.norm(place[:, None] - scan, axis=2).min(axis=1)
        ...     belief.update(far < 0.5, confidence=0.6, dt_s=0.1)
        >>> belief.confirmed.tolist(), bool(belief.existence[1] < 0.05)
        ([True, False], True)
        >>> place = place[~belief.overdue]
        >>> belief.keep(~belief.overdue)
    """

    def __init__(self, config: ExistenceConfig | None = None) -> None:
        """Start without hypotheses."""
        self.config = config or ExistenceConfig()
        self._now_s = self._searched_s = 0.0
        self._rows = np.zeros(0, _ROW)

    def __len__(self) -> int:
        """Number of hypotheses."""
        return len(self._rows)

    @property
    def log_odds(self) -> FloatArray:
        """(N,) log-odds of existence."""
        return self._rows["log_odds"].copy()

    @property
    def existence(self) -> FloatArray:
        """(N,) P(real), in (0, 1)."""
        return existence.sigmoid(self._rows["log_odds"])

    @property
    def confirmed(self) -> BoolArray:
        """(N,) mask of those believed, with hysteresis."""
        return self._rows["confirmed"].copy()

    @property
    def overdue(self) -> BoolArray:
        """(N,) mask of those not found for longer than belief allows; a tracker drops them."""
        rows, config = self._rows, self.config
        found = existence.living(rows["log_odds"], rows["found_s"], self._searched_s, config)
        gap_s: FloatArray = self._now_s - rows["seen_s"]
        return ~found | (gap_s > config.max_gap_s + existence.TIME_ROUNDING_S)

    def update(
        self,
        hit: ArrayLike,
        *,
        dt_s: float,
        confidence: ArrayLike | None = None,
        log_ratio: ArrayLike | None = None,
        against: ArrayLike = 0.0,
        telling: ArrayLike = 1.0,
        moved: ArrayLike = False,
    ) -> None:
        """Take in a look at all hypotheses; one number stands for all rows.

        Args:
            hit: (N,) which were found.
            dt_s: Seconds since the last call, at least 0.
            confidence: (N,) of what was found, in [0, 1]; read at hits only.
            log_ratio: (N,) in its place, ln p(measurement | object) − ln p(measurement | clutter)
                of what was found: a first look in full at it adds that much to the log-odds.
            against: (N,) log-odds, at least 0, that speak against where it was found.
            telling: (N,) what a miss counts: 0 for what could not have been seen, 1 in plain view.
            moved: (N,) which have left the place where they began; once true, it stays.

        Raises:
            InputError: Not one of `confidence` and `log_ratio`, another length, a value outside.
            TimeError: `dt_s` is negative or not finite.
        """
        dt_s, rows, config = _step(dt_s), self._rows, self.config
        n = len(rows)
        found = _column("hit", hit, n) != 0
        news = np.full(n, -config.miss)
        news[found] = self._evidence(confidence, log_ratio, against, found)
        could = _column("telling", telling, n, 0.0, 1.0)
        share = existence.look_share(min(dt_s, config.longest_look_s), config)
        moved_now = _column("moved", moved, n) != 0
        # All is checked: from here on nothing can fail.
        self._now_s += dt_s
        self._searched_s += min(dt_s, existence.LONGEST_SEARCH_S)
        rows["seen_s"][found] = self._now_s
        rows["found_s"][found] = self._searched_s
        rows["moved"] |= moved_now
        self._count(rows, dt_s, share * np.where(found, 1.0, could), news)

    def wait(self, dt_s: float) -> None:
        """Let time pass in which nobody looked: evidence gets old, nothing is missed.

        Raises:
            TimeError: `dt_s` is negative or not finite.
        """
        dt_s = _step(dt_s)
        self._now_s += dt_s
        nothing = np.zeros(len(self))
        self._count(self._rows, dt_s, nothing, nothing)

    def birth(
        self,
        confidence: ArrayLike | None = None,
        *,
        log_ratio: ArrayLike | None = None,
        against: ArrayLike = 0.0,
    ) -> NDArray[np.int64]:
        """Add a hypothesis for each of K first measurements, after the `update` of their look.

        Args:
            confidence: (K,) as in `update`.
            log_ratio: (K,) as in `update`.
            against: (K,) as in `update`.

        Returns:
            (K,) their rows, at the end.

        Raises:
            InputError: As in `update`.
        """
        given = confidence if log_ratio is None else log_ratio
        new = np.zeros(np.size(given) if given is not None else 0, _ROW)
        every = np.ones(len(new), np.bool_)
        news = self._evidence(confidence, log_ratio, against, every)
        new["found_s"], new["seen_s"] = self._searched_s, self._now_s
        share = existence.look_share(self.config.first_look_s, self.config)
        self._count(new, 0.0, np.full(len(new), share), news)
        old = len(self)
        self._rows = extended(self._rows, new)
        return np.arange(old, old + len(new))

    def keep(self, rows: ArrayLike) -> None:
        """Keep the hypotheses of a (N,) mask, or of row numbers in any order, and drop the others.

        Raises:
            InputError: The mask has another length, or there is no such row.
        """
        chosen = np.asarray(rows)
        if not chosen.size:
            chosen = chosen.astype(np.int64)
        if chosen.dtype == np.bool_ and chosen.shape != (len(self),):
            raise InputError(f"rows must be a mask of {len(self)}, got shape {chosen.shape}")
        try:
            self._rows = self._rows[chosen].reshape(-1)
        except IndexError as error:
            raise InputError(f"rows must be of {len(self)} hypotheses: {error}") from error

    def dump(self) -> dict[str, Any]:
        """All that is known, as plain arrays and numbers, for a snapshot."""
        columns: dict[str, Any] = to_columns(self._rows)
        return columns | {"now_s": self._now_s, "searched_s": self._searched_s}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over what `dump` gave, exactly; lists in place of arrays are fine (after JSON)."""
        self._rows = np.zeros(len(dumped["log_odds"]), _ROW)
        for name in _ROW.names or ():
            self._rows[name] = dumped[name]
        self._now_s, self._searched_s = float(dumped["now_s"]), float(dumped["searched_s"])

    def _count(
        self, rows: NDArray[np.void], dt_s: float, share: FloatArray, news: FloatArray
    ) -> None:
        """Fade by `dt_s`, add a look, and believe what follows, in place."""
        config, fade = self.config, existence.faded(dt_s, self.config)
        looks, support = existence.counted(rows["looks"], rows["support"], fade, share, news)
        rows["looks"], rows["support"] = looks, support
        rows["log_odds"] = existence.log_odds(looks, support, rows["moved"], config)
        rows["confirmed"] = existence.confirm(rows["log_odds"], rows["confirmed"], config)

    def _evidence(
        self,
        confidence: ArrayLike | None,
        log_ratio: ArrayLike | None,
        against: ArrayLike,
        found: BoolArray,
    ) -> FloatArray:
        """(H,) evidence x of the rows that were found."""
        n, config = len(found), self.config
        speaks = _column("against", against, n, 0.0)[found]
        if (confidence is None) == (log_ratio is None):
            raise InputError("give one of confidence and log_ratio")
        if confidence is not None:
            sure = _column("confidence", confidence, n)[found]
            if not ((sure >= 0) & (sure <= 1)).all():
                raise InputError(f"confidence must be in [0, 1], got {sure.tolist()}")
            evidence = existence.bounded_evidence(existence.logit(sure), config)
        else:
            assert log_ratio is not None
            ratio = _column("log_ratio", log_ratio, n)[found]
            if not np.isfinite(ratio).all():
                raise InputError(f"log_ratio must be finite, got {ratio.tolist()}")
            # In units of logit(confidence): a look in full adds gain · x.
            evidence = ratio / max(config.gain, 1e-12) + log_odds_of(config.neutral_confidence)
        return existence.hit_evidence(evidence, speaks, config)


def _step(dt_s: float) -> float:
    """Seconds, checked."""
    if not 0.0 <= dt_s < math.inf:
        raise TimeError(f"dt_s must be finite seconds, at least 0, got {dt_s}")
    return float(dt_s)


def _column(
    name: str, values: ArrayLike, n: int, low: float = -math.inf, high: float = math.inf
) -> FloatArray:
    """(N,) numbers from as many, or from one for all."""
    column = np.asarray(values, np.float64)
    if column.shape not in ((), (n,)):
        raise InputError(f"{name} must have shape ({n},), got {column.shape}")
    if low > -math.inf and not ((column >= low) & (column <= high)).all():
        raise InputError(f"{name} must be in [{low:g}, {high:g}], got {column.tolist()}")
    return np.broadcast_to(column, (n,))
