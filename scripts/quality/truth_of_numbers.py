"""How true `existence` and `score` are told, how much truer they could be, and how much is chance.

In comes the folder of a set; out come all boxes with what is told of them, what turned out, and the
parts that are judged with what the other parts give. `noise` is the calibration error that a number
shows which is true in every bin, from the chance of which tracks there were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import isotonic_regression

from scripts.quality import scores
from scripts.quality.history import COLUMNS, histories, told
from tracker import TrackerConfig
from tracker.calibration import Calibration
from tracker.calibration.fitting import by_truth, fit_apart, folds, read_recordings, track
from tracker.calibration.fitting.fit import Tracked
from tracker.calibration.fitting.logistic import fit, weights
from tracker.calibration.fitting.telling import fit_maps
from tracker.calibration.fitting.trace import joined
from tracker.evaluation import evaluate
from tracker.evaluation.calibration_error import BINS, calibration

__all__ = [
    "Attempt", "Boxes", "Fold", "Told", "adding", "bent", "boxes_of", "ece", "folds_of",
    "isotonic", "maps", "noise", "of_traces", "trees",
]  # fmt: skip

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
# Existence and score of boxes, in [0, 1].
Told = tuple[FloatArray, FloatArray]
# Bent lines that are hardly held.
_FREE = np.array([2.4, 1.35, 0.9])


@dataclass(frozen=True, eq=False)
class Boxes:
    """N boxes: log-odds of what the tracker has, columns for a learner, and what turned out.

    `part` says which of them are judged together with what the others give, -1 for none.
    """

    existence: FloatArray
    score: FloatArray
    seen: BoolArray
    columns: FloatArray
    real: FloatArray
    right: FloatArray
    cluster: IntArray
    stretch: IntArray
    part: IntArray
    tracked: tuple[Tracked, ...] = ()

    def select(self, mask: BoolArray) -> Boxes:
        """Only the boxes of a mask; what they were made of is left out."""
        names = (
            "existence", "score", "seen", "columns", "real", "right", "cluster", "stretch", "part"
        )  # fmt: skip
        return Boxes(*(getattr(self, name)[mask] for name in names))


@dataclass(frozen=True, eq=False)
class Fold:
    """What is fitted on, and what is judged; both of the tracker that was fitted without it."""

    train: Boxes
    judged: Boxes


Attempt = Callable[[Boxes], Callable[[Boxes], Told]]


def ece(p: FloatArray, outcome: FloatArray) -> float:
    """Calibration error, as `conftrack evaluate` has it."""
    return calibration(p, outcome > 0.5).ece


def noise(
    p: FloatArray, outcome: FloatArray, cluster: IntArray, draws: int = 200
) -> tuple[float, float]:
    """Mean and 95 % of the calibration error of a number that is true in every bin.

    Tracks are drawn with replacement; what is told in each bin is the share that is true in all.

    Example:
        >>> p, each = np.full(1000, 0.5), np.arange(1000)
        >>> mean, most = noise(p, np.tile([0.0, 1.0], 500), each)  # √(2/π · 0.25 / 1000) = 0.0126
        >>> 0.010 < mean < 0.015, most < 0.04
        (True, True)
    """
    place = np.searchsorted(np.linspace(0.0, 1.0, BINS + 1)[1:-1], p, side="right")
    count = np.bincount(place, minlength=BINS)
    share = np.bincount(place, outcome, BINS) / np.maximum(count, 1)
    _, row = np.unique(cluster, return_inverse=True)
    tracks = int(row.max(initial=-1)) + 1
    away, boxes = np.zeros((tracks, BINS)), np.zeros(tracks)
    np.add.at(away, (row, place), outcome - share[place])
    np.add.at(boxes, row, 1.0)
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        drawn = np.bincount(rng.integers(0, tracks, tracks), minlength=tracks)
        found.append(float(np.abs(drawn @ away).sum() / (drawn @ boxes)))
    return float(np.mean(found)), float(np.quantile(found, 0.95))


# ---- the boxes ------------------------------------------------------------------------------


def boxes_of(folder: Path) -> Boxes:
    """All boxes of the default tracker as they are told, with their histories as columns."""
    data = scores.load(folder)
    recordings, _ = read_recordings(None, folder)
    parts = folds(recordings)
    columns: list[Boxes] = []
    every = [histories(recording, TrackerConfig()) for recording in data.recordings]
    result = evaluate(truth=data.truths, tracks=[h.boxes for h in every], track_metrics=False)
    names = {one.name: (k, one) for k, some in enumerate(parts) for one in some}
    for number, one in enumerate(every):
        n, boxes = len(one.boxes), one.boxes
        verdict = np.full((3, n), 0.0)
        for part in result.parts:
            if part.sequence == boxes.name and part.tracks is not None:
                judged = part.tracks.judged
                row = told(judged.boxes, boxes, np.arange(n)).astype(np.int64)
                verdict[:, row] = judged.judged, judged.true, judged.track_is_real
        within = np.full(n, -1)
        for name, (k, recording) in names.items():
            if name.split(": ")[0] == boxes.name:
                within[np.isin(boxes.frame, recording.frames)] = k
        fps = float(boxes.fps or 1.0)
        keep = verdict[0] > 0
        columns.append(
            Boxes(
                special.logit(boxes.existence),
                special.logit(boxes.score),
                one.columns[:, COLUMNS.index("gap_s")] == 0,
                one.columns,
                verdict[2],
                verdict[1],
                boxes.track_id + (number << 40),
                (boxes.frame / fps // 10).astype(np.int64) + (number << 40),
                within,
            ).select(keep)
        )
    return _joined(columns)


def folds_of(folder: Path) -> list[Fold]:
    """The folds of a set: boxes of trackers with what was fitted elsewhere, not yet told."""
    recordings, _ = read_recordings(None, folder)
    parts = folds(recordings)
    _, fitted = fit_apart(parts, by_truth(), TrackerConfig())
    out = []
    for k, one in enumerate(fitted):
        inner = Calibration(confidence=one.confidence, constants=one.constants)
        found = [track(part, by_truth(), TrackerConfig(), inner) for part in parts]
        others = [t for i, some in enumerate(found) if i != k for t in some]
        out.append(Fold(of_traces(others), of_traces(found[k])))
    return out


def of_traces(tracked: Sequence[Tracked]) -> Boxes:
    """All judged boxes of some recordings, each of which is a part."""
    labels, found = [one.labels for one in tracked], [one.found for one in tracked]
    counts = np.concatenate([one.counts for one in labels])
    names = ("existence_odds", "score_odds", "seen", "track_id", "stretch", "xyxy", "timestamp_s")
    existence, score, seen, cluster, stretch, xyxy, time = (
        joined(found, name)[counts] for name in names
    )
    _, row = np.unique(cluster, return_inverse=True)
    first = np.full(int(row.max(initial=-1)) + 1, np.inf)
    np.minimum.at(first, row, time)
    height = np.log(np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0))
    sequence = np.concatenate([np.full(len(o.counts), k) for k, o in enumerate(labels)])[counts]
    return Boxes(
        existence, score, seen, np.column_stack([np.log1p(time - first[row]), height - 4.5]),
        np.concatenate([one.real for one in labels])[counts],
        np.concatenate([one.right for one in labels])[counts],
        cluster, stretch, sequence, tuple(tracked),
    )  # fmt: skip


def _joined(parts: Sequence[Boxes]) -> Boxes:
    names = (
        "existence", "score", "seen", "columns", "real", "right", "cluster", "stretch", "part"
    )  # fmt: skip
    return Boxes(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


# ---- attempts -------------------------------------------------------------------------------


def maps(meet_at: float, loosened_by: float | None) -> Attempt:
    """What `conftrack calibrate` fits, with other strengths of the prior."""

    def attempt(train: Boxes) -> Callable[[Boxes], Told]:
        found, labels = [o.found for o in train.tracked], [o.labels for o in train.tracked]
        believed, of_seen, of_unseen = fit_maps(found, labels, meet_at, loosened_by=loosened_by)

        def tell(boxes: Boxes) -> Told:
            score = np.where(boxes.seen, of_seen(boxes.score), of_unseen(boxes.score))
            return _met(believed(boxes.existence), score, meet_at)

        return tell

    return attempt


def adding(column: int) -> Attempt:
    """The same, and a column more in both log-odds."""

    def attempt(train: Boxes) -> Callable[[Boxes], Told]:
        first = maps(0.85, 60.0)(train)
        odds = [special.logit(p) for p in first(train)]
        features = np.column_stack([np.ones(len(train.real)), train.columns[:, column]])
        prior, deviation = np.zeros(2), np.full(2, 0.3)
        found = [
            fit(features, y, _weight(train, y), prior, deviation, z)
            for y, z in zip((train.real, train.right), odds, strict=True)
        ]

        def tell(boxes: Boxes) -> Told:
            x = np.column_stack([np.ones(len(boxes.real)), boxes.columns[:, column]])
            z = [special.logit(p) for p in first(boxes)]
            return _met(z[0] + x @ found[0], z[1] + x @ found[1], 1.0)

        return tell

    return attempt


def bent(*, alike: bool) -> Attempt:
    """Bent lines, existence raised to score; every part alike, or every independent track."""

    def attempt(train: Boxes) -> Callable[[Boxes], Told]:
        def line(z: FloatArray, y: FloatArray, m: BoolArray) -> FloatArray:
            weight = _weight(train, y)
            if alike:
                count = np.bincount(train.part[m], minlength=int(train.part.max()) + 1)
                of_part = 1.0 / np.maximum(count, 1)[train.part]
                weight = weight.sum() * of_part / of_part[m].sum()
            return fit(_features(z[m]), y[m], weight[m], np.array([0.0, 1.0, 0.0]), _FREE)

        seen, every = train.seen, np.ones(len(train.real), np.bool_)
        a, b = (line(train.score, train.right, m) for m in (seen, ~seen))
        c = line(train.existence, train.real, every)

        def tell(boxes: Boxes) -> Told:
            of_seen, of_unseen = (_features(boxes.score) @ one for one in (a, b))
            score = np.where(boxes.seen, of_seen, of_unseen)
            return _met(_features(boxes.existence) @ c, score, 1.0)

        return tell

    return attempt


def isotonic(train: Boxes) -> Callable[[Boxes], Told]:
    """Rising steps, which can follow anything that rises; existence raised to score."""

    def steps(z: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not len(z):
            return np.zeros(1), np.full(1, 0.5)
        level, place, count = np.unique(z, return_inverse=True, return_counts=True)
        return level, isotonic_regression(np.bincount(place, y) / count, weights=count).x

    seen = train.seen
    a, b = (steps(train.score[m], train.right[m]) for m in (seen, ~seen))
    c = steps(train.existence, train.real)

    def tell(boxes: Boxes) -> Told:
        score = np.where(boxes.seen, np.interp(boxes.score, *a), np.interp(boxes.score, *b))
        return np.maximum(np.interp(boxes.existence, *c), score), score

    return tell


def trees(train: Boxes) -> Callable[[Boxes], Told]:
    """Gradient-boosted trees on all columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    models = []
    for y in (train.real, train.right):
        model = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.08, random_state=0)
        models.append(model.fit(train.columns, y > 0.5) if 0 < y.mean() < 1 else None)

    def tell(boxes: Boxes) -> Told:
        found = [
            np.full(len(boxes.real), y.mean())
            if m is None
            else m.predict_proba(boxes.columns)[:, 1]
            for m, y in zip(models, (train.real, train.right), strict=True)
        ]
        return found[0], found[1]

    return tell


def _features(z: FloatArray) -> FloatArray:
    return np.column_stack([np.ones_like(z), z, np.logaddexp(0.0, z) + np.logaddexp(0.0, -z)])


def _weight(boxes: Boxes, outcome: FloatArray) -> FloatArray:
    return weights(boxes.cluster, boxes.stretch, outcome)[0]


def _met(existence: FloatArray, score: FloatArray, meet_at: float) -> Told:
    over = score > existence
    met = existence + meet_at * (score - existence)
    told = np.where(over, met, existence), np.where(over, met, score)
    return special.expit(told[0]), special.expit(told[1])
