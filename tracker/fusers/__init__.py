"""Other ways to turn the history of a track into a number, for comparison on one's own data.

In come the tracks of an update, found and moved by this project's association and motion whatever
the fuser, and the confidence of each track's detection; out go the same tracks with another
`existence`, `score` and `state`. So two runs that differ in `TrackerConfig.fuser` differ in
nothing but the number. `"evidence"`, the default, leaves the tracks as they are.

With c the confidence of a hit and e the existence (w, D and the numbers: `tracker.fusers.rules`):

| fuser | existence after a hit | after a miss | score of a predicted box | counts |
|---|---|---|---|---|
| raw | c | as it was | 0 | no memory |
| n-of-m | hits in the last 3 looks, over 3 | one look without | 0 | per frame |
| median | median of the last 10 confidences | as c = 0 | e | per frame |
| ema | w e + (1 − w) c | as c = 0 | e | per second |
| noisy-or | 1 − (1 − max(e − 0.2, 0)) (1 − c) | as c = 0 | e | per frame |
| ipda | odds × (1 − D + D c / (1 − c)) | odds × (1 − D) | e | each look in full |
| kalman-logit | Kalman filter on logit(c) | as c = 0.05 | e | each look in full |

A predicted box below `lost_below` makes a believed track lost, with raw and n-of-m at once.
The score of a seen box is c with raw and n-of-m (there only once three looks in a row were hits),
e times P(not clutter) with ipda, else e: those rules have one number.

What counts per frame, or every look in full, is not rate-invariant: at 30 frames a second it is
surer, or forgets faster, than at 10. Time without a look changes nothing but for ipda (the object
may leave), kalman-logit (its uncertainty grows) and ema (the next look weighs more); there, any
split of that time gives the same.

The life of a track, and `Tracker.explain`, are those of the evidence whatever the fuser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from tracker.config import ExistenceConfig, FuserName
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.fusers.rules import (
    Counting,
    Ema,
    Fuser,
    Ipda,
    KalmanLogit,
    Median,
    NoisyOr,
    Raw,
)
from tracker.tracks import Tracks, TrackState

__all__ = ["NAMES", "Fused", "fuse", "fuser"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NAMES: tuple[FuserName, ...] = get_args(FuserName)

# Public values lie in (0, 1): certainty and "nothing" are given as this far from 1 and 0.
_LEAST = 1e-6

_FUSERS: dict[str, Fuser] = {
    "raw": Raw(),
    "n-of-m": Counting(),
    "median": Median(),
    "ema": Ema(),
    "noisy-or": NoisyOr(),
    "ipda": Ipda(),
    "kalman-logit": KalmanLogit(),
}


def fuser(name: FuserName) -> Fuser | None:
    """The rule of this name; None for `"evidence"`, which is no rule beside the tracker but in it.

    Example:
        >>> fuser("noisy-or").look(np.array([[0.5]]), np.array([0.5])).round(2)
        array([[0.65]])
    """
    return None if name == "evidence" else _FUSERS[name]


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """What a fuser remembers of the living tracks.

    Attributes:
        track_id: (N,) ascending.
        memory: (N, columns) of the fuser.
        confirmed: (N,) believed, with hysteresis.
    """

    track_id: IntArray
    memory: FloatArray
    confirmed: BoolArray

    @classmethod
    def nothing(cls) -> Fused:
        """No tracks; of any fuser."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros(0, np.bool_))

    def dump(self) -> dict[str, Any]:
        """Plain arrays, for a snapshot."""
        names = self.__dataclass_fields__
        return {name: getattr(self, name).copy() for name in names}

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Fused:
        """Take over what `dump` gave."""
        ids = np.array(dumped["track_id"], np.int64)
        memory = np.array(dumped["memory"], np.float64).reshape(len(ids), -1 if len(ids) else 0)
        return cls(ids, memory, np.array(dumped["confirmed"], np.bool_))


def fuse(
    name: FuserName,
    before: Fused,
    tracks: Tracks,
    detections: Detections | None,
    dt_s: float,
    config: ExistenceConfig,
    lost_below: float,
) -> tuple[Fused, Tracks]:
    """Replace `existence`, `score` and `state` of tracks by those of a fuser.

    Args:
        name: The fuser.
        before: What it remembered after the last update.
        tracks: N tracks as the evidence describes them.
        detections: What `Tracks.detection` points into; None if nobody looked.
        dt_s: Seconds since the last update.
        config: Thresholds of confirmation, here on the fuser's existence.
        lost_below: A believed track with a predicted box of a smaller score is lost.

    Returns:
        What it remembers now, of these tracks only, and the tracks.
    """
    rule = fuser(name)
    if rule is None:
        return before, tracks
    confidence = np.full(len(tracks), np.nan)
    if detections is not None:
        confidence[tracks.seen] = detections.confidence[tracks.detection[tracks.seen]]
    at = np.searchsorted(before.track_id, tracks.track_id)
    known = at < len(before.track_id)
    known[known] = before.track_id[at[known]] == tracks.track_id[known]
    if np.isnan(confidence[~known]).any():
        raise InputError(f"the fuser {name} lacks the past of a track that has no detection")

    memory, believed = np.empty((len(tracks), rule.columns)), np.zeros(len(tracks), np.bool_)
    memory[~known] = rule.birth(confidence[~known])
    if known.any():
        past = rule.age(before.memory[at[known]], dt_s)
        memory[known] = past if detections is None else rule.look(past, confidence[known])
        believed[known] = before.confirmed[at[known]]
    existence, score = (np.clip(p, _LEAST, 1.0 - _LEAST) for p in rule.read(memory, confidence))
    believed = (existence >= config.confirm_at) | (believed & (existence >= config.release_at))
    unseen = np.where(score < lost_below, TrackState.LOST, TrackState.COASTING)
    state = np.where(tracks.seen, TrackState.CONFIRMED, unseen)
    state = np.where(believed, state, TrackState.TENTATIVE).astype(np.int8)
    now = Fused(tracks.track_id, memory, believed)
    return now, replace(tracks, existence=existence, score=score, state=state, earned=existence)
