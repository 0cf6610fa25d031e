"""What a run came to: a table on the terminal and summary.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tracker.cli.console import duration
from tracker.files import write_whole
from tracker.summary import RunSummary, Spread

__all__ = ["losses", "render", "write_summary"]

SCHEMA, VERSION = "conftrack.summary", 1
# Damage of these kinds cost frames; times that had to be repaired did not.
_LOSSES = ("truncated", "corrupt", "unreadable", "ended")
_MOST_DAMAGE_LINES = 8


def losses(summary: RunSummary) -> list[Any]:
    """The damage of the source that cost frames."""
    return [damage for damage in summary.damage if damage.reason in _LOSSES]


def write_summary(path: Path, summary: RunSummary, more: Mapping[str, Any]) -> None:
    """Write summary.json.

    Args:
        path: The file.
        summary: Of the run.
        more: Further JSON-able keys: model, configuration, files.

    Raises:
        OSError: It cannot be written.
    """
    content = {"schema": SCHEMA, "version": VERSION, **summary.to_dict(), **more}
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def render(summary: RunSummary, files: Sequence[Path]) -> RenderableType:
    """Lay out the result of a run for a person.

    Args:
        summary: Of the run.
        files: What was written, in the order to show.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row("video", _video(summary))
    grid.add_row("objects confirmed", _objects(summary))
    grid.add_row("candidates suppressed", str(summary.candidates_suppressed))
    if summary.candidates_suppressed:
        grid.add_row("  how long they lived", _spread(summary.suppressed_life_s, duration))
        grid.add_row(
            "  best confidence", _spread(summary.suppressed_best_confidence, "{:.2f}".format)
        )
    if summary.candidates_undecided:
        grid.add_row("undecided at the end", str(summary.candidates_undecided))
    grid.add_row("time per frame", _stages(summary))
    for name, line in _troubles(summary):
        grid.add_row(name, Text(line, style="yellow"))
    parts: list[RenderableType] = ["", grid]
    if files:
        parts += ["", *(Text(str(path), no_wrap=True, overflow="ignore") for path in files)]
    return Group(*parts)


def _video(summary: RunSummary) -> str:
    text = (
        f"{summary.frames} frames, {duration(summary.duration_s)}, in {duration(summary.wall_s)}"
        f" ({summary.fps:.1f} frames/s)"
    )
    if summary.interrupted:
        text += "; [yellow]interrupted[/]"
    if summary.frames_dropped:
        text += f"; {summary.frames_dropped} frames dropped to keep up"
    if summary.frames_not_looked:
        text += f"; {summary.frames_not_looked} frames not looked at"
    return text


def _objects(summary: RunSummary) -> str:
    kinds = ", ".join(f"{n} {escape(name)}" for name, n in summary.objects_by_class.items())
    count = f"[green]{summary.objects_confirmed}[/]"
    return f"{count} ({kinds})" if kinds else count


def _spread(spread: Spread, show: Callable[[float], str]) -> str:
    return (
        f"median {show(spread.median)}, 95 % within {show(spread.p95)}, at most {show(spread.max)}"
    )


def _stages(summary: RunSummary) -> str:
    times = ((name, stage.ms_per_frame) for name, stage in summary.stages.items())
    return ", ".join(f"{name} {ms:.{0 if ms >= 10 else 1}f} ms" for name, ms in times)


def _troubles(summary: RunSummary) -> list[tuple[str, str]]:
    lines = [str(damage) for damage in summary.damage[:_MOST_DAMAGE_LINES]]
    hidden = len(summary.damage) - len(lines)
    if hidden > 0:
        lines.append(f"and {hidden} more, all in summary.json")
    return [("source damaged" if i == 0 else "", line) for i, line in enumerate(lines)]
