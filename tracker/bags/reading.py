"""A topic of a bag as a source of frames.

In: an opened `Container` and one of its topics. Out: a `BagSource` for the pipeline, whose frames
carry the header of their message in integer nanoseconds; seconds are only made of differences, so
nothing is lost at times of the present century. Where the topic holds detections, the frames carry
those, and `MessageDetector` hands them on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.bags.container import Container, RawMessage, Topic
from tracker.bags.images import UnreadableImage, compressed_to_rgb, image_to_rgb
from tracker.bags.labels import Labels
from tracker.bags.messages import Header, detections_of, header_of
from tracker.bags.order import RESTART, in_time_order
from tracker.bags.topics import use_of
from tracker.bags.types import decoder
from tracker.detections import Detections
from tracker.errors import SourceError
from tracker.frames import Frame
from tracker.video.base import Picture, Source

__all__ = ["BagFrame", "BagSource"]

Image = NDArray[np.uint8]

_SECOND = 1_000_000_000
# Of a topic whose first images are damaged, so many are tried before a run starts.
_TRIED = 25
_NO_TIME = "without a time in its header: the log time stands in"
_NO_PICTURE: Image = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class BagFrame(Frame):
    """A frame of a bag; one of a detection topic has no picture, but a black pixel in its place.

    Attributes:
        header: Of its message; a time that nobody set is replaced by the log time.
        log_ns: When it was recorded, integer nanoseconds.
        detections: What its message says was detected, None for an image.
    """

    header: Header
    log_ns: int
    detections: Detections | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the picture in px; None in the place of one."""
        height, width = self.image.shape[:2]
        return None if self.detections is not None else (width, height)


@dataclass(frozen=True, slots=True)
class _BagPicture(Picture):
    """A picture that remembers its message."""

    header: Header
    log_ns: int
    detections: Detections | None


class BagSource(Source):
    """One topic of a bag as frames.

    Times are seconds since the first frame, made of integer nanoseconds. Messages are put in the
    order of their headers' times; where the clock is set back the times fall once, which a tracker
    with `on_backward_time = "reset"` takes as a new beginning.

    Args:
        container: The bag; it is closed with the source.
        topic: One of its topics, of images or of detections.
        labels: Classes of a topic of detections, from `read_labels`.
        vectors: Whether its detections have class vectors, from `read_labels`.
        start_s: Leave out frames before this time after the first.
        stop_s: Leave out frames at and after it.
        every: Keep every Nth.
        on_raw: Called with every message of the bag, whatever its topic, before its frame is
            yielded; for copies.

    Attributes:
        detections_left_out: Detections so far that had no valid box and score.
        restarts: How often the clock was set back so far.
        covered_s: Seconds between the frames so far, restarts not counted.

    Raises:
        SourceError: The topic holds no message that can be read.
        InputError: An encoding of images that is not read; a bad `start_s`, `stop_s`, `every`.
    """

    def __init__(
        self,
        container: Container,
        topic: Topic,
        *,
        labels: Labels | None = None,
        vectors: bool = False,
        start_s: float | None = None,
        stop_s: float | None = None,
        every: int = 1,
        on_raw: Callable[[RawMessage], None] | None = None,
    ) -> None:
        """Decode the first message, so that size and trouble are known before a long run."""
        super().__init__(start_s=start_s, stop_s=stop_s, every=every)
        self._container, self._topic, self._on_raw = container, topic, on_raw
        self._use = use_of(topic)
        self._labels, self._vectors = labels or Labels(), vectors
        self._decode = decoder(topic)
        self._first_ns: int | None = None
        self.detections_left_out = 0
        self.restarts = 0
        self.covered_s = 0.0
        self.name = f"{container.path}:{topic.name}"
        self.width, self.height = self._look()
        self._estimate()

    def _look(self) -> tuple[int, int]:
        """Size of the first image that can be read, 0 for detections."""
        problem: Exception | None = None
        for tried, raw in enumerate(self._container.messages([self._topic.name])):
            try:
                message = self._decode(raw.data)
                if self._use == "detections":
                    return 0, 0
                height, width = self._pixels(message).shape[:2]
                return width, height
            except (UnreadableImage, SourceError) as error:
                problem = problem or error
            if tried + 1 == _TRIED:
                break
        broken = f" ({self._container.broken})" if self._container.broken else ""
        if problem is None:
            raise SourceError(f"{self.name} holds no message{broken}")
        raise SourceError(f"{self.name}: no message can be read{broken}: {problem}") from problem

    def _estimate(self) -> None:
        """Guess count and rate for the progress bar, when all of the topic is read."""
        container, count = self._container, self._topic.count
        if not count or container.start_ns is None or container.end_ns is None:
            return
        length = (container.end_ns - container.start_ns) / _SECOND
        if self.start_s is None and self.stop_s is None:
            self.frame_count = -(-count // self.every)
            self.duration_s = length
        if count > 1 and length > 0:
            self.fps = round((count - 1) / length, 3)

    def _pixels(self, message: Any) -> Image:
        return image_to_rgb(message) if self._use == "image" else compressed_to_rgb(message)

    def _pictures(self) -> Iterator[Picture]:
        ordered = in_time_order(self._stamped(), self._note_time)
        for index, (stamp_ns, (header, raw, message)) in enumerate(ordered):
            if self._first_ns is None:
                self._first_ns = stamp_ns
            time_s = (stamp_ns - self._first_ns) / _SECOND
            self.covered_s += max(0.0, time_s - (self.last_s or 0.0))
            detections = self._detections(message) if self._use == "detections" else None

            def to_rgb(
                message: Any = message,
                time_s: float = time_s,
                seen: Detections | None = detections,
            ) -> Image | None:
                if seen is not None:
                    return _NO_PICTURE
                try:
                    return self._pixels(message)
                except UnreadableImage as error:
                    self.errors_skipped += 1
                    self.note(time_s, "unreadable", str(error))
                    return None

            yield _BagPicture(time_s, index, to_rgb, header, raw.log_ns, detections)
        if self._container.broken:
            self.note(None, "truncated", self._container.broken)

    def _frame(self, image: Image, picture: Picture) -> Frame:
        assert isinstance(picture, _BagPicture)
        return BagFrame(
            image,
            picture.timestamp_s,
            picture.index,
            picture.header,
            picture.log_ns,
            picture.detections,
        )

    def _stamped(self) -> Iterator[tuple[int, tuple[Header, RawMessage, Any]]]:
        """Acquisition time of every message of the topic, with what it is decoded to."""
        names = [self._topic.name] if self._on_raw is None else None
        for raw in self._container.messages(names):
            if self._on_raw is not None:
                self._on_raw(raw)
                if raw.topic.name != self._topic.name:
                    continue
            try:
                message = self._decode(raw.data)
            except SourceError as error:
                self.errors_skipped += 1
                self.note(None, "corrupt", str(error))
                continue
            header = header_of(message)
            if header.stamp_ns == 0:
                self.note(None, "timestamps", f"a message {_NO_TIME}")
                header = Header(raw.log_ns, header.frame_id)
            yield header.stamp_ns, (header, raw, message)

    def _detections(self, message: Any) -> Detections:
        detections, left_out = detections_of(message, self._labels, vectors=self._vectors)
        self.detections_left_out += left_out
        return detections

    def _note_time(self, stamp_ns: int, what: str) -> None:
        self.restarts += what == RESTART
        self.note(None, "timestamps", what)

    def _release(self) -> None:
        self._container.close()
