"""`conftrack triage`: yes, maybe or no of each track, and what a person should look at."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.console import Debug, Quiet, err, guard, note, out, show_log
from tracker.cli.helptext import epilog
from tracker.cli.run_folder import prepare_folder
from tracker.cli.verdict_options import CostFalse, CostMiss, CostReview, No, Yes, decided_by
from tracker.files import write_whole

if TYPE_CHECKING:
    from rich.table import Table

    from tracker.review.clips import View
    from tracker.review.triage import Triage

__all__ = ["EPILOG", "triage"]

_JSON, _HTML = "triage.json", "triage.html"
_FOLDERS = ("crops", "clips")
EPILOG = epilog(
    ("conftrack triage runs/street", "yes from 0.9, no below 0.1, maybe in between"),
    ("conftrack triage runs/street/tracks.jsonl --yes 0.95 --no 0.2", "thresholds of your own"),
    (
        "conftrack triage runs/street --cost-miss 20 --cost-false 5 --cost-review 1",
        "a look where it is cheaper than the mistake expected",
    ),
    ("conftrack triage runs/street --video none", "without pictures"),
)


@guard
def triage(
    tracks: Annotated[
        Path,
        typer.Argument(
            metavar="TRACKS",
            help="tracks.jsonl of `conftrack run`, or its folder.",
            show_default=False,
        ),
    ],
    yes: Yes = None,
    no: No = None,
    cost_miss: CostMiss = None,
    cost_false: CostFalse = None,
    cost_review: CostReview = None,
    video: Annotated[
        str | None,
        typer.Option(
            help="The video, where it is not at its place any more; none for no pictures.",
            show_default="what the run was made of",
            rich_help_panel="Pictures",
        ),
    ] = None,
    queue: Annotated[
        int,
        typer.Option(
            help="Most tracks with pictures and on the page; triage.json has all.",
            min=0,
            rich_help_panel="Pictures",
        ),
    ] = 100,
    clip_seconds: Annotated[
        float,
        typer.Option(help="Length of a clip.", min=0.2, max=60.0, rich_help_panel="Pictures"),
    ] = 3.0,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the results.",
            show_default="runs/NAME-triage, numbered if taken",
            rich_help_panel="Output",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace a triage that --out holds already.",
            rich_help_panel="Output",
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Sort tracks into yes, maybe and no, and show the maybes to a person.

    Each track is judged as a whole, by thresholds or by what mistakes and looks cost. Writes
    triage.json, and triage.html: one file, works offline, with crops, clips and belief over time of
    the maybe tracks, the most valuable look first.
    """
    show_log(debug=debug)
    thresholds, costs = decided_by(yes, no, cost_miss, cost_false, cost_review)
    from tracker import __version__
    from tracker.review.page import page
    from tracker.review.pictures import video_of
    from tracker.review.reading import read_run
    from tracker.review.triage import to_json
    from tracker.review.triage import triage as sort_tracks

    with err.status("reading") if err.is_terminal and not quiet else nullcontext() as status:
        run = read_run(tracks)
        result = sort_tracks(run, thresholds=thresholds, costs=costs)
        shown = result.queue[:queue]
        path = None if video == "none" else video or video_of(run)
        folder = _folder(out_folder, run.name, overwrite=overwrite)
        views: dict[int, View] = {}
        if path is not None and shown:
            from tracker.review.clips import show_tracks

            if status is not None:
                status.update("cutting crops and clips")
            views = show_tracks(run, result.lives, shown, path, folder, seconds=clip_seconds)
        if status is not None:
            status.update("writing")
        plain = to_json(result, shown=views)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        write_whole(folder / _JSON, text + "\n")
        text = page(
            result, views, folder, queue=shown, version=__version__, created=plain["created"]
        )
        write_whole(folder / _HTML, text)
    if quiet:
        return
    if path is None and video is None and shown:
        note("no pictures: the video of the run is not at hand (--video PATH)")
    if len(result.queue) > len(shown):
        note(f"pictures and page have the first {len(shown)} of {len(result.queue)} (--queue)")
    out.print(_table(result))
    for name in (_JSON, _HTML):
        out.print(str(folder / name), soft_wrap=True)


def _folder(out_folder: Path | None, name: str, *, overwrite: bool) -> Path:
    """Choose and create the folder; of an earlier triage only the answers of people stay."""
    if out_folder is not None and overwrite and (out_folder / _JSON).is_file():
        for sub in _FOLDERS:
            shutil.rmtree(out_folder / sub, ignore_errors=True)
    return prepare_folder(
        out_folder, f"{name}-triage", (_JSON, _HTML), overwrite=overwrite, family=()
    )


def _table(result: Triage) -> Table:
    """Numbers of tracks, and the mistakes expected."""
    from rich.table import Table

    e, t, c = result.expected, result.thresholds, result.costs
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("", "probability", "tracks", "expected"):
        table.add_column(title, justify="right" if title == "tracks" else "left")
    table.add_row(
        "yes", f"from {t.yes:.3g}", f"{e.yes:,}", f"{e.false:.1f} ± {e.false_spread:.1f} false"
    )
    table.add_row(
        "maybe", f"{t.no:.3g} to {t.yes:.3g}", f"{e.maybe:,}", f"{e.maybe:,} looks by a person"
    )
    table.add_row(
        "no", f"below {t.no:.3g}", f"{e.no:,}", f"{e.missed:.1f} ± {e.missed_spread:.1f} missed"
    )
    unit = "" if result.given else " looks"
    table.add_row(
        "cost",
        f"miss {c.miss:.3g}, false {c.false:.3g}, look {c.review:.3g}",
        "",
        f"{e.cost:.1f}{unit}; {e.cost_unseen:.1f}{unit} if nobody looked",
    )
    return table
