"""`conftrack bag info`: what is in a recording, and what of it can be used."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tracker.cli.console import Debug, duration, guard, note, out, show_log
from tracker.cli.helptext import epilog

if TYPE_CHECKING:
    from tracker.bags import Container

__all__ = ["INFO_EPILOG", "Bag", "info"]

INFO_EPILOG = epilog(("conftrack bag info drive.mcap", "its topics, and what can be used"))

Bag = Annotated[
    Path,
    typer.Argument(
        metavar="BAG",
        help="A recording: .mcap or .db3 of ROS 2, the folder of one, or .bag of ROS 1.",
        show_default=False,
    ),
]


@guard
def info(path: Bag, debug: Debug = False) -> None:
    """List the topics of a bag and say which can be used."""
    show_log(debug=debug)
    from tracker import bags

    with bags.open_container(path) as container:
        uses = {
            "image": "--image-topic",
            "compressed": "--image-topic",
            "detections": "--detections-topic",
            "": "",
        }
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("topic", overflow="fold", no_wrap=True)
        table.add_column("type", overflow="fold")
        table.add_column("messages", justify="right")
        table.add_column("use as")
        for topic in container.topics.values():
            table.add_row(
                escape(topic.name),
                escape(topic.type or f"({topic.encoding or 'unknown'})"),
                "?" if topic.count is None else str(topic.count),
                f"[green]{uses[bags.use_of(topic)]}[/]" if bags.use_of(topic) else "-",
            )
        out.print(f"[bold]{escape(str(path))}[/] {_span(container)}", soft_wrap=True)
        out.print(table if container.topics else "it has no topics")
        if container.broken:
            note(f"{container.broken}; what came before can be read", warning=True)


def _span(container: Container) -> str:
    if container.start_ns is None or container.end_ns is None:
        return ""
    begin = datetime.fromtimestamp(container.start_ns / 1e9, UTC)
    length = duration((container.end_ns - container.start_ns) / 1e9)
    return f"{length} from {begin:%Y-%m-%d %H:%M:%S} UTC"
