"""The parts of the pipeline as the pipeline sees them: what each must be able to do.

They are protocols: a detector, a tracker or a sink of your own needs no base class of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections
from tracker.frames import Frame
from tracker.tracks import Tracks

__all__ = [
    "CameraFollower",
    "FrameDetector",
    "FrameTracker",
    "Progress",
    "Sink",
    "WarpingTracker",
]


class FrameDetector(Protocol):
    """What the pipeline needs of a detector."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by `class_id`."""

    def detect(self, frames: Sequence[Frame]) -> Sequence[Detections | None]:
        """Give the detections of each frame; None says that it was not looked at."""


class FrameTracker(Protocol):
    """What the pipeline needs of a tracker."""

    def update(
        self,
        detections: Detections | None,
        *,
        timestamp_s: float,
        image_size: tuple[int, int] | None = None,
    ) -> Tracks:
        """Take in the detections of one frame, (width, height) in px; give all living tracks."""


class WarpingTracker(FrameTracker, Protocol):
    """A tracker that also takes the motion of the camera."""

    def update(
        self,
        detections: Detections | None,
        *,
        timestamp_s: float,
        image_size: tuple[int, int] | None = None,
        warp: NDArray[np.float64] | None = None,
    ) -> Tracks:
        """Take in the detections of one frame, and how the picture moved since the last one."""


class CameraFollower(Protocol):
    """What tells how the camera moved; `tracker.video.camera_motion.CameraMotion` is one."""

    def estimate(self, frame: Frame) -> NDArray[np.float64] | None:
        """(2, 3) or (3, 3) pixels of the frame before to pixels of this one, None: it stood."""

    def hide(self, xyxy: NDArray[np.float64]) -> None:
        """Told after each frame, (N, 4): what is in these boxes moves by itself."""


class Sink(Protocol):
    """Where results go: a file, a window, a callback.

    `write` and `close` are called from one thread, not the caller's. `close` is called once by
    `run`, also after errors; it should put up with a second call. One that has a `name` is called
    by it in errors.
    """

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Take one frame with its results, in order."""

    def close(self) -> None:
        """Finish: flush and close what is open."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        frames: Frames that went all the way.
        frame_count: Frames the source expects to have, None when unknown.
        timestamp_s: Time of the last of them in the source, seconds.
        wall_s: Seconds since the run began.
        fps: Frames per second, the first one left out (models warm up on it).
        eta_s: Seconds left at this rate, None when unknown.
        confirmed: Confirmed tracks in the last frame.
        lost: Believed tracks in the last frame whose place is unknown.
        tentative: Tentative tracks in the last frame.
        objects: Unique tracks confirmed so far.
        frames_dropped: Frames of a live source dropped so far.
    """

    frames: int
    frame_count: int | None
    timestamp_s: float
    wall_s: float
    fps: float
    eta_s: float | None
    confirmed: int
    lost: int
    tentative: int
    objects: int
    frames_dropped: int
