"""How good the tracks would be if somebody knew one thing: a table of oracles.

    python scripts/benchmark_oracle.py DATA [DATA ...] [--peer-results FILE]
        [--recorded NAME DETECTIONS TRUTH]

DATA as in scripts/benchmark_quality.py; --recorded (repeatable) adds what `conftrack run --save
all` left of a video as a set, for instance `bundled runs/vtest/detections.jsonl gt.txt`. The tracks
are those of the default tracker, at once and smoothed. Each row but the first of both changes one
thing by the labels and leaves all others as they are:

- *which tracks are real*: those that show an object in less than half of their boxes have no score;
- *which boxes are right*: wrong ones have no score;
- *where objects are*: a box that overlaps an object by an IoU of at least 0.3 lies exactly on it;
- *who is who*: a right box has the identity of its object.

The last row is of the raw detections of at least 0.5, linked by somebody who knows who is who.

Each cell: gain in AP over the raw detections in points / false boxes over theirs at equal recall
(mean over the peers' operating points of --peer-results; without them, at the recall of the raw
detections of at least 0.5) / HOTA / IDF1 / false tracks for 1,000 frames at the recall of the peer
with the best HOTA.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.quality import methods, scores
from scripts.quality.comparison import best_peer, compare
from scripts.quality.running import sets_in
from scripts.track_detections import Recording
from tracker import ConftrackError, Detections, Tracks
from tracker.calibration.fitting import read_recordings
from tracker.evaluation import BoxSequence, evaluate
from tracker.evaluation.judging import JudgedBoxes, judge

__all__ = ["KNOWN", "boxes_of", "cell", "commit", "main", "recorded"]

# A score that comes after all others.
_LAST = 1e-6
# A box that overlaps an object by this much is meant for it.
_MEANT = 0.3
STRONG = scores.STRONG


def real_tracks(judged: JudgedBoxes) -> BoxSequence:
    """Tracks that are false have no score."""
    boxes = judged.boxes
    return replace(boxes, score=np.where(judged.track_is_real, 1.0, _LAST) * boxes.score)


def right_boxes(judged: JudgedBoxes) -> BoxSequence:
    """Boxes that are wrong have no score."""
    boxes = judged.boxes
    return replace(boxes, score=np.where(judged.true, 1.0, _LAST) * boxes.score)


def right_places(judged: JudgedBoxes) -> BoxSequence:
    """Boxes near an object lie on it."""
    near = judge(judged.boxes, judged.truth, min_iou=_MEANT)
    xyxy = near.boxes.xyxy.copy()
    xyxy[near.true] = judged.truth.xyxy[near.truth_row[near.true]]
    return replace(near.boxes, xyxy=xyxy)


def right_names(judged: JudgedBoxes) -> BoxSequence:
    """Right boxes have the identity of their object; no other box has one of these."""
    boxes = judged.boxes
    own = boxes.track_id - boxes.track_id.min(initial=0) + judged.truth.object_id.max(initial=0) + 1
    return replace(boxes, track_id=np.where(judged.true, judged.object_id, own))


KNOWN: dict[str, Callable[[JudgedBoxes], BoxSequence]] = {
    "": lambda judged: judged.boxes,
    "which tracks are real": real_tracks,
    "which boxes are right": right_boxes,
    "where objects are": right_places,
    "who is who": right_names,
}


def boxes_of(recording: Recording, tracks: Iterable[Tracks]) -> BoxSequence:
    """All boxes of a sequence as `scripts.benchmark_quality` judges them."""
    shown = [one[one.score > methods.NOTHING] for one in tracks]
    count = [len(one) for one in shown]
    return BoxSequence(
        name=recording.name,
        class_names=(),
        frame=np.repeat(np.arange(len(shown)), count),
        track_id=np.concatenate([one.track_id for one in shown]),
        xyxy=np.concatenate([one.xyxy for one in shown]),
        score=np.concatenate([one.score for one in shown]),
        existence=np.concatenate([one.existence for one in shown]),
        class_id=np.zeros(sum(count), np.int64),
        fps=recording.rate,
    )


def recorded(name: str, detections: str, truth: str) -> scores.SetData:
    """A set of what `conftrack run` saved of videos.

    Raises:
        InputError, OSError: As `tracker.calibration.fitting.read_recordings`.
    """
    found, _ = read_recordings(detections, truth)
    sequences = []
    for one in found:
        boxes, bounds = one.detections, np.arange(int(one.frames[-1]) + 2)
        at = np.searchsorted(boxes.frame, bounds)
        frames = [Detections(boxes.xyxy[a:b], boxes.score[a:b]) for a, b in pairwise(at.tolist())]
        # The labels of a video can say another rate than it has: its times are those of the video.
        rate = one.fps if one.times is None else (len(one) - 1) / (one.times[-1] - one.times[0])
        sequences.append(Recording(one.name, frames, float(rate), one.image_size))
    truths = [one.truth for one in found if one.truth is not None]
    return scores.SetData(name, sequences, truths, [one.detections for one in found])


def judged_of(data: scores.SetData, boxes: list[BoxSequence]) -> list[JudgedBoxes]:
    """The boxes with their verdicts, sequence by sequence."""
    result = evaluate(truth=data.truths, tracks=boxes, track_metrics=False)
    return [part.tracks.judged for part in result.parts if part.tracks is not None]


def cell(data: scores.SetData, boxes: list[BoxSequence], peers: Mapping[str, Any]) -> str:
    """The five figures of one row on one set."""
    result = evaluate(truth=data.truths, tracks=boxes, detections=data.detections, threshold=STRONG)
    mine, raw = result.tracks, result.detections
    assert mine.tracks is not None
    ratios = compare(mine.curve, raw.curve, peers)
    ratio = ratios["fp_over_raw"] if peers else ratios["fp_over_raw_strong"]
    best = best_peer(peers)
    at_true = peers[best]["true"] if best else None
    false = scores.false_tracks(data, result, mine.curve, at_true, "score")
    return " / ".join(
        [
            f"{100 * (mine.boxes.ap - raw.boxes.ap):+.1f}",
            f"{ratio:.2f}" if isinstance(ratio, float) else "–",
            f"{mine.tracks.hota:.3f}",
            f"{mine.tracks.idf1:.3f}",
            "–" if false is None else f"{false:.0f}",
        ]
    )


def linked(data: scores.SetData) -> list[BoxSequence]:
    """The raw detections of at least `STRONG` with the identities of the labels."""
    out = []
    for truth, boxes in zip(data.truths, data.detections, strict=True):
        strong = boxes.select(boxes.score >= STRONG)
        named = replace(strong, track_id=np.arange(len(strong)))
        out.append(right_names(judge(named, truth)))
    return out


def commit() -> str:
    """The commit of this clone, for the head of a table."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="*", help="sets, or folders of sets")
    parser.add_argument("--peer-results", type=Path, help="results.json of benchmark_quality.py")
    parser.add_argument(
        "--recorded", nargs=3, metavar=("NAME", "DETECTIONS", "TRUTH"), action="append",
        default=[], help="a set of what `conftrack run --save all` left",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        sets = [scores.load(folder) for folder in sets_in(options.data)]
        peers: dict[str, Any] = {one.name: {} for one in sets}
        if options.peer_results is not None:
            known = json.loads(options.peer_results.read_text(encoding="utf-8"))["sets"]
            peers = {one.name: known[one.name]["peers"] for one in sets}
        sets += [recorded(*three) for three in options.recorded]
    except (ConftrackError, OSError, json.JSONDecodeError, KeyError) as error:
        print(f"benchmark_oracle: {error}", file=sys.stderr)
        return 2
    names = [one.name for one in sets]
    print(f"commit {commit()}\n\n| | {' | '.join(names)} |")
    print("|---|" + "---|" * len(names), flush=True)

    def row(name: str, cells: Iterable[str]) -> None:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)

    ours = {"at once": partial(methods.fused, "evidence"), "smoothed": methods.smoothed}
    for kind, method in ours.items():
        judged = [judged_of(d, [boxes_of(r, method(r)) for r in d.recordings]) for d in sets]
        for what, change in KNOWN.items():
            changed = ([change(part) for part in parts] for parts in judged)
            row(
                f"{kind}, known: {what}" if what else kind,
                (cell(d, c, peers.get(d.name, {})) for d, c in zip(sets, changed, strict=True)),
            )
    row("detections, known: who is who", (cell(d, linked(d), peers.get(d.name, {})) for d in sets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
