"""`conftrack calibrate`: makes existence and score true for a detector and a camera."""

from __future__ import annotations

import importlib.util
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tracker import presets
from tracker.cli.calibration_tables import Measured, fitted, listed, measured
from tracker.cli.console import Debug, Quiet, guard, note, out, show_log
from tracker.cli.helptext import epilog
from tracker.cli.options import name_list
from tracker.cli.progress import RunProgress
from tracker.cli.reviewed import Taught, note_of_answers, read_taught, taught_table
from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.calibration import Calibration
    from tracker.calibration.fitting.fit import Labeller, Tracked
    from tracker.config import TrackerConfig

__all__ = ["EPILOG", "calibrate"]

EPILOG = epilog(
    (
        "conftrack calibrate --detections runs/street --truth street/gt.txt --out street.toml",
        "from labels; `conftrack run --save all` writes the detections",
    ),
    (
        "conftrack calibrate --truth MOT20/train --out mot20.toml",
        "many sequences, with the detections beside their truth",
    ),
    (
        "conftrack calibrate --unlabelled --detections runs/camera --scene --out camera.toml",
        "without labels: a fixed camera learns its detector and its clutter",
    ),
    (
        "conftrack calibrate runs/street --answers runs/street/answers.jsonl",
        "from what people said of tracks in doubt (`conftrack review`)",
    ),
    ("conftrack run street.mp4 --calibration street.toml", "use it"),
    ("conftrack calibrate --list", "those that come with the package"),
)

# With fewer tracks than this a fit is warned of.
_FEW_TRACKS = 10
_Score = Literal["none", "sigmoid", "minmax"]


