"""`conftrack run`: a video, images, a camera or a stream in; tracks with probabilities out."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.console import Debug, Quiet, guard, note, out, show_log
from tracker.cli.driving import drive, introduce, keep_what_there_is, other_detector
from tracker.cli.helptext import epilog
from tracker.cli.options import (
    Architecture,
    Batch,
    Calibrated,
    CameraMoves,
    Classes,
    ClassNames,
    Config,
    Device,
    Every,
    Fuser,
    HowPrecise,
    ImageFps,
    Lag,
    MaxDetections,
    Model,
    ShortSide,
    Smooth,
    Start,
    Stop,
    Threshold,
    leave,
    load_detector,
    packaged_for,
    settings_of,
)
from tracker.cli.report import render, write_summary
from tracker.cli.rerun_view import RerunView, require_rerun
from tracker.cli.run_folder import (
    ASKED_KINDS,
    FILES,
    KINDS,
    discard,
    file_names,
    parse_kinds,
    prepare_folder,
    run_name,
)
from tracker.cli.sinks import require_display
from tracker.cli.smoothing import check_wanted, planned, seconds_of
from tracker.errors import InputError, SourceError
from tracker.tracker import Tracker

if TYPE_CHECKING:
    from detectors import Detector
    from tracker.video.base import Source
    from tracker.video.camera_motion import CameraMotion

__all__ = ["EPILOG", "run"]

DEFAULT_KINDS = "video,jsonl,csv,mot"
EPILOG = epilog(
    ("conftrack run street.mp4", "results in runs/street"),
    ("conftrack run street.mp4 --model bundled --classes person", "no download, people only"),
    ("conftrack run street.mp4 --start 30 --stop 60 --every 2", "a part, every second frame"),
    ("conftrack run 'shots/*.png' --image-fps 12 --save jsonl,mot", "images, no video"),
    ("conftrack run 0 --show", "the first camera, in a window"),
    ("conftrack run rtsp://camera --lag 0.5s", "smoothed, half a second late"),
    ("conftrack run street.mp4 --rerun", "live in the Rerun viewer, belief over time"),
    ("conftrack run street.mp4 --model mine.pth --class-names cart,pallet", "your own weights"),
    ("conftrack run street.mp4 --save all", "raw detections too, then:"),
    ("conftrack run street.mp4 --model replay:runs/street/detections.jsonl", "no network run"),
)


@guard
def run(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Video file, folder of images, glob in quotes, camera number or /dev/videoN, or"
            " address (rtsp://, http:// …).",
            show_default=False,
        ),
    ],
    start: Start = None,
    stop: Stop = None,
    every: Every = 1,
    image_fps: ImageFps = None,
    model: Model = "auto",
    device: Device = "auto",
    threshold: Threshold = None,
    classes: Classes = None,
    batch: Batch = None,
    architecture: Architecture = None,
    class_names: ClassNames = None,
    short_side: ShortSide = None,
    max_detections: MaxDetections = None,
    precision: HowPrecise = "auto",
    config: Config = None,
    fuser: Fuser = None,
    calibration: Calibrated = None,
    camera_motion: CameraMoves = False,
    smooth: Smooth = None,
    lag: Lag = None,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the results.",
            show_default="runs/NAME, numbered if taken",
            rich_help_panel="Output",
        ),
    ] = None,
    save: Annotated[
        str,
        typer.Option(
            help=f"What to write, of: {', '.join(KINDS)}; or all; or none; and"
            f" {', '.join(ASKED_KINDS)} (a recording for the Rerun viewer, large).",
            rich_help_panel="Output",
        ),
    ] = DEFAULT_KINDS,
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Also show it in a window; q or Esc stops.",
            rich_help_panel="Output",
        ),
    ] = False,
    rerun: Annotated[
        bool,
        typer.Option(
            "--rerun",
            help="Also show it in the Rerun viewer; without a display, as a page for a browser on"
            " this machine, until Ctrl-C.",
            rich_help_panel="Output",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace the results that --out holds already.",
            rich_help_panel="Output",
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Track objects in a video and write what was found, with probabilities.

    Writes annotated.mp4, tracks.jsonl, tracks.csv, tracks.txt (MOT) and summary.json. When a file
    is through, its tracks are gone over once more, given what came after them. Ctrl-C ends the run
    early with complete files.
    """
    was_shown = show_log(debug=debug)
    kinds = parse_kinds(save, asked=ASKED_KINDS)
    if show:
        require_display()
    if rerun or "rerun" in kinds:
        require_rerun()
    settings_of(config, fuser, calibration)  # a mistake in them is told before anything is opened
    lag_s = None if lag is None else seconds_of(lag)
    from tracker.video.sources import may_be_live

    load = partial(
        load_detector,
        model,
        device,
        threshold,
        batch,
        classes,
        architecture=architecture,
        class_names=class_names,
        short_side=short_side,
        max_detections=max_detections,
        precision=precision,
    )
    # The time of what is live runs from when it is opened: what works on it is made ready before.
    ready = _warm(load()) if may_be_live(source) else None

    with _open(source, start, stop, every, image_fps) as frames:
        config = config or packaged_for(live=frames.live)
        tracker = Tracker(settings_of(config, fuser, calibration))
        check_wanted(frames, tracker, smooth=smooth, lag_s=lag_s)
        detector = ready or _warm(load(), frames)
        folder = prepare_folder(
            out_folder,
            run_name(frames.name),
            file_names(kinds),
            overwrite=overwrite,
            inputs=(source, model),
        )
        _compare(detector, frames)
        if other := other_detector(tracker, _recorded_from(detector)):
            note(other, warning=True)
        smoothing = planned(
            frames,
            tracker,
            detector.class_names,
            smooth=smooth,
            lag_s=lag_s,
            folder=folder,
            kinds=kinds,
            model=detector.name,
            reopen=lambda: _open(source, start, stop, every, image_fps),
            quiet=quiet,
        )
        if not quiet:
            introduce(frames, detector, config, tracker, was_shown, smoothing.words)
        follower = _follower() if camera_motion else None
        view = None
        if rerun:
            view = RerunView(detector.class_names, title=frames.name, quiet=quiet)
            context.call_on_close(view.leave)
        also = [] if view is None else [view]
        summary, error = drive(
            frames, detector, tracker, folder, kinds, batch, show, quiet, follower, also, smoothing
        )

    if summary.frames == 0 and summary.ended == "complete":
        discard(folder)
        raise SourceError(f"{frames.name}: {_why_nothing(frames)}")
    if error is None and summary.frames and summary.frames_not_looked == summary.frames:
        discard(folder)
        raise InputError(f"{detector.name} has none of the {summary.frames} frames of this run")
    files = [folder / name for name in file_names(kinds) if (folder / name).exists()]
    files.append(folder / FILES["summary"])
    about = {
        "model": {
            "name": detector.name,
            "device": detector.device,
            "note": getattr(detector, "note", ""),
            "class_names": list(detector.class_names),
        },
        "config": asdict(tracker.config),
        "options": {
            "start_s": start,
            "stop_s": stop,
            "every": every,
            "threshold": threshold,
            "config": config,
        },
        "camera_motion": None if follower is None else follower.counts(),
        "smoothing": smoothing.about(),
        "files": [path.name for path in files],
    }
    if error is not None:
        keep_what_there_is(folder, summary, about)
        raise error
    write_summary(folder / FILES["summary"], summary, about)
    if not quiet:
        out.print(render(summary, files))
    if follower is not None and follower.failed:
        note(
            f"how the camera moved could not be told in {follower.failed} of {follower.frames}"
            " frames; there the tracks were not moved with it",
            warning=True,
        )
    if view is not None and not summary.interrupted:
        view.linger()
    leave(summary, quiet)


