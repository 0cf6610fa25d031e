"""The tracks after one update, as columns: what `Tracker.update` gives to its caller.

Every living track has a row, also the ones not seen in this frame, ordered by `track_id`. A
caller selects what it wants with a mask: `tracks[tracks.confirmed]`, `tracks[tracks.score > 0.5]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import interop
from tracker.clock import instant

__all__ = ["TrackState", "Tracks"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class TrackState(IntEnum):
    """Where a track stands; thresholds with hysteresis on `existence`, never hit counters."""

    TENTATIVE = 0
    """Not believed (yet, or no more)."""
    CONFIRMED = 1
    """Believed, and seen in this frame."""
    COASTING = 2
    """Believed, not seen in this frame: its box is predicted."""
    DEAD = 3
    """Removed. Never in the rows of a `Tracks`; the ledger of `Tracker.explain` ends with it."""
    LOST = 4
    """Believed, not seen for so long that its box is a guess: it exists, but where is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """All living tracks of one tracker at one time: N rows, read-only columns.

    Attributes:
        timestamp_s: Time of this state in seconds.
        timestamp_ns: The same in whole nanoseconds; worked out from the seconds if not given.
        track_id: (N,) unique in this tracker, increasing, never reused.
        xyxy: (N, 4) corners in pixels; predicted where the track was not seen.
        velocity: (N, 2) velocity of the box centre in px/s.
        covariance: (N, 8, 8) covariance of (cx, cy, w, h, vx, vy, vw, vh) in px and px/s.
        existence: (N,) P(the tracked object is real), in (0, 1), given also what this frame alone
            shows.
        score: (N,) P(a real object is in this box in this frame), in (0, 1), at most existence.
        state: (N,) int8 of `TrackState`.
        class_id: (N,) most probable class.
        class_probabilities: (N, C) posterior of the class; rows sum to 1 where C > 0.
        hits: (N,) updates with a detection.
        misses: (N,) updates in which it was looked for and not found.
        age_s: (N,) seconds since its first detection.
        gap_s: (N,) seconds since its last detection; 0 in a frame with a hit.
        detection: (N,) row of its detection in the `Detections` of this update, -1 without one.
        earned: (N,) P(the tracked object is real) from all looks together, at most `existence`: no
            single frame raises it far, and states go by it. Like `existence` if not given.
    """

    timestamp_s: float
    track_id: IntArray
    xyxy: FloatArray
    velocity: FloatArray
    covariance: FloatArray
    existence: FloatArray
    score: FloatArray
    state: NDArray[np.int8]
    class_id: IntArray
    class_probabilities: FloatArray
    hits: IntArray
    misses: IntArray
    age_s: FloatArray
    gap_s: FloatArray
    detection: IntArray
    earned: FloatArray = None  # type: ignore[assignment]  # always an array, see below
    timestamp_ns: int = None  # type: ignore[assignment]  # always an int, see below

    def __post_init__(self) -> None:
        """Make the columns read-only: they may share memory with the tracker."""
        if self.timestamp_ns is None:
            at = instant(self.timestamp_s, None)  # type: ignore[unreachable]
            object.__setattr__(self, "timestamp_ns", at.ns)
        if self.earned is None:
            object.__setattr__(self, "earned", self.existence)  # type: ignore[unreachable]
        for name in _COLUMNS:
            getattr(self, name).setflags(write=False)

    @classmethod
    def empty(cls, timestamp_s: float = 0.0, classes: int = 0) -> Tracks:
        """No tracks, with room for `classes` class probabilities."""
        floats, ints = np.zeros(0), np.zeros(0, np.int64)
        return cls(
            timestamp_s=timestamp_s,
            track_id=ints,
            xyxy=np.zeros((0, 4)),
            velocity=np.zeros((0, 2)),
            covariance=np.zeros((0, 8, 8)),
            existence=floats,
            score=floats,
            state=np.zeros(0, np.int8),
            class_id=ints,
            class_probabilities=np.zeros((0, classes)),
            hits=ints,
            misses=ints,
            age_s=floats,
            gap_s=floats,
            detection=ints,
        )

    @property
    def confirmed(self) -> BoolArray:
        """Mask of the believed tracks with a box to rely on: seen in this frame, or coasting."""
        mask: BoolArray = (self.state == TrackState.CONFIRMED) | (self.state == TrackState.COASTING)
        return mask

    @property
    def believed(self) -> BoolArray:
        """Mask of the believed tracks, also the lost ones, whose box is a guess."""
        mask: BoolArray = self.state != TrackState.TENTATIVE
        return mask

    @property
    def lost(self) -> BoolArray:
        """Mask of the believed tracks not seen for so long that their box is a guess."""
        mask: BoolArray = self.state == TrackState.LOST
        return mask

    @property
    def tentative(self) -> BoolArray:
        """Mask of the tracks not believed (yet)."""
        mask: BoolArray = self.state == TrackState.TENTATIVE
        return mask

    @property
    def coasting(self) -> BoolArray:
        """Mask of the believed tracks that were not seen in this frame."""
        mask: BoolArray = self.state == TrackState.COASTING
        return mask

    @property
    def seen(self) -> BoolArray:
        """Mask of the tracks with a detection in this frame, believed or not."""
        return self.detection >= 0

    @property
    def state_names(self) -> list[str]:
        """(N,) state of each in words, such as `"confirmed"`."""
        return [TrackState(s).name.lower() for s in self.state.tolist()]

    def to_supervision(self) -> Any:
        """A `supervision.Detections`: `confidence` is `score`, `tracker_id` the track's id.

        Its `data` has `existence` (N,), `state` (N,) in words and `velocity` (N, 2).

        Raises:
            MissingExtraError: supervision is not installed.
        """
        return interop.to_supervision(self)

    def to_coco(
        self, image_id: int | str, *, categories: Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """COCO results of one image, with `track_id` and `existence` besides.

        Args:
            image_id: Of the image.
            categories: Category ids in the order of the classes; None writes the class ids.

        Returns:
            A dict a track: `image_id`, `category_id`, `bbox` (x, y, width, height), `score` …

        Raises:
            InputError: A class has no category.
        """
        return interop.to_coco(self, image_id, categories)

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.track_id)

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[Any]) -> Tracks:
        """Select rows by an index, a slice, a boolean mask or indices."""
        if isinstance(rows, int | np.integer):
            rows = [int(rows)]
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Tracks(self.timestamp_s, timestamp_ns=self.timestamp_ns, **columns)

    def __repr__(self) -> str:
        """Show counts, not every row."""
        lost = f" {int(self.lost.sum())} lost," if self.lost.any() else ""
        return (
            f"Tracks({len(self)} at {self.timestamp_s:.3f} s: {int(self.confirmed.sum())} confirmed"
            f" ({int(self.coasting.sum())} coasting),{lost} {int(self.tentative.sum())} tentative)"
        )


_COLUMNS = tuple(f.name for f in fields(Tracks) if not f.name.startswith("timestamp"))
