"""Ctrl-C once: finish what is under way and close every file. Twice: out at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from tracker.cli.console import ExitCode, err

__all__ = ["Interrupt"]

# Nobody presses Ctrl-C twice as fast as this, and means it.
_SAME_S = 0.5


class Interrupt:
    """While it is entered, SIGINT and SIGTERM set `stop` in place of raising.

    A second signal ends the process without waiting for anything: what would be waited for may be
    the very thing that hangs. One that comes within half a second is still the first: GNU
    `timeout`, for one, signals its child and then the group that the child is in.

    Args:
        clock: Seconds that only grow.

    Attributes:
        stop: Set by the first signal.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing changes before it is entered."""
        self.stop = threading.Event()
        self._clock = clock
        self._first_s: float | None = None
        self._before: dict[int, Any] = {}
        self._speaker: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Take the signals over; outside the main thread Python does not allow it."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self._speaker is not None:
            self._speaker.join()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = self._clock()
        if self._first_s is None:
            self._first_s = now
        elif now - self._first_s < _SAME_S:
            return
        if self.stop.is_set():
            os.write(2, b"\naborted: the last frames may be missing from the outputs\n")
            os._exit(ExitCode.INTERRUPTED)
        self.stop.set()
        # The signal may have come in the middle of a print: this one goes its own way.
        self._speaker = threading.Thread(target=_say_stopping)
        self._speaker.start()


def _say_stopping() -> None:
    err.print(
        "[yellow]stopping[/] after the frames under way; Ctrl-C again aborts at once",
        soft_wrap=True,
    )
