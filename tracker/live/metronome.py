"""Which frames of a camera to look at when it is not to be looked at more than so often.

In come the times of frames, in order; out goes whether each is to be looked at: as evenly as the
frames allow, because two looks in quick succession tell less than two that are apart.
"""

from __future__ import annotations

import math

__all__ = ["Metronome"]


class Metronome:
    """Chooses frames so that they are as evenly spaced as the frames allow.

    Attributes:
        rate: Frames a second to choose; infinite chooses all.

    Example:
        >>> metronome = Metronome()
        >>> metronome.rate = 10.0
        >>> [metronome.wants(i / 25) for i in range(10)]  # of 25 frames a second
        [True, False, False, True, False, True, False, False, True, False]
    """

    def __init__(self) -> None:
        """Begin with every frame chosen."""
        self.rate = math.inf
        self._due_s = -math.inf

    def wants(self, at_s: float, period_s: float = 0.0) -> bool:
        """Whether the frame of this time is one to look at.

        Args:
            at_s: Its time, seconds.
            period_s: Seconds to the next frame: the nearer of the two to what is due is chosen.
        """
        if self.rate == math.inf:
            return True
        beat = 1.0 / self.rate if self.rate > 0 else math.inf
        if at_s + min(period_s, beat) / 2 + 1e-9 < self._due_s and self._due_s - at_s <= beat:
            return False
        # What was not used up in a pause is not caught up with afterwards.
        self._due_s = (at_s if self._due_s < at_s - beat else self._due_s) + beat
        return True
