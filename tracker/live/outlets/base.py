"""What all outlets have: a thread, a bounded queue, tries until it works, and counts of all that.

In come items from the thread that looks, which never waits here; out they go one after the other,
in order. An outlet that fails holds on to what it has and tries again, later and later; what its
queue cannot hold meanwhile is dropped from the front, the oldest first, and counted. One that says
the item itself is at fault (`Rejected`) loses that item only.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from tracker.errors import told
from tracker.live.backoff import Backoff
from tracker.live.clocks import Clock, SystemClock
from tracker.live.settings import OutletSettings

__all__ = ["Outlet", "OutletCounts", "Rejected"]

T = TypeVar("T")
_log = logging.getLogger("conftrack")


class Rejected(Exception):
    """The other side took the item and refused it: sending it again would change nothing."""


@dataclass(slots=True)
class OutletCounts:
    """What became of the items of an outlet.

    Attributes:
        delivered: Items that arrived.
        dropped: Items that its queue could not hold, or that were left at the end.
        rejected: Items that the other side refused.
        failures: Tries that failed.
        waiting: Items in the queue.
        trouble: Why the last try failed, "" while all is well.
    """

    delivered: int = 0
    dropped: int = 0
    rejected: int = 0
    failures: int = 0
    waiting: int = 0
    trouble: str = ""


class Outlet(ABC, Generic[T]):
    """An outlet; subclasses say in `_deliver` how an item goes out.

    Args:
        name: What it is called in measures and messages; holds no secrets.
        settings: Queue and waits.
        clock: What it waits with.
    """

    def __init__(self, name: str, settings: OutletSettings, *, clock: Clock | None = None) -> None:
        """Start with an empty queue; nothing goes out before `start`."""
        self.name = name
        self._settings = settings
        self._clock: Clock = clock or SystemClock()
        self._items: deque[T] = deque()
        self._sending = False
        self._lock = threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._backoff = Backoff(settings.retry_first_s, settings.retry_most_s)
        self._counts = OutletCounts()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _deliver(self, item: T) -> None:
        """Send one item; in the outlet's own thread.

        Raises:
            Rejected: The item is at fault.
            Exception: It did not work; the item comes again.
        """

    def _prepare(self) -> None:
        """Open what can be opened before the first item; in the outlet's own thread.

        Raises:
            Exception: It did not work; that is told, and the first item tries again.
        """

    def _finish(self) -> None:
        """Close what is open; in the outlet's own thread."""

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name=f"outlet {self.name}", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Leave an item; never waits."""
        with self._lock:
            # The one that is being sent is out already.
            begin = int(self._sending)
            if len(self._items) - begin >= self._settings.queue:
                del self._items[self._expendable(begin)]
                self._counts.dropped += 1
            self._items.append(item)
        self._wake.set()

    def _expendable(self, begin: int) -> int:
        """Which of the waiting items, from `begin` on, is dropped to make room."""
        return begin

    def step(self) -> float:
        """Try to send the oldest item.

        Returns:
            Seconds to wait before the next try: 0 when it went out, infinite without an item.
        """
        with self._lock:
            if not self._items:
                return float("inf")
            item, self._sending = self._items[0], True
        rejected = ""
        try:
            self._deliver(item)
        except Rejected as error:
            rejected = str(error)
        except Exception as error:
            self._sending = False
            self._failed(error)
            return self._backoff.next_s()
        with self._lock:
            self._sending = False
            if self._items:  # `close` may have given up waiting
                self._items.popleft()
        if rejected:
            self._counts.rejected += 1
            _log.warning("%s refused an event: %s", self.name, rejected)
        else:
            self._counts.delivered += 1
        self._counts.trouble = ""
        self._backoff.held_for(float("inf"))
        return 0.0

    def counts(self) -> OutletCounts:
        """What became of the items so far."""
        with self._lock:
            self._counts.waiting = len(self._items)
            counts = self._counts
            return OutletCounts(
                counts.delivered, counts.dropped, counts.rejected, counts.failures,
                counts.waiting, counts.trouble,
            )  # fmt: skip

    def close(self) -> None:
        """Send the rest, for at most `drain_s`, and end; what is left is counted as dropped."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(self._settings.drain_s + self._settings.timeout_s)
        with self._lock:
            self._counts.dropped += len(self._items)
            self._items.clear()

    def _failed(self, error: Exception) -> None:
        """Count a failure, and tell the first of a row."""
        self._counts.failures += 1
        if not self._counts.trouble:
            _log.warning("%s: %s; trying again", self.name, self._said(error))
        self._counts.trouble = self._said(error)

    def _said(self, error: Exception) -> str:
        """An error in words without secrets."""
        return told(error)

    def _run(self) -> None:
        """The life of the outlet's thread."""
        try:
            self._prepare()
        except Exception as error:
            self._failed(error)
        try:
            while not self._closing.is_set():
                wait = self.step()
                if wait == float("inf"):
                    self._wake.wait()
                    self._wake.clear()
                elif wait > 0:
                    self._clock.wait(self._closing, wait)
            end = self._clock.monotonic() + self._settings.drain_s
            nobody = threading.Event()
            while (left := end - self._clock.monotonic()) > 0:
                wait = self.step()
                if wait == float("inf"):
                    break
                if wait > 0:
                    self._clock.wait(nobody, min(wait, left))
        finally:
            try:
                self._finish()
            except Exception as error:
                _log.warning("%s: %s", self.name, self._said(error))
