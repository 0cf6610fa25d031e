"""Runs from files, or put together frame by frame.

In: a folder of `conftrack run` (`tracks.jsonl`, and `detections.jsonl` where it was saved), or what
a tracker gives, through `RunBuilder`. Out: a `Run`. Which detection a track took does not stand in
the files; it is found again by overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import iou_matrix
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.formats import jsonl
from tracker.review.acquisition import ACQUISITIONS, score_frame
from tracker.review.runs import BoxRows, Run, TrackRows
from tracker.tracks import Tracks

__all__ = ["RunBuilder", "read_run"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TRACK_COLUMNS = ("track_id", "xyxy", "existence", "score", "state", "class_id")
_BOX_COLUMNS = ("xyxy", "confidence", "class_id")
_TYPES: dict[str, type[np.generic]] = {
    "track_id": np.int64,
    "class_id": np.int64,
    "track_row": np.int64,
    "state": np.int8,
    "seen": np.bool_,
}
# A track's box is drawn towards its prediction, so it is not quite the box of its detection.
_SAME_BOX = 0.3


@dataclass(slots=True)
class RunBuilder:
    """Collects a run frame by frame.

    Example:
        >>> from tracker import Tracker
        >>> builder, one = RunBuilder("street", class_names=("person",)), Tracker()
        >>> for k in range(3):
        ...     seen = Detections([[10, 10, 30, 60]], [0.8])
        ...     builder.add(k, k / 10, one.update(seen, timestamp_s=k / 10), seen)
        >>> run = builder.build()
        >>> len(run), len(run.tracks), run.tracks.confidence.tolist()
        (3, 3, [0.8, 0.8, 0.8])
    """

    name: str
    class_names: tuple[str, ...] = ()
    source: str = ""
    model: str = ""
    smoothing: str = ""
    recorded: bool = True
    image_size: tuple[int, int] | None = None
    _frames: list[tuple[int, float, bool]] = field(default_factory=list)
    _tracks: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _boxes: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _values: list[list[float]] = field(default_factory=list)
    _rows: int = 0

    def add(
        self, index: int, timestamp_s: float, tracks: Tracks, detections: Detections | None
    ) -> None:
        """Add a frame.

        Args:
            index: Its number in the video.
            timestamp_s: Its time, s.
            tracks: After the update.
            detections: What the update was given; None if nobody looked. Of a run that was not
                recorded (`recorded` is False) they only say that somebody looked.
        """
        looked = detections is not None
        given = Detections.empty() if detections is None else detections
        owner = _owners(given, tracks)
        taken = np.flatnonzero(owner >= 0)
        confidence = np.full(len(tracks), np.nan)
        confidence[owner[taken]] = given.confidence[taken]
        # Columns, not containers: the covariances alone would be half a kilobyte a row.
        self._tracks.append(
            {name: getattr(tracks, name) for name in _TRACK_COLUMNS}
            | {"seen": tracks.seen, "confidence": confidence}
        )
        self._boxes.append(
            {name: getattr(given, name) for name in _BOX_COLUMNS}
            | {"track_row": np.where(owner >= 0, owner + self._rows, -1)}
        )
        nothing = [float("nan")] * len(ACQUISITIONS)
        self._values.append(list(score_frame(given).values()) if looked else nothing)
        self._frames.append((index, timestamp_s, looked))
        self._rows += len(tracks)

    def build(self) -> Run:
        """All that was added, as columns."""
        frames: list[Any] = list(zip(*self._frames, strict=True)) or [(), (), ()]
        values = np.array(self._values, np.float64).reshape(-1, len(ACQUISITIONS))
        return Run(
            name=self.name,
            source=self.source,
            model=self.model,
            smoothing=self.smoothing,
            class_names=self.class_names,
            frame=np.array(frames[0], np.int64),
            timestamp_s=np.array(frames[1], np.float64),
            looked=np.array(frames[2], np.bool_),
            tracks=TrackRows(**_stacked((*_TRACK_COLUMNS, "seen", "confidence"), self._tracks)),
            detections=BoxRows(**_stacked((*_BOX_COLUMNS, "track_row"), self._boxes))
            if self.recorded
            else None,
            acquisition=dict(zip(ACQUISITIONS, values.T, strict=True)) if self.recorded else {},
            image_size=self.image_size,
        )


def read_run(path: str | Path, *, name: str | None = None) -> Run:
    """Read a run.

    Args:
        path: Its folder, or its `tracks.jsonl`; `detections.jsonl` is taken from beside it.
        name: What to call it; None takes the name of the folder.

    Raises:
        InputError: There is no such run, a file does not follow its schema, or the two files are
            of different runs.
        OSError: A file cannot be read.
    """
    path = Path(path)
    file = path / "tracks.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"{path} holds no tracks.jsonl: give the folder of a `conftrack run` that saved jsonl"
        )
    tracks = jsonl.read_tracks(file)
    recording = file.with_name("detections.jsonl")
    found = jsonl.read_detections(recording) if recording.is_file() else None
    if found is not None and found.class_names != tracks.class_names:
        raise InputError(f"{recording} has other classes than {file}: they are of different runs")
    builder = RunBuilder(
        name or file.resolve().parent.name,
        class_names=tracks.class_names,
        source=str(tracks.header.get("source") or ""),
        model=str(tracks.header.get("model") or ""),
        smoothing=str(tracks.header.get("smoothing") or ""),
        recorded=found is not None,
        image_size=None if found is None else _image_size(found.header),
    )
    nothing = Detections.empty()
    if found is None:
        for record in tracks:
            builder.add(
                record.index, record.timestamp_s, record.tracks, nothing if record.looked else None
            )
        return builder.build()
    recorded = iter(found)
    at_hand = next(recorded, None)
    for record in tracks:
        while at_hand is not None and at_hand.index < record.index:
            at_hand = next(recorded, None)
        seen = None
        if record.looked and at_hand is not None:
            if at_hand.index != record.index:
                raise InputError(
                    f"{recording} lacks frame {record.index}, which {file} says was looked at:"
                    " they are of different runs"
                )
            seen = at_hand.detections
        # Behind the end of a recording that was cut off, nobody looked.
        builder.add(record.index, record.timestamp_s, record.tracks, seen)
    return builder.build()


def _image_size(header: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height in the header of a recording, None where it does not say."""
    width, height = header.get("width"), header.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return None
    return width, height


