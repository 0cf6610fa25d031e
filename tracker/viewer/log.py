"""A run as a recording for the Rerun viewer: a sink of the pipeline, or of a loop of your own.

In come frames with detections and tracks; out goes a recording on the time of capture with these
entities:

| path | what |
|---|---|
| `/camera/picture` | the picture, JPEG |
| `/camera/detections` | boxes of the detector, thin, with `confidence` and `class_id` |
| `/camera/tracks/tentative`, `…/confirmed`, `…/coasting` | the tracks, coloured by existence |
| `/existence/track_7`, `/score/track_7` | over time; marks at existence: hits and misses |
| `/events` | what happened to the believed tracks, in words |

Memory and the number of lines stay bounded on videos of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections
from tracker.errors import InputError
from tracker.files import Closing
from tracker.formats.base import FrameLike
from tracker.tracks import Tracks
from tracker.video.palette import colour_of
from tracker.viewer.changes import Change, Changes
from tracker.viewer.layers import Layers
from tracker.viewer.layout import layout
from tracker.viewer.plots import Plots
from tracker.viewer.stream import Stream

__all__ = ["RerunLog"]

_LEVELS = {
    "confirmed": "INFO",
    "seen again": "INFO",
    "missed": "DEBUG",
    "lost": "WARN",
    "doubted": "WARN",
    "gone": "DEBUG",
}


class RerunLog(Closing):
    """Logs frames, detections and tracks to a file or to a running viewer.

    Args:
        target: Path of the `.rrd` file to create or replace, or the address of a viewer
            (`rerun+http://127.0.0.1:9876/proxy`, which `rerun` prints when it starts).
        class_names: Names by `class_id`.
        title: What the viewer calls the recording; None takes `target`.
        jpeg_quality: Of the pictures, 1 to 100.
        longest_side: Pictures larger than this are scaled down, px; boxes stay in pixels of the
            original.
        own_lines: So many tracks get a line of their own in the plots.
        shared_lines: So many lines all later tracks share, one after the other.

    Attributes:
        name: The target, for errors.

    Raises:
        InputError: A value outside its range.
        MissingExtraError: `rerun-sdk` or OpenCV is not installed.
        OSError: The file cannot be created.
    """

    def __init__(
        self,
        target: str | PathLike[str],
        class_names: Sequence[str] = (),
        *,
        title: str | None = None,
        jpeg_quality: int = 60,
        longest_side: int = 640,
        own_lines: int = 200,
        shared_lines: int = 40,
    ) -> None:
        """Open the file, or connect to the viewer."""
        if not 1 <= jpeg_quality <= 100:
            raise InputError(f"jpeg_quality must be from 1 to 100, got {jpeg_quality}")
        if longest_side < 16:
            raise InputError(f"longest_side must be at least 16 px, got {longest_side}")
        self._stream = Stream(target, title=str(title or target), layout=layout())
        self.name = self._stream.target
        self._layers = Layers(
            self._stream, class_names, jpeg_quality=jpeg_quality, longest_side=longest_side
        )
        self._plots = Plots(self._stream, class_names, own=own_lines, shared=shared_lines)
        self._changes = Changes(class_names)
        self._looked, self._refused = True, False

    def write(self, frame: FrameLike, detections: Detections | None, tracks: Tracks) -> None:
        """Log one frame.

        Args:
            frame: Its `index` is logged, and its `image` if it has one: (H, W, 3) uint8 RGB.
            detections: What the detector said; None if nobody looked.
            tracks: After the update with these detections; their time is the time of the frame.

        Raises:
            InputError: The log is closed.
            OSError: What was logged before could not be written; `ConnectionError` if the viewer
                is gone.
        """
        looked = detections is not None
        self._stream.at(tracks.timestamp_ns, frame.index)
        picture: NDArray[np.uint8] | None = getattr(frame, "image", None)
        self._layers.write(picture, detections, tracks)
        self._plots.write(frame.index, tracks, looked=looked)
        for change in self._changes.update(tracks):
            self._event(change.text, _level(change), colour_of(change.track_id))
        if looked != self._looked:
            self._event("looking again" if looked else "not looked at", "DEBUG", (150, 150, 150))
        if self._plots.refused and not self._refused:
            self._event("too many tracks at once: some have no line", "WARN", (150, 150, 150))
        self._looked, self._refused = looked, self._plots.refused

    def close(self) -> None:
        """Complete the recording; may be called twice.

        Raises:
            OSError: Not everything could be written; `ConnectionError` if the viewer is gone.
        """
        self._stream.close()

    def _event(self, text: str, level: str, colour: tuple[int, int, int]) -> None:
        what: Any = self._stream.rerun.TextLog(text, level=level, color=colour)
        self._stream.log("events", what)


def _level(change: Change) -> str:
    return _LEVELS[change.kind]
