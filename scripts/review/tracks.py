"""How true the numbers of whole tracks are, and what triage makes of them.

In: labelled sequences. Out: two tables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scripts.review.labelled import Labelled
from tracker.evaluation import BoxSequence, TruthSequence, calibration
from tracker.evaluation.judging import judge
from tracker.review.lives import Lives, lives_of
from tracker.review.runs import Run
from tracker.review.triage import triage

__all__ = ["auc", "numbers_of", "real_tracks", "tracks_table", "triage_table"]

FloatArray = NDArray[np.float64]


def numbers_of(run: Run, lives: Lives) -> dict[str, FloatArray]:
    """Everything that could serve as the probability of each track."""
    rows, track, k = run.tracks, lives.row_track, len(lives)
    seen = rows.seen
    hits = np.maximum(np.bincount(track[seen], minlength=k), 1)
    last, last_seen, best = np.zeros(k), np.zeros(k), np.zeros(k)
    last[track], last_seen[track[seen]] = rows.existence, rows.existence[seen]
    np.maximum.at(best, track, rows.score)
    return {
        "greatest existence": lives.existence,
        "last existence": last,
        "existence at the last detection": last_seen,
        "mean existence": np.bincount(track, rows.existence, k) / lives.boxes,
        "mean existence of detected boxes": np.bincount(track[seen], rows.existence[seen], k)
        / hits,
        "greatest score": best,
        "mean score": np.bincount(track, rows.score, k) / lives.boxes,
        "mean score of detected boxes": np.bincount(track[seen], rows.score[seen], k) / hits,
    }


def real_tracks(run: Run, lives: Lives, truth: TruthSequence) -> tuple[NDArray[np.bool_], ...]:
    """Which tracks follow a real object, and which are judged at all."""
    rows = run.tracks
    boxes = BoxSequence(
        run.name,
        (),
        run.frame[rows.frame],
        rows.track_id,
        rows.xyxy,
        rows.score,
        rows.existence,
        np.zeros(len(rows), np.int64),
    )
    verdict = judge(boxes, truth)
    k = len(lives)
    right = np.bincount(lives.row_track, verdict.true, k)
    judged = np.bincount(lives.row_track, verdict.judged, k)
    return right >= 0.5 * judged, judged > 0


def tracks_table(sets: dict[str, list[Labelled]]) -> str:
    """How true each number is, means over sets: at once and smoothed."""
    columns: list[dict[str, list[tuple[float, ...]]]] = []
    kinds: list[Callable[[Labelled], Run]] = [lambda s: s.online, lambda s: s.smoothed]
    for kind in kinds:
        of_kind: dict[str, list[tuple[float, ...]]] = {}
        for sequences in sets.values():
            told: dict[str, list[FloatArray]] = {}
            real = []
            for s in sequences:
                run = kind(s)
                lives = lives_of(run)
                right, judged = real_tracks(run, lives, s.truth)
                real.append(right[judged])
                for name, values in numbers_of(run, lives).items():
                    told.setdefault(name, []).append(values[judged])
            y = np.concatenate(real)
            for name, parts in told.items():
                p = np.concatenate(parts)
                c = calibration(p, y)
                of_kind.setdefault(name, []).append((c.ece, c.brier, c.log_loss, auc(p, y)))
        columns.append(of_kind)
    head = ["ECE", "Brier", "log-loss", "AUC"]
    lines = [
        " | ".join(["of a track", *head, *(f"smoothed: {h}" for h in head)]),
        " | ".join(["---"] * 9),
    ]
    for name in columns[0]:
        cells = [f"{v:.3f}" for of_kind in columns for v in np.mean(of_kind[name], axis=0)]
        lines.append(" | ".join([name, *cells]))
    return "".join(f"| {line} |\n" for line in lines)


def triage_table(sets: dict[str, list[Labelled]]) -> str:
    """What triage at its default thresholds expects, and what is true: a row a set."""
    head = [
        "set", "yes", "false among them: expected", "true", "maybe", "real among them: expected",
        "true", "no", "real among them: expected", "true",
    ]  # fmt: skip
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for name, sequences in sets.items():
        probability, verdict, real = [], [], []
        for s in sequences:
            result = triage(s.smoothed)
            right, judged = real_tracks(s.smoothed, result.lives, s.truth)
            probability.append(result.lives.probability[judged])
            verdict.append(np.array(result.verdict)[judged])
            real.append(right[judged])
        p, told, y = (np.concatenate(parts) for parts in (probability, verdict, real))
        cells = [name]
        for one in ("yes", "maybe", "no"):
            mine = told == one
            wanted, came = (1.0 - p, ~y) if one == "yes" else (p, y)
            cells += [str(mine.sum()), f"{wanted[mine].sum():.1f}", str(came[mine].sum())]
        lines.append(" | ".join(cells))
    return "".join(f"| {line} |\n" for line in lines)


def auc(p: FloatArray, y: NDArray[np.bool_]) -> float:
    """P(a real track is told above one that is not), ties counting half."""
    from scipy.stats import rankdata

    real = int(y.sum())
    above = rankdata(p)[y].sum() - real * (real + 1) / 2
    return float(above / max(real * (len(y) - real), 1))
