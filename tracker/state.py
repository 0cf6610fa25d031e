"""What a tracker remembers of its tracks: three arrays with one row a track.

`rows` is one structured array, so that selecting or joining tracks is one operation and not one
for each column; `motion` belongs to the motion model and `classes` to `tracker.classes`. Rows are
always ordered by `track_id`: births go to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROW", "State"]

FloatArray = NDArray[np.float64]

ROW = np.dtype(
    [
        ("track_id", np.int64),
        ("log_odds", np.float64),  # of existence
        ("hits", np.int64),
        ("misses", np.int64),
        ("born_s", np.float64),  # time of the first detection
        ("seen_s", np.float64),  # time of the last detection
        ("missed_s", np.float64),  # looked for without success since then, s
        ("start_x", np.float64),  # centre of the first detection, px
        ("start_y", np.float64),
        ("moved", np.bool_),  # has left the place where it began
        ("confirmed", np.bool_),
    ]
)


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

    def take(self, keep: NDArray[np.bool_]) -> State:
        """Select tracks."""
        return State(self.rows[keep], self.motion[keep], self.classes[keep])

    def join(self, other: State) -> State:
        """These tracks, then the others."""
        return State(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.motion, other.motion]),
            np.concatenate([self.classes, other.classes]),
        )
