"""The second pass of `--smooth`: what the first one recorded, smoothed and written out anew.

In come the frames of a run as its sinks see them; out go files with smoothed tracks, in a folder of
their own. Lists of tracks come from what was recorded. Where pictures are wanted the source is
decoded once more, and no detector runs; a source that gives other frames than the first time gets
no pictures.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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

__all__ = ["Recording", "SecondPass", "StoppedError", "Written"]

# Kinds of output that need pictures.
_OF_PICTURES = ("video", "rerun")


class StoppedError(Exception):
    """Ctrl-C while smoothing."""


class _ChangedError(Exception):
    """The source gives other frames than it gave to the first pass."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a second pass came to.

    Attributes:
        counter: The counts of the smoothed tracks.
        kinds: The outputs that are written.
        left: The others: there are no pictures to draw the smoothed tracks on.
        why: What is wrong with the pictures, "" with none left.
    """

    counter: TrackCounter
    kinds: tuple[str, ...]
    left: tuple[str, ...] = ()
    why: str = ""


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

    def write(self, folder: Path) -> Written:
        """Do it all.

        Raises:
            StoppedError: The user stopped it; the files are not complete.
            SourceError: The source cannot be opened again.
            OSError: A file cannot be written.
        """
        known = _Known(self._smoothed(), self._recording.indices, self._header["class_names"])
        lists = tuple(kind for kind in self._kinds if kind not in _OF_PICTURES)
        drawn = tuple(kind for kind in self._kinds if kind in _OF_PICTURES)
        self._list(known, folder, lists)
        if not drawn:
            return Written(known.counter, lists)
        try:
            self._draw(known, folder, drawn)
        except _ChangedError as error:
            return Written(known.counter, lists, drawn, str(error))
        return Written(known.counter, tuple(self._kinds))

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

    def _progress(self, label: str) -> RunProgress:
        frames = len(self._recording.recorder)
        return RunProgress(frames, quiet=self._quiet, label=label, counts=False)

    def _sinks(self, folder: Path, kinds: Sequence[str]) -> list[Sink]:
        return file_sinks(folder, kinds, smoothing="whole", **self._header)

    def _list(self, known: _Known, folder: Path, kinds: Sequence[str]) -> None:
        """Count the tracks of all frames, and write what needs no pictures."""
        with self._progress("writing") as progress, ExitStack() as stack:
            sinks = self._sinks(folder, kinds)
            for sink in sinks:
                stack.callback(sink.close)
            for k, index in enumerate(self._recording.indices):
                if self._stop.is_set():
                    raise StoppedError
                tracks, looked = known.tracks(k), known.looked(k)
                known.count(k, tracks)
                stamp = _Stamp(index, tracks.timestamp_s)
                for sink in sinks:
                    sink.write(cast(Frame, stamp), looked, tracks)
                progress.update(k + 1, 0)

    def _draw(self, known: _Known, folder: Path, kinds: Sequence[str]) -> None:
        """Decode the source once more, and write what needs its pictures.

        Raises:
            _ChangedError: Its frames are not those of the first pass.
        """
        from tracker import pipeline

        with self._progress("drawing") as progress, self._reopen() as source:
            done = pipeline.run(
                source,
                known,
                known,
                self._sinks(folder, kinds),
                on_progress=lambda state: progress.update(state.frames, 0),
                stop_event=self._stop,
            )
        if done.interrupted:
            raise StoppedError
        known.check_end(done.frames)


class _Known:
    """Detector and tracker of the second pass: they know what the first one found.

    Frames are known by their place in the order. Each must have the number and the time that the
    first pass saw there.
    """

    def __init__(
        self, smoothed: Smoothed, indices: Sequence[int], class_names: Sequence[str]
    ) -> None:
        self.class_names = tuple(class_names)
        self.counter = TrackCounter()
        self._smoothed, self._records, self._indices = smoothed, smoothed.records, indices
        # Frames that came by; the two roles are played in threads of their own.
        self._detected = self._updated = 0

    def detect(self, frames: Sequence[Frame]) -> list[Detections | None]:
        """Say of each frame whether it was looked at; what was found is in the tracks.

        Raises:
            _ChangedError: The first pass saw another frame in this place.
        """
        return [self._next(frame) for frame in frames]

    def _next(self, frame: Frame) -> Detections | None:
        k, total = self._detected, len(self._indices)
        if k >= total:
            raise _ChangedError(f"there are more frames than the {total} there were")
        index, timestamp_s = self._indices[k], float(self._records.timestamp_s[k])
        if (frame.index, frame.timestamp_s) != (index, timestamp_s):
            raise _ChangedError(
                f"in the place of frame {index} at {timestamp_s:g} s is now frame {frame.index}"
                f" at {frame.timestamp_s:g} s"
            )
        self._detected += 1
        return self.looked(k)

    def check_end(self, frames: int) -> None:
        """See whether these were all frames.

        Raises:
            _ChangedError: The first pass saw more.
        """
        if frames != len(self._indices):
            raise _ChangedError(f"{frames} frames of the {len(self._indices)} there were are left")

    def looked(self, k: int) -> Detections | None:
        return Detections.empty() if self._records.looked[k] else None

    def update(
        self,
        detections: Detections | None,
        *,
        timestamp_s: float,
        image_size: tuple[int, int] | None = None,
    ) -> Tracks:
        """The tracks of the next frame."""
        self._updated += 1
        return self.tracks(self._updated - 1)

    def tracks(self, k: int) -> Tracks:
        return self._smoothed[k]

    def count(self, k: int, tracks: Tracks) -> None:
        self.counter.count(tracks, self._smoothed.confidence(k))
