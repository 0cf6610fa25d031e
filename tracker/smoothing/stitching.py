"""Joins the end of one track to the begin of another where both must be the same object.

In come, for T tracks, where and how fast they were at their last and at their first detection; out
goes which of them go on as which. Somebody who was hidden for longer than the tracker waits comes
back under a new id. With both sides known the two are joined, if each lies where the other's
velocity takes it and if nothing else comes near: what is ambiguous stays apart, since a wrong join
is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracker.config import SmoothingConfig
from tracker.motion import POS, VEL
from tracker.warp import inverse, move_points

__all__ = ["joined"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NO_PAIRS = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def joined(
    first: IntArray,
    last: IntArray,
    begin: FloatArray,
    end: FloatArray,
    now_s: FloatArray,
    warps: Mapping[int, FloatArray],
    config: SmoothingConfig,
) -> IntArray:
    """The track that each track is a part of.

    Args:
        first: (T,) frame of the first detection.
        last: (T,) frame of the last detection.
        begin: (T, 6, 4) states at the first detection, given what comes after it; velocities
            forward in time.
        end: (T, 6, 4) states at the last detection, given what came before it.
        now_s: (F,) times of the frames.
        warps: How the camera moved, by frame, as in `Records`.
        config: How far apart the ends of two tracks may be.

    Returns:
        (T,) number of the earliest track that each belongs to; its own where nothing was joined.
    """
    root = np.arange(len(first))
    if not len(root) or config.stitch_gap_s <= 0.0:
        return root
    order = np.argsort(first, kind="stable")
    starts = first[order]
    found = []
    by_end = np.argsort(last, kind="stable")
    frames, at = np.unique(last[by_end], return_index=True)
    for k, ending in zip(frames.tolist(), np.split(by_end, at[1:]), strict=True):
        until = int(np.searchsorted(now_s, now_s[k] + config.stitch_gap_s, side="right"))
        low, high = np.searchsorted(starts, [k + 1, until])
        if low < high:
            starting = order[low:high]
            moves = _moves(k, first[starting], warps)
            found.append(_near(ending, starting, k, first, begin, end, now_s, moves, config))
    a, b, away = (np.concatenate(part) for part in zip(*found, _NO_PAIRS, strict=False))
    sure = _alone(a, away, config.stitch_margin) & _alone(b, away, config.stitch_margin)
    sure &= away <= config.stitch_distance
    for one, next_one in sorted(
        zip(a[sure].tolist(), b[sure].tolist(), strict=True), key=lambda pair: int(first[pair[1]])
    ):
        root[next_one] = root[one]
    return root


def _near(
    ending: IntArray,
    starting: IntArray,
    k: int,
    first: IntArray,
    begin: FloatArray,
    end: FloatArray,
    now_s: FloatArray,
    moves: FloatArray | None,
    config: SmoothingConfig,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of tracks that end at frame `k` and begin later, and how far apart in heights."""
    dt = (now_s[first[starting]] - now_s[k])[None, :, None]
    one, other = end[ending][:, None], begin[starting][None]
    # Where each should be at the time of the other, by its own velocity.
    ahead = one[:, :, POS, :2] + dt * one[:, :, VEL, :2]
    back = other[:, :, POS, :2] - dt * other[:, :, VEL, :2]
    if moves is not None:
        for j, move in enumerate(moves):
            ahead[:, j] = move_points(move, ahead[:, j])
            back[:, j] = move_points(inverse(move), back[:, j])
    size = np.log(np.maximum(one[:, :, POS, 2:], 1.0) / np.maximum(other[:, :, POS, 2:], 1.0))
    height = np.sqrt(np.maximum(one[:, :, POS, 3], 1.0) * np.maximum(other[:, :, POS, 3], 1.0))
    away = np.maximum(
        np.hypot(*np.moveaxis(ahead - other[:, :, POS, :2], 2, 0)),
        np.hypot(*np.moveaxis(back - one[:, :, POS, :2], 2, 0)),
    )
    away /= height
    fits = np.abs(size).max(axis=2) <= config.stitch_size
    i, j = (fits & (away <= config.stitch_distance * config.stitch_margin)).nonzero()
    return ending[i], starting[j], away[i, j]


def _alone(track: IntArray, away: FloatArray, margin: float) -> NDArray[np.bool_]:
    """(P,) which pairs are the nearest of their track, and by a margin."""
    order = np.lexsort((away, track))
    same = np.diff(track[order]) == 0
    sure = np.ones(len(track), np.bool_)
    sure[order[1:][same]] = False
    ahead = order[:-1][same]
    sure[ahead] &= away[order[1:][same]] > margin * away[ahead]
    return sure


def _moves(k: int, frames: IntArray, warps: Mapping[int, FloatArray]) -> FloatArray | None:
    """(P, 3, 3) from the pixels of frame `k` to those of later frames; None: nothing moved."""
    if not warps:
        return None
    out = np.empty((len(frames), 3, 3))
    move, at = np.eye(3), k
    for j in np.argsort(frames, kind="stable"):
        while at < frames[j]:
            at += 1
            move = warps.get(at, np.eye(3)) @ move
        out[j] = move / move[2, 2]
    return out
