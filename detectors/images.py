"""The gate for images: what a network is fed is RGB on the right scale, or there is an error.

In: arrays as users have them (RGB or BGR, grey, with alpha, uint8 or float). Out: (H, W, 3) RGB,
uint8 or float32 in [0, 1]. A wrong scale gives a network's confident nonsense, not an exception:
that is why it is checked here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["ChannelOrder", "looks_binary", "rgb"]

ChannelOrder = Literal["rgb", "bgr"]
Image = NDArray[np.uint8] | NDArray[np.float32]


def rgb(image: NDArray[np.generic], *, channel_order: ChannelOrder = "rgb") -> Image:
    """Check one image and bring it into RGB.

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8, or float in [0, 1]. The fourth
            channel, alpha, is dropped.
        channel_order: Order of the first three channels: "bgr" is what OpenCV reads.

    Returns:
        (H, W, 3) RGB; uint8, or float32 in [0, 1] if the input was float.

    Raises:
        InputError: Another shape or type; floats outside [0, 1], NaN; a uint8 image of zeros and
            ones only, which is a float image whose scale was lost.

    >>> rgb(np.full((2, 2), 7, np.uint8))[0, 0].tolist()
    [7, 7, 7]
    """
    if channel_order not in ("rgb", "bgr"):
        raise InputError(f'channel_order must be "rgb" or "bgr", got {channel_order!r}')
    if not isinstance(image, np.ndarray):
        raise InputError(f"an image must be a numpy array, got {type(image).__name__}")
    shape = image.shape
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or 0 in shape:
        hint = ""
        if image.ndim == 3 and shape[0] in (1, 3, 4):
            hint = "; channels come last: use image.transpose(1, 2, 0)"
        elif image.ndim == 4:
            hint = "; pass a list of images"
        raise InputError(f"an image must be (H, W), (H, W, 3) or (H, W, 4), got {shape}{hint}")
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    elif channel_order == "bgr":
        image = image[:, :, 2::-1]
    else:
        image = image[:, :, :3]
    if image.dtype == np.uint8:
        if looks_binary(image):
            raise InputError(
                "a uint8 image holds only the values 0 and 1: it looks like a float image in "
                "[0, 1] that was cast. Multiply by 255 before the cast, or pass the floats. "
                "(A video so dark is accepted as tracker.Frame.)"
            )
        return np.ascontiguousarray(image, np.uint8)
    if image.dtype.kind != "f":
        raise InputError(
            f"an image must be uint8 in 0..255 or float in [0, 1], got {image.dtype}"
            + ("; divide uint16 by 257 and cast to uint8" if image.dtype == np.uint16 else "")
        )
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):
        hint = " (0..255? cast it to uint8)" if 1 < high <= 255 and low >= 0 else ""
        hint = " (normalised already? pass the plain image)" if low < 0 else hint
        raise InputError(f"a float image must be in [0, 1], got [{low:.4g}, {high:.4g}]{hint}")
    return np.ascontiguousarray(image, np.float32)


def looks_binary(image: NDArray[np.generic]) -> bool:
    """Tell whether a uint8 image holds zeros and ones, both, and nothing else.

    >>> looks_binary(np.eye(3, dtype=np.uint8)), looks_binary(np.ones((2, 2), np.uint8))
    (True, False)
    """
    # A coarse look settles it for every normal image at a hundredth of the price.
    return bool(image[::8, ::8].max() <= 1 and image.max() == 1 and image.min() == 0)
