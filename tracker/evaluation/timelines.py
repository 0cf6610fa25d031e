"""The life of single tracks: existence, score and raw confidence over time.

In: judged parts. Out: a `Timeline` for each chosen track. Unless the user names some, those are
chosen that show most: what was followed longest, what was seen worst, what was wrong and believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import iou_matrix
from tracker.errors import InputError
from tracker.evaluation.judging import JudgedBoxes
from tracker.evaluation.pairing import Part

__all__ = ["Timeline", "timelines"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A raw detection belongs to a track's box in the picture when they overlap by this.
_SAME_BOX = 0.5
# Shorter tracks show little over time.
_LEAST_BOXES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One track over its T boxes.

    Attributes:
        sequence: Its sequence.
        track_id: Its id.
        why: Why it is shown.
        unit: What `time` counts: "s", or "frames" where nobody knows the frame rate.
        time: (T,) of each box.
        existence: (T,) NaN where not given.
        score: (T,)
        right: (T,) whether the box shows an object.
        ignored: (T,) whether it counts neither way.
        raw: (T,) confidence of the raw detection in that place, NaN without one.
    """

    sequence: str
    track_id: int
    why: str
    unit: str
    time: FloatArray
    existence: FloatArray
    score: FloatArray
    right: BoolArray
    ignored: BoolArray
    raw: FloatArray


@dataclass(frozen=True, slots=True)
class _Life:
    """What a track is chosen by."""

    part: Part
    track_id: int
    boxes: int
    right: int
    real: bool
    peak: float
    mean: float


def timelines(
    parts: Sequence[Part], *, wanted: Sequence[str] = (), count: int = 6
) -> tuple[Timeline, ...]:
    """Choose tracks and follow them.

    Args:
        parts: Judged, with tracks; without any there are no timelines.
        wanted: Tracks to show, as "ID" or "SEQUENCE:ID"; () chooses.
        count: How many to choose.

    Raises:
        InputError: A wanted track is not there.
    """
    given = [part for part in parts if part.tracks is not None]
    if wanted:
        return tuple(_wanted(given, text) for text in wanted)
    lives = [life for part in given for life in _lives(part)]
    chosen: dict[tuple[str, str, int], Timeline] = {}
    candidates = _candidates(lives)
    while len(chosen) < count and candidates:
        for group in list(candidates):
            life, why = next(group, (None, ""))
            if life is None:
                candidates.remove(group)
                continue
            key = (life.part.sequence, life.part.class_name, life.track_id)
            if key not in chosen and len(chosen) < count:
                chosen[key] = _follow(life.part, life.track_id, why)
    return tuple(chosen.values())


def _candidates(lives: Sequence[_Life]) -> list[Iterator[tuple[_Life, str]]]:
    """Groups to choose from in turn, each with the most telling track first."""
    lives = [life for life in lives if life.boxes >= _LEAST_BOXES]
    real = [life for life in lives if life.real]
    false = [life for life in lives if not life.real]
    groups = (
        (sorted(real, key=lambda x: -x.right), "a real object, followed long"),
        (sorted(false, key=lambda x: (-x.peak, -x.boxes)), "false, and believed most"),
        (
            sorted((x for x in real if x.peak >= 0.5), key=lambda x: x.mean),
            "a real object seen weakly, and believed",
        ),
        (sorted(false, key=lambda x: (-x.boxes, -x.peak)), "false, and living long"),
        (
            sorted((x for x in real if x.peak < 0.5), key=lambda x: -x.right),
            "a real object that was never believed",
        ),
    )
    return [iter([(life, why) for life in group]) for group, why in groups]


def _lives(part: Part) -> list[_Life]:
    assert part.tracks is not None
    judged = part.tracks.judged
    belief = _belief(judged)
    ids, row = np.unique(judged.boxes.track_id, return_inverse=True)
    boxes = np.bincount(row, judged.judged, len(ids)).astype(int)
    right = np.bincount(row, judged.true, len(ids)).astype(int)
    mean = np.bincount(row, judged.boxes.score, len(ids)) / np.maximum(np.bincount(row), 1)
    peak = np.zeros(len(ids))
    np.maximum.at(peak, row, belief)
    return [
        _Life(part, int(i), int(n), int(r), bool(2 * r >= n), float(p), float(m))
        for i, n, r, p, m in zip(ids, boxes, right, peak, mean, strict=True)
    ]


def _belief(judged: JudgedBoxes) -> FloatArray:
    """Existence, or score where there is none."""
    existence = judged.boxes.existence
    return np.where(np.isnan(existence), judged.boxes.score, existence)


def _wanted(parts: Sequence[Part], text: str) -> Timeline:
    sequence, _, number = text.rpartition(":")
    if not number.strip().isdigit():
        raise InputError(f"a track is named by ID or SEQUENCE:ID, got {text!r}")
    for part in parts:
        assert part.tracks is not None
        ids = part.tracks.judged.boxes.track_id
        if (not sequence or part.sequence == sequence) and (ids == int(number)).any():
            return _follow(part, int(number), "asked for")
    raise InputError(f"there is no track {text!r} among what is judged")


def _follow(part: Part, track_id: int, why: str) -> Timeline:
    assert part.tracks is not None
    judged = part.tracks.judged
    rows = np.flatnonzero(judged.boxes.track_id == track_id)
    frame = judged.boxes.frame[rows]
    raw = np.full(len(rows), np.nan)
    if part.detections is not None:
        found = part.detections.judged.boxes
        first, last = (np.searchsorted(found.frame, frame, side=s) for s in ("left", "right"))
        for k, (row, a, b) in enumerate(zip(rows, first, last, strict=True)):
            if a < b:
                iou = iou_matrix(judged.boxes.xyxy[row : row + 1], found.xyxy[a:b])[0]
                best = int(iou.argmax())
                if iou[best] >= _SAME_BOX:
                    raw[k] = found.score[a + best]
    return Timeline(
        sequence=part.sequence,
        track_id=track_id,
        why=why,
        unit="s" if part.fps else "frames",
        time=frame / (part.fps or 1.0),
        existence=judged.boxes.existence[rows],
        score=judged.boxes.score[rows],
        right=judged.true[rows],
        ignored=judged.ignored[rows],
        raw=raw,
    )
