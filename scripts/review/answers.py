"""What a calibration is worth that was learned from answers to some tracks: simulated reviewers.

In: labelled sequences. Out: a table. For each part of a set, tracks of the other parts are asked
about as `conftrack review` does, answers are those of the truth, and what is fitted to them is
judged on the part with all of its truth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.review.tracks import real_tracks
from tracker import Detections, Tracker, TrackerConfig
from tracker.calibration import Calibration
from tracker.calibration.fitting import (
    Answered,
    Labels,
    Recording,
    Trace,
    by_answers,
    by_mixture,
    by_truth,
    fit,
    folds,
    label,
    read_recordings,
    trace,
)
from tracker.calibration.fitting.fit import Labeller, Tracked
from tracker.calibration.fitting.logistic import LABELS
from tracker.calibration.fitting.telling import seen_afterwards
from tracker.evaluation import calibration
from tracker.evaluation.partial import partial
from tracker.review.answered import answered_of
from tracker.review.answers import Asked
from tracker.review.consensus import Consensus
from tracker.review.lives import lives_of
from tracker.review.questions import questions
from tracker.review.reading import RunBuilder
from tracker.review.runs import Run
from tracker.review.triage import triage
from tracker.smoothing import Recorder, smooth

__all__ = [
    "Reviewed",
    "answers_table",
    "asked_of",
    "figures_of",
    "judged_table",
    "load",
    "naive",
    "taught",
]

BoolArray = NDArray[np.bool_]
CONFIG = TrackerConfig()
NUMBERS = (25, 50, 100)
AUDITED = 0.2
AUDITS, DRAWS = 20, 20
# Parts of a set at most; and the fits that smoothed tracks are judged with, too.
PARTS = 3
SMOOTHED = ("none", "50 answers", "all labels")


@dataclass(frozen=True)
class Reviewed:
    """One sequence: its recording, the run a person sees, which of its tracks are real."""

    recording: Recording
    run: Run
    real: BoolArray
    judged: BoolArray
    found: Trace
    labels: Labels


def load(folder: Path) -> list[list[Reviewed]]:
    """The parts of a set, each judged by what was fitted on the others."""
    recordings, _ = read_recordings(None, folder)
    return [[_prepared(one) for one in part] for part in folds(recordings, PARTS)]


def _prepared(recording: Recording) -> Reviewed:
    run = smoothed_run(recording)
    assert recording.truth is not None
    truth = recording.truth.of_class((recording.truth.asked or recording.truth.class_names)[0])
    real, judged = real_tracks(run, lives_of(run), truth)
    found = trace(recording, CONFIG)
    return Reviewed(recording, run, real, judged, found, label(recording, found))


def smoothed_run(recording: Recording) -> Run:
    """A sequence as `conftrack run` would have left it."""
    tracker, recorder = Tracker(CONFIG), Recorder()
    boxes = recording.detections
    given = []
    for k, time in zip(recording.frames.tolist(), recording.timestamp_s.tolist(), strict=True):
        here = boxes.frame == k
        given.append(Detections(boxes.xyxy[here], boxes.score[here], boxes.class_id[here]))
        tracks = tracker.update(given[-1], timestamp_s=time, image_size=recording.image_size)
        recorder.add(given[-1], tracks)
    builder = RunBuilder(recording.name, class_names=("object",), smoothing="whole")
    for k, time, seen, tracks in zip(
        recording.frames.tolist(),
        recording.timestamp_s.tolist(),
        given,
        smooth(recorder, CONFIG),
        strict=True,
    ):
        builder.add(k, time, tracks, seen)
    return builder.build()


def asked_of(
    sequences: Sequence[Reviewed], number: int, audits: float, seed: int
) -> list[list[Consensus]]:
    """Answers by the truth: to the most valuable maybes of all runs, and to tracks at random.

    Args:
        sequences: Whose runs are reviewed together.
        number: Answers in all; fewer where there are fewer maybes.
        audits: Share of them that is drawn from the piles of yes and of no, half from each.
        seed: Of the draws.
    """
    results = [triage(one.run) for one in sequences]
    number_of_audits = round(number * audits)
    queue = [
        (-float(result.value[k]), v, k) for v, result in enumerate(results) for k in result.queue
    ]
    asked: list[tuple[int, int, Asked, float]] = [
        (v, k, "maybe", 1.0) for _, v, k in sorted(queue)[: number - number_of_audits]
    ]
    rng = np.random.default_rng(seed)
    for verdict in ("yes", "no"):
        pile = [
            (v, k)
            for v, result in enumerate(results)
            for k, told in enumerate(result.verdict)
            if told == verdict
        ]
        drawn = min(number_of_audits // 2, len(pile))
        for i in rng.choice(len(pile), drawn, replace=False).tolist() if drawn else []:
            asked.append((*pile[i], "audit", drawn / len(pile)))
    out: list[list[Consensus]] = [[] for _ in sequences]
    for v, k, why, inclusion in asked:
        one, lives = sequences[v], results[v].lives
        if one.judged[k]:  # a reviewer would be unsure of others, such as people on posters
            yes = bool(one.real[k])
            track, p = int(lives.track_id[k]), float(lives.probability[k])
            said = "yes" if yes else "no"
            out[v].append(Consensus(track, said, None, yes, not yes, 0, p, why, inclusion))
    return out


def naive(pairs: Sequence[tuple[Recording, Answered]]) -> Labeller:
    """A labeller that takes the answered tracks for all there are."""
    corrected = by_answers(pairs)

    def labels(recordings: Sequence[Recording], traces: Sequence[Trace]) -> list[Labels]:
        out = []
        for told, found in zip(corrected(recordings, traces), traces, strict=True):
            # What was answered is certain, and nothing else is.
            known = (told.real == 0.0) | (told.real == 1.0)
            mine = np.isin(told.detected.cluster, np.unique(found.track_id[known]))
            few = told.detected.select(mine)
            out.append(replace(told, counts=known, detected=few, trust=LABELS, boxes=None))
        return out

    return labels


def figures_of(
    parts: Sequence[Sequence[Reviewed]],
    label_of: Callable[[int], Labeller | None],
    smoothed: bool = False,
) -> list[float]:
    """ECE and log-loss of score and existence: at once, then of smoothed tracks (else NaN)."""
    at_once: list[list[NDArray[np.generic]]] = []
    after: list[list[NDArray[np.generic]]] = []
    for j, part in enumerate(parts):
        others = [one for i, some in enumerate(parts) if i != j for one in some]
        labeller = label_of(j)
        fitted = Calibration()
        if labeller is not None:
            recordings, found = [o.recording for o in others], [o.found for o in others]
            first = [
                Tracked(*one)
                for one in zip(recordings, found, labeller(recordings, found), strict=True)
            ]
            fitted = fit(recordings, labeller, CONFIG, first=first, afterwards=smoothed)
        for one in part:
            found_, told = one.found, one.labels
            if labeller is not None:
                found_ = trace(one.recording, CONFIG, fitted)
                told = label(one.recording, found_)
            at_once.append(_columns(found_, told))
            if smoothed:
                later = seen_afterwards(one.recording, CONFIG, fitted)
                after.append(_columns(later, label(one.recording, later)))
    out = []
    for rows in (at_once, after):
        if not rows:
            out += [float("nan")] * 4
            continue
        score, right, existence, real = (np.concatenate(c) for c in zip(*rows, strict=True))
        for told_, true in ((score, right), (existence, real)):
            one_ = calibration(told_, true)
            out += [one_.ece, one_.log_loss]
    return out


def _columns(found: Trace, labels: Labels) -> list[NDArray[np.generic]]:
    m = labels.counts
    return [found.score[m], labels.right[m], found.existence[m], labels.real[m]]


def taught(
    parts: Sequence[Sequence[Reviewed]],
    number: int,
    audits: float,
    kind: Callable[[Sequence[tuple[Recording, Answered]]], Labeller],
) -> Callable[[int], Labeller]:
    """What makes, for each part, a labeller from answers about the others."""

    def make(j: int) -> Labeller:
        others = [one for i, some in enumerate(parts) if i != j for one in some]
        together = asked_of(others, number, audits, seed=j)
        return kind(
            [
                (one.recording, answered_of(one.run, said, one.recording))
                for one, said in zip(others, together, strict=True)
            ]
        )

    return make


def _rows(parts: Sequence[Sequence[Reviewed]], what: str) -> dict[str, list[float]]:
    """Name of a fit -> its figures."""
    fits: dict[str, Callable[[int], Labeller | None]] = {
        "none": lambda _: None,
        "without labels": lambda _: by_mixture,
    }
    for number in NUMBERS:
        fits[f"{number} answers, naive"] = taught(parts, number, 0.0, naive)
        fits[f"{number} answers"] = taught(parts, number, 0.0, by_answers)
        fits[f"{number} answers, a fifth audits"] = taught(parts, number, AUDITED, by_answers)
    fits["all labels"] = lambda _: by_truth()
    rows = {}
    for name, label_of in fits.items():
        rows[name] = figures_of(parts, label_of, name in SMOOTHED)
        print(f"{what}: {name}", file=sys.stderr, flush=True)
    return rows


def _measured(folder: Path) -> dict[str, list[float]]:
    return _rows(load(folder), folder.name)


def answers_table(folders: Sequence[Path]) -> str:
    """ECE of score and existence by fit and set, and means; then log-loss and smoothed tracks."""
    with ProcessPoolExecutor(min(2, len(folders)), get_context("spawn")) as pool:
        measured = list(pool.map(_measured, folders))
    sets = dict(zip((folder.name for folder in folders), measured, strict=True))
    head = ["fitted to", *sets, "mean ECE", "mean log-loss", "smoothed: mean ECE", "mean log-loss"]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for name in next(iter(sets.values())):
        all_of = [rows[name] for rows in sets.values()]
        mean = np.mean(all_of, axis=0)
        cells = [f"{one[0]:.3f}, {one[2]:.3f}" for one in all_of]
        cells.append(f"**{mean[0]:.3f}, {mean[2]:.3f}**")
        cells += [
            "" if np.isnan(mean[k]) else f"{mean[k]:.3f}, {mean[k + 2]:.3f}" for k in (1, 4, 5)
        ]
        lines.append(" | ".join([name, *cells]))
    return "".join(f"| {line} |\n" for line in lines)


def judged_table(folders: Sequence[Path]) -> str:
    """What `conftrack evaluate --answers` tells of the longest run of each set, and the truth."""
    head = [
        "longest run of", "tracks", "answers", "real where P ≥ 0.5: true", "told", "alone",
        "real of all: true", "told", "alone", "existence, Brier: true", "told", "alone",
        "95 % intervals that hold it",
    ]  # fmt: skip
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for folder in folders:
        recordings, _ = read_recordings(None, folder)
        one = _prepared(max(recordings, key=len))
        result = triage(one.run)
        lives, told, alone, held = result.lives, [], [], []
        of = one.judged[lives.row_track]
        truth = _true_figures(one, lives.probability)
        numbers = []
        for seed in range(DRAWS):
            said, inclusion = np.full(len(lives), np.nan), np.full(len(lives), np.nan)
            audited = np.zeros(len(lives), np.bool_)
            for ask in questions(result, audit=AUDITS, seed=seed):
                if one.judged[ask.row]:
                    said[ask.row], inclusion[ask.row] = one.real[ask.row], ask.inclusion
                    audited[ask.row] = ask.asked == "audit"
            # Tracks that are not judged are none of the run here: nobody knows what is true.
            keep = one.judged
            found = partial(
                probability=lives.probability[keep],
                said=said[keep],
                inclusion=inclusion[keep],
                audited=audited[keep],
                kinds={"likely": lives.probability[keep] >= 0.5, "all": lives.track_id[keep] >= 0},
                existence=one.run.tracks.existence[of],
                row_track=(np.cumsum(keep) - 1)[lives.row_track[of]],
                seed=seed,
            )
            figures_ = [p.share for p in found.precision] + [found.existence.brier]
            told.append([f.value for f in figures_])
            held.append(
                [f.interval[0] <= t <= f.interval[1] for f, t in zip(figures_, truth, strict=True)]
            )
            given = ~np.isnan(said)
            alone.append(_true_figures(replace(one, judged=given), lives.probability))
            numbers.append(given.sum())
        means, naive_ = np.mean(told, axis=0), np.mean(alone, axis=0)
        cells = [folder.name, f"{one.judged.sum():,}", f"{np.mean(numbers):.0f}"]
        for k in range(3):
            cells += [f"{truth[k]:.3f}", f"{means[k]:.3f}", f"{naive_[k]:.3f}"]
        lines.append(" | ".join([*cells, f"{np.mean(held):.0%}"]))
    return "".join(f"| {line} |\n" for line in lines)


def _true_figures(one: Reviewed, probability: NDArray[np.float64]) -> list[float]:
    """The same from the truth about some tracks: those that are judged."""
    real, here = one.real[one.judged], probability[one.judged] >= 0.5
    track = lives_of(one.run).row_track
    of = one.judged[track]
    wrong = one.run.tracks.existence[of] - one.real[track[of]]
    return [float(real[here].mean()), float(real.mean()), float(np.mean(wrong**2))]
