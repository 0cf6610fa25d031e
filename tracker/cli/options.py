"""The options that several commands have, defined once, and how their values are used.

In: what the user typed. Out: typer's definitions of these options, settings, a loaded detector,
an exit code. It stands apart so that no two commands say or do the same thing differently.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.console import ExitCode, err, note
from tracker.cli.report import losses
from tracker.config import TrackerConfig
from tracker.errors import InputError
from tracker.fusers import NAMES as FUSERS

if TYPE_CHECKING:
    from detectors import Detector
    from tracker.pipeline import RunSummary

__all__ = [
    "Batch",
    "Classes",
    "Config",
    "Device",
    "Every",
    "Fuser",
    "Model",
    "Start",
    "Stop",
    "Threshold",
    "class_list",
    "leave",
    "load_detector",
    "settings_of",
]

Start = Annotated[
    float | None,
    typer.Option(help="Begin at this second.", show_default=False, rich_help_panel="Input"),
]
Stop = Annotated[
    float | None,
    typer.Option(help="End before this second.", show_default=False, rich_help_panel="Input"),
]
Every = Annotated[int, typer.Option(help="Take every Nth frame.", min=1, rich_help_panel="Input")]
Model = Annotated[
    str,
    typer.Option(
        help="auto (COCO weights if cached or downloadable, else bundled), bundled, a name of"
        " `conftrack models`, a checkpoint's path, or replay:PATH.",
        rich_help_panel="Detector",
    ),
]
Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel="Detector")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="Detections below this confidence are not used. Low is right here: repeated weak"
        " evidence adds up, and clutter shows as such.",
        show_default="0.05; 0 for replay",
        min=0.0,
        max=1.0,
        rich_help_panel="Detector",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Only these classes, such as person,car.",
        show_default="all",
        rich_help_panel="Detector",
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        help="Frames a detector call.",
        min=1,
        show_default="what suits the device",
        rich_help_panel="Detector",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="Settings of the tracker, such as configs/video.toml.",
        show_default="the packaged defaults",
        rich_help_panel="Tracker",
    ),
]
Fuser = Annotated[
    str | None,
    typer.Option(
        help=f"What makes existence and score of a track's history: {', '.join(FUSERS)}. The"
        " others are known rules to compare evidence with, on the same tracks.",
        show_default="as in --config, else evidence",
        rich_help_panel="Tracker",
    ),
]


def settings_of(config: Path | None, fuser: str | None) -> TrackerConfig:
    """The settings of the tracker that `--config` and `--fuser` say.

    Raises:
        ConfigError: A bad file or an unknown fuser.
        OSError: The file cannot be read.
    """
    settings = TrackerConfig() if config is None else TrackerConfig.from_toml(config)
    if fuser is not None:
        settings = TrackerConfig.from_dict(settings.to_dict() | {"fuser": fuser})
    return settings


def load_detector(
    model: str, device: str, threshold: float | None, batch: int | None, classes: str | None
) -> Detector:
    """Load the detector of these options; on a terminal a spinner says so, for it can take seconds.

    Raises:
        InputError: `--classes` names nothing, or as `detectors.load`.
    """
    import detectors

    with err.status(f"loading {model}") if err.is_terminal else nullcontext():
        return detectors.load(
            model,
            device=device,
            score_threshold=threshold,
            batch_size=batch,
            classes=class_list(classes),
        )


def class_list(classes: str | None) -> list[str] | None:
    """What `--classes` names, None for all.

    Raises:
        InputError: It names nothing.

    Example:
        >>> class_list("person, car"), class_list(None)
        (['person', 'car'], None)
    """
    if classes is None:
        return None
    wanted = [name.strip() for name in classes.split(",") if name.strip()]
    if not wanted:
        raise InputError(f"--classes takes names such as person,car, got {classes!r}")
    return wanted


def leave(summary: RunSummary, quiet: bool) -> None:
    """Leave with the exit code that says how a run went; return when all went well."""
    if summary.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    broken = losses(summary)
    if broken:
        if not quiet:
            note(
                f"the source is damaged ({broken[0]}); everything readable was tracked",
                warning=True,
            )
        raise typer.Exit(ExitCode.DAMAGED)
