"""Tiny videos whose every frame carries its own number, readable after any compression."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

_BITS = 8


def picture_of(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """(H, W, 3) with the number as 8 black or white stripes, the highest bit at the left."""
    bits = [(number >> (_BITS - 1 - i)) & 1 for i in range(_BITS)]
    columns = np.repeat(bits, -(-width // _BITS))[:width] * 255
    return np.broadcast_to(columns[None, :, None], (height, width, 3)).astype(np.uint8)


def number_of(image: np.ndarray) -> int:
    """Read the number back."""
    height, width = image.shape[:2]
    step = -(-width // _BITS)
    row = image[height // 2, :, 1]
    bits = [int(row[min(i * step + step // 2, width - 1)] > 127) for i in range(_BITS)]
    return sum(bit << (_BITS - 1 - i) for i, bit in enumerate(bits))


def write_video(
    path: Path,
    times: list[float],
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    movflags: str = "",
    gop: int = 12,
    numbers: list[int] | None = None,
    fps: int = 10,
    ticks: int | None = 1000,
    muxer: str | None = None,
) -> Path:
    """Encode one numbered frame for each time (seconds)."""
    container_options = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", format=muxer, options=container_options) as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if ticks:
            stream.codec_context.time_base = Fraction(1, ticks)
        stream.codec_context.gop_size = gop
        if options is None:
            options = {"bf": "2", "preset": "ultrafast"} if codec == "libx264" else {}
        stream.options = options
        for i, time in enumerate(times):
            image = picture_of(i if numbers is None else numbers[i], *size)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            base = Fraction(1, ticks or fps)
            frame.pts, frame.time_base = round(time / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    return picture_of


@pytest.fixture(scope="session")
def number() -> Callable[[np.ndarray], int]:
    return number_of


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    return write_video


@pytest.fixture(scope="session")
def constant_rate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """60 frames at 10 a second in the usual containers, B-frames where they have them."""
    folder = tmp_path_factory.mktemp("constant")
    times = [i / 10 for i in range(60)]
    return {
        "mp4": write_video(folder / "a.mp4", times),
        "mkv": write_video(folder / "a.mkv", times),
        "ts": write_video(folder / "a.ts", times, ticks=90_000),
        "avi": write_video(folder / "a.avi", times, codec="mpeg4", ticks=None, options={"bf": "0"}),
    }
