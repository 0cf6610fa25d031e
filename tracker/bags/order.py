"""Messages in the order of their acquisition times, whatever the order they were recorded in.

In: pairs of a time in nanoseconds and anything, as a bag gives them. Out: the same, times
increasing. A few are held back so that neighbours that were swapped on the way get their places;
one that comes later than that is left out. A clock that is set back (a simulation started again) is
another thing: from there on the times begin anew, and the caller sees them fall once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["LATE", "RESTART", "RESTART_NS", "in_time_order"]

T = TypeVar("T")

RESTART_NS = 1_000_000_000
"""A time this far before the newest is late by no swap, ns."""
_HELD_BACK = 8

LATE = "a message came too late, or twice at one time, and was left out"
RESTART = "the clock was set back: tracks end there and begin anew"


def in_time_order(
    messages: Iterable[tuple[int, T]],
    note: Callable[[int, str], None],
    *,
    held_back: int = _HELD_BACK,
) -> Iterator[tuple[int, T]]:
    """Sort messages by time, with a bounded memory.

    Args:
        messages: Pairs of time in nanoseconds and content.
        note: Called with the time and `LATE` or `RESTART` for what is not as it should be.
        held_back: Messages that wait for earlier ones.

    Yields:
        The pairs; times increase, but for one fall at each restart of the clock.

    Example:
        >>> list(in_time_order([(2, "b"), (1, "a"), (3, "c")], print))
        [(1, 'a'), (2, 'b'), (3, 'c')]
    """
    waiting: list[tuple[int, int, T]] = []
    last: int | None = None
    newest: int | None = None
    far_back: tuple[int, T] | None = None
    count = 0

    def ready(least: int) -> Iterator[tuple[int, T]]:
        nonlocal last
        while len(waiting) > least:
            time, _, content = heapq.heappop(waiting)
            if last is not None and time <= last:
                note(time, LATE)
                continue
            last = time
            yield time, content

    for time, content in messages:
        count += 1
        if newest is not None and time <= newest - RESTART_NS:
            # One such message is a straggler; a second one that goes on from it is a restart.
            if far_back is None or time <= far_back[0]:
                if far_back is not None:
                    note(far_back[0], LATE)
                far_back = time, content
                continue
            yield from ready(0)
            note(far_back[0], RESTART)
            last, newest = None, time
            heapq.heappush(waiting, (far_back[0], count - 1, far_back[1]))
            far_back = None
        elif far_back is not None:
            note(far_back[0], LATE)
            far_back = None
        newest = time if newest is None else max(newest, time)
        heapq.heappush(waiting, (time, count, content))
        yield from ready(held_back)
    if far_back is not None:
        note(far_back[0], LATE)
    yield from ready(0)
