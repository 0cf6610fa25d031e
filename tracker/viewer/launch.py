"""Starts a Rerun viewer that nobody but this machine can reach, and that reports to nobody.

Out come the address to log to and, where there is no display, that of a page for a browser. Left to
itself Rerun's viewer listens on all network addresses and sends usage statistics; here it listens
on the loopback address, and statistics are off. The one request that a window still makes asks
GitHub whether there is a newer version of Rerun; the page makes none (`tracker.viewer.page`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from tracker.errors import ConftrackError
from tracker.files import Closing
from tracker.viewer.optional import import_rerun
from tracker.viewer.page import Page

__all__ = ["Viewer", "has_display"]

LOOPBACK = "127.0.0.1"
# Rerun's own ports, taken if they are free: who looks from elsewhere through SSH knows them.
_LOG_PORT, _PAGE_PORT = 9876, 9090
_START_LIMIT_S, _LOOK_S = 20.0, 0.05
# Share of the machine's memory that a window takes before it forgets the oldest.
_MEMORY = "25%"
# Linux ends a process with the one that started it if it is told so (prctl PR_SET_PDEATHSIG, 9):
# what serves a page must not outlive a program that was killed.
_TIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
os.execv(sys.argv[1], sys.argv[1:])
"""


def has_display() -> bool:
    """Whether a window can be opened."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Viewer(Closing):
    """A running viewer.

    A window stays when this program ends, so that its recording can be looked at; what serves a
    page ends with `close`.

    Args:
        window: Open a window; else serve a page for a browser.

    Attributes:
        address: Where to log to, see `RerunLog`.
        page: Address of the page, None for a window.

    Raises:
        MissingExtraError: `rerun-sdk` is not installed.
        ConftrackError: The viewer does not start.
    """

    def __init__(self, *, window: bool) -> None:
        """Start it and wait until it listens."""
        command = [_program()]
        port = _free_port(_LOG_PORT)
        self.address = f"rerun+http://{LOOPBACK}:{port}/proxy"
        self.page: str | None = None
        self._page: Page | None = None
        options = [f"--bind={LOOPBACK}", f"--port={port}"]
        if window:
            options += ["--expect-data-soon", f"--memory-limit={_MEMORY}"]
        else:
            served = _free_port()
            options += ["--serve-web", f"--web-viewer-port={served}"]
            if sys.platform.startswith("linux"):
                command = [sys.executable, "-c", _TIED, *command]
        with tempfile.TemporaryFile() as said:
            self._process = subprocess.Popen(
                [*command, *options],
                env=os.environ | {"CI": "1", "RERUN_APP_ONLY": "true", "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for this program
            )
            try:
                for wanted in (port,) if window else (port, served):
                    self._wait_for(wanted, said)
                if not window:
                    upstream = f"http://{LOOPBACK}:{served}"
                    self._page = Page(upstream, self.address, port=_free_port(_PAGE_PORT))
                    self.page = self._page.address
            except BaseException:
                self._end()
                raise
        self._window = window

    def _wait_for(self, port: int, said: IO[bytes]) -> None:
        """Wait until somebody listens on a port."""
        until = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((LOOPBACK, port), _LOOK_S).close()
            except OSError:
                time.sleep(_LOOK_S)
            else:
                return
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise ConftrackError(f"the Rerun viewer does not start: {lines[-1]}")

    def close(self) -> None:
        """End what serves a page; a window stays open. May be called twice."""
        if not self._window:
            self._end()

    def _end(self) -> None:
        if self._page is not None:
            self._page.close()
        self._process.kill()
        self._process.wait()


def _program() -> str:
    """The viewer that came with the library.

    Raises:
        MissingExtraError: `rerun-sdk` is not installed.
    """
    folder = Path(import_rerun("rerun_cli").__file__).parent
    bundled = folder / "Rerun.app" / "Contents" / "MacOS" / "Rerun"
    if bundled.exists():
        return str(bundled)
    return str(folder / ("rerun.exe" if sys.platform == "win32" else "rerun"))


def _free_port(preferred: int = 0) -> int:
    """A port of the loopback address that nobody listens on, the preferred one if that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            if sys.platform != "win32":  # a port that was just closed is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise ConftrackError(f"there is no free port on {LOOPBACK}")
