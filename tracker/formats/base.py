"""What the writers share: the frame they take, a line-wise file, rounding that stays valid.

In: lines of text. Out: a file that is complete up to the last frame at every moment, because each
frame's lines are handed to the system in one piece. It stands here so that the formats differ in
their text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.files import Closing, WholePieces
from tracker.tracks import Tracks

__all__ = ["FrameLike", "LineFile", "TracksWriter"]

# P(real) lies in (0, 1): a value rounded to 0 or 1 would not, and could not be read back.
_LEAST = 1e-6


class FrameLike(Protocol):
    """What a writer needs of a frame: `tracker.Frame` has it, and much smaller things too."""

    @property
    def index(self) -> int:
        """Number of the frame in its source, from 0."""
        ...

    @property
    def timestamp_s(self) -> float:
        """Presentation time in seconds."""
        ...


class TracksWriter(AbstractContextManager["TracksWriter"], Protocol):
    """What all writers of tracks have in common."""

    def write(self, frame: FrameLike, tracks: Tracks, *, looked: bool = True) -> None:
        """Append the tracks of one frame; `looked=False` if no detector ran on it."""
        ...

    def close(self) -> None:
        """Finish the file; may be called twice."""
        ...


class LineFile(Closing):
    """A text file written a frame at a time; base of the line-wise writers.

    Args:
        path: File to create or replace.

    Raises:
        OSError: If it cannot be created.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open the file."""
        self._file = WholePieces(path)

    def _put(self, text: str) -> None:
        """Write the lines of one frame, all or none."""
        self._file.append(text)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


def probability(values: NDArray[np.float64]) -> list[float]:
    """Round to 6 decimals inside (0, 1).

    >>> probability(np.array([0.12345678, 0.99999999, 0.0]))
    [0.123457, 0.999999, 1e-06]
    """
    rounded: list[float] = np.clip(values, _LEAST, 1 - _LEAST).round(6).tolist()
    return rounded


Name = TypeVar("Name")


def label(class_names: Sequence[Name], class_id: int) -> Name:
    """Name (or whatever stands for it) of a class.

    Raises:
        InputError: If there is no such name, so that no file is written that cannot be read back.

    >>> label(["person", "car"], 1)
    'car'
    """
    if class_id >= len(class_names):
        raise InputError(
            f"class {class_id} has no name: class_names has {len(class_names)} entries; "
            "pass the class_names of the detector"
        )
    return class_names[class_id]


def bad_line(path: str, line: int, problem: object) -> InputError:
    """Build the error of a reader: file, line number (from 1), what is wrong."""
    return InputError(f"{path}:{line}: {problem}")
