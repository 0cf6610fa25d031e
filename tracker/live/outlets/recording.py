"""Videos of what was before and after each event, with the belief drawn in.

In come all results of all cameras; out go MP4 files, one for each stretch of time with events in
it. What was before an event is kept as JPEG, a few seconds of each camera; it is drawn and coded
only when an event makes it a video. A disk that is full, or nearly so, ends the video and not the
rest: what was written of it is kept if it plays, and the next event tries again after a wait.
"""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ConftrackError, told
from tracker.live.backoff import Backoff
from tracker.live.camera import Result
from tracker.live.clocks import Timeline
from tracker.live.events import Event
from tracker.live.outlets.base import Outlet
from tracker.live.settings import OutletSettings
from tracker.live.view import from_jpeg, jpeg_of, scaled, shrunk
from tracker.tracks import Tracks

__all__ = ["Recorder"]

_log = logging.getLogger("conftrack")
# Raw pictures that wait to be coded: megabytes each.
_QUEUE = 12
# Longer side of the videos, px.
_MOST_PX = 1280
# Less space than this on the disk is left to others, bytes.
_LEAST_FREE = 300_000_000


class _Writer(Protocol):
    """A video being written; `tracker.video.writer.VideoWriter` is one."""

    def write(self, image_rgb: NDArray[np.uint8], timestamp_s: float) -> None: ...
    def close(self) -> None: ...


def _video_writer(path: Path) -> _Writer:
    from tracker.video.writer import VideoWriter

    return VideoWriter(path, fps=10.0, preset="superfast")


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(slots=True)
class _Video:
    """A video that grows."""

    path: Path
    writer: _Writer
    began_s: float
    until_s: float


@dataclass(slots=True)
class _Strip:
    """The last seconds of one camera, and its video if there is one."""

    before: deque[tuple[bytes, Tracks]] = field(default_factory=deque)
    video: _Video | None = None


class Recorder(Outlet[Result]):
    """Records around events.

    Args:
        folder: Where the videos go; made if it is not there.
        class_names: Names by `class_id`.
        settings: How long, and how much may be kept.
        timeline: What time it is.
        writer: Makes the writer of a video.
        free_bytes: How much room a folder has.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(
        self,
        folder: str | Path,
        class_names: Sequence[str],
        settings: OutletSettings,
        *,
        timeline: Timeline,
        writer: Callable[[Path], _Writer] = _video_writer,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        """Make the folder."""
        super().__init__("recording", replace(settings, queue=_QUEUE), clock=timeline.clock)
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._class_names = tuple(class_names)
        self._timeline, self._new_writer, self._free_bytes = timeline, writer, free_bytes
        self._strips: dict[str, _Strip] = {}
        self._waits = Backoff(settings.retry_first_s, settings.retry_most_s)
        self._not_before_s = -float("inf")
        self.videos = 0

    def _expendable(self, begin: int) -> int:
        """A result without an event goes first."""
        plain = (i for i in range(begin, len(self._items)) if not self._items[i].events)
        return next(plain, begin)

    def _deliver(self, item: Result) -> None:
        strip = self._strips.setdefault(item.camera, _Strip())
        try:
            self._take(strip, item)
        except (ConftrackError, OSError) as error:
            self._broke(strip, error)

    def _take(self, strip: _Strip, item: Result) -> None:
        now = item.tracks.timestamp_s
        settings = self._settings
        for event in item.events:
            if strip.video is not None:
                latest = strip.video.began_s + settings.record_most_s
                strip.video.until_s = min(now + settings.record_after_s, latest)
            elif now >= self._not_before_s:
                self._begin(strip, event)
        if item.frame is not None:
            image = shrunk(item.frame.image, _MOST_PX)
            tracks = scaled(item.tracks, item.frame, _MOST_PX)
            if strip.video is not None:
                self._write(strip.video, image, tracks)
            strip.before.append((jpeg_of(image, quality=85), tracks))
        while strip.before and strip.before[0][1].timestamp_s < now - settings.record_before_s:
            strip.before.popleft()
        if strip.video is not None and now >= strip.video.until_s:
            self._end(strip)

    def _begin(self, strip: _Strip, event: Event) -> None:
        """Begin a video with what was before."""
        self._make_room()
        free = self._free_bytes(self.folder)
        if free < _LEAST_FREE:
            raise OSError(28, f"only {free / 1e6:.0f} MB are free", str(self.folder))
        at = datetime.fromtimestamp(self._timeline.wall_of(event.timestamp_s), tz=UTC)
        name = f"{at:%Y%m%dT%H%M%SZ}-{event.camera}-{event.event}-{event.run}-{event.number}.mp4"
        path = self.folder / name
        began = strip.before[0][1].timestamp_s if strip.before else event.timestamp_s
        until = event.timestamp_s + self._settings.record_after_s
        strip.video = _Video(path, self._new_writer(path), began, until)
        for jpeg, tracks in strip.before:
            self._write(strip.video, from_jpeg(jpeg), tracks)

    def _write(self, video: _Video, image: NDArray[np.uint8], tracks: Tracks) -> None:
        from tracker.video.overlay import draw

        video.writer.write(draw(image, tracks, self._class_names), tracks.timestamp_s)

    def _end(self, strip: _Strip) -> None:
        video, strip.video = strip.video, None
        if video is not None:
            video.writer.close()
            self.videos += 1
            self._waits.held_for(float("inf"))

    def _broke(self, strip: _Strip, error: Exception) -> None:
        """Give a video up: close it as well as it goes, and leave the disk alone for a while."""
        wait = self._waits.next_s()
        self._not_before_s = self._timeline.now() + wait
        self._counts.failures += 1
        self._counts.rejected += 1
        _log.warning("recording: %s; next try after %.0f s", told(error), wait)
        video, strip.video = strip.video, None
        if video is None:
            return
        try:
            video.writer.close()
        except (ConftrackError, OSError):
            # Nothing playable came of it: what is left only takes room.
            for left in self.folder.glob(f"{video.path.stem}*"):
                left.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Remove the oldest videos beyond what may be kept."""
        videos = sorted(self.folder.glob("*.mp4"))
        sizes = {path: path.stat().st_size for path in videos}
        growing = [s.video.path.stem for s in self._strips.values() if s.video is not None]
        left = sum(sizes.values()) - self._settings.record_keep_mb * 1e6
        for path in videos:
            if left <= 0:
                break
            # One that grows has `.part` after its name.
            if not any(path.name.startswith(name) for name in growing):
                path.unlink(missing_ok=True)
                left -= sizes[path]

    def _finish(self) -> None:
        for strip in self._strips.values():
            try:
                self._end(strip)
            except (ConftrackError, OSError) as error:
                self._broke(strip, error)
