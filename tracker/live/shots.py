"""One picture of a camera on its way to the detector, and the slot in which it waits.

A camera's frames are worth most when they are new. In the slot of a live camera there is room for
one: a newer frame takes the place of one that nobody has come for, so that what is looked at is
never older than one look. For files, which can wait, the slot is a short queue instead.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.live.looks import Verdict

__all__ = ["Shot", "Slot"]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A decoded picture that is not converted yet.

    Attributes:
        index: Number of the frame in its connection, from 0.
        own_s: Time by the stream's clock in seconds, None where it has none.
        arrived_s: When it came, on the time line of the process.
        luma: (H, W) uint8 brightness, not to be changed.
        to_rgb: Converts it to (H, W, 3) uint8 RGB, from any thread; None when it cannot be.
        corrupt: Whether the decoder marks it as damaged.
        captured_s: When it was captured, on the time line of the process; set on arrival.
        verdict: What it is worth; set on arrival.
    """

    index: int
    own_s: float | None
    arrived_s: float
    luma: NDArray[np.uint8]
    to_rgb: Callable[[], NDArray[np.uint8] | None]
    corrupt: bool = False
    captured_s: float = 0.0
    verdict: Verdict = "new"


class Slot:
    """Where the frames of one camera wait.

    Args:
        bell: Rung when something is put in; shared by the slots that one thread empties.
        capacity: Frames that wait at most.
        newest_wins: When full, drop the oldest; else the one who puts waits for room.

    Attributes:
        dropped: Frames that were overtaken by newer ones.

    Example:
        >>> slot = Slot(threading.Condition())
        >>> slot.put("a"), slot.put("b"), slot.take(), slot.take(), slot.dropped
        (True, True, 'b', None, 1)
    """

    def __init__(
        self, bell: threading.Condition, *, capacity: int = 1, newest_wins: bool = True
    ) -> None:
        """Start open and empty."""
        self._bell = bell
        self._capacity, self._newest_wins = capacity, newest_wins
        self._shots: deque[Shot] = deque()
        self._closed = False
        self.dropped = 0

    def put(self, shot: Shot) -> bool:
        """Leave a frame here, waiting for room where none may be dropped; False when closed."""
        with self._bell:
            while len(self._shots) >= self._capacity and not self._closed:
                if self._newest_wins:
                    self._shots.popleft()
                    self.dropped += 1
                else:
                    self._bell.wait()
            if self._closed:
                return False
            self._shots.append(shot)
            self._bell.notify_all()
            return True

    def take(self) -> Shot | None:
        """Take the oldest waiting frame, None without one."""
        with self._bell:
            if not self._shots:
                return None
            shot = self._shots.popleft()
            self._bell.notify_all()
            return shot

    def waiting_since(self) -> float | None:
        """When the oldest waiting frame arrived, None without one."""
        with self._bell:
            return self._shots[0].arrived_s if self._shots else None

    def close(self) -> None:
        """Take nothing more in, and let go who waits for room."""
        with self._bell:
            self._closed = True
            self._shots.clear()
            self._bell.notify_all()
