"""What turned out: for each box of a trace and each detection whether it was right.

In come a recording with its truth and the trace of the tracker on it; out go `Labels`. A box is
right when it shows an object; its track is real when it does so in at least half of its judged
boxes: the rules of `tracker.evaluation`. Without truth, `mixture` makes the same with probabilities
in place of labels; the fits do not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.calibration.fitting.logistic import LABELS, Trust
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.fitting.survival import Gaps, gaps_of
from tracker.calibration.fitting.trace import Trace, boxes
from tracker.errors import InputError
from tracker.evaluation.pairing import pair_up
from tracker.evaluation.sequences import BoxSequence

__all__ = ["Detected", "Labels", "by_truth", "label", "tracks_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Detected:
    """M detections with what turned out.

    Attributes:
        confidence: (M,) raw.
        right: (M,) whether each shows an object, in [0, 1].
        cluster: (M,) the track that took it.
        stretch: (M,) stretch of time it is in, see `logistic`.
        frame: (M,) its frame.
    """

    confidence: FloatArray
    right: FloatArray
    cluster: IntArray
    stretch: IntArray
    frame: IntArray

    @classmethod
    def joined(cls, parts: Sequence[Detected]) -> Detected:
        """Several sequences as one."""
        none = np.zeros(0, np.int64)
        return cls(
            np.concatenate([np.zeros(0), *(part.confidence for part in parts)]),
            np.concatenate([np.zeros(0), *(part.right for part in parts)]),
            np.concatenate([none, *(part.cluster + (k << 40) for k, part in enumerate(parts))]),
            np.concatenate([none, *(part.stretch + (k << 40) for k, part in enumerate(parts))]),
            np.concatenate([none, *(part.frame for part in parts)]),
        )

    def select(self, mask: BoolArray) -> Detected:
        """Only the detections of a mask (M,)."""
        return Detected(
            self.confidence[mask],
            self.right[mask],
            self.cluster[mask],
            self.stretch[mask],
            self.frame[mask],
        )

    def quarters(self) -> list[Detected]:
        """Four stretches of time with as many detections each."""
        bounds = np.quantile(self.frame, [0.25, 0.5, 0.75]) if len(self.frame) else np.zeros(3)
        part = np.searchsorted(bounds, self.frame)
        return [self.select(part == k) for k in range(4)]


@dataclass(frozen=True, eq=False)
class Labels:
    """What turned out for the N rows of a trace.

    Attributes:
        counts: (N,) whether the row is judged.
        right: (N,) whether the box shows an object, in [0, 1].
        real: (N,) whether its track follows a real object, in [0, 1].
        detected: The judged detections.
        trust: What these are worth.
        boxes: What `right` and `detected` are worth; None: the same.
        afterwards: Whether smoothed tracks can be labelled, too.
        gaps: How long objects stayed unseen; None where nobody knows which object is which.
    """

    counts: BoolArray
    right: FloatArray
    real: FloatArray
    detected: Detected
    trust: Trust = LABELS
    boxes: Trust | None = None
    afterwards: bool = True
    gaps: Gaps | None = None

    @property
    def trust_of_boxes(self) -> Trust:
        """What `right` and `detected` are worth."""
        return self.trust if self.boxes is None else self.boxes


def by_truth(
    *, classes: Sequence[str] | None = None, min_iou: float = 0.5
) -> Callable[[Sequence[Recording], Sequence[Trace]], list[Labels]]:
    """A labeller that holds traces against the truth; arguments as in `label`."""

    def labels(recordings: Sequence[Recording], traces: Sequence[Trace]) -> list[Labels]:
        return [
            label(recording, found, classes=classes, min_iou=min_iou)
            for recording, found in zip(recordings, traces, strict=True)
        ]

    return labels


def label(
    recording: Recording,
    found: Trace,
    *,
    classes: Sequence[str] | None = None,
    min_iou: float = 0.5,
) -> Labels:
    """Hold a trace against the truth.

    Args:
        recording: With truth.
        found: The tracker on it.
        classes: Classes to judge; None takes those of the benchmark.
        min_iou: Least overlap of a match.

    Raises:
        InputError: It has no truth, or that does not fit.
    """
    if recording.truth is None:
        raise InputError(f"{recording.name} has no truth")
    detections = _numbered(recording.detections)
    parts, _ = pair_up(
        [replace(recording.truth, name=recording.name)],
        [boxes(recording, found)],
        [detections],
        classes=classes,
        min_iou=min_iou,
        ladder=False,
    )
    n = len(found)
    counts, right, real = np.zeros(n, np.bool_), np.zeros(n), np.zeros(n)
    keys = _keys(found.frame, found.track_id)
    taken = tracks_of(found, len(detections))
    columns, gaps = [], []
    for part in parts:
        assert part.tracks is not None
        assert part.detections is not None
        judged = part.tracks.judged
        row = np.searchsorted(keys, _keys(judged.boxes.frame, judged.boxes.track_id))
        counts[row], right[row], real[row] = judged.judged, judged.true, judged.track_is_real
        hit = judged.true & found.seen[row]
        shown = judged.boxes.frame[hit], judged.object_id[hit]
        there = judged.truth.frame, judged.truth.object_id
        gaps.append(gaps_of(recording, part.frames, shown, there))
        judged = part.detections.judged
        use = judged.judged
        row = judged.boxes.track_id[use]
        columns.append(
            Detected(
                judged.boxes.score[use],
                judged.true[use].astype(np.float64),
                taken[row],
                recording.stretch_of(judged.boxes.frame[use]),
                judged.boxes.frame[use],
            )
        )
    # Classes are judged apart, but they share tracks and time.
    names = ("confidence", "right", "cluster", "stretch", "frame")
    pooled = (np.concatenate([getattr(c, name) for c in columns]) for name in names)
    return Labels(counts, right, real, Detected(*pooled), gaps=Gaps.joined(gaps))


def _numbered(detections: BoxSequence) -> BoxSequence:
    """Detections with their row as id, by which they are found again."""
    return replace(detections, track_id=np.arange(len(detections)))


def tracks_of(found: Trace, detections: int) -> IntArray:
    """(M,) the track that took each detection; those of none have each a number below 0."""
    taken = -1 - np.arange(detections)
    seen = found.seen
    taken[found.detection[seen]] = found.track_id[seen]
    return taken


def _keys(frame: IntArray, track_id: IntArray) -> IntArray:
    return (frame << 32) + track_id
