"""A video with two halves: what a detector at the usual threshold says, what the tracker says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.cli.judging import STRONG
from tracker.detections import Detections
from tracker.frames import Frame
from tracker.tracks import Tracks

__all__ = ["BeforeAfter", "side_by_side"]

Image = NDArray[np.uint8]

# Candidates believed less than this are counted but not drawn: there are dozens.
LEAST_DRAWN = 0.1
_AMBER, _WHITE, _BAR = (255, 176, 0), (255, 255, 255), 30


def side_by_side(
    image_rgb: Image, detections: Detections, tracks: Tracks, class_names: Sequence[str]
) -> Image:
    """Draw both halves of one frame.

    Args:
        image_rgb: (H, W, 3) uint8 RGB.
        detections: Of this frame; those of at least 0.5 are drawn.
        tracks: Of this frame; those with a score of at least 0.5 are drawn, and the better
            candidates lightly.
        class_names: Names by class id.

    Returns:
        (H + 30, 2 W, 3) uint8 RGB.
    """
    import cv2

    from tracker.video.overlay import draw

    left = image_rgb.copy()
    strong = detections[detections.confidence >= STRONG]
    for box, confidence in zip(strong.xyxy.round().astype(int), strong.confidence, strict=True):
        x1, y1, x2, y2 = box.tolist()
        cv2.rectangle(left, (x1, y1), (x2, y2), _AMBER, 2)
        cv2.putText(left, f"{confidence:.2f}", (x1 + 2, max(y1 - 4, 12)), 0, 0.45, _AMBER, 1, 16)
    sure = tracks.score >= STRONG
    likely = ~sure & tracks.tentative & (tracks.existence >= LEAST_DRAWN)
    right = draw(image_rgb, tracks[sure | likely], class_names, show_status=False)
    both = np.concatenate([left, right], axis=1)
    height, width = image_rgb.shape[:2]
    canvas = np.zeros((height + _BAR, 2 * width, 3), np.uint8)
    canvas[_BAR:] = both
    for x, text in (
        (8, f"detections of 0.5 and more: {len(strong)}"),
        (
            width + 8,
            f"tracks with a score of 0.5 and more: {np.count_nonzero(sure)};"
            f" candidates: {np.count_nonzero(tracks.tentative & ~sure)}",
        ),
    ):
        cv2.putText(canvas, text, (x, _BAR - 9), 0, 0.55, _WHITE, 1, 16)
    canvas[:, width - 1 : width + 1] = 255
    return canvas


class BeforeAfter:
    """Writes that video; a sink of the pipeline.

    Args:
        path: The MP4 to write.
        class_names: Names by class id.
        fps: Nominal rate, None when unknown.
    """

    def __init__(self, path: Path, class_names: Sequence[str], fps: float | None) -> None:
        """Prepare the writer."""
        from tracker.video.writer import VideoWriter

        self._class_names = tuple(class_names)
        self._writer = VideoWriter(path, fps=fps)

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Draw and append one frame."""
        found = Detections.empty() if detections is None else detections
        image = side_by_side(frame.image, found, tracks, self._class_names)
        self._writer.write(image, frame.timestamp_s)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
