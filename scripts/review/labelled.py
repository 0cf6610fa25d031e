"""Labelled sequences as runs: tracked at once and smoothed, with the detector's mistakes.

In: a set in the layout of `scripts/benchmark_quality.py`. Out: what the tables are counted from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.track_detections import read_recording
from tracker import Tracker
from tracker.evaluation import TruthSequence, read_detections, read_truth
from tracker.evaluation.judging import judge
from tracker.review.reading import RunBuilder
from tracker.review.runs import Run
from tracker.review.signals import STRONG
from tracker.smoothing import Recorder, smooth

__all__ = ["Labelled", "load"]

IntArray = NDArray[np.int64]


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
