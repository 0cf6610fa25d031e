"""Ctrl-C once: finish what is under way and close every file. Twice: out at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from tracker.cli.console import ExitCode, err

__all__ = ["Interrupt"]


class Interrupt:
    """While it is entered, SIGINT and SIGTERM set `stop` in place of raising.

    A second signal ends the process without waiting for anything: what would be waited for may be
    the very thing that hangs.

    Attributes:
        stop: Set by the first signal.
    """

    def __init__(self) -> None:
        """Prepare; nothing changes before it is entered."""
        self.stop = threading.Event()
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
