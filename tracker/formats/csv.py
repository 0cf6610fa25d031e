"""CSV of tracks: a row a track and frame, for spreadsheets and data frames.

In: `Tracks`, or a file's path. Out: a file whose first line names the columns, or its rows. The
columns are fixed; their meaning is in docs/formats.md. It carries less than JSONL: one class, no
class probabilities, no lines for frames without tracks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tracker.formats.base import FrameLike, LineFile, bad_line, label, probability
from tracker.tracks import Tracks, TrackState

__all__ = ["COLUMNS", "CsvRows", "CsvWriter", "read"]

COLUMNS: dict[str, type] = {
    "frame": int,
    "timestamp_s": float,
    "id": int,
    "x1": float,
    "y1": float,
    "x2": float,
    "y2": float,
    "existence": float,
    "score": float,
    "state": str,
    "class_id": int,
    "class": str,
    "vx": float,
    "vy": float,
    "hits": int,
    "misses": int,
    "age_s": float,
    "gap_s": float,
    "detected": int,
}


class CsvWriter(LineFile):
    """Writes tracks as CSV, complete after every frame.

    Args:
        path: File to create or replace.
        class_names: Names of the classes.

    Raises:
        OSError: If it cannot be created.
    """

    def __init__(self, path: str | PathLike[str], *, class_names: Sequence[str]) -> None:
        """Open the file and write the names of the columns."""
        super().__init__(path)
        self._class_names = tuple(class_names)
        self._put(",".join(COLUMNS) + "\n")

    def write(self, frame: FrameLike, tracks: Tracks, *, looked: bool = True) -> None:
        """Append the tracks of one frame (`looked` has no place in this format)."""
        text = io.StringIO()
        n = len(tracks)
        columns: tuple[Sequence[Any], ...] = (
            [frame.index] * n,
            [round(float(frame.timestamp_s), 6)] * n,
            tracks.track_id.tolist(),
            *tracks.xyxy.round(2).T.tolist(),
            probability(tracks.existence),
            probability(tracks.score),
            [TrackState(s).name.lower() for s in tracks.state.tolist()],
            tracks.class_id.tolist(),
            [label(self._class_names, i) for i in tracks.class_id.tolist()],
            *tracks.velocity.round(2).T.tolist(),
            tracks.hits.tolist(),
            tracks.misses.tolist(),
            tracks.age_s.round(6).tolist(),
            tracks.gap_s.round(6).tolist(),
            tracks.seen.astype(int).tolist(),
        )
        csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
        self._put(text.getvalue())


@dataclass(frozen=True, slots=True, eq=False)
class CsvRows:
    """The rows of a CSV file by column name.

    Attributes:
        columns: Name -> (N,) array: int64, float64 or (state, class) str.
        truncated_lines: 1 if the last line was cut off and left out, else 0.
    """

    columns: dict[str, np.ndarray[Any, Any]]
    truncated_lines: int = 0

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """One column."""
        return self.columns[name]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.columns["frame"])


def read(path: str | PathLike[str]) -> CsvRows:
    """Read a CSV file of tracks.

    A last line that has no line end is what an interrupted writer leaves: it is left out and
    counted in `truncated_lines`.

    Raises:
        InputError: Other columns than expected, or a value that cannot be read (with its line).
        OSError: If the file cannot be read.
    """
    text = Path(path).read_text(encoding="utf-8-sig")
    body, end, rest = text.rpartition("\n")
    reader = csv.reader(io.StringIO(body + end))
    header = next(reader, [])
    if header != list(COLUMNS):
        raise bad_line(str(path), 1, f"expected the columns {','.join(COLUMNS)}, got {header}")
    rows: list[list[Any]] = []
    for fields in reader:
        if len(fields) != len(COLUMNS):
            problem = f"expected {len(COLUMNS)} columns, got {len(fields)}"
            raise bad_line(str(path), reader.line_num, problem)
        try:
            rows.append([kind(f) for kind, f in zip(COLUMNS.values(), fields, strict=True)])
        except ValueError as error:
            raise bad_line(str(path), reader.line_num, error) from None
    dtypes = {int: np.int64, float: np.float64, str: np.str_}
    return CsvRows(
        {
            name: np.array([row[i] for row in rows], dtype=dtypes[kind])
            for i, (name, kind) in enumerate(COLUMNS.items())
        },
        truncated_lines=int(bool(rest)),
    )
