"""What each part of the evidence model is worth, and how much better any other could be: a table.

    python scripts/benchmark_limit.py DATA [DATA ...] [--peer-results FILE] [--only parts|limit]
        [--together SET SET ... ]

DATA as in scripts/benchmark_quality.py. *Parts*: the default tracker with one part of the model
switched off. *Limit*: gradient-boosted trees on the whole history of each track (see
scripts/quality/history.py), in place of our `score`, on the same boxes:

- trained where it is tested, one model for all sets: what a strong learner reaches that knows the
  answers, and no formula that must hold elsewhere can come near;
- trained where it is tested, a model a set: the same of a formula fitted to each detector;
- trained on the other sets: what such a model is worth where it was not trained. Sets that show
  the same place count as one, if --together (repeatable) names them.

Each cell: gain in AP over the raw detections in points / false boxes over theirs at equal recall
(mean over the peers' operating points of --peer-results; without them, at the recall of the raw
detections of at least 0.5). Needs scikit-learn (extra dev).
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.quality import scores
from scripts.quality.comparison import compare
from scripts.quality.history import Histories, histories, told
from scripts.quality.running import sets_in
from tracker import (
    ClutterConfig,
    ConftrackError,
    DoublesConfig,
    ExistenceConfig,
    GroundConfig,
    MotionConfig,
    ScoreConfig,
    TrackerConfig,
)
from tracker.config import AssociationConfig
from tracker.evaluation import BoxSequence, evaluate

__all__ = ["PARTS", "main"]

FloatArray = NDArray[np.float64]

PARTS: dict[str, TrackerConfig] = {
    "the default": TrackerConfig(),
    "looks are independent (ρ = 0)": TrackerConfig(existence=ExistenceConfig(correlation=0.0)),
    "a hundred looks are one (ρ = 1)": TrackerConfig(existence=ExistenceConfig(correlation=1.0)),
    "every miss counts in full": TrackerConfig(existence=ExistenceConfig(hidden=0.0, small_px=1.0)),
    "moving is no evidence": TrackerConfig(existence=ExistenceConfig(moved=0.0)),
    "no map of standing clutter": TrackerConfig(clutter=ClutterConfig(enabled=False)),
    "height is no evidence": TrackerConfig(ground=GroundConfig(enabled=False)),
    "doubles are no evidence": TrackerConfig(doubles=DoublesConfig(weight=0.0)),
    "nobody chooses first": TrackerConfig(association=AssociationConfig(believed_existence=0.0)),
    "sizes wander as centres do": TrackerConfig(motion=MotionConfig(size_acceleration_ratio=1.0)),
    "existence and score may contradict": TrackerConfig(score=ScoreConfig(consistent=False)),
    "they meet at existence (0)": TrackerConfig(score=ScoreConfig(agreement=0.0)),
    "they meet at score (1)": TrackerConfig(score=ScoreConfig(agreement=1.0)),
}


@dataclass(frozen=True)
class Boxes:
    """All boxes of a set: their histories, and which are right (1), wrong (0), not judged (-1)."""

    data: scores.SetData
    sequences: list[Histories]
    right: list[NDArray[np.int8]]


Model = Callable[[FloatArray], FloatArray]


def boxes_of(folder: Path, config: TrackerConfig) -> Boxes:
    """Track all sequences of a set and judge every box."""
    data = scores.load(folder)
    sequences = [histories(recording, config) for recording in data.recordings]
    result = evaluate(
        truth=data.truths, tracks=[one.boxes for one in sequences], track_metrics=False
    )
    right = []
    for one in sequences:
        verdict = np.full(len(one.boxes), -1, np.int8)
        for part in result.parts:
            if part.sequence == one.boxes.name and part.tracks is not None:
                judged = part.tracks.judged
                rows = told(judged.boxes, one.boxes, np.arange(len(one.boxes))).astype(np.int64)
                verdict[rows] = np.where(judged.judged, judged.true, -1)
        right.append(verdict)
    return Boxes(data, sequences, right)


def cell(boxes: Boxes, scored: list[BoxSequence], peers: Mapping[str, Any]) -> str:
    """Gain and ratio of one method on one set."""
    truths = boxes.data.truths
    raw = evaluate(truth=truths, detections=boxes.data.detections, track_metrics=False).detections
    mine = evaluate(truth=truths, tracks=scored, track_metrics=False).tracks
    ratios = compare(mine.curve, raw.curve, peers)
    ratio = ratios["fp_over_raw"] if peers else ratios["fp_over_raw_strong"]
    shown = f"{ratio:.2f}" if isinstance(ratio, float) else "–"
    return f"{100 * (mine.boxes.ap - raw.boxes.ap):+.1f} / {shown}"


def learn(sets: list[Boxes], *, careful: bool = False) -> Model:
    """Fit trees to the verdicts on some sets."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = np.concatenate([one.columns for s in sets for one in s.sequences])
    right = np.concatenate([verdict for s in sets for verdict in s.right])
    kind = {"max_leaf_nodes": 15, "min_samples_leaf": 300} if careful else {}
    trees = HistGradientBoostingClassifier(
        max_iter=100 if careful else 200, learning_rate=0.08, random_state=0, **kind
    ).fit(columns[right >= 0], right[right >= 0])
    return lambda x: trees.predict_proba(x)[:, 1]


