"""What only a tracker can know of a frame: where the detector is likely wrong, and why.

In: a `Run` and its `Lives`. Out: one number a frame and signal, the highest first to label. A
detector sees one frame; the tracker knows what became of each box. With P the probability of a
track when the run is over (`Lives.probability`), and a detection *strong* at a confidence of at
least `strong` (where no detections were recorded: at a `score` of at least that):

| name | of a frame |
|---|---|
| `track-disagreement` | expected number of the detector's mistakes: over all track boxes, 1 − P for a strong detection (it dies), P for a weak one, min(P, score) for none (a track with a miss) |
| `existence-entropy` | Σ over tracks of the entropy of `existence`, −e log₂ e − (1−e) log₂ (1−e), bits |
| `hard-positives` | Σ P over the weak detections that a track confirmed at some time begins with, up to its first strong one |
| `hard-negatives` | Σ confidence · (1 − P) over detections of tracks seen for at least 1 s and never confirmed: long-suppressed clutter |
| `switches` | confirmed tracks that change their class here, or begin here within one height of where another, unseen for at most 2 s, was or is believed to be |

All begin at 0 and have no upper end. A frame nobody looked at has 0.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.review.lives import Lives
from tracker.review.runs import Run

__all__ = ["SIGNALS", "Reasons", "reasons", "signal"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

STRONG = 0.5
_LEAST = 1e-12
_LONG_S = 1.0
_SWITCH_S = 2.0
_REACH_HEIGHTS = 1.0


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a frame is worth a look: ids of the tracks that each reason is about.

    Attributes:
        missed: Probably real, without a strong detection here.
        doubtful: A strong detection here, and probably not real.
        hard_positives: Begins here with weak detections, and is confirmed at some time.
        hard_negatives: Clutter that has been suppressed for long.
        switches: Begins where another ended, or changes its class.
    """

    missed: tuple[int, ...]
    doubtful: tuple[int, ...]
    hard_positives: tuple[int, ...]
    hard_negatives: tuple[int, ...]
    switches: tuple[int, ...]


def signal(name: str, run: Run, lives: Lives, *, strong: float = STRONG) -> FloatArray:
    """One signal for every frame.

    Args:
        name: Of `SIGNALS`.
        run: The run.
        lives: Of the same run.
        strong: Confidence from which the detector by itself would report a box.

    Returns:
        (F,) values, higher first.
    """
    rows, worth = SIGNALS[name](run, lives, strong)
    total = np.bincount(run.tracks.frame[rows], worth, len(run)).astype(np.float64)
    return np.where(run.looked, total, 0.0)


def reasons(
    run: Run,
    lives: Lives,
    positions: Sequence[int],
    *,
    strong: float = STRONG,
    least: float = 0.5,
) -> list[Reasons]:
    """Which tracks make frames worth a look.

    Args:
        run: The run.
        lives: Of the same run.
        positions: Of the frames.
        strong: As for `signal`.
        least: Probability from which a track is probably real.

    Returns:
        One for each position; a frame that nobody looked at has none.
    """
    rows = run.tracks
    sure = _strong(run, strong)
    masks = {
        "missed": ~sure & (_there(run, lives) >= least),
        "doubtful": sure & (lives.probability[lives.row_track] < least),
    }
    for name in ("hard-positives", "hard-negatives", "switches"):
        chosen, worth = SIGNALS[name](run, lives, strong)
        mask = np.zeros(len(rows), np.bool_)
        mask[chosen[worth > 0]] = True
        masks[name.replace("-", "_")] = mask
    out = []
    for position in positions:
        here = run.rows_of(position)
        looked = bool(run.looked[position])
        out.append(
            Reasons(
                **{
                    name: tuple(rows.track_id[here][mask[here]].tolist()) if looked else ()
                    for name, mask in masks.items()
                }
            )
        )
    return out


def _strong(run: Run, strong: float) -> BoolArray:
    """(N,) whether the detector by itself would have reported the box of each row."""
    rows = run.tracks
    if run.detections is None:
        return rows.seen & (rows.score >= strong)
    # Comparisons with NaN are false: a row without a detection has none.
    return np.nan_to_num(rows.confidence, nan=-1.0) >= strong


def _there(run: Run, lives: Lives) -> FloatArray:
    """(N,) P(an object is in the box), with the whole run known."""
    rows, p = run.tracks, lives.probability[lives.row_track]
    return np.where(rows.seen, p, np.minimum(p, rows.score))


