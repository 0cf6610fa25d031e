"""One connection to one camera: pictures until it ends, hangs or breaks.

In comes what to read and how; out come `Shot`s. Streams are decoded here directly, because their
own times and the decoder's marks matter; cameras of this computer and files come through the
sources that `conftrack run` has. Coming back after the end is not done here, see `reader`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tracker.live.clocks import Timeline
from tracker.live.settings import CameraSettings
from tracker.live.shots import Shot
from tracker.video.redact import SecretUrl, is_url

__all__ = ["Connection", "connect", "ends", "shown"]

Image = NDArray[np.uint8]

# Formats that carry no timestamps: what FFmpeg gives for them is a count divided by 25.
_UNTIMED = ("mpjpeg", "mjpeg", "image2pipe", "jpeg_pipe", "h264", "hevc")
# They come in pieces of seconds, faster than they are played: they must be played at their pace.
_IN_PIECES = ("hls", "dash")
_SENT_AT_PACE = ("rtsp:", "rtsps:", "rtmp:", "rtmps:", "rtp:", "udp:", "tcp:", "srt:")
# A stream that is read at its pace and falls behind it by more begins a new pace, s.
_MOST_BEHIND_S = 2.0


class Connection(AbstractContextManager["Connection"], Protocol):
    """What a reader reads; entered, iterated once and left in one thread.

    Attributes:
        untimed: Whether its frames have no times of their own that could be believed.
        finite: Whether its end is the end of a recording, not of a connection.
        errors: Packets that could not be decoded so far.
        why: Why it ended, "" where nothing is known.
        fps: Nominal frames a second, None where nothing is known.
    """

    untimed: bool
    finite: bool
    errors: int
    why: str
    fps: float | None

    def __iter__(self) -> Iterator[Shot]:
        """Yield what comes."""


def shown(settings: CameraSettings) -> str:
    """The source without its secrets."""
    return str(SecretUrl(settings.source))


def ends(settings: CameraSettings) -> bool:
    """Whether the source is a file or images, which have an end and need no second try."""
    text = settings.source
    if is_url(text):
        return text.lower().startswith("file://")
    return not (text.isdecimal() or text.startswith("/dev/video"))


def connect(settings: CameraSettings, timeline: Timeline, stop: threading.Event) -> Connection:
    """Open what the settings name; blocks until the first bytes are there.

    Args:
        settings: The camera.
        timeline: What arrival is measured on.
        stop: Set when nobody wants the frames any more: pacing does not wait on.

    Raises:
        SourceError: Cannot be opened.
        MissingExtraError: The extra `video` is not installed.
    """
    if is_url(settings.source) and not ends(settings):
        return _Stream(settings, timeline, stop)
    return _Opened(settings, timeline, stop)


class _Pace:
    """Holds frames back until their time."""

    def __init__(self, timeline: Timeline, stop: threading.Event) -> None:
        self._timeline, self._stop = timeline, stop
        self._begin_s: float | None = None

    def wait(self, own_s: float) -> bool:
        """Wait for the time of a frame; False when it is not wanted any more."""
        now = self._timeline.now()
        if self._begin_s is None or not -60.0 < now - self._begin_s - own_s < _MOST_BEHIND_S:
            self._begin_s = now - own_s
        left = self._begin_s + own_s - now
        return left <= 0 or not self._timeline.clock.wait(self._stop, left)


class _Base:
    """What all connections have."""

    untimed = False
    finite = False
    errors = 0
    why = ""
    fps: float | None = None

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._close: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()


class _Stream(_Base):
    """An address through PyAV."""

    def __init__(self, settings: CameraSettings, timeline: Timeline, stop: threading.Event) -> None:
        from tracker.video.decoding import Decoder

        super().__init__(timeline)
        url = SecretUrl(settings.source)
        self._decoder = Decoder(
            url.reveal(),
            str(url),
            options=_options(settings),
            timeout_s=(settings.timeout_s, settings.timeout_s),
        )
        self._close = self._decoder.close
        # Decoding frames in parallel would hold back one frame a thread.
        self._decoder.stream.thread_type = "SLICE"
        self.fps = self._decoder.fps
        form = self._decoder.container.format.name
        in_pieces = any(name in _IN_PIECES for name in form.split(","))
        at_pace = settings.source.lower().startswith(_SENT_AT_PACE)
        recording = not at_pace and self._decoder.duration_s is not None
        self.untimed = form in _UNTIMED and not recording
        self.finite = recording
        paced = (in_pieces or recording) and not (recording and settings.policy == "every")
        self._pace = _Pace(timeline, stop) if paced else None
        self._grey: Any = None
        # Who looks and who watches may want the same picture at once.
        self._converting = threading.Lock()
        self._spoiled = False

    def __iter__(self) -> Iterator[Shot]:
        """Yield what the stream sends until it ends."""
        decoder = self._decoder
        index = 0
        for frame, lost in decoder.frames(self._count, self._announce):
            index += lost
            own = None if self.untimed else decoder.time_of(frame)
            if self._pace is not None and own is not None and not self._pace.wait(own):
                return
            yield Shot(
                index=index,
                own_s=own,
                arrived_s=self._timeline.now(),
                luma=self._luma(frame),
                to_rgb=partial(self._to_rgb, frame),
                corrupt=bool(frame.is_corrupt) or self._spoiled,
            )
            index += 1
        self.why = decoder.broke_by

    def _count(self, reason: str) -> None:
        self.errors += 1

    def _announce(self, packet: Any) -> None:
        """Remember whether the packet that is decoded next is whole.

        Decoders conceal what is missing and do not say so. That the pictures after it are drawn
        from a damaged one is put up with: else a camera with some loss would never be looked at.
        """
        self._spoiled = bool(packet.is_corrupt)

    def _to_rgb(self, frame: Any) -> Image | None:
        try:
            with self._converting:
                return self._decoder.to_rgb(frame)
        except self._decoder.errors:
            return None

    def _luma(self, frame: Any) -> Image:
        """The brightness, without a copy where the format has it as a plane of its own."""
        if frame.format.name in ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12", "gray"):
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            return rows[: frame.height, : frame.width]
        if self._grey is None:
            from av.video.reformatter import VideoReformatter

            self._grey = VideoReformatter()
        grey: Image = self._grey.reformat(frame, format="gray").to_ndarray()
        return grey


def _options(settings: CameraSettings) -> dict[str, str]:
    """FFmpeg's options for little delay.

    Not `nobuffer`: it throws away what was read to find out what the stream is, and with it the
    first key frame. Those frames are decoded in a burst, and the newest of them wins.
    """
    options = {"analyzeduration": "500000", "probesize": "500000", "flags": "low_delay"}
    source = settings.source.lower()
    if source.startswith(("rtsp:", "rtsps:")):
        options["rtsp_transport"] = settings.transport
    elif source.startswith("udp:"):
        # A burst larger than the buffer loses packets, and must not end the stream.
        options |= {"overrun_nonfatal": "1", "fifo_size": "50000", "buffer_size": "1048576"}
    return options


class _Opened(_Base):
    """A camera of this computer, a file or images, through `open_source`."""

    def __init__(self, settings: CameraSettings, timeline: Timeline, stop: threading.Event) -> None:
        from tracker.video.sources import open_source

        super().__init__(timeline)
        self._source = open_source(settings.source)
        self._close = self._source.close
        self.fps = self._source.fps
        self.untimed = self._source.live
        self.finite = ends(settings)
        self._pace = _Pace(timeline, stop) if self.finite and settings.realtime else None

    def __iter__(self) -> Iterator[Shot]:
        """Yield the frames of the source."""
        for frame in self._source:
            if self._pace is not None and not self._pace.wait(frame.timestamp_s):
                return
            self.errors = self._source.errors_skipped
            image = frame.image
            yield Shot(
                index=frame.index,
                own_s=None if self.untimed else frame.timestamp_s,
                arrived_s=self._timeline.now(),
                luma=image[..., 1],
                to_rgb=partial(_itself, image),
            )
        damage = self._source.damage
        self.why = str(damage[-1].detail) if damage and not self.finite else ""


def _itself(image: Image) -> Image:
    return image
