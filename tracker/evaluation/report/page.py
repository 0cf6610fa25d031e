"""report.html: the whole report in one file that needs no network.

In: a `Document`. Out: HTML with its styles, script and drawings inside. It is light or dark as the
reader's system is, and one column on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from tracker.evaluation.report.chart import Chart
from tracker.evaluation.report.document import Document
from tracker.evaluation.report.svg import drawing
from tracker.evaluation.report.tables import group_table, sections
from tracker.evaluation.report.words import advice_sentences, headline

__all__ = ["figure", "page"]

_WIDE_HEIGHT = 230.0


def page(document: Document, *, version: str = "") -> str:
    """Write the page.

    Args:
        document: What it shows.
        version: Of this program, for the last line.

    Returns:
        The text of an HTML file.
    """
    here = files("tracker.evaluation.report")
    css, script = (here.joinpath(n).read_text(encoding="utf-8") for n in ("page.css", "page.js"))
    what = document.names.get("tracks") or document.names.get("detections") or ""
    title = f"Evaluation of {what.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
    body = "".join(
        (
            _head(document, title),
            _cards(document),
            _advice(document),
            _notes(document),
            "<h2>All boxes</h2>",
            _grid([chart for chart in document.charts if chart.key != "advice"]),
            _lives(document),
            _groups(document),
            "<h2>All figures</h2>",
            _comparison(document),
            _by(document),
            f'<footer class="soft">conftrack {escape(version)}, {escape(document.created)}.'
            " report.json has every number of this page and more.</footer>",
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head>"
        f"<body><main>{body}</main><script>{script}</script></body></html>\n"
    )


def _head(document: Document, title: str) -> str:
    result = document.result
    frames = sum({part.sequence: len(part.frames) for part in result.parts}.values())
    main = result.overall.tracks or result.overall.detections
    objects = 0 if main is None else main.boxes.objects
    parts = [
        f"<b>{escape(name)}</b> {escape(value)}" for name, value in document.names.items() if value
    ]
    count = len(result.by_sequence)
    return (
        f'<h1>{escape(title)}</h1><p class="soft what">{" · ".join(parts)}</p>'
        f'<p class="soft">{count} sequence{"s" if count > 1 else ""}, {frames:,} frames,'
        f" {objects:,} boxes of {escape(', '.join(result.by_class))}; a box is right at an overlap"
        f" (IoU) of {result.min_iou:g}.</p>"
    )


def _cards(document: Document) -> str:
    cards = "".join(
        f'<div class="card"><div class="name">{escape(name)}</div>'
        f'<div class="value">{escape(value)}</div><div class="soft">{escape(what)}</div></div>'
        for name, value, what in headline(document.result)
    )
    return f'<div class="cards">{cards}</div>'


def _advice(document: Document) -> str:
    if document.advised is None:
        return ""
    first, *rest = advice_sentences(document.advised)
    more = "".join(f"<p>{escape(text)}</p>" for text in rest)
    count = document.advised.advice.clusters
    drawn = "".join(figure(chart, None) for chart in document.charts if chart.key == "advice")
    return (
        '<h2>Which threshold</h2><div class="aside"><div class="box advice">'
        f'<p><b>{escape(first)}</b></p>{more}<p class="soft">Intervals: bootstrap over {count:,}'
        " tracks and lost objects. The threshold was chosen on this very footage; on other footage"
        f" expect a little less.</p></div>{drawn}</div>"
    )


def _notes(document: Document) -> str:
    notes = document.result.notes
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<h2>Note</h2><div class="box notes"><ul>{items}</ul></div>'


def _comparison(document: Document) -> str:
    result = document.result
    kinds = [
        (title, key)
        for title, key, figures in (
            ("raw", "raw", result.overall.detections),
            ("tracks", "tracks", result.overall.tracks),
        )
        if figures is not None
    ]
    head = "".join(f"<th>{title}</th>" for title, _ in kinds)
    rows = []
    for section in sections(result):
        rows.append(
            f'<tr class="title"><td colspan="{2 + len(kinds)}">{escape(section.title)}</td></tr>'
        )
        for row in section.rows:
            cells = "".join(f'<td class="{k}">{escape(getattr(row, k))}</td>' for _, k in kinds)
            inner = ' class="in"' if row.name.startswith(" ") else ""
            rows.append(
                f"<tr><td><span{inner}>{escape(row.name.strip())}"
                # Beside the numbers where there is room, else under the name.
                f"<small>{escape(row.meaning)}</small></span></td>{cells}"
                f'<td class="means">{escape(row.meaning)}</td></tr>'
            )
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}<th></th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div>"
    )


def _grid(charts: Sequence[Chart], *, height: float | None = None) -> str:
    return f'<div class="charts">{"".join(figure(chart, height) for chart in charts)}</div>'


def figure(chart: Chart, height: float | None) -> str:
    """A chart with its title, legend and caption; a height makes it wide and that high."""
    if chart.pairs:
        legend = (
            '<span class="ring" style="--c:var(--tracks)">told</span>'
            '<span class="dot" style="--c:var(--right)">came true</span>'
        )
    else:
        legend = "".join(
            f'<span{" class=dot" if line.style == "points" else ""} style="--c:var(--{line.ink})">'
            f"{escape(line.name)}</span>"
            for line in chart.lines
            if line.name
        )
    # Why a track is shown comes before its life, how to read a chart after it.
    told = f"<figcaption>{escape(chart.caption)}</figcaption>" if chart.caption else ""
    sub, caption = (told, "") if height is not None else ("", told)
    drawn = drawing(chart) if height is None else drawing(chart, height=height)
    return (
        f'<figure><h3>{escape(chart.title)}</h3>{sub}<div class="legend">{legend}</div>{drawn}'
        f"{caption}</figure>"
    )


def _lives(document: Document) -> str:
    if not document.track_charts:
        return ""
    return (
        '<h2>Belief over time</h2><p class="soft">Lives of single tracks: raw confidence, and what'
        " became of it. The strip at the foot is the truth: green while the box is on an object,"
        " red while it is not, grey where nobody judges.</p>"
        + _grid(document.track_charts, height=_WIDE_HEIGHT)
    )


def _groups(document: Document) -> str:
    if not document.group_charts:
        return ""
    return (
        '<h2>Where the probability is true</h2><p class="soft">Mean probability told beside the'
        f" share that came true, group by group.</p>{_grid(document.group_charts)}"
    )


def _by(document: Document) -> str:
    result, out = document.result, []
    for title, what, groups in (
        ("By class", "class", result.by_class),
        ("By sequence", "sequence", result.by_sequence),
    ):
        if len(groups) < 2:
            continue
        header, rows = group_table(groups, what)
        head = "".join(f"<th>{escape(text)}</th>" for text in header)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        out.append(
            f'<h2>{title}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )
    return "".join(out)
