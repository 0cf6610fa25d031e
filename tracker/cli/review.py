"""`conftrack review`: a page on which people say of tracks whether they are real."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tracker.cli.console import Debug, Quiet, err, guard, out, show_log
from tracker.cli.helptext import epilog
from tracker.cli.live_page import Host, Token
from tracker.cli.verdict_options import CostFalse, CostMiss, CostReview, No, Yes, decided_by
from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.review.questions import Question
    from tracker.review.runs import Run
    from tracker.review.session import Review
    from tracker.review.triage import Triage

__all__ = ["EPILOG", "review"]

_ANSWERS, _FOLDER = "answers.jsonl", "review"
_ASKED, _PAGE = "What is asked", "Page"
EPILOG = epilog(
    ("conftrack review runs/street", "tracks in doubt, at http://127.0.0.1:8711"),
    ("conftrack review runs/street --audit 50 --reviewer anna", "and 50 of those that are sure"),
    (
        "conftrack review runs/street --cost-miss 20 --cost-false 5 --cost-review 1",
        "doubt where a look is cheaper than the mistake expected",
    ),
    ("conftrack review runs/street --video /media/street.mp4", "the video has moved"),
    ("conftrack review runs/street --host 0.0.0.0", "to others, who know CONFTRACK_TOKEN"),
)


@guard
def review(
    run_folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Folder of a `conftrack run` that saved jsonl.",
            show_default=False,
        ),
    ],
    yes: Yes = None,
    no: No = None,
    cost_miss: CostMiss = None,
    cost_false: CostFalse = None,
    cost_review: CostReview = None,
    audit: Annotated[
        int,
        typer.Option(
            help="How many tracks to ask about that are not in doubt, drawn at random, half from"
            " yes and half from no: they tell where the machine is wrong without a doubt.",
            min=0,
            rich_help_panel=_ASKED,
        ),
    ] = 20,
    seed: Annotated[int, typer.Option(help="Of that draw.", min=0, rich_help_panel=_ASKED)] = 0,
    queue: Annotated[
        int | None,
        typer.Option(
            help="Most tracks in doubt, those with the most valuable look.",
            min=0,
            show_default="all",
            rich_help_panel=_ASKED,
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            help="The video, where it is not at its place any more.",
            show_default="what the run was made of",
            rich_help_panel="Pictures",
        ),
    ] = None,
    clip_seconds: Annotated[
        float,
        typer.Option(help="Length of a clip.", min=0.2, max=60.0, rich_help_panel="Pictures"),
    ] = 3.0,
    reviewer: Annotated[
        str | None,
        typer.Option(
            help="Who answers; with --host every browser asks for a name.",
            show_default="who is logged in",
            rich_help_panel=_PAGE,
        ),
    ] = None,
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the page; 0 takes a free one.",
            min=0,
            max=65535,
            show_default="8711",
            rich_help_panel=_PAGE,
        ),
    ] = None,
    token: Token = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Ask people whether tracks are real, one at a time, on a page for the keyboard or a phone.

    Each answer is saved at once, in answers.jsonl of the run's folder, and what was answered is not
    asked again. Clips are cut while somebody looks, into its folder review. Ctrl-C ends.
    """
    show_log(debug=debug)
    where = host or "127.0.0.1"
    from tracker.web.access import Access

    Access(token, host=where)  # a mistake in it is told before anything is read
    thresholds, costs = decided_by(yes, no, cost_miss, cost_false, cost_review)
    from tracker.review.answers import AnswerLog, run_key
    from tracker.review.cutting import Cutter
    from tracker.review.questions import questions
    from tracker.review.reading import read_run
    from tracker.review.session import Review
    from tracker.review.triage import triage
    from tracker.review.web.server import PORT, ReviewServer

    if run_folder.is_file():
        raise InputError(f"give the folder of the run, where answers go, not {run_folder}")
    run, key = read_run(run_folder), run_key(run_folder)
    path = _video(run, video)
    result = triage(run, thresholds=thresholds, costs=costs)
    asked = questions(result, audit=audit, seed=seed, most=queue)
    if not asked:
        raise InputError("there is nothing to ask: no track is in doubt, and --audit draws none")
    log = AnswerLog(run_folder / _ANSWERS)
    failed = threading.Event()
    with Cutter(
        run, result.lives, [one.row for one in asked], path, run_folder / _FOLDER,
        key=key, seconds=clip_seconds, on_failure=failed.set,
    ) as cutter:  # fmt: skip
        session = Review(
            result, asked, log,
            key=key, cutter=cutter, reviewer=reviewer or _login(), seconds=clip_seconds,
        )  # fmt: skip
        with ReviewServer(
            session, host=where, port=PORT if port is None else port, token=token
        ) as server:
            if not quiet:
                _introduce(session, result, asked, log.path, server.url)
            with suppress(KeyboardInterrupt):
                failed.wait()
            if cutter.error is not None:
                raise cutter.error
    if not quiet:
        out.print(escape(_summary(session, log.path)), soft_wrap=True)


def _video(run: Run, given: str | None) -> str:
    """The video to cut clips from."""
    from tracker.review.pictures import video_of

    path = given or video_of(run)
    if path is None:
        was = f"{run.source} is not there any more" if run.source else "the run does not say"
        raise InputError(f"no video to show: {was}. Say where it is: --video PATH")
    return path


def _login() -> str:
    """Name of who sits at this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InputError("nobody is logged in by a name: give one, --reviewer NAME") from None


def _introduce(
    session: Review, result: Triage, asked: tuple[Question, ...], path: Path, url: str
) -> None:
    audits = sum(one.asked == "audit" for one in asked)
    e = result.expected
    told = sum(one.answer != "undo" for one in session.answers())
    err.print(
        f"[bold]asked[/]   {len(asked) - audits} of {e.maybe} tracks in doubt, {audits} of the"
        f" {e.yes + e.no} others"
    )
    err.print(f"[bold]answers[/] {escape(str(path))}, {told} there already", soft_wrap=True)
    err.print(f"[bold]page[/]    {escape(url)}   [dim]Ctrl-C ends[/]", soft_wrap=True)


def _summary(session: Review, path: Path) -> str:
    """What came of it, in one line a reviewer."""
    told = session.agreement()
    lines = [f"{who['name']}: {who['answered']} tracks answered" for who in told["reviewers"]]
    if told["share"] is not None and len(told["reviewers"]) > 1:
        kappa = "" if told["kappa"] is None else f", {told['which']}'s kappa {told['kappa']:.2f}"
        lines.append(f"agreed: {told['share']:.0%} of {told['tracks']} answered by several{kappa}")
    return "\n".join([*(lines or ["no answers yet"]), f"answers: {path}"])
