"""Boxes that share their place with a surer one: doubles of an object, seldom a second one.

In come the boxes of one frame, surest first; out goes what speaks against each, in log-odds. A
detector's suppression of doubles leaves some behind, at another size or a little beside. They are
told by overlap and by being much less sure; of two boxes that are alike sure, both may be objects
that hide one another, and nothing speaks against either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.boxes import overlapping_runs
from tracker.config import DoublesConfig
from tracker.observation import Observation

__all__ = ["against_doubles"]

FloatArray = NDArray[np.float64]

# A box is much less sure than another from this difference of logit(confidence) on.
_MUCH = 2.0


def against_doubles(frame: Observation, config: DoublesConfig) -> FloatArray:
    """What speaks against each detection as the double of a surer one of its class.

    A box with overlap o (IoU) with one that is surer by u units of logit(confidence) loses
    weight · max(0, (o · min(u / 2, 1) − iou) / (1 − iou)); the worst of its neighbours counts.

    Returns:
        (M,) log-odds in [0, weight].
    """
    if not config.weight or len(frame) < 2:
        return np.zeros(len(frame))
    if kernels.native is not None:
        out = np.empty(len(frame))
        kernels.native.doubles(
            frame.by_left, frame.xyxy, frame.evidence, frame.class_id, out,
            config.weight, config.iou, _MUCH,
        )  # fmt: skip
        return out
    out = np.zeros(len(frame))
    least = np.full(len(frame), max(config.iou, 1e-9))
    for a, b, iou in overlapping_runs(frame.xyxy, frame.xyxy, least):
        surer = frame.evidence[a] - frame.evidence[b]
        double = ((surer > 0.0) & (frame.class_id[a] == frame.class_id[b])).nonzero()[0]
        if len(double):
            share = iou[double] * np.minimum(surer[double] / _MUCH, 1.0)
            lost = config.weight * np.maximum((share - config.iou) / (1.0 - config.iou), 0.0)
            np.maximum.at(out, b[double], lost)
    return out
