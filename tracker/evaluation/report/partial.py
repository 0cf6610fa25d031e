"""The report of an evaluation by answers: its tables, report.json, report.html, a chart.

In: a `Partial`, and who answered. Out: the same in each form. It has few figures, and says which
ones answers cannot give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from tracker.evaluation.calibration_error import BINS
from tracker.evaluation.partial import Estimate, Partial, TrueOrNot
from tracker.evaluation.report.chart import Bar, Chart, Ink, Line
from tracker.evaluation.report.document import finite
from tracker.evaluation.report.page import figure
from tracker.evaluation.report.tables import shown

__all__ = ["UNKNOWN", "Answering", "PartialReport", "page", "reliability", "tables", "to_json"]

SCHEMA, VERSION = "conftrack.evaluation-by-answers", 1
UNKNOWN = (
    "Answers are about tracks. What has no track is in none of them, so recall, missed objects, AP,"
    " HOTA, IDF1 and ID switches are not known; nor is whether single boxes lie right (score)."
    " conftrack evaluate --truth tells those."
)


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answered, and how far they agree.

    Attributes:
        reviewers: Names.
        open: Tracks that were asked about and have no answer: reviewers differ, or are unsure.
        shared: Tracks that at least two reviewers answered.
        agreed: Mean share of pairs of reviewers that say the same; NaN without.
        kappa: Agreement beyond chance; NaN without.
        classes: Tracks whose class reviewers said.
        classes_right: Share of them that the run has the same class for; NaN without.
    """

    reviewers: tuple[str, ...]
    open: int
    shared: int
    agreed: float
    kappa: float
    classes: int
    classes_right: float


@dataclass(frozen=True, slots=True)
class PartialReport:
    """A whole report.

    Attributes:
        result: The figures.
        answering: Who they are from.
        names: What was compared: tracks, answers.
        told: What the probability of a track is.
        created: ISO 8601.
    """

    result: Partial
    answering: Answering
    names: Mapping[str, str]
    told: str
    created: str


Row = tuple[str, str, str, str]


def tables(report: PartialReport) -> list[tuple[str, list[Row]]]:
    """Titles with rows: name, value, 95 % interval, meaning."""
    r, a = report.result, report.answering
    asked: list[Row] = [
        ("answered", f"{r.answered:,}", "", f"of {r.tracks:,} tracks"),
        ("covered", f"{r.covered:,}", "", "tracks that these answers speak for"),
    ]
    asked += [
        (
            f"  {s.name}",
            f"{s.tracks:,}",
            "",
            f"{s.answered:,} answered, {s.real:,} of them real"
            if s.answered
            else "none answered: these tracks are not covered",
        )
        for s in r.strata
    ]
    if a.open:
        asked.append(("open", f"{a.open:,}", "", "reviewers differ, or are unsure: left out"))
    if a.shared:
        asked += [
            ("agreement", shown(a.agreed), "", f"share that says the same, {a.shared:,} tracks"),
            ("kappa", shown(a.kappa), "", "agreement beyond chance; 1 is full"),
        ]
    if a.classes:
        asked.append(("class", shown(a.classes_right), "", f"right, of {a.classes:,} named"))
    precision: list[Row] = []
    for p in r.precision:
        about = f"{p.covered:,} of {p.tracks:,} covered, {p.answered:,} answered"
        precision.append((p.name, shown(p.share.value), _span(p.share), about))
        if p.covered:
            precision.append(
                ("  false ones", shown(p.false.value, ".1f"), _span(p.false, ".1f"), "expected")
            )
    out = [("Answers", asked), ("Share of real tracks among", precision)]
    for title, told in (
        (f"Is the probability of a track true? ({report.told})", r.probability),
        ("Is existence true? (boxes of the tracks)", r.existence),
    ):
        chance = f"0 is best; {shown(told.ece_by_chance)} would come by chance"
        out.append(
            (
                title,
                [
                    ("told in the mean", shown(told.mean.value), _span(told.mean), ""),
                    ("came true", shown(told.true_share.value), _span(told.true_share), ""),
                    ("ECE", shown(told.ece.value), _span(told.ece), chance),
                    ("Brier", shown(told.brier.value), _span(told.brier), "0 is best"),
                    ("log-loss", shown(told.log_loss.value), _span(told.log_loss), "0 is best"),
                ],
            )
        )
    return out


