"""Keeps one camera connected, for ever: connects, watches, gives up what hangs, tries again.

In comes a way to connect; out go shots, as they come. Each connection has a thread of its own, so
that one which hangs in the system can be left behind; what decides is `tend`, which never waits and
is called often from one thread. A connection that was left behind may not deliver any more, and is
freed by its own thread when the system lets go of it.

```
waiting ──time──▶ connecting ──first picture──▶ up
   ▲                  │ error, nothing within timeout_s  │ end, error, nothing within timeout_s
   └──────────────────┴──────────────────────────────────┘       (a file that ends: ended)
```
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tracker.errors import ConftrackError, told
from tracker.live.backoff import Backoff
from tracker.live.clocks import Timeline
from tracker.live.connections import Connection, connect, ends, shown
from tracker.live.settings import CameraSettings
from tracker.live.shots import Shot

__all__ = ["Opener", "Reader", "ReaderState"]

ReaderState = Literal["connecting", "up", "waiting", "ended"]
Opener = Callable[[CameraSettings, Timeline, threading.Event], Connection]

_log = logging.getLogger("conftrack")
# Threads that hang in the system and are left behind; with more, no new try before one is free.
_MOST_LEFT_BEHIND = 3


@dataclass(eq=False)
class _Attempt:
    """One connection, from trying to its end.

    Attributes:
        began_s: When it was tried.
        sign_s: When it was last known to be well; infinite while it waits for its consumer.
        first_s: When its first picture came, None before.
        left: Set when nobody wants it any more.
        done: Whether its thread is through.
        why: What ended it.
        finished: Whether it came to the end of a recording.
        connection: Once it is open.
    """

    began_s: float
    sign_s: float
    first_s: float | None = None
    left: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    why: str = ""
    finished: bool = False
    connection: Connection | None = None


def _start_thread(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()


class Reader:
    """The connection to one camera.

    Args:
        name: Of the camera.
        settings: The camera.
        deliver: Gets each shot, and whether it is the first of a connection, in the thread of the
            connection; False ends it.
        timeline: What time it is.
        opener: How to connect.
        rng: Of the jitter of waiting.
        start: How to run the thread of a connection.

    Attributes:
        name: As given.
        shown: The source, without its secrets.
        state: Where it is.
        why: What went wrong last, "" while all is well.
        connects: Connections that gave a picture so far.
        failures: Tries in a row that gave none.
        errors: Packets that could not be decoded, of all connections.
        restart_s: Seconds from the loss of the last connection to the next picture, None before.
    """

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        deliver: Callable[[Shot, bool], bool],
        *,
        timeline: Timeline,
        opener: Opener = connect,
        rng: random.Random | None = None,
        start: Callable[[str, Callable[[], None]], None] = _start_thread,
    ) -> None:
        """Prepare; nothing happens before the first `tend`."""
        self.name, self.settings = name, settings
        self.shown = shown(settings)
        self._deliver, self._timeline, self._opener, self._start = deliver, timeline, opener, start
        self._backoff = Backoff(settings.retry_first_s, settings.retry_most_s, rng)
        self._lock = threading.Lock()
        self._attempt: _Attempt | None = None
        self._left_behind: list[_Attempt] = []
        self._next_try_s = timeline.now()
        self._lost_s: float | None = None
        self._errors_before = 0
        self._stopped = False
        self.state: ReaderState = "connecting"
        self.why = ""
        self.connects = self.failures = 0
        self.restart_s: float | None = None

    @property
    def errors(self) -> int:
        """Packets that could not be decoded, of all connections."""
        attempt = self._attempt
        connection = None if attempt is None else attempt.connection
        return self._errors_before + (0 if connection is None else connection.errors)

    @property
    def fps(self) -> float | None:
        """What the connection says its rate is."""
        attempt = self._attempt
        connection = None if attempt is None else attempt.connection
        return None if connection is None else connection.fps

    @property
    def left_behind(self) -> int:
        """Connections that hang in the system and were given up."""
        return len(self._left_behind)

    def tend(self) -> None:
        """Look after the connection; never waits."""
        now = self._timeline.now()
        self._left_behind = [a for a in self._left_behind if not a.done]
        attempt = self._attempt
        if self._stopped or self.state == "ended":
            return
        if attempt is None:
            if now >= self._next_try_s:
                self._try(now)
        elif attempt.done:
            self._over(attempt, now)
        elif now - attempt.sign_s > self.settings.timeout_s and not ends(self.settings):
            attempt.why = f"no picture for {self.settings.timeout_s:g} s"
            self._left_behind.append(attempt)
            self._over(attempt, now)

    def again(self, why: str) -> None:
        """Give the connection up and make a new one."""
        attempt = self._attempt
        if attempt is not None and not attempt.done:
            attempt.why = why
            self._left_behind.append(attempt)
            self._over(attempt, self._timeline.now())

    def stop(self) -> None:
        """End for good; the thread of the connection ends when the system lets it."""
        with self._lock:
            self._stopped = True
            if self._attempt is not None:
                self._attempt.left.set()

    def _try(self, now: float) -> None:
        """Connect, in a thread of its own."""
        if len(self._left_behind) >= _MOST_LEFT_BEHIND:
            self.why = f"{len(self._left_behind)} connections hang: waiting for one to let go"
            self._next_try_s = now + self.settings.retry_first_s
            return
        self.state = "connecting"
        # Opening has its own limit in the library; a little more time lets it tell the reason.
        attempt = _Attempt(began_s=now, sign_s=now + 0.5)
        self._attempt = attempt
        try:
            self._start(f"camera {self.name}", lambda: self._work(attempt))
        except RuntimeError as error:  # the system has no thread to give, now
            attempt.done, attempt.why = True, told(error)

    def _work(self, attempt: _Attempt) -> None:
        """The life of a connection, in its thread."""
        try:
            with self._opener(self.settings, self._timeline, attempt.left) as connection:
                attempt.connection = connection
                for shot in connection:
                    first = attempt.first_s is None
                    if first:
                        attempt.first_s = shot.arrived_s
                    attempt.sign_s = float("inf")  # waiting for its consumer is no hanging
                    if not self._pass_on(attempt, shot, first):
                        return
                    attempt.sign_s = self._timeline.now()
                attempt.why = connection.why or "the stream ended"
                attempt.finished = connection.finite and not connection.why
        except (ConftrackError, OSError) as error:
            attempt.why = self._hidden(told(error))
        except Exception as error:
            # Whatever a library does with what a camera sends must not end the program.
            _log.debug("camera %s", self.name, exc_info=True)
            attempt.why = self._hidden(f"unexpected: {told(error)}")
        finally:
            attempt.done = True

    def _pass_on(self, attempt: _Attempt, shot: Shot, first: bool) -> bool:
        """Hand a shot over, if the connection is still wanted."""
        if attempt.left.is_set():
            return False
        if first:
            with self._lock:
                if attempt.left.is_set():
                    return False
                self.connects += 1
                self.failures = 0
                self.state, self.why = "up", ""
                if self._lost_s is not None:
                    self.restart_s = shot.arrived_s - self._lost_s
        return self._deliver(shot, first)

    def _over(self, attempt: _Attempt, now: float) -> None:
        """A connection is over: note why, and when to try again."""
        with self._lock:
            attempt.left.set()
        if attempt.connection is not None:
            self._errors_before += attempt.connection.errors
        self._attempt = None
        self.why = attempt.why
        if attempt.finished or ends(self.settings):
            self.state = "ended"
            return
        if attempt.first_s is None:
            self.failures += 1
            if 0 < self.settings.retries <= self.failures:
                self.state = "ended"
                self.why = f"given up after {self.failures} tries: {attempt.why}"
                return
        else:
            self._backoff.held_for(now - attempt.first_s)
            self._lost_s = now
        self.state = "waiting"
        self._next_try_s = now + self._backoff.next_s()
        _log.info("camera %s: %s; next try in %.1f s", self.name, attempt.why,
                  self._next_try_s - now)  # fmt: skip

    def _hidden(self, text: str) -> str:
        """The text without the address, should a library have put it there."""
        return text.replace(self.settings.source, self.shown)
