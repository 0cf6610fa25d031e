"""The figures of an evaluation, as frozen dataclasses.

In: judged parts. Out: `Figures` of any selection of them: all, a sequence, a class. A figure that
does not exist (no objects, no boxes, no identities) is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.calibration_error import Calibration, calibration
from tracker.evaluation.curves import Curve, curve, swept
from tracker.evaluation.pairing import LADDER, Found, Part
from tracker.evaluation.track_metrics import Tally, TrackFigures, total

__all__ = ["BoxFigures", "By", "Comparison", "Evaluation", "Figures", "Kind", "figures"]

FloatArray = NDArray[np.float64]
By = Literal["score", "existence"]
Kind = Literal["tracks", "detections"]


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """Boxes as detections.

    Attributes:
        objects: Boxes of the truth.
        boxes: Boxes that were judged.
        ignored: Boxes that count neither way.
        ap: Average precision at the overlap asked for; of several classes their mean.
        ap_50_95: Mean of the average precisions at overlaps of 0.5, 0.55 … 0.95.
        max_recall: Share of the objects found by any box.
        roc_auc: P(a right box scores above a wrong one).
        true, false, missed: Counts at the operating point.
        precision, recall, f1: Shares at the operating point.
    """

    objects: int
    boxes: int
    ignored: int
    ap: float
    ap_50_95: float
    max_recall: float
    roc_auc: float
    true: int
    false: int
    missed: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """All figures of tracks or of raw detections.

    Attributes:
        boxes: As detections.
        score: Whether `score` is a true probability that a box is right.
        existence: Whether `existence` is a true probability that a track follows a real object,
            over its boxes; None where none is given.
        tracks: As tracks; None for detections.
        curve: What every threshold on `score` would give.
        existence_curve: The same for thresholds on `existence`; None where none is given.
    """

    boxes: BoxFigures
    score: Calibration
    existence: Calibration | None
    tracks: TrackFigures | None
    curve: Curve
    existence_curve: Curve | None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Tracks and raw detections side by side; None where not given."""

    tracks: Figures | None
    detections: Figures | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What `evaluate` gives.

    Attributes:
        threshold: The operating point.
        by: What is held to the threshold.
        min_iou: Least overlap of a match.
        notes: What was left out, in words.
        overall: Everything together.
        by_sequence: Sequence -> its figures.
        by_class: Class -> its figures.
        parts: The judged boxes behind the figures, by sequence and class.
    """

    threshold: float
    by: By
    min_iou: float
    notes: tuple[str, ...]
    overall: Comparison
    by_sequence: dict[str, Comparison]
    by_class: dict[str, Comparison]
    parts: tuple[Part, ...]

    @property
    def tracks(self) -> Figures:
        """Figures of the tracks.

        Raises:
            ValueError: No tracks were given.
        """
        if self.overall.tracks is None:
            raise ValueError("no tracks were evaluated")
        return self.overall.tracks

    @property
    def detections(self) -> Figures:
        """Figures of the raw detections.

        Raises:
            ValueError: No detections were given.
        """
        if self.overall.detections is None:
            raise ValueError("no detections were evaluated")
        return self.overall.detections


def figures(
    parts: Sequence[Part],
    kind: Kind,
    tallies: Sequence[Tally | None],
    *,
    threshold: float,
    by: By,
    min_iou: float,
) -> Figures | None:
    """Pool parts into figures.

    Args:
        parts: Any selection.
        kind: Which of the two.
        tallies: One for each part, None where there are no tracks to count.
        threshold: The operating point.
        by: What is held to it; detections have only a score.
        min_iou: Overlap of the matches.

    Returns:
        The figures, None without boxes of that kind.
    """
    found = [getattr(part, kind) for part in parts]
    if any(f is None for f in found):
        return None
    judged = [f.judged for f in found]
    counts = [j.judged for j in judged]
    right = _joined([j.true[c] for j, c in zip(judged, counts, strict=True)]).astype(np.bool_)
    score = _joined([j.boxes.score[c] for j, c in zip(judged, counts, strict=True)])
    objects = sum(len(j.truth) for j in judged)
    sweep = curve(score, right, objects)
    existence, existence_sweep = None, None
    if kind == "tracks":
        belief = _joined([j.column("existence")[c] for j, c in zip(judged, counts, strict=True)])
        real = _joined([j.track_is_real[c] for j, c in zip(judged, counts, strict=True)])
        given = belief >= 0
        if given.any():
            existence = calibration(belief[given], real[given])
            existence_sweep = curve(belief, right, objects)
    operating = existence_sweep if by == "existence" and kind == "tracks" else sweep
    true, false = operating.at(threshold) if operating is not None else (0, 0)
    nan = float("nan")
    ap, ap_50_95 = _mean_aps(parts, found, min_iou)
    boxes = BoxFigures(
        objects=objects,
        boxes=len(score),
        ignored=sum(int(j.ignored.sum()) for j in judged),
        ap=ap,
        ap_50_95=ap_50_95,
        max_recall=sweep.max_recall,
        roc_auc=sweep.roc_auc,
        true=true,
        false=false,
        missed=objects - true,
        precision=true / (true + false) if true + false else nan,
        recall=true / objects if objects else nan,
        f1=2 * true / (true + false + objects) if true + false + objects else nan,
    )
    given_tallies = [t for t in tallies if t is not None]
    tracks = total(given_tallies) if kind == "tracks" and given_tallies else None
    return Figures(boxes, calibration(score, right), existence, tracks, sweep, existence_sweep)


def _mean_aps(parts: Sequence[Part], found: Sequence[Found], min_iou: float) -> tuple[float, float]:
    """AP at the overlap asked for and over the ladder, each averaged over classes with objects."""
    at, over = [], []
    for name in dict.fromkeys(part.class_name for part in parts):
        mine = [f for part, f in zip(parts, found, strict=True) if part.class_name == name]
        objects = sum(len(f.judged.truth) for f in mine)
        score = _joined([f.judged.boxes.score for f in mine])
        order = np.argsort(-score, kind="stable")
        steps = []
        for k in range(len(LADDER)):
            right, counts = (
                np.concatenate([f.ladder[k][which] for f in mine])[order] for which in (0, 1)
            )
            sweep = swept(score[order][counts], right[counts], objects)
            steps.append(sweep.average_precision)
        over.append(_mean(steps))
        if min_iou in LADDER:
            at.append(steps[LADDER.index(min_iou)])
        else:
            right, counts = (
                np.concatenate([getattr(f.judged, which) for f in mine])[order]
                for which in ("true", "judged")
            )
            at.append(swept(score[order][counts], right[counts], objects).average_precision)
    return _mean(at), _mean(over)


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else float("nan")


def _joined(columns: Sequence[NDArray[np.generic]]) -> FloatArray:
    joined: FloatArray = np.concatenate([np.asarray(c, np.float64) for c in columns])
    return joined
