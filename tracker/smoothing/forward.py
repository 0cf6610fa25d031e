"""The pass from past to future: where the tracks of a frame are and what was seen of them so far.

In come the tracks of the frame before and the detections of the next; out go its tracks. It is the
tracker's own motion filter on the same detections, with the looks of `tracker.smoothing.evidence`
counted beside it. Which detection belongs to which track was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import xyxy_to_cxcywh
from tracker.config import SmoothingConfig
from tracker.existence import logit
from tracker.motion import ConstantVelocity
from tracker.smoothing import evidence
from tracker.warp import in_view

__all__ = ["Filtered", "Found", "advanced"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ROW = np.dtype(
    [
        ("track", np.int64),
        ("support", np.float64),  # of the hits so far, with this frame: see evidence.level
        ("looked_s", np.float64),  # N so far, with this frame
        ("gain_s", np.float64),  # what this frame's hit added to the support, 0 at a miss
        ("score", np.float64),  # log-odds of this frame's score online, 0 at a miss
        ("first_s", np.float64),  # time of the first hit
        ("last_s", np.float64),  # time of the last hit so far
        ("confidence", np.float64),  # of this frame's detection, 0 at a miss
        ("hits", np.int32),
        ("misses", np.int32),
        ("detection", np.int32),  # row of this frame's detection, -1 at a miss
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """H detections of one frame, by track.

    Attributes:
        track: (H,) their tracks, ascending.
        cxcywh: (H, 4) boxes.
        confidence: (H,) raw confidences.
        value: (H,) from `evidence.values`.
        score: (H,) log-odds of the score online.
        detection: (H,) rows in the detections of the frame.
    """

    track: IntArray
    cxcywh: FloatArray
    confidence: FloatArray
    value: FloatArray
    score: FloatArray
    detection: IntArray

    @classmethod
    def of(
        cls,
        hits: NDArray[np.void],
        track: IntArray,
        config: SmoothingConfig,
        agreement: float | None,
    ) -> Found:
        """From rows of `recording.HIT`, the numbers of their tracks, ascending, and how they agree.

        Where a score was told nearer to the existence earned (`tracker.existence.agreed`), it is
        what it was before.
        """
        earned = logit(hits["earned"].astype(np.float64))
        score = logit(hits["score"].astype(np.float64))
        if agreement:
            score = earned + (score - earned) / np.where(score > earned, agreement, 1.0)
        return cls(
            track=track,
            cxcywh=xyxy_to_cxcywh(hits["xyxy"].astype(np.float64)),
            confidence=hits["confidence"].astype(np.float64),
            value=evidence.values(score, earned, config),
            score=score,
            detection=hits["detection"],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """N tracks of one frame, given the past.

    Attributes:
        rows: (N,) structured, by ascending track.
        state: (N, 6, 4) states of `ConstantVelocity`.
    """

    rows: NDArray[np.void]
    state: FloatArray

    @classmethod
    def nothing(cls) -> Filtered:
        """No tracks."""
        return cls(np.zeros(0, _ROW), np.zeros((0, 6, 4)))

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.rows)


def advanced(
    before: Filtered,
    found: Found,
    *,
    keep: BoolArray,
    model: ConstantVelocity,
    config: SmoothingConfig,
    now_s: float,
    dt_s: float,
    look_s: float,
    past_s: float,
    warp: FloatArray | None = None,
) -> Filtered:
    """The tracks of the next frame.

    Args:
        before: N tracks of the frame before.
        found: The detections of the next frame.
        keep: (N,) which of the tracks go on.
        model: The motion model.
        config: The model of the looks.
        now_s: Time of the next frame.
        dt_s: Seconds since the frame before.
        look_s: Seconds that its look stands for, 0 if nobody looked.
        past_s: Looking before it that counts for tracks that begin with it.
        warp: (3, 3) how the camera moved since the frame before.
    """
    rows, state = before.rows.copy(), before.state
    if not keep.all():
        rows, state = rows[keep], state[keep]
    old = len(rows)
    at = np.searchsorted(rows["track"], found.track)
    known = at < old
    known[known] = rows["track"][at[known]] == found.track[known]
    new, hit = ~known, at[known]

    state = model.predict(state, dt_s)
    if warp is not None and old:
        state = moved(state, warp, model)
    if len(hit):
        state[hit] = model.correct(state[hit], found.cxcywh[known], found.confidence[known])
    fade = evidence.fade(dt_s, config)
    rows["support"] *= fade
    rows["looked_s"] *= fade
    if new.any():
        fresh = np.zeros(int(new.sum()), _ROW)
        fresh["track"], fresh["first_s"], fresh["looked_s"] = found.track[new], now_s, past_s
        rows = np.concatenate([rows, fresh])
        state = np.concatenate([state, model.birth(found.cxcywh[new], found.confidence[new])])
        at = at.copy()
        at[new] = np.arange(old, len(rows))
    gain = look_s * (found.value - evidence.miss_value(config))
    rows["looked_s"] += look_s
    rows["gain_s"], rows["score"], rows["confidence"], rows["detection"] = 0.0, 0.0, 0.0, -1
    rows["misses"] += look_s > 0.0
    rows["support"][at] += gain
    rows["gain_s"][at], rows["score"][at] = gain, found.score
    rows["confidence"][at], rows["detection"][at] = found.confidence, found.detection
    rows["last_s"][at] = now_s
    rows["hits"][at] += 1
    rows["misses"][at] -= look_s > 0.0
    if new.any() and old and rows["track"][old] < rows["track"][old - 1]:
        order = np.argsort(rows["track"])
        rows, state = rows[order], state[order]
    return Filtered(rows, state)


def moved(state: FloatArray, warp: FloatArray, model: ConstantVelocity) -> FloatArray:
    """States after a motion of the camera; what it takes behind the camera stays where it is."""
    visible = in_view(warp, state[:, 0, :2])
    if visible.all():
        return model.warp(state, warp)
    out = state.copy()
    out[visible] = model.warp(state[visible], warp)
    return out
