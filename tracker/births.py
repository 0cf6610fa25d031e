"""Tracks for what no track explains: rows and motion of the new, after those of the old.

In come the tracks there are and the detections that are left over; out go all tracks, the new ones
at the end, before their evidence is weighed. Weak detections begin tracks too: what they are worth
is for the evidence to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.clock import Clock
from tracker.motion import ConstantVelocity, MotionModel
from tracker.observation import Observation
from tracker.state import ROW, State, extended

__all__ = ["born"]


def born(
    tracks: State,
    new: NDArray[np.int64],
    frame: Observation,
    posterior: NDArray[np.float64],
    motion: MotionModel,
    *,
    next_id: int,
    clock: Clock,
    strong_confidence: float,
) -> State:
    """N old tracks and K new ones, in arrays that may be written to.

    Args:
        tracks: The old ones.
        new: (K,) rows of the detections that begin tracks.
        frame: M detections.
        posterior: (K, C) log-posterior of the classes of the new ones.
        motion: The motion model.
        next_id: Id of the first new one.
        clock: The clocks after this update.
        strong_confidence: From this on a detection is a strong one.
    """
    classes = extended(tracks.classes, posterior)
    if kernels.native is not None and type(motion) is ConstantVelocity:
        rows = np.empty(len(tracks) + len(new), ROW)
        states = np.empty((len(rows), 6, 4))
        kernels.native.born(
            tracks.rows, tracks.motion, new, frame.cxcywh, frame.confidence, rows, states, next_id,
            clock.looks - 1, clock.now_s, strong_confidence, *motion.birth_noise,
        )  # fmt: skip
        return State(rows, states, classes)
    rows = np.zeros(len(new), ROW)
    rows["track_id"] = np.arange(next_id, next_id + len(new))
    rows["looks_before"] = clock.looks - 1
    rows["born_s"] = clock.now_s
    box = frame.cxcywh[new]
    rows["start"] = box[:, :2]
    rows["strong"] = frame.confidence[new] >= strong_confidence
    states = extended(tracks.motion, motion.birth(box, frame.confidence[new]))
    return State(extended(tracks.rows, rows), states, classes)
