"""Which track has which line in the plots, so that hours of video do not make thousands of them.

In come track ids as they appear and end; out go names of lines. The first tracks get a line each,
called by their id; those after them share a fixed number of lines, each of which is free again when
its track has ended. When all are taken, a track goes without.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.errors import InputError

__all__ = ["Line", "Lines"]


@dataclass(frozen=True, slots=True)
class Line:
    """A place in the plots.

    Attributes:
        name: Last part of its path.
        shared: Whether other tracks had it before, or may have it later.
        free_since_ns: When its last track ended; points before that would mix with that one's.
    """

    name: str
    shared: bool
    free_since_ns: int | None = None


class Lines:
    """Gives lines to tracks.

    Args:
        own: So many tracks get a line of their own.
        shared: So many lines there are for all later ones.

    Example:
        >>> lines = Lines(own=1, shared=1)
        >>> [line and line.name for line in (lines.take(7), lines.take(8), lines.take(9))]
        ['track_7', 'later_1', None]
        >>> _ = lines.release(8, now_ns=100)
        >>> lines.take(9)
        Line(name='later_1', shared=True, free_since_ns=100)
    """

    def __init__(self, *, own: int, shared: int) -> None:
        """Start with all lines free."""
        for name, value in (("own", own), ("shared", shared)):
            if value < 0:
                raise InputError(f"{name} must be a number of lines >= 0, got {value}")
        self._left = own
        # The one that was free longest is taken first.
        self._free = [Line(f"later_{i}", shared=True) for i in range(1, shared + 1)]
        self._taken: dict[int, Line] = {}

    def take(self, track_id: int) -> Line | None:
        """Give a track its line; None when there is none left."""
        if self._left:
            self._left -= 1
            line = Line(f"track_{track_id}", shared=False)
        elif self._free:
            line = self._free.pop(0)
        else:
            return None
        self._taken[track_id] = line
        return line

    def release(self, track_id: int, *, now_ns: int) -> Line | None:
        """Take back the line of a track that ended; give the line if others may have it now."""
        line = self._taken.pop(track_id, None)
        if line is None or not line.shared:
            return None
        free = Line(line.name, shared=True, free_since_ns=now_ns)
        self._free.append(free)
        return free
