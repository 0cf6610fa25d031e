"""How many of the detector's mistakes lie in the frames that each ranking picks.

In: labelled sequences. Out: a table, a row a ranking, and rows to compare with: frames with most
detections, random ones, and the best that the truth could pick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.review.labelled import Labelled
from tracker.review.ranking import RANKINGS, rank

__all__ = ["Found", "at_random", "best_possible", "found_in", "frames_table", "picked"]

DRAWS = 500


@dataclass(frozen=True)
class Found:
    """What lies in the frames that were picked, as shares of all of a set; and their own share."""

    frames: float
    mistakes: float
    boxes: float
    objects: float


def found_in(sequences: Sequence[Labelled], picks: Sequence[tuple[int, int]]) -> Found:
    """Shares of the mistakes, of the objects' boxes, and of the objects that are ever missed."""
    mistakes = sum(int(sequences[v].mistakes[p]) for v, p in picks)
    boxes = sum(int(sequences[v].objects[p]) for v, p in picks)
    chosen = set(picks)
    ever = {(v, i) for v, s in enumerate(sequences) for _, i in s.missed.tolist()}
    seen = {
        (v, i) for v, s in enumerate(sequences) for f, i in s.missed.tolist() if (v, f) in chosen
    }
    return Found(
        len(picks) / sum(len(s.mistakes) for s in sequences),
        mistakes / max(sum(int(s.mistakes.sum()) for s in sequences), 1),
        boxes / max(sum(int(s.objects.sum()) for s in sequences), 1),
        len(seen) / max(len(ever), 1),
    )


def picked(
    sequences: Sequence[Labelled], by: str, share: float, *, diverse: bool = False
) -> list[tuple[int, int]]:
    """The best frames of a set: (sequence, frame) of each."""
    runs = [s.smoothed for s in sequences]
    top = max(1, round(share * sum(map(len, runs))))
    picks = rank(runs, by, top=top, diverse=diverse).picks
    return [(pick.run, pick.position) for pick in picks]


def most_boxes(sequences: Sequence[Labelled], share: float) -> list[tuple[int, int]]:
    """The frames with most detections: what any sum over boxes has to be better than."""
    count = []
    for s in sequences:
        assert s.smoothed.detections is not None
        count.append(np.bincount(s.smoothed.detections.frame, minlength=len(s.smoothed)))
    places = [(v, p) for v, s in enumerate(sequences) for p in range(len(s.smoothed))]
    order = np.argsort(-np.concatenate(count), kind="stable")
    return [places[k] for k in order[: max(1, round(share * len(places)))].tolist()]


def at_random(sequences: Sequence[Labelled], share: float) -> tuple[Found, float]:
    """Means over draws, and how far 95 % of the draws are from it in mistakes at most."""
    rng = np.random.default_rng(0)
    places = [(v, p) for v, s in enumerate(sequences) for p in range(len(s.smoothed))]
    top = max(1, round(share * len(places)))
    all_found = []
    for _ in range(DRAWS):
        chosen = rng.choice(len(places), top, replace=False).tolist()
        all_found.append(found_in(sequences, [places[k] for k in chosen]))
    table = np.array([[f.frames, f.mistakes, f.boxes, f.objects] for f in all_found])
    away = float(np.quantile(np.abs(table[:, 1] - table[:, 1].mean()), 0.95))
    mean = table.mean(axis=0).tolist()
    return Found(*mean), away


def best_possible(sequences: Sequence[Labelled], share: float) -> list[tuple[int, int]]:
    """The frames with most mistakes, which only the truth knows."""
    places = [(v, p) for v, s in enumerate(sequences) for p in range(len(s.smoothed))]
    count = np.concatenate([s.mistakes for s in sequences])
    order = np.argsort(-count, kind="stable")
    return [places[k] for k in order[: max(1, round(share * len(places)))].tolist()]


def frames_table(sets: dict[str, list[Labelled]], share: float) -> str:
    """Shares of mistakes found, percent: a row a ranking, a column a set."""
    rows: list[tuple[str, list[Found], str]] = []
    for by in RANKINGS:
        rows.append((f"`{by}`", [found_in(s, picked(s, by, share)) for s in sets.values()], ""))
    by = "track-disagreement"
    diverse = [found_in(s, picked(s, by, share, diverse=True)) for s in sets.values()]
    rows.append((f"`{by} --diverse`", diverse, ""))
    most = [found_in(s, most_boxes(s, share)) for s in sets.values()]
    rows.append(("most detections", most, ""))
    drawn = [at_random(s, share) for s in sets.values()]
    spread = f" ± {100 * max(away for _, away in drawn):.1f}"
    rows.append(("random frames", [mean for mean, _ in drawn], spread))
    best = [found_in(s, best_possible(s, share)) for s in sets.values()]
    rows.append(("best possible", best, ""))
    names = [*sets, "mean", "frames", "objects to label", "different objects missed"]
    lines = ["ranked by | " + " | ".join(names), " | ".join(["---"] * (len(names) + 1))]
    for name, cells, after in rows:
        own = [f"{100 * c.mistakes:.1f}" for c in cells]
        means = [
            np.mean([getattr(c, k) for c in cells])
            for k in ("mistakes", "frames", "boxes", "objects")
        ]
        told = [f"{100 * m:.1f}" for m in means]
        told[0] = f"**{told[0]}**{after}"
        lines.append(" | ".join([name, *own, *told]))
    return "".join(f"| {line} |\n" for line in lines)
