"""Smoothing between the pipeline and its sinks, with a fixed lag; and what it must hear of.

In come frames with their results, as the pipeline writes them; out go the same frames to other
sinks, some time later, with smoothed tracks. How the camera moved goes to the tracker and not to
the sinks: `WarpLog` listens on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections
from tracker.frames import Frame
from tracker.roles import CameraFollower, Sink
from tracker.smoothing.lag import LagSmoother
from tracker.summary import TrackCounter
from tracker.tracks import Tracks

__all__ = ["Delayed", "WarpLog"]

FloatArray = NDArray[np.float64]


class WarpLog:
    """A follower of the camera that remembers what it told the tracker, until it is asked.

    Args:
        follower: Who follows the camera; None where nobody does.
    """

    def __init__(self, follower: CameraFollower | None) -> None:
        """Start without frames."""
        self._follower = follower
        self._told: deque[FloatArray | None] = deque()

    def estimate(self, frame: Frame) -> FloatArray | None:
        """Ask the follower."""
        assert self._follower is not None
        warp = self._follower.estimate(frame)
        self._told.append(warp)
        return warp

    def hide(self, xyxy: FloatArray) -> None:
        """Tell the follower."""
        assert self._follower is not None
        self._follower.hide(xyxy)

    def next(self) -> FloatArray | None:
        """What was told of the next frame, in the order of the frames."""
        return None if self._follower is None else self._told.popleft()


class Delayed:
    """A sink that smooths the tracks and gives the frames to other sinks.

    Args:
        sinks: Get every frame once it is old enough, or at the end; closed with this one.
        smoother: Decides when that is.
        warps: What the tracker was told of the camera.

    Attributes:
        name: What it is called in errors.
        counter: Counts the smoothed tracks.
    """

    name = "the smoothed tracks"

    def __init__(
        self, sinks: Sequence[Sink], smoother: LagSmoother, warps: WarpLog | None = None
    ) -> None:
        """Start without frames."""
        self._sinks, self._smoother, self._warps = list(sinks), smoother, warps
        self._frames: deque[tuple[Frame, Detections | None]] = deque()
        self._closed = False
        self.counter = TrackCounter()

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Take one frame, and pass on those that are old enough."""
        warp = None if self._warps is None else self._warps.next()
        self._frames.append((frame, detections))
        self._pass_on(self._smoother.add(detections, tracks, warp=warp))

    def close(self) -> None:
        """Pass on what waits, and close the sinks; may be called twice."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as stack:
            for sink in reversed(self._sinks):
                stack.callback(sink.close)
            self._pass_on(self._smoother.flush())

    def _pass_on(self, done: Sequence[Tracks]) -> None:
        for tracks in done:
            frame, detections = self._frames.popleft()
            self.counter.update(tracks, detections)
            for sink in self._sinks:
                try:
                    sink.write(frame, detections, tracks)
                except BaseException as error:
                    error.add_note(f"while writing {getattr(sink, 'name', type(sink).__name__)}")
                    raise