def rescored(boxes: Boxes, model: Model) -> list[BoxSequence]:
    """The same boxes with the model's probability."""
    return [
        replace(one.boxes, score=model(one.columns)) if len(one.boxes) else one.boxes
        for one in boxes.sequences
    ]


def limit(
    sets: dict[str, Boxes], together: list[list[str]]
) -> dict[str, dict[str, list[BoxSequence]]]:
    """The rows of the learners: for each the boxes of every set."""
    everything = learn(list(sets.values()))
    rows = {"learned where it is tested, all sets": {n: everything for n in sets}}
    rows["learned where it is tested, a set"] = {n: learn([s]) for n, s in sets.items()}
    shared = {n: {n}.union(*(group for group in together if n in group)) for n in sets}
    others = {n: [s for other, s in sets.items() if other not in shared[n]] for n in sets}
    if all(others.values()):
        rows["learned on other sets"] = {n: learn(s, careful=True) for n, s in others.items()}
    return {
        name: {n: rescored(sets[n], model) for n, model in models.items()}
        for name, models in rows.items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--peer-results", type=Path, help="results.json of benchmark_quality.py")
    parser.add_argument("--only", choices=("parts", "limit"), help="one of the two tables")
    parser.add_argument(
        "--together", nargs="+", metavar="SET", action="append", default=[],
        help="sets that show the same place",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        folders = sets_in(options.data)
        peers: dict[str, Any] = {folder.name: {} for folder in folders}
        if options.peer_results is not None:
            known = json.loads(options.peer_results.read_text(encoding="utf-8"))["sets"]
            peers = {folder.name: known[folder.name]["peers"] for folder in folders}
    except (ConftrackError, OSError, json.JSONDecodeError, KeyError) as error:
        print(f"benchmark_limit: {error}", file=sys.stderr)
        return 2
    names = [folder.name for folder in folders]
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True,
        check=False,
    ).stdout.strip()  # fmt: skip
    print(f"commit {commit or 'unknown'}\n\n| | {' | '.join(names)} |")
    print("|---|" + "---|" * len(names), flush=True)

    def row(name: str, cells: list[str]) -> None:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)

    plain = {f.name: boxes_of(f, TrackerConfig()) for f in folders}
    for name, config in PARTS.items():
        if options.only == "limit" and config != TrackerConfig():
            continue
        sets = (
            plain if config == TrackerConfig() else {f.name: boxes_of(f, config) for f in folders}
        )
        row(name, [cell(s, [h.boxes for h in s.sequences], peers[n]) for n, s in sets.items()])
    if options.only != "parts":
        for name, scored in limit(plain, options.together).items():
            row(name, [cell(plain[n], scored[n], peers[n]) for n in names])
    return 0


if __name__ == "__main__":
    sys.exit(main())
