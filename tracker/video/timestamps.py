"""Turns the timestamps of a container or a stream into times that only ever go forwards.

In comes what the decoder gives: a time in seconds or None. Out goes a time in seconds that is
later than the one before, with a word about what had to be repaired. The tracker counts on it:
a frame's time is evidence, and time that stands still or goes back is an error there.
"""

from __future__ import annotations

import math

__all__ = ["ArrivalTimes", "FileTimes"]

# A step back below this is a frame with a wrong time; above it, the time line starts again.
_RESTART_S = 1.0
# How far a live stream's own time may run away from the wall clock.
_MOST_DRIFT_S = 10.0


class FileTimes:
    """Repairs the presentation timestamps of a recording.

    - None: the time of the frame before plus one nominal period.
    - Backwards or equal, by less than a second: half a period after the frame before; the
      frames after it keep their own times.
    - Backwards by more (parts joined without new timestamps): the time line goes on one period
      after the frame before, and all that follow keep their distances.
    - Forwards is believed, however far: a gap in a recording is real.

    Args:
        period_s: Nominal seconds from frame to frame.

    Example:
        >>> times = FileTimes(0.1)
        >>> [times.repair(t)[0] for t in (0.0, 0.1, None, 0.4)]
        [0.0, 0.1, 0.2, 0.4]
        >>> times.repair(0.4)
        (0.45, 'timestamp not after the one before')
    """

    def __init__(self, period_s: float) -> None:
        """Start without a frame seen."""
        self.period_s = period_s
        self._begin_s = 0.0
        self._offset_s = 0.0
        self._last_s: float | None = None

    def start_at(self, time_s: float) -> None:
        """Take `time_s` for a first frame that has no time; else it is 0."""
        self._begin_s = time_s

    def repair(self, time_s: float | None) -> tuple[float, str]:
        """Give the time to use, and what was wrong with the given one ("" when nothing).

        Args:
            time_s: Time of the container in seconds, None (or NaN) when it has none.
        """
        trouble = ""
        last = self._last_s
        if time_s is None or not math.isfinite(time_s):
            trouble = "no timestamp, interpolated from the nominal rate"
            fixed = self._begin_s if last is None else last + self.period_s
        else:
            fixed = time_s + self._offset_s
            if last is not None and fixed <= last - _RESTART_S:
                trouble = "timestamps start again, continued from the frame before"
                fixed = last + self.period_s
                self._offset_s = fixed - time_s
            elif last is not None and fixed <= last:
                trouble = "timestamp not after the one before"
                fixed = last + self.period_s / 2
        self._last_s = fixed
        return fixed, trouble


class ArrivalTimes:
    """Times of a live stream: its own where they are usable, else when the frame arrived.

    Time 0 is the first frame. Own times are smoother than arrival, which the network jitters;
    they are given up for good at the first that is missing, steps back, or is further from the
    wall clock than a stream can be late.

    Args:
        trust_stream: False for formats whose timestamps are invented (MJPEG over HTTP).

    Example:
        >>> times = ArrivalTimes()
        >>> times.time(7200.0, arrived_s=50.0), times.time(7200.5, arrived_s=50.6)
        ((0.0, ''), (0.5, ''))
    """

    def __init__(self, *, trust_stream: bool = True) -> None:
        """Start without a frame seen."""
        self.trust_stream = trust_stream
        self._first_arrived_s: float | None = None
        self._first_own_s: float | None = None
        self._last_s = -math.inf

    def time(self, own_s: float | None, *, arrived_s: float) -> tuple[float, str]:
        """Give the time to use, and why the stream's own were given up ("" when they were not).

        Args:
            own_s: The stream's time in seconds, None when it has none.
            arrived_s: Monotonic clock in seconds when the frame came.
        """
        if self._first_arrived_s is None:
            self._first_arrived_s = arrived_s
        arrival = arrived_s - self._first_arrived_s
        trouble = ""
        fixed = arrival
        if self.trust_stream:
            if own_s is not None and self._first_own_s is None:
                # A stream may begin without timestamps: its own line starts where we are.
                self._first_own_s = own_s - arrival
            if own_s is None or self._first_own_s is None:
                # The first timestamps of an RTSP stream may be missing: no reason to give up.
                if self._first_own_s is not None:
                    trouble = "missing timestamp"
            else:
                own = own_s - self._first_own_s
                if own <= self._last_s:
                    trouble = "timestamps step back"
                elif abs(own - arrival) > _MOST_DRIFT_S:
                    trouble = "timestamps run away from the wall clock"
                else:
                    fixed = own
            if trouble:
                self.trust_stream = False
                trouble += ": arrival times from here on"
        # Two frames may arrive in one tick of the clock.
        self._last_s = fixed = max(fixed, self._last_s + 1e-3)
        return fixed, trouble
