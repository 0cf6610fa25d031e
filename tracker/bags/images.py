"""ROS images as the RGB pictures that detectors take.

In: a message with the attributes of `sensor_msgs/Image` or `sensor_msgs/CompressedImage`, of
whatever library. Out: (H, W, 3) uint8 RGB. What would be guessing is an error instead: encodings of
16 bits (depth, thermal), and `8UC3`, which does not say the order of its channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.video.optional import import_cv2

__all__ = ["ENCODINGS", "UnreadableImage", "compressed_to_rgb", "image_to_rgb"]

Image = NDArray[np.uint8]

# ROS names a Bayer pattern by its first two rows, OpenCV by the second row from the second column
# on: bayer_rggb8 is OpenCV's "BayerBG".
_BAYER = {
    "bayer_rggb8": "COLOR_BayerBG2RGB",
    "bayer_bggr8": "COLOR_BayerRG2RGB",
    "bayer_gbrg8": "COLOR_BayerGR2RGB",
    "bayer_grbg8": "COLOR_BayerGB2RGB",
}
_YUV = {
    "yuv422": "COLOR_YUV2RGB_UYVY",
    "uyvy": "COLOR_YUV2RGB_UYVY",
    "yuv422_yuy2": "COLOR_YUV2RGB_YUY2",
    "yuyv": "COLOR_YUV2RGB_YUY2",
}


class UnreadableImage(InputError):
    """This one image is damaged; others of its topic may well be readable."""


def image_to_rgb(message: Any) -> Image:
    """Convert a `sensor_msgs/Image`.

    Rows may be padded (`step`); one byte a sample has no byte order, so `is_bigendian` changes
    nothing for the encodings that are read, and those it would matter for are refused.

    Args:
        message: With `height`, `width`, `encoding`, `step` and `data`.

    Returns:
        (height, width, 3) uint8 RGB, a copy.

    Raises:
        UnreadableImage: No pixels, a `step` too small, or less data than it says.
        InputError: An encoding that is not read; the message lists those that are.
        MissingExtraError: OpenCV is not installed (Bayer and YUV only).

    Example:
        >>> from types import SimpleNamespace
        >>> image_to_rgb(SimpleNamespace(
        ...     height=1, width=2, encoding="bgr8", step=8, data=bytes([3, 2, 1, 6, 5, 4, 0, 0])
        ... )).tolist()
        [[[1, 2, 3], [4, 5, 6]]]
    """
    encoding = str(message.encoding).strip()
    known = _ENCODINGS.get(encoding.lower())
    if known is None:
        raise InputError(_refusal(encoding))
    channels, convert = known
    height, width, step = int(message.height), int(message.width), int(message.step)
    row = width * channels
    data = np.frombuffer(message.data, np.uint8)
    if height < 1 or width < 1:
        raise UnreadableImage(f"an image of {width}x{height} has no pixels")
    if step < row:
        raise UnreadableImage(
            f"step is {step} bytes, but a row of {width} pixels {encoding} takes {row}"
        )
    # Some drivers leave the padding of the last row out.
    if len(data) < step * (height - 1) + row:
        raise UnreadableImage(
            f"the image has {len(data)} bytes, but {height} rows of {step} are {step * height}"
        )
    if len(data) < step * height:
        data = np.concatenate([data, np.zeros(step * height - len(data), np.uint8)])
    pixels = data[: step * height].reshape(height, step)[:, :row].reshape(height, width, channels)
    return convert(pixels)


def compressed_to_rgb(message: Any) -> Image:
    """Convert a `sensor_msgs/CompressedImage` that holds a JPEG or a PNG.

    The first bytes tell which, as `format` is written in many ways. Pixels stay where the sensor
    has them: an orientation noted in the file is not applied.

    Args:
        message: With `format` and `data`.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UnreadableImage: Damaged data.
        InputError: Another format (compressed depth, video), or a PNG of 16 bits.
        MissingExtraError: OpenCV is not installed.
    """
    data = np.frombuffer(message.data, np.uint8)
    start = data[:8].tobytes()
    if not len(data):
        raise UnreadableImage("a compressed image without data")
    if not start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        if any(word in str(message.format).lower() for word in ("jpeg", "jpg", "png")) and (
            "depth" not in str(message.format).lower()
        ):
            raise UnreadableImage(
                f"the data of a compressed image {message.format!r} begin as neither JPEG nor PNG"
            )
        raise InputError(
            f"compressed images of format {message.format!r} are not read: JPEG and PNG are"
        )
    cv2: Any = import_cv2()
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise UnreadableImage(f"a compressed image cannot be decoded: {error}") from error
    if image is None:
        raise UnreadableImage("a compressed image cannot be decoded")
    if image.dtype != np.uint8:
        raise InputError(_refusal(f"16 bits in {message.format!r}"))
    rgb: Image = np.ascontiguousarray(image[:, :, ::-1])
    return rgb


def _refusal(encoding: str) -> str:
    reason = f"images of encoding {encoding!r} are not read"
    if encoding.upper() == "8UC3":
        reason += ", as it does not say whether they are RGB or BGR"
    elif "16" in encoding or "32" in encoding or "64" in encoding:
        reason += ", as a detector wants 8 bits a sample: convert them to mono8 first"
    return f"{reason}. These are: {', '.join(ENCODINGS)}"


def _same(pixels: Image) -> Image:
    return np.array(pixels[:, :, :3], order="C")


def _swapped(pixels: Image) -> Image:
    return np.ascontiguousarray(pixels[:, :, 2::-1])


def _grey(pixels: Image) -> Image:
    return np.repeat(pixels, 3, axis=2)


def _by_cv2(code: str) -> Callable[[Image], Image]:
    def convert(pixels: Image) -> Image:
        cv2: Any = import_cv2()
        packed = np.ascontiguousarray(pixels if pixels.shape[2] == 2 else pixels[:, :, 0])
        try:
            rgb: Image = cv2.cvtColor(packed, getattr(cv2, code))
        except cv2.error as error:
            raise UnreadableImage(
                f"an image of {pixels.shape[1]}x{pixels.shape[0]} cannot be converted: {error}"
            ) from error
        return rgb

    return convert


_ENCODINGS: dict[str, tuple[int, Callable[[Image], Image]]] = {
    "rgb8": (3, _same),
    "rgba8": (4, _same),
    "bgr8": (3, _swapped),
    "bgra8": (4, _swapped),
    "mono8": (1, _grey),
    "8uc1": (1, _grey),
    **{name: (1, _by_cv2(code)) for name, code in _BAYER.items()},
    **{name: (2, _by_cv2(code)) for name, code in _YUV.items()},
}
ENCODINGS = tuple(name.replace("uc", "UC") for name in _ENCODINGS)
