"""PyAV, made to go on: opens a container and decodes past broken packets.

In comes a path or an address, out go decoded PyAV frames with the count of packets lost before
each. What the frames mean (times, indices, damage notes) is decided by the sources; here is only
what a library call can do wrong and what is done about it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import SourceError
from tracker.video.optional import import_av
from tracker.video.redact import is_url

__all__ = ["Decoder", "reason_of"]

# A damaged index can make every remaining packet of a file fail to read: stop trying some time.
_MOST_READ_ERRORS = 100
# FFmpeg works the duration of these out from the end of the file that is there.
_ESTIMATED_DURATIONS = ("mpegts", "mpeg", "h264", "hevc", "m4v", "mjpeg")
# Matroska writes each stream's duration into a tag.
_TAGGED_DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


def reason_of(error: BaseException) -> str:
    """Say what a PyAV error is about, without the path or address its text carries.

    Example:
        >>> reason_of(OSError(13, "Permission denied", "/secret/path"))
        'Permission denied'
    """
    if type(error).__name__ == "ExitError":  # FFmpeg's word for it: immediate exit requested
        return "nothing came within the time limit"
    return str(getattr(error, "strerror", None) or type(error).__name__)


class Decoder:
    """The first video stream of one open container.

    Args:
        location: Path or address, secrets included.
        shown: What messages call it.
        options: FFmpeg options for opening.
        timeout_s: Limits for opening and for each read, seconds; None waits for ever.

    Attributes:
        start_s: Container time of the first frame, in seconds; subtracted from all times.
        fps: Nominal rate, None when unknown.
        promised_frames: Frames the container's header promises, 0 when it does not say.
        packets_read: Video packets read so far.
        errors: The exceptions PyAV raises for what is in a file.
        reached_end: Whether the container ended by itself, rather than by errors.
        broke_by: The error that ended it, "" when none did.

    Raises:
        SourceError: Cannot be opened, or has no video stream.
    """

    def __init__(
        self,
        location: str,
        shown: str,
        *,
        options: dict[str, str] | None = None,
        timeout_s: tuple[float, float] | None = None,
    ) -> None:
        """Open the container."""
        av = import_av()
        from av.video.reformatter import VideoReformatter

        self._av = av
        self._remote = is_url(location)
        self.errors: tuple[type[Exception], ...] = (av.FFmpegError, OSError, ValueError)
        message = ""
        try:
            self.container = av.open(location, options=options or {}, timeout=timeout_s)
        except (av.FFmpegError, OSError, ValueError) as error:
            # Raised outside the handler: the original carries the address with its secrets.
            message = reason_of(error)
        if message:
            raise SourceError(f"cannot open {shown}: {message}")
        # The cover of a song is a video stream of one picture.
        covers = av.stream.Disposition.attached_pic
        videos = [s for s in self.container.streams.video if not s.disposition & covers]
        if not videos:
            kinds = sorted({s.type for s in self.container.streams if s.type != "video"}) or [
                "nothing"
            ]
            self.container.close()
            raise SourceError(f"{shown} holds no video, only {', '.join(kinds)}")
        self.stream: Any = videos[0]
        self.stream.thread_type = "AUTO"
        self._reformatter = VideoReformatter()
        rate = self.stream.average_rate or self.stream.guessed_rate
        # 90 kHz and above are time bases that some containers report as a rate.
        self.fps = float(rate) if rate and 0 < rate <= 1000 else None
        self.promised_frames: int = self.stream.frames or 0
        started = self.container.start_time
        self.start_s: float = 0.0
        if started is not None:
            self.start_s = started / 1_000_000
        elif self.stream.start_time is not None:
            self.start_s = float(self.stream.start_time * self.stream.time_base)
        self.packets_read = 0
        self.reached_end = False
        self.broke_by = ""

    @property
    def duration_s(self) -> float | None:
        """Seconds the container promises, None when it does not say."""
        if self.stream.duration is not None and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        if self.container.duration is not None:
            return float(self.container.duration) / 1_000_000
        return None

    @property
    def promised_end_s(self) -> float | None:
        """When the video should end, in seconds since the start; None where nothing says so.

        The duration of a container that is only an estimate, or another stream's, is no promise.
        """
        stream: Any = self.stream
        if stream.duration is not None and stream.time_base:
            begin = stream.start_time or 0
            if self.container.format.name in _ESTIMATED_DURATIONS:
                return None
            return float((begin + stream.duration) * stream.time_base) - self.start_s
        tag = _TAGGED_DURATION.fullmatch(stream.metadata.get("DURATION", ""))
        if tag is not None:
            hours, minutes, seconds = (float(part) for part in tag.groups())
            return 3600 * hours + 60 * minutes + seconds - self.start_s
        return None

    def time_of(self, frame: Any) -> float | None:
        """Presentation time of a decoded frame in seconds since the start, None without one."""
        if frame.pts is None or frame.time_base is None:
            return None
        return float(Fraction(frame.pts) * frame.time_base) - self.start_s

    def frames(
        self,
        on_error: Callable[[str], None],
        on_packet: Callable[[Any], None] | None = None,
    ) -> Iterator[tuple[Any, int]]:
        """Yield (decoded frame, packets lost since the one before) from where the container is.

        Args:
            on_error: Called with a reason for each packet that cannot be read or decoded.
            on_packet: Called with each video packet before it is decoded.
        """
        errors = self.errors
        read_errors = lost = 0
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                self.reached_end = True
                return
            except errors as error:
                final = self._is_final(error)
                if not final:
                    on_error(reason_of(error))
                read_errors += 1
                if read_errors >= _MOST_READ_ERRORS or final:
                    self.broke_by = reason_of(error)
                    # What the decoder still holds is whole: it comes from before the break.
                    yield from ((frame, 0) for frame in self._drain())
                    return
                packets = self.container.demux(self.stream)
                continue
            if packet.size:
                self.packets_read += 1
                read_errors = 0
                if on_packet is not None:
                    on_packet(packet)
            try:
                frames = packet.decode()
            except errors as error:
                if isinstance(error, self._av.EOFError):
                    continue
                on_error(reason_of(error))
                lost += 1
                continue
            for frame in frames:
                yield frame, lost
                lost = 0

    def _is_final(self, error: BaseException) -> bool:
        """Tell whether no later read can succeed: time is up, the peer is gone."""
        gone = (self._av.error.ExitError, ConnectionError, TimeoutError, EOFError)
        if isinstance(error, gone):
            return True
        # A disk may read on behind a bad place; a server that closed the connection does not.
        return self._remote and getattr(error, "errno", None) == errno.EIO

    def _drain(self) -> list[Any]:
        """Give the frames the decoder still holds."""
        try:
            frames = list(self.stream.codec_context.decode(None))
        except self.errors:
            return []
        for frame in frames:
            frame.time_base = self.stream.time_base
        return frames

    def to_rgb(self, frame: Any) -> NDArray[np.uint8]:
        """Convert to (H, W, 3) uint8 RGB, turned upright by the frame's rotation."""
        image = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        turns = quarter_turns(frame)
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else np.asarray(image)

    def size_of(self, frame: Any) -> tuple[int, int]:
        """Width and height in pixels after rotation."""
        if quarter_turns(frame) % 2:
            return frame.height, frame.width
        return frame.width, frame.height

    def close(self) -> None:
        """Close the container; may be called twice."""
        self.container.close()


def quarter_turns(frame: Any) -> int:
    """Counterclockwise quarter turns that make a decoded frame upright: 0 to 3."""
    return round((frame.rotation or 0) / 90) % 4
