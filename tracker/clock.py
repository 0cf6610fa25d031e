"""The two clocks of a tracker: time, and the time it has looked.

In come timestamps, in seconds or in whole nanoseconds; differences are taken between integers,
so that a time since 1970 loses nothing, and both ways of giving a time lead to the same result.
What tracks remember of time is counted from the first update, which float64 holds exactly enough.

Misses count in looked time: a track that nobody looked for has not been missed. With both clocks
kept once for the tracker, a track only needs to note where they stood when it was last seen.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from tracker.errors import TimeError

__all__ = ["Clock", "Instant", "instant"]

_NS = 1_000_000_000
# Furthest time from 0 that a clock may show, ns: what fits into 64 bits, 292 years.
_FURTHEST_NS = 2**63
_FURTHEST_S = _FURTHEST_NS / _NS


class Instant(NamedTuple):
    """A point in time.

    Attributes:
        ns: Whole nanoseconds.
        s: Seconds: as given, or the nearest float64.
    """

    ns: int
    s: float


def instant(timestamp_s: float | None, timestamp_ns: SupportsIndex | None) -> Instant:
    """The time that was given in one of the two units.

    Raises:
        TimeError: None or both are given, the time is no number, or not within 292 years of 0.

    Example:
        >>> instant(1.5, None), instant(None, 1_700_000_000_123_456_789).ns
        (Instant(ns=1500000000, s=1.5), 1700000000123456789)
    """
    if timestamp_ns is None:
        if timestamp_s is None:
            raise TimeError("timestamp_s must be given, in seconds, or timestamp_ns")
        seconds = timestamp_s if type(timestamp_s) is float else _seconds(timestamp_s)
        if not abs(seconds) < _FURTHEST_S:
            raise TimeError(
                f"timestamp_s must be finite seconds, below {_FURTHEST_S:.2e}, got {timestamp_s}"
            )
        part, whole = math.modf(seconds)
        return Instant(int(whole) * _NS + round(part * _NS), seconds)
    if timestamp_s is not None:
        raise TimeError(
            f"timestamp_s must not be given beside timestamp_ns, got {timestamp_s} and"
            f" {timestamp_ns}"
        )
    try:
        if isinstance(timestamp_ns, bool):
            raise TypeError("a truth value is no time")
        ns = operator.index(timestamp_ns)
    except TypeError as error:
        raise TimeError(
            f"timestamp_ns must be a whole number of nanoseconds, got {timestamp_ns!r}"
        ) from error
    if abs(ns) >= _FURTHEST_NS:
        raise TimeError(f"timestamp_ns must fit into 64 bits, got {ns}")
    return Instant(ns, ns / _NS)


def _seconds(given: Any) -> float:
    """One real number as a float: of NumPy, a fraction, a 0-d array; no text, truth value, list."""
    try:
        if isinstance(given, bool | np.bool_ | str | bytes | bytearray) or np.iscomplexobj(given):
            raise TypeError("not a real number")
        if np.ndim(given):
            raise TypeError("not one number")
        return float(given)
    except (TypeError, ValueError, OverflowError) as error:
        raise TimeError(f"timestamp_s must be one number of seconds, got {given!r}") from error


@dataclass(frozen=True, slots=True)
class Clock:
    """When the last update was, and how much looking there has been.

    Attributes:
        timestamp_ns: Time of the last update, ns; None before the first.
        timestamp_s: The same in seconds, as it was given.
        origin_ns: Time of the first update, ns.
        now_s: Seconds from the first update to the last.
        looks: Updates in which a detector looked.
        looked_s: Seconds that these looks stand for, in all.
    """

    timestamp_ns: int | None = None
    timestamp_s: float = 0.0
    origin_ns: int = 0
    now_s: float = 0.0
    looks: int = 0
    looked_s: float = 0.0

    def step_to(self, at: Instant) -> float:
        """Seconds from the last update to this time, 0 at the first; may be negative."""
        return 0.0 if self.timestamp_ns is None else (at.ns - self.timestamp_ns) / _NS

    def advanced(self, at: Instant, look_s: float | None) -> Clock:
        """The clock after an update; `look_s` is what its look stands for, None without one."""
        origin_ns = at.ns if self.timestamp_ns is None else self.origin_ns
        now_s = (at.ns - origin_ns) / _NS
        if look_s is None:
            return Clock(at.ns, at.s, origin_ns, now_s, self.looks, self.looked_s)
        return Clock(at.ns, at.s, origin_ns, now_s, self.looks + 1, self.looked_s + look_s)
