"""The public columns of all tracks, from what the tracker remembers and what it saw in this frame.

In come the state after an update (or a prediction) and which detection each track has; out go
`Tracks`. Nothing is decided here; existence becomes a probability, and `score` is formed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker import classes, existence
from tracker.boxes import cxcywh_to_xyxy
from tracker.clock import Clock
from tracker.config import ScoreConfig
from tracker.motion import MotionModel
from tracker.observation import Observation
from tracker.state import State
from tracker.tracks import Tracks, TrackState

__all__ = ["describe"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNSEEN_STATES = np.array([TrackState.TENTATIVE, TrackState.COASTING], np.int8)
_SEEN_STATES = np.array([TrackState.TENTATIVE, TrackState.CONFIRMED], np.int8)


def describe(
    state: State,
    motion: MotionModel,
    config: ScoreConfig,
    *,
    clock: Clock,
    frame: Observation,
    detection: IntArray,
    against: FloatArray,
) -> Tracks:
    """The public columns of N tracks.

    Args:
        state: The tracks.
        motion: The motion model their states belong to.
        config: Weights of `score`.
        clock: The time they are described at, and how often the tracker has looked in all.
        frame: M detections.
        detection: (N,) row of `frame` that each track was seen in, -1 for none.
        against: (M,) log-odds that speak against the place of each detection.
    """
    assert clock.now_s is not None
    rows, hit = state.rows, (detection >= 0).nonzero()[0]
    log_odds, confirmed = rows["log_odds"], rows["confirmed"].view(np.int8)
    box = motion.project(state.motion)
    spread = np.sqrt(box.variance[:, 0] + box.variance[:, 1])
    spread /= np.maximum(box.cxcywh[:, 3], 1.0)
    likely = existence.coasted_score(log_odds, spread, config)
    belief = _UNSEEN_STATES[confirmed]
    source = np.full(len(rows), -1)
    if len(hit):
        d = detection[hit]
        likely[hit] = existence.hit_score(frame.evidence[d], against[d], log_odds[hit], config)
        belief[hit] = _SEEN_STATES[confirmed[hit]]
        source[hit] = frame.source[d]
    posterior = classes.posterior(state.classes)
    return Tracks(
        timestamp_s=clock.now_s,
        track_id=rows["track_id"],
        xyxy=cxcywh_to_xyxy(box.cxcywh),
        velocity=motion.velocity(state.motion),
        covariance=motion.covariance(state.motion),
        existence=existence.sigmoid(log_odds),
        score=existence.sigmoid(likely),
        state=belief,
        class_id=posterior.argmax(axis=1),
        class_probabilities=posterior,
        hits=rows["hits"],
        misses=clock.looks - rows["looks_before"] - rows["hits"],
        age_s=clock.now_s - rows["born_s"],
        gap_s=clock.now_s - rows["seen_s"],
        detection=source,
    )
