"""The second pass of `--smooth`: what the first one recorded, smoothed and written out anew.

In come the frames of a run as its sinks see them; out go files with smoothed tracks, in a folder of
their own. The source is decoded once more where pictures are wanted, and no detector runs.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tracker.cli.progress import RunProgress
from tracker.cli.sinks import file_sinks
from tracker.detections import Detections
from tracker.frames import Frame
from tracker.roles import Sink
from tracker.smoothing import Recorder, Smoothed, smooth
from tracker.smoothing.delayed import WarpLog
from tracker.summary import TrackCounter
from tracker.tracker import Tracker
from tracker.tracks import Tracks

if TYPE_CHECKING:
    from tracker.video.base import Source

__all__ = ["Recording", "SecondPass", "StoppedError"]

# Kinds of output that need pictures.
_OF_PICTURES = ("video", "rerun")


class StoppedError(Exception):
    """Ctrl-C while smoothing."""


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What writers without pictures need of a frame."""

    index: int
    timestamp_s: float


class Recording:
    """A sink that keeps what smoothing needs, and the numbers of the frames."""

    name = "the record for smoothing"

    def __init__(self) -> None:
        """Start without frames."""
        self.recorder = Recorder()
        self.indices = array("q")
        self.warps = WarpLog(None)

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Keep one frame."""
        self.recorder.add(detections, tracks, warp=self.warps.next())
        self.indices.append(frame.index)

    def close(self) -> None:
        """Nothing: the record is used after the run."""


class SecondPass:
    """Smooths a recording and writes its files.

    Args:
        recording: Of the first pass.
        tracker: Its settings and its calibration are used.
        kinds: What to write, of the outputs that hold tracks.
        header: Arguments of `file_sinks`.
        reopen: Opens the source once more.
        stop: Set when the user has enough.
        quiet: Show no progress.
    """

    def __init__(
        self,
        recording: Recording,
        tracker: Tracker,
        kinds: Sequence[str],
        header: dict[str, Any],
        reopen: Callable[[], Source],
        stop: threading.Event,
        *,
        quiet: bool,
    ) -> None:
        """Prepare."""
        self._recording, self._tracker = recording, tracker
        self._kinds, self._header, self._reopen = kinds, header, reopen
        self._stop, self._quiet = stop, quiet

    def write(self, folder: Path) -> TrackCounter:
        """Do it all; returns the counts of the smoothed tracks.

        Raises:
            StoppedError: The user stopped it; the files are not complete.
        """
        return self._write(self._smoothed(), folder)

    def _smoothed(self) -> Smoothed:
        frames = len(self._recording.recorder)
        with RunProgress(frames, quiet=self._quiet, label="smoothing", counts=False) as progress:

            def report(done: int, total: int) -> None:
                if self._stop.is_set():
                    raise StoppedError
                progress.update(done * frames // total, 0)

            return smooth(
                self._recording.recorder,
                self._tracker.config,
                calibration=self._tracker.calibration,
                on_progress=report,
            )

    def _write(self, smoothed: Smoothed, folder: Path) -> TrackCounter:
        """Write all frames into new files; decode where pictures are wanted."""
        known = _Known(smoothed, self._header["class_names"])
        draws = any(kind in _OF_PICTURES for kind in self._kinds)
        label = "drawing" if draws else "writing"
        with RunProgress(len(smoothed), quiet=self._quiet, label=label, counts=False) as progress:
            if draws:
                self._draw(known, folder, progress)
            else:
                self._list(known, folder, progress)
        return known.counter

    def _sinks(self, folder: Path) -> list[Sink]:
        return file_sinks(folder, self._kinds, smoothing="whole", **self._header)

    def _list(self, known: _Known, folder: Path, progress: RunProgress) -> None:
        """Write frames that need no pictures."""
        with ExitStack() as stack:
            sinks = self._sinks(folder)
            for sink in sinks:
                stack.callback(sink.close)
            for k, index in enumerate(self._recording.indices):
                if self._stop.is_set():
                    raise StoppedError
                tracks, looked = known.tracks(k), known.looked(k)
                stamp = _Stamp(index, tracks.timestamp_s)
                for sink in sinks:
                    sink.write(cast(Frame, stamp), looked, tracks)
                progress.update(k + 1, 0)

    def _draw(self, known: _Known, folder: Path, progress: RunProgress) -> None:
        """Decode the source once more, and write its frames."""
        from tracker import pipeline

        with self._reopen() as source:
            done = pipeline.run(
                source,
                known,
                known,
                self._sinks(folder),
                on_progress=lambda state: progress.update(state.frames, 0),
                stop_event=self._stop,
            )
        if done.interrupted:
            raise StoppedError


class _Known:
    """Detector and tracker of the second pass: they know what the first one found."""

    def __init__(self, smoothed: Smoothed, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        self.counter = TrackCounter()
        self._smoothed, self._records = smoothed, smoothed.records

    def detect(self, frames: Sequence[Frame]) -> list[Detections | None]:
        """Say of each frame whether it was looked at; what was found is in the tracks."""
        places = [self._place(frame.timestamp_s) for frame in frames]
        return [None if k is None else self.looked(k) for k in places]

    def looked(self, k: int) -> Detections | None:
        return Detections.empty() if self._records.looked[k] else None

    def update(
        self,
        detections: Detections | None,
        *,
        timestamp_s: float,
        image_size: tuple[int, int] | None = None,
    ) -> Tracks:
        """The tracks of the frame of this time, none if the first pass had no such frame."""
        k = self._place(timestamp_s)
        return Tracks.empty(timestamp_s) if k is None else self.tracks(k)

    def tracks(self, k: int) -> Tracks:
        tracks = self._smoothed[k]
        self.counter.count(tracks, self._smoothed.confidence(k))
        return tracks

    def _place(self, timestamp_s: float) -> int | None:
        times = self._records.timestamp_s
        k = int(np.searchsorted(times, timestamp_s))
        return k if k < len(times) and times[k] == timestamp_s else None
