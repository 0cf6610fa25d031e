"""Small runs worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker import Detections, Tracks, TrackState
from tracker.formats import DetectionsJsonlWriter, TracksJsonlWriter
from tracker.review.reading import RunBuilder
from tracker.review.runs import Run

BOX = (10.0, 10.0, 30.0, 60.0)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Row:
    """One track in one frame."""

    track_id: int
    score: float = 0.5
    existence: float = 0.5
    box: Box = BOX
    state: TrackState = TrackState.TENTATIVE
    seen: bool = True
    confidence: float = 0.4
    class_id: int = 0


@dataclass(frozen=True)
class Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float


def tracks_of(rows: Sequence[Row], timestamp_s: float) -> Tracks:
    """The rows as the tracker gives them; which are seen is in `detection`."""
    n = len(rows)
    number = np.cumsum([row.seen for row in rows]) - 1
    zeros, none = np.zeros(n), np.zeros(n, np.int64)
    return Tracks(
        timestamp_s=timestamp_s,
        track_id=np.array([r.track_id for r in rows], np.int64),
        xyxy=np.array([r.box for r in rows], np.float64).reshape(n, 4),
        velocity=np.zeros((n, 2)),
        covariance=np.zeros((n, 8, 8)),
        existence=np.array([r.existence for r in rows], np.float64),
        score=np.array([r.score for r in rows], np.float64),
        state=np.array([r.state for r in rows], np.int8),
        class_id=np.array([r.class_id for r in rows], np.int64),
        class_probabilities=np.ones((n, 2)) / 2,
        hits=none + 1,
        misses=none,
        age_s=zeros,
        gap_s=zeros,
        detection=np.array(
            [k if r.seen else -1 for k, r in zip(number, rows, strict=True)], np.int64
        ),
    )


def detections_of(rows: Sequence[Row]) -> Detections:
    """A detection for each row that was seen."""
    seen = [row for row in rows if row.seen]
    return Detections(
        np.array([r.box for r in seen], np.float64).reshape(-1, 4),
        [r.confidence for r in seen],
        np.array([r.class_id for r in seen], np.int64),
    )


def run_of(
    frames: Sequence[Sequence[Row] | None],
    *,
    name: str = "street",
    period_s: float = 0.1,
    recorded: bool = True,
    class_names: tuple[str, ...] = ("person", "car"),
    smoothing: str = "",
) -> Run:
    """A run from the rows of each frame; None is a frame nobody looked at."""
    builder = RunBuilder(name, class_names=class_names, recorded=recorded, smoothing=smoothing)
    for k, rows in enumerate(frames):
        given = None if rows is None else detections_of(rows)
        builder.add(k, k * period_s, tracks_of(rows or (), k * period_s), given)
    return builder.build()


def write_run(
    folder: Path,
    frames: Sequence[Sequence[Row] | None],
    *,
    source: str = "street.mp4",
    recorded: bool = True,
) -> Path:
    """The same as files."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"class_names": ["person", "car"], "source": source, "model": "toy"}
    with (
        TracksJsonlWriter(folder / "tracks.jsonl", **header) as tracks,
        DetectionsJsonlWriter(folder / "detections.jsonl", **header) as detections,
    ):
        for k, rows in enumerate(frames):
            stamp = Stamp(k, k * 0.1)
            tracks.write(stamp, tracks_of(rows or (), k * 0.1), looked=rows is not None)
            if rows is not None:
                detections.write(stamp, detections_of(rows))
    if not recorded:
        (folder / "detections.jsonl").unlink()
    return folder
