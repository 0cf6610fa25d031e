"""Addresses (rtsp, http, udp …) through PyAV, live or a recording behind a server.

In comes an address, out go frames. Live streams have no duration: their frames are timed by the
stream's own clock from the first frame on, by arrival where that is unusable. The address may
hold credentials; only its redacted form is ever shown, in names, errors and logs.

A stream that stops ends the iteration with a note; coming back after it is not done here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from tracker.errors import SourceError
from tracker.video.base import Picture
from tracker.video.decoded import DecodedSource
from tracker.video.decoding import Decoder
from tracker.video.redact import SecretUrl
from tracker.video.timestamps import ArrivalTimes, FileTimes

__all__ = ["StreamSource"]

# A live stream is opened on little data: every second of probing is a second of delay.
_OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "500000", "probesize": "500000"}
_TIMEOUT_S = (5.0, 5.0)
_PACED = ("rtsp:", "rtsps:", "rtmp:", "rtmps:", "rtp:", "udp:", "srt:")
# Formats that carry no timestamps: what FFmpeg gives for them is a count divided by 25.
_UNTIMED = ("mpjpeg", "mjpeg", "image2pipe", "jpeg_pipe", "h264", "hevc")


class StreamSource(DecodedSource):
    """A network stream. Arguments and attributes: see `open_source` and `Source`.

    Args:
        url: The address, credentials included.
        start_s: See `open_source`; nothing is sought, frames before it are read and dropped.
        stop_s: See `open_source`.
        every: See `open_source`.
        timeout_s: Limits for opening and for each read, in seconds.

    Raises:
        SourceError: Cannot be reached or read, or sends no video.
    """

    def __init__(
        self,
        url: str,
        *,
        start_s: float | None = None,
        stop_s: float | None = None,
        every: int = 1,
        timeout_s: tuple[float, float] = _TIMEOUT_S,
    ) -> None:
        """Connect and decode the first frame."""
        super().__init__(start_s=start_s, stop_s=stop_s, every=every)
        self._url = SecretUrl(url)
        self.name = str(self._url)
        self._decoder = Decoder(
            self._url.reveal(), self.name, options=_OPTIONS, timeout_s=timeout_s
        )
        decoded = self._timed()
        try:
            first = next(decoded, None)
            if first is None:
                raise SourceError(f"{self.name} was opened but sends no picture")
        except BaseException:
            self._decoder.close()
            raise
        self._decoded = chain((first,), decoded)
        self.width, self.height = self._decoder.size_of(first[0])
        self.fps = self._decoder.fps
        # A server of these sends at the pace of the clock, also when it plays a recording.
        paced = url.lower().startswith(_PACED)
        self.live = paced or self._decoder.duration_s is None
        end = stop_s if self.live else min(self._decoder.duration_s or 0.0, stop_s or np.inf)
        if end is not None:
            self.duration_s = max(0.0, end - (start_s or 0.0))
            if self.fps is not None:
                self.frame_count = -(-round(self.duration_s * self.fps) // every)

    def _timed(self) -> Iterator[tuple[Any, int, float]]:
        """Yield (decoded frame, packets lost before it, arrival on the monotonic clock)."""
        for frame, lost in self._decoder.frames(self._skip_error):
            yield frame, lost, time.monotonic()

    def _pictures(self) -> Iterator[Picture]:
        """Yield what the stream sends until it ends."""
        decoder = self._decoder
        arrival = ArrivalTimes(trust_stream=decoder.container.format.name not in _UNTIMED)
        recorded = FileTimes(1.0 / (self.fps or 25.0))
        index = 0
        for frame, lost, arrived in self._decoded:
            index += lost
            own = decoder.time_of(frame)
            if self.live:
                now, trouble = arrival.time(own, arrived_s=arrived)
            else:
                now, trouble = recorded.repair(own)
            yield self._picture(frame, index, now, trouble)
            index += 1

    def _finished(self) -> None:
        """Note that a live stream ended: for a camera this is never normal."""
        if self.live or not self._decoder.reached_end:
            why = f": {self._decoder.broke_by}" if self._decoder.broke_by else ""
            self.note(None, "ended", f"the stream stopped{why}")
