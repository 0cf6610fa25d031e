"""How a live run is going: a table on a terminal, a line now and then everywhere else."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tracker.cli.console import err

if TYPE_CHECKING:
    from tracker.live.system import LiveSystem

__all__ = ["LiveTable"]

# Without a terminal a line a camera this often: enough for a log, not a flood.
_LINES_EVERY_S = 30.0
_COLOURS = {"up": "green", "ended": "dim", "connecting": "yellow", "down": "red"}


class LiveTable:
    """Shows the health of all cameras on standard error.

    Args:
        system: What runs.
        quiet: Show nothing.
    """

    def __init__(self, system: LiveSystem, *, quiet: bool = False) -> None:
        """Prepare; nothing is shown before it is entered."""
        self._system, self._quiet = system, quiet
        self._live = Live(console=err, auto_refresh=False, transient=True)
        self._shows = err.is_terminal and not quiet
        self._lines_at = time.monotonic()
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._shows:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the table away."""
        if self._shows:
            self._live.stop()

    def update(self) -> None:
        """Show how it is now; a camera whose state has changed is told of at once."""
        if self._quiet:
            return
        health = self._system.health()
        if self._shows:
            self._live.update(render(health), refresh=True)
            return
        now = time.monotonic()
        all_of_them = now - self._lines_at >= _LINES_EVERY_S
        if all_of_them:
            self._lines_at = now
        for camera in health["cameras"]:
            if all_of_them or self._states.get(camera["camera"]) != camera["state"]:
                self._states[camera["camera"]] = camera["state"]
                err.print(line(camera), soft_wrap=True)


def render(health: dict[str, Any]) -> Group:
    """The table of all cameras, and what outlets have trouble."""
    table = Table(box=None, pad_edge=False, expand=False)
    for name in ("camera", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("in /s", "looked /s", "dropped", "late ms", "reconnects", "tracks"):
        table.add_column(name, justify="right", no_wrap=True)
    for camera in health["cameras"]:
        state = camera["state"]
        late = camera["latency_s"]
        table.add_row(
            escape(camera["camera"]),
            Text(state, style=_COLOURS.get(state, "yellow")),
            f"{camera['fps_in']:.1f}",
            f"{camera['fps_looked']:.1f}",
            str(camera["dropped"] + camera["skipped"]),
            "-" if late["p95"] is None else f"{1000 * late['p50']:.0f}/{1000 * late['p95']:.0f}",
            str(camera["reconnects"]),
            tracks_in_words(camera["tracks"]),
        )
    parts: list[Any] = [table]
    for camera in health["cameras"]:
        if camera["why"] and not camera["well"]:
            parts.append(Text(f"{camera['camera']}: {camera['why']}", style="yellow"))
    for outlet in health["outlets"]:
        if outlet["trouble"] or outlet["dropped"]:
            text = f"{outlet['outlet']}: {outlet['waiting']} events wait"
            text += f", {outlet['dropped']} dropped" if outlet["dropped"] else ""
            text += f" ({outlet['trouble']})" if outlet["trouble"] else ""
            parts.append(Text(text, style="yellow"))
    return Group(*parts)


def tracks_in_words(tracks: dict[str, int]) -> str:
    """Counts by state, short.

    >>> tracks_in_words({"tentative": 3, "confirmed": 2, "coasting": 1, "lost": 0})
    '3 confirmed, 3 tentative'
    >>> tracks_in_words({"tentative": 0, "confirmed": 0, "coasting": 0, "lost": 1})
    '0 confirmed, 1 lost'
    """
    text = f"{tracks['confirmed'] + tracks['coasting']} confirmed"
    for name in ("lost", "tentative"):
        text += f", {tracks[name]} {name}" if tracks[name] else ""
    return text


def line(camera: dict[str, Any]) -> str:
    """One camera as a line of a log."""
    late = camera["latency_s"]["p95"]
    when = "" if late is None else f" late {1000 * late:.0f} ms (95 %),"
    text = (
        f"{camera['camera']}: {camera['state']}, {camera['fps_in']:.1f} in/s,"
        f" {camera['fps_looked']:.1f} looked/s, {camera['dropped'] + camera['skipped']} dropped,"
        f"{when} {camera['reconnects']} reconnects,"
        f" {tracks_in_words(camera['tracks'])}"
    )
    why = camera["why"]
    return escape(text + (f" ({why})" if why and not camera["well"] else ""))
