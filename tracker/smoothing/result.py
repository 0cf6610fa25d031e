"""The frames of a smoothed recording: packed rows, and the `Tracks` made of them on demand.

In come what is known of each frame and the names of the tracks; out goes a sequence of `Tracks`.
Rows are float32, since hours of video have many: a box of 2,000 px is off by 0.0001 px at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import cxcywh_to_xyxy
from tracker.calibration.afterwards import Afterwards
from tracker.config import ScoreConfig, TrackerConfig
from tracker.existence import log_odds_of, sigmoid
from tracker.motion import COV, POS, VAR_POS, VAR_VEL, VEL
from tracker.smoothing.backward import Known
from tracker.smoothing.recording import Records
from tracker.tracks import Tracks, TrackState

__all__ = ["Packed", "Smoothed", "described", "packed"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ROW = np.dtype(
    [
        ("track", np.int32),
        ("detection", np.int32),
        ("hits", np.int32),
        ("misses", np.int32),
        ("cxcywh", np.float32, (4,)),
        ("velocity", np.float32, (2,)),
        ("variance", np.float32, (2, 3)),  # of centre and size: VAR_POS, COV, VAR_VEL
        ("existence", np.float32),  # log-odds, as score
        ("score", np.float32),
        ("gap_s", np.float32),
        ("confidence", np.float32),
        ("believed", np.bool_),
        ("outside", np.bool_),
    ]
)
_COPIED = ("track", "detection", "hits", "misses", "gap_s", "confidence")
_VARIANCE = (VAR_POS, COV, VAR_VEL)
# Boxes outside of the hits count where they are more probably right than not.
_PROBABLY = 0.5
# Where the variances of (centre, size) stand in a flat 8 x 8 covariance: four positions, their
# covariances with the velocities twice, four velocities.
_AXIS = np.arange(4)
_PLACES = np.concatenate([9 * _AXIS, 9 * _AXIS + 4, 9 * _AXIS + 32, 9 * _AXIS + 36])
_OF_AXIS = np.array([0, 0, 1, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Some frames in a row.

    Attributes:
        rows: (R,) structured, of all of them.
        bounds: (frames + 1,) where each begins.
    """

    rows: NDArray[np.void]
    bounds: IntArray

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.rows.nbytes + self.bounds.nbytes


def packed(frames: Sequence[Known], afterwards: Afterwards) -> Packed:
    """Put frames, in order, into compact columns, as they are told."""
    bounds = np.cumsum([0, *(len(known.rows) for known in frames)])
    rows = np.zeros(int(bounds[-1]), _ROW)
    given = np.concatenate([known.rows for known in frames])
    for name in (*_COPIED, "believed", "outside"):
        rows[name] = given[name]
    seen = given["detection"] >= 0
    told = afterwards.told(given["existence"], given["score"], seen)
    rows["existence"], rows["score"] = told
    state = np.concatenate([known.state for known in frames])
    rows["cxcywh"], rows["velocity"] = state[:, POS], state[:, VEL, :2]
    # Without a warp the two axes of a pair have one variance; with one, nearly.
    pairs = state[:, _VARIANCE].reshape(-1, 3, 2, 2).mean(axis=3)
    rows["variance"] = pairs.swapaxes(1, 2)
    return Packed(rows, bounds)


