"""The options that several commands have, defined once, and how their values are used.

In: what the user typed. Out: typer's definitions of these options, settings, a loaded detector,
an exit code. It stands apart so that no two commands say or do the same thing differently.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tracker import presets
from tracker.cli.console import ExitCode, err, note
from tracker.cli.report import losses
from tracker.config import TrackerConfig
from tracker.errors import InputError
from tracker.fusers import NAMES as FUSERS

if TYPE_CHECKING:
    from detectors import Detector
    from detectors.base import Precision
    from tracker.pipeline import RunSummary

__all__ = [
    "Architecture",
    "Batch",
    "Calibrated",
    "CameraMoves",
    "ClassNames",
    "Classes",
    "Config",
    "Device",
    "Every",
    "Fuser",
    "HowPrecise",
    "ImageFps",
    "Lag",
    "MaxDetections",
    "Model",
    "ShortSide",
    "Smooth",
    "Start",
    "Stop",
    "Threshold",
    "leave",
    "load_detector",
    "name_list",
    "packaged_for",
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
ImageFps = Annotated[
    float | None,
    typer.Option(
        help="Frames per second of a folder or glob of images, which have no times of their own.",
        show_default="30",
        rich_help_panel="Input",
    ),
]
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
Architecture = Annotated[
    str | None,
    typer.Option(
        help="For a checkpoint that does not say what it is: the name of its network, of `conftrack"
        " models`.",
        show_default="found by names and shapes of its weights",
        rich_help_panel="Checkpoint of your own",
    ),
]
ClassNames = Annotated[
    str | None,
    typer.Option(
        help="For a checkpoint or recording that does not name its classes: their names in order,"
        " without background, such as cart,pallet; or coco.",
        show_default="its own",
        rich_help_panel="Checkpoint of your own",
    ),
]
ShortSide = Annotated[
    int | None,
    typer.Option(
        help="Resize frames to this shorter side in pixels; smaller is faster and misses small"
        " objects.",
        show_default="the model's own",
        rich_help_panel="Detector",
    ),
]
MaxDetections = Annotated[
    int | None,
    typer.Option(
        help="Most boxes of a frame.", show_default="the model's own", rich_help_panel="Detector"
    ),
]
HowPrecise = Annotated[
    str,
    typer.Option(
        "--precision",
        help="half (CUDA only), float32, or auto: half on CUDA.",
        rich_help_panel="Detector",
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        help="Settings of the tracker: a file, or packaged ones by name: "
        f"{', '.join(presets.NAMES)}.",
        show_default="camera for live sources, else video",
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
Calibrated = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        help="What was fitted to this detector, and this camera: a calibration file, or one that"
        " comes with the package by name.",
        show_default="as in --config, else none",
        rich_help_panel="Tracker",
    ),
]
CameraMoves = Annotated[
    bool,
    typer.Option(
        "--camera-motion",
        help="Follow the motion of the camera in the picture, and move the tracks with it: for"
        " cameras that pan, zoom, shake or are carried.",
        rich_help_panel="Tracker",
    ),
]

Smooth = Annotated[
    bool | None,
    typer.Option(
        "--smooth/--no-smooth",
        help="When all of a file is tracked, go over it again: boxes, score and existence of each"
        " frame given what came before and after it. Not for live sources.",
        show_default="on for files, off for live sources and other fusers",
        rich_help_panel="Tracker",
    ),
]
Lag = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Smooth with so much of the future, such as 0.5s, and give every frame so much"
        " later: for streams.",
        show_default="none",
        rich_help_panel="Tracker",
    ),
]


def settings_of(
    config: str | None,
    fuser: str | None,
    calibration: str | None = None,
    *,
    live: bool = False,
) -> TrackerConfig:
    """The settings of the tracker that `--config`, `--fuser` and `--calibration` say.

    Args:
        config: Name or path; None takes the packaged settings for this kind of source.
        fuser: Name of a fuser; None leaves the one of the settings.
        calibration: Name or path; None leaves the one of the settings.
        live: Whether the source is a camera or a live stream.

    Raises:
        ConfigError: A bad file, an unknown fuser, or a calibration that is none.
        OSError: A file cannot be read.
    """
    from tracker.calibration import load

    settings = presets.load(config or packaged_for(live=live))
    if fuser is not None:
        settings = TrackerConfig.from_dict(settings.to_dict() | {"fuser": fuser})
    if calibration is not None:
        settings = replace(settings, calibration=calibration)
    if settings.calibration:
        load(settings.calibration).applied(settings)
    return settings


def packaged_for(*, live: bool) -> str:
    """Name of the packaged settings that a kind of source is tracked with."""
    return "camera" if live else "video"


def load_detector(
    model: str,
    device: str,
    threshold: float | None,
    batch: int | None,
    classes: str | None,
    *,
    architecture: str | None = None,
    class_names: str | None = None,
    short_side: int | None = None,
    max_detections: int | None = None,
    precision: str = "auto",
) -> Detector:
    """Load the detector of these options; on a terminal a spinner says so, for it can take seconds.

    Raises:
        InputError: `--classes` or `--class-names` names nothing, or as `detectors.load`.
    """
    import detectors

    named = name_list(class_names, "--class-names")
    with err.status(f"loading {model}") if err.is_terminal else nullcontext():
        return detectors.load(
            model,
            device=device,
            score_threshold=threshold,
            batch_size=batch,
            classes=name_list(classes, "--classes"),
            architecture=architecture,
            class_names="coco" if named == ["coco"] else named,
            short_side=short_side,
            max_detections=max_detections,
            precision=cast("Precision", precision),
        )


def name_list(text: str | None, option: str) -> list[str] | None:
    """The names in a comma-separated option, None where it is not given.

    Raises:
        InputError: It names nothing.

    Example:
        >>> name_list("person, car", "--classes"), name_list(None, "--classes")
        (['person', 'car'], None)
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"{option} takes names such as person,car, got {text!r}")
    return names


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
