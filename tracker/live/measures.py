"""What is counted about one camera while it runs, for tables, measures and reports.

In come single happenings from the thread they happen in; out go rates over the last seconds and
spreads over the whole run, of fixed size.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from tracker.summary import Distribution

__all__ = ["Counts", "Meter"]

# Two at once would be thousands a second.
_TOLD_AFTER_S = 1.0


class Meter:
    """How often something happened a second, lately.

    Args:
        over_s: What lately means, seconds.

    Example:
        >>> meter = Meter(2.0)
        >>> for i in range(21):
        ...     meter.add(i / 10)
        >>> meter.rate(2.0), meter.rate(3.0), meter.rate(9.0)
        (10.0, 5.0, 0.0)
    """

    def __init__(self, over_s: float = 5.0) -> None:
        """Start at zero."""
        self._over_s = over_s
        self._times: deque[float] = deque(maxlen=1000)
        self._began_s: float | None = None

    def add(self, at_s: float) -> None:
        """It happened."""
        if self._began_s is None:
            self._began_s = at_s
        self._times.append(at_s)

    @property
    def last_s(self) -> float | None:
        """When it happened last, None before the first time."""
        return self._times[-1] if self._times else None

    def rate(self, now_s: float) -> float:
        """Times a second up to now."""
        since = now_s - self._over_s
        recent = [t for t in tuple(self._times) if t > since]
        if self._began_s is None or not recent:
            return 0.0
        # While it has not run for that long, from the beginning; the first opens the first gap.
        young = self._began_s > since
        return (len(recent) - young) / max(now_s - max(since, self._began_s), 1e-3)

    def told(self, now_s: float) -> float:
        """The rate for people and reports: 0 until a second of it has been seen.

        Example:
            >>> meter = Meter()
            >>> for at_s in (0.0, 0.001, 0.9):
            ...     meter.add(at_s)
            >>> meter.rate(0.001), meter.told(0.001), meter.told(1.0)
            (2000.0, 0.0, 2.0)
        """
        young = self._began_s is None or now_s - self._began_s < _TOLD_AFTER_S
        return 0.0 if young else self.rate(now_s)


@dataclass(slots=True)
class Counts:
    """What was counted about one camera.

    Attributes:
        received: Frames that came.
        looked: Frames that the detector looked at.
        skipped: Frames left out because of `max_fps`.
        verdicts: Frames not looked at because of what they were, by verdict.
        unreadable: Frames that could not be converted.
        detector_errors: Frames that the detector failed at.
        clock_jumps: Jumps of the stream's clock.
        size_changes: Frames of another size than the one before.
        frozen_reconnects: New connections because the picture stood still.
        events: Events by kind.
        last_look_s: When the last result came, None before.
        latency_s: From capture to result, over the whole run.
        recent_latency_s: The last of them.
        arriving: Frames that come, a second.
        looking: Frames looked at, a second.
    """

    received: int = 0
    looked: int = 0
    skipped: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    detector_errors: int = 0
    clock_jumps: int = 0
    size_changes: int = 0
    frozen_reconnects: int = 0
    events: Counter[str] = field(default_factory=Counter)
    last_look_s: float | None = None
    latency_s: Distribution = field(default_factory=Distribution)
    recent_latency_s: deque[float] = field(default_factory=lambda: deque(maxlen=200))
    arriving: Meter = field(default_factory=Meter)
    looking: Meter = field(default_factory=Meter)
