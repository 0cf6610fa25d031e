"""The public columns of all tracks, from what the tracker remembers and what it saw in this frame.

In come the state after an update (or a prediction) and which detection each track has; out go
`Tracks`. Nothing is decided here; existence becomes a probability, and `score` is formed. A box can
only be right if its object exists: where the score of a seen box would be above existence, both are
told as one number in between (`existence.agreed`), while states go by the existence `earned`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import classes, existence, kernels
from tracker.boxes import cxcywh_to_xyxy
from tracker.clock import Clock
from tracker.config import ScoreConfig
from tracker.motion import ConstantVelocity, MotionModel
from tracker.observation import Observation
from tracker.state import State
from tracker.tracks import Tracks, TrackState

__all__ = ["columns", "describe"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNSEEN_STATES = np.array([TrackState.TENTATIVE, TrackState.COASTING], np.int8)
_LOST_STATES = np.array([TrackState.TENTATIVE, TrackState.LOST], np.int8)
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
    assert clock.timestamp_ns is not None
    rows = state.rows
    xyxy, velocity, covariance, earned, probability, score, stage, source = columns(
        state, motion, config, frame, detection, against
    )
    posterior = classes.posterior(state.classes)
    return Tracks(
        timestamp_s=clock.timestamp_s,
        track_id=rows["track_id"],
        xyxy=xyxy,
        velocity=velocity,
        covariance=covariance,
        existence=probability,
        score=score,
        state=stage,
        class_id=posterior.argmax(axis=1),
        class_probabilities=posterior,
        hits=rows["hits"],
        misses=clock.looks - rows["looks_before"] - rows["hits"],
        age_s=clock.now_s - rows["born_s"],
        gap_s=clock.now_s - rows["seen_s"],
        detection=source,
        earned=earned,
        timestamp_ns=clock.timestamp_ns,
    )


def columns(
    state: State,
    motion: MotionModel,
    config: ScoreConfig,
    frame: Observation,
    detection: IntArray,
    against: FloatArray,
) -> tuple[NDArray[Any], ...]:
    """The columns that take arithmetic; arguments as in `describe`.

    Returns:
        `xyxy`, `velocity`, `covariance`, `earned`, `existence`, `score`, `state` and `detection`
        of `Tracks`.
    """
    rows, n = state.rows, len(state)
    if kernels.native is not None and type(motion) is ConstantVelocity:
        out = (
            np.empty((n, 4)), np.empty((n, 2)), np.empty((n, 8, 8)), np.empty(n), np.empty(n),
            np.empty(n), np.empty(n, np.int8), np.empty(n, np.int64),
        )  # fmt: skip
        kernels.native.columns(
            rows, state.motion, detection, frame.source, frame.evidence, against, *out,
            config.consistent, config.confidence_weight, config.existence_weight, config.bias,
            config.coast_existence_weight, config.coast_bias, config.coast_uncertainty_weight,
            config.coast_hidden_weight, existence.log_odds_of(config.lost_below), config.agreement,
        )  # fmt: skip
        return out
    hit = (detection >= 0).nonzero()[0]
    log_odds, confirmed = rows["log_odds"], rows["confirmed"].view(np.int8)
    box = motion.project(state.motion)
    spread = np.sqrt(box.variance[:, 0] + box.variance[:, 1])
    spread /= np.maximum(box.cxcywh[:, 3], 1.0)
    likely = existence.coasted_score(log_odds, spread, rows["hidden"], config)
    lost = likely < existence.log_odds_of(config.lost_below)
    stage = np.where(lost, _LOST_STATES[confirmed], _UNSEEN_STATES[confirmed])
    source = np.full(n, -1, np.int64)
    if len(hit):
        d = detection[hit]
        likely[hit] = existence.hit_score(frame.evidence[d], against[d], log_odds[hit], config)
        stage[hit] = _SEEN_STATES[confirmed[hit]]
        source[hit] = frame.source[d]
    told = log_odds
    if config.consistent:
        told, likely = existence.agreed(log_odds, likely, detection >= 0, config.agreement)
    return (
        cxcywh_to_xyxy(box.cxcywh),
        motion.velocity(state.motion),
        motion.covariance(state.motion),
        existence.sigmoid(log_odds),
        existence.sigmoid(told),
        existence.sigmoid(likely),
        stage,
        source,
    )
