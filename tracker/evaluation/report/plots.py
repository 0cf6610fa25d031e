"""Charts as PNG files, through matplotlib, without a display.

In: `Chart`s and a folder. Out: one PNG for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker.errors import MissingExtraError
from tracker.evaluation.report.chart import Chart, Ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INKS", "figure", "require", "write_pngs"]

# Told apart in print and by the colour-blind; the page has the same ones, and others in the dark.
INKS: dict[Ink, str] = {
    "tracks": "#1d5fd1",
    "raw": "#d9730d",
    "existence": "#7a3db8",
    "right": "#1f8a4c",
    "wrong": "#c92a3a",
    "guide": "#8a8f98",
}
_DPI = 144


def require() -> None:
    """Make sure that drawing will work, before time is spent on what is drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("matplotlib", "evaluate") from error


def write_pngs(charts: Sequence[Chart], folder: Path) -> list[Path]:
    """Draw every chart into `folder`, as KEY.png.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OSError: A file cannot be written.
    """
    paths = []
    for chart in charts:
        path = folder / f"{chart.key}.png"
        figure(chart).savefig(path, dpi=_DPI)
        paths.append(path)
    return paths


def figure(chart: Chart) -> Figure:
    """Draw one chart as a matplotlib figure, which belongs to no window.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require()
    from matplotlib.figure import Figure

    height = 1.3 + 0.3 * len(chart.pairs) if chart.pairs else 4.2
    # A Figure of its own: pyplot would choose a display and keep the figure for ever.
    drawn = Figure(figsize=(6.0, height), layout="constrained")
    axes = drawn.add_subplot()
    axes.set_title(chart.title, fontsize=11)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if chart.pairs:
        _draw_pairs(axes, chart)
    else:
        _draw(axes, chart)
    return drawn


def _draw(axes: Axes, chart: Chart) -> None:
    if chart.log_y:
        axes.set_yscale("log")
    axes.set_xlim(*chart.x_range)
    axes.set_ylim(*chart.y_range)
    for bar in chart.bars:
        axes.bar(
            bar.start,
            bar.height,
            bar.stop - bar.start,
            align="edge",
            color=INKS[bar.ink],
            alpha=0.15,
        )
    for band in chart.bands:
        # The strip along the axis is that share of its height.
        axes.axvspan(
            band.start,
            band.stop,
            ymax=1.0 if band.full else 0.025,
            color=INKS[band.ink],
            alpha=0.15 if band.full else 0.9,
            linewidth=0,
        )
    for line in chart.lines:
        style = {"line": "-", "dashed": "--", "points": "", "both": "-"}[line.style]
        dot = {"points": ".", "both": "o"}.get(line.style, "")
        axes.plot(
            line.x,
            line.y,
            color=INKS[line.ink],
            linestyle=style,
            marker=dot,
            markersize=4,
            label=line.name or None,
            linewidth=1.6 if line.name else 1.0,
            clip_on=True,
        )
    for mark in chart.marks:
        axes.plot([mark.x], [mark.y], "o", color=INKS[mark.ink], markeredgecolor="white")
        if not mark.text:
            continue
        left = mark.x > np.mean(chart.x_range)
        axes.annotate(
            mark.text,
            (mark.x, mark.y),
            xytext=(-6 if left else 6, -12),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9,
        )
    if any(line.name for line in chart.lines):
        axes.legend(frameon=False, fontsize=9)


def _draw_pairs(axes: Axes, chart: Chart) -> None:
    places = np.arange(len(chart.pairs))
    told, true = (np.array([getattr(row, k) for row in chart.pairs]) for k in ("told", "true"))
    axes.hlines(places, told, true, color=INKS["guide"], linewidth=1.5)
    axes.plot(true, places, "o", color=INKS["right"], label="came true")
    axes.plot(told, places, "o", color=INKS["tracks"], markerfacecolor="none", label="told")
    axes.set_yticks(places, [f"{row.label} ({row.boxes:,})" for row in chart.pairs])
    axes.set_xlim(-0.02, 1.02)
    axes.invert_yaxis()
    axes.legend(frameon=False, fontsize=9)
