"""Fits a picture of another size into a video: scaled as a whole, centred on black.

In: a picture and the size of the video. Out: a picture of that size. It stands apart because the
writer is about times and files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.video.optional import import_cv2

__all__ = ["letterboxed"]


def letterboxed(image_rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale an image to fit, centred on black.

    Args:
        image_rgb: (H, W, 3) uint8.
        width: Width of the result in pixels.
        height: Height of the result in pixels.

    Returns:
        (height, width, 3) uint8.

    Raises:
        MissingExtraError: The extra `video` is not installed.

    Example:
        >>> letterboxed(np.full((10, 40, 3), 255, np.uint8), 20, 20)[:, 0, 0].tolist()
        [0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    cv2 = import_cv2()
    old_height, old_width = image_rgb.shape[:2]
    scale = min(width / old_width, height / old_height)
    new_width = max(1, min(width, round(old_width * scale)))
    new_height = max(1, min(height, round(old_height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - new_width) // 2, (height - new_height) // 2
    canvas[y : y + new_height, x : x + new_width] = cv2.resize(
        image_rgb, (new_width, new_height), interpolation=way
    )
    return canvas