def _follower() -> CameraMotion:
    from tracker.video.camera_motion import CameraMotion

    return CameraMotion()


def _warm(detector: Detector, frames: Source | None = None) -> Detector:
    """Let a detector work once; without frames for a live source, whose time it must not cost.

    A GPU's first batches are slow; a CPU's are hardly, and a frame of a file costs it more.
    """
    warm_up = getattr(detector, "warm_up", None)
    if warm_up is not None and (frames is None or detector.device != "cpu"):
        height, width = (0, 0) if frames is None else (frames.height, frames.width)
        warm_up(height or 1080, width or 1920)
    return detector


def _open(
    source: str, start: float | None, stop: float | None, every: int, image_fps: float | None
) -> Source:
    """Open the source these options name.

    Raises:
        InputError: `--image-fps` for a source that has times of its own, or as `open_source`.
        SourceError: As `open_source`.
    """
    from tracker.video.sources import open_source

    rate = {} if image_fps is None else {"image_fps": image_fps}
    frames = open_source(source, start_s=start, stop_s=stop, every=every, **rate)
    if image_fps is not None and frames.own_times:
        frames.close()
        raise InputError(f"--image-fps is for images; {frames.name} has times of its own")
    return frames


def _recorded_from(detector: Detector) -> str:
    """Name of the detector, of recorded detections of the one they are from; "" if unknown."""
    from detectors.replay import ReplayDetector

    return detector.model if isinstance(detector, ReplayDetector) else detector.name


def _compare(detector: Detector, frames: Source) -> None:
    """Say so where recorded detections are replayed on a source of another name."""
    from detectors.replay import ReplayDetector

    if isinstance(detector, ReplayDetector):
        detector.check_times = frames.own_times  # images may be played at another rate
        if detector.source and Path(detector.source).name != Path(frames.name).name:
            note(f"{detector.name} was recorded from {detector.source!r}", warning=True)


def _why_nothing(frames: Source) -> str:
    """The reason for a run without a single frame."""
    if frames.damage:
        return f"no frame could be read: {frames.damage[0]}"
    start, last = frames.start_s or 0.0, frames.last_s
    if last is not None and last < start:
        return f"--start {start:g} is after its last frame, which is at {last:g} s"
    if frames.start_s or frames.stop_s:
        return "no frame between --start and --stop"
    return "it holds no frame"
