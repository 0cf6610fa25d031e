"""What `conftrack rank` and `conftrack triage` are worth, on labelled sequences: three tables.

    python scripts/measure_review.py DATA [DATA ...] [--share 0.05] [--write docs/review.md]

DATA is a set, or a folder of sets, in the layout of `scripts/benchmark_quality.py`. All sequences
of a set are ranked together, by smoothed tracks, as `conftrack run` leaves them of files.

The first table: the share of the detector's mistakes (false boxes and missed objects of its
detections of at least 0.5, by the rule of docs/evaluate.md) that lie in the best frames by each
ranking, how many frames that took, and the share of the objects to label in them. The second: how
true each number of a track is as the probability that it follows a real object, over whole tracks;
tracks as they are told at once, and smoothed. The third: what `conftrack triage` expects of its
default thresholds on the smoothed tracks, and what came true.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.quality.running import sets_in
from scripts.track_detections import read_recording
from tracker import ConftrackError, Tracker
from tracker.evaluation import (
    BoxSequence,
    TruthSequence,
    calibration,
    read_detections,
    read_truth,
)
from tracker.evaluation.judging import judge
from tracker.review.lives import Lives, lives_of
from tracker.review.ranking import RANKINGS, rank
from tracker.review.runs import Run, RunBuilder
from tracker.review.signals import STRONG
from tracker.review.triage import triage
from tracker.smoothing import Recorder, smooth

__all__ = ["main"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BEGIN, END = "<!-- {} -->\n", "<!-- /{} -->\n"
_DRAWS = 500


@dataclass(frozen=True)
class Labelled:
    """One sequence: its run, at once and smoothed, and what is true.

    Attributes:
        online: Tracks as they were told at once.
        smoothed: The same with the whole sequence known.
        truth: Of the one class.
        mistakes: (F,) false boxes and missed objects of strong detections in each frame.
        objects: (F,) objects to label in each frame.
        missed: (K, 2) frame and identity of each missed object.
    """

    online: Run
    smoothed: Run
    truth: TruthSequence
    mistakes: IntArray
    objects: IntArray
    missed: IntArray


def load(folder: Path) -> list[Labelled]:
    """Track all sequences of a set, and judge their detections."""
    truths = read_truth(folder)
    out = []
    for whole, found in zip(truths, read_detections(folder, truths), strict=True):
        truth = whole.of_class((whole.asked or whole.class_names)[0])
        online, smoothed = runs_of(folder / whole.name)
        frames = len(online)
        verdict = judge(found.select(found.score >= STRONG), truth)
        alone = np.ones(len(verdict.truth), np.bool_)
        alone[verdict.truth_row[verdict.true]] = False
        false = verdict.boxes.frame[verdict.judged & ~verdict.true]
        lost = verdict.truth.frame[alone]
        count = np.bincount(false, minlength=frames) + np.bincount(lost, minlength=frames)
        out.append(
            Labelled(
                online,
                smoothed,
                truth,
                count[:frames],
                np.bincount(verdict.truth.frame, minlength=frames)[:frames],
                np.column_stack([lost, verdict.truth.object_id[alone]]),
            )
        )
    return out


def runs_of(folder: Path) -> tuple[Run, Run]:
    """A sequence as `conftrack run --no-smooth` and as `conftrack run` would have left it."""
    recording = read_recording(folder)
    tracker, recorder = Tracker(), Recorder()
    online = RunBuilder(recording.name, class_names=("object",))
    for k, detections in enumerate(recording.frames):
        tracks = tracker.update(
            detections, timestamp_s=k / recording.rate, image_size=recording.image_size
        )
        recorder.add(detections, tracks)
        online.add(k, k / recording.rate, tracks, detections)
    smoothed = RunBuilder(recording.name, class_names=("object",), smoothing="whole")
    for k, (detections, tracks) in enumerate(zip(recording.frames, smooth(recorder), strict=True)):
        smoothed.add(k, k / recording.rate, tracks, detections)
    return online.build(), smoothed.build()


# -- frames ----------------------------------------------------------------------------------


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
    for _ in range(_DRAWS):
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


# -- tracks ----------------------------------------------------------------------------------


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
                of_kind.setdefault(name, []).append((c.ece, c.brier, c.log_loss, _auc(p, y)))
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


def _auc(p: FloatArray, y: NDArray[np.bool_]) -> float:
    """P(a real track is told above one that is not), ties counting half."""
    from scipy.stats import rankdata

    real = int(y.sum())
    above = rankdata(p)[y].sum() - real * (real + 1) / 2
    return float(above / max(real * (len(y) - real), 1))


# -- writing ---------------------------------------------------------------------------------


def written(page: str, name: str, text: str) -> str:
    """A page with a text between its marks of that name.

    Raises:
        ValueError: It has no such marks.
    """
    begin, end = BEGIN.format(name), END.format(name)
    before, first, rest = page.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"the page has no {begin.strip()} … {end.strip()}")
    return f"{before}{begin}{text}{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    command = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="sets, or folders of sets")
    parser.add_argument("--share", type=float, default=0.05, help="of the frames that is picked")
    parser.add_argument("--write", type=Path, help="put the tables into this page")
    options = parser.parse_args(arguments)
    try:
        sets = {folder.name: load(folder) for folder in sets_in(options.data)}
    except (ConftrackError, OSError) as error:
        print(f"measure_review: {error}", file=sys.stderr)
        return 2
    root = Path(__file__).resolve().parents[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
    ).stdout.strip()
    shown = shlex.join(["python", "scripts/measure_review.py", *map(str, command)])
    made = f"\nMade at commit {commit or 'unknown'} by `{shown}`.\n"
    tables = {"frames": frames_table(sets, options.share), "tracks": tracks_table(sets)}
    tables["triage"] = triage_table(sets)
    for name, text in tables.items():
        print(f"{text}{made}")
        if options.write is not None:
            page = options.write.read_text(encoding="utf-8")
            options.write.write_text(written(page, name, f"{text}{made}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
