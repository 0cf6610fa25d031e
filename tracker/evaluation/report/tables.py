"""The tables of a report as rows of text, for the terminal and the page alike.

In: figures. Out: sections of rows with what each means, and rows by class or sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tracker.evaluation.result import Comparison, Evaluation, Figures

__all__ = ["Row", "Section", "group_table", "sections", "shown"]

Pick = Callable[[Figures], float | int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its name, its value for raw detections and for tracks, what it means."""

    name: str
    raw: str
    tracks: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one title."""

    title: str
    rows: tuple[Row, ...]


def shown(value: float | int, form: str = ".3f") -> str:
    """A number as text; – where there is none.

    >>> shown(0.12345), shown(1234, ","), shown(float("nan")), shown(float("inf"), ".1f")
    ('0.123', '1,234', '–', 'never')
    """
    if math.isnan(value):
        return "–"
    return "never" if math.isinf(value) else format(value, form)


def sections(result: Evaluation, pair: Comparison | None = None) -> list[Section]:
    """The figures of tracks beside those of raw detections.

    Args:
        result: The evaluation.
        pair: A part of it, such as one class; None is all.
    """
    pair = pair or result.overall
    at = f"score ≥ {result.threshold:g}"
    if result.by == "existence":
        at = f"existence ≥ {result.threshold:g} (raw: score)"
    iou = f"{result.min_iou:g}"
    tracks = _TRACKS if pair.detections is None else _TRACKS + _WEAK
    return [
        Section(title, tuple(_row(pair, *spec) for spec in specs))
        for title, specs in (
            ("Boxes", _boxes(iou)),
            (f"Boxes with {at}", _OPERATING),
            ("Is the score a true probability?", _SCORE),
            *((("Is the existence?", _EXISTENCE),) if _has(pair, "existence") else ()),
            *(((f"Tracks with {at}", tracks),) if _has(pair, "tracks") else ()),
        )
    ]


def _has(pair: Comparison, name: str) -> bool:
    return pair.tracks is not None and getattr(pair.tracks, name) is not None


def _row(pair: Comparison, name: str, pick: Pick, form: str, meaning: str) -> Row:
    raw, tracks = (
        "" if figures is None else _picked(figures, pick, form)
        for figures in (pair.detections, pair.tracks)
    )
    return Row(name, raw, tracks, meaning)


def _picked(figures: Figures, pick: Pick, form: str) -> str:
    value = pick(figures)
    # Raw detections have neither existence nor tracks: no number, not even an unknown one.
    return "" if value is None else shown(value, form)


Spec = tuple[str, Pick, str, str]


def _boxes(iou: str) -> list[Spec]:
    return [
        (f"AP at IoU {iou}", lambda f: f.boxes.ap, ".3f", "area under precision over recall"),
        ("AP 0.5:0.95", lambda f: f.boxes.ap_50_95, ".3f", "mean over stricter overlaps"),
        ("found at all", lambda f: f.boxes.max_recall, ".3f", "recall with no threshold"),
        ("ROC AUC", lambda f: f.boxes.roc_auc, ".3f", "P(a right box outscores a wrong one)"),
    ]


_OPERATING: list[Spec] = [
    ("true", lambda f: f.boxes.true, ",", "boxes on an object"),
    ("false", lambda f: f.boxes.false, ",", "boxes on nothing, or second ones"),
    ("missed", lambda f: f.boxes.missed, ",", "objects without a box"),
    ("precision", lambda f: f.boxes.precision, ".3f", "true of all boxes"),
    ("recall", lambda f: f.boxes.recall, ".3f", "found of all objects"),
    ("F1", lambda f: f.boxes.f1, ".3f", "harmonic mean of the two"),
]
_SCORE: list[Spec] = [
    ("ECE", lambda f: f.score.ece, ".3f", "mean error of the probability, bins of equal width"),
    ("ECE, equal mass", lambda f: f.score.ece_mass, ".3f", "bins of equal numbers of boxes"),
    ("Brier score", lambda f: f.score.brier, ".3f", "mean squared error"),
    ("  reliability", lambda f: f.score.reliability, ".3f", "part that recalibration would remove"),
    ("  resolution", lambda f: f.score.resolution, ".3f", "part won over the base rate"),
    ("log-loss", lambda f: f.score.log_loss, ".3f", "mean −log of what came true"),
    ("mean told", lambda f: f.score.mean, ".3f", "mean probability …"),
    ("came true", lambda f: f.score.true_share, ".3f", "… and what it should be"),
]


def _existence(name: str) -> Pick:
    return lambda f: None if f.existence is None else getattr(f.existence, name)


_EXISTENCE: list[Spec] = [
    ("ECE", _existence("ece"), ".3f", "right: the box's track follows a real object"),
    ("ECE, equal mass", _existence("ece_mass"), ".3f", "bins of equal numbers of boxes"),
    ("Brier score", _existence("brier"), ".3f", "mean squared error"),
    ("  reliability", _existence("reliability"), ".3f", "part that recalibration would remove"),
    ("  resolution", _existence("resolution"), ".3f", "part won over the base rate"),
    ("log-loss", _existence("log_loss"), ".3f", "mean −log of what came true"),
]


def _track(name: str) -> Pick:
    return lambda f: None if f.tracks is None else getattr(f.tracks, name)


_TRACKS: list[Spec] = [
    ("HOTA", _track("hota"), ".3f", "detection and association together"),
    ("DetA", _track("deta"), ".3f", "its detection part"),
    ("AssA", _track("assa"), ".3f", "its association part"),
    ("IDF1", _track("idf1"), ".3f", "boxes with the right identity"),
    ("MOTA", _track("mota"), ".3f", "1 − (missed + false + switches) / objects"),
    ("ID switches", _track("id_switches"), ",", "an object's track changed"),
    ("tracks", _track("tracks"), ",", "with a judged box"),
    ("false tracks", _track("false_tracks"), ",", "wrong in more than half of their boxes"),
    ("  per 1,000 frames", _track("false_tracks_per_1000"), ".1f", ""),
    ("frames to find", _track("confirm_frames"), ".0f", "median, from when it could be found"),
    ("seconds to find", _track("confirm_s"), ".2f", "the same in seconds"),
    ("never found", _track("never_confirmed"), ".3f", "share of the objects"),
]
_WEAK: list[Spec] = [
    ("weak objects' boxes", _track("weak_boxes"), ",", "of objects never detected above 0.5"),
    ("  found by tracks", _track("weak_recall"), ".3f", "share of them"),
    ("  found by raw", _track("weak_raw_recall"), ".3f", "at any score"),
    ("low boxes", _track("low_boxes"), ",", "not detected above 0.5 in that frame"),
    ("  found by tracks", _track("low_recall"), ".3f", "share of them"),
]


def group_table(groups: dict[str, Comparison], what: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the figures by sequence or class, the most telling columns first."""
    columns: list[tuple[str, Pick, str]] = [
        ("AP", lambda f: f.boxes.ap, ".3f"),
        ("prec.", lambda f: f.boxes.precision, ".3f"),
        ("recall", lambda f: f.boxes.recall, ".3f"),
        ("ECE", lambda f: f.score.ece, ".3f"),
        ("HOTA", _track("hota"), ".3f"),
        ("IDF1", _track("idf1"), ".3f"),
        ("false tr.", _track("false_tracks"), ","),
        ("boxes", lambda f: f.boxes.objects, ","),
        ("ex. ECE", _existence("ece"), ".3f"),
        ("MOTA", _track("mota"), ".3f"),
        ("ID sw.", _track("id_switches"), ","),
    ]
    both = any(p.tracks is not None and p.detections is not None for p in groups.values())
    rows = []
    for name, pair in groups.items():
        main = pair.tracks or pair.detections
        assert main is not None
        cells = [_picked(main, pick, form) for _, pick, form in columns]
        if both:
            raw = pair.detections
            cells.insert(0, "" if raw is None else shown(raw.boxes.ap))
        rows.append([name, *cells])
    header = [what, *(title for title, _, _ in columns)]
    if both:
        header.insert(1, "raw AP")
    used = [k for k in range(len(header)) if any(row[k] for row in rows)]
    return [header[k] for k in used], [[row[k] for k in used] for row in rows]
