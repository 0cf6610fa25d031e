"""An evaluation on the terminal: figures side by side, what is not true where, the advice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tracker.evaluation.report.document import Document

__all__ = ["render"]

# With less room the meaning of each figure is left out.
_ROOM_FOR_MEANING = 84


def render(document: Document, files: Sequence[Path], *, width: int = 100) -> RenderableType:
    """Lay out an evaluation for a person.

    Args:
        document: The report.
        files: What was written.
        width: Columns of the terminal.
    """
    from tracker.evaluation.report.tables import group_table
    from tracker.evaluation.report.words import advice_sentences, furthest

    result = document.result
    parts: list[RenderableType] = ["", _introduction(document), "", _figures(document, width)]
    for what, groups in (("class", result.by_class), ("sequence", result.by_sequence)):
        if len(groups) > 1:
            parts += ["", _groups(*group_table(groups, what), width)]
    wrong = furthest(document)
    if wrong:
        parts += ["", Text("Where a probability is furthest from true", style="bold")]
        parts += [Padding(Text(line), (0, 0, 0, 2)) for line in wrong]
    if document.advised is not None:
        first, *more = advice_sentences(document.advised)
        parts += ["", Text("Which threshold", style="bold")]
        parts.append(Padding(Text(first, style="green"), (0, 0, 0, 2)))
        parts += [Padding(Text(line), (0, 0, 0, 2)) for line in more]
    if files:
        parts += ["", *(Text(str(path), no_wrap=True, overflow="ignore") for path in files)]
    return Group(*parts)


def _introduction(document: Document) -> RenderableType:
    result = document.result
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in document.names.items():
        grid.add_row(name, Text(value))
    frames = sum({part.sequence: len(part.frames) for part in result.parts}.values())
    count = len(result.by_sequence)
    main = result.overall.tracks or result.overall.detections
    boxes = 0 if main is None else main.boxes.objects
    classes = ", ".join(result.by_class)
    grid.add_row(
        "judged",
        Text(
            f"{count} sequence{'s' if count > 1 else ''}, {frames:,} frames, {boxes:,} boxes of"
            f" {classes}, IoU {result.min_iou:g}"
        ),
    )
    return grid


def _figures(document: Document, width: int) -> RenderableType:
    from tracker.evaluation.report.tables import sections

    result = document.result
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    kinds = [
        (name, key, style)
        for name, key, style, given in (
            ("raw", "raw", "yellow", result.overall.detections),
            ("tracks", "tracks", "cyan", result.overall.tracks),
        )
        if given is not None
    ]
    for name, _, style in kinds:
        table.add_column(name, justify="right", style=style, no_wrap=True)
    meaning = width >= _ROOM_FOR_MEANING
    if meaning:
        table.add_column("", style="dim")
    for k, section in enumerate(sections(result)):
        if k:
            table.add_row()
        table.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            cells = [getattr(row, key) for _, key, _ in kinds]
            table.add_row(f"  {row.name}", *cells, *([row.meaning] if meaning else []))
    return table


def _groups(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> RenderableType:
    """As many columns as there is room for; report.html has them all."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    room, shown = width, 0
    for column in zip(header, *rows, strict=True):
        room -= max(len(cell) for cell in column) + 2
        shown += room >= 0 or shown < 2
    for k, title in enumerate(header[:shown]):
        table.add_column(title, justify="right" if k else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row[:shown])
    return table
