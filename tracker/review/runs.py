"""A run as columns: its frames, the rows of its tracks, what the detector said.

Three containers, filled by `tracker.review.reading` and read by all of this package. Class vectors
are not kept, for 80 classes over hours would not fit: each frame's acquisition values are worked
out as it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.tracks import TrackState

__all__ = ["BoxRows", "Run", "TrackRows"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TrackRows:
    """A row for each track in each frame, by frame, then by id.

    Attributes:
        frame: (N,) position in the frames of the run (not the number in the video).
        track_id: (N,)
        xyxy: (N, 4) corners in pixels.
        existence: (N,) P(the tracked object is real), as it was told then.
        score: (N,) P(a real object is in this box in this frame), as it was told then.
        state: (N,) int8 of `TrackState`.
        class_id: (N,)
        seen: (N,) whether it got a detection in this frame.
        confidence: (N,) of that detection; NaN where unseen, or nothing was recorded.
    """

    frame: IntArray
    track_id: IntArray
    xyxy: FloatArray
    existence: FloatArray
    score: FloatArray
    state: NDArray[np.int8]
    class_id: IntArray
    seen: BoolArray
    confidence: FloatArray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def believed(self) -> BoolArray:
        """(N,) whether the track was confirmed, coasting or lost."""
        mask: BoolArray = self.state != TrackState.TENTATIVE
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class BoxRows:
    """A row for each detection, by frame.

    Attributes:
        frame: (M,) position in the frames of the run.
        xyxy: (M, 4) corners in pixels.
        confidence: (M,)
        class_id: (M,)
        track_row: (M,) row in `TrackRows` of the track that took it, -1 for none.
    """

    frame: IntArray
    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    track_row: IntArray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One video, tracked.

    Attributes:
        name: Short, for people and for file names.
        source: What was read, "" if unknown.
        model: Name of the detector, "" if unknown.
        smoothing: How the tracks were smoothed (`whole`, `fixed_lag`); "": they are as they were
            told at once.
        class_names: Names by class id.
        frame: (F,) number of each frame in the video, ascending.
        timestamp_s: (F,) time of each frame, s.
        looked: (F,) whether the detector ran on it.
        tracks: All tracks in all frames.
        detections: What the detector said; None if it was not recorded.
        acquisition: Name of `ACQUISITIONS` -> (F,) values, NaN where nobody looked; empty if the
            detections were not recorded.
        image_size: Width and height of the pictures, px; None where that was not recorded.
    """

    name: str
    source: str
    model: str
    smoothing: str
    class_names: tuple[str, ...]
    frame: IntArray
    timestamp_s: FloatArray
    looked: BoolArray
    tracks: TrackRows
    detections: BoxRows | None
    acquisition: Mapping[str, FloatArray]
    image_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frame)

    @property
    def period_s(self) -> float:
        """Usual time from frame to frame, s; 0 where there are not two."""
        return float(np.median(np.diff(self.timestamp_s))) if len(self) > 1 else 0.0

    def rows_of(self, position: int) -> slice:
        """Rows of the tracks of the frame at a position."""
        first, last = np.searchsorted(self.tracks.frame, [position, position + 1]).tolist()
        return slice(first, last)
