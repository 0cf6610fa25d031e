"""KITTI tracking labels and results: a line an object and frame, fields separated by spaces.

In: the path of a `label_02/0000.txt`, or of a tracker's results. Out: its columns. Frames count
from 0 there, and classes are words. The format is that of the KITTI object labels with `frame` and
`track_id` before it; results have a score at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.formats.base import bad_line

__all__ = ["KittiRows", "is_kitti", "read"]

# frame, track_id, type, truncated, occluded, alpha, x1, y1, x2, y2, seven of 3D, score.
_LEAST_FIELDS, _SCORE = 10, 17


@dataclass(frozen=True, slots=True, eq=False)
class KittiRows:
    """The rows of a label file as columns, in the order of the file.

    Attributes:
        frame: (N,) from 0.
        track_id: (N,) -1 for DontCare.
        kind: The N types, such as "Car".
        truncated: (N,) 0 if the object is wholly in the image.
        occluded: (N,) 0 seen fully, 1 in part, 2 hardly, 3 unknown; -1 for DontCare.
        xyxy: (N, 4) corners in pixels.
        score: (N,) of results, NaN in labels.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    kind: tuple[str, ...]
    truncated: NDArray[np.float64]
    occluded: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)


def is_kitti(path: str | PathLike[str]) -> bool:
    """Whether the first line of a text file looks like a KITTI tracking label."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    fields = first.split()
    return len(fields) >= _LEAST_FIELDS and "," not in first and not _number(fields[2])


def read(path: str | PathLike[str]) -> KittiRows:
    """Read a label file.

    Raises:
        InputError: A line that is no label; the message has its number.
        OSError: If the file cannot be read.
    """
    rows, kinds = [], []
    lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        try:
            if len(fields) < _LEAST_FIELDS:
                raise ValueError(f"expected at least {_LEAST_FIELDS} fields, got {len(fields)}")
            box = [float(v) for v in fields[6:10]]
            if not (np.isfinite(box).all() and box[0] <= box[2] and box[1] <= box[3]):
                raise ValueError(f"box must be left, top, right, bottom, got {fields[6:10]}")
            frame, track, occluded = (int(float(fields[k])) for k in (0, 1, 4))
            if frame < 0:
                raise ValueError(f"frame must be at least 0, got {frame}")
            score = float(fields[_SCORE]) if len(fields) > _SCORE else float("nan")
            rows.append((frame, track, float(fields[3]), occluded, *box, score))
        except ValueError as error:
            raise bad_line(str(path), number, error) from None
        kinds.append(fields[2])
    table = np.array(rows, np.float64).reshape(-1, 9)
    frames, tracks, hidden = (table[:, k].astype(np.int64) for k in (0, 1, 3))
    return KittiRows(frames, tracks, tuple(kinds), table[:, 2], hidden, table[:, 4:8], table[:, 8])


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
