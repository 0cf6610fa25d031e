"""Whether a miss tells anything: could the object have been seen where it should be?

In come the predicted boxes of the tracks that were not found, and what else is in the picture; out
goes, for each of them, the share of its box that something in front covers, the share that is in
the picture, and how much of a miss its miss is. An object behind another, half out of the picture
or only some pixels tall is often missed although it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.boxes import cxcywh_to_xyxy, overlapping_runs
from tracker.config import ExistenceConfig
from tracker.motion import ConstantVelocity, MotionModel
from tracker.observation import Observation
from tracker.state import State

__all__ = ["Visibility", "visibility"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Boxes that overlap less cover nothing.
_LEAST_IOU = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """How N tracks could have been seen; 0, 1 and 1 for those that were.

    Attributes:
        hidden: (N,) largest share of the predicted box that one object in front covers.
        inside: (N,) share of the predicted box that is in the picture; 1 where its size is unknown.
        telling: (N,) what a miss counts, in [0, 1].
    """

    hidden: FloatArray
    inside: FloatArray
    telling: FloatArray


def visibility(
    tracks: State,
    match: IntArray,
    frame: Observation,
    motion: MotionModel,
    config: ExistenceConfig,
    image_size: tuple[int, int] | None = None,
) -> Visibility:
    """Judge the misses of one frame.

    Args:
        tracks: N tracks, predicted to the time of the frame; new ones may follow.
        match: (N,) row of the detection of each track, -1 for none.
        frame: M detections. Those of believed tracks can hide others.
        motion: The motion model of the tracks.
        config: What a covered or small box counts.
        image_size: Width and height of the picture in px, if known.
    """
    n = len(match)
    if kernels.native is not None and type(motion) is ConstantVelocity:
        hidden, inside, telling = np.empty(n), np.empty(n), np.empty(n)
        width, height = image_size or (0, 0)
        kernels.native.visibility(
            tracks.rows, tracks.motion, match, frame.by_left, frame.xyxy, hidden, inside, telling,
            config.hidden, config.small_px, width, height,
        )  # fmt: skip
        return Visibility(hidden, inside, telling)
    hidden, inside, telling = np.zeros(n), np.ones(n), np.ones(n)
    seen = match >= 0
    missed = (~seen).nonzero()[0]
    if not len(missed):
        return Visibility(hidden, inside, telling)
    box = motion.project(tracks.motion[missed]).cxcywh
    in_front = frame.xyxy[match[seen & (tracks.rows["log_odds"][:n] > 0.0)]]
    xyxy = cxcywh_to_xyxy(box)
    covered, within = _covered(xyxy, in_front), _within(xyxy, image_size)
    hidden[missed], inside[missed] = covered, within
    telling[missed] = (
        (1.0 - config.hidden * covered) * within * np.minimum(box[:, 3] / config.small_px, 1.0)
    )
    return Visibility(hidden, inside, np.maximum(telling, 0.0))


def _covered(xyxy: FloatArray, others: FloatArray) -> FloatArray:
    """(N,) largest share of each box that one of the others covers."""
    out = np.zeros(len(xyxy))
    if not len(others):
        return out
    for i, j, _ in overlapping_runs(xyxy, others, np.full(len(others), _LEAST_IOU)):
        common = np.minimum(xyxy[i, 2:], others[j, 2:]) - np.maximum(xyxy[i, :2], others[j, :2])
        np.maximum.at(out, i, common[:, 0] * common[:, 1])
    out /= _area(xyxy)
    return np.minimum(out, 1.0)


def _within(xyxy: FloatArray, image_size: tuple[int, int] | None) -> FloatArray:
    """(N,) share of each box inside the picture."""
    if image_size is None:
        return np.ones(len(xyxy))
    part = np.minimum(xyxy[:, 2:], image_size) - np.maximum(xyxy[:, :2], 0.0)
    np.maximum(part, 0.0, out=part)
    share: FloatArray = np.multiply.reduce(part, axis=1) / _area(xyxy)
    return np.minimum(share, 1.0)


def _area(xyxy: FloatArray) -> FloatArray:
    area: FloatArray = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    np.maximum(area, 1e-9, out=area)
    return area
