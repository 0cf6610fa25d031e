"""`conftrack bag`: a robot's recording in; the same moments with tracks and probabilities out."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tracker.cli.bag_info import INFO_EPILOG, Bag, info
from tracker.cli.console import Debug, Quiet, guard, note, out, show_log
from tracker.cli.driving import introduce
from tracker.cli.helptext import Command, Group, epilog, prose
from tracker.cli.interrupt import Interrupt
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
    MaxDetections,
    Model,
    ShortSide,
    Start,
    Stop,
    Threshold,
    leave,
    load_detector,
    name_list,
    packaged_for,
    settings_of,
)
from tracker.cli.progress import RunProgress
from tracker.cli.report import render
from tracker.errors import InputError, SourceError
from tracker.tracker import Tracker

if TYPE_CHECKING:
    from detectors import Detector
    from tracker.bags import BagSource, BagWriter, MessageDetector
    from tracker.pipeline import RunSummary
    from tracker.video.camera_motion import CameraMotion

__all__ = ["EPILOG", "bag"]

EPILOG = epilog(
    ("conftrack bag info drive.mcap", "what is in it, and what can be used"),
    ("conftrack bag run drive.mcap --image-topic /camera/image_raw", "tracks of a camera"),
)
RUN_EPILOG = epilog(
    (
        "conftrack bag run drive.mcap --image-topic /camera/image_raw --out tracks.mcap",
        "tracks of one camera",
    ),
    (
        "conftrack bag run rosbag2_folder --image-topic /front/image_raw/compressed --copy-input",
        "with everything that was recorded, for Foxglove",
    ),
    (
        "conftrack bag run drive.bag --detections-topic /yolo/detections --out tracks.mcap",
        "ROS 1 in, detections of somebody else's detector",
    ),
)

bag = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


@guard
def run(
    path: Bag,
    image_topic: Annotated[
        str | None,
        typer.Option(
            help="Topic of sensor_msgs/Image or CompressedImage.",
            show_default="the only one there is",
            rich_help_panel="Input",
        ),
    ] = None,
    detections_topic: Annotated[
        str | None,
        typer.Option(
            help="Topic of vision_msgs/Detection2DArray in place of images: no detector runs.",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    start: Start = None,
    stop: Stop = None,
    every: Every = 1,
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
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The .mcap file to write.",
            show_default="NAME.tracks.mcap in this folder",
            rich_help_panel="Output",
        ),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(help="Topics are written under this name.", rich_help_panel="Output"),
    ] = "/conftrack",
    copy_input: Annotated[
        bool,
        typer.Option(
            "--copy-input",
            help="Copy all topics of the bag too, from its beginning to where reading ends.",
            rich_help_panel="Output",
        ),
    ] = False,
    min_existence: Annotated[
        float,
        typer.Option(
            help="Leave out tracks believed less than this.",
            min=0.0,
            max=1.0,
            rich_help_panel="Output",
        ),
    ] = 0.0,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace --out if it is there.", rich_help_panel="Output"),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Track objects in the images or detections of a bag and write an MCAP bag of ROS 2.

    Needs no ROS installation. Times and frame ids are those of the headers, to the nanosecond. The
    topics are described in docs/bags.md; Foxglove shows the boxes. Ctrl-C ends the run early with
    a complete file.
    """
    was_shown = show_log(debug=debug)
    if image_topic is not None and detections_topic is not None:
        raise InputError("give --image-topic or --detections-topic, not both")
    # Where the clock of a bag is set back, tracks cannot go on: hence "reset".
    config = config or packaged_for(live=False)
    tracker = Tracker(replace(settings_of(config, fuser, calibration), on_backward_time="reset"))
    target = _target(path, out_file, overwrite)

    from tracker import bags

    with ExitStack() as stack:
        container = stack.enter_context(bags.open_container(path))
        wanted = detections_topic if detections_topic is not None else image_topic
        topic = bags.choose_topic(container, wanted, detections=detections_topic is not None)
        detector: Detector | MessageDetector
        vectors = False
        if bags.use_of(topic) == "detections":
            _refuse_of_images(model, camera_motion)
            labels, vectors = bags.read_labels(container, topic)
            detector = bags.MessageDetector(
                topic.name,
                labels,
                score_threshold=threshold or 0.0,
                classes=name_list(classes, "--classes"),
            )
        else:
            detector = load_detector(
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
            labels = bags.Labels.of(detector.class_names)
        writer: BagWriter | None = None

        def copy(raw: bags.RawMessage) -> None:
            if writer is not None:
                writer.copy(raw)

        frames = stack.enter_context(
            bags.BagSource(
                container,
                topic,
                labels=labels,
                vectors=vectors,
                start_s=start,
                stop_s=stop,
                every=every,
                on_raw=copy if copy_input else None,
            )
        )
        warm_up = getattr(detector, "warm_up", None)
        if warm_up is not None and detector.device != "cpu":
            warm_up(frames.height or 1080, frames.width or 1920)
        writer = stack.enter_context(
            bags.BagWriter(
                target,
                labels=labels,
                method=detector.name,
                prefix=prefix,
                least_existence=min_existence,
                notes={
                    "input": path.name,
                    "topic": topic.name,
                    "model": detector.name,
                    "created": datetime.now(UTC).isoformat(timespec="seconds"),
                    "config": json.dumps(tracker.config.to_dict()),
                },
                copied=container.topics if copy_input else None,
            )
        )
        if not quiet:
            introduce(frames, detector, config, tracker, was_shown)
        follower = _follower() if camera_motion else None
        summary, error = _track(frames, detector, tracker, writer, batch, quiet, follower)

    if summary.frames == 0 and not summary.interrupted:
        target.unlink(missing_ok=True)
        raise error or SourceError(f"{frames.name}: {_why_nothing(frames)}")
    if error is not None:
        if writer.complete:
            note(f"the results of the {summary.frames} frames before the error are in {target}")
        raise error
    if frames.restarts:
        summary = replace(summary, duration_s=frames.covered_s)
    if not quiet:
        if frames.detections_left_out:
            note(
                f"{frames.detections_left_out} detections had no valid box and score and were"
                " left out"
            )
        if follower is not None and follower.failed:
            note(
                f"how the camera moved could not be told in {follower.failed} of"
                f" {follower.frames} frames; there the tracks were not moved with it",
                warning=True,
            )
        out.print(render(summary, [target]))
        out.print(_written(writer))
    leave(summary, quiet)


def _target(path: Path, wanted: Path | None, overwrite: bool) -> Path:
    """The file to write; never one that is read, nor one that is there unless told to."""
    target = wanted or Path(f"{path.resolve().stem}.tracks.mcap")
    if target.is_dir():
        raise InputError(f"--out must be a file such as tracks.mcap, but {target} is a folder")
    if target.exists():
        read = path.resolve()
        if target.resolve() == read or target.resolve().is_relative_to(read):
            raise InputError(f"{target} is read by this run and would be replaced by it")
        if not overwrite:
            raise InputError(
                f"{target} is there already: give another --out, or --overwrite to replace it"
            )
    return target


def _refuse_of_images(model: str, camera_motion: bool) -> None:
    """Refuse what needs pictures.

    Raises:
        InputError: Such an option was given.
    """
    if model != "auto":
        raise InputError("--model does not apply to a topic of detections: no detector runs")
    if camera_motion:
        raise InputError("--camera-motion needs images: a topic of detections has none")


def _follower() -> CameraMotion:
    from tracker.video.camera_motion import CameraMotion

    return CameraMotion()


def _track(
    frames: BagSource,
    detector: Detector | MessageDetector,
    tracker: Tracker,
    writer: BagWriter,
    batch: int | None,
    quiet: bool,
    follower: CameraMotion | None,
) -> tuple[RunSummary, BaseException | None]:
    """Run the pipeline into the bag, stoppable, with progress.

    Returns:
        What was done, and the error that ended it, if one did.
    """
    from tracker import pipeline

    done: list[RunSummary] = []
    with Interrupt() as interrupt, RunProgress(frames.frame_count, quiet=quiet) as progress:
        try:
            pipeline.run(
                frames,
                detector,
                tracker,
                [writer],
                batch_size=batch or int(getattr(detector, "batch_size", 1)),
                camera_motion=follower,
                on_progress=lambda state: progress.update(state.frames, state.objects),
                on_end=done.append,
                stop_event=interrupt.stop,
            )
        except BaseException as error:
            if not done:
                raise
            return done[0], error
    return done[0], None


def _why_nothing(frames: BagSource) -> str:
    """The reason for a run without a single frame."""
    if frames.damage:
        return f"no message could be read: {frames.damage[0]}"
    if frames.start_s or frames.stop_s:
        return "no message between --start and --stop"
    return "it holds no message"


def _written(writer: BagWriter) -> Table:
    """The topics of the written bag with their numbers of messages, ours first."""
    own = set(writer.topics.values())
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    for topic in writer.topics.values():
        table.add_row(escape(topic), f"{writer.counts.get(topic, 0)} messages")
    copied = [count for topic, count in writer.counts.items() if topic not in own]
    if copied:
        table.add_row(f"copied: {len(copied)} topics", f"{sum(copied)} messages")
    return table


for command, its_epilog in ((run, RUN_EPILOG), (info, INFO_EPILOG)):
    bag.command(cls=Command, help=prose(command), epilog=its_epilog)(command)