def _disagreement(run: Run, lives: Lives, strong: float) -> tuple[IntArray, FloatArray]:
    p = lives.probability[lives.row_track]
    worth = np.where(_strong(run, strong), 1.0 - p, _there(run, lives))
    return np.arange(len(run.tracks)), worth


def _existence_entropy(run: Run, lives: Lives, strong: float) -> tuple[IntArray, FloatArray]:
    e = np.clip(run.tracks.existence, _LEAST, 1.0 - _LEAST)
    return np.arange(len(e)), -e * np.log2(e) - (1.0 - e) * np.log2(1.0 - e)


def _hard_positives(run: Run, lives: Lives, strong: float) -> tuple[IntArray, FloatArray]:
    rows, track = run.tracks, lives.row_track
    sure = _strong(run, strong)
    begin = np.full(len(lives), len(run))
    np.minimum.at(begin, track[sure], rows.frame[sure])
    early = rows.seen & ~sure & (rows.frame < begin[track]) & (lives.confirmed[track] >= 0)
    chosen = np.flatnonzero(early)
    return chosen, lives.probability[track[chosen]]


def _hard_negatives(run: Run, lives: Lives, strong: float) -> tuple[IntArray, FloatArray]:
    rows, track = run.tracks, lives.row_track
    seen_s = run.timestamp_s[lives.last_seen] - run.timestamp_s[lives.first]
    clutter = (lives.confirmed < 0) & (seen_s >= _LONG_S)
    chosen = np.flatnonzero(rows.seen & clutter[track])
    told = rows.score if run.detections is None else np.nan_to_num(rows.confidence)
    return chosen, told[chosen] * (1.0 - lives.probability[track[chosen]])


def _switches(run: Run, lives: Lives, strong: float) -> tuple[IntArray, FloatArray]:
    rows, track = run.tracks, lives.row_track
    found: list[int] = []
    ever = np.flatnonzero(lives.confirmed >= 0)
    by_track = np.argsort(track, kind="stable")  # rows of a track together, in the order of time
    start = np.searchsorted(track[by_track], np.arange(len(lives) + 1))
    for k in ever.tolist():
        mine = by_track[start[k] : start[k + 1]]
        born = mine[rows.seen[mine]][:1]
        believed = mine[rows.believed[mine]]
        changed = rows.class_id[believed][1:] != rows.class_id[believed][:-1]
        found += believed[1:][changed].tolist()
        since = np.searchsorted(run.timestamp_s, run.timestamp_s[lives.first[k]] - _SWITCH_S)
        others = ever[(lives.first[ever] < lives.first[k]) & (lives.last[ever] >= since)]
        if len(born) and any(
            _took_over(run, int(born[0]), by_track[start[a] : start[a + 1]])
            for a in others.tolist()
        ):
            found.append(int(born[0]))
    chosen = np.unique(np.array(found, np.int64))
    return chosen, np.ones(len(chosen))


def _took_over(run: Run, born: int, other: IntArray) -> bool:
    """Whether a track that begins with row `born` stands where another was lost from sight.

    Args:
        run: The run.
        born: Row of the first detection of the one.
        other: (R,) rows of the other, in the order of time.
    """
    rows, now = run.tracks, int(run.tracks.frame[born])
    before = other[: np.searchsorted(rows.frame[other], now, side="right")]
    if not len(before) or (rows.frame[before[-1]] == now and rows.seen[before[-1]]):
        return False
    seen = before[rows.seen[before]]
    if not len(seen):
        return False
    gap_s = run.timestamp_s[now] - run.timestamp_s[rows.frame[seen[-1]]]
    if gap_s > _SWITCH_S:
        return False
    here, there = rows.xyxy[born], rows.xyxy[before[-1]]
    apart = np.hypot(*((here[:2] + here[2:] - there[:2] - there[2:]) / 2))
    return bool(apart <= _REACH_HEIGHTS * (here[3] - here[1]))


SIGNALS: dict[str, Callable[[Run, Lives, float], tuple[IntArray, FloatArray]]] = {
    "track-disagreement": _disagreement,
    "existence-entropy": _existence_entropy,
    "hard-positives": _hard_positives,
    "hard-negatives": _hard_negatives,
    "switches": _switches,
}
