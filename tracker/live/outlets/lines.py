"""Events as JSON lines: in a file that never gets too large, or on standard output.

In come events, out goes a line each. A file is put aside when it is full and the oldest ones are
removed, so that a program that runs for years needs no more room than was allowed. Each line is in
the file whole or not at all, also when the disk is full or the process is killed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from tracker.live.clocks import Clock
from tracker.live.events import Event
from tracker.live.outlets.base import Outlet
from tracker.live.settings import OutletSettings

__all__ = ["EventFile", "EventStream", "RotatingLines"]


class RotatingLines:
    """A file of lines that is put aside as `NAME.1`, `NAME.2` … when it is full.

    Args:
        path: The file; lines that are there already stay.
        most_bytes: It is put aside before it gets larger.
        keep: So many are kept besides; the oldest goes.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: str | Path, *, most_bytes: int, keep: int) -> None:
        """Open the file; the half line of a killed process is taken back."""
        self.path = Path(path)
        self._most_bytes, self._keep = most_bytes, keep
        self._file: int | None = None
        self._size = 0
        self._open()

    def append(self, line: str) -> None:
        """Add a line, whole or not at all.

        Raises:
            OSError: The disk is full, or the file cannot be opened; the next call tries again.
        """
        data = line.encode("utf-8") + b"\n"
        if self._size and self._size + len(data) > self._most_bytes:
            self._put_aside()
        if self._file is None:
            self._open()
        assert self._file is not None
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            self.close()
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._size += len(data)

    def close(self) -> None:
        """Close the file; may be called twice, and `append` opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(self.path, flags, 0o644)
        self._size = _whole_lines(self._file)
        os.ftruncate(self._file, self._size)

    def _put_aside(self) -> None:
        self.close()
        for number in range(self._keep, 0, -1):
            older = self._aside(number)
            if older.exists():
                if number == self._keep:
                    older.unlink()
                else:
                    os.replace(older, self._aside(number + 1))
        os.replace(self.path, self._aside(1))
        self._size = 0

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _whole_lines(file: int) -> int:
    """Bytes of an open file up to the end of its last whole line."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        begin = max(0, end - 65536)
        os.lseek(file, begin, os.SEEK_SET)
        found = os.read(file, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


class EventFile(Outlet[Event]):
    """Events in a file, a JSON line each."""

    def __init__(
        self, path: str | Path, settings: OutletSettings, *, clock: Clock | None = None
    ) -> None:
        """Open the file, so that a path that cannot be written is told at once."""
        super().__init__("file", settings, clock=clock)
        self.path = Path(path)
        self._lines = RotatingLines(
            path, most_bytes=int(settings.file_mb * 1e6), keep=settings.files
        )

    def _deliver(self, item: Event) -> None:
        self._lines.append(_line(item.to_dict()))

    def _finish(self) -> None:
        self._lines.close()


class EventStream(Outlet[Event]):
    """Events as JSON lines on a stream, without their pictures."""

    def __init__(
        self, stream: IO[str], settings: OutletSettings, *, clock: Clock | None = None
    ) -> None:
        """Write to a stream that stays open."""
        super().__init__("stdout", settings, clock=clock)
        self._stream = stream

    def _deliver(self, item: Event) -> None:
        self._stream.write(_line(item.to_dict(snapshot=False)) + "\n")
        self._stream.flush()


def _line(event: dict[str, object]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
