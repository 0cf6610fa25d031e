"""Everything a report says, gathered once; and report.json.

In: an `Evaluation`, what was compared, and goals. Out: a `Document`, from which the page and the
pictures are made, and the JSON object that docs/evaluate.md describes. Numbers that do not exist
are null there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tracker.evaluation.advice import Advice, advise
from tracker.evaluation.events import Unit, events
from tracker.evaluation.goals import Goal
from tracker.evaluation.report.chart import Chart
from tracker.evaluation.report.charts import advice_chart, charts, pairs_chart, timeline_chart
from tracker.evaluation.result import By, Comparison, Evaluation, Figures, Kind
from tracker.evaluation.sequences import Role
from tracker.evaluation.slices import Slice, slices
from tracker.evaluation.timelines import Timeline, timelines

__all__ = ["Advised", "Document", "finite", "gather", "to_json"]

SCHEMA, VERSION = "conftrack.evaluation", 1
_GRID = np.linspace(0.0, 1.0, 101).round(2)
_ROC_POINTS = 101


@dataclass(frozen=True, slots=True)
class Advised:
    """Threshold advice with what it is about."""

    by: By
    unit: Unit
    advice: Advice
    raw: Advice | None
    """The same for the raw detections, to compare the costs; None without them."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A whole report.

    Attributes:
        result: The evaluation.
        names: What was compared: truth, tracks, detections.
        created: ISO 8601.
        advised: Threshold advice, None if none was wanted.
        slices: Calibration of `score` and `existence` by groups.
        tracks: Lives of chosen tracks.
        charts: Charts of all boxes, with advice first if there is any.
        group_charts: Charts of groups.
        track_charts: One for each of `tracks`.
    """

    result: Evaluation
    names: Mapping[str, str]
    created: str
    advised: Advised | None
    slices: Mapping[By, tuple[Slice, ...]]
    tracks: tuple[Timeline, ...]
    charts: tuple[Chart, ...] = field(default=())
    group_charts: tuple[Chart, ...] = field(default=())
    track_charts: tuple[Chart, ...] = field(default=())

    @property
    def every_chart(self) -> tuple[Chart, ...]:
        """All charts."""
        return (*self.charts, *self.group_charts, *self.track_charts)


def gather(
    result: Evaluation,
    *,
    names: Mapping[str, str],
    goal: Goal | None = None,
    by: By = "score",
    unit: Unit = "box",
    show_tracks: Sequence[str] = (),
    created: str | None = None,
) -> Document:
    """Make everything that a report shows.

    Args:
        result: The evaluation.
        names: What was compared, for people.
        goal: Of the threshold advice; None gives none.
        by: Which column to advise on.
        unit: What a miss and a false alarm are.
        show_tracks: Tracks whose life is drawn, as "ID" or "SEQUENCE:ID"; () chooses.
        created: ISO 8601 time; None is now.

    Raises:
        InputError: There is no such track, or nothing to advise on.
    """
    parts, has_tracks = result.parts, result.overall.tracks is not None
    advised = None if goal is None else _advised(result, goal, by, unit)
    groups: dict[By, tuple[Slice, ...]] = {}
    if has_tracks:
        columns: tuple[By, ...] = ("score", "existence")
        groups = {column: slices(parts, column) for column in columns}
    lives = timelines(parts, wanted=show_tracks)
    drawn = charts(result)
    if advised is not None:
        drawn.insert(0, advice_chart(advised.advice, advised.by))
    pairs = [
        pairs_chart(some, group, column)
        for group in ("age", "size", "class")
        for column, some in groups.items()
        if group != "class" or len(result.by_class) > 1
    ]
    return Document(
        result=result,
        names=dict(names),
        created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        advised=advised,
        slices=groups,
        tracks=lives,
        charts=tuple(drawn),
        group_charts=tuple(chart for chart in pairs if chart is not None),
        track_charts=tuple(
            timeline_chart(life, k, alone=len(result.by_sequence) == 1)
            for k, life in enumerate(lives, 1)
        ),
    )


def _advised(result: Evaluation, goal: Goal, by: By, unit: Unit) -> Advised:
    kind: Kind = "tracks" if result.overall.tracks is not None else "detections"
    advice = advise(events(result.parts, kind=kind, by=by, unit=unit), goal)
    raw = None
    if kind == "tracks" and result.overall.detections is not None and unit == "box":
        raw = advise(events(result.parts, kind="detections", by="score", unit="box"), goal)
    return Advised(by, unit, advice, raw)


def to_json(document: Document) -> dict[str, Any]:
    """The content of report.json."""
    result = document.result
    plain: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "created": document.created,
        "compared": dict(document.names),
        "options": {
            "threshold": result.threshold,
            "by": result.by,
            "min_iou": result.min_iou,
            "classes": list(result.by_class),
        },
        "notes": list(result.notes),
        "sequences": [_sequence(result, name) for name in result.by_sequence],
        "overall": _comparison(result.overall),
        "by_class": {name: _comparison(pair) for name, pair in result.by_class.items()},
        "by_sequence": {name: _comparison(pair) for name, pair in result.by_sequence.items()},
        "curves": _both_curves(result.overall),
        "curves_by_class": {name: _both_curves(pair) for name, pair in result.by_class.items()},
        "slices": {
            column: [asdict(group) for group in some] for column, some in document.slices.items()
        },
        "advice": None if document.advised is None else _advice(document.advised),
        "chosen_tracks": [
            {
                "sequence": life.sequence,
                "id": life.track_id,
                "why": life.why,
                "unit": life.unit,
                "time": life.time.round(4).tolist(),
                "existence": life.existence.tolist(),
                "score": life.score.tolist(),
                "raw": life.raw.tolist(),
                "right": life.right.tolist(),
                "ignored": life.ignored.tolist(),
            }
            for life in document.tracks
        ],
    }
    clean: dict[str, Any] = finite(plain)
    return clean


def _sequence(result: Evaluation, name: str) -> dict[str, Any]:
    parts = [part for part in result.parts if part.sequence == name]
    truth = [part.truth for part in parts]
    return {
        "name": name,
        "frames": len(parts[0].frames),
        "fps": parts[0].fps,
        "objects": sum(len(np.unique(t.object_id[t.judged])) for t in truth if t.has_ids),
        "boxes": sum(int(t.judged.sum()) for t in truth),
        "ignored_boxes": sum(int((t.role == Role.IGNORE_BOX).sum()) for t in truth),
        "ignored_areas": sum(int((t.role == Role.IGNORE_AREA).sum()) for t in truth),
    }


def _comparison(pair: Comparison) -> dict[str, Any]:
    return {
        kind: None if figures is None else _figures(figures)
        for kind, figures in (("tracks", pair.tracks), ("detections", pair.detections))
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "boxes": asdict(figures.boxes),
        "score": asdict(figures.score),
        "existence": None if figures.existence is None else asdict(figures.existence),
        "tracks": None if figures.tracks is None else asdict(figures.tracks),
    }


def _both_curves(pair: Comparison) -> dict[str, Any]:
    given = (("tracks", pair.tracks), ("detections", pair.detections))
    return {kind: _curves(figures) for kind, figures in given if figures is not None}


def _curves(figures: Figures) -> dict[str, Any]:
    """Counts and shares at every hundredth of each column, and the ROC."""
    out: dict[str, Any] = {}
    for name, sweep in (("score", figures.curve), ("existence", figures.existence_curve)):
        if sweep is None:
            continue
        rows = []
        for threshold in _GRID.tolist():
            true, false = sweep.at(threshold)
            rows.append(
                {
                    "threshold": threshold,
                    "true": true,
                    "false": false,
                    "missed": sweep.objects - true,
                    "held_back": sweep.false_total - false,
                    "precision": true / (true + false) if true + false else None,
                    "recall": true / sweep.objects if sweep.objects else None,
                    "f1": 2 * true / max(true + false + sweep.objects, 1),
                }
            )
        wrong, right = sweep.roc
        at = np.linspace(0.0, 1.0, _ROC_POINTS)
        out[name] = {
            "at": rows,
            "average_precision": sweep.average_precision,
            "roc_auc": sweep.roc_auc,
            "roc": {"wrong": at.tolist(), "right": np.interp(at, wrong, right).tolist()},
        }
    return out


def _advice(advised: Advised) -> dict[str, Any]:
    def plain(advice: Advice) -> dict[str, Any]:
        content = {
            name: getattr(advice, name)
            for name in Advice.__slots__
            if name not in ("sweep", "goal", "chosen", "usual")
        }
        return content | {"chosen": asdict(advice.chosen), "usual": asdict(advice.usual)}

    return {
        "by": advised.by,
        "unit": advised.unit,
        "goal": asdict(advised.advice.goal),
        **plain(advised.advice),
        "raw": None if advised.raw is None else plain(advised.raw),
    }


def finite(value: Any) -> Any:
    """The same with null for NaN and infinity, which are no JSON."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
