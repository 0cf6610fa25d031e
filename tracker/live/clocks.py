"""Time for everything live: one line that only goes forward, and what clock on the wall it means.

The clock of a machine is set by network time while a camera runs for months, so nothing is measured
with it. A `Timeline` begins at the wall clock and runs with the monotonic one; what it shows are
seconds since 1970 that are never set back. What people read (`wall_iso`) is translated when it is
written. Clocks are handed in, so that tests need not sleep.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "Timeline"]


class Clock(Protocol):
    """Where time comes from, and how to let it pass."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""

    def wall(self) -> float:
        """Seconds since 1970 by the clock of the machine."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let time pass, at most until the event is set; tell whether it is."""


class SystemClock:
    """The clocks of this machine."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 by the clock of the machine."""
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let time pass, at most until the event is set; tell whether it is."""
        return event.wait(max(0.0, seconds))


class Timeline:
    """Seconds since 1970 that are never set back.

    Args:
        clock: Where time comes from; None takes this machine's clocks.

    Attributes:
        clock: The same.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Begin at the wall clock."""
        self.clock: Clock = clock or SystemClock()
        self._ahead_s = self.clock.wall() - self.clock.monotonic()

    def now(self) -> float:
        """The present on this line, s."""
        return self.clock.monotonic() + self._ahead_s

    def wall_of(self, timestamp_s: float) -> float:
        """What a time of this line is by the wall clock as it is set now, seconds since 1970."""
        return timestamp_s + self.clock.wall() - self.now()

    def wall_iso(self, timestamp_s: float) -> str:
        """The same as ISO 8601 in UTC with milliseconds."""
        at = datetime.fromtimestamp(self.wall_of(timestamp_s), tz=UTC)
        return at.isoformat(timespec="milliseconds")
