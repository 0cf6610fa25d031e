"""What is fitted on: recorded detections of a sequence, with or without its truth.

In come detections as `tracker.evaluation` reads them; out goes a `Recording` that can be tracked
again and cut in time. Cuts are what sequences are judged on that were not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.calibration.fitting.logistic import STRETCH_S
from tracker.errors import InputError
from tracker.evaluation.sequences import BoxSequence, TruthSequence

__all__ = ["Recording", "folds", "paired", "scenes"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# More parts than this are joined: each part costs a fit on all others.
_MOST_FOLDS = 8
# Between the halves of a sequence a stretch is left out, at most this share of it: who is there at
# the end of one half is there at the beginning of the other, too.
_MOST_GAP = 0.1


@dataclass(frozen=True, eq=False)
class Recording:
    """Detections of one sequence.

    Attributes:
        name: Of the sequence.
        detections: All of them, in the order of frames.
        truth: What they are held against, None without labels.
        frames: Frames that were looked at, ascending.
        fps: Frames a second.
        image_size: Width and height of the pictures in px, None where nobody knows.
        times: (F,) when each frame was, s, ascending; None where nobody wrote it down: then they
            follow each other at `fps`.
    """

    name: str
    detections: BoxSequence
    truth: TruthSequence | None
    frames: IntArray
    fps: float
    image_size: tuple[int, int] | None = None
    times: FloatArray | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the end of the last, s."""
        time = self.timestamp_s
        if not len(self):
            return 0.0
        last = float(np.median(np.diff(time))) if self.times is not None and len(self) > 1 else None
        return float(time[-1] - time[0]) + (1.0 / self.fps if last is None else last)

    @property
    def timestamp_s(self) -> FloatArray:
        """(F,) when each frame was, s."""
        return self.frames / self.fps if self.times is None else self.times

    def stretch_of(self, frame: IntArray) -> IntArray:
        """(N,) number of the stretch of time that frames (N,) are in, see `logistic`.

        A frame that nobody looked at is in that of the next one that somebody did.
        """
        row = np.minimum(np.searchsorted(self.frames, frame), len(self) - 1)
        number: IntArray = (self.timestamp_s[row] // STRETCH_S).astype(np.int64)
        return number

    def cut(self, first: int, end: int, name: str) -> Recording:
        """Only the frames from `first` until before `end`, counted among those looked at."""
        frames = self.frames[first:end]
        truth = self.truth
        if truth is not None:
            asked = frames if truth.labelled is None else np.intersect1d(truth.labelled, frames)
            truth = replace(truth.within(frames), name=name, labelled=asked)
        times = None if self.times is None else self.times[first:end]
        detections = self.detections.within(frames)
        detections = replace(detections, name=name, looked=frames, times=times)
        return replace(
            self, name=name, detections=detections, truth=truth, frames=frames, times=times
        )


def paired(
    detections: Sequence[BoxSequence],
    truth: Sequence[TruthSequence | None],
    rates: Sequence[float | None] | None = None,
    lengths: Sequence[int] | None = None,
    image_sizes: Sequence[tuple[int, int] | None] | None = None,
) -> list[Recording]:
    """Put detections and truth together.

    Args:
        detections: One a sequence.
        truth: The truth of each, None without.
        rates: Frames a second of each; None takes what truth or detections say.
        lengths: Frames of each, 0 where nobody knows; None takes the truth's.
        image_sizes: Width and height of the pictures of each, px; None where nobody knows.

    Raises:
        InputError: Nobody knows the frame rate of a sequence, it has no frames, or its times go
            back.
    """
    if rates is None:
        known = [None if labels is None else labels.fps for labels in truth]
        rates = [rate or boxes.fps for rate, boxes in zip(known, detections, strict=True)]
    if lengths is None:
        lengths = [0 if labels is None else labels.frame_count for labels in truth]
    sizes = [None] * len(detections) if image_sizes is None else image_sizes
    out = []
    for boxes, labels, rate, length, size in zip(
        detections, truth, rates, lengths, sizes, strict=True
    ):
        if not rate or not rate > 0:
            raise InputError(
                f"{boxes.name}: its frame rate is not known: give --fps, or put a seqinfo.ini with"
                " frameRate beside it"
            )
        ends = [length - 1, int(boxes.frame.max(initial=-1))]
        if labels is not None:
            ends.append(int(labels.frame.max(initial=-1)))
        frames = boxes.looked if boxes.looked is not None else np.arange(max(ends) + 1)
        if not len(frames):
            raise InputError(f"{boxes.name} has no frames")
        looked = np.asarray(frames, np.int64)
        times = None if boxes.looked is None else boxes.times
        if times is not None:
            _ascending(boxes.name, looked, times)
        out.append(Recording(boxes.name, boxes, labels, looked, float(rate), size, times))
    return out


def _ascending(name: str, frames: IntArray, times: FloatArray) -> None:
    """Refuse times that go back."""
    for k in np.flatnonzero(~(np.diff(times) >= 0))[:1].tolist():
        raise InputError(
            f"{name}: frame {frames[k + 1]} is at {times[k + 1]:g} s, but frame {frames[k]} before"
            f" it at {times[k]:g} s: times must not go back"
        )


def folds(recordings: Sequence[Recording], most: int = _MOST_FOLDS) -> list[list[Recording]]:
    """Parts that can be judged by what was fitted on the others.

    Each sequence is a part, or several small ones together where there are many; sequences of one
    scene stay together. A single sequence or scene is cut into halves in time, with ten seconds or
    a tenth of it between them that no part has.

    Example:
        >>> one, none = np.zeros(0, np.int64), np.zeros(0)
        >>> empty = BoxSequence("a", (), one, one, np.zeros((0, 4)), none, none, one)
        >>> halves = folds([Recording("a", empty, None, np.arange(5), 10.0)])
        >>> [[(part.name, len(part)) for part in fold] for fold in halves]
        [[('a: first half', 2)], [('a: second half', 3)]]
    """
    together = scenes(recordings)
    if len(together) == 1:
        halves = [_halves(one) for one in together[0]]
        return [list(part) for part in zip(*halves, strict=True)]
    parts: list[list[Recording]] = [[] for _ in range(min(len(together), most))]
    for scene in sorted(together, key=lambda some: (-sum(map(len, some)), some[0].name)):
        min(parts, key=lambda part: sum(map(len, part))).extend(scene)
    return parts


def scenes(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """Those with the very same truth together: several detectors on one scene, as in MOT17.

    Without truth each is a scene of its own.
    """
    found: dict[object, list[Recording]] = {}
    for k, one in enumerate(recordings):
        truth = one.truth
        key: object = k
        if truth is not None and len(truth):
            columns = (truth.frame, truth.object_id, truth.xyxy)
            key = tuple(column.tobytes() for column in columns)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _halves(one: Recording) -> tuple[Recording, Recording]:
    """The first and the second half of a sequence, with a gap between them."""
    away = np.abs(one.timestamp_s - one.timestamp_s[len(one) // 2])
    gap = min(int(np.count_nonzero(away < STRETCH_S / 2)), int(_MOST_GAP * len(one)))
    first, second = (len(one) - gap) // 2, (len(one) + gap) // 2
    return (
        one.cut(0, first, f"{one.name}: first half"),
        one.cut(second, len(one), f"{one.name}: second half"),
    )
