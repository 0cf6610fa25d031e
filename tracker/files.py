"""Files that are whole or not there: close on leaving a `with` block, put in place when complete.

In: a path, and what belongs there. Out: a file under its own name only once it is complete; until
then it has a temporary name beside it. It stands here because writers of every kind need it:
results lists, videos, summaries.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from tracker.errors import InputError

__all__ = [
    "Closing",
    "WholePieces",
    "put_all_in_place",
    "put_in_place",
    "unfinished",
    "write_whole",
]


class Closing(ABC):
    """Something that is closed when its `with` block is left, also by an exception."""

    @abstractmethod
    def close(self) -> None:
        """Finish it; may be called twice."""

    def __enter__(self) -> Self:
        """Give the thing itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, also after an exception."""
        self.close()


class WholePieces(Closing):
    """A text file that grows by whole pieces: a piece is in it, or nothing of it.

    Every piece is handed to the system at once, so that a reader, or a process that is killed,
    never leaves half of one. When the disk is full in the middle of a piece its beginning is taken
    back, and nothing more is written.

    Args:
        path: File to create or replace.
        shown: What the file is called in errors; None takes `path`.

    Attributes:
        broken: Whether a piece could not be written.

    Raises:
        OSError: It cannot be created.
    """

    def __init__(self, path: str | PathLike[str], shown: str | PathLike[str] | None = None) -> None:
        """Open the file."""
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        self._shown = os.fspath(shown or path)
        self._size = 0
        self.broken = False

    def append(self, text: str) -> None:
        """Write a piece.

        Raises:
            InputError: The file is closed, or broken by an error before.
            OSError: The disk is full, or gone; the error names the file.
        """
        if self._file.closed:
            raise InputError(f"{self._shown} is closed: write inside the with block")
        if self.broken:
            raise InputError(f"{self._shown} could not be written before: nothing more is")
        left = memoryview(text.encode("utf-8"))
        length = len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.broken = True
            with suppress(OSError):
                self._file.truncate(self._size)
            raise OSError(error.errno, error.strerror, self._shown) from error
        self._size += length

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def unfinished(path: str | PathLike[str]) -> Path:
    """Name that a file has until it is complete.

    >>> unfinished("out/boxes.json").name
    'boxes.json.partial'
    """
    path = Path(path)
    return path.with_name(path.name + ".partial")


def put_in_place(finished: str | PathLike[str], path: str | PathLike[str]) -> None:
    """Give a complete, closed file its name; one that was there before is replaced.

    After a crash of the machine there is the old file or the new one, and never half of it.

    Raises:
        OSError: It cannot be renamed, or the disk is full after all.
    """
    with open(finished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(finished, path)


def put_all_in_place(files: Sequence[tuple[Path, Path]]) -> None:
    """Give complete, closed files their names: all of them, or none.

    Args:
        files: Each file, and the name it gets. What has that name is kept beside the file until
            all are in place, and brought back if one cannot be.

    Raises:
        OSError: One cannot be renamed, or the disk is full after all; what was there before is
            there again.
    """
    begun: list[tuple[Path, Path, bool]] = []
    try:
        for finished, path in files:
            before = finished.with_name(finished.name + ".before")
            begun.append((path, before, path.exists()))
            if path.exists():
                _keep(path, before)
            put_in_place(finished, path)
    except BaseException:
        for path, before, was_there in reversed(begun):
            if before.exists():
                os.replace(before, path)
                before.unlink(missing_ok=True)  # a second name of what is in place already
            elif not was_there:
                path.unlink(missing_ok=True)
        raise
    for _, before, _ in begun:
        before.unlink(missing_ok=True)


def _keep(path: Path, before: Path) -> None:
    """Give a file a second name; where the disk knows no such thing, another one."""
    try:
        os.link(path, before)
    except OSError:
        os.replace(path, before)


def write_whole(path: str | PathLike[str], text: str) -> None:
    """Write a text file that is complete or not there.

    Raises:
        OSError: It cannot be written; a file that was there before is untouched.
    """
    partial = unfinished(path)
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        put_in_place(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
