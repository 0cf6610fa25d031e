"""Tracks that no tracker made: a test names the columns that matter to it."""

from typing import Any

import numpy as np

from tracker import Tracks, TrackState


def made_tracks(track_id: Any, *, timestamp_s: float = 0.0, **columns: Any) -> Tracks:
    """Tracks with these ids, all alike but for the columns that are given.

    Args:
        track_id: (N,) ids.
        timestamp_s: When.
        **columns: Of `Tracks`, a value for all rows or one for each. What is not given is plain:
            confirmed, seen in this frame, at rest, without class probabilities; existence 0.5, and
            score and what was earned as existence.
    """
    ids = np.array(track_id, np.int64)
    n = len(ids)
    existence = _column(columns.pop("existence", 0.5), np.full(n, 0.5))
    plain = {
        "xyxy": np.full((n, 4), (10.0, 20.0, 50.0, 120.0)),
        "velocity": np.zeros((n, 2)),
        "covariance": np.zeros((n, 8, 8)),
        "score": existence,
        "earned": existence,
        "state": np.full(n, TrackState.CONFIRMED, np.int8),
        "class_id": np.zeros(n, np.int64),
        "class_probabilities": np.zeros((n, 0)),
        "hits": np.ones(n, np.int64),
        "misses": np.zeros(n, np.int64),
        "age_s": np.zeros(n),
        "gap_s": np.zeros(n),
        "detection": np.arange(n),
    }
    unknown = columns.keys() - plain.keys()
    assert not unknown, f"Tracks has no columns {unknown}"
    made = {name: _column(columns.get(name, column), column) for name, column in plain.items()}
    return Tracks(timestamp_s=timestamp_s, track_id=ids, existence=existence, **made)


def _column(value: Any, like: np.ndarray) -> np.ndarray:
    """A copy in the type of another column; one value stands for all its rows."""
    array = np.array(value, like.dtype)
    return np.full(like.shape, array) if array.ndim == 0 else array
