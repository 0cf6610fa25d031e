"""`conftrack demo`: a street whose truth is known, the bundled detector, before and after.

In: a seed. Out: a rendered street as a video, a video of raw detections beside confirmed tracks,
and a table of what was right and wrong. Nothing is scripted: the detector sees only the encoded
video, the tracker only its detections, and both are judged against where people really were.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from tracker.cli.console import (
    Debug,
    ExitCode,
    Quiet,
    duration,
    err,
    guard,
    out,
    show_log,
)
from tracker.cli.helptext import epilog
from tracker.cli.interrupt import Interrupt
from tracker.cli.progress import RunProgress
from tracker.cli.run_folder import prepare_folder
from tracker.files import write_whole

if TYPE_CHECKING:
    import threading

    from tracker.cli.judging import Judge
    from tracker.frames import Frame
    from tracker.pipeline import RunSummary
    from tracker.scenes.world import StreetWorld, Truth

__all__ = ["EPILOG", "demo"]

FPS = 10.0
# Frames drawn ahead of the one that is written: enough for all cores, little memory.
_AHEAD = 8
FILES = {
    "street": "street.mp4",
    "truth": "truth.txt",
    "video": "before_after.mp4",
    "jsonl": "tracks.jsonl",
    "detections": "detections.jsonl",
    "summary": "summary.json",
}
EPILOG = epilog(
    ("conftrack demo", "results in runs/demo"),
    ("conftrack demo --seed 7 --seconds 20", "another street, longer"),
    ("conftrack demo --no-video", "the numbers only"),
    ("conftrack demo --model auto", "with COCO weights where they can be had"),
)


@guard
def demo(
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the results.",
            show_default="runs/demo, numbered if taken",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Length of the street video.", min=1.0, max=600.0)
    ] = 12.0,
    seed: Annotated[int, typer.Option(help="Which street; each seed is another.", min=0)] = 1,
    no_video: Annotated[
        bool, typer.Option("--no-video", help="Write no videos, print the numbers only.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="As for `conftrack run`; it must know the class person.")
    ] = "bundled",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results that --out holds already.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show on a rendered street, offline, what tracking makes of weak detections.

    Renders a street with people who hide each other, in bad light, with sensor noise. The bundled
    Faster R-CNN looks at the video and the tracker at its detections; both are then compared with
    where the people really were. Takes less than a minute on two cores.
    """
    began = time.monotonic()
    show_log(debug=debug)

    import detectors
    from tracker.scenes.world import StreetWorld
    from tracker.tracker import Tracker

    # First what can fail: without a model there is no point in drawing a street.
    detector = detectors.load(model, classes=["person"])
    tracker = Tracker()
    world = StreetWorld(seed=seed, fps=FPS, duration_s=seconds)
    folder = prepare_folder(
        out_folder, "demo", FILES.values(), overwrite=overwrite, inputs=(model,)
    )

    def say(text: str) -> None:
        if not quiet:
            err.print(text, soft_wrap=True)

    say(f"[bold]street[/] {len(world)} frames of {world.width}x{world.height}, seed {seed}")
    say(f"[bold]model[/]  {escape(getattr(detector, 'note', '') or detector.name)}")
    with ExitStack() as stack:
        interrupt = stack.enter_context(Interrupt())
        where = folder
        if no_video:
            where = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        truths = _render(world, where / FILES["street"], interrupt.stop, quiet)
        if interrupt.stop.is_set():
            raise typer.Exit(ExitCode.INTERRUPTED)
        _write_truth(folder / FILES["truth"], truths)
        judge, summary = _watch(
            where / FILES["street"], truths, detector, tracker, folder, interrupt, no_video, quiet
        )
    result = judge.result()
    content = {
        "schema": "conftrack.demo",
        "version": 1,
        "seed": seed,
        "seconds": seconds,
        "model": detector.name,
        "people": len(judge.people),
        **result,
        "run": summary.to_dict(),
        "config": asdict(tracker.config),
    }
    write_whole(folder / FILES["summary"], json.dumps(content, indent=2) + "\n")
    if not quiet:
        out.print(_table(judge, result, summary))
        out.print(
            "\nraw: detections by confidence; the third column finds as many people as the tracks"
            "\ntracks: by score; confirmed: every box of confirmed tracks, predicted ones too\n"
        )
        for name in FILES.values():
            if (folder / name).exists():
                out.print(escape(str(folder / name)), soft_wrap=True)
        out.print(f"\ndone in {duration(time.monotonic() - began)}")
    if summary.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _render(world: StreetWorld, path: Path, stop: threading.Event, quiet: bool) -> list[Truth]:
    """Draw the street into a video; return the truth of each frame."""
    from tracker.video.writer import VideoWriter

    truths = []
    with (
        VideoWriter(path, fps=world.fps, width=world.width, height=world.height) as video,
        RunProgress(len(world), quiet=quiet, label="rendering", counts=False) as progress,
    ):
        for frame, truth in _drawn(world):
            if stop.is_set():
                break
            video.write(frame.image, frame.timestamp_s)
            truths.append(truth)
            progress.update(len(truths), 0)
    return truths


