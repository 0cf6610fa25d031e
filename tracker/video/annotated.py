"""The annotated video as a sink of the pipeline: draw, then encode.

In come a frame and its tracks, out goes an MP4 with the belief of the tracker drawn in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.detections import Detections
from tracker.frames import Frame
from tracker.tracks import Tracks
from tracker.video.overlay import draw
from tracker.video.writer import VideoWriter

__all__ = ["AnnotatedVideo"]


class AnnotatedVideo:
    """Draws the tracks into each frame and writes the video.

    Args:
        path: The MP4 to write.
        class_names: Names by `class_id`.
        fps: Nominal rate of the source, None when unknown.
        show_tentative: Draw candidates too, thin and dashed.
        **writer: Further options of `VideoWriter` (`crf`, `preset`).

    Attributes:
        name: The path, for errors.
        writer: The `VideoWriter`, with its `notes` and `frames`.
    """

    def __init__(
        self,
        path: str | Path,
        class_names: Sequence[str],
        *,
        fps: float | None = None,
        show_tentative: bool = True,
        **writer: Any,
    ) -> None:
        """Prepare the writer; the file appears with the first frame."""
        self.class_names = tuple(class_names)
        self.show_tentative = show_tentative
        self.name = str(path)
        self.writer = VideoWriter(path, fps=fps, **writer)

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Draw and append one frame."""
        image = draw(frame.image, tracks, self.class_names, show_tentative=self.show_tentative)
        self.writer.write(image, frame.timestamp_s)

    def close(self) -> None:
        """Finish the file."""
        self.writer.close()
