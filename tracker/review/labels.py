"""Pre-labels: what the tracks say is in a frame, for a person to correct.

In: a `Run`, a position, the size of the picture. Out: a `LabelledImage`. A box is given where an
object is probably there: `score` of at least `least`, predicted boxes too. Boxes are cut at the
edges of the picture; what lies outside of it is no label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import clip
from tracker.review.runs import Run

__all__ = ["LabelledImage", "prelabel"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Less than this of a box in the picture, in px, is nothing that a person could correct.
_LEAST_SIDE = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One picture with N boxes.

    Attributes:
        file_name: Of the picture, without a folder.
        width, height: Of the picture, px.
        video: Name of the run.
        frame: Its number in the video.
        timestamp_s: Its time there, s.
        xyxy: (N, 4) corners inside the picture, px.
        class_id: (N,)
        track_id: (N,)
        score: (N,) P(a real object is in this box in this frame).
        existence: (N,) P(the tracked object is real).
        seen: (N,) whether a detection was there; else the box is predicted.
    """

    file_name: str
    width: int
    height: int
    video: str
    frame: int
    timestamp_s: float
    xyxy: FloatArray
    class_id: IntArray
    track_id: IntArray
    score: FloatArray
    existence: FloatArray
    seen: NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.xyxy)


def prelabel(
    run: Run, position: int, *, file_name: str, width: int, height: int, least: float = 0.5
) -> LabelledImage:
    """What the tracks say is in a frame.

    Args:
        run: The run.
        position: Of the frame.
        file_name: Of its picture.
        width: Of the picture, px.
        height: Of the picture, px.
        least: Least score of a label.
    """
    rows, here = run.tracks, run.rows_of(position)
    inside = clip(rows.xyxy[here], width, height)
    side = (inside[:, 2:] - inside[:, :2]).min(axis=1, initial=np.inf)
    kept = np.flatnonzero((rows.score[here] >= least) & (side >= _LEAST_SIDE))
    mine = kept + here.start
    return LabelledImage(
        file_name=file_name,
        width=width,
        height=height,
        video=run.name,
        frame=int(run.frame[position]),
        timestamp_s=float(run.timestamp_s[position]),
        xyxy=inside[kept].round(2),
        class_id=rows.class_id[mine],
        track_id=rows.track_id[mine],
        score=rows.score[mine],
        existence=rows.existence[mine],
        seen=rows.seen[mine],
    )
