"""`conftrack evaluate --answers`: a run held against what reviewers said of some of its tracks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracker.cli.report_files import report_folder
from tracker.errors import InputError
from tracker.files import write_whole

if TYPE_CHECKING:
    from tracker.evaluation.report.partial import PartialReport

__all__ = ["judge_by_answers", "render_partial", "write_partial"]

# With less room the meaning of each figure is left out.
_ROOM_FOR_MEANING = 84


def judge_by_answers(
    tracks: Path, files: Sequence[Path], *, threshold: float, yes: float = 0.9
) -> PartialReport:
    """Hold a run against answers.

    Args:
        tracks: Folder of the run, or its `tracks.jsonl`.
        files: Answers.
        threshold: Operating point: tracks of at least this probability.
        yes: Probability from which on triage takes a track for real.

    Raises:
        InputError: Answers are of another run, or a file does not follow its format.
        OSError: A file cannot be read.
    """
    import numpy as np

    from tracker.evaluation.partial import partial
    from tracker.evaluation.report.partial import Answering, PartialReport
    from tracker.review.answered import columns
    from tracker.review.answers import check_run, read_answers
    from tracker.review.consensus import agreement, consensus
    from tracker.review.lives import lives_of
    from tracker.review.reading import read_run

    run = read_run(tracks)
    answers = [one for file in files for one in read_answers(file)]
    check_run(answers, tracks)
    lives = lives_of(run)
    together = consensus(answers)
    if all(one.answer is None for one in together):
        raise InputError("nothing was answered with yes or no: there is nothing to judge by")
    said, inclusion, audited = columns(lives, together)
    result = partial(
        probability=lives.probability,
        said=said,
        inclusion=inclusion,
        audited=audited,
        kinds={
            f"probability of {threshold:g} or more": lives.probability >= threshold,
            f"probability of {yes:g} or more": lives.probability >= yes,
            "ever confirmed": lives.confirmed >= 0,
            "all tracks": np.ones(len(lives), np.bool_),
        },
        existence=run.tracks.existence,
        row_track=lives.row_track,
    )
    agreed = agreement(answers)
    own = {
        track: run.class_names[k] if k < len(run.class_names) else None
        for track, k in zip(lives.track_id.tolist(), lives.class_id.tolist(), strict=True)
    }
    named = [own[one.track] == one.class_name for one in together if one.class_name]
    return PartialReport(
        result,
        Answering(
            agreed.reviewers,
            sum(one.answer is None for one in together),
            agreed.tracks,
            agreed.share,
            agreed.kappa,
            len(named),
            float(np.mean(named)) if named else float("nan"),
        ),
        {"tracks": str(tracks), "answers": ", ".join(map(str, files))},
        "mean existence" if run.smoothing else "mean score",
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_partial(
    report: PartialReport,
    kinds: Sequence[str],
    out_folder: Path | None,
    name: str,
    *,
    overwrite: bool,
) -> list[Path]:
    """Write what is wanted of a report, and say where.

    Raises:
        InputError: The folder holds a report already.
        MissingExtraError: PNG files are wanted and matplotlib is not installed.
        OSError: A file cannot be written.
    """
    from tracker import __version__
    from tracker.evaluation.report.partial import page, reliability, to_json
    from tracker.evaluation.report.plots import write_pngs

    if not kinds:
        return []
    folder = report_folder(out_folder, name, overwrite=overwrite)
    files = []
    if "json" in kinds:
        text = json.dumps(to_json(report), ensure_ascii=False, allow_nan=False)
        write_whole(folder / "report.json", text + "\n")
        files.append(folder / "report.json")
    if "html" in kinds:
        write_whole(folder / "report.html", page(report, version=__version__))
        files.append(folder / "report.html")
    if "png" in kinds:
        files += write_pngs([reliability(report)], folder)
    return files


def render_partial(
    report: PartialReport, files: Sequence[Path], *, width: int = 100
) -> RenderableType:
    """Lay out a report for a person."""
    from tracker.evaluation.report.partial import UNKNOWN, tables

    names = Table.grid(padding=(0, 2))
    names.add_column(style="bold", no_wrap=True)
    names.add_column(overflow="fold")
    for name, value in report.names.items():
        names.add_row(name, Text(value))
    names.add_row("reviewers", Text(", ".join(report.answering.reviewers)))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("value", justify="right", style="cyan", no_wrap=True)
    table.add_column("95 %", no_wrap=True)
    meaning = width >= _ROOM_FOR_MEANING
    if meaning:
        table.add_column("", style="dim")
    for k, (title, rows) in enumerate(tables(report)):
        if k:
            table.add_row()
        table.add_row(Text(title, style="bold"))
        for row in rows:
            table.add_row(f"  {row[0]}", row[1], row[2], *([row[3]] if meaning else []))
    parts: list[RenderableType] = ["", names, "", table, "", Text("Not known", style="bold")]
    parts += [Text(UNKNOWN)]
    if files:
        parts += ["", *(Text(str(path), no_wrap=True, overflow="ignore") for path in files)]
    return Group(*parts)
