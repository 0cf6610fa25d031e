"""A run as its user sees it: what it says first, progress, Ctrl-C, files, what a failure leaves.

In: an opened source, a detector and a tracker. Out: files in a folder and the summary of the run,
with the error that ended it beside it. It stands apart from `run`, which is what the options mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tracker import presets
from tracker.cli.console import duration, err, note
from tracker.cli.interrupt import Interrupt
from tracker.cli.progress import RunProgress
from tracker.cli.report import write_summary
from tracker.cli.run_folder import FILES
from tracker.cli.sinks import Window, file_sinks
from tracker.cli.smoothing import Online
from tracker.errors import told
from tracker.tracker import Tracker

if TYPE_CHECKING:
    from detectors import Detector
    from tracker.bags import MessageDetector
    from tracker.pipeline import CameraFollower, RunSummary, Sink
    from tracker.video.base import Source

__all__ = ["drive", "introduce", "keep_what_there_is", "other_detector"]


def introduce(
    frames: Source,
    detector: Detector | MessageDetector,
    config: str,
    tracker: Tracker,
    was_shown: Callable[[str], bool],
    smoothing: str = "",
) -> None:
    """Say what is about to happen: source, model and where it runs, settings."""
    rate = "" if frames.fps is None else f", {frames.fps:g} frames/s"
    length = "" if frames.duration_s is None else f", {duration(frames.duration_s)}"
    # What carries detections has no pictures, and so no size.
    size = f": {frames.width}x{frames.height}" if frames.width else ""
    err.print(f"[bold]source[/] {escape(frames.name)}{size}{rate}{length}", soft_wrap=True)
    text = getattr(detector, "note", "") or f"{detector.name} on {detector.device}"
    if not was_shown(text):
        err.print(f"[bold]model[/]  {escape(text)}", soft_wrap=True)
    settings = f"packaged settings {config!r}" if config in presets.NAMES else config
    if tracker.config.fuser != "evidence":
        settings += f", fuser {tracker.config.fuser}"
    if tracker.config.calibration:
        settings += f", calibration {tracker.config.calibration}"
        fitted_to = tracker.calibration.about.detector
        settings += f" (fitted to {fitted_to})" if fitted_to else ""
    if smoothing:
        settings += f"; {smoothing}"
    err.print(f"[bold]tracker[/] {escape(settings)}", soft_wrap=True)


def other_detector(tracker: Tracker, name: str) -> str:
    """What to say where a calibration was fitted to another detector; "" if nothing.

    Args:
        tracker: With its calibration.
        name: Of the detector, "" where nobody knows.

    Names are compared by their letters and digits, up to the first comma; where one holds the other
    they are taken for the same, for people name detectors more loosely than programs do.
    """
    fitted_to = tracker.calibration.about.detector.partition(",")[0].strip()
    a, b = ("".join(filter(str.isalnum, text.lower())) for text in (fitted_to, name))
    replayed = any(text.startswith("replay:") for text in (fitted_to, name))
    if not tracker.config.calibration or not a or not b or replayed or a in b or b in a:
        return ""
    which = Path(tracker.config.calibration).name
    return f"{which} was fitted to {fitted_to}, this is {name}: its numbers may be worse than none"


def drive(
    frames: Source,
    detector: Detector,
    tracker: Tracker,
    folder: Path,
    kinds: tuple[str, ...],
    batch: int | None,
    show: bool,
    quiet: bool,
    camera_motion: CameraFollower | None = None,
    also: Sequence[Sink] = (),
    smoothing: Online | None = None,
) -> tuple[RunSummary, BaseException | None]:
    """Run the pipeline into the files of `folder` and sinks of the caller's, with progress.

    What `smoothing` has to do follows; Ctrl-C ends either.

    Returns:
        What was done, and the error that ended it, if one did.
    """
    from tracker import pipeline

    done: list[RunSummary] = []
    smoothing = smoothing or Online()
    with Interrupt() as interrupt:
        window = Window(frames.name, detector.class_names, interrupt.stop) if show else None
        sinks = file_sinks(
            folder,
            kinds,
            class_names=detector.class_names,
            source=frames.name,
            model=detector.name,
            fps=frames.fps,
            image_size=(frames.width, frames.height) if frames.width else None,
            smoothing=smoothing.method_of_run,
        )
        follower = smoothing.listen(camera_motion)
        receivers = smoothing.wrap([*sinks, *also, *([] if window is None else [window])])
        with RunProgress(frames.frame_count, quiet=quiet) as progress:

            def report(state: pipeline.Progress) -> None:
                progress.update(state.frames, state.objects)
                if window is not None:
                    window.refresh()

            try:
                pipeline.run(
                    frames,
                    detector,
                    tracker,
                    receivers,
                    batch_size=batch or int(getattr(detector, "batch_size", 1)),
                    on_progress=report,
                    on_end=done.append,
                    stop_event=interrupt.stop,
                    camera_motion=follower,
                )
            except BaseException as error:
                if not done:
                    raise
                return done[0], error
            finally:
                if window is not None:
                    window.shut()
        try:
            return smoothing.finish(done[0], interrupt.stop), None
        except BaseException as error:
            return replace(done[0], ended=f"error: smoothing: {told(error)}"), error


def keep_what_there_is(folder: Path, summary: RunSummary, about: dict[str, Any]) -> None:
    """Write the summary of a run that failed; its error matters more than one in doing this."""
    text = f"the results of the {summary.frames} frames before the error are in {folder}"
    try:
        write_summary(folder / FILES["summary"], summary, about)
    except OSError as error:
        text += f", without {FILES['summary']} ({told(error)})"
    note(text)