class Smoothed(Sequence[Tracks]):
    """The frames of a recording, given all of it: a sequence of `Tracks`.

    In them `age_s` is 0 before the first detection, `gap_s` counts to the nearest detection in
    time, and `misses` are those since the first detection.

    Args:
        records: What was smoothed.
        blocks: Its frames.
        length: Frames of each block but the last.
        names: Ids and class posteriors by number of the track.
        first_s: (T,) times of their first detections.
        config: Thresholds of the states.

    Attributes:
        records: As given.
    """

    def __init__(
        self,
        records: Records,
        blocks: Sequence[Packed],
        length: int,
        names: tuple[IntArray, NDArray[np.float32]],
        first_s: FloatArray,
        config: TrackerConfig,
    ) -> None:
        """Keep all, and carry belief on from frame to frame."""
        self.records, self._blocks, self._length = records, blocks, length
        self._track_id, self._classes = names
        self._first_s, self._config = first_s, config
        _carry_on(blocks, log_odds_of(config.existence.release_at))

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.records)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the frames take."""
        return sum(block.nbytes for block in self._blocks)

    @overload
    def __getitem__(self, index: int) -> Tracks: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tracks]: ...
    def __getitem__(self, index: int | slice) -> Tracks | list[Tracks]:
        """The tracks of a frame, or of several."""
        if isinstance(index, slice):
            return [self._tracks(k) for k in range(*index.indices(len(self)))]
        k = index + len(self) if index < 0 else index
        if not 0 <= k < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return self._tracks(k)

    def confidence(self, index: int) -> FloatArray:
        """(N,) confidence of the detection of each track of a frame, 0 without one."""
        return self._rows(index)["confidence"].astype(np.float64)

    def _rows(self, k: int) -> NDArray[np.void]:
        """The rows of a frame, by ascending id."""
        block, at = self._blocks[k // self._length], k % self._length
        rows = block.rows[block.bounds[at] : block.bounds[at + 1]]
        return rows[np.argsort(self._track_id[rows["track"]])]

    def _tracks(self, k: int) -> Tracks:
        rows, records = self._rows(k), self.records
        track = rows["track"]
        covariance = np.zeros((len(rows), 64))
        a, b, c = rows["variance"].astype(np.float64)[:, _OF_AXIS].transpose(2, 0, 1)
        covariance[:, _PLACES] = np.hstack([a, b, b, c])
        return described(
            timestamp_s=float(records.timestamp_s[k]),
            timestamp_ns=int(records.timestamp_ns[k]),
            track_id=self._track_id[track],
            xyxy=cxcywh_to_xyxy(rows["cxcywh"].astype(np.float64)),
            velocity=rows["velocity"].astype(np.float64),
            covariance=covariance.reshape(-1, 8, 8),
            class_probabilities=self._classes[track].astype(np.float64),
            age_s=np.maximum(records.now_s[k] - self._first_s[track], 0.0),
            rows=rows,
            config=self._config.score,
        )


def described(*, rows: NDArray[np.void], config: ScoreConfig, **columns: Any) -> Tracks:
    """The public columns of N tracks.

    Args:
        rows: (N,) structured, with the log-odds and counts, from `Known` or `Packed`.
        config: A believed track that was not seen is lost if its score is below `lost_below`. So
            is one that was not found yet, or never again, where its box is probably not right.
        columns: The others of `Tracks`.
    """
    detection = rows["detection"].astype(np.int64)
    existence, score = (sigmoid(rows[name].astype(np.float64)) for name in ("existence", "score"))
    least = config.lost_below
    lost = score < np.where(rows["outside"], max(least, _PROBABLY), least)
    unseen = np.where(lost, TrackState.LOST, TrackState.COASTING)
    state = np.where(detection >= 0, TrackState.CONFIRMED, unseen)
    return Tracks(
        # A box can only be right if its object exists.
        existence=np.maximum(existence, score) if config.consistent else existence,
        earned=existence,
        score=score,
        state=np.where(rows["believed"], state, TrackState.TENTATIVE).astype(np.int8),
        class_id=_most_probable(columns["class_probabilities"]),
        hits=rows["hits"].astype(np.int64),
        misses=rows["misses"].astype(np.int64),
        gap_s=rows["gap_s"].astype(np.float64),
        detection=detection,
        **columns,
    )


def _most_probable(probabilities: FloatArray) -> IntArray:
    if not probabilities.shape[1]:
        return np.zeros(len(probabilities), np.int64)
    best: IntArray = probabilities.argmax(axis=1)
    return best


def _carry_on(blocks: Sequence[Packed], release: float) -> None:
    """Believe a track, once believed, until its existence falls below a limit, in place.

    The pass backwards in time has done so in its direction: together they believe a track wherever
    its existence stays above the limit from a frame in which it is confirmed.
    """
    before = np.zeros(0, np.int32)
    for block in blocks:
        for start, stop in zip(block.bounds[:-1].tolist(), block.bounds[1:].tolist(), strict=True):
            rows = block.rows[start:stop]
            held = np.isin(rows["track"], before) & (rows["existence"] >= release)
            rows["believed"] |= held
            before = rows["track"][rows["believed"]]
