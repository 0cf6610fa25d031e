"""A bounded queue between two threads that can end from either side.

`queue.Queue` cannot be closed: a producer that waits for room in front of a consumer that died
waits for ever. Here the producer closes (what is inside is still taken) and the consumer cancels
(what is inside is dropped and every later `put` says so), so that a pipeline shuts down from
whichever stage fails, without time-outs.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Channel"]

T = TypeVar("T")


class Channel(Generic[T]):
    """A first-in first-out queue of at most `capacity` items.

    Args:
        capacity: Items it holds, at least 1.
        drop_oldest: When full, throw the oldest item away instead of waiting for room.

    Attributes:
        dropped: Items thrown away by `drop_oldest`.

    Example:
        >>> channel = Channel(2)
        >>> channel.put("a"), channel.put("b"), channel.close()
        (True, True, None)
        >>> channel.take(5), channel.take(5)
        (['a', 'b'], [])
    """

    def __init__(self, capacity: int, *, drop_oldest: bool = False) -> None:
        """Start open and empty."""
        self._capacity = max(1, capacity)
        self._drop_oldest = drop_oldest
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._cancelled = False
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Add an item, waiting for room; False when nobody will take it any more."""
        with self._changed:
            while (
                len(self._items) >= self._capacity
                and not self._drop_oldest
                and not self._cancelled
                and not self._closed
            ):
                self._changed.wait()
            if self._cancelled or self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return True

    def take(self, most: int = 1, *, fill: bool = False) -> list[T]:
        """Remove up to `most` items, waiting for the first; empty only at the end.

        Args:
            most: Items to take at most.
            fill: Wait until there are `most`, or no more will come.
        """
        wanted = min(most, self._capacity) if fill else 1
        with self._changed:
            while len(self._items) < wanted and not self._closed and not self._cancelled:
                self._changed.wait()
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Say that no more will come; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """Say that no more will be taken; what is inside is dropped."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()
