"""A ranking on the terminal: its first frames and why, and what is not as it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tracker.cli.console import duration, note
from tracker.review.signals import SIGNALS

if TYPE_CHECKING:
    from rich.table import Table

    from tracker.review.ranking import Ranking

__all__ = ["table_of", "tell_notes"]

_SHOWN = 15
# Ids told of each reason; all are in ranking.json.
_IDS = 6
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


def reasons_in_words(tracks: Mapping[str, Sequence[int]]) -> str:
    """Why a frame is worth a look, from the track ids of each of its reasons.

    >>> reasons_in_words({"missed": [1, 36], "doubtful": [7], "hard_negatives": range(13)})
    'missed: tracks 1, 36; doubtful: track 7; clutter: 13 tracks'
    """
    why = []
    for name, word in _WORDS.items():
        ids = tracks.get(name, ())
        if ids:
            listed = ", ".join(map(str, ids[:_IDS])) + (", …" if len(ids) > _IDS else "")
            why.append(f"{word}: track{'s' if len(ids) > 1 else ''} {listed}")
    clutter = len(tracks.get("hard_negatives", ()))
    if clutter:
        why.append(f"clutter: {clutter} track{'s' if clutter > 1 else ''}")
    return "; ".join(why)


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
    table.add_column("why", overflow="fold")
    for number, pick in enumerate(ranking.picks[:_SHOWN], 1):
        run = ranking.runs[pick.run]
        told = asdict(pick.reasons)
        why = reasons_in_words(told)
        table.add_row(
            str(number),
            *([run.name] if several else []),
            str(int(run.frame[pick.position])),
            duration(float(run.timestamp_s[pick.position])),
            f"{pick.value:.3f}",
            why,
        )
    rest = len(ranking.picks) - _SHOWN
    if rest > 0:
        table.add_row("", *([""] if several else []), "", "", "", f"and {rest} more")
    return table
