"""The clock of a stream, mapped to ours: when was a frame captured, not when did it get through.

In come the stream's own time of a frame, if it has one, and when the frame arrived; out goes when
it was captured, on the time line of this process, with a word when the stream's clock jumped.

The frame that came through fastest tells most about how the two clocks lie: the offset is the
smallest difference of arrival and own time there was, allowed to creep up by as much as two clocks
drift. The other frames were delayed, by the network or by the camera's encoder, and get the time
at which they would have arrived without it. A delay that all frames have cannot be seen in this
way. Where the own times cannot be right (a reset, a jump into the future, far behind) the mapping
begins again at the arrival.
"""

from __future__ import annotations

import math

__all__ = ["StreamClock"]

# Two clocks of quartz drift apart by less than this: seconds per second.
_DRIFT = 2e-4
# A frame cannot be captured after it arrived: further ahead than this and the clock has jumped.
_AHEAD_S = 1.0
# Later than this it is the clock that stands or was set back, and not the network.
_BEHIND_S = 15.0
# Times of frames that come out of order step back by less; a clock that is set, by more.
_DISORDER_S = 0.5
# Two frames are never at the same time.
_LEAST_STEP_S = 1e-3


class StreamClock:
    """Maps the times of one stream.

    Args:
        paced: Whether frames arrive at the pace of the clock. If not (a file that is read as fast
            as it can be), own times are taken as they are, from the first arrival on.

    Attributes:
        jumps: How often the stream's clock was found to have jumped.

    Example:
        >>> clock = StreamClock()
        >>> clock.map(7200.0, arrived_s=50.0), clock.map(7200.5, arrived_s=50.75)
        ((50.0, ''), (50.500..., ''))
        >>> clock.map(3.0, arrived_s=51.0)
        (51.0, "the stream's clock was set back by 7197.8 s")
    """

    def __init__(self, *, paced: bool = True) -> None:
        """Start without a frame seen."""
        self.paced = paced
        self.jumps = 0
        self._offset_s: float | None = None
        self._own_s = self._arrived_s = 0.0
        self._last_s = -math.inf

    def restart(self) -> None:
        """Forget how the clocks lie, after a reconnect; times given go on increasing."""
        self._offset_s = None

    def map(self, own_s: float | None, *, arrived_s: float) -> tuple[float, str]:
        """Give the time of capture, later than all before, and what was wrong ("" for nothing).

        Args:
            own_s: The stream's time of the frame in seconds, None (or NaN) when it has none.
            arrived_s: When it came, on the time line of this process.
        """
        trouble = ""
        if own_s is None or not math.isfinite(own_s):
            captured = arrived_s
        elif self._offset_s is None:
            captured = self._anchor(own_s, arrived_s)
        else:
            trouble = self._jumped(own_s, arrived_s)
            if trouble:
                self.jumps += 1
                captured = self._anchor(own_s, arrived_s)
            else:
                captured = self._mapped(own_s, arrived_s)
        self._last_s = captured = max(captured, self._last_s + _LEAST_STEP_S)
        return captured, trouble

    def _anchor(self, own_s: float, arrived_s: float) -> float:
        """Begin again here."""
        # A stream that is not paced goes on after what it has given already.
        at = arrived_s if self.paced else max(arrived_s, self._last_s + _LEAST_STEP_S)
        self._offset_s = at - own_s
        self._own_s, self._arrived_s = own_s, arrived_s
        return at

    def _mapped(self, own_s: float, arrived_s: float) -> float:
        assert self._offset_s is not None
        if self.paced:
            crept = self._offset_s + _DRIFT * max(0.0, arrived_s - self._arrived_s)
            self._offset_s = min(crept, arrived_s - own_s)
        self._own_s, self._arrived_s = own_s, arrived_s
        return own_s + self._offset_s

    def _jumped(self, own_s: float, arrived_s: float) -> str:
        """Say how the stream's clock jumped, "" if it did not."""
        assert self._offset_s is not None
        expected = self._own_s + (arrived_s - self._arrived_s if self.paced else 0.0)
        if own_s < self._own_s - _DISORDER_S:
            return f"the stream's clock was set back by {expected - own_s:.1f} s"
        if not self.paced:
            return ""
        ahead = own_s + self._offset_s - arrived_s
        if ahead > _AHEAD_S:
            return f"the stream's clock jumped ahead by {own_s - expected:.1f} s"
        if -ahead > _BEHIND_S:
            return f"the stream's clock fell behind by {-ahead:.1f} s"
        return ""
