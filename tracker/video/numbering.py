"""Which frame of a file is this? Numbers that hold through seeks and losses.

In come the packets as they are read and the frames as they are decoded; out go numbers from 0 in
display order. Where the container lists every frame (MP4, MOV, AVI) the numbers are exact: each
packet announces one frame by its timestamp, so that a frame that never came out is missed, and the
place of a seek is found in the list. Elsewhere a lost frame counts when decoding its packet
failed, and after a seek the number is time × nominal rate.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

__all__ = ["FrameNumbers"]


class FrameNumbers:
    """Counts the frames of one video stream.

    Args:
        stream: PyAV video stream.
        promised_frames: Frames its container promises, 0 when it does not say.
    """

    def __init__(self, stream: Any, promised_frames: int) -> None:
        """Read the container's list of frames, if it is complete."""
        entries = getattr(stream, "index_entries", None) or ()
        self._exact = len(entries) == promised_frames > 0
        # Discarded by an edit list: in the file, but never shown.
        self._listed = np.array(
            [entry.timestamp for entry in entries if not entry.is_discard] if self._exact else [],
            np.int64,
        )
        self.restart()

    def restart(self) -> None:
        """Forget what was read: the container was moved to another place."""
        # Timestamps of the frames announced and not shown yet, the earliest first.
        self._waiting: list[int] = []
        self._read_from: int | None = None
        self._shown: int | None = None
        self._next = 0

    def announce(self, packet: Any) -> None:
        """Take in a packet that was read."""
        if self._read_from is None:
            self._read_from = packet.dts if packet.dts is not None else packet.pts
        if packet.pts is None:
            self._exact = False
        elif self._exact and not packet.is_discard:
            heapq.heappush(self._waiting, packet.pts)

    def begin_at(self, key: Any, estimate: int) -> None:
        """Give the key frame that a seek found its number.

        Args:
            key: Decoded frame, the next that `number` will be asked for.
            estimate: Its number by time and rate, taken where nothing better is known.
        """
        found = np.flatnonzero(self._listed == self._read_from)
        if not self._exact or len(found) != 1:
            self._next = estimate
            return
        # Pictures stored after the key frame may be shown before it.
        leading = 0
        while self._waiting and self._waiting[0] < key.pts:
            heapq.heappop(self._waiting)
            leading += 1
        self._next = int(found[0]) + leading

    def number(self, frame: Any, failed: int) -> tuple[int, int] | None:
        """Give the number of a decoded frame and how many were lost just before it.

        Args:
            frame: The frame.
            failed: Packets since the frame before that could not be decoded.

        Returns:
            Both, or None for a frame whose turn is over: behind a broken stretch decoders give
            some too late, when they already count as lost.
        """
        lost = failed
        if self._exact and frame.pts is not None:
            if self._shown is not None and frame.pts <= self._shown:
                return None
            self._shown = frame.pts
            lost = 0
            while self._waiting and self._waiting[0] < frame.pts:
                heapq.heappop(self._waiting)
                lost += 1
            if self._waiting and self._waiting[0] == frame.pts:
                heapq.heappop(self._waiting)
        index = self._next + lost
        self._next = index + 1
        return index, lost

    def never_shown(self) -> int:
        """Frames announced that did not come out by the end."""
        return len(self._waiting) if self._exact else 0
