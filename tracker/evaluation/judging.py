"""Every box of a sequence with its verdict: right, wrong, or not judged.

In: a `TruthSequence` of one class and a `BoxSequence`. Out: `JudgedBoxes`, columns with a verdict
and the object that each box found. All figures are made of these columns. The rule of `matching`
holds, and what is left over is then held against the regions that are not judged: a box that
overlaps an ignored box by at least `min_iou`, that has at least half of itself inside an ignored
area, or that is not higher than the benchmark asks for counts neither way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import iou_matrix
from tracker.errors import InputError
from tracker.evaluation.matching import choose, in_turn
from tracker.evaluation.sequences import BoxSequence, Role, TruthSequence

__all__ = ["JudgedBoxes", "Overlaps", "judge"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# The share of a box that must lie inside an area nobody labelled (KITTI's DontCare, COCO's crowd).
_INSIDE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class JudgedBoxes:
    """N boxes of one class and one sequence with what they turned out to be.

    Attributes:
        boxes: The boxes themselves.
        truth: The rows of the truth that are judged.
        truth_row: (N,) row in `truth` of the object that was found, -1 without one.
        ignored: (N,) neither right nor wrong.
        covered: (M,) mask of the truth: some box overlaps it enough, whether it was matched to it
            or to a neighbour.
    """

    boxes: BoxSequence
    truth: TruthSequence
    truth_row: IntArray
    ignored: BoolArray
    covered: BoolArray

    @property
    def true(self) -> BoolArray:
        """(N,) mask of the boxes that show a real object."""
        mask: BoolArray = self.truth_row >= 0
        return mask

    @property
    def judged(self) -> BoolArray:
        """(N,) mask of the boxes that count."""
        return ~self.ignored

    @property
    def object_id(self) -> IntArray:
        """(N,) identity of the object that each box found, -1 without one."""
        ids: IntArray = np.append(self.truth.object_id, -1)[self.truth_row]
        return ids

    @property
    def track_is_real(self) -> BoolArray:
        """(N,) whether the box's track shows an object in at least half of its judged boxes."""
        ids, track = np.unique(self.boxes.track_id, return_inverse=True)
        right = np.bincount(track, self.true, len(ids))
        judged = np.bincount(track, self.judged, len(ids))
        real: BoolArray = (right >= 0.5 * judged)[track]
        return real

    @property
    def age(self) -> IntArray:
        """(N,) frames since the first box of the track; 0 for detections."""
        if not self.boxes.has_ids:
            return np.zeros(len(self.boxes), np.int64)
        _, first, track = np.unique(self.boxes.track_id, return_index=True, return_inverse=True)
        frames: IntArray = self.boxes.frame - self.boxes.frame[first][track]
        return frames

    def column(self, by: str) -> FloatArray:
        """(N,) `score` or `existence`; boxes without existence have -1 there."""
        if by == "score":
            return self.boxes.score
        return np.nan_to_num(self.boxes.existence, nan=-1.0)


