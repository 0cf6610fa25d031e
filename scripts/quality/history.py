"""What a track has been through, as columns that a learner can be given.

In come the detections of a sequence; out come all boxes of the default tracker, and for each of
them what could be known of its track at that time. It serves to ask how much better any function
of the same history could do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.track_detections import Recording
from tracker import Detections, Tracker, TrackerConfig, Tracks
from tracker.boxes import iou_matrix
from tracker.evaluation import BoxSequence

__all__ = ["COLUMNS", "Histories", "histories", "told"]

FloatArray = NDArray[np.float64]

# Time constants of the means that a learner sees, s.
_FADING = np.array([0.2, 0.7, 2.5, 10.0])
_UNSEEN = -5.0  # stands for logit(confidence) where there is no detection
COLUMNS = (
    *(f"mean logit over {s:g} s" for s in _FADING),
    *(f"share of {s:g} s lived" for s in _FADING),
    "largest logit", "first logit", "logit now", "logit existence", "logit score",
    "uncertainty / height", "hits", "misses", "age_s", "gap_s", "height", "width / height",
    "speed / height", "IoU with a better one", "share inside a better one", "tracks",
)  # fmt: skip


def _logit(p: FloatArray) -> FloatArray:
    inside = np.clip(p, 0.001, 0.999)
    result: FloatArray = np.log(inside) - np.log1p(-inside)
    return result


@dataclass(frozen=True)
class Histories:
    """All boxes of one sequence: `boxes` (N rows) and `columns`, (N, len(COLUMNS))."""

    boxes: BoxSequence
    columns: FloatArray


class _Past:
    """What is carried from frame to frame, by track id."""

    def __init__(self, rate: float) -> None:
        self._keep = np.exp(-1 / rate / _FADING)
        self._full = 1 / (1 - self._keep)
        self._sum = self._weight = np.zeros((0, len(_FADING)))
        self._first = self._most = np.zeros(0)

    def see(self, track_id: NDArray[np.int64], logit: FloatArray) -> FloatArray:
        """Take in one frame; returns (N, 10): means, shares, largest, first."""
        size = int(track_id.max(initial=-1)) + 1
        more = size - len(self._first)
        if more > 0:
            wide = ((0, more), (0, 0))
            self._sum, self._weight = np.pad(self._sum, wide), np.pad(self._weight, wide)
            self._first = np.pad(self._first, (0, more), constant_values=np.nan)
            self._most = np.pad(self._most, (0, more), constant_values=_UNSEEN)
        i = track_id
        self._sum[i] = self._sum[i] * self._keep + logit[:, None]
        self._weight[i] = self._weight[i] * self._keep + 1
        self._first[i] = np.where(np.isnan(self._first[i]), logit, self._first[i])
        self._most[i] = np.maximum(self._most[i], logit)
        mean, share = self._sum[i] / self._weight[i], self._weight[i] / self._full
        return np.column_stack([mean, share, self._most[i], self._first[i]])


def histories(recording: Recording, config: TrackerConfig | None = None) -> Histories:
    """Track a sequence and describe every box that comes out."""
    tracker, past = Tracker(config or TrackerConfig()), _Past(recording.rate)
    rows, parts = [], []
    for k, detections in enumerate(recording.frames):
        tracks = tracker.update(
            detections, timestamp_s=k / recording.rate, image_size=recording.image_size
        )
        logit = _now(tracks, detections)
        rows.append(np.column_stack([past.see(tracks.track_id, logit), _present(tracks, logit)]))
        parts.append((np.full(len(tracks), k), tracks))
    one = [tracks for _, tracks in parts]
    boxes = BoxSequence(
        name=recording.name,
        class_names=(),
        frame=np.concatenate([frame for frame, _ in parts]),
        track_id=np.concatenate([t.track_id for t in one]),
        xyxy=np.concatenate([t.xyxy for t in one]),
        score=np.concatenate([t.score for t in one]),
        existence=np.concatenate([t.existence for t in one]),
        class_id=np.zeros(sum(map(len, one)), np.int64),
        fps=recording.rate,
    )
    return Histories(boxes, np.concatenate(rows))


def told(boxes: BoxSequence, of: BoxSequence, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """`values` of the rows of `of`, for the same boxes in `boxes`, whatever is left out there."""
    key = of.frame.astype(np.int64) * (of.track_id.max(initial=0) + 1) + of.track_id
    mine = boxes.frame.astype(np.int64) * (of.track_id.max(initial=0) + 1) + boxes.track_id
    order = np.argsort(key, kind="stable")
    return values[order[np.searchsorted(key, mine, sorter=order)]]


def _now(tracks: Tracks, detections: Detections) -> FloatArray:
    """(N,) logit of the confidence in this frame."""
    logit = np.full(len(tracks), _UNSEEN)
    seen = tracks.detection >= 0
    logit[seen] = _logit(detections.confidence[tracks.detection[seen]])
    return logit


def _present(tracks: Tracks, logit: FloatArray) -> FloatArray:
    """(N, 14) what this frame alone shows."""
    width, height = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).T.clip(1.0)
    spread = np.sqrt(tracks.covariance[:, 0, 0] + tracks.covariance[:, 1, 1])
    better = tracks.score[None] > tracks.score[:, None]
    iou = np.where(better, iou_matrix(tracks.xyxy, tracks.xyxy), 0.0)
    low = np.maximum(tracks.xyxy[:, None, :2], tracks.xyxy[None, :, :2])
    high = np.minimum(tracks.xyxy[:, None, 2:], tracks.xyxy[None, :, 2:])
    inside = np.where(better, (high - low).clip(0).prod(axis=2) / (width * height)[:, None], 0.0)
    return np.column_stack(
        [
            logit,
            _logit(tracks.existence),
            _logit(tracks.score),
            spread / height,
            tracks.hits,
            tracks.misses,
            tracks.age_s,
            tracks.gap_s,
            height,
            width / height,
            np.hypot(*tracks.velocity.T) / height,
            iou.max(axis=1, initial=0.0),
            inside.max(axis=1, initial=0.0),
            np.full(len(tracks), float(len(tracks))),
        ]
    )
