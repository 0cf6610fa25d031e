"""Which detection belongs to which track: gates, tiers and optimal assignment.

In come predicted tracks and the detections of one frame; out goes the detection of each track. Only
pairs inside the gates are ever priced, and most of those are alone in their corner of the image:
they are matched at once, and assignment is solved for the contested rest.

```
tracks × detections ── overlap ≥ gate, same class?, Mahalanobis ≤ gate ──> pairs
pairs with no rival on either side ──────────────────────────────────────> matched
the rest, tier by tier, each solved optimally on what is left:
    1 believed tracks   × strong detections
    2 believed tracks   × weak detections         (BYTE: the second look at low scores)
    3 unbelieved tracks × strong detections
    4 unbelieved tracks × weak detections
what is left: young tracks × strong detections, by distance alone, where there is one choice
```

Believed tracks choose first: otherwise tracks born from clutter steal detections from real ones,
and letting weak detections start tracks would cost more than it brings. The two steps over
strong and weak detections are those of ByteTrack (Zhang et al., ECCV 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from tracker import kernels
from tracker.boxes import MOST_AT_ONCE, cxcywh_to_xyxy, overlapping_runs
from tracker.config import AssociationConfig
from tracker.existence import log_odds_of
from tracker.motion import ConstantVelocity, MotionModel
from tracker.observation import Observation
from tracker.state import State

__all__ = ["Pairs", "assign", "associate", "candidates", "cascade", "first_steps"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Above this many cells of the contested matrix, the sparse solver is faster than the dense one.
_DENSE_CELLS = 40_000
# From this many pairs on they are kept in narrower integers.
_CROWD = 2**17
# A track that was seen no more often has no velocity to rely on.
_YOUNG = 3
# Heights of one object in two frames differ by less than this factor.
_ALIKE = 1.4
# Pairs that are compared at once, so that memory stays bounded.
_PAIRS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Candidate pairs that passed the gates.

    Attributes:
        track: (P,) rows of tracks.
        detection: (P,) rows of detections.
        similarity: (P,) above 0, larger is better.
        tier: (P,) integers >= 0; pairs of a lower tier choose first.
    """

    track: NDArray[np.integer[Any]]
    detection: NDArray[np.integer[Any]]
    similarity: FloatArray
    tier: NDArray[np.integer[Any]]

    def __getitem__(self, keep: BoolArray) -> Pairs:
        """Select pairs by a mask."""
        if np.count_nonzero(keep) == len(keep):
            return self
        return Pairs(self.track[keep], self.detection[keep], self.similarity[keep], self.tier[keep])


def associate(
    tracks: State, frame: Observation, motion: MotionModel, config: AssociationConfig
) -> IntArray:
    """Find the detection that continues each track.

    Args:
        tracks: N tracks, predicted to the time of the frame.
        frame: M detections.
        motion: The motion model of the tracks.
        config: Gates and tiers.

    Returns:
        (N,) row of the detection of each track, -1 for none; each detection at most once.
    """
    if not len(tracks) or not len(frame):
        return np.full(len(tracks), -1, np.int64)
    pairs = candidates(tracks, frame, motion, config)
    if config.per_class:
        pairs = pairs[tracks.classes.argmax(axis=1)[pairs.track] == frame.class_id[pairs.detection]]
    match = cascade(pairs, len(tracks), len(frame))
    if config.young_mahalanobis2:
        first_steps(match, tracks, frame, motion, config)
    return match


