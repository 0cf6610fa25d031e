"""MOTChallenge text: a line a box, frames counted from 1.

In: `Tracks`, or a file's path. Out: lines `frame,id,x,y,w,h,score,existence,-1,-1`, or the columns
of such a file as arrays. Also reads det.txt (id -1) and gt.txt (class and visibility in the extra
columns): a row needs seven columns, more are kept in `extra`.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.formats.base import FrameLike, LineFile, bad_line, probability
from tracker.tracks import Tracks

__all__ = ["MotRows", "MotWriter", "read"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_COLUMNS = ("frame", "id", "x", "y", "w", "h", "score")


class MotWriter(LineFile):
    """Writes tracks as MOT text, complete after every frame.

    All rows of the given `Tracks` are written; select before (`tracks[tracks.confirmed]`) to
    write less. Boxes have 2 decimals, probabilities 6.

    Args:
        path: File to create or replace.

    Raises:
        OSError: If it cannot be created.
    """

    def write(self, frame: FrameLike, tracks: Tracks, *, looked: bool = True) -> None:
        """Append the tracks of one frame (`looked` has no place in this format)."""
        xy, wh = tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
        rows = zip(
            tracks.track_id.tolist(),
            np.hstack([xy, wh]).tolist(),
            probability(tracks.score),
            probability(tracks.existence),
            strict=True,
        )
        number = frame.index + 1
        self._put(
            "".join(
                f"{number},{i},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.6f},{existence:.6f},-1,-1\n"
                for i, (x, y, w, h), score, existence in rows
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """The rows of a MOT file as columns, in the order of the file.

    Attributes:
        frame: (N,) frame numbers **from 1**, as in the file.
        track_id: (N,) ids; -1 in files of detections.
        xyxy: (N, 4) corners in pixels (the file has x, y, w, h).
        score: (N,) seventh column as it is, in whatever range the file has.
        extra: (N, K) the columns after the seventh.
        truncated_lines: 1 if the last line was cut off and left out, else 0.
    """

    frame: IntArray
    track_id: IntArray
    xyxy: FloatArray
    score: FloatArray
    extra: FloatArray
    truncated_lines: int = 0

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)


def read(path: str | PathLike[str]) -> MotRows:
    """Read a MOT file: tracks, detections or ground truth.

    Args:
        path: The file. Empty is fine. If its last line has no line end and is incomplete, as an
            interrupted writer leaves it, it is left out and counted in `truncated_lines`.

    Raises:
        InputError: A line that is no row of numbers, fewer than 7 columns, a frame below 1, a
            negative or infinite size; the message has the line's number.
        OSError: If the file cannot be read.
    """
    text = Path(path).read_text(encoding="utf-8-sig")
    lines = text.split("\n")
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    truncated = 0
    if numbered and not text.endswith("\n") and len(numbered) > 1:
        width = numbered[-2][1].count(",")
        try:
            _parse_line(numbered[-1][1], width + 1)
        except ValueError:
            numbered.pop()
            truncated = 1
    table = _parse(str(path), numbered)
    frame, track_id = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    for good, rule in (
        (np.isfinite(table[:, :7]).all(1), "the first seven columns must be finite"),
        ((frame == table[:, 0]) & (frame >= 1), "frame must be a whole number from 1"),
        (track_id == table[:, 1], "id must be a whole number"),
        ((table[:, 4:6] >= 0).all(1), "w and h must not be negative"),
    ):
        if not good.all():
            number, line = numbered[int(np.argmin(good))]
            raise bad_line(str(path), number, f"{rule}, got {line.strip()!r}")
    xyxy = table[:, 2:6].copy()
    xyxy[:, 2:] += xyxy[:, :2]
    return MotRows(frame, track_id, xyxy, table[:, 6], table[:, 7:], truncated)


def _parse(path: str, numbered: list[tuple[int, str]]) -> FloatArray:
    """Parse all lines at once; when that fails, one by one to find the bad one."""
    if not numbered:
        return np.zeros((0, len(_COLUMNS)))
    width = numbered[0][1].count(",") + 1
    if width < len(_COLUMNS):
        raise bad_line(
            path,
            numbered[0][0],
            f"expected at least {len(_COLUMNS)} columns separated by commas "
            f"({','.join(_COLUMNS)}), got {numbered[0][1].strip()!r}",
        )
    try:
        table = np.loadtxt(
            [line for _, line in numbered], delimiter=",", comments=None, ndmin=2, dtype=np.float64
        )
    except ValueError:
        for number, line in numbered:
            try:
                _parse_line(line, width)
            except ValueError as error:
                raise bad_line(path, number, error) from None
        raise
    return table


def _parse_line(line: str, width: int) -> None:
    """Raise ValueError unless the line is `width` numbers."""
    fields = line.split(",")
    if len(fields) != width:
        raise ValueError(f"expected {width} columns as in the other lines, got {len(fields)}")
    for field in fields:
        float(field)
