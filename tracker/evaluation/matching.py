"""Which boxes of a frame show a real object, and what that adds up to over a video.

In come, frame by frame, boxes with a score and the boxes of the ground truth; out goes for each
box whether it is right, wrong or not judged, and with which object it was matched. `BoxCounts` and
`TrackCounts` add the frames up to precision, recall and the number of false tracks. It stands here
so that the demo, the benchmark and the tests judge by one rule:

Boxes choose in the order of their score, each the free ground-truth box it overlaps most, where
the overlap is at least `min_iou`. A box that stays alone is wrong, unless it overlaps something
that is not judged (a person too hidden to be asked for). A second box on one object is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.boxes import iou_matrix
from tracker.errors import InputError

__all__ = ["BoxCounts", "FrameMatch", "TrackCounts", "choose", "in_turn", "match_boxes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class FrameMatch:
    """The verdict on the N boxes of one frame against its M ground-truth boxes.

    Attributes:
        truth_row: (N,) row of the matched ground-truth box, -1 without one.
        iou: (N,) overlap with the matched box, 0 without one.
        ignored: (N,) neither right nor wrong: it lies on something that is not judged.
        truth_count: M.
    """

    truth_row: IntArray
    iou: FloatArray
    ignored: BoolArray
    truth_count: int

    @property
    def matched(self) -> BoolArray:
        """Mask of the boxes that show a real object (true positives)."""
        return self.truth_row >= 0

    @property
    def false(self) -> BoolArray:
        """Mask of the boxes that show none (false positives)."""
        return ~(self.matched | self.ignored)

    @property
    def missed(self) -> IntArray:
        """Rows of the ground truth that no box found."""
        return np.setdiff1d(np.arange(self.truth_count), self.truth_row)


def match_boxes(
    xyxy: ArrayLike,
    score: ArrayLike,
    truth_xyxy: ArrayLike,
    *,
    ignore_xyxy: ArrayLike = (),
    min_iou: float = 0.5,
) -> FrameMatch:
    """Match the boxes of one frame with its ground truth, greedily by descending score.

    Equal scores choose in the order of their rows; of equal overlaps the first ground-truth row
    is taken.

    Args:
        xyxy: (N, 4) boxes to judge, corners in pixels.
        score: (N,) what they choose by; any finite numbers.
        truth_xyxy: (M, 4) boxes of the real objects.
        ignore_xyxy: (K, 4) boxes of what is not judged.
        min_iou: Least overlap of a match, in (0, 1].

    Returns:
        The verdict on each box, in the order given.

    Raises:
        InputError: A wrong shape, or `min_iou` outside (0, 1].

    Example:
        >>> verdict = match_boxes([[0, 0, 10, 20], [50, 0, 60, 20]], [0.6, 0.9], [[1, 0, 11, 20]])
        >>> verdict.matched.tolist(), verdict.false.tolist(), verdict.missed.tolist()
        ([True, False], [False, True], [])
    """
    if not 0.0 < min_iou <= 1.0:
        raise InputError(f"min_iou must be in (0, 1], got {min_iou}")
    boxes, truth = _boxes("xyxy", xyxy), _boxes("truth_xyxy", truth_xyxy)
    ignore, scores = _boxes("ignore_xyxy", ignore_xyxy), np.asarray(score, np.float64)
    if scores.shape != (len(boxes),):
        raise InputError(f"score must have shape ({len(boxes)},) to match xyxy, got {scores.shape}")

    iou = iou_matrix(boxes, truth)
    box, other = (iou >= min_iou).nonzero()
    order = in_turn(box, other, iou[box, other], scores)
    truth_row = choose(box[order], other[order], len(boxes), len(truth))
    overlap = np.zeros(len(boxes))
    taken = np.flatnonzero(truth_row >= 0)
    overlap[taken] = iou[taken, truth_row[taken]]
    on_ignored = (iou_matrix(boxes, ignore) >= min_iou).any(axis=1)
    return FrameMatch(truth_row, overlap, on_ignored & (truth_row < 0), len(truth))


def in_turn(box: IntArray, truth: IntArray, iou: FloatArray, score: FloatArray) -> IntArray:
    """Order the possible pairs of boxes and objects as they are chosen.

    Boxes of a higher score come first, equal scores in the order of their rows; the pairs of a box
    by falling overlap, equal ones in the order of the objects.

    Args:
        box: (P,) row of the box of each possible pair.
        truth: (P,) row of its object.
        iou: (P,) their overlap.
        score: (N,) of the boxes.

    Returns:
        (P,) the pairs in their order.
    """
    turn = np.empty(len(score), np.int64)
    turn[np.argsort(-score, kind="stable")] = np.arange(len(score))
    order: IntArray = np.lexsort((truth, -iou, turn[box]))
    return order


def choose(box: IntArray, truth: IntArray, boxes: int, objects: int) -> IntArray:
    """Let boxes choose, each the first of its objects that is still free.

    Rows may be those of many frames at once: boxes meet only objects that they have a pair with.

    Args:
        box: (P,) row of the box of each possible pair, in the order of `in_turn`.
        truth: (P,) row of its object.
        boxes: Number of boxes N.
        objects: Number of objects M.

    Returns:
        (N,) row of the object that each box got, -1 without one.

    Example:
        >>> box, truth = np.array([0, 0, 1]), np.array([0, 1, 0])
        >>> order = in_turn(box, truth, np.array([0.9, 0.6, 0.7]), np.array([0.3, 0.8]))
        >>> choose(box[order], truth[order], 2, 2).tolist()
        [1, 0]
    """
    got, free = [-1] * boxes, [True] * objects
    for i, j in zip(box.tolist(), truth.tolist(), strict=True):
        if got[i] < 0 and free[j]:
            got[i], free[j] = j, False
    return np.array(got, np.int64)


@dataclass(slots=True)
class BoxCounts:
    """Right, wrong and missed boxes of a video, added up frame by frame.

    Example:
        >>> counts = BoxCounts()
        >>> counts.add(match_boxes([[0, 0, 10, 20]], [0.6], [[1, 0, 11, 20], [40, 0, 50, 20]]))
        >>> counts.precision, counts.recall
        (1.0, 0.5)
    """

    true: int = 0
    false: int = 0
    missed: int = 0

    def add(self, frame: FrameMatch) -> None:
        """Add one frame."""
        right = int(np.count_nonzero(frame.matched))
        self.true += right
        self.false += int(np.count_nonzero(frame.false))
        self.missed += frame.truth_count - right

    @property
    def precision(self) -> float:
        """Share of the judged boxes that are right; NaN without any."""
        return _share(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """Share of the real objects' boxes that were found; NaN without any."""
        return _share(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where there was nothing to find or judge."""
        return _share(2 * self.true, 2 * self.true + self.false + self.missed)


@dataclass(slots=True)
class TrackCounts:
    """Tracks of a video judged as a whole: real, or false for most of their life.

    A track is false when its boxes matched an object in less than half of the frames in which
    they were judged. A track that was never judged is neither.
    """

    _frames: dict[int, tuple[int, int]] = field(default_factory=dict)
    _found: set[int] = field(default_factory=set)

    def add(self, track_id: Iterable[int], truth_id: ArrayLike, frame: FrameMatch) -> None:
        """Add one frame.

        Args:
            track_id: (N,) ids of the judged boxes.
            truth_id: (M,) ids of the objects of the ground truth.
            frame: The verdict on those boxes.

        Raises:
            InputError: `track_id` or `truth_id` does not have as many rows as the verdict.
        """
        ids, objects = np.asarray(track_id, np.int64), np.asarray(truth_id, np.int64)
        if len(ids) != len(frame.truth_row) or len(objects) != frame.truth_count:
            raise InputError(
                f"expected {len(frame.truth_row)} track ids and {frame.truth_count} truth ids,"
                f" got {len(ids)} and {len(objects)}"
            )
        for number, right, unjudged in zip(
            ids.tolist(), frame.matched.tolist(), frame.ignored.tolist(), strict=True
        ):
            good, judged = self._frames.get(number, (0, 0))
            self._frames[number] = (good + right, judged + (not unjudged))
        self._found.update(objects[frame.truth_row[frame.matched]].tolist())

    @property
    def false_tracks(self) -> list[int]:
        """Ids of the false tracks, ascending."""
        return sorted(i for i, (good, judged) in self._frames.items() if judged > 2 * good)

    @property
    def real_tracks(self) -> list[int]:
        """Ids of the tracks that follow real objects, ascending."""
        return sorted(i for i, (good, judged) in self._frames.items() if 0 < judged <= 2 * good)

    @property
    def objects_found(self) -> list[int]:
        """Ids of the real objects that some box found in some frame, ascending."""
        return sorted(self._found)


def _boxes(name: str, values: ArrayLike) -> FloatArray:
    boxes = np.asarray(values, np.float64)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"{name} must have shape (N, 4), got {boxes.shape}")
    return boxes


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
