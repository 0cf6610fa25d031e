"""Charts as SVG text: small, in the colours of the page they stand in, light or dark.

In: a `Chart`. Out: an `<svg>` element whose colours are CSS variables of the page (`--tracks`,
`--raw` …). Lines carry their name, and the drawing its ranges, so that the page's script can say
what is under the pointer.
"""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.report.chart import Chart, Line
from tracker.evaluation.report.ticks import linear_ticks, log_ticks, tick_text

__all__ = ["drawing"]

FloatArray = NDArray[np.float64]

_WIDTH, _HEIGHT = 400.0, 290.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 50.0, 10.0, 10.0, 42.0
_STRIP = 6.0
_ROW, _LABEL, _COUNT = 24.0, 104.0, 62.0


def drawing(chart: Chart, *, height: float = _HEIGHT) -> str:
    """Draw a chart.

    Args:
        chart: What to draw.
        height: Of the drawing in its own units, of which it is 400 wide; charts of pairs are as
            high as they have rows.

    Returns:
        One `<svg>` element.
    """
    return _pairs(chart) if chart.pairs else _axes(chart, height)


class _Scale:
    """From data to the drawing's units."""

    def __init__(self, chart: Chart, height: float) -> None:
        self.chart, self.bottom = chart, height - _BOTTOM
        self.right = _WIDTH - _RIGHT

    def x(self, value: float) -> float:
        low, high = self.chart.x_range
        return _LEFT + (value - low) / ((high - low) or 1.0) * (self.right - _LEFT)

    def y(self, value: float) -> float:
        low, high = self.chart.y_range
        if self.chart.log_y:
            low, high, value = np.log10([low, high, max(value, low / 10)]).tolist()
        return self.bottom - (value - low) / ((high - low) or 1.0) * (self.bottom - _TOP)