def _drawn(world: StreetWorld) -> Iterator[tuple[Frame, Truth]]:
    """The frames of the world in order, a few drawn ahead on all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ahead: deque[Future[tuple[Frame, Truth]]] = deque()
        try:
            for index in range(len(world)):
                ahead.append(pool.submit(world.render, index))
                if len(ahead) > _AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _watch(
    street: Path,
    truths: list[Truth],
    detector: Any,
    tracker: Any,
    folder: Path,
    interrupt: Interrupt,
    no_video: bool,
    quiet: bool,
) -> tuple[Judge, RunSummary]:
    """Run detector and tracker on the video and judge both."""
    from tracker import pipeline
    from tracker.cli.before_after import BeforeAfter
    from tracker.cli.judging import Judge
    from tracker.cli.sinks import file_sinks
    from tracker.video.sources import open_source

    judge = Judge(truths)
    with open_source(street) as frames:
        sinks: list[pipeline.Sink] = [
            judge,
            *file_sinks(
                folder,
                ("jsonl", "detections"),
                class_names=detector.class_names,
                source=frames.name,
                model=detector.name,
                fps=frames.fps,
                image_size=(frames.width, frames.height),
            ),
        ]
        if not no_video:
            sinks.append(BeforeAfter(folder / FILES["video"], detector.class_names, frames.fps))
        with RunProgress(len(truths), quiet=quiet) as progress:
            summary = pipeline.run(
                frames,
                detector,
                tracker,
                sinks,
                batch_size=getattr(detector, "batch_size", 1),
                on_progress=lambda state: progress.update(state.frames, state.objects),
                stop_event=interrupt.stop,
            )
    return judge, summary


def _write_truth(path: Path, truths: list[Truth]) -> None:
    """MOT ground truth: frame, id, x, y, w, h, judged, class 1, visibility."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, truth in enumerate(truths, 1):
            for who, (x1, y1, x2, y2), judged, visibility in zip(
                truth.object_id.tolist(),
                truth.xyxy.tolist(),
                truth.judged.tolist(),
                truth.visibility.tolist(),
                strict=True,
            ):
                box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
                file.write(f"{number},{who + 1},{box},{int(judged)},1,{visibility:.3f}\n")


def _table(judge: Judge, result: dict[str, Any], summary: RunSummary) -> Table:
    """Before and after, side by side."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("")
    equal = result["detections_of_equal_recall"]["threshold"]
    kinds = {
        "raw ≥ 0.05": "all_detections",
        "raw ≥ 0.5": "strong_detections",
        "raw, as many" if equal is None else f"raw ≥ {equal:.2f}": "detections_of_equal_recall",
        "tracks ≥ 0.5": "strong_tracks",
        "confirmed": "confirmed_tracks",
    }
    for column in kinds:
        table.add_column(column, justify="right")
    columns = [result[kind] for kind in kinds.values()]

    def row(name: str, key: str, percent: bool = False) -> None:
        values = [column[key] for column in columns]
        shown = ["-" if v is None else f"{100 * v:.1f} %" if percent else str(v) for v in values]
        table.add_row(name, *shown)

    row("boxes of a person", "true")
    row("boxes of no one", "false")
    row("people not shown", "missed")
    row("precision", "precision", percent=True)
    row("recall", "recall", percent=True)
    table.add_row(
        f"people found, of {len(judge.people)}",
        *(str(column.get("people_found", "-")) for column in columns),
    )
    believed = result["confirmed_tracks"]
    false = believed["false_tracks"]
    for name, count in (
        ("confirmed of people", believed["tracks"] - false),
        ("confirmed of no one", false),
        ("suppressed", summary.candidates_suppressed),
    ):
        table.add_row(name, "-", "-", "-", "-", str(count))
    return table
