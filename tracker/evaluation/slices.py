"""Where a probability is true and where it is not: by age of the track, by size, by class.

In: judged parts. Out: a `Calibration` for each group of boxes. One number over all boxes can hide
that young tracks are believed too little and small ones too much; here both show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.calibration_error import Calibration, calibration
from tracker.evaluation.pairing import Part

__all__ = ["Slice", "slices"]

FloatArray = NDArray[np.float64]

# Upper ends, in seconds since the first box of the track; a bit more than 0 is the first box.
_AGES_S = (1e-9, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Where nobody knows the frame rate: in frames.
_AGES = (0, 4, 12, 24, 49, 124, 249)
# Upper ends, in px: square root of the area. COCO calls boxes small below 32, large from 96 on.
_SIZES = (16.0, 32.0, 64.0, 96.0, 128.0, 256.0)


@dataclass(frozen=True, slots=True)
class Slice:
    """One group of boxes.

    Attributes:
        by: What groups it.
        name: Of the group, for people.
        calibration: Of its boxes.
    """

    by: Literal["age", "size", "class"]
    name: str
    calibration: Calibration


def slices(
    parts: Sequence[Part], column: Literal["score", "existence"] = "score"
) -> tuple[Slice, ...]:
    """Hold a probability of the tracks against what turned out, group by group.

    Args:
        parts: Judged, with tracks; without any there are no slices.
        column: `score` is right where its box shows an object, `existence` where the whole track
            follows one.

    Returns:
        The groups that have boxes: by age, by size, by class.
    """
    found = [(part, part.tracks.judged) for part in parts if part.tracks is not None]
    if not found:
        return ()
    probability, right, age, size, name = [], [], [], [], []
    timed = all(part.fps for part, _ in found)
    for part, judged in found:
        values = judged.column(column)
        keep = judged.judged & (values >= 0)
        xyxy = judged.boxes.xyxy[keep]
        probability.append(values[keep])
        right.append((judged.true if column == "score" else judged.track_is_real)[keep])
        age.append(judged.age[keep] / ((part.fps or 1.0) if timed else 1.0))
        size.append(np.sqrt((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])))
        name.append(np.full(int(keep.sum()), part.class_name, object))
    p, y = np.concatenate(probability), np.concatenate(right)
    ages = np.concatenate(age)
    age_group = np.searchsorted(_AGES_S if timed else _AGES, ages, side="left")
    size_group = np.searchsorted(_SIZES, np.concatenate(size), side="right")
    classes = np.concatenate(name)
    groups = [("age", text, age_group == k) for k, text in enumerate(_age_names(timed))]
    groups += [("size", text, size_group == k) for k, text in enumerate(_size_names())]
    groups += [("class", text, classes == text) for text in dict.fromkeys(classes.tolist())]
    return tuple(
        Slice(by, text, calibration(p[mask], y[mask]))  # type: ignore[arg-type]
        for by, text, mask in groups
        if mask.any()
    )


def _age_names(timed: bool) -> list[str]:
    """What the age groups are called.

    >>> _age_names(True)[:3], _age_names(False)[-2:]
    (['first box', 'to 0.2 s', '0.2–0.5 s'], ['125–249 frames', '250 frames on'])
    """
    if timed:
        ends = _AGES_S[1:]
        middle = [f"{a:g}–{b:g} s" for a, b in pairwise(ends)]
        return ["first box", f"to {ends[0]:g} s", *middle, f"over {ends[-1]:g} s"]
    ranges = [f"{a + 1}–{b} frames" for a, b in pairwise(_AGES)]
    return ["first box", *ranges, f"{_AGES[-1] + 1} frames on"]


def _size_names() -> list[str]:
    """What the size groups are called.

    >>> _size_names()[:2], _size_names()[-1]
    (['below 16 px', '16–32 px'], '256 px on')
    """
    middle = [f"{a:g}–{b:g} px" for a, b in pairwise(_SIZES)]
    return [f"below {_SIZES[0]:g} px", *middle, f"{_SIZES[-1]:g} px on"]
