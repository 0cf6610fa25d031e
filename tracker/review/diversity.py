"""Frames that do not tell the same twice: apart in time, and unlike each other.

In: frames in the order in which they are wanted, with times and descriptors. Out: those that are
taken, greedily: a frame is passed over if one that was taken before is of the same video and less
than `apart_s` away, or looks the same, in whatever video.

Two descriptors serve for looks. Of the **layout** of boxes alone, where there are no pictures: how
much of each cell of a 16 × 12 grid is covered by boxes, weighted by their score; two layouts are
as unlike as 1 − Σ min / Σ max. Of the **picture**: 32 × 24 grey levels; two pictures are as unlike
as the tenth of the cells that differs most does in the mean, so that on a fixed camera someone who
walked on counts, though everything else stayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker.review.runs import Run

__all__ = ["GREY", "LIKENESS", "Looks", "choose", "layouts", "unlike"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Looks: TypeAlias = Literal["picture", "layout"]

# Columns and rows of both descriptors.
_CELLS = (16, 12)
GREY = (32, 24)
# Share of the cells of a picture that is compared: those that differ most.
_MOST = 0.1
# How unlike two frames must be for both to be taken.
LIKENESS: dict[Looks, float] = {"picture": 0.12, "layout": 0.3}


def unlike(kind: Looks, one: FloatArray, others: FloatArray) -> FloatArray:
    """How unlike one frame is to others.

    Args:
        kind: What the descriptors are of.
        one: (D,) descriptor, values in [0, 1].
        others: (K, D) descriptors.

    Returns:
        (K,) from 0, the same, to 1.

    Example:
        >>> unlike("layout", np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.5, 0.0]])).tolist()
        [0.0, 0.5]
    """
    if kind == "picture":
        away = np.abs(others - one)
        count = max(1, round(_MOST * away.shape[1]))
        most = np.partition(away, away.shape[1] - count, axis=1)[:, -count:]
        return np.asarray(most.mean(axis=1))
    both, either = np.minimum(others, one).sum(axis=1), np.maximum(others, one).sum(axis=1)
    return np.asarray(1.0 - np.where(either > 0, both / np.where(either > 0, either, 1.0), 1.0))


def layouts(run: Run, positions: Iterable[int]) -> FloatArray:
    """(K, D) descriptors of the layout of boxes in some frames of a run.

    The grid spans all boxes of the run, for the size of the picture is not known here.
    """
    columns, lines = _CELLS
    boxes = run.tracks.xyxy
    wanted = list(positions)
    out = np.zeros((len(wanted), columns * lines))
    if not len(boxes):
        return out
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    size = np.maximum(high - low, 1e-9)
    for k, position in enumerate(wanted):
        rows = run.rows_of(position)
        unit = (boxes[rows] - np.tile(low, 2)) / np.tile(size, 2)
        x = _shares(unit[:, 0], unit[:, 2], columns)
        y = _shares(unit[:, 1], unit[:, 3], lines)
        covered = run.tracks.score[rows, None, None] * y[:, :, None] * x[:, None, :]
        out[k] = (1.0 - (1.0 - covered).prod(axis=0)).ravel()
    return out


def choose(
    video: IntArray,
    timestamp_s: FloatArray,
    *,
    top: int,
    apart_s: float = 0.0,
    per_video: int | None = None,
    looks: Sequence[tuple[Looks, FloatArray]] = (),
    likeness: float | None = None,
) -> list[int]:
    """Take frames from the best on.

    Args:
        video: (K,) video of each frame; frames are in the order in which they are wanted.
        timestamp_s: (K,) time of each, s.
        top: How many to take at most.
        apart_s: Frames of a video nearer than this are passed over.
        per_video: How many to take of a video at most.
        looks: Kinds of descriptors and the (K, D) of each. Two frames look the same only if they
            do by all of them.
        likeness: How unlike two frames must be; None is `LIKENESS` of each kind.

    Returns:
        Places of the frames that were taken, ascending.

    Example:
        >>> place, when = np.zeros(4, np.int64), np.array([5.0, 5.1, 9.0, 2.0])
        >>> choose(place, when, top=2, apart_s=1.0)
        [0, 2]
    """
    taken: list[int] = []
    count: dict[int, int] = {}
    for k, (where, when) in enumerate(zip(video.tolist(), timestamp_s.tolist(), strict=True)):
        if len(taken) >= top:
            break
        if per_video is not None and count.get(where, 0) >= per_video:
            continue
        near = (video[taken] == where) & (np.abs(timestamp_s[taken] - when) < apart_s)
        if near.any() or _seen_before(k, taken, looks, likeness):
            continue
        taken.append(k)
        count[where] = count.get(where, 0) + 1
    return taken


def _seen_before(
    k: int,
    taken: list[int],
    looks: Sequence[tuple[Looks, FloatArray]],
    likeness: float | None,
) -> bool:
    """Whether a frame looks like one that was taken."""
    if not taken or not looks:
        return False
    same = np.ones(len(taken), np.bool_)
    for kind, values in looks:
        least = LIKENESS[kind] if likeness is None else likeness
        same &= unlike(kind, values[k], values[taken]) < least
    return bool(same.any())


def _shares(low: FloatArray, high: FloatArray, cells: int) -> FloatArray:
    """(R, cells) share of each cell of [0, 1] that lies in the stretch of each row."""
    edges = np.linspace(0.0, 1.0, cells + 1)
    inside = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    return np.asarray(np.clip(inside * cells, 0.0, 1.0))
