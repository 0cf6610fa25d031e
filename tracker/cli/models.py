"""`conftrack models`: what can be loaded, and what that needs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tracker.cli.console import Debug, guard, out, size
from tracker.cli.helptext import epilog

__all__ = ["EPILOG", "models"]

EPILOG = epilog(
    ("conftrack models", "every model with its size"),
    ("conftrack models --cached", "those that load without a network"),
    ("conftrack run V.mp4 --model bundled", "use one"),
)


@guard
def models(
    cached: Annotated[
        bool, typer.Option("--cached", help="Only what can be loaded without a network.")
    ] = False,
    debug: Debug = False,
) -> None:
    """List the detectors that can be loaded, what is cached, and sizes."""
    import detectors

    infos = [info for info in detectors.available() if info.cached or not cached]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("model", "left"),
        ("classes", "right"),
        ("AP", "right"),
        ("size", "right"),
        ("offline", "left"),
    ):
        table.add_column(column, justify="right" if justify == "right" else "left")
    for info in infos:
        table.add_row(
            info.name,
            str(info.classes),
            "-" if info.box_map is None else f"{info.box_map:.1f}",
            size(info.size_bytes),
            "[green]yes[/]" if info.cached else "no",
        )
        # Below the name, where a terminal of 80 columns has room for it.
        table.add_row(Padding(Text(info.note, style="dim"), (0, 0, 0, 2)))
    out.print(table)
    if not infos:
        out.print("nothing is cached")
    out.print(
        "\nAP: average precision on COCO in percent, from torchvision. offline: loads without a"
        " network.\n\nAlso: [bold]--model auto[/] takes COCO weights where they are cached or can"
        " be downloaded, else the bundled model; [bold]--model PATH[/] loads a checkpoint (.pth,"
        " .pt, .safetensors); [bold]--model replay:PATH[/] replays recorded detections."
    )
