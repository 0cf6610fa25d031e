"""What is compared: the truth of a sequence, and the boxes that a detector or tracker gave for it.

In come columns as the readers of `tracker.formats` have them; out come two checked containers, one
row a box, ordered by frame. They stand here so that the judging behind them knows nothing of files,
and so that code without files (a fit, a benchmark) can be judged by the same ruler.

Frames count from 0 everywhere in this package, whatever the file counted from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["BoxSequence", "Role", "TruthSequence"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Sequence = TypeVar("Sequence", "TruthSequence", "BoxSequence")

EVERY_CLASS = -1


class Role(IntEnum):
    """What a row of the truth asks for."""

    JUDGED = 0
    """An object that must be found."""
    IGNORE_BOX = 1
    """A thing that may be found: a box that overlaps it enough counts neither way."""
    IGNORE_AREA = 2
    """A region nobody labelled: a box with half of itself inside counts neither way."""


@dataclass(frozen=True, slots=True, eq=False)
class TruthSequence:
    """The ground truth of one sequence: M rows, put in the order of their frames.

    A thing can have several rows in a frame: a van is an object of class "van" and at the same
    time something to ignore for the class "car".

    Attributes:
        name: Of the sequence; tracks and detections are paired by it.
        class_names: Names of the classes; `class_id` counts from 0 in it.
        frame: (M,) frame of each row, from 0.
        object_id: (M,) identity over time, -1 where the labels have none.
        xyxy: (M, 4) corners in pixels.
        class_id: (M,) class that the row is about; -1 is every class.
        role: (M,) int8 of `Role`.
        frame_count: Number of frames, 0 if nobody knows.
        fps: Frames a second, None if nobody knows.
        least_height: Unmatched boxes up to this height in pixels count neither way.
        asked: Classes that are judged where the user names none; () is all of them.
        labelled: Frames that were labelled, ascending; None is all of them.
    """

    name: str
    class_names: tuple[str, ...]
    frame: IntArray
    object_id: IntArray
    xyxy: FloatArray
    class_id: IntArray
    role: NDArray[np.int8]
    frame_count: int = 0
    fps: float | None = None
    least_height: float = 0.0
    asked: tuple[str, ...] = ()
    labelled: IntArray | None = None

    def __post_init__(self) -> None:
        """Check and order the rows."""
        _settle(self, ("object_id", "class_id", "role"))
        judged = (self.role == Role.JUDGED) & (self.object_id >= 0)
        _no_twins(
            self.name,
            "object",
            self.frame[judged],
            self.object_id[judged] * len(self.class_names) + self.class_id[judged],
            self.object_id[judged],
        )

    @property
    def judged(self) -> BoolArray:
        """(M,) mask of the rows that must be found."""
        mask: BoolArray = self.role == Role.JUDGED
        return mask

    @property
    def has_ids(self) -> bool:
        """Whether every object has an identity over time."""
        return bool((self.object_id[self.judged] >= 0).all())

    def of_class(self, name: str) -> TruthSequence:
        """Only what is about one class; judged and ignored rows alike."""
        known = self.class_names.index(name) if name in self.class_names else len(self.class_names)
        mine = (self.class_id == known) | (self.class_id == EVERY_CLASS)
        kept = self.select(mine)
        return replace(kept, class_names=(name,), class_id=np.zeros_like(kept.class_id))

    def select(self, mask: BoolArray) -> TruthSequence:
        """Only the rows of a mask (M,)."""
        return _rows(self, mask, ("object_id", "class_id", "role"))

    def within(self, frames: IntArray) -> TruthSequence:
        """Only what is in the given frames."""
        return self.select(np.isin(self.frame, frames))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class BoxSequence:
    """What a detector or a tracker gave for one sequence: N boxes, put in the order of frames.

    Attributes:
        name: Of the sequence.
        class_names: Names of the classes; () if the boxes have no class.
        frame: (N,) frame of each box, from 0.
        track_id: (N,) which track a box belongs to, -1 for plain detections.
        xyxy: (N, 4) corners in pixels.
        score: (N,) P(a real object is in this box), in [0, 1].
        existence: (N,) P(the track follows a real object), in [0, 1]; NaN where not given.
        class_id: (N,) class of each box; 0 where there are no classes.
        looked: Frames that were looked at, ascending; None is all of them.
        fps: Frames a second, None if the file does not say.
        times: When each frame of `looked` was, s; None if the file does not say.
        image_size: Width and height of the pictures in px, None if the file does not say.
    """

    name: str
    class_names: tuple[str, ...]
    frame: IntArray
    track_id: IntArray
    xyxy: FloatArray
    score: FloatArray
    existence: FloatArray
    class_id: IntArray
    looked: IntArray | None = None
    fps: float | None = None
    times: FloatArray | None = None
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check and order the rows."""
        _settle(self, ("track_id", "score", "existence", "class_id"))
        for name, values in (("score", self.score), ("existence", self.existence)):
            outside = ~((values >= 0) & (values <= 1))
            if name == "existence":
                outside &= ~np.isnan(values)
            if outside.any():
                raise InputError(
                    f"{self.name}: {name} must be a probability, got {values[outside][0]:g}"
                )
        has = self.track_id >= 0
        _no_twins(self.name, "track", self.frame[has], self.track_id[has], self.track_id[has])

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.frame)

    @property
    def has_ids(self) -> bool:
        """Whether these are tracks."""
        return bool(len(self) and (self.track_id >= 0).all())

    def select(self, mask: BoolArray) -> BoxSequence:
        """Only the boxes of a mask (N,)."""
        return _rows(self, mask, ("track_id", "score", "existence", "class_id"))

    def within(self, frames: IntArray) -> BoxSequence:
        """Only what is in the given frames."""
        return self.select(np.isin(self.frame, frames))


def _rows(sequence: Sequence, mask: BoolArray, columns: tuple[str, ...]) -> Sequence:
    """The same sequence with the rows of a mask."""
    kept: dict[str, Any] = {n: getattr(sequence, n)[mask] for n in ("frame", "xyxy", *columns)}
    return replace(sequence, **kept)


def _settle(sequence: TruthSequence | BoxSequence, columns: tuple[str, ...]) -> None:
    """Check shapes and put all columns in the order of frames; rows of a frame keep theirs."""
    n = len(sequence.frame)
    if sequence.xyxy.shape != (n, 4):
        raise InputError(f"{sequence.name}: xyxy must be ({n}, 4), got {sequence.xyxy.shape}")
    for name in columns:
        shape = getattr(sequence, name).shape
        if shape != (n,):
            raise InputError(f"{sequence.name}: {name} must have shape ({n},), got {shape}")
    if n and sequence.frame.min() < 0:
        raise InputError(f"{sequence.name}: frames count from 0, got {sequence.frame.min()}")
    if not np.isfinite(sequence.xyxy).all():
        raise InputError(f"{sequence.name}: boxes must be finite")
    if n and (np.diff(sequence.frame) < 0).any():
        order = np.argsort(sequence.frame, kind="stable")
        for name in ("frame", "xyxy", *columns):
            object.__setattr__(sequence, name, getattr(sequence, name)[order])


def _no_twins(name: str, what: str, frame: IntArray, key: IntArray, shown: IntArray) -> None:
    """Refuse an id that stands twice in one frame: nobody could say which one it is."""
    order = np.lexsort((key, frame))
    twin = (np.diff(frame[order]) == 0) & (np.diff(key[order]) == 0)
    if twin.any():
        row = order[int(np.argmax(twin))]
        raise InputError(f"{name}: {what} {shown[row]} stands twice in frame {frame[row]} (from 0)")
