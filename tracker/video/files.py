"""Video files through PyAV: real presentation times, damage told and passed over.

In comes a path, out go the frames between two times. Variable frame rate is normal: times are
the container's, counted from its start as players show them, and never a frame count divided by
a rate. A broken stretch costs the frames in it and nothing else; what was lost is in `damage`.

Frame numbers count from 0, lost frames too. After a seek to `start_s` they are exact where the
container lists its frames (MP4, MOV, AVI); elsewhere they are time × nominal rate, exact at a
constant rate only.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tracker.errors import SourceError
from tracker.video.base import Picture
from tracker.video.decoded import DecodedSource
from tracker.video.decoding import Decoder
from tracker.video.numbering import FrameNumbers
from tracker.video.timestamps import FileTimes

__all__ = ["FileSource"]

_FALLBACK_FPS = 25.0
# How far before the wanted start to seek, one after the other: transport streams have no index,
# and their seek may land after the place or between two key frames.
_SEEK_MARGINS_S = (0.0, 2.0, 10.0, 60.0)


class FileSource(DecodedSource):
    """A video file. Arguments and attributes: see `open_source` and `Source`.

    Raises:
        SourceError: No such file, empty, no video in it, or not one frame can be decoded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start_s: float | None = None,
        stop_s: float | None = None,
        every: int = 1,
    ) -> None:
        """Open the file, go to the start and decode the first frame."""
        super().__init__(start_s=start_s, stop_s=stop_s, every=every)
        self.path = Path(path)
        self.name = str(path)
        self._decoder = self._open()
        self._end_s = 0.0
        try:
            decoded = self._begin()
            first = next(decoded, None)
            if first is None:
                detail = f": {self.damage[-1].detail}" if self.damage else ""
                raise SourceError(f"not one frame of {self.name} can be decoded{detail}")
        except BaseException:
            self._decoder.close()
            raise
        self._decoded = chain((first,), decoded)
        self.width, self.height = self._decoder.size_of(first[0])
        self.fps = self._decoder.fps
        self.duration_s, self.frame_count = self._estimate()

    def _open(self) -> Decoder:
        """Open the container, with what is wrong in words a user can act on."""
        path = self.path
        try:
            size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"cannot open {path}: {error.strerror}") from error
        if size == 0:
            raise SourceError(f"{path} is empty (0 bytes): was the recording or copy cut off?")
        try:
            # Absolute: a name such as "12:30.avi" would be read as an address.
            return Decoder(str(path.absolute()), str(path))
        except SourceError as error:
            with path.open("rb") as file:
                start = file.read(12)
            if start[4:8] == b"ftyp":
                raise SourceError(
                    f"{error}: it starts like an MP4 but its index is missing, as after a recording"
                    " or copy that was cut off; a repair tool (untrunc) may bring it back"
                ) from None
            if "holds no video" not in str(error):
                raise SourceError(f"{error}: is it a video?") from None
            raise

    # -- where to begin ----------------------------------------------------------------------

    def _begin(self) -> Iterator[tuple[Any, int]]:
        """Give the decoded frames (frame, packets lost before it) from a place before `start_s`."""
        self._sought = False
        goals = [(self.start_s or 0.0) - margin for margin in _SEEK_MARGINS_S]
        goals = [goal for goal in goals if goal > 0]
        for goal in goals:
            decoded = self._sought_from(goal)
            if decoded is not None:
                return decoded
        if goals:
            # After a failed seek nothing is known about where the container stands.
            self._decoder.close()
            self._decoder = self._open()
        self._forget()
        return self._decode()

    def _sought_from(self, goal_s: float) -> Iterator[tuple[Any, int]] | None:
        """Seek to the key frame before a time; None when the seek does not land before `start_s`.

        Args:
            goal_s: Seconds from the start of the file.
        """
        decoder = self._decoder
        stream = decoder.stream
        self._forget()
        try:
            place = int((goal_s + decoder.start_s) / stream.time_base)
            decoder.container.seek(place, stream=stream, backward=True, any_frame=False)
        except decoder.errors:
            return None
        decoded = self._decode()
        for frame, _ in decoded:
            time = decoder.time_of(frame)
            if time is None or time > (self.start_s or 0.0):
                return None
            if frame.key_frame and not frame.is_corrupt:
                self._sought = True
                rate = decoder.fps or _FALLBACK_FPS
                self._numbers.begin_at(frame, round(time * rate))
                return chain(((frame, 0),), decoded)
        return None

    def _forget(self) -> None:
        """Begin anew: what was noted belongs to a place that is not read from."""
        self.damage.clear()
        self.errors_skipped = 0
        self._numbers = FrameNumbers(self._decoder.stream, self._decoder.promised_frames)

    def _decode(self) -> Iterator[tuple[Any, int]]:
        numbers = self._numbers
        return self._decoder.frames(self._skip_error, numbers.announce)

    # -- reading -----------------------------------------------------------------------------

    def _pictures(self) -> Iterator[Picture]:
        """Yield all pictures from the place of the seek on."""
        decoder = self._decoder
        times = FileTimes(1.0 / (decoder.fps or _FALLBACK_FPS))
        if self._sought:
            # A first frame without a time would otherwise count from 0.
            times.start_at(self.start_s or 0.0)
        for frame, failed in self._decoded:
            place = self._numbers.number(frame, failed)
            if place is None:
                continue
            index, lost = place
            if lost > failed:
                self.note(
                    self.last_s or 0.0, "corrupt", "frames that did not decode", lost - failed
                )
            time, trouble = times.repair(decoder.time_of(frame))
            shown_s = 0.0 if not frame.duration else float(frame.duration * frame.time_base)
            self._end_s = time + max(shown_s, times.period_s)
            yield self._picture(frame, index, time, trouble)

    def _finished(self) -> None:
        """Compare what came with what the container promised: a cut AVI raises nothing."""
        decoder = self._decoder
        lost = self._numbers.never_shown()
        if lost:
            self.note(None, "corrupt", "frames that did not decode", lost)
        period = 1.0 / (decoder.fps or _FALLBACK_FPS)
        promised, came = decoder.promised_frames, decoder.packets_read
        end = decoder.promised_end_s
        missing_s = 0.0 if end is None else end - self._end_s
        if promised and not self._sought:
            # Dropped frames of a screen recording have a place in the index but no packet:
            # then the time is complete.
            if came < promised and (end is None or missing_s > period / 2):
                detail = f"{came} of {promised} promised frames are in the file"
                self.note(None, "truncated", detail, promised - came)
        elif missing_s > max(1.0, 5 * period):
            detail = f"the file ends {missing_s:.3f} s before its promised end"
            self.note(None, "truncated", detail)
        elif not decoder.reached_end:
            self.note(None, "truncated", "the file cannot be read to its end")

    def _estimate(self) -> tuple[float | None, int | None]:
        """Seconds and frames the iteration will cover by what the container promises."""
        end = self._decoder.duration_s
        if end is not None and self.stop_s is not None:
            end = min(end, self.stop_s)
        whole = self.start_s is None and self.stop_s is None
        if end is None:
            return None, None
        seconds = max(0.0, end - (self.start_s or 0.0))
        if whole and self._decoder.promised_frames:
            frames = self._decoder.promised_frames
        elif self._decoder.fps is not None:
            frames = round(seconds * self._decoder.fps)
        else:
            return seconds, None
        return seconds, -(-frames // self.every)
