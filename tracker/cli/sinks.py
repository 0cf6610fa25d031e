"""Where the frames of a run go: files of every wanted kind, and a window.

In come frames with their results from the pipeline's writing thread; out go the writers of
`tracker.formats` and `tracker.video`. The window alone is fed from the main thread, because
window systems accept no other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.cli.run_folder import FILES
from tracker.detections import Detections
from tracker.errors import ConftrackError
from tracker.formats import (
    CsvWriter,
    DetectionsJsonlWriter,
    MotWriter,
    TracksJsonlWriter,
    TracksWriter,
)
from tracker.frames import Frame
from tracker.pipeline import Sink
from tracker.tracks import Tracks

__all__ = ["Window", "file_sinks", "require_display"]

_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1); cv2.destroyAllWindows()"
_PROBE_LIMIT_S = 30.0
_ESCAPE, _Q = 27, ord("q")


class _TracksSink:
    """A writer of tracks as a sink of the pipeline."""

    def __init__(self, writer: TracksWriter, path: Path) -> None:
        self._writer, self.name = writer, str(path)

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        self._writer.write(frame, tracks, looked=detections is not None)

    def close(self) -> None:
        self._writer.close()


class _DetectionsSink:
    """Raw detections for a later replay; frames nobody looked at are left out."""

    def __init__(self, writer: DetectionsJsonlWriter, path: Path) -> None:
        self._writer, self.name = writer, str(path)

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        if detections is not None:
            self._writer.write(frame, detections)

    def close(self) -> None:
        self._writer.close()


def file_sinks(
    folder: Path,
    kinds: Sequence[str],
    *,
    class_names: Sequence[str],
    source: str,
    model: str,
    fps: float | None,
    smoothing: str | None = None,
    image_size: tuple[int, int] | None = None,
) -> list[Sink]:
    """Open the files of the wanted kinds.

    Args:
        folder: An existing folder.
        kinds: Some of `run_folder.KINDS` and `ASKED_KINDS`.
        class_names: Names by class id.
        source: Name of the source, for the headers.
        model: Name of the detector, for the headers.
        fps: Nominal frame rate, None when unknown.
        smoothing: How the tracks were smoothed, for the headers; None: they were not.
        image_size: Width and height of the pictures, px, for the header of the detections; None
            where there are no pictures.

    Raises:
        OSError: A file cannot be created; those opened before are closed.
    """
    header: dict[str, Any] = {"class_names": class_names, "source": source, "model": model}
    smoothed = {} if smoothing is None else {"smoothing": smoothing}
    width, height = image_size or (0, 0)
    sides: dict[str, Any] = {"width": width, "height": height} if image_size else {}
    sinks: list[Sink] = []
    try:
        for kind in kinds:
            path = folder / FILES[kind]
            if kind == "video":
                from tracker.video.annotated import AnnotatedVideo

                sinks.append(AnnotatedVideo(path, class_names, fps=fps))
            elif kind == "jsonl":
                sinks.append(_TracksSink(TracksJsonlWriter(path, **header, **smoothed), path))
            elif kind == "csv":
                sinks.append(_TracksSink(CsvWriter(path, class_names=class_names), path))
            elif kind == "mot":
                sinks.append(_TracksSink(MotWriter(path), path))
            elif kind == "rerun":
                from tracker.viewer import RerunLog

                sinks.append(RerunLog(path, class_names, title=source))
            else:
                sinks.append(_DetectionsSink(DetectionsJsonlWriter(path, **header, **sides), path))
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return sinks


class Window:
    """Shows the newest frame with its tracks; `q`, Esc or closing it stops the run.

    The pipeline hands frames over with `write`; the main thread calls `refresh` now and then.

    Args:
        title: Of the window.
        class_names: Names by class id.
        stop: Set when the user closes the window.

    Call `require_display` before.
    """

    def __init__(self, title: str, class_names: Sequence[str], stop: threading.Event) -> None:
        """Prepare; the window appears with the first frame."""
        self._title, self._class_names, self._stop = title, tuple(class_names), stop
        self._newest: tuple[Frame, Tracks] | None = None
        self._open = False

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Keep the newest frame."""
        self._newest = frame, tracks

    def refresh(self) -> None:
        """Draw the newest frame and look at the keyboard; main thread only."""
        import cv2

        from tracker.video.overlay import draw

        if self._newest is None or self._stop.is_set():
            return
        frame, tracks = self._newest
        image = draw(frame.image, tracks, self._class_names)
        closed = self._open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if not closed:
            if not self._open:
                cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
                cv2.resizeWindow(self._title, image.shape[1], image.shape[0])
            cv2.imshow(self._title, image[..., ::-1])
            self._open = True
        if closed or cv2.waitKey(1) & 0xFF in (_ESCAPE, _Q):
            self._stop.set()

    def close(self) -> None:
        """Nothing: the window belongs to the main thread, which calls `shut`."""

    def shut(self) -> None:
        """Take the window away; main thread only."""
        if self._open:
            import cv2

            cv2.destroyAllWindows()
            self._open = False


def require_display() -> None:
    """Make sure that a window can be opened, before a long run starts.

    It is tried in a process of its own: without a display Qt ends the whole process.

    Raises:
        ConftrackError: There is no display, or OpenCV cannot open windows.
    """
    way_out = "leave --show out; the annotated video shows the same"
    unset = "DISPLAY" not in os.environ and "WAYLAND_DISPLAY" not in os.environ
    if sys.platform.startswith("linux") and unset:
        raise ConftrackError(f"--show needs a display and there is none here: {way_out}")
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_LIMIT_S
        )
        reason = "" if probe.returncode == 0 else (probe.stderr.strip() or "no reason given")
    except subprocess.TimeoutExpired:
        reason = f"no window within {_PROBE_LIMIT_S:g} s"
    if reason:
        raise ConftrackError(f"--show cannot open a window ({reason.splitlines()[0]}): {way_out}")
