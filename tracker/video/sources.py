"""Opens whatever a user names: a file, images, a camera, an address.

In comes one word of a command line or a config; out goes a `Source`, opened, with its first
picture seen, so that size and trouble are known before a long run starts.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracker.errors import SourceError
from tracker.video.base import Damage, Source
from tracker.video.redact import is_url

__all__ = ["Damage", "Source", "file_of", "may_be_live", "open_source"]

_CAMERA = re.compile(r"\d{1,3}|/dev/video\d+")


def open_source(
    spec: str | Path | int,
    *,
    start_s: float | None = None,
    stop_s: float | None = None,
    every: int = 1,
    image_fps: float = 30.0,
) -> Source:
    """Open a video file, a folder or glob of images, a camera or an address.

    Args:
        spec: Path of a video or an image; a folder of images; a glob of images such as
            `"shots/*.png"`; a camera number (`0`, `"0"`) or `/dev/videoN`; an address
            (`rtsp://`, `http://`, `udp://` …). A file whose name is a number: `"./0"`.
        start_s: Leave out frames before this time, seconds from the start of the source.
        stop_s: Leave out frames at and after this time.
        every: Keep every Nth of the remaining frames, beginning with the first.
        image_fps: Frames per second given to images, which have no times of their own.

    Returns:
        A source that yields `Frame`s once; close it, or use it as a context manager.

    Raises:
        SourceError: It does not exist, holds no video or image, or cannot be opened.
        InputError: A bad `start_s`, `stop_s`, `every` or `image_fps`.
        MissingExtraError: The extra `video` is not installed.
    """
    from tracker.video.camera import CameraSource
    from tracker.video.files import FileSource
    from tracker.video.images import ImagesSource, is_glob, is_image
    from tracker.video.streams import StreamSource

    if isinstance(spec, int):
        return CameraSource(spec, start_s=start_s, stop_s=stop_s, every=every)
    text = str(spec)
    if is_url(text):
        if not text.lower().startswith("file://"):
            return StreamSource(text, start_s=start_s, stop_s=stop_s, every=every)
        text = file_of(text)
    if isinstance(spec, str) and _CAMERA.fullmatch(text):
        device: int | str = int(text) if text.isdecimal() else text
        return CameraSource(device, start_s=start_s, stop_s=stop_s, every=every)
    path = Path(text).expanduser()
    if path.is_dir() or (path.is_file() and is_image(path)) or (
        not path.exists() and is_glob(text)
    ):  # fmt: skip
        return ImagesSource(path, fps=image_fps, start_s=start_s, stop_s=stop_s, every=every)
    if not path.exists():
        hint = " (for numbered images use a glob, such as shots/*.png)" if "%" in text else ""
        raise SourceError(
            f"no such video, folder or image: {text}{hint}: give an existing path, a glob,"
            " a camera number or an address"
        )
    return FileSource(path, start_s=start_s, stop_s=stop_s, every=every)


def may_be_live(spec: str | Path | int) -> bool:
    """Whether what `open_source` would open may run on while nobody reads: a camera, an address.

    Example:
        >>> [may_be_live(spec) for spec in (0, "rtsp://10.0.0.5/1", "street.mp4", "file:///a.mp4")]
        [True, True, False, False]
    """
    text = str(spec)
    if is_url(text):
        return not text.lower().startswith("file://")
    return not isinstance(spec, Path) and _CAMERA.fullmatch(text) is not None


def file_of(url: str, *, windows: bool = os.name == "nt") -> str:
    """The path that a `file://` address stands for.

    Args:
        url: The address; `%20` and the like are decoded.
        windows: Whether paths are those of Windows: with a drive, or with a machine's name.

    Raises:
        SourceError: The address names another machine, and this system has no such paths.

    Example:
        >>> file_of("file:///data/my%20film.mp4")
        '/data/my film.mp4'
        >>> file_of("file:///C:/my%20film.mp4", windows=True)
        'C:/my film.mp4'
        >>> file_of("file://nas/films/a.mp4", windows=True)
        '//nas/films/a.mp4'
    """
    parts = urlsplit(url)
    path, host = unquote(parts.path), parts.netloc
    if host.lower() not in ("", "localhost"):
        if re.fullmatch("[A-Za-z]:", host):  # file://C:/…, with a slash too few
            return host + path
        if not windows:
            raise SourceError(
                f"{url} names a file of another machine: give file:///PATH, with three slashes, for"
                " a file of this one"
            )
        return f"//{host}{path}"
    drive = re.match(r"/([A-Za-z])[:|](?=/)", path) if windows else None
    return f"{drive[1]}:{path[drive.end() :]}" if drive else path