def _axes(chart: Chart, height: float) -> str:
    scale = _Scale(chart, height)
    x0, x1, y0, y1 = _LEFT, scale.right, scale.bottom, _TOP
    parts = [
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(chart.title)}"'
        f' data-x="{chart.x_range[0]:g},{chart.x_range[1]:g}"'
        f' data-y="{chart.y_range[0]:g},{chart.y_range[1]:g}" data-log="{int(chart.log_y)}"'
        f' data-box="{x0:g},{y1:g},{x1:g},{y0:g}" data-label="{escape(chart.x_label)}">',
        # What leaves the axes is cut off.
        f'<clipPath id="c-{chart.key}"><rect x="{x0:g}" y="{y1 - 1:g}" width="{x1 - x0:g}"'
        f' height="{y0 - y1 + 2:g}"/></clipPath>',
    ]
    ys = log_ticks(*chart.y_range) if chart.log_y else linear_ticks(*chart.y_range, 6)
    for value in ys:
        y = scale.y(value)
        parts.append(f'<path class="grid" d="M{x0:g} {y:.1f}H{x1:g}"/>')
        parts.append(f'<text class="end" x="{x0 - 6:g}" y="{y + 4:.1f}">{tick_text(value)}</text>')
    for value in linear_ticks(*chart.x_range, 6):
        x = scale.x(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {y1:g}V{y0:g}"/>')
        parts.append(f'<text class="mid" x="{x:.1f}" y="{y0 + 16:g}">{tick_text(value)}</text>')
    parts.append(
        f'<text class="mid axis" x="{(x0 + x1) / 2:g}" y="{height - 6:g}">{escape(chart.x_label)}'
        f'</text><text class="mid axis" transform="rotate(-90 12 {(y0 + y1) / 2:g})" x="12"'
        f' y="{(y0 + y1) / 2:g}">{escape(chart.y_label)}</text>'
    )
    parts.append(f'<g clip-path="url(#c-{chart.key})">')
    for bar in chart.bars:
        a, b, top = scale.x(bar.start), scale.x(bar.stop), scale.y(bar.height)
        parts.append(
            f'<rect class="bar" style="fill:var(--{bar.ink})" x="{a:.1f}" y="{top:.1f}"'
            f' width="{max(b - a - 1, 0.5):.1f}" height="{y0 - top:.1f}"/>'
        )
    for band in chart.bands:
        a, b = scale.x(band.start), scale.x(band.stop)
        top, tall = (y1, y0 - y1) if band.full else (y0 - _STRIP, _STRIP)
        kind = "wide" if band.full else "strip"
        parts.append(
            f'<rect class="{kind}" style="fill:var(--{band.ink})" x="{a:.1f}" y="{top:g}"'
            f' width="{max(b - a, 0.7):.1f}" height="{tall:g}"/>'
        )
    parts += [_line(line, scale) for line in chart.lines]
    parts.append("</g>")
    for mark in chart.marks:
        x, y = scale.x(mark.x), scale.y(mark.y)
        side, shift = ("end", -8) if x > (x0 + x1) / 2 else ("start", 8)
        parts.append(
            f'<circle class="mark" style="fill:var(--{mark.ink})" cx="{x:.1f}" cy="{y:.1f}"'
            f' r="4.5"/><text class="{side} mark" x="{x + shift:.1f}" y="{y + 15:.1f}">'
            f"{escape(mark.text)}</text>"
        )
    parts.append(f'<path class="edge" d="M{x0:g} {y1:g}V{y0:g}H{x1:g}"/></svg>')
    return "".join(parts)


def _line(line: Line, scale: _Scale) -> str:
    points = [
        (scale.x(float(x)), scale.y(float(y))) if np.isfinite(y) else None
        for x, y in zip(line.x, line.y, strict=True)
    ]
    name = f' data-name="{escape(line.name)}"' if line.name else ""
    if line.style == "points":
        dots = "".join(f"M{p[0]:.1f} {p[1]:.1f}h0" for p in points if p)
        return f'<path class="dots"{name} style="stroke:var(--{line.ink})" d="{dots}"/>'
    text, pen = [], "M"
    for p in points:
        if p is None:
            pen = "M"
        else:
            text.append(f"{pen}{p[0]:.1f} {p[1]:.1f}")
            pen = "L"
    kind = "line dashed" if line.style == "dashed" else "line"
    out = f'<path class="{kind}"{name} style="stroke:var(--{line.ink})" d="{"".join(text)}"/>'
    if line.style == "both":
        dots = "".join(f"M{p[0]:.1f} {p[1]:.1f}h0" for p in points if p)
        out += f'<path class="dots big" style="stroke:var(--{line.ink})" d="{dots}"/>'
    return out


def _pairs(chart: Chart) -> str:
    height = 10 + _ROW * len(chart.pairs) + _BOTTOM
    x0, x1, y0 = _LABEL, _WIDTH - _COUNT, height - _BOTTOM

    def scale(value: float) -> float:
        return x0 + value * (x1 - x0)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(chart.title)}">'
    ]
    for value in linear_ticks(0.0, 1.0, 6):
        x = scale(value)
        parts.append(
            f'<path class="grid" d="M{x:.1f} 6V{y0:g}"/>'
            f'<text class="mid" x="{x:.1f}" y="{y0 + 16:g}">{tick_text(value)}</text>'
        )
    for k, row in enumerate(chart.pairs):
        y = 10 + _ROW * (k + 0.5)
        told, true = scale(row.told), scale(row.true)
        parts.append(
            f"<g><title>{escape(row.label)}: told {row.told:.3f}, true {row.true:.3f},"
            f' {row.boxes:,} boxes</title><text class="end" x="{x0 - 8:g}" y="{y + 4:.1f}">'
            f'{escape(row.label)}</text><path class="link" d="M{told:.1f} {y:.1f}H{true:.1f}"/>'
            f'<circle class="true" cx="{true:.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<circle class="told" cx="{told:.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<text class="end" x="{_WIDTH - 4:g}" y="{y + 4:.1f}">{row.boxes:,}</text></g>'
        )
    parts.append(
        f'<text class="mid axis" x="{(x0 + x1) / 2:g}" y="{height - 6:g}">{escape(chart.x_label)}'
        f'</text><text class="end axis" x="{_WIDTH - 4:g}" y="{height - 6:g}">boxes</text></svg>'
    )
    return "".join(parts)
