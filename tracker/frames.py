"""One video frame with its time: what sources yield and detectors take.

It stands apart from `tracker.video` so that detectors can name the type without any video
library being imported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded video frame.

    Attributes:
        image: (H, W, 3) uint8, **RGB**.
        timestamp_s: Presentation time in seconds (files: from the container, streams: capture).
        index: Number of the frame in its source, from 0, counting skipped frames too.

    Raises:
        InputError: If `image` is not an (H, W, 3) uint8 array.
    """

    image: NDArray[np.uint8]
    timestamp_s: float
    index: int

    def __post_init__(self) -> None:
        """Check shape and type once, where the frame enters."""
        shape = self.image.shape
        if self.image.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise InputError(
                f"Frame.image must be uint8 RGB of shape (H, W, 3), got {self.image.dtype} {shape}"
            )

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the picture in px; None where there is no real picture."""
        height, width = self.image.shape[:2]
        return width, height

    def __repr__(self) -> str:
        """Show the shape, not the pixels."""
        h, w = self.image.shape[:2]
        return f"Frame({w}x{h}, timestamp_s={self.timestamp_s:.3f}, index={self.index})"
