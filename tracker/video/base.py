"""What every video source is: frames with times, one pass, and a list of what was damaged.

In come pictures of a subclass (file, images, camera, stream) that are not converted to RGB yet;
out go `Frame`s. The choice of frames (start, stop, every Nth) is made here, once for all kinds
of source, and before a picture is converted: a skipped frame costs no conversion.

```
open_source(spec) ─┬─ FileSource    files.py     PyAV, presentation timestamps, seek ─┐ decoded.py:
                   ├─ StreamSource  streams.py   PyAV, rtsp/http/udp …, live ─────────┘ common part
                   ├─ ImagesSource  images.py    folder, glob, single image
                   └─ CameraSource  camera.py    OpenCV, arrival time
```
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError, SourceError
from tracker.files import Closing
from tracker.frames import Frame

__all__ = ["Damage", "DamageReason", "Picture", "Source"]

DamageReason = Literal["truncated", "corrupt", "unreadable", "timestamps", "ended"]

# Decimal seconds given by a user never equal a rational timestamp exactly.
_TIME_ROUNDING_S = 1e-6
# A camera that stays broken for weeks must not fill the memory with notes.
_MOST_NOTES = 1000


@dataclass(frozen=True, slots=True)
class Damage:
    """One stretch of a source that was not as it should be.

    Attributes:
        timestamp_s: Where it starts: time of the last good frame before it, in seconds.
        reason: `"truncated"` (fewer frames than the container promised), `"corrupt"` (decode
            errors or pictures the decoder marks as damaged), `"unreadable"` (an image file),
            `"timestamps"` (missing or going backwards, repaired), `"ended"` (a live source
            stopped delivering).
        detail: What happened, in words.
        count: Frames or packets concerned.
    """

    timestamp_s: float
    reason: DamageReason
    detail: str = ""
    count: int = 1

    def __str__(self) -> str:
        """One line for a terminal."""
        times = f" ({self.count}×)" if self.count > 1 else ""
        return f"{self.reason} at {self.timestamp_s:.3f} s: {self.detail}{times}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture before its conversion.

    Attributes:
        timestamp_s: Time in seconds.
        index: Number of the frame in its source.
        to_rgb: Converts it to (H, W, 3) uint8 RGB, or notes the damage and gives None.
    """

    timestamp_s: float
    index: int
    to_rgb: Callable[[], NDArray[np.uint8] | None]


class Source(Closing):
    """An iterable of frames and a context manager; read once, from one thread at a time.

    Attributes:
        name: What it is called in outputs; never holds credentials.
        width: Width of the first frame in pixels, after rotation.
        height: Height of the first frame in pixels, after rotation.
        fps: Nominal frames per second, None when unknown; the timestamps are what counts.
        frame_count: Estimate of the frames the iteration yields, None when unknown.
        duration_s: Estimate of the seconds the iteration covers, None when unknown.
        live: Whether frames arrive in real time: a reader that waits too long loses some.
        own_times: Whether its frames have times of their own; those of images are given to them.
        damage: What was found broken so far; grows while the source is read.
        last_s: Time of the last picture that was come by, chosen or not, None before the first.
        errors_skipped: Decode errors that were passed over so far.

    Raises:
        InputError: `every` below 1, a negative or not finite time, `stop_s` not after `start_s`.
    """

    name: str
    width: int
    height: int
    fps: float | None = None
    frame_count: int | None = None
    duration_s: float | None = None
    live: bool = False
    own_times: bool = True

    def __init__(
        self, *, start_s: float | None = None, stop_s: float | None = None, every: int = 1
    ) -> None:
        """Check and keep the choice of frames; subclasses open what they read after this."""
        for name, value in (("start_s", start_s), ("stop_s", stop_s)):
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"{name} must be a time >= 0 in seconds, got {value}")
        if start_s is not None and stop_s is not None and stop_s <= start_s:
            raise InputError(f"stop_s ({stop_s}) must be after start_s ({start_s})")
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise InputError(f"every must be a whole number >= 1, got {every!r}")
        self.start_s = start_s
        self.stop_s = stop_s
        self.every = every
        self.damage: list[Damage] = []
        self.errors_skipped = 0
        self.last_s: float | None = None
        self._reading = False
        self._closed = False
        self._lock = threading.Lock()

    @abstractmethod
    def _pictures(self) -> Iterator[Picture]:
        """Yield all pictures from `start_s` or earlier on, in order of time."""

    def _frame(self, image: NDArray[np.uint8], picture: Picture) -> Frame:
        """The frame of a converted picture; a source whose frames know more gives those."""
        return Frame(image, picture.timestamp_s, picture.index)

    def _finished(self) -> None:
        """Called when the source came to its own end: time to compare with what it promised."""

    @abstractmethod
    def _release(self) -> None:
        """Free the container or device; may be called twice."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the chosen frames.

        Raises:
            SourceError: The source is closed or was read before.
        """
        if self._closed:
            raise SourceError(f"{self.name} is closed: open it again to read it")
        if self._reading:
            raise SourceError(f"{self.name} can be read once only: open it again")
        self._reading = True
        return self._chosen()

    def _chosen(self) -> Iterator[Frame]:
        """Apply start, stop and every; convert only what is kept."""
        start = -np.inf if self.start_s is None else self.start_s - _TIME_ROUNDING_S
        stop = np.inf if self.stop_s is None else self.stop_s - _TIME_ROUNDING_S
        pictures = self._pictures()
        inside = 0
        try:
            while True:
                # The lock keeps `close` of another thread away from a decoder at work.
                with self._lock:
                    if self._closed:
                        return
                    picture = next(pictures, None)
                    if picture is None:
                        self._finished()
                        return
                    self.last_s = picture.timestamp_s
                    if picture.timestamp_s >= stop:
                        return
                    if picture.timestamp_s < start:
                        continue
                    inside += 1
                    if (inside - 1) % self.every:
                        continue
                    image = picture.to_rgb()
                if image is not None:
                    yield self._frame(image, picture)
        finally:
            # A `close` that could not wait for this thread left the rest to it.
            if self._closed:
                with self._lock:
                    self._release()

    def note(
        self, timestamp_s: float | None, reason: DamageReason, detail: str, count: int = 1
    ) -> None:
        """Add to `damage`; the same trouble going on is counted in the last note.

        Args:
            timestamp_s: Where it starts in seconds, None for the last picture.
            reason: Which kind of trouble.
            detail: What happened, in words.
            count: Frames or packets concerned.
        """
        if timestamp_s is None:
            timestamp_s = self.last_s or 0.0
        last = self.damage[-1] if self.damage else None
        if last is not None and (last.reason, last.detail) == (reason, detail):
            self.damage[-1] = replace(last, count=last.count + count)
        elif len(self.damage) < _MOST_NOTES:
            self.damage.append(Damage(timestamp_s, reason, detail, count))

    def close(self) -> None:
        """Free what the source holds; may be called often and while another thread reads.

        A reader that waits for a dead stream is not waited for: it ends, and frees what the source
        holds, when the stream's time limit passes.
        """
        self._closed = True
        if self._lock.acquire(timeout=1.0):
            try:
                self._release()
            finally:
                self._lock.release()

    def __repr__(self) -> str:
        """Show kind, name, size and rate; never credentials."""
        rate = "?" if self.fps is None else f"{self.fps:g}"
        return f"{type(self).__name__}({self.name!r}, {self.width}x{self.height}, {rate} fps)"
