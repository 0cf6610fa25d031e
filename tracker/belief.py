"""What one frame does to the belief in each track: the evidence step of an update.

In come the tracks, which detection each of them has and what speaks against its place; the rows
are updated in place, and out goes what the look weighed for each track. The equations are those
of `tracker.existence`; here they meet the records of the tracks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tracker import existence, kernels
from tracker.clock import Clock
from tracker.config import ClutterConfig, ExistenceConfig
from tracker.existence import log_odds_of
from tracker.observation import Observation

__all__ = ["believe"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def believe(
    rows: NDArray[np.void],
    match: IntArray,
    old: int,
    frame: Observation,
    against: FloatArray,
    *,
    dt_s: float,
    look_s: float,
    clock: Clock,
    config: ExistenceConfig,
    clutter: ClutterConfig,
) -> tuple[FloatArray, BoolArray]:
    """Update belief, counts and marks of N tracks in place.

    Args:
        rows: (N,) structured array of `tracker.state.ROW`, as after the last update.
        match: (N,) row of the detection of each track, -1 for none.
        old: Tracks from this row on are new.
        frame: M detections.
        against: (M,) log-odds that speak against the place of each detection.
        dt_s: Seconds since the last update.
        look_s: Seconds that this look stands for with the old tracks, 0 if nobody looked.
        clock: The clocks after this update.
        config: Rates and bounds.
        clutter: When a track counts as moved, and when as standing.

    Returns:
        (N,) log-odds that the look weighed, and the (M,) mask of the detections whose tracks
        have stood for a while where they began: none where the clutter map is switched off.
    """
    # Who has walked here and is seen has stayed: that is no question of survival. What has never
    # moved may be clutter, and has to go on earning its belief.
    doubtful = (match < 0) | ~rows["moved"]
    doubtful[old:] = False
    rows["log_odds"][doubtful] = existence.survive(rows["log_odds"][doubtful], dt_s, config)
    evidence = existence.bounded_evidence(frame.evidence, config)
    stand_s = clutter.stand_s if clutter.enabled else math.inf
    weight = np.empty(len(rows))
    standing = np.zeros(len(frame), bool)
    if kernels.native is not None:
        kernels.native.believe(
            rows, match, weight, frame.cxcywh, evidence, against, standing, old,
            look_s, config.first_look_s, clock.now_s, clock.looked_s, config.hit_rate,
            log_odds_of(config.neutral_confidence), config.miss_rate, log_odds_of(config.floor),
            log_odds_of(config.ceiling), log_odds_of(config.confirm_at),
            log_odds_of(config.release_at), clutter.moved_widths, stand_s,
        )  # fmt: skip
        return weight, standing
    hit = (match >= 0).nonzero()[0]
    d = match[hit]
    span_s = np.empty(len(rows))
    span_s[:old] = look_s
    span_s[old:] = config.first_look_s
    weight[:] = existence.miss_weight(span_s, config)
    weight[hit] = existence.hit_weight(evidence[d], against[d], span_s[hit], config)
    rows["log_odds"] = existence.add(rows["log_odds"], weight, config)
    rows["confirmed"] = existence.confirm(rows["log_odds"], rows["confirmed"], config)
    rows["hits"][hit] += 1
    rows["seen_s"][hit] = clock.now_s
    rows["found_s"][hit] = clock.looked_s
    box = frame.cxcywh[d]
    away = np.add.reduce(np.abs(box[:, :2] - rows["start"][hit]), axis=1)
    moved = rows["moved"][hit] | (away > clutter.moved_widths * box[:, 2])
    rows["moved"][hit] = moved
    standing[d] = (rows["seen_s"][hit] - rows["born_s"][hit] >= stand_s) & ~moved
    return weight, standing
