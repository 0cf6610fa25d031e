"""What a tracker remembers of its tracks: three arrays with one row a track.

`rows` is one structured array, so that selecting or joining tracks is one operation and not one
for each column; `motion` belongs to the motion model and `classes` to `tracker.classes`. Rows are
always ordered by `track_id`: births go to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.snapshots import Kind, column

__all__ = ["ROW", "State", "copied", "extended", "from_columns", "to_columns"]

FloatArray = NDArray[np.float64]

ROW = np.dtype(
    [
        ("track_id", np.int64),
        ("log_odds", np.float64),  # of existence
        ("looks", np.float64),  # independent looks, faded: n of tracker.existence
        ("support", np.float64),  # their sum of evidence, faded: S
        ("hidden", np.float64),  # share of the predicted box that is covered, 0 when seen
        ("hits", np.int64),
        ("looks_before", np.int64),  # looks of the tracker before the first detection
        ("born_s", np.float64),  # time of the first detection, since the first update
        ("seen_s", np.float64),  # time of the last detection, since the first update
        ("found_s", np.float64),  # seconds the tracker had looked for when it was last seen
        ("start", np.float64, (2,)),  # centre of the first detection, px
        ("moved", np.bool_),  # has left the place where it began
        ("confirmed", np.bool_),
        ("strong", np.bool_),  # the first detection was a strong one
    ],
    align=True,  # as the struct Row of _kernels.c
)
# Rows as they lie in memory: NumPy copies structures field by field, at three times the cost.
_WHOLE = np.dtype((np.void, ROW.itemsize))
_KINDS: dict[str, Kind] = {"i": "whole", "f": "number", "b": "flag"}


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """N tracks.

    Attributes:
        rows: (N,) structured array of `ROW`.
        motion: (N, …) states of the motion model.
        classes: (N, C) log-posterior of the class.
    """

    rows: NDArray[np.void]
    motion: NDArray[Any]
    classes: FloatArray

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.rows)

    def extended(self, other: State) -> State:
        """These tracks, then the others."""
        return State(
            extended(self.rows, other.rows),
            extended(self.motion, other.motion),
            extended(self.classes, other.classes),
        )

    def kept(self, keep: NDArray[np.bool_]) -> State:
        """The tracks where `keep` is true, read-only: the state after an update."""
        rows = keep.nonzero()[0]
        all_of_them = len(rows) == len(keep)
        state = self
        if not all_of_them:
            whole = self.rows.view(_WHOLE).take(rows).view(ROW)
            state = State(whole, self.motion.take(rows, axis=0), self.classes.take(rows, axis=0))
        for array in (state.rows, state.motion, state.classes):
            array.setflags(write=False)
        return state


def copied(rows: NDArray[np.void]) -> NDArray[np.void]:
    """A copy of rows of `ROW`."""
    return rows.view(_WHOLE).copy().view(ROW)


def extended(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Rows of a, then rows of b; `np.concatenate` is slow on structured arrays."""
    if not len(b):
        return a
    out = np.empty((len(a) + len(b), *a.shape[1:]), a.dtype)
    out[: len(a)] = a
    out[len(a) :] = b
    return out


def to_columns(value: Any) -> Any:
    """A structured array as a dict of plain columns, anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        return {name: value[name].copy() for name in value.dtype.names}
    return value


def from_columns(columns: Mapping[str, Any], where: str = "rows") -> NDArray[np.void]:
    """The structured array of `ROW` that `to_columns` took apart, or lists of the same.

    Args:
        columns: By name.
        where: What they are called in errors.

    Raises:
        InputError: A column that is not there, unknown, of another length or kind, not finite, or
            holds what no track has: an id below 1, ids that do not ascend, counts below 0.
    """
    names = ROW.names or ()
    if not isinstance(columns, Mapping) or set(columns) != set(names):
        odd = sorted(set(names) ^ set(columns)) if isinstance(columns, Mapping) else []
        raise InputError(f"snapshot field {where} must have the columns of a track, not {odd}")
    ids = column(
        f"{where}.track_id", columns["track_id"], "whole", (None,), least=1, ascending=True
    )
    rows = np.zeros(len(ids), ROW)
    for name in names:
        kind = _KINDS[rows[name].dtype.kind]
        least = 0 if kind == "whole" else None
        shape = rows[name].shape
        rows[name] = column(f"{where}.{name}", columns[name], kind, shape, least=least)
    return rows