def first_steps(
    match: IntArray,
    tracks: State,
    frame: Observation,
    motion: MotionModel,
    config: AssociationConfig,
) -> None:
    """Continue young tracks by distance alone, in place.

    What moves half its width or more from frame to frame does not overlap its first box, and has no
    velocity yet that would predict the second; nor one to rely on for the third and the fourth.
    Strong detections that nothing else explains are tried, and only a pair without rivals on
    either side is taken.

    Args:
        match: (N,) as from `cascade`; changed where a track is continued.
        tracks: N tracks, predicted to the time of the frame.
        frame: M detections.
        motion: The motion model of the tracks.
        config: What is strong, and how far is too far.
    """
    young = (match < 0) & (tracks.rows["hits"] <= _YOUNG) & tracks.rows["strong"]
    t = young.nonzero()[0]
    if not len(t):
        return
    free = np.ones(len(frame), bool)
    free[match[match >= 0]] = False
    free &= frame.confidence >= config.strong_confidence
    d = free.nonzero()[0]
    if not len(d):
        return
    near_t, near_d = _within_reach(t, d, tracks, frame, motion, config)
    alone = np.bincount(near_t, minlength=len(match))[near_t] == 1
    alone &= np.bincount(near_d, minlength=len(frame))[near_d] == 1
    match[near_t[alone]] = near_d[alone]


def _within_reach(
    t: IntArray,
    d: IntArray,
    tracks: State,
    frame: Observation,
    motion: MotionModel,
    config: AssociationConfig,
) -> tuple[IntArray, IntArray]:
    """The pairs of tracks `t` and detections `d` that are alike in height, class and place."""
    found_t, found_d = [], []
    step = max(1, _PAIRS_AT_ONCE // len(d))
    for start in range(0, len(t), step):
        some = t[start : start + step]
        i, j = np.repeat(some, len(d)), np.tile(d, len(some))
        height = motion.project(tracks.motion[some]).cxcywh[:, 3]
        ratio = frame.cxcywh[j, 3] / np.maximum(np.repeat(height, len(d)), 1e-9)
        near = (ratio < _ALIKE) & (ratio > 1.0 / _ALIKE)
        if config.per_class:
            near &= tracks.classes.argmax(axis=1)[i] == frame.class_id[j]
        i, j = i[near], j[near]
        distance2 = motion.distance2(tracks.motion[i], frame.cxcywh[j], frame.confidence[j])
        near = distance2 <= config.young_mahalanobis2
        found_t.append(i[near])
        found_d.append(j[near])
    return np.concatenate(found_t), np.concatenate(found_d)


def candidates(
    tracks: State, frame: Observation, motion: MotionModel, config: AssociationConfig
) -> Pairs:
    """Find the pairs inside the gates, of whatever class; arguments as in `associate`.

    Returns:
        The pairs, ordered by track, then detection.
    """
    believed = log_odds_of(config.believed_existence)
    if kernels.native is not None and type(motion) is ConstantVelocity:
        order, parts = frame.by_left, []
        step = max(1, 4 * MOST_AT_ONCE // len(frame))
        for start in range(0, len(tracks), step):
            some = slice(start, start + step)
            columns = kernels.native.candidates(
                tracks.rows[some], tracks.motion[some], order, frame.xyxy, frame.cxcywh,
                frame.confidence, config.strong_confidence, config.iou_strong, config.iou_weak,
                config.mahalanobis2, config.confidence_offset, believed, *motion.noise,
            )  # fmt: skip
            t, d, tier, similarity = np.frombuffer(columns, np.int64).reshape(4, -1)
            parts.append(_compact(Pairs(t + start, d, similarity.view(np.float64), tier)))
        return _joined(parts)
    weak = frame.confidence < config.strong_confidence
    least = np.where(weak, config.iou_weak, config.iou_strong)
    box = cxcywh_to_xyxy(motion.project(tracks.motion).cxcywh)
    doubted = tracks.rows["log_odds"] < believed
    parts = []
    for t, d, iou in overlapping_runs(box, frame.xyxy, least):
        confidence = frame.confidence[d]
        distance2 = motion.distance2(tracks.motion[t], frame.cxcywh[d], confidence)
        keep = distance2 <= config.mahalanobis2
        tier = 2 * doubted[t] + weak[d]
        pairs = Pairs(t, d, iou * (confidence + config.confidence_offset), tier)[keep]
        parts.append(_compact(pairs))
    return _joined(parts)


def _compact(pairs: Pairs) -> Pairs:
    """The same pairs; those of a crowd in about half the memory."""
    if len(pairs.track) < _CROWD:
        return pairs
    track, detection = pairs.track.astype(np.int32), pairs.detection.astype(np.int32)
    return Pairs(track, detection, pairs.similarity.copy(), pairs.tier.astype(np.int8))


def _joined(parts: list[Pairs]) -> Pairs:
    """Pairs of one part after the other."""
    if len(parts) == 1:
        return parts[0]
    columns = ("track", "detection", "similarity", "tier")
    return Pairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in columns))


