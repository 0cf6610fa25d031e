"""Each track of a run as a whole: when it lived, how often it was seen, how probable it is.

In: a `Run`. Out: `Lives`, a row a track. The probability that a track follows a real object, with
the whole run known, is a mean over all its boxes, predicted ones too: of its **`score`** for tracks
as they were told at once, of its **`existence`** for smoothed ones. Of the numbers a track has,
these come true best (docs/review.md has the table): the last `existence` is that of a track that
was given up, the greatest is that of its luckiest moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.review.runs import Run

__all__ = ["Lives", "lives_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """K tracks, by id.

    Attributes:
        track_id: (K,)
        first: (K,) position of the frame of its first detection.
        last: (K,) position of its last frame, predicted boxes too.
        last_seen: (K,) position of the frame of its last detection.
        boxes: (K,) frames it has a box in.
        hits: (K,) frames it was detected in.
        probability: (K,) P(it follows a real object), with the whole run known.
        existence: (K,) the greatest existence it was ever told.
        confidence: (K,) the greatest confidence of its detections; NaN where not recorded.
        confirmed: (K,) position of the frame it was first believed in, -1 for never.
        class_id: (K,) most probable class at its end.
        row_track: (N,) row here of each row of the run's tracks.
    """

    track_id: IntArray
    first: IntArray
    last: IntArray
    last_seen: IntArray
    boxes: IntArray
    hits: IntArray
    probability: FloatArray
    existence: FloatArray
    confidence: FloatArray
    confirmed: IntArray
    class_id: IntArray
    row_track: IntArray

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.track_id)

    def rows(self, k: int) -> IntArray:
        """Rows of the run's tracks that belong to track k, in the order of time."""
        return np.flatnonzero(self.row_track == k)


def lives_of(run: Run) -> Lives:
    """Look at each track of a run as a whole.

    The tracks of a run whose `smoothing` is not "" are smoothed.

    Example:
        >>> from tracker import Detections, Tracker
        >>> from tracker.review.reading import RunBuilder
        >>> builder, one = RunBuilder("street"), Tracker()
        >>> for k in range(20):
        ...     seen = Detections([[10 + 5 * k, 10, 30 + 5 * k, 60]], [0.9])
        ...     builder.add(k, k / 10, one.update(seen, timestamp_s=k / 10), seen)
        >>> life = lives_of(builder.build())
        >>> life.hits.tolist(), life.confidence.tolist(), bool(life.probability[0] > 0.9)
        ([20], [0.9], True)
    """
    rows = run.tracks
    ids, track = np.unique(rows.track_id, return_inverse=True)
    k = len(ids)
    # Rows are in the order of time: of several assignments to one place the last one stays.
    last, class_id = np.zeros(k, np.int64), np.zeros(k, np.int64)
    last[track], class_id[track] = rows.frame, rows.class_id
    last_seen = np.zeros(k, np.int64)
    last_seen[track[rows.seen]] = rows.frame[rows.seen]
    # A smoothed track may be believed before its first detection.
    first, confirmed = last.copy(), np.full(k, -1, np.int64)
    seen = np.flatnonzero(rows.seen)[::-1]
    first[track[seen]] = rows.frame[seen]
    believed = np.flatnonzero(rows.believed)[::-1]
    confirmed[track[believed]] = rows.frame[believed]
    boxes = np.bincount(track, minlength=k)
    told = rows.existence if run.smoothing else rows.score
    existence, confidence = np.zeros(k), np.full(k, np.nan)
    np.maximum.at(existence, track, rows.existence)
    known = ~np.isnan(rows.confidence)
    confidence[track[known]] = 0.0
    np.maximum.at(confidence, track[known], rows.confidence[known])
    return Lives(
        track_id=ids,
        first=first,
        last=last,
        last_seen=last_seen,
        boxes=boxes,
        hits=np.bincount(track, rows.seen, k).astype(np.int64),
        probability=np.bincount(track, told, k) / np.maximum(boxes, 1),
        existence=existence,
        confidence=confidence,
        confirmed=confirmed,
        class_id=class_id,
        row_track=track.astype(np.int64).reshape(-1),
    )
