"""What smoothing needs of a run: every detection with its track, and the times of all looks.

In come the detections and tracks of each update, as they are made; out go `Records`, compact
columns. Boxes that were predicted are not kept: they follow from the detections. A detection takes
44 bytes and a frame 25 (with a motion of the camera 260 more), a track that ends 4 for each class
and up to 400, so that an hour of a busy street fits in some hundred megabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.detections import Detections
from tracker.errors import InputError
from tracker.tracks import Tracks
from tracker.warp import homography

__all__ = ["HIT", "Recorder", "Records", "hits_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HIT = np.dtype(
    [
        ("frame", np.int32),
        ("detection", np.int32),  # row in the detections of its frame
        ("track_id", np.int64),
        ("xyxy", np.float32, (4,)),
        ("confidence", np.float32),
        ("score", np.float32),  # as the tracker told it, online
        ("earned", np.float32),
    ]
)

# Rows that are joined into one array at a time.
_JOIN = 20_000
# A clock that went back separates what was before from what comes after by this much.
_RESTART_S = 3600.0
# A (3, 3) array with its place in the dictionary.
_WARP_BYTES = 260
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """F frames with H detections of T tracks.

    Attributes:
        timestamp_s: (F,) times as they were given, s.
        timestamp_ns: (F,) the same in ns.
        now_s: (F,) seconds since the first frame; a clock that was set back leaves a gap.
        looked: (F,) whether a detector looked.
        warps: How the camera moved from the frame before, (3, 3), by frame; without an entry it
            did not.
        hits: (H,) of `HIT`, by frame and within it by track.
        bounds: (F + 1,) where the hits of each frame begin in `hits`.
        track_id: (T,) ids, ascending.
        class_probabilities: (T, C) last class posterior of each track.
    """

    timestamp_s: FloatArray
    timestamp_ns: IntArray
    now_s: FloatArray
    looked: NDArray[np.bool_]
    warps: dict[int, FloatArray]
    hits: NDArray[np.void]
    bounds: IntArray
    track_id: IntArray
    class_probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.timestamp_s)


class Recorder:
    """Keeps what smoothing needs of each update of a tracker.

    Example:
        >>> from tracker import Detections, Tracker
        >>> tracker, recorder = Tracker(), Recorder()
        >>> for k in range(3):
        ...     detections = Detections([[10 + k, 20, 50 + k, 120]], [0.5])
        ...     recorder.add(detections, tracker.update(detections, timestamp_s=k / 30))
        >>> len(recorder), recorder.records().hits["track_id"].tolist()
        (3, [1, 1, 1])
    """

    def __init__(self) -> None:
        """Start without frames."""
        self._s, self._ns = array("d"), array("q")
        self._looked = bytearray()
        self._warps: dict[int, FloatArray] = {}
        self._counts = array("q")
        self._blocks: list[NDArray[np.void]] = []
        self._new: list[NDArray[np.void]] = []
        self._waiting = 0
        self._living = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
        self._ended: list[tuple[IntArray, NDArray[np.float32]]] = []

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._s)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns take."""
        rows = sum(block.nbytes for block in (*self._blocks, *self._new))
        posteriors = sum(ids.nbytes + p.nbytes for ids, p in (*self._ended, self._living))
        warps = _WARP_BYTES * len(self._warps)
        return rows + posteriors + warps + 25 * len(self)

    def add(
        self, detections: Detections | None, tracks: Tracks, *, warp: ArrayLike | None = None
    ) -> None:
        """Keep one update.

        Args:
            detections: What `Tracker.update` was given.
            tracks: What it returned.
            warp: The warp that it was given.

        Raises:
            InputError: The tracks are not those of these detections, or of a measurement that came
                late (`max_delay_s`): it changes the past, which is recorded already. A time that
                stands still is known for one by tracks that go on; with none it is a step back.
        """
        rows = hits_of(detections, tracks, len(self))
        again = len(self._ns) > 0 and tracks.timestamp_ns == self._ns[-1]
        if again and np.isin(tracks.track_id, self._living[0]).any():
            raise InputError(
                f"an update at {tracks.timestamp_s} s is recorded already; measurements that come"
                " late cannot be smoothed"
            )
        move = None if warp is None else homography(warp)
        if move is not None:
            self._warps[len(self)] = move
        self._keep_classes(tracks)
        self._s.append(tracks.timestamp_s)
        self._ns.append(tracks.timestamp_ns)
        self._looked.append(detections is not None)
        self._counts.append(len(rows))
        if len(rows):
            self._new.append(rows)
            self._waiting += len(rows)
            if self._waiting >= _JOIN:
                self._join()

    def records(self) -> Records:
        """All that was recorded so far."""
        self._join()
        now = np.array(self._ns, np.int64)
        step = np.diff(now) / _NS
        step[step <= 0] = _RESTART_S
        ids, posterior = _joined([*self._ended, self._living])
        return Records(
            timestamp_s=np.array(self._s),
            timestamp_ns=now,
            now_s=np.concatenate([np.zeros(min(len(now), 1)), np.cumsum(step)]),
            looked=np.frombuffer(bytes(self._looked), np.bool_),
            warps=dict(self._warps),
            hits=np.concatenate([np.zeros(0, HIT), *self._blocks]),
            bounds=np.concatenate([[0], np.cumsum(np.array(self._counts, np.int64))]),
            track_id=ids,
            class_probabilities=posterior,
        )

    def _join(self) -> None:
        """Make one block of the frames since the last one."""
        if self._new:
            self._blocks.append(np.concatenate(self._new))
            self._new, self._waiting = [], 0

    def _keep_classes(self, tracks: Tracks) -> None:
        """Put the posteriors of the tracks that have ended away; only the last one counts."""
        ids, posterior = self._living
        gone = ~np.isin(ids, tracks.track_id, assume_unique=True)
        if gone.any():
            self._ended.append((ids[gone], posterior[gone]))
        self._living = tracks.track_id, tracks.class_probabilities.astype(np.float32)


def hits_of(detections: Detections | None, tracks: Tracks, frame: int) -> NDArray[np.void]:
    """(H,) of `HIT`: the detections of a frame that belong to tracks, by track.

    Raises:
        InputError: The tracks are not those of these detections.
    """
    seen = tracks.seen.nonzero()[0]
    row = tracks.detection[seen]
    given = 0 if detections is None else len(detections)
    if len(row) and row.max() >= given:
        raise InputError(
            f"the tracks have a detection in row {row.max()}, but there are {given}: give each"
            " update with the detections it was made from"
        )
    rows = np.zeros(len(row), HIT)
    if len(row):
        assert detections is not None
        rows["frame"], rows["detection"] = frame, row
        rows["track_id"] = tracks.track_id[seen]
        rows["xyxy"], rows["confidence"] = detections.xyxy[row], detections.confidence[row]
        rows["score"], rows["earned"] = tracks.score[seen], tracks.earned[seen]
    return rows


def _joined(
    parts: Sequence[tuple[IntArray, NDArray[np.float32]]],
) -> tuple[IntArray, NDArray[np.float32]]:
    """Ids, ascending, and their posteriors; classes that came up later have probability 0."""
    ids = np.concatenate([ids for ids, _ in parts])
    out = np.zeros((len(ids), max(p.shape[1] for _, p in parts)), np.float32)
    start = 0
    for _, posterior in parts:
        out[start : start + len(posterior), : posterior.shape[1]] = posterior
        start += len(posterior)
    order = np.argsort(ids)
    return ids[order], out[order]
