"""Which pictures an evaluation has, and what is in them.

In: an `Evaluation`, advice, groups, timelines. Out: `Chart`s, each with a caption that says how to
read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.advice import Advice
from tracker.evaluation.calibration_error import BINS, Calibration
from tracker.evaluation.report.chart import Band, Bar, Chart, Ink, Line, Mark, Pair
from tracker.evaluation.result import Evaluation, Figures
from tracker.evaluation.slices import Slice
from tracker.evaluation.timelines import Timeline

__all__ = ["advice_chart", "charts", "pairs_chart", "timeline_chart"]

FloatArray = NDArray[np.float64]
Named = tuple[str, Ink, Figures]

# More points of a line than this cannot be seen.
_POINTS = 240
_DIAGONAL = Line("", "guide", np.array([0.0, 1.0]), np.array([0.0, 1.0]), "dashed")


def charts(result: Evaluation) -> list[Chart]:
    """The charts of all boxes together: precision and recall, calibration, thresholds."""
    both: list[Named] = []
    if result.overall.tracks is not None:
        both.append(("tracks", "tracks", result.overall.tracks))
    if result.overall.detections is not None:
        both.append(("raw", "raw", result.overall.detections))
    out = [_precision_recall(both, result)]
    if len(both) > 1:
        frames = sum({part.sequence: len(part.frames) for part in result.parts}.values())
        out.append(_frontier(both, frames))
    told = [(name, ink, figures.score) for name, ink, figures in both]
    out.append(
        replace(
            _reliability(told),
            key="reliability_score",
            title="Is the score true?",
            caption="Of all boxes with a score of 0.8, eight in ten should be right: on the"
            " diagonal. Below it the score promises too much. Bars: share of all boxes.",
        )
    )
    existence = both[0][2].existence
    if existence is not None:
        out.append(
            replace(
                _reliability([("existence", "existence", existence)]),
                key="reliability_existence",
                title="Is the existence true?",
                y_label="share of boxes on real tracks",
                caption="The same for existence, where right means that the box's track follows a"
                " real object in at least half of its boxes.",
            )
        )
    return [*out, _thresholds(both), _roc(both)]


def _precision_recall(both: Sequence[Named], result: Evaluation) -> Chart:
    lines, marks = [], []
    for name, ink, figures in both:
        sweep = figures.curve
        lines.append(
            _line(f"{name}, AP {figures.boxes.ap:.3f}", ink, sweep.recall, sweep.precision)
        )
        if figures.boxes.true:
            marks.append(Mark("", ink, figures.boxes.recall, figures.boxes.precision))
    return Chart(
        key="precision_recall",
        title="Precision and recall",
        caption="Every threshold on the score is a point. Further up and to the right is better."
        f" Dots: the operating point, {result.by} ≥ {result.threshold:g}.",
        x_label="recall",
        y_label="precision",
        lines=tuple(lines),
        marks=tuple(marks),
    )


def _frontier(both: Sequence[Named], frames: int) -> Chart:
    per = 1000.0 / max(frames, 1)
    lines = []
    for name, ink, figures in both:
        some = figures.curve.false > 0
        false = np.asarray(figures.curve.false[some] * per, np.float64)
        lines.append(_line(name, ink, figures.curve.recall[some], false, log=True))
    counts = np.concatenate([line.y for line in lines if len(line.y)] or [np.ones(1)])
    low = 10.0 ** np.floor(np.log10(max(counts.min(), counts.max() / 1e4)))
    high = max(10.0 ** np.ceil(np.log10(counts.max())), 10.0 * low)
    return Chart(
        key="raw_against_fused",
        title="Raw against fused",
        caption="False boxes in 1,000 frames at the same share of objects found. Where the line of"
        " the tracks is below that of the raw detections, tracking removed false alarms that no"
        " threshold could.",
        x_label="recall",
        y_label="false boxes per 1,000 frames",
        y_range=(float(low), float(high)),
        log_y=True,
        lines=tuple(lines),
    )


def _reliability(told: Sequence[tuple[str, Ink, Calibration]]) -> Chart:
    lines = [_DIAGONAL]
    bars = []
    for name, ink, c in told:
        if c.boxes:
            x, y = (np.array([getattr(b, k) for b in c.bins]) for k in ("mean", "true_share"))
            lines.append(Line(f"{name}, ECE {c.ece:.3f}", ink, x, y, "both"))
    for _, ink, c in told[:1]:
        for b in c.bins:
            start = min(int(b.mean * BINS), BINS - 1) / BINS
            bars.append(Bar(ink, start, start + 1 / BINS, b.boxes / c.boxes))
    return Chart(
        key="reliability",
        title="",
        caption="",
        x_label="probability told",
        y_label="share of right boxes",
        lines=tuple(lines),
        bars=tuple(bars),
    )


def _thresholds(both: Sequence[Named]) -> Chart:
    name, _, figures = both[0]
    sweep = figures.curve
    lines = [
        _line("precision", "right", sweep.threshold, sweep.precision),
        _line("recall", "existence", sweep.threshold, sweep.recall),
        _line("F1", "tracks", sweep.threshold, sweep.f1),
    ]
    if len(both) > 1:
        raw = both[1][2].curve
        lines.append(replace(_line("F1 of raw", "raw", raw.threshold, raw.f1), style="dashed"))
    return Chart(
        key="thresholds",
        title=f"Every threshold, {name}",
        caption="What is kept at each threshold. report.json has the counts.",
        x_label="threshold on the score",
        y_label="share",
        lines=tuple(lines),
    )


def _roc(both: Sequence[Named]) -> Chart:
    lines = [_DIAGONAL]
    for name, ink, figures in both:
        wrong, right = figures.curve.roc
        lines.append(_line(f"{name}, AUC {figures.boxes.roc_auc:.3f}", ink, wrong, right))
    return Chart(
        key="roc",
        title="Right from wrong (ROC)",
        caption="How well the score tells right boxes from wrong ones among those that were given."
        " Missed objects are not in it, and both have boxes of their own: compare by the charts"
        " above.",
        x_label="share of wrong boxes let through",
        y_label="share of right boxes let through",
        lines=tuple(lines),
    )


def advice_chart(advice: Advice, by: str) -> Chart:
    """What each threshold would cost or give, with the one that is advised."""
    sweep, goal = advice.sweep, advice.goal
    low, high = (v if np.isfinite(v) else 1.0 for v in advice.threshold)
    bands = () if np.isnan(advice.threshold[0]) else (Band("guide", low, high, full=True),)
    grey = " Grey: where the best threshold lies in 95 of 100 samples of whole tracks."
    chart = Chart(
        key="advice",
        title=f"Every threshold on {by}",
        caption=f"For {goal.words}." + (grey if bands else ""),
        x_label=f"threshold on {by}",
        y_label="share",
        bands=bands,
    )
    at, word = min(advice.chosen.threshold, 1.0), "advised" if advice.reached else "nearest"
    if goal.cost_miss is None:
        lines = [
            _line("precision", "right", sweep.threshold, sweep.precision),
            _line("recall", "existence", sweep.threshold, sweep.recall),
        ]
        wanted = advice.chosen.precision if goal.precision is not None else advice.chosen.recall
        return replace(chart, lines=tuple(lines), marks=(Mark(word, "tracks", at, wanted),))
    objects = np.full(len(sweep.true), float(sweep.objects))
    cost = goal.cost(sweep.true.astype(float), sweep.false.astype(float), objects)
    nothing = float(goal.cost_miss * sweep.objects)
    share = 1.0 / nothing if nothing else 1.0
    marks = [
        Mark(word, "tracks", at, advice.chosen.cost * share),
        Mark("0.5", "raw", 0.5, advice.usual.cost * share),
    ]
    line = _line("cost", "tracks", sweep.threshold, cost * share)
    shown = np.array([*line.y[line.x > 0.02], *(m.y for m in marks)])
    return replace(
        chart,
        y_label="cost, 1 = reporting nothing",
        y_range=(0.0, float(min(max(shown.max(initial=1.0), 1.0), 2.0))),
        lines=(line,),
        marks=tuple(marks),
    )


def pairs_chart(groups: Sequence[Slice], by: str, column: str) -> Chart | None:
    """What a probability says and what comes true, group by group; None without groups."""
    rows = tuple(
        Pair(g.name, g.calibration.mean, g.calibration.true_share, g.calibration.boxes)
        for g in groups
        if g.by == by
    )
    if not rows:
        return None
    what = {"age": "age of the track", "size": "size of the box (√area)", "class": "class"}[by]
    return Chart(
        key=f"{column}_by_{by}",
        title=f"{column.capitalize()} by {what}",
        caption="Ring: mean probability told. Dot: share that came true. They should meet.",
        x_label="probability",
        y_label="",
        pairs=rows,
    )


def timeline_chart(track: Timeline, number: int, *, alone: bool = False) -> Chart:
    """The life of one track: existence and score over the raw confidences.

    Args:
        track: Its life.
        number: Of the chart, from 1.
        alone: Whether there is one sequence only, which needs no name.
    """
    x = track.time
    step = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    # Where the track was not output for a while, its lines are interrupted.
    gap = np.flatnonzero(np.diff(x) > 1.5 * step) + 1
    lines = []
    if not np.isnan(track.raw).all():
        lines.append(Line("raw confidence", "raw", x, track.raw, "points"))
    named: tuple[tuple[str, Ink, FloatArray], ...] = (
        ("score", "tracks", track.score),
        ("existence", "existence", track.existence),
    )
    for name, ink, values in named:
        if not np.isnan(values).all():
            lines.append(Line(name, ink, np.insert(x, gap, x[gap]), np.insert(values, gap, np.nan)))
    return Chart(
        key=f"track_{number}",
        title=f"Track {track.track_id}" if alone else f"{track.sequence}, track {track.track_id}",
        caption=track.why,
        x_label=f"time ({track.unit})",
        y_label="probability",
        x_range=(float(x[0]), float(x[-1] + step)),
        lines=tuple(lines),
        bands=_runs(track, step),
    )


def _runs(track: Timeline, step: float) -> tuple[Band, ...]:
    """Stretches in which the track's box was right, wrong or not judged."""
    kind = np.where(track.ignored, 2, np.where(track.right, 0, 1))
    inks: tuple[Ink, ...] = ("right", "wrong", "guide")
    new = (np.diff(kind) != 0) | (np.diff(track.time) > 1.5 * step)
    first = np.concatenate([[0], np.flatnonzero(new) + 1]) if len(kind) else np.zeros(0, np.int64)
    last = np.append(first[1:], len(kind)) - 1
    return tuple(
        Band(inks[kind[a]], float(track.time[a]), float(track.time[b] + step))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    )


def _line(name: str, ink: Ink, x: FloatArray, y: FloatArray, *, log: bool = False) -> Line:
    """A line of no more points than can be seen, the bends kept."""
    if len(x) > _POINTS:
        scaled = np.log10(np.maximum(y, 1e-9)) if log else y
        span = [max(float(np.ptp(v)), 1e-9) for v in (x, scaled)]
        move = np.abs(np.diff(x)) / span[0] + np.abs(np.diff(scaled)) / span[1]
        way = np.concatenate([[0.0], np.cumsum(move)])
        rows = np.searchsorted(way, np.linspace(0.0, way[-1], _POINTS))
        rows = np.unique(np.append(np.minimum(rows, len(x) - 1), len(x) - 1))
        x, y = x[rows], y[rows]
    return Line(name, ink, np.asarray(x, np.float64), np.asarray(y, np.float64))
