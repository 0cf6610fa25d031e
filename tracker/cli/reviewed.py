"""Runs with what reviewers said of their tracks, from the command line; and what it taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracker.cli.console import note
from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.calibration.fitting import Recording, Trace
    from tracker.calibration.fitting.answers import Answered
    from tracker.calibration.fitting.fit import Labeller
    from tracker.evaluation.output_files import ScoreMap
    from tracker.review.answers import Answer

__all__ = ["Taught", "answers_by_run", "note_of_answers", "read_taught", "taught_table"]


@dataclass(frozen=True, eq=False)
class Taught:
    """Runs that a calibration learns from.

    Attributes:
        recordings: Detections of each run.
        answered: What was said of each run's tracks.
        label: Makes labels of it.
        reviewers: Who answered.
        open: Tracks that were asked about and have no answer: reviewers differ, or are unsure.
    """

    recordings: list[Recording]
    answered: list[Answered]
    label: Labeller
    reviewers: tuple[str, ...]
    open: int


def answers_by_run(runs: Sequence[Path], files: Sequence[Path]) -> list[list[Answer]]:
    """The answers about each run, in the order in which they were written.

    Raises:
        InputError: An answer is of none of the runs, or two of the runs are the same.
        OSError: A file cannot be read.
    """
    from tracker.review.answers import read_answers, run_key

    keys = [run_key(run) for run in runs]
    if len(set(keys)) < len(keys):
        raise InputError("two of the runs are the same")
    of: dict[str, list[Answer]] = {key: [] for key in keys}
    known = ", ".join(f"{path} is {key}" for path, key in zip(runs, keys, strict=True))
    for file in files:
        for one in read_answers(file):
            if one.run not in of:
                raise InputError(
                    f"{file}: the answer of {one.reviewer} about track {one.track} is of run"
                    f" {one.run}; {known}:"
                    " tracks of another run are other tracks, also if it is of the same video"
                )
            of[one.run].append(one)
    return [of[key] for key in keys]


def read_taught(
    runs: Sequence[Path], files: Sequence[Path], *, score_map: ScoreMap, fps: float | None
) -> Taught:
    """Read runs and the answers about them.

    Raises:
        InputError: Something is not there, or does not belong together, or nothing was answered.
        OSError: A file cannot be read.
    """
    from tracker.calibration import fitting
    from tracker.calibration.fitting.answers import by_answers
    from tracker.review.answered import answered_of
    from tracker.review.consensus import consensus, standing
    from tracker.review.reading import read_run

    for run in runs:
        if not (run / "tracks.jsonl").is_file():
            raise InputError(f"{run} holds no tracks.jsonl: give the folder of a `conftrack run`")
    recordings, answered, reviewers, left = [], [], set(), 0
    for folder, answers in zip(runs, answers_by_run(runs, files), strict=True):
        (recording,), _ = fitting.read_recordings(folder, score_map=score_map, fps=fps)
        together = consensus(answers)
        recordings.append(recording)
        answered.append(answered_of(read_run(folder), together, recording))
        reviewers |= {reviewer for _, reviewer in standing(answers)}
        left += sum(one.answer is None for one in together)
    label = by_answers(list(zip(recordings, answered, strict=True)))
    return Taught(recordings, answered, label, tuple(sorted(reviewers)), left)


def taught_table(taught: Taught, traces: Sequence[Trace]) -> RenderableType:
    """What was asked, and what the fit makes of it for all tracks."""
    import numpy as np

    from tracker.calibration.fitting.answers import piles, told_by_others

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("probability", no_wrap=True)
    for name in ("tracks", "answered", "real", "by audits", "fitted"):
        table.add_column(name, justify="right", no_wrap=True)
    names = {"yes": "0.9 and more", "maybe": "0.1 to 0.9", "no": "below 0.1"}
    all_of = piles(taught.answered, traces)
    for one in all_of:
        table.add_row(
            names[one.name],
            f"{one.tracks:,}",
            f"{one.answered:,}",
            f"{one.real / one.answered:.0%}" if one.answered else "",
            "" if np.isnan(one.audited) else f"{one.audited:.0%}",
            "" if np.isnan(one.model) else f"{one.model:.1%}",
        )
    answered, real = (sum(getattr(p, name) for p in all_of) for name in ("answered", "real"))
    tracks = sum(p.tracks for p in all_of)
    model = sum(p.tracks * p.model for p in all_of if not np.isnan(p.model)) / max(tracks, 1)
    table.add_row(
        "all", f"{tracks:,}", f"{answered:,}", f"{real / answered:.0%}", "", f"{model:.1%}"
    )
    before, after, number = told_by_others(taught.answered, traces)
    title = Text("Real tracks: of those answered, and of all, as fitted", style="bold")
    words = Text(
        f"Log-loss of {number} answers: {before:.3f} as the run told them, {after:.3f} as they are"
        " told from the other answers"
    )
    return Group("", title, "", table, "", words)


def note_of_answers(taught: Taught) -> None:
    """Say who answered, and what is open."""
    several = "s" * (len(taught.reviewers) != 1)
    left = f"; {taught.open} tracks are open and left out" if taught.open else ""
    note(
        f"answers of {len(taught.reviewers)} reviewer{several}: {', '.join(taught.reviewers)}{left}"
    )