def cascade(pairs: Pairs, tracks: int, detections: int) -> IntArray:
    """Match pairs tier by tier.

    Args:
        pairs: Candidates, each (track, detection) at most once.
        tracks: Number of tracks N.
        detections: Number of detections M.

    Returns:
        (N,) row of the detection of each track, -1 for none.

    Example:
        >>> track, detection = np.array([0, 1]), np.array([0, 0])
        >>> tier = np.array([0, 1])  # track 0 is believed, and chooses first
        >>> cascade(Pairs(track, detection, np.array([0.3, 0.9]), tier), 2, 1)
        array([ 0, -1])
    """
    matched = np.full(tracks, -1, np.int64)
    if not len(pairs.track):
        return matched
    contested = (np.bincount(pairs.track, minlength=tracks) > 1)[pairs.track]
    contested |= (np.bincount(pairs.detection, minlength=detections) > 1)[pairs.detection]
    if not np.count_nonzero(contested):
        matched[pairs.track] = pairs.detection
        return matched
    alone = ~contested
    matched[pairs.track[alone]] = pairs.detection[alone]
    pairs = pairs[contested]
    taken = np.zeros(detections, bool)
    for level in range(int(pairs.tier.max()) + 1):
        now = (pairs.tier == level) & (matched < 0)[pairs.track] & ~taken[pairs.detection]
        if np.count_nonzero(now):
            t, d = assign(pairs[now])
            matched[t] = d
            taken[d] = True
    return matched


def assign(pairs: Pairs) -> tuple[IntArray, IntArray]:
    """Choose disjoint pairs with the largest total similarity.

    Args:
        pairs: Candidates, each (track, detection) at most once, ordered by track, then detection;
            similarity above 0.

    Returns:
        (K,) tracks and (K,) detections of the chosen pairs.

    Example:
        >>> track, detection = np.array([0, 0, 1]), np.array([0, 1, 0])
        >>> similarity, tier = np.array([0.9, 0.8, 0.7]), np.zeros(3, int)
        >>> assign(Pairs(track, detection, similarity, tier))
        (array([0, 1]), array([1, 0]))
    """
    tracks, t = _numbered(pairs.track)
    detections, d = _numbered(pairs.detection)
    n, m = len(tracks), len(detections)
    if n * m <= _DENSE_CELLS:
        value = np.zeros((n, m))
        value[t, d] = pairs.similarity
        i, j = linear_sum_assignment(value, maximize=True)
        chosen = value[i, j] > 0
    else:
        # A full matching must exist, so each track may also take a dummy of its own that is
        # worth nothing. Costs start above 0 because a stored 0 counts as no edge.
        top = float(pairs.similarity.max()) + 1.0
        ends = np.cumsum(np.bincount(t, minlength=n) + 1)
        real = np.ones(len(t) + n, bool)
        real[ends - 1] = False
        columns, costs = np.empty(len(real), np.int32), np.full(len(real), top)
        columns[real], columns[~real] = d, m + np.arange(n)
        costs[real] -= pairs.similarity
        starts = np.concatenate([[0], ends]).astype(np.int32)
        graph = csr_matrix((costs, columns, starts), shape=(n, m + n))
        i, j = (np.asarray(x, np.int64) for x in min_weight_full_bipartite_matching(graph))
        chosen = j < m
    return tracks[i[chosen]], detections[j[chosen]]


def _numbered(rows: NDArray[np.integer[Any]]) -> tuple[IntArray, NDArray[np.integer[Any]]]:
    """The distinct rows, ascending, and the place of each given row among them."""
    present = np.zeros(int(rows.max()) + 1, bool)
    present[rows] = True
    distinct = present.nonzero()[0]
    place = np.empty(len(present), rows.dtype)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[rows]
