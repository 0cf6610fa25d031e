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

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker.review.runs import Run

__all__ = ["GREY", "LIKENESS", "Describe", "Looks", "choose", "layouts", "unlike"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Looks: TypeAlias = Literal["picture", "layout"]
# (K,) places of frames -> (K, D) descriptors of each kind that there is.
Describe: TypeAlias = Callable[[IntArray], Mapping[Looks, FloatArray]]

# Columns and rows of both descriptors.
_CELLS = (16, 12)
GREY = (32, 24)
# Share of the cells of a picture that is compared: those that differ most.
_MOST = 0.1
# Frames described at first for each one that is wanted, and how fast that grows.
_CHUNK, _GROWTH = 20, 4
# Times that differ by as much as is wanted are apart, however they were rounded.
_TIME_ROUNDING_S = 1e-9
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
    describe: Describe | None = None,
    likeness: float | None = None,
) -> list[int]:
    """Take frames from the best on.

    They are first thinned by time, then told apart by looks: descriptors are asked for in chunks,
    each four times as large as the one before, until `top` is reached or no frame is left.

    Args:
        video: (K,) video of each frame; frames are in the order in which they are wanted.
        timestamp_s: (K,) time of each, s.
        top: How many to take at most.
        apart_s: Frames of a video nearer than this are passed over.
        per_video: How many to take of a video at most.
        describe: Gives descriptors of the frames at some of the K places. Two frames look the same
            only if they do by all kinds of them. None: looks do not matter.
        likeness: How unlike two frames must be; None is `LIKENESS` of each kind.

    Returns:
        Places of the frames that were taken, ascending.

    Example:
        >>> place, when = np.zeros(4, np.int64), np.array([5.0, 5.1, 9.0, 2.0])
        >>> choose(place, when, top=2, apart_s=1.0)
        [0, 2]
    """
    most = top if per_video is None else per_video
    taken: list[int] = []
    seen: dict[Looks, list[FloatArray]] = {}
    count: dict[int, int] = {}
    left, chunk = _thinned(video, timestamp_s, apart_s), _CHUNK * top
    while left and len(taken) < top:
        # A video that has its share takes no part any more: none of its pictures is read.
        left = [k for k in left if count.get(int(video[k]), 0) < most]
        now, left = left[:chunk], left[chunk:]
        chunk *= _GROWTH
        if not now:
            break
        looks = {} if describe is None else describe(np.array(now, np.int64))
        # What cannot be told of these tells nothing of them and the others.
        seen = {kind: seen.get(kind, []) for kind in looks if not taken or kind in seen}
        for place, k in enumerate(now):
            where = int(video[k])
            if len(taken) >= top:
                break
            if count.get(where, 0) >= most:
                continue
            mine = {kind: looks[kind][place] for kind in seen}
            if _seen_before(mine, seen, likeness):
                continue
            taken.append(k)
            count[where] = count.get(where, 0) + 1
            for kind, one in mine.items():
                seen[kind].append(one)
    return taken


def _thinned(video: IntArray, timestamp_s: FloatArray, apart_s: float) -> list[int]:
    """Places of the frames that no better one of their video is nearer to than `apart_s`."""
    if apart_s <= 0:
        return list(range(len(video)))
    kept = np.zeros(len(video), np.bool_)
    near = apart_s - _TIME_ROUNDING_S
    for v in np.unique(video).tolist():
        mine = np.flatnonzero(video == v)
        by_time = np.argsort(timestamp_s[mine], kind="stable")
        times = timestamp_s[mine][by_time]
        begins = np.searchsorted(times, timestamp_s[mine] - near, side="right").tolist()
        ends = np.searchsorted(times, timestamp_s[mine] + near, side="left").tolist()
        rank = np.argsort(by_time).tolist()
        free = np.ones(len(mine), np.bool_)
        for k, (place, begin, end) in enumerate(zip(rank, begins, ends, strict=True)):
            if free[place]:
                kept[mine[k]] = True
                free[begin:end] = False
    return np.flatnonzero(kept).tolist()


def _seen_before(
    mine: Mapping[Looks, FloatArray],
    seen: Mapping[Looks, Sequence[FloatArray]],
    likeness: float | None,
) -> bool:
    """Whether a frame looks like one that was taken."""
    same: NDArray[np.bool_] | None = None
    for kind, one in mine.items():
        if not seen[kind]:
            return False
        least = LIKENESS[kind] if likeness is None else likeness
        alike = unlike(kind, one, np.array(seen[kind])) < least
        same = alike if same is None else same & alike
    return same is not None and bool(same.any())


def _shares(low: FloatArray, high: FloatArray, cells: int) -> FloatArray:
    """(R, cells) share of each cell of [0, 1] that lies in the stretch of each row."""
    edges = np.linspace(0.0, 1.0, cells + 1)
    inside = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    return np.asarray(np.clip(inside * cells, 0.0, 1.0))
