"""One Rerun recording that is being written: to a file, or to a viewer that is running.

In: entities at times. Out: a recording whose errors are raised here. Rerun writes in a thread of
its own and goes on when that fails, so what became of it is asked for every few seconds.
"""

from __future__ import annotations

import time
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from tracker.errors import InputError
from tracker.files import Closing
from tracker.viewer.optional import import_rerun

__all__ = ["APPLICATION", "CAPTURE_TIME", "FRAME", "Stream"]

APPLICATION = "conftrack"
CAPTURE_TIME, FRAME = "capture_time", "frame"
"""The two time lines of every recording."""

# Seconds since 1970 are above it, those since the beginning of a video are not.
_UNIX_TIME_NS = 10**17
# How often is asked whether everything arrived, and how long an answer may take.
_CHECK_S, _PATIENCE_S = 5.0, 30.0
# Rows of one entity that come within so many seconds are written as one piece. A viewer should
# get them soon; in a file every piece costs about 2 kB, and memory until it is closed.
_LIVE_S, _FILE_S = 0.2, 4.0


class Stream(Closing):
    """Writes a recording.

    Args:
        target: Path of the file to create or replace, or the address of a viewer
            (`rerun+http://127.0.0.1:9876/proxy`).
        title: What the viewer calls the recording.
        layout: The blueprint that the viewer opens with.

    Attributes:
        rerun: The library.
        target: As given.

    Raises:
        MissingExtraError: `rerun-sdk` is not installed.
        OSError: The file cannot be created.
    """

    def __init__(self, target: str | PathLike[str], *, title: str, layout: Any) -> None:
        """Open the file, or connect."""
        rerun = import_rerun()
        self.rerun, self.target = rerun, fspath(target)
        self.is_file = not self.target.startswith(("rerun://", "rerun+http://", "rerun+https://"))
        if self.is_file:
            Path(self.target).open("wb").close()  # Rerun's own error would not be an OSError
            sink: Any = rerun.FileSink(self.target)
        else:
            sink = rerun.GrpcSink(self.target)
        batches = rerun.ChunkBatcherConfig(flush_tick=_FILE_S if self.is_file else _LIVE_S)
        self._recording = rerun.RecordingStream(APPLICATION, batcher_config=batches)
        self._recording.set_log_time_enabled(False)  # when it was written matters to nobody
        try:
            self._recording.set_sinks(sink, default_blueprint=layout)
        except RuntimeError as error:
            raise OSError(f"{self.target}: {error}") from error
        self._recording.send_recording_name(title)
        self._unix: bool | None = None
        self._closed = False
        self._next_check = time.monotonic() + _CHECK_S

    def at(self, timestamp_ns: int, frame: int) -> None:
        """Set the time of what is logged from now on.

        Raises:
            InputError: The recording is closed.
            OSError: What was logged before could not be written.
        """
        if self._closed:
            raise InputError(f"{self.target} is closed: write inside the with block")
        if time.monotonic() >= self._next_check:
            self._check()
        if self._unix is None:
            self._unix = timestamp_ns >= _UNIX_TIME_NS
        if self._unix:
            self._recording.set_time(CAPTURE_TIME, timestamp=np.datetime64(timestamp_ns, "ns"))
        else:
            self._recording.set_time(CAPTURE_TIME, duration=np.timedelta64(timestamp_ns, "ns"))
        self._recording.set_time(FRAME, sequence=frame)

    def log(self, path: str, *what: Any, static: bool = False) -> None:
        """Log components of one entity at the present time, or for all times."""
        self._recording.log(path, *what, static=static, strict=True)

    def indexes(self, timestamps_ns: list[int], frames: list[int]) -> list[Any]:
        """The times of several rows, for `send`; `at` must have been called before."""
        column, ns = self.rerun.TimeColumn, np.array(timestamps_ns, np.int64)
        if self._unix:
            times = column(CAPTURE_TIME, timestamp=ns.astype("datetime64[ns]"))
        else:
            times = column(CAPTURE_TIME, duration=ns.astype("timedelta64[ns]"))
        return [times, column(FRAME, sequence=np.array(frames, np.int64))]

    def send(self, path: str, indexes: list[Any], columns: list[Any]) -> None:
        """Log several rows of one entity at times of their own."""
        self.rerun.send_columns(path, indexes, columns, recording=self._recording, strict=True)

    def close(self) -> None:
        """Write what is left and end the recording; may be called twice.

        Raises:
            OSError: Not everything could be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._check()
        finally:
            self._recording.disconnect()

    def _check(self) -> None:
        """Make sure that everything so far has arrived."""
        try:
            self._recording.flush(timeout_sec=_PATIENCE_S)
        except RuntimeError as error:
            kind = OSError if self.is_file else ConnectionError
            raise kind(f"{self.target}: {error}") from error
        self._next_check = time.monotonic() + _CHECK_S