def to_json(report: PartialReport) -> dict[str, Any]:
    """The content of report.json, as docs/evaluate.md describes it."""
    plain: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "created": report.created,
        "compared": dict(report.names),
        "track_probability": report.told,
        "answers": asdict(report.answering),
        **asdict(report.result),
        "not_known": UNKNOWN,
    }
    clean: dict[str, Any] = finite(plain)
    return clean


def reliability(report: PartialReport) -> Chart:
    """Told against true, of tracks and of existence; bars are shares of the tracks covered."""
    everything: list[tuple[str, Ink, TrueOrNot]] = [
        ("track", "tracks", report.result.probability),
        ("existence", "existence", report.result.existence),
    ]
    ends = np.array([0.0, 1.0])
    lines = [Line("", "guide", ends, ends, "dashed")]
    bars = []
    for name, ink, told in everything:
        if told.bins:
            x, y = (
                np.array([getattr(b, key) for b in told.bins]) for key in ("mean", "true_share")
            )
            lines.append(Line(f"{name}, ECE {told.ece.value:.3f}", ink, x, y, "both"))
    first = report.result.probability.bins
    total = sum(b.boxes for b in first)
    for b in first:
        start = min(int(b.mean * BINS), BINS - 1) / BINS
        bars.append(Bar("tracks", start, start + 1 / BINS, b.boxes / max(total, 1)))
    return Chart(
        key="reliability_answers",
        title="Told and true",
        caption="On the dashed line a probability is true. Bars: where the tracks are. Few answers"
        " scatter around the line also where all is well.",
        x_label="probability told",
        y_label="share of real tracks",
        lines=tuple(lines),
        bars=tuple(bars),
    )


def page(report: PartialReport, *, version: str = "") -> str:
    """report.html: one file that needs no network."""
    css = files("tracker.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
    what = report.names.get("tracks", "")
    title = f"Answers about {what.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
    compared = " · ".join(f"<b>{escape(k)}</b> {escape(v)}" for k, v in report.names.items())
    rows = []
    for head, some in tables(report):
        rows.append(f'<tr class="title"><td colspan="4">{escape(head)}</td></tr>')
        for name, value, span, meaning in some:
            inner = ' class="in"' if name.startswith(" ") else ""
            rows.append(
                f"<tr><td><span{inner}>{escape(name.strip())}<small>{escape(meaning)}</small>"
                f'</span></td><td class="tracks">{escape(value)}</td><td>{escape(span)}</td>'
                f'<td class="means">{escape(meaning)}</td></tr>'
            )
    reviewers = ", ".join(report.answering.reviewers)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="soft what">{compared}</p>'
        f'<p class="soft">Reviewers: {escape(reviewers)}. Each answer stands for as many tracks as'
        " its stratum has for one answer.</p>"
        f'<div class="charts">{figure(reliability(report), None)}</div>'
        '<h2>All figures</h2><div class="scroll"><table>'
        "<thead><tr><th></th><th>value</th><th>95 %</th><th></th></tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<h2>Note</h2><div class="box notes"><ul><li>{escape(UNKNOWN)}</li></ul></div>'
        f'<footer class="soft">conftrack {escape(version)}, {escape(report.created)}.'
        " report.json has every number of this page and more.</footer></main></body></html>\n"
    )


def _span(estimate: Estimate, form: str = ".3f") -> str:
    low, high = estimate.interval
    return "" if math.isnan(low) else f"{low:{form}} to {high:{form}}"
