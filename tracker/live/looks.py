"""Is there anything new to see in this picture? If not, nobody looked: no hit, no miss.

In come the brightness of a frame and when it came; out goes a verdict. A frame that repeats the one
before, byte for byte, is no second look at the scene; one that goes on repeating for longer than an
encoder does between its key frames is a frozen camera; a black one shows nothing. The decoder's own
mark of damage is a verdict too.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Judge", "Verdict"]

Verdict = Literal["new", "duplicate", "frozen", "black", "corrupt"]

# Of 255; video's black is 16. A picture this dark shows nothing, whoever looks.
_DARK = 26
# Share of the picture that must be so dark.
_DARK_SHARE = 0.998
# Every such row and column is looked at for it.
_SPARSE = 8


class Judge:
    """Judges the frames of one camera in the order they come.

    Args:
        frozen_s: A picture that repeats for longer than this is frozen, seconds.

    Example:
        >>> judge = Judge(frozen_s=2.0)
        >>> picture = np.full((48, 64), 90, np.uint8)
        >>> [judge.judge(picture, at_s=t) for t in (0.0, 1.0, 2.5)]
        ['new', 'duplicate', 'frozen']
    """

    def __init__(self, frozen_s: float) -> None:
        """Start without a frame seen."""
        self._frozen_s = frozen_s
        self._before: NDArray[np.uint8] | None = None
        self._since_s = 0.0

    def restart(self) -> None:
        """Forget the last picture: after a reconnect the same one is new again."""
        self._before = None

    def judge(self, luma: NDArray[np.uint8], *, at_s: float, corrupt: bool = False) -> Verdict:
        """Say what a frame is worth.

        Args:
            luma: (H, W) uint8 brightness; kept until the next call, so it must not change.
            at_s: When it came, seconds.
            corrupt: Whether the decoder marks it as damaged.
        """
        before, self._before = self._before, luma
        if before is not None and np.array_equal(before, luma):
            return "frozen" if at_s - self._since_s > self._frozen_s else "duplicate"
        self._since_s = at_s
        if corrupt:
            return "corrupt"
        sparse = luma[::_SPARSE, ::_SPARSE]
        dark = np.count_nonzero(sparse <= _DARK)
        return "black" if dark >= _DARK_SHARE * sparse.size else "new"

    def still_s(self, at_s: float) -> float:
        """For how long the picture has been the same, seconds."""
        return 0.0 if self._before is None else max(0.0, at_s - self._since_s)
