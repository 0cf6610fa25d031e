"""The two clocks of a tracker: time, and the time it has looked.

Misses count in looked time: a track that nobody looked for has not been missed. With both clocks
kept once for the tracker, a track only needs to note where they stood when it was last seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tracker.errors import TimeError

__all__ = ["Clock"]


@dataclass(slots=True)
class Clock:
    """When the last update was, and how much looking there has been.

    Attributes:
        now_s: Time of the last update, None before the first.
        looks: Updates in which a detector looked.
        looked_s: Seconds that these updates stand for, in all.
    """

    now_s: float | None = None
    looks: int = 0
    looked_s: float = 0.0

    def runs_back(self, timestamp_s: float) -> bool:
        """Whether this time is not after the last update.

        Raises:
            TimeError: It is NaN or infinite.
        """
        if not math.isfinite(timestamp_s):
            raise TimeError(f"timestamp_s must be finite, got {timestamp_s}")
        return self.now_s is not None and timestamp_s <= self.now_s

    def advance(self, timestamp_s: float, looked: bool) -> float:
        """Set the clocks; return the seconds since the last update, 0 at the first."""
        dt = 0.0 if self.now_s is None else timestamp_s - self.now_s
        self.now_s = timestamp_s
        if looked:
            self.looks += 1
            self.looked_s += dt
        return dt
