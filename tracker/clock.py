"""The two clocks of a tracker: time, and the time it has looked.

Misses count in looked time: a track that nobody looked for has not been missed. With both clocks
kept once for the tracker, a track only needs to note where they stood when it was last seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.errors import TimeError

__all__ = ["Clock"]


# Furthest time from 0 that a clock may show, s: some 30 million years; beyond, it is no time.
_FURTHEST_S = 1e15


@dataclass(frozen=True, slots=True)
class Clock:
    """When the last update was, and how much looking there has been.

    Attributes:
        now_s: Time of the last update, None before the first.
        looks: Updates in which a detector looked.
        looked_s: Seconds that these looks stand for, in all.
    """

    now_s: float | None = None
    looks: int = 0
    looked_s: float = 0.0

    def step_to(self, timestamp_s: float) -> float:
        """Seconds from the last update to this time, 0 at the first; may be negative.

        Raises:
            TimeError: The time is no finite number.
        """
        try:
            finite = abs(timestamp_s) < _FURTHEST_S
        except TypeError as error:
            raise TimeError(f"timestamp_s must be seconds, got {timestamp_s!r}") from error
        if not finite:
            raise TimeError(f"timestamp_s must be finite seconds, got {timestamp_s}")
        return 0.0 if self.now_s is None else float(timestamp_s) - self.now_s

    def advanced(self, timestamp_s: float, look_s: float | None) -> Clock:
        """The clock after an update; `look_s` is what its look stands for, None without one."""
        if look_s is None:
            return Clock(float(timestamp_s), self.looks, self.looked_s)
        return Clock(float(timestamp_s), self.looks + 1, self.looked_s + look_s)