def _owners(detections: Detections, tracks: Tracks) -> IntArray:
    """(M,) row of the track that took each detection, -1 for none; by overlap, the best first.

    A file of tracks says that a track got a detection, not which.
    """
    owner = np.full(len(detections), -1, np.int64)
    seen = np.flatnonzero(tracks.seen)
    if not len(seen) or not len(detections):
        return owner
    iou = iou_matrix(detections.xyxy, tracks.xyxy[seen])
    box, track = (iou >= _SAME_BOX).nonzero()
    free = np.ones(len(seen), np.bool_)
    for k in np.argsort(-iou[box, track], kind="stable").tolist():
        if owner[box[k]] < 0 and free[track[k]]:
            owner[box[k]], free[track[k]] = seen[track[k]], False
    return owner


def _stacked(
    names: Sequence[str], parts: Sequence[Mapping[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """The columns of all frames one after the other, and which frame each row is of."""
    count = np.array([len(part["xyxy"]) for part in parts], np.int64)
    out: dict[str, NDArray[Any]] = {"frame": np.repeat(np.arange(len(parts)), count)}
    for name in names:
        empty = np.zeros((0, 4) if name == "xyxy" else 0, _TYPES.get(name, np.float64))
        out[name] = np.concatenate([empty, *(part[name] for part in parts)])
    return out
