"""A folder or glob of images as a source: natural order, a constant rate, no image fatal.

In come image files, out go frames with times `number / fps`. Images have no times of their own,
so their rate is the caller's to say. An unreadable image keeps its place in the count and is
noted; images of different sizes are fine.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError, SourceError
from tracker.video.base import Picture, Source
from tracker.video.optional import import_cv2

__all__ = ["ImagesSource", "is_glob", "is_image", "natural_key"]

_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
_VIDEO_SUFFIXES = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm"))
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers count as numbers.

    Example:
        >>> sorted(["img10.png", "img2.png", "img1.png"], key=natural_key)
        ['img1.png', 'img2.png', 'img10.png']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in parts]


def is_image(path: Path) -> bool:
    """Tell by its suffix whether a file is an image."""
    return path.suffix.lower() in _SUFFIXES


def is_glob(text: str) -> bool:
    """Tell whether a path has wildcards.

    Example:
        >>> is_glob("shots/*.png"), is_glob("shots/1.png")
        (True, False)
    """
    return glob.has_magic(text)


class ImagesSource(Source):
    """Images of a folder (not its subfolders), of a glob (`**` goes down), or one image.

    Args:
        path: Folder, glob or image file.
        fps: Frames per second the images are given.
        start_s: See `open_source`.
        stop_s: See `open_source`.
        every: See `open_source`.

    Raises:
        SourceError: No image there, or none of them can be read.
        InputError: `fps` is not a number above 0.
    """

    own_times = False

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float = 30.0,
        start_s: float | None = None,
        stop_s: float | None = None,
        every: int = 1,
    ) -> None:
        """List the images and read the first for its size."""
        super().__init__(start_s=start_s, stop_s=stop_s, every=every)
        if not 0 < fps < float("inf"):
            raise InputError(f"the frame rate of images must be above 0, got {fps}")
        self._cv2 = import_cv2()
        self.name = str(path)
        self.fps = float(fps)
        self._paths = _list_images(Path(path))
        for image in (self._read(file) for file in self._paths):
            if not isinstance(image, str):
                self.height, self.width = image.shape[:2]
                break
        else:
            raise SourceError(f"none of the {len(self._paths)} images of {path} can be read")
        end = len(self._paths) / self.fps
        chosen = min(end, self.stop_s or end) - (self.start_s or 0.0)
        self.duration_s = max(0.0, chosen)
        self.frame_count = -(-round(self.duration_s * self.fps) // every)

    def _pictures(self) -> Iterator[Picture]:
        """Yield every image, read only when it is chosen."""
        assert self.fps is not None
        for index, path in enumerate(self._paths):
            time = index / self.fps
            yield Picture(time, index, partial(self._load, path, time))

    def _load(self, path: Path, time_s: float) -> NDArray[np.uint8] | None:
        image = self._read(path)
        if isinstance(image, str):
            self.errors_skipped += 1
            self.note(time_s, "unreadable", f"{path.name}: {image}")
            return None
        return image

    def _read(self, path: Path) -> NDArray[np.uint8] | str:
        """Read one image upright as RGB, or say why it cannot be."""
        try:
            data = path.read_bytes()
        except OSError as error:
            return error.strerror or "cannot be read"
        if not data:
            return "empty file"
        # JPEG decoders fill a missing rest with grey and say nothing.
        if data.startswith(_JPEG_START) and _JPEG_END not in data[-4096:]:
            return "cut off"
        cv2: Any = self._cv2
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            image = None
        if image is None:
            return "not an image"
        rgb: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return rgb

    def _release(self) -> None:
        """Hold nothing."""


def _list_images(path: Path) -> list[Path]:
    """Find the images of a folder, a glob or a single file in natural order."""
    if path.is_dir():
        try:
            inside = sorted(path.iterdir())
        except OSError as error:
            raise SourceError(f"cannot list {path}: {error.strerror}") from error
        found = [p for p in inside if is_image(p) and p.is_file()]
        if not found:
            videos = [p.name for p in inside if p.suffix.lower() in _VIDEO_SUFFIXES]
            hint = (
                f"it has videos: give one of them, such as {path / videos[0]}"
                if videos
                else f"known suffixes: {' '.join(sorted(_SUFFIXES))}"
            )
            raise SourceError(f"the folder {path} has no images; {hint}")
    elif path.is_file():
        found = [path]
    else:
        matched = (Path(name) for name in glob.glob(str(path), recursive=True))
        found = [p for p in matched if is_image(p) and p.is_file()]
        if not found:
            raise SourceError(f"no image matches {path}")
    return sorted(found, key=lambda p: natural_key(str(p)))
