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
from tracker.visibility import Visibility

__all__ = ["believe", "wait"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def believe(
    rows: NDArray[np.void],
    match: IntArray,
    old: int,
    frame: Observation,
    against: FloatArray,
    view: Visibility,
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
        view: How the old tracks could have been seen.
        dt_s: Seconds since the last update.
        look_s: Seconds that this look stands for with the old tracks, 0 if nobody looked.
        clock: The clocks after this update.
        config: The model.
        clutter: When a track counts as moved, and when as standing.

    Returns:
        (N,) log-odds that the look added, and the (M,) mask of the detections whose tracks have
        stood for a while where they began: none where the clutter map is switched off.
    """
    stand_s = clutter.stand_s if clutter.enabled else math.inf
    weight = np.empty(len(rows))
    standing = np.zeros(len(frame), bool)
    shares = (
        existence.look_share(look_s, config),
        existence.look_share(config.first_look_s, config),
    )
    fade = existence.faded(dt_s, config)
    if kernels.native is not None:
        kernels.native.believe(
            rows, match, weight, view.telling, view.hidden, frame.cxcywh, frame.evidence, against,
            standing, old, fade, *shares, clock.now_s, clock.looked_s,
            log_odds_of(config.neutral_confidence), log_odds_of(config.surest_confidence),
            config.miss, config.gain, config.correlation, log_odds_of(config.birth), config.moved,
            log_odds_of(config.floor), log_odds_of(config.ceiling), log_odds_of(config.confirm_at),
            log_odds_of(config.release_at), clutter.moved_widths, stand_s,
        )  # fmt: skip
        return weight, standing
    evidence = existence.bounded_evidence(frame.evidence, config)
    rows["hidden"][:old] = view.hidden
    hit = (match >= 0).nonzero()[0]
    d = match[hit]
    box = frame.cxcywh[d]
    away = np.add.reduce(np.abs(box[:, :2] - rows["start"][hit]), axis=1)
    moved = rows["moved"].copy()
    moved[hit] |= away > clutter.moved_widths * box[:, 2]

    before = existence.log_odds(rows["looks"] * fade, rows["support"] * fade, rows["moved"], config)
    share = np.full(len(rows), shares[0])
    share[:old] *= view.telling
    share[old:] = shares[1]
    share[hit[: np.searchsorted(hit, old)]] = shares[0]
    news = np.full(len(rows), -config.miss)
    news[hit] = existence.hit_evidence(evidence[d], against[d], config)
    looks, support = existence.counted(rows["looks"], rows["support"], fade, share, news)
    rows["looks"], rows["support"], rows["moved"] = looks, support, moved
    after = existence.log_odds(looks, support, moved, config)
    rows["log_odds"] = after
    weight[:] = after - before
    rows["confirmed"] = existence.confirm(after, rows["confirmed"], config)
    rows["hits"][hit] += 1
    rows["seen_s"][hit] = clock.now_s
    rows["found_s"][hit] = clock.looked_s
    standing[d] = (rows["seen_s"][hit] - rows["born_s"][hit] >= stand_s) & ~moved[hit]
    return weight, standing


def wait(rows: NDArray[np.void], dt_s: float, config: ExistenceConfig) -> None:
    """Let `dt_s` seconds pass in which nobody looks, in place; `rows` as in `believe`."""
    fade = existence.faded(dt_s, config)
    rows["looks"] *= fade
    rows["support"] *= fade
    rows["log_odds"] = existence.log_odds(rows["looks"], rows["support"], rows["moved"], config)
