"""What the machine believes of a track, and why, for a person who is to judge it.

In: a `Triage` and a track of it. Out: plain values: belief over time, at most a few hundred points,
and reasons in words, each with a sign: does it speak for a real object or against one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.review.clips import stretch
from tracker.review.triage import Triage

__all__ = ["class_name", "reasons", "series", "told"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_POINTS = 320
# From here on a reason speaks for an object, below the second against one.
_SHARE, _FEW = (0.6, 0.3), 5
_SURE = (0.6, 0.3)
_LONG_S, _SHORT_S = 3.0, 0.4
_GAP_S = 0.5
# In heights of the object.
_MOVED, _STOOD = 1.0, 0.25
_INSIDE, _OFTEN = 0.7, 0.5


def told(result: Triage, k: int, *, seconds: float = 3.0) -> dict[str, Any]:
    """All about one track.

    Args:
        result: The triage.
        k: Row of its `lives`.
        seconds: Length of clips.
    """
    run, lives = result.run, result.lives
    first, last = stretch(run, lives, k, seconds=seconds)
    return {
        "id": int(lives.track_id[k]),
        "class": class_name(result, int(lives.class_id[k])),
        "p": round(float(lives.probability[k]), 4),
        "first_s": round(float(run.timestamp_s[lives.first[k]]), 3),
        "last_s": round(float(run.timestamp_s[lives.last_seen[k]]), 3),
        "clip_s": [round(float(run.timestamp_s[p]), 3) for p in (first, last)],
        "series": series(result, k),
        "reasons": [{"sign": sign, "text": text} for sign, text in reasons(result, k)],
    }


def class_name(result: Triage, class_id: int) -> str:
    """Name of a class."""
    names = result.run.class_names
    return names[class_id] if class_id < len(names) else f"class {class_id}"


def series(result: Triage, k: int) -> dict[str, Any]:
    """Belief over time: `t`, `existence`, `score`, `confidence` (null where none) and `looks`.

    A long life is told in fewer points: the last belief, the strongest detection, and a hit where
    there was one. `looks` has a letter a point: `h`it, `m`iss, `n`obody looked.
    """
    run, rows = result.run, result.lives.rows(k)
    table, frames = run.tracks, run.tracks.frame[rows]
    looked = run.looked[frames]
    parts = np.array_split(np.arange(len(rows)), min(len(rows), _POINTS))
    ends = np.array([part[-1] for part in parts])
    confidence, looks = [], []
    for part in parts:
        sure = table.confidence[rows[part]]
        known = sure[~np.isnan(sure)]
        confidence.append(round(float(known.max()), 4) if len(known) else None)
        hit, looks_here = bool(table.seen[rows[part]].any()), bool(looked[part].any())
        looks.append("h" if hit else "m" if looks_here else "n")
    return {
        "t": run.timestamp_s[frames[ends]].round(3).tolist(),
        "existence": table.existence[rows[ends]].round(4).tolist(),
        "score": table.score[rows[ends]].round(4).tolist(),
        "confidence": confidence,
        "looks": "".join(looks),
    }


def reasons(result: Triage, k: int) -> list[tuple[str, str]]:
    """Why, in words: pairs of a sign (`+`, `-` or ``) and a text."""
    run, lives, rows = result.run, result.lives, result.lives.rows(k)
    table = run.tracks
    inside = rows[(table.frame[rows] >= lives.first[k]) & (table.frame[rows] <= lives.last_seen[k])]
    looks = int(run.looked[table.frame[inside]].sum())
    hits = int(lives.hits[k])
    lasted = float(run.timestamp_s[lives.last_seen[k]] - run.timestamp_s[lives.first[k]])
    found: list[tuple[str, str]] = []
    if hits < 2:
        found.append(("-", "seen in one frame only" if hits else "never detected here"))
    elif looks:
        share = hits / looks
        sign = _sign(share, *_SHARE) if looks >= _FEW else ""
        found.append((sign, f"detected in {hits} of {looks} looks ({share:.0%})"))
    found += _of_confidence(table.confidence[rows])
    if hits > 1:
        found.append((_sign(lasted, _LONG_S, _SHORT_S), f"seen over {_lasting(lasted)}"))
    gap = _longest_gap(run.timestamp_s[table.frame[rows[table.seen[rows]]]])
    if gap >= max(_GAP_S, 2 * run.period_s):
        found.append(("-", f"once not detected for {_lasting(gap)}"))
    if (confirmed := int(lives.confirmed[k])) >= 0:
        found.append(("+", f"confirmed from {run.timestamp_s[confirmed]:.1f} s on"))
    else:
        found.append(("-", "never confirmed"))
    found += _of_motion(table.xyxy[rows[table.seen[rows]]], lasted)
    found += _of_classes(result, table.class_id[rows])
    found += _of_neighbours(result, k, rows)
    return found


def _of_confidence(confidence: FloatArray) -> list[tuple[str, str]]:
    known = confidence[~np.isnan(confidence)]
    if not len(known):
        return []
    best, usual = float(known.max()), float(np.median(known))
    text = f"confidence {best:.2f}"
    if len(known) > 1:
        text += f" at best, {usual:.2f} usually"
    return [(_sign(usual, *_SURE), text)]


def _of_motion(boxes: FloatArray, lasted: float) -> list[tuple[str, str]]:
    """How far it came, in its own heights."""
    if len(boxes) < 2:
        return []
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    height = max(float(np.median(boxes[:, 3] - boxes[:, 1])), 1.0)
    moved = float(np.linalg.norm(centres - centres[0], axis=1).max()) / height
    if moved >= _MOVED:
        return [("+", f"moved by {moved:.1f} of its heights")]
    if moved < _STOOD and lasted >= _LONG_S:
        return [("", f"stood still for {_lasting(lasted)}")]
    return []


def _of_classes(result: Triage, class_id: IntArray) -> list[tuple[str, str]]:
    ids, counts = np.unique(class_id, return_counts=True)
    if len(ids) < 2:
        return []
    order = np.argsort(-counts, kind="stable")[:3]
    names = (
        f"{class_name(result, int(ids[i]))} {counts[i] / len(class_id):.0%}" for i in order.tolist()
    )
    return [("", f"called {', '.join(names)}")]


def _of_neighbours(result: Triage, k: int, rows: IntArray) -> list[tuple[str, str]]:
    """Whether it lies within the boxes of a track that is more probable: one object found twice."""
    run, lives = result.run, result.lives
    table, within = run.tracks, dict[int, int]()
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _POINTS).round().astype(np.int64))]
    for row in rows.tolist():
        frame = run.rows_of(int(table.frame[row]))
        box, others = table.xyxy[row], table.xyxy[frame]
        low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
        shared = np.prod(np.clip(high - low, 0.0, None), axis=1)
        area = float(np.prod(np.clip(box[2:] - box[:2], 0.0, None)))
        for other in lives.row_track[frame][shared > _INSIDE * area].tolist():
            if lives.probability[other] > lives.probability[k]:
                within[other] = within.get(other, 0) + 1
    if not within:
        return []
    most = max(within, key=lambda other: within[other])
    share = within[most] / len(rows)
    if share < _OFTEN:
        return []
    return [("-", f"lies inside track {int(lives.track_id[most])} in {share:.0%} of its frames")]


def _longest_gap(times: FloatArray) -> float:
    return float(np.diff(times).max()) if len(times) > 1 else 0.0


def _sign(value: float, good: float, bad: float) -> str:
    return "+" if value >= good else "-" if value < bad else ""


def _lasting(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds / 60:.1f} min"
