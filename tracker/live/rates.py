"""How many frames of which camera to look at when the detector cannot look at all of them.

In come what each camera sends and what the detector can do; out goes a rate for each camera, and
for each frame whether it is on. The detector's time is shared evenly: a camera that needs less than
its share leaves the rest to the others. Frames are left out evenly too, because two looks in quick
succession tell less than two that are apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["Metronome", "fair_rates"]


def fair_rates(capacity: float, wanted: Mapping[str, float]) -> dict[str, float]:
    """Share so many frames a second among cameras.

    Args:
        capacity: Frames a second that can be looked at in all.
        wanted: Frames a second that each camera sends.

    Returns:
        Frames a second for each: what it sends, or the largest equal share there is for those that
        send more.

    Example:
        >>> fair_rates(30.0, {"front": 25.0, "back": 25.0, "slow": 2.0})
        {'front': 14.0, 'back': 14.0, 'slow': 2.0}
    """
    rates = dict.fromkeys(wanted, 0.0)
    left, open_ = capacity, len(wanted)
    for name, rate in sorted(wanted.items(), key=lambda item: item[1]):
        rates[name] = min(rate, left / open_)
        left -= rates[name]
        open_ -= 1
    return rates


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
