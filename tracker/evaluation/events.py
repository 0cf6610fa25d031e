"""What can be reported, right or wrong, and in which clusters: the material of threshold advice.

In: judged parts. Out: `Events`: one row for whatever a threshold lets through or holds back, and
the objects there were to find. Each belongs to a cluster: boxes of one track stand and fall
together, so a bootstrap must draw tracks, not boxes.

| unit | a true event | a false event | an object |
|---|---|---|---|
| box | a right box | a wrong box | a box of the truth |
| object | an object, at the best value it was ever found with | a false track, at its best value | an object |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.evaluation.judging import JudgedBoxes
from tracker.evaluation.pairing import Part
from tracker.evaluation.result import By, Kind

__all__ = ["Events", "Unit", "events"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Unit = Literal["box", "object"]

# Detections have no tracks: those of so many seconds (or frames, at 25 a second) stay together.
_STRETCH_S, _STRETCH_FRAMES = 1.0, 25


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """N events in C clusters.

    Attributes:
        value: (N,) score or existence.
        right: (N,) whether it is true.
        cluster: (N,) which cluster it belongs to, from 0.
        objects: (C,) objects in each cluster; what is not found of them is missed.
        frames: Frames that all this happened in.
        seconds: The same in seconds, NaN where nobody knows.
    """

    value: FloatArray
    right: BoolArray
    cluster: IntArray
    objects: IntArray
    frames: int
    seconds: float


def events(parts: Sequence[Part], *, kind: Kind = "tracks", by: By, unit: Unit) -> Events:
    """Gather what a threshold decides over.

    Args:
        parts: Judged.
        kind: Of the tracks, or of the raw detections.
        by: The column that a threshold will be held to.
        unit: What is counted.

    Raises:
        InputError: There is nothing of that kind, no such column, or no identities to count by.
    """
    value, right, cluster, objects = [], [], [], []
    start, frames, seconds = 0, 0, 0.0
    for part in parts:
        found = part.tracks if kind == "tracks" else part.detections
        if found is None:
            raise InputError(f"there are no {kind} to advise on")
        judged = found.judged
        if unit == "object" and not (judged.truth.has_ids and judged.boxes.has_ids):
            raise InputError("objects can be counted only where truth and tracks have ids")
        of_part = (_boxes if unit == "box" else _objects)(judged, judged.column(by), part.fps)
        value.append(of_part[0])
        right.append(of_part[1])
        cluster.append(of_part[2] + start)
        objects.append(of_part[3])
        start += len(of_part[3])
        frames += len(part.frames)
        seconds += len(part.frames) / part.fps if part.fps else np.nan
    values = np.concatenate(value)
    if by == "existence" and not (values >= 0).any():
        raise InputError("these boxes have no existence: advise on their score")
    classes = len({part.class_name for part in parts})
    return Events(
        values,
        np.concatenate(right),
        np.concatenate(cluster),
        np.concatenate(objects),
        frames // classes,
        seconds / classes,
    )


def _boxes(
    judged: JudgedBoxes, value: FloatArray, fps: float | None
) -> tuple[FloatArray, BoolArray, IntArray, IntArray]:
    """Boxes in the clusters of their tracks; objects never found in clusters of their own."""
    counts = judged.judged
    if judged.boxes.has_ids:
        group = judged.boxes.track_id
    else:
        group = judged.boxes.frame // max(round(_STRETCH_S * fps) if fps else _STRETCH_FRAMES, 1)
    names, cluster = np.unique(group[counts], return_inverse=True)
    right = judged.true[counts]
    found = np.bincount(cluster, right, len(names)).astype(np.int64)
    missed = np.ones(len(judged.truth), np.bool_)
    missed[judged.truth_row[judged.true]] = False
    whose = judged.truth.object_id[missed] if judged.truth.has_ids else judged.truth.frame[missed]
    _, lost = np.unique(whose, return_counts=True)
    return value[counts], right, cluster, np.concatenate([found, lost]).astype(np.int64)


def _objects(
    judged: JudgedBoxes, value: FloatArray, fps: float | None
) -> tuple[FloatArray, BoolArray, IntArray, IntArray]:
    """Objects and false tracks, each a cluster of its own."""
    ids, row = np.unique(judged.truth.object_id, return_inverse=True)
    best = np.full(len(ids), -np.inf)
    hit = judged.true
    np.maximum.at(best, row[judged.truth_row[hit]], value[hit])
    wrong = judged.judged & ~judged.track_is_real
    tracks, which = np.unique(judged.boxes.track_id[wrong], return_inverse=True)
    worst = np.full(len(tracks), -np.inf)
    np.maximum.at(worst, which, value[wrong])
    there = np.isfinite(best)
    return (
        np.concatenate([best[there], worst]),
        np.arange(int(there.sum()) + len(tracks)) < int(there.sum()),
        np.concatenate([np.flatnonzero(there), len(ids) + np.arange(len(tracks))]),
        np.concatenate([np.ones(len(ids), np.int64), np.zeros(len(tracks), np.int64)]),
    )