class Overlaps:
    """How the boxes of a sequence lie on its truth: judged at any overlap without looking again.

    Args:
        boxes: All of one class.
        truth: The truth of that class.
        least: Smallest overlap that will be asked for, in (0, 1].

    Raises:
        InputError: `least` is outside (0, 1].
    """

    def __init__(self, boxes: BoxSequence, truth: TruthSequence, *, least: float = 0.5) -> None:
        """Compute all overlaps once."""
        if not 0.0 < least <= 1.0:
            raise InputError(f"the least overlap must be in (0, 1], got {least:g}")
        self._least, self._boxes = least, boxes
        self._truth = truth.select(truth.judged)
        self._pairs = self._pair_up()
        # Left over, and lying on something that is not judged.
        self._on_box = self._most(truth.select(truth.role == Role.IGNORE_BOX), iou_matrix)
        in_area = self._most(truth.select(truth.role == Role.IGNORE_AREA), _share_inside)
        self._spared = in_area >= _INSIDE
        if truth.least_height > 0:
            self._spared |= boxes.xyxy[:, 3] - boxes.xyxy[:, 1] <= truth.least_height

    def judge(self, min_iou: float) -> JudgedBoxes:
        """Give every box its verdict.

        Args:
            min_iou: Least overlap of a match, at least `least`.

        Raises:
            InputError: `min_iou` is below `least` or above 1.
        """
        if not self._least <= min_iou <= 1.0:
            raise InputError(f"min_iou must be in [{self._least:g}, 1], got {min_iou:g}")
        box, truth, iou = self._pairs
        near = iou >= min_iou
        row = choose(box[near], truth[near], len(self._boxes), len(self._truth))
        spared = (row < 0) & (self._spared | (self._on_box >= min_iou))
        covered = np.zeros(len(self._truth), np.bool_)
        covered[truth[near]] = True
        return JudgedBoxes(self._boxes, self._truth, row, spared, covered)

    def _pair_up(self) -> tuple[IntArray, IntArray, FloatArray]:
        """All pairs that overlap enough, in turn: rows of box and object, and the overlap."""
        none = np.zeros(0, np.int64)
        found = [(none, none, np.zeros(0))]
        for mine, theirs in _frames(self._boxes.frame, self._truth.frame):
            iou = iou_matrix(self._boxes.xyxy[mine], self._truth.xyxy[theirs])
            i, j = (iou >= self._least).nonzero()
            found.append((i + mine.start, j + theirs.start, iou[i, j]))
        box, truth, iou = (np.concatenate(part) for part in zip(*found, strict=True))
        order = in_turn(box, truth, iou, self._boxes.score)
        return box[order], truth[order], iou[order]

    def _most(
        self, other: TruthSequence, overlap: Callable[[FloatArray, FloatArray], FloatArray]
    ) -> FloatArray:
        """(N,) largest overlap of each box with the others of its frame."""
        most = np.zeros(len(self._boxes))
        for mine, theirs in _frames(self._boxes.frame, other.frame):
            most[mine] = overlap(self._boxes.xyxy[mine], other.xyxy[theirs]).max(axis=1)
        return most


def judge(boxes: BoxSequence, truth: TruthSequence, *, min_iou: float = 0.5) -> JudgedBoxes:
    """Give every box its verdict.

    Args:
        boxes: All of one class.
        truth: The truth of that class (`TruthSequence.of_class`).
        min_iou: Least overlap of a match, in (0, 1].

    Returns:
        The boxes with their verdicts, in the order of frames.

    Raises:
        InputError: `min_iou` outside (0, 1].

    Example:
        >>> one, box = np.ones(1, np.int64), np.array([[0.0, 0.0, 9.0, 9.0]])
        >>> truth = TruthSequence("a", ("person",), one, one, box, one * 0, one.astype(np.int8) * 0)
        >>> found = BoxSequence("a", (), one, one, box + 1, one * 0.7, one * 0.9, one * 0)
        >>> judge(found, truth).true.tolist()
        [True]
    """
    return Overlaps(boxes, truth, least=min_iou).judge(min_iou)


def _frames(mine: IntArray, theirs: IntArray) -> list[tuple[slice, slice]]:
    """The rows of each frame that both have; both are in the order of frames."""
    common = np.intersect1d(mine, theirs)
    spans = [
        np.searchsorted(frames, common, side=side).tolist()
        for frames in (mine, theirs)
        for side in ("left", "right")
    ]
    return [(slice(a, b), slice(c, d)) for a, b, c, d in zip(*spans, strict=True)]


def _share_inside(boxes: FloatArray, areas: FloatArray) -> FloatArray:
    """(N, K) share of each box that lies inside each area."""
    low = np.maximum(boxes[:, None, :2], areas[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], areas[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    own = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    share: FloatArray = shared / np.maximum(own, 1e-9)[:, None]
    return share
