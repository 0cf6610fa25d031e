"""The pass from future to past: boxes, existence and score of a frame, given all frames.

In come the tracks of a frame given its past, and those of the next frame given everything; out go
the tracks of the frame given everything. A track that has not begun yet has rows too, as far as
its existence reaches: its boxes are predicted back in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.config import TrackerConfig
from tracker.existence import log_odds_of, sigmoid
from tracker.motion import POS, VAR_POS, ConstantVelocity
from tracker.smoothing import evidence
from tracker.smoothing.evidence import Looks
from tracker.smoothing.forward import Filtered, moved
from tracker.smoothing.rts import shifted, smoothed
from tracker.warp import inverse

__all__ = ["Known", "stepped_back"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROW = np.dtype(
    [
        ("track", np.int64),
        ("support", np.float64),  # of the hits after this frame: see evidence.level
        ("looked_s", np.float64),  # N after this frame
        ("gain_s", np.float64),  # what this frame's hit adds to the support
        ("existence", np.float64),  # log-odds
        ("score", np.float64),  # log-odds
        ("first_s", np.float64),  # time of the first hit
        ("last_s", np.float64),  # time of the last hit of all
        ("next_s", np.float64),  # time of the next hit, this frame's included
        ("gap_s", np.float64),  # to the nearest hit in time
        ("reach_s", np.float64),  # how long before its first hit a track has boxes
        ("confidence", np.float64),
        ("hits", np.int32),
        ("misses", np.int32),
        ("detection", np.int32),
        ("believed", np.bool_),
        ("outside", np.bool_),  # before the first hit, or known to be after the last
    ]
)
_FROM_PAST = ("track", "gain_s", "first_s", "confidence", "hits", "misses", "detection")
_FROM_FUTURE = ("track", "first_s", "last_s", "next_s", "reach_s", "believed")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """N tracks of one frame, given all frames.

    Attributes:
        rows: (N,) structured, by ascending track.
        state: (N, 6, 4) smoothed states.
        look_s: Seconds that the look at this frame stands for.
    """

    rows: NDArray[np.void]
    state: FloatArray
    look_s: float

    @classmethod
    def nothing(cls) -> Known:
        """No tracks: what is known after the last frame."""
        return cls(np.zeros(0, _ROW), np.zeros((0, 6, 4)), 0.0)


def stepped_back(
    filtered: Filtered,
    after: Known,
    k: int,
    looks: Looks,
    *,
    model: ConstantVelocity,
    config: TrackerConfig,
    dt_s: float,
    warp: FloatArray | None = None,
    final: bool = False,
) -> Known:
    """What is known of frame `k`.

    Args:
        filtered: Its tracks, given the past.
        after: The tracks of the next frame, given all frames.
        k: Its place in `looks`.
        looks: The looks at all frames.
        model: The motion model.
        config: The model of the looks, and the thresholds of belief.
        dt_s: Seconds to the next frame.
        warp: (3, 3) how the camera moves to the next frame.
        final: No more will come: what was not found again never will be. Boxes after the last hit
            are then as those before the first: left out where the track is not believed, and
            lost where they are probably not right.
    """
    now_s, look_s = float(looks.now_s[k]), float(looks.look_s[k])
    past, future = filtered.rows, after.rows
    later, exact, parallax = after.state, after.state, np.zeros((len(future), 4))
    if warp is not None and len(later):
        back = inverse(warp)
        later = moved(after.state, back, model)
        exact = moved(after.state, back, ConstantVelocity(replace(model.config, parallax=0.0)))
        parallax = later[:, VAR_POS] - exact[:, VAR_POS]
    # Tracks here: those of the frame, then those that begin later and reach back to it.
    at = np.searchsorted(future["track"], past["track"])
    goes_on = at < len(future)
    goes_on[goes_on] = future["track"][at[goes_on]] == past["track"][goes_on]
    here, there = goes_on.nonzero()[0], at[goes_on]
    ahead = np.ones(len(future), np.bool_)
    ahead[there] = False
    ahead &= future["first_s"] - now_s <= future["reach_s"]
    n, begins = len(past), ahead.nonzero()[0]
    rows = np.zeros(n + len(begins), _ROW)
    state = np.concatenate([filtered.state, later[begins]])
    for name in _FROM_PAST:
        rows[name][:n] = past[name]
    rows["detection"][n:] = -1
    for name in _FROM_FUTURE:
        rows[name][here], rows[name][n:] = future[name][there], future[name][begins]

    ours = config.smoothing
    fade = evidence.fade(dt_s, ours)
    ours_too = np.concatenate([here, np.arange(n, len(rows))])
    theirs = np.concatenate([there, begins])
    rows["support"][ours_too] = fade * (future["support"] + future["gain_s"])[theirs]
    rows["looked_s"][ours_too] = fade * (future["looked_s"][theirs] + after.look_s)
    ended = (~goes_on).nonzero()[0]
    if len(ended):
        rows["last_s"][ended], rows["next_s"][ended] = past["last_s"][ended], np.inf
    # From the last hit on, as before the first, no more than the margin beyond it counts.
    over = ((rows["last_s"][:n] <= now_s) & (final | ~goes_on)).nonzero()[0]
    if len(over):
        rows["looked_s"][over] = looks.after(k, rows["last_s"][over] + ours.margin_s)
    inside = rows["last_s"][here] > now_s  # after its last hit a track has no future to learn from
    if inside.any():
        part, ahead_of = filtered.state[here[inside]], there[inside]
        # What the camera's motion leaves open is noise of the prediction, and not of the future.
        predicted = model.predict(part, dt_s)
        predicted[:, VAR_POS] += parallax[ahead_of]
        state[here[inside]] = smoothed(part, predicted, exact[ahead_of], dt_s)
    behind = np.zeros((len(rows), 2))
    behind[:n, 0], behind[:n, 1] = past["support"], past["looked_s"]
    if len(begins):
        state[n:] = shifted(state[n:], np.full(len(begins), -dt_s), model.config)
        since = rows["first_s"][n:] - ours.margin_s
        behind[n:, 1] = look_s + looks.before(k, since)

    level = evidence.level(rows["support"] + behind[:, 0], rows["looked_s"] + behind[:, 1], ours)
    _judge(rows, state, level, past, now_s, config, final)
    doubtful = rows["existence"] < log_odds_of(config.existence.release_at)
    doubtful[:n] &= final & (rows["last_s"][:n] < now_s)
    if doubtful.any():
        rows, state = rows[~doubtful], state[~doubtful]
    if len(begins) and n and (np.diff(rows["track"]) < 0).any():
        order = np.argsort(rows["track"])
        rows, state = rows[order], state[order]
    return Known(rows, state, look_s)


def _judge(
    rows: NDArray[np.void],
    state: FloatArray,
    level: FloatArray,
    past: NDArray[np.void],
    now_s: float,
    given: TrackerConfig,
    final: bool,
) -> None:
    """Existence, score and what follows from them, in place; `believed` comes from the future."""
    config = given.smoothing
    n = len(past)
    hit = rows["detection"] >= 0
    rows["existence"] = evidence.existence(level, config)
    spread = np.sqrt(state[:, VAR_POS, 0] + state[:, VAR_POS, 1])
    spread /= np.maximum(state[:, POS, 3], 1.0)
    before, after = now_s < rows["first_s"], now_s > rows["last_s"]
    rows["score"] = evidence.unseen_score(level, spread, before | after, config)
    rows["outside"] = before | (after & final)
    seen = hit.nonzero()[0]
    rows["score"][seen] = evidence.seen_score(level[seen], past["score"][seen], config)
    rows["next_s"][seen] = now_s
    rows["gap_s"] = rows["next_s"] - now_s
    rows["gap_s"][:n] = np.minimum(rows["gap_s"][:n], now_s - past["last_s"])
    confirm, release = given.existence.confirm_at, given.existence.release_at
    rows["believed"] &= rows["existence"] >= log_odds_of(release)
    rows["believed"] |= rows["existence"] >= log_odds_of(confirm)
    first = seen[rows["first_s"][seen] == now_s]
    rows["reach_s"][first] = config.reach_s * sigmoid(rows["existence"][first])
