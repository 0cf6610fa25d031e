"""source → detector → tracker → sinks, the four stages overlapped by threads.

```
source ──▶ decode ═Channel═▶ detect ═Channel═▶ track ═Channel═▶ write ──▶ sinks
                                                  └─▶ TrackCounter  └─▶ closes the sinks
          caller's thread: waits, reports progress, takes Ctrl-C
```

PyAV, torch and NumPy let go of the interpreter lock while they work, so threads are enough. Every
stage is one thread and every channel keeps the order: the result is that of a plain loop, bit
for bit. Channels are bounded, so that memory is too, whichever stage is the slowest; a live source
cannot wait, so for it the oldest waiting frame is dropped instead (only time passes for the
tracker then).

How it ends: a stage that fails cancels its input, which stops all stages before it, and closes its
output, so that the stages after it finish what they have. A stop (Ctrl-C, `stop_event`) ends the
reading; frames that were not looked at yet are left out, the others go all the way. The sinks are
closed in every case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from tracker.engine import Engine
from tracker.errors import InputError
from tracker.frames import Frame
from tracker.roles import CameraFollower, FrameDetector, FrameTracker, Progress, Sink
from tracker.summary import RunSummary

__all__ = [
    "CameraFollower",
    "FrameDetector",
    "FrameTracker",
    "Progress",
    "RunSummary",
    "Sink",
    "run",
]


def run(
    source: Iterable[Frame],
    detector: FrameDetector,
    tracker: FrameTracker,
    sinks: Sequence[Sink] = (),
    *,
    batch_size: int = 1,
    queue_size: int = 4,
    when_late: Literal["auto", "wait", "drop"] = "auto",
    on_progress: Callable[[Progress], None] | None = None,
    on_end: Callable[[RunSummary], None] | None = None,
    stop_event: threading.Event | None = None,
    camera_motion: CameraFollower | None = None,
) -> RunSummary:
    """Run a source through detector and tracker into sinks until it ends or is stopped.

    Ctrl-C (in the main thread) stops like `stop_event`: the results so far are finished and the
    summary is returned, marked `interrupted`. A second Ctrl-C also gives up the frames in work.

    Args:
        source: A `Source`, or any iterable of frames with increasing times. It is not closed.
        detector: Gets up to `batch_size` frames a call.
        tracker: Gets one update a frame.
        sinks: Get every frame, in order; they are closed at the end, whatever happened.
        batch_size: Frames the detector gets at once (a live source: those that are there).
        queue_size: Frames that may wait between two stages.
        when_late: `"wait"` makes the source wait for the slowest stage, `"drop"` drops the oldest
            waiting frame; `"auto"` drops for live sources only.
        on_progress: Called from the caller's thread, about ten times a second and at the end.
        on_end: Called from the caller's thread with what was done, once the sinks are closed: also
            when a stage failed, before its error is raised.
        stop_event: Set it from anywhere to stop.
        camera_motion: Tells the tracker how the camera moved, in the stage of the tracker, whose
            `update` must take `warp=`; such as `tracker.video.camera_motion.CameraMotion()`.

    Returns:
        What was done.

    Raises:
        InputError: `batch_size` or `queue_size` below 1, another `when_late`, a detector that does
            not answer for every frame.
        Exception: Whatever a stage raised, with notes that name stage, frame and sink
            (`error.__notes__`); the results before it are in the sinks.
    """
    for name, value in (("batch_size", batch_size), ("queue_size", queue_size)):
        if value < 1:
            raise InputError(f"{name} must be at least 1, got {value}")
    if when_late not in ("auto", "wait", "drop"):
        raise InputError(f'when_late must be "auto", "wait" or "drop", got {when_late!r}')
    live = bool(getattr(source, "live", False))
    drop = when_late == "drop" or (when_late == "auto" and live)
    engine = Engine(
        source, detector, tracker, sinks, batch_size, queue_size, drop, on_progress, stop_event,
        camera_motion,
    )  # fmt: skip
    return engine.go(on_end)
