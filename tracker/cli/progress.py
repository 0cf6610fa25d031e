"""How a run is going: a live bar on a terminal, a line now and then everywhere else."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.text import Text

from tracker.cli.console import duration, err

__all__ = ["RunProgress"]

# Without a terminal a line this often: enough for a log, not a flood.
_LINE_EVERY_S = 10.0


class _Rate(ProgressColumn):
    """Frames per second and the time that is left."""

    def render(self, task: Task) -> Text:
        rate, left = task.finished_speed or task.speed, task.time_remaining
        text = f"{rate:.1f} frames/s" if rate else "- frames/s"
        if task.total is not None and left is not None and not task.finished:
            text += f", {duration(left)} left"
        return Text(text)


class RunProgress:
    """Shows frames done, frames/s, time left and confirmed tracks on standard error.

    Args:
        total: Frames expected, None when nobody knows (a live source).
        quiet: Show nothing.
        label: What is being done.
        counts: Whether confirmed objects are counted meanwhile.
    """

    def __init__(
        self,
        total: int | None,
        *,
        quiet: bool = False,
        label: str = "tracking",
        counts: bool = True,
    ) -> None:
        """Prepare; nothing is shown before it is entered."""
        self._total, self._label, self._counts = total, label, counts
        self._quiet, self._live = quiet, err.is_terminal and not quiet
        self._begun = self._last_line = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            *([TextColumn("{task.fields[confirmed]} confirmed")] if counts else []),
            console=err,
            speed_estimate_period=15.0,
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total, confirmed=0)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._begun = self._last_line = time.monotonic()
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away; what it said is in the summary."""
        if self._live:
            self._bar.stop()

    def say(self, label: str) -> None:
        """Name what is being done now."""
        self._label = label
        self._bar.update(self._task, description=label)

    def update(self, frames: int, confirmed: int = 0) -> None:
        """Show the new state; cheap enough for every frame.

        Args:
            frames: Frames done so far.
            confirmed: Objects confirmed so far.
        """
        if self._live:
            if self._total is not None and frames > self._total:
                self._total = None  # an estimate that was too low must not show 103 %
                self._bar.update(self._task, total=None)
            self._bar.update(self._task, completed=frames, confirmed=confirmed)
            return
        now = time.monotonic()
        if self._quiet or now - self._last_line < _LINE_EVERY_S:
            return
        self._last_line = now
        rate = frames / (now - self._begun)
        text = f"{self._label}: {frames}"
        if self._total is not None:
            text += f"/{self._total} frames, {rate:.1f} frames/s"
            text += f", {duration(max(self._total - frames, 0) / rate)} left" if rate else ""
        else:
            text += f" frames, {rate:.1f} frames/s"
        if self._counts:
            text += f", {confirmed} confirmed"
        err.print(text, soft_wrap=True)
