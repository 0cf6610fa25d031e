"""The program: its commands and the options before them."""

from __future__ import annotations

from typing import Annotated

import typer

from tracker.cli import bag, calibrate, demo, evaluate, live, models, rank, review, run, triage
from tracker.cli.console import out
from tracker.cli.helptext import EXIT_CODES, Command, Group, prose

__all__ = ["app"]

app = typer.Typer(
    name="conftrack",
    cls=Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EXIT_CODES,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from tracker import __version__
        from tracker.kernels import COMPILED

        kernels = "compiled kernels" if COMPILED else "NumPy kernels"
        out.print(f"conftrack {__version__} ({kernels})")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Track objects in video; every track says how probable it is that its object is real."""


for module, command in (
    (run, run.run),
    (live, live.live),
    (evaluate, evaluate.evaluate),
    (calibrate, calibrate.calibrate),
    (triage, triage.triage),
    (review, review.review),
    (rank, rank.rank),
    (demo, demo.demo),
    (models, models.models),
):
    app.command(cls=Command, help=prose(command), epilog=module.EPILOG)(command)
app.add_typer(
    bag.bag,
    name="bag",
    cls=Group,
    help="Track objects in recordings of robots (ROS 2 and ROS 1 bags) and write an MCAP bag.",
    epilog=bag.EPILOG,
)
