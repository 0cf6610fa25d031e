"""How true existence and score could be told: attempts, oracles, and what is chance. Two tables.

    python scripts/benchmark_ece.py DATA [DATA ...] [--within]

DATA as in scripts/benchmark_quality.py. Each cell: calibration error (ECE) of score / of existence,
over all boxes of a set, as `conftrack evaluate` has it. With --within, one table of log-loss
instead, by which strengths may be chosen: of each sequence that is fitted on, told by the others
that are (sets of one sequence have none).

*Calibrated*: each sequence (of a single one: each half) is told by what the others of its set give.
Among the attempts, one configuration serves all sets. The oracles are fitted to the very boxes they
are judged on. Trees are gradient-boosted, on the whole history of each track (24 columns, see
scripts/quality/history.py). The last rows are chance: what a number shows that is true in every
bin, where other tracks of the same kind had come by (bootstrap over tracks; mean and 95 %).

*Not calibrated*: the default tracker, and oracles that tell it otherwise with one configuration for
all sets, each set counting alike. Needs scikit-learn (extra dev).
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.quality.running import sets_in
from scripts.quality.truth_of_numbers import (
    Attempt,
    Boxes,
    Fold,
    Told,
    adding,
    bent,
    boxes_of,
    ece,
    folds_of,
    isotonic,
    maps,
    noise,
    of_traces,
    trees,
)
from tracker import ConftrackError
from tracker.evaluation.calibration_error import calibration

__all__ = ["ATTEMPTS", "main"]

FloatArray = NDArray[np.float64]
Row = tuple[str, list[str]]

ATTEMPTS: dict[str, Attempt] = {
    "maps held by a fixed prior, existence raised to score": maps(1.0, None),
    "… held by a prior that 60 tracks loosen": maps(1.0, 60.0),
    "… and the two meet at 0.85": maps(0.85, 60.0),
    "… the two meet at 0.7": maps(0.7, 60.0),
    "… the prior is loosened by 10 tracks": maps(0.85, 10.0),
    "… by 30": maps(0.85, 30.0),
    "… by 120": maps(0.85, 120.0),
    "… and the age of the track is a covariate": adding(0),
    "… and the height of the box": adding(1),
    "bent lines, nearly free": bent(alike=False),
    "… every sequence counts alike": bent(alike=True),
    "isotonic regression": isotonic,
}
SHIPPED = "… and the two meet at 0.85"
STRENGTHS = list(ATTEMPTS)[:7]


def cell(told: Sequence[Told], boxes: Sequence[Boxes]) -> str:
    """Both errors of what is told of some boxes."""
    existence, score = (np.concatenate([one[k] for one in told]) for k in (0, 1))
    real, right = (np.concatenate([getattr(b, n) for b in boxes]) for n in ("real", "right"))
    return f"{ece(score, right):.3f} / {ece(existence, real):.3f}"


def attempted(
    sets: Mapping[str, list[Fold]], attempt: Attempt, *, on_judged: bool = False
) -> list[str]:
    """A row: each fold told by what the others give, or by what it gives itself."""
    row = []
    for folds in sets.values():
        told = [attempt(f.judged if on_judged else f.train)(f.judged) for f in folds]
        row.append(cell(told, [f.judged for f in folds]))
    return row


def whole_set(sets: Mapping[str, list[Fold]]) -> list[str]:
    """A row: each fold told by what all of the set gives, itself among it."""
    row = []
    for folds in sets.values():
        told = []
        for fold in folds:
            every = replace(fold.train, tracked=fold.train.tracked + fold.judged.tracked)
            told.append(maps(0.85, 60.0)(every)(fold.judged))
        row.append(cell(told, [f.judged for f in folds]))
    return row


def within(sets: Mapping[str, list[Fold]], attempt: Attempt) -> list[str]:
    """A row of log-loss: what is fitted on, each sequence told by the others of it."""
    row = []
    for folds in sets.values():
        total, count = np.zeros(2), 0
        for fold in folds:
            some = fold.train.tracked
            for k in range(len(some) if len(some) > 1 else 0):
                judged = of_traces(some[k : k + 1])
                existence, score = attempt(of_traces((*some[:k], *some[k + 1 :])))(judged)
                for place, p, y in ((0, score, judged.right), (1, existence, judged.real)):
                    total[place] += calibration(p, y > 0.5).log_loss * len(p)
                count += len(judged.real)
        row.append(" / ".join(f"{one:.4f}" for one in total / count) if count else "–")
    return row


def by_chance(sets: Mapping[str, list[Fold]]) -> list[Row]:
    """What a true number shows: mean, and 95 %."""
    means, most = [], []
    for folds in sets.values():
        told = [ATTEMPTS[SHIPPED](f.train)(f.judged) for f in folds]
        judged = [f.judged for f in folds]
        cluster = np.concatenate([b.cluster + (k << 50) for k, b in enumerate(judged)])
        found = []
        for k, name in ((1, "right"), (0, "real")):
            outcome = np.concatenate([getattr(b, name) for b in judged])
            found.append(noise(np.concatenate([t[k] for t in told]), outcome, cluster))
        means.append(" / ".join(f"{one[0]:.3f}" for one in found))
        most.append(" / ".join(f"{one[1]:.3f}" for one in found))
    return [("a number that is true, mean", means), ("a number that is true, 95 %", most)]


def by_trees(boxes: Mapping[str, Boxes]) -> list[Row]:
    """Trees a set: learned on the other parts, and where they are judged."""
    apart, same = [], []
    for one in boxes.values():
        parts = [one.select(one.part == k) for k in range(int(one.part.max()) + 1)]
        told = [
            trees(one.select((one.part != k) & (one.part >= 0)))(p) for k, p in enumerate(parts)
        ]
        apart.append(cell(told, parts))
        same.append(cell([trees(one)(one)], [one]))
    return [("trees on the whole history", apart), ("oracle: the trees, on what is judged", same)]


def defaults(boxes: Mapping[str, Boxes]) -> list[Row]:
    """The rows of the second table."""
    sets = list(boxes.values())
    every = _alike(sets)
    rows: list[Row] = [("as it is told", [cell([_as_told(b)], [b]) for b in sets])]
    for name, attempt in (
        ("oracle: one bent line for all sets, on all of them", bent(alike=True)),
        ("oracle: one rising curve for all sets, on all of them", isotonic),
        ("oracle: the same trees for all sets, on all of them", trees),
    ):
        tell: Callable[[Boxes], Told] = attempt(every)
        rows.append((name, [cell([tell(b)], [b]) for b in sets]))
    for name, attempt in (("bent line", bent(alike=False)), ("rising curve", isotonic)):
        rows.append((f"oracle: a {name} a set", [cell([attempt(b)(b)], [b]) for b in sets]))
    return rows


def _as_told(boxes: Boxes) -> Told:
    return special.expit(boxes.existence), special.expit(boxes.score)


def _alike(sets: Sequence[Boxes]) -> Boxes:
    """Boxes of all sets, of each as many: those of large sets are thinned out evenly."""
    least = min(len(one.real) for one in sets)
    rng, parts = np.random.default_rng(0), []
    for k, one in enumerate(sets):
        kept = np.zeros(len(one.real), np.bool_)
        kept[rng.choice(len(kept), least, replace=False)] = True
        some = one.select(kept)
        parts.append(replace(some, part=np.full(least, k), cluster=some.cluster + (k << 50)))
    names = (
        "existence", "score", "seen", "columns", "real", "right", "cluster", "stretch", "part"
    )  # fmt: skip
    return Boxes(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _print(head: str, names: Sequence[str], rows: Sequence[Row]) -> None:
    print(f"| {head} | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print()


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--within", action="store_true", help="log-loss within what is fitted on")
    options = parser.parse_args(arguments)
    try:
        folders = sets_in(options.data)
        sets = {folder.name: folds_of(folder) for folder in folders}
    except (ConftrackError, OSError) as error:
        print(f"benchmark_ece: {error}", file=sys.stderr)
        return 2
    if options.within:
        rows = [(name, within(sets, ATTEMPTS[name])) for name in STRENGTHS]
        _print("log-loss within", list(sets), rows)
        return 0
    boxes = {folder.name: boxes_of(folder) for folder in folders}
    learned, known = by_trees(boxes)
    rows = [(name, attempted(sets, attempt)) for name, attempt in ATTEMPTS.items()]
    rows += [learned]
    rows += [("oracle: the maps, on all of the set", whole_set(sets))]
    rows += [
        (
            "oracle: the maps, on each sequence itself",
            attempted(sets, maps(0.85, 60.0), on_judged=True),
        )
    ]
    rows += [known, *by_chance(sets)]
    _print("calibrated", list(sets), rows)
    _print("not calibrated", list(sets), defaults(boxes))
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True,
        check=False,
    ).stdout.strip()  # fmt: skip
    line = shlex.join(["python", "scripts/benchmark_ece.py", *map(str, command)])
    print(f"Made at commit {commit or 'unknown'} by `{line}`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