@guard
def calibrate(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN_DIR]...",
            help="With --answers: folders of the runs that were reviewed, made with --save all.",
            show_default=False,
        ),
    ] = None,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            help="What reviewers said of the tracks of RUN_DIR: answers.jsonl of `conftrack"
            " review`; may be given several times.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    detections: Annotated[
        Path | None,
        typer.Option(
            help="Recorded detections: detections.jsonl, MOT text, COCO results, a folder of"
            " `conftrack run --save all`, or a folder of sequences.",
            show_default="those beside --truth",
            rich_help_panel="Input",
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Ground truth of the same sequences: MOT text (gt.txt), KITTI tracking labels,"
            " COCO JSON, or a folder of sequences. With --unlabelled only to measure.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    unlabelled: Annotated[
        bool,
        typer.Option(
            "--unlabelled",
            help="Fit without labels, to what the tracks tell of themselves.",
            rich_help_panel="Input",
        ),
    ] = False,
    score_map: Annotated[
        _Score,
        typer.Option(
            help="Makes probabilities of raw scores that are none (logits, margins); they must be"
            " mapped the same way when tracking.",
            rich_help_panel="Input",
        ),
    ] = "none",
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames per second, where no file says so.",
            min=0.001,
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Judge only these classes, such as person,car.",
            show_default="those of the benchmark that the detections know",
            rich_help_panel="Judging",
        ),
    ] = None,
    iou: Annotated[
        float,
        typer.Option(
            help="Least overlap of a right box.", min=0.01, max=1.0, rich_help_panel="Judging"
        ),
    ] = 0.5,
    check: Annotated[
        bool,
        typer.Option(
            help="Measure on parts that were not fitted on what the fit is worth; takes most of"
            " the time.",
            rich_help_panel="Judging",
        ),
    ] = True,
    config: Annotated[
        str | None,
        typer.Option(
            help="Settings of the tracker that it is for: a file, or packaged ones by name: "
            f"{', '.join(presets.NAMES)}.",
            show_default="video",
            rich_help_panel="Tracker",
        ),
    ] = None,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The calibration to write (TOML).",
            show_default="calibration.toml",
            rich_help_panel="Output",
        ),
    ] = None,
    scene: Annotated[
        bool,
        typer.Option(
            "--scene",
            help="Keep what stands in the scene, too: for one fixed camera.",
            rich_help_panel="Output",
        ),
    ] = False,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Name of the detector, kept in the file.",
            show_default="what the detections say",
            rich_help_panel="Output",
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="What it is fitted on, in words, kept in the file.",
            show_default="the paths",
            rich_help_panel="Output",
        ),
    ] = "",
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace --out if it is there.", rich_help_panel="Output"),
    ] = False,
    list_them: Annotated[
        bool,
        typer.Option("--list", help="List the calibrations that come with the package, and exit."),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make existence and score true for a detector, and a camera, from recorded detections.

    Tracks them, holds boxes and tracks against the truth, and fits what a confidence is worth, the
    constants of the belief, and how existence and score are told. With little data little changes.
    Prints how true both are before and after, on parts that were not fitted on.
    docs/calibration.md explains it.
    """
    show_log(debug=debug)
    if list_them:
        out.print(listed())
        return
    target = _target(
        out_file or Path("calibration.toml"), overwrite, (detections, truth, *(answers or ()))
    )
    _sources(runs, answers, detections, truth, unlabelled)
    from tracker.calibration import fitting

    settings = _settings(config)
    names = name_list(classes, "--classes")
    taught: Taught | None = None
    label: Labeller
    if runs and answers:
        taught = read_taught(runs, answers, score_map=score_map, fps=fps)
        recordings, label, places = taught.recordings, taught.label, list(runs)
    else:
        recordings, place = fitting.read_recordings(detections, truth, score_map=score_map, fps=fps)
        places = [place]
        label = fitting.by_mixture if unlabelled else fitting.by_truth(classes=names, min_iou=iou)
    judging = check and truth is not None
    total = fitting.PASSES * sum(map(len, recordings))
    total += fitting.work(fitting.folds(recordings)) if judging else 0
    with _Progress(total, quiet) as progress:
        first = fitting.track(recordings, label, settings, advance=progress.advance)
        lacking = "" if unlabelled or taught else fitting.check(first)
        found = fitting.fit(
            recordings,
            label,
            settings,
            first=first,
            scene=scene,
            say=progress.say,
            advance=progress.advance,
        )
        about = replace(
            found.about,
            detector=_detector(places) if detector is None else detector,
            data=data or ", ".join(dict.fromkeys(str(p) for p in (*places, truth) if p)),
            method="answers" if taught else "unlabelled" if unlabelled else "labelled",
            version=_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command=_command(
                places, answers, truth, unlabelled, scene, classes, iou, score_map, fps, config
            ),
        )
        found = replace(found, about=about)
        found.save(target)
        worth = _worth(first, label, settings, names, iou, progress) if judging else None
    if lacking := lacking or _little(found):
        note(lacking, warning=True)
    if quiet:
        return
    if taught is not None:
        note_of_answers(taught)
        out.print(taught_table(taught, [one.found for one in first]))
    elif detections is None:
        note(f"detections: those in {places[0]}")
    for same in fitting.scenes(recordings):
        if len(same) > 1:
            note(
                f"{', '.join(one.name for one in same)} have the same truth: none of them is judged"
                " with what was fitted on another; a calibration is for one detector"
            )
    if worth is not None:
        out.print(measured(worth))
        _warn_of(worth)
    elif check and taught is None:
        note("without --truth it cannot be told what this is worth")
    out.print(fitted(found, settings))
    _warn_of_confirmation(found, settings)
    out.print(f"\n{target}", soft_wrap=True, highlight=False)


class _Progress(RunProgress):
    """Counts frames that were tracked, over all passes."""

    def __init__(self, total: int, quiet: bool) -> None:
        super().__init__(total, quiet=quiet, counts=False)
        self._done = 0

    def advance(self, frames: int) -> None:
        """So many frames more are done."""
        self._done += frames
        self.update(self._done)


def _worth(
    first: list[Tracked],
    label: Labeller,
    settings: TrackerConfig,
    classes: list[str] | None,
    iou: float,
    progress: _Progress,
) -> Measured:
    """Figures before and after on parts that were not fitted on."""
    from tracker.calibration import fitting

    whole = importlib.util.find_spec("trackeval") is not None
    if not whole:
        note('without HOTA and IDF1: pip install -e ".[evaluate]"')
    held_out = fitting.compare(
        [one.recording for one in first],
        label,
        settings,
        classes=classes,
        min_iou=iou,
        track_metrics=whole,
        first=first,
        say=progress.say,
        advance=progress.advance,
    )
    return Measured(held_out.before, held_out.after, held_out.parts)


def _sources(
    runs: list[Path] | None,
    answers: list[Path] | None,
    detections: Path | None,
    truth: Path | None,
    unlabelled: bool,
) -> None:
    """Refuse what does not say what is fitted to."""
    if bool(runs) != bool(answers):
        raise InputError(
            "--answers and the folder of the run that they are about belong together:"
            " conftrack calibrate runs/street --answers runs/street/answers.jsonl"
        )
    if answers and (detections is not None or truth is not None or unlabelled):
        raise InputError(
            "--answers takes the detections of RUN_DIR, and neither --truth nor --unlabelled"
        )
    if not answers and truth is None and not unlabelled:
        raise InputError("give --truth; without labels, --unlabelled fits to the tracks alone")


def _detector(places: list[Path]) -> str:
    """What the detections say of the detector that they are from; "" if nothing, or different."""
    from tracker.calibration.fitting.files import detector_name

    names = {detector_name(place) for place in places}
    return names.pop() if len(names) == 1 else ""


def _settings(config: str | None) -> TrackerConfig:
    """The settings that are fitted to; a calibration that they name is what is to be made."""
    settings = presets.load(config or "video")
    if settings.fuser != "evidence":
        raise InputError(
            f'only the fuser "evidence" can be calibrated: the settings have {settings.fuser!r}'
        )
    return replace(settings, calibration="")


def _target(target: Path, overwrite: bool, inputs: tuple[Path | None, ...]) -> Path:
    """The file to write; never one that is read, nor one that is there unless told to."""
    if target.is_dir():
        raise InputError(f"--out must be a file such as street.toml, but {target} is a folder")
    there = target.exists()
    if there and any(
        path is not None and path.exists() and path.samefile(target) for path in inputs
    ):
        raise InputError(f"{target} is read by this command and would be replaced by it")
    if target.suffix.lower() != ".toml":
        raise InputError(
            f"--out must end in .toml, so that it is no name of a packaged one: {target}"
        )
    if there and not overwrite:
        raise InputError(
            f"{target} is there already: give another --out, or --overwrite to replace it"
        )
    return target


def _command(
    places: list[Path],
    answers: list[Path] | None,
    truth: Path | None,
    unlabelled: bool,
    scene: bool,
    classes: str | None,
    iou: float,
    score_map: str,
    fps: float | None,
    config: str | None,
) -> str:
    """How to make the file again."""
    words = ["conftrack", "calibrate"]
    words += map(str, places) if answers else ["--detections", str(places[0])]
    for file in answers or []:
        words += ["--answers", str(file)]
    words += ["--truth", str(truth)] if truth is not None else []
    words += ["--unlabelled"] if unlabelled else []
    words += ["--scene"] if scene else []
    words += ["--classes", classes] if classes is not None else []
    words += ["--iou", f"{iou:g}"] if iou != 0.5 else []
    words += ["--score-map", score_map] if score_map != "none" else []
    words += ["--fps", f"{fps:g}"] if fps is not None else []
    words += ["--config", config] if config is not None else []
    return shlex.join(words)


def _version() -> str:
    from tracker import __version__

    return __version__


def _little(found: Calibration) -> str:
    """What to say of a fit to nearly nothing; "" if it is to more."""
    tracks = found.about.real_tracks + found.about.false_tracks
    if tracks >= _FEW_TRACKS:
        return ""
    number = "no tracks" if not tracks else f"only {tracks:.0f} track{'s' * (round(tracks) != 1)}"
    return (
        f"there are {number}, so next to nothing is fitted: record for longer, or with a lower"
        " threshold (conftrack run --save all --threshold 0.05)"
    )


def _warn_of(worth: Measured) -> None:
    """Say so where the fit makes it worse on other parts."""
    if worth.worse:
        note(
            f"on parts that it was not fitted on, {' and '.join(worth.worse)} became less true"
            " than without a calibration: more footage, of other times and places, helps",
            warning=True,
        )


def _warn_of_confirmation(found: Calibration, settings: TrackerConfig) -> None:
    """Say so where nothing can reach the threshold of confirmation."""
    import numpy as np

    e = settings.existence
    most = float(found.existence.of_probability(np.array([e.ceiling]))[0])
    if most < e.confirm_at:
        note(
            f"existence is told as {most:.2f} at most, below confirm_at = {e.confirm_at:g}: tracks"
            " at that most are confirmed all the same",
            warning=True,
        )
