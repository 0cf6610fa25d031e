"""Writes RGB frames with their times into an MP4 that browsers play, whatever happens.

In come images and seconds, out comes H.264 with exactly those times (variable frame rate). While
it is written, the file is a fragmented MP4 under a temporary name, `out.part.mp4`: playable up
to its last second even after the process was killed. `close` copies its packets, without coding
them again, into `out.mp4` with the index in front, and removes the temporary one. An exception or
Ctrl-C inside the `with` block closes just the same: what was written so far is complete.

There are no B-frames: coding order is display order, so that times need no edit list and come
out the same in every player.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from errno import ENOSPC
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError, SourceError
from tracker.files import Closing, put_in_place
from tracker.video.decoding import reason_of
from tracker.video.letterbox import letterboxed
from tracker.video.optional import import_av

__all__ = ["VideoWriter"]

# 90 kHz, the clock of MPEG: holds 24, 25, 30, 50, 60 frames a second exactly.
_TICKS_PER_S = 90_000
_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
)  # fmt: skip


class VideoWriter(Closing):
    """An MP4 file being written; a context manager.

    Args:
        path: Where to write; the folder must exist, a file there is replaced at `close`.
        width: Width of the video in pixels, None to take the first frame's.
        height: Height of the video in pixels, None to take the first frame's.
        fps: Nominal rate: sets the space between key frames and how long the last frame shows;
            the times of the frames are their own.
        crf: Constant quality of x264, 0 (lossless) to 51; 23 is its default.
        preset: Speed of x264, "ultrafast" to "veryslow".

    Attributes:
        path: Where the finished file is.
        frames: Frames written so far.
        notes: What was changed about the frames, in words: padding to even size, frames of
            another size fitted in.
        start_s: Time of the first frame; it is 0 in the file.

    Raises:
        InputError: Bad size, rate, quality or preset.
        SourceError: The file cannot be created or written.

    Example:
        >>> import numpy as np, tempfile, pathlib
        >>> folder = tempfile.TemporaryDirectory()
        >>> with VideoWriter(pathlib.Path(folder.name) / "a.mp4", fps=10) as writer:
        ...     for i in range(3):
        ...         writer.write(np.full((48, 64, 3), 80 * i, np.uint8), i / 10)
        >>> writer.frames, writer.path.name
        (3, 'a.mp4')
        >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | Path,
        *,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        crf: float = 23,
        preset: str = "veryfast",
    ) -> None:
        """Keep the settings; the file is created with the first frame."""
        self.path = Path(path)
        if self.path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
            raise InputError(f"the video must be named .mp4, .m4v or .mov, got {self.path.name!r}")
        if not self.path.parent.is_dir():
            raise SourceError(f"cannot write {self.path}: no folder {self.path.parent}")
        if not 0 <= crf <= 51:
            raise InputError(f"crf must be in 0..51, got {crf}")
        if preset not in _PRESETS:
            raise InputError(f"preset must be one of {', '.join(_PRESETS)}, got {preset!r}")
        if fps is not None and not 0 < fps < math.inf:
            raise InputError(f"fps must be above 0, got {fps}")
        for name, value in (("width", width), ("height", height)):
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1 pixel, got {value}")
        self._av = import_av()
        self._part = self.path.with_suffix(f".part{self.path.suffix}")
        self._size = None if width is None or height is None else (width, height)
        self._fps = fps or 25.0
        self._crf, self._preset = crf, preset
        self._container: Any = None
        self._stream: Any = None
        self._last_tick, self._last_s = -1, -math.inf
        self._closed = self._broken = False
        self.start_s: float | None = None
        self.frames = 0
        self.notes: list[str] = []

    def write(self, image_rgb: NDArray[np.uint8], timestamp_s: float) -> None:
        """Append a frame.

        A frame of another size than the video is scaled to fit and put on black.

        Args:
            image_rgb: (H, W, 3) uint8 RGB.
            timestamp_s: Its time in seconds, after that of the frame before.

        Raises:
            InputError: Not such an image, or a time that is not after the one before.
            SourceError: The disk is full, the file is closed.
        """
        if self._closed or self._broken:
            raise SourceError(f"{self.path} is {'closed' if self._closed else 'broken'}")
        shape = image_rgb.shape
        if image_rgb.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise InputError(
                f"image_rgb must be uint8 of shape (H, W, 3), got {image_rgb.dtype} {shape}"
            )
        if not math.isfinite(timestamp_s):
            raise InputError(f"timestamp_s must be finite, got {timestamp_s}")
        if self.start_s is None:
            self.start_s = timestamp_s
        tick = round((timestamp_s - self.start_s) * _TICKS_PER_S)
        if timestamp_s <= self._last_s:
            raise InputError(
                f"timestamp_s {timestamp_s} is not after that of the frame before, {self._last_s}"
            )
        # Two times may round to one tick; the container needs them apart.
        tick = max(tick, self._last_tick + 1)
        try:
            if self._container is None:
                self._open(shape[1], shape[0])
            frame = self._av.VideoFrame.from_ndarray(self._fitted(image_rgb), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, _TICKS_PER_S)
            self._mux(self._stream.encode(frame))
        except (self._av.FFmpegError, OSError) as error:
            # A muxer that failed once must not be called again: it may crash the process.
            self._broken = True
            raise SourceError(f"cannot write {self._part}: {reason_of(error)}") from error
        self._last_tick, self._last_s = tick, timestamp_s
        self.frames += 1

    def _open(self, width: int, height: int) -> None:
        """Create the temporary file for frames of this size."""
        self._size = self._size or (width, height)
        even = tuple(side + side % 2 for side in self._size)
        if even != self._size:
            self.notes.append(
                "padded by one pixel from {}x{} to {}x{}: H.264 needs even sides".format(
                    *self._size, *even
                )
            )
        options = {
            "movflags": "frag_keyframe+empty_moov+default_base_moof",
            "flush_packets": "1",  # each fragment is on the disk as soon as it is complete
        }
        if "libx264" not in self._av.codecs_available:
            raise SourceError("this build of PyAV has no H.264 encoder: pip install --upgrade av")
        self._container = self._av.open(
            os.path.abspath(self._part), "w", format="mp4", options=options
        )
        rate = Fraction(self._fps).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=rate)
        context = self._stream.codec_context
        context.width, context.height = even
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, _TICKS_PER_S)
        # A key frame every two seconds: players can jump, and a kill loses no more than that.
        context.gop_size = max(1, round(2 * self._fps))
        context.max_b_frames = 0
        context.options = {"crf": f"{self._crf:g}", "preset": self._preset, "bf": "0"}

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            self._container.mux(packet)

    def _fitted(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring an image to the even size of the video."""
        assert self._size is not None
        width, height = self._size
        if image.shape[:2] != (height, width):
            note = f"frames of {image.shape[1]}x{image.shape[0]} fitted into {width}x{height}"
            if note not in self.notes and len(self.notes) < 100:
                self.notes.append(note)
            image = letterboxed(image, width, height)
        if width % 2 or height % 2:
            return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return np.ascontiguousarray(image)

    def close(self) -> None:
        """Finish the file; may be called twice. Without a frame there is no file.

        Where the disk is full there is no room for a copy with the index in front: then the file
        as it was written takes the place of it. It plays too, and `notes` says so.

        Raises:
            SourceError: It cannot be finished; the message says where what was written is.
        """
        if self._closed:
            return
        self._closed = True
        if self._container is None:
            return
        errors = (self._av.FFmpegError, OSError)
        failed: BaseException | None = None
        try:
            try:
                if self.frames and not self._broken:
                    self._mux(self._stream.encode(None))
            finally:
                self._container.close()
        except errors as error:
            # A file that broke while it was written was told of by `write`.
            failed = None if self._broken else error
        try:
            if not self.frames:
                self._part.unlink(missing_ok=True)
            else:
                self._finish()
        except errors as error:
            failed = failed or error
        if failed is not None:
            where = self._part if self._part.exists() else self.path
            raise SourceError(
                f"cannot finish {self.path}: {reason_of(failed)}; what was written is in {where}"
            ) from failed

    def _finish(self) -> None:
        """Put the video in its place, its index in front if there is room for a copy."""
        final = self.path.with_suffix(f".final{self.path.suffix}")
        try:
            kept = self._copy(final)
            put_in_place(final, self.path)
        except (self._av.FFmpegError, OSError) as error:
            kept = sum(1 for _ in self._packets())
            if kept == 0:
                raise OSError(ENOSPC, "there was not room for one frame") from error
            put_in_place(self._part, self.path)
            self.notes.append(f"the index could not be put in front ({reason_of(error)})")
        finally:
            final.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)
        # FFmpeg does not say that the last of a file found no room.
        if kept < self.frames and not self._broken:
            raise OSError(ENOSPC, f"there was room for {kept} of {self.frames} frames only")

    def _packets(self) -> Iterator[Any]:
        """Yield the packets that are whole in the temporary file."""
        with self._av.open(os.path.abspath(self._part)) as file:
            for packet in file.demux(video=0):
                if packet.dts is not None and not packet.is_corrupt:
                    yield packet

    def _copy(self, final: Path) -> int:
        """Copy the packets into another file, whose index is in front; give their number."""
        kept = 0
        period = round(_TICKS_PER_S / self._fps)
        options = {"movflags": "faststart"}
        with self._av.open(os.path.abspath(final), "w", format="mp4", options=options) as new:
            stream: Any = None
            for packet in self._packets():
                stream = stream or new.add_stream_from_template(packet.stream)
                if packet.pts == self._last_tick:
                    packet.duration = period
                packet.stream = stream
                new.mux(packet)
                kept += 1
        return kept

    def __repr__(self) -> str:
        """Show the path and what is written."""
        return f"VideoWriter({str(self.path)!r}, {self.frames} frames)"
