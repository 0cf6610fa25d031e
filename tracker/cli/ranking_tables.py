"""A ranking on the terminal: its first frames and why, and what is not as it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tracker.cli.console import duration, note
from tracker.review.signals import SIGNALS

if TYPE_CHECKING:
    from rich.table import Table

    from tracker.review.ranking import Ranking

__all__ = ["table_of", "tell_notes"]

_SHOWN = 15
_WORDS = {
    "missed": "missed",
    "doubtful": "doubtful",
    "hard_positives": "seen early",
    "switches": "switched",
}


def tell_notes(
    ranking: Ranking, top: int, diverse: bool, missing: Sequence[tuple[str, int]]
) -> None:
    """Say what is not as it was asked for."""
    if len(ranking.picks) < min(top, ranking.candidates):
        reason = "have nothing of it"
        if diverse:
            reason += ", or are too near or too like one of these (--apart, --likeness)"
        note(f"{len(ranking.picks)} frames, not {top}: the others {reason}")
    if diverse and ranking.looks == ("layout",):
        note("frames were told apart by the layout of their boxes: the video is not at hand")
    if ranking.by in SIGNALS and any(run.detections is None for run in ranking.runs):
        note(
            "without recorded detections (conftrack run --save all) a track's score stands for the"
            " detector's confidence"
        )
    if missing:
        note(f"{len(missing)} frames do not decode and were left out", warning=True)


def table_of(ranking: Ranking) -> Table:
    """The first frames, for a person."""
    from rich.table import Table

    several = len(ranking.runs) > 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    if several:
        table.add_column("run", overflow="fold")
    for name in ("frame", "time", ranking.by):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tracks", overflow="fold")
    for number, pick in enumerate(ranking.picks[:_SHOWN], 1):
        run = ranking.runs[pick.run]
        told = asdict(pick.reasons)
        why = [
            f"{word} {' '.join(map(str, told[name][:6]))}{' …' if len(told[name]) > 6 else ''}"
            for name, word in _WORDS.items()
            if told[name]
        ]
        clutter = len(told["hard_negatives"])
        why += [f"{clutter} of clutter"] if clutter else []
        table.add_row(
            str(number),
            *([run.name] if several else []),
            str(int(run.frame[pick.position])),
            duration(float(run.timestamp_s[pick.position])),
            f"{pick.value:.3f}",
            "; ".join(why),
        )
    rest = len(ranking.picks) - _SHOWN
    if rest > 0:
        table.add_row("", *([""] if several else []), "", "", "", f"and {rest} more")
    return table
