"""Figures of one method on one set: those of `tracker.evaluation`, pooled over the sequences.

In come the MOT files that a method wrote, read back as `conftrack evaluate` reads them; out go
plain numbers for a table, and the sweep over all thresholds for the frontier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from scripts.track_detections import Recording, read_recording
from tracker.evaluation import (
    BoxSequence,
    Curve,
    Evaluation,
    Figures,
    TruthSequence,
    evaluate,
    read_detections,
    read_truth,
)
from tracker.evaluation.track_metrics import TrackFigures, tally, total

__all__ = ["STRONG", "Scored", "SetData", "false_tracks", "load", "raw", "score"]

STRONG = 0.5  # the default operating point, of detections and of tracks
_TRACKS = (
    "hota", "assa", "deta", "idf1", "mota", "id_switches", "false_tracks", "false_tracks_per_1000",
    "confirm_frames", "never_confirmed", "weak_recall", "low_recall",
)  # fmt: skip


@dataclass(frozen=True)
class SetData:
    """A set: what is given to the methods, and what they are held against.

    Attributes:
        name: Of the folder.
        recordings: The detections of each sequence.
        truths: Its ground truth.
        detections: The same detections in the shape that is judged.
    """

    name: str
    recordings: list[Recording]
    truths: list[TruthSequence]
    detections: list[BoxSequence]


@dataclass(frozen=True)
class Scored:
    """One method on one set.

    Attributes:
        figures: Plain numbers; None where there is nothing to divide by or it is infinite.
        sweep: True and false boxes at every threshold of `score`.
    """

    figures: dict[str, float | int | None]
    sweep: Curve


@lru_cache(maxsize=2)
def load(folder: Path) -> SetData:
    """Read a set; once for each process."""
    truths = read_truth(folder)
    recordings = [read_recording(folder / truth.name) for truth in truths]
    return SetData(folder.name, recordings, truths, read_detections(folder, truths))


def raw(data: SetData) -> Scored:
    """What a plain threshold on the raw detections does."""
    found = evaluate(truth=data.truths, detections=data.detections, threshold=STRONG).detections
    return Scored(_boxes(found), found.curve)


def score(
    data: SetData, folder: Path, *, threshold: float = STRONG, at_true: int | None = None
) -> Scored:
    """Score the MOT files of a method, one for each sequence of the set.

    Args:
        data: The set.
        folder: With SEQUENCE.txt for each sequence.
        threshold: Least score of the boxes that are output, for the figures that need one; also
            least existence, for those that end in `_existence`.
        at_true: Count false tracks where so many boxes are right, as `false_tracks_at_best` for
            1,000 frames; None where that is never reached, or not asked.
    """
    result = evaluate(
        truth=data.truths, tracks=folder, detections=data.detections, threshold=threshold
    )
    found = result.tracks
    assert found.tracks is not None
    figures = _boxes(found) | _tracks(found.tracks, "")
    figures["false_tracks_at_best"] = false_tracks(data, result, found.curve, at_true, "score")
    if found.existence is not None and found.existence_curve is not None:
        true, false = found.existence_curve.at(threshold)
        figures |= {"true_existence": true, "false_existence": false}
        figures |= {"ece_existence": _plain(found.existence.ece)}
        figures |= {"log_loss_existence": _plain(found.existence.log_loss)}
        figures |= _tracks(_by_existence(result, threshold), "_existence")
        figures["false_tracks_at_best_existence"] = false_tracks(
            data, result, found.existence_curve, at_true, "existence"
        )
    return Scored(figures, found.curve)


def _boxes(found: Figures) -> dict[str, float | int | None]:
    """Figures of boxes, whatever track they belong to."""
    values = {name: getattr(found.boxes, name) for name in (
        "ap", "ap_50_95", "max_recall", "true", "false", "precision", "recall", "f1"
    )}  # fmt: skip
    values |= {name: getattr(found.score, name) for name in ("ece", "brier", "log_loss")}
    return {name: _plain(value) for name, value in values.items()}


def _tracks(figures: TrackFigures, suffix: str) -> dict[str, float | int | None]:
    return {name + suffix: _plain(getattr(figures, name)) for name in _TRACKS}


def _by_existence(result: Evaluation, threshold: float) -> TrackFigures:
    """Figures of the boxes of believed tracks, on the same verdicts."""
    return total(
        [
            tally(
                part.tracks.judged,
                part.detections.judged,
                frames=len(part.frames),
                threshold=threshold,
                by="existence",
            )
            for part in result.parts
            if part.tracks is not None and part.detections is not None
        ]
    )


def false_tracks(
    data: SetData, result: Evaluation, sweep: Curve, at_true: int | None, by: str
) -> float | None:
    """False tracks for 1,000 frames, at the first threshold with so many right boxes."""
    first = len(sweep.true) if at_true is None else int(np.searchsorted(sweep.true, at_true))
    if first == len(sweep.true):
        return None
    count = 0
    for part in result.parts:
        assert part.tracks is not None
        one = part.tracks.judged
        on = one.judged & (one.column(by) >= sweep.threshold[first])
        ids, track = np.unique(one.boxes.track_id[on], return_inverse=True)
        right = np.bincount(track, one.true[on], len(ids))
        count += int(np.count_nonzero(2 * right < np.bincount(track, minlength=len(ids))))
    return 1000 * count / sum(len(recording.frames) for recording in data.recordings)


def _plain(value: float | int) -> float | int | None:
    """A number as JSON has it."""
    return value if math.isfinite(value) else None
