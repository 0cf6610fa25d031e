"""`--rerun`: the run in the Rerun viewer while it goes on.

In come frames with their results; out goes a log to a viewer of our own: a window, or where there
is no display a page for a browser on this machine. A viewer that is closed does not end the run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence

from tracker.cli.console import note
from tracker.detections import Detections
from tracker.frames import Frame
from tracker.tracks import Tracks

__all__ = ["RerunView", "require_rerun"]


def require_rerun() -> None:
    """Make sure that the library is there, before a long run starts.

    Raises:
        MissingExtraError: It is not.
    """
    from tracker.viewer.optional import import_rerun

    # It writes its log to the terminal; what matters of it comes as errors of ours.
    os.environ.setdefault("RUST_LOG", "off")
    import_rerun()


class RerunView:
    """A viewer and the log that goes to it, as a sink of the pipeline.

    Args:
        class_names: Names by `class_id`.
        title: What the viewer calls the recording.
        quiet: Do not say where it is.

    Raises:
        ConftrackError: The viewer does not start.
    """

    name = "to the Rerun viewer"

    def __init__(self, class_names: Sequence[str], *, title: str, quiet: bool) -> None:
        """Start the viewer."""
        from tracker.viewer import RerunLog, Viewer
        from tracker.viewer.launch import has_display

        self._quiet, self._gone = quiet, False
        self._viewer = Viewer(window=has_display())
        self._say("it is shown at {page}, for a browser on this machine")
        try:
            self._log = RerunLog(self._viewer.address, class_names, title=title)
        except BaseException:
            self._viewer.close()
            raise

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Log one frame, unless the viewer was closed."""
        if self._gone:
            return
        try:
            self._log.write(frame, detections, tracks)
        except ConnectionError:
            self._lost()

    def close(self) -> None:
        """Send what is left; the viewer stays until `leave`."""
        try:
            self._log.close()
        except ConnectionError:
            self._lost()

    def linger(self) -> None:
        """Keep a page until Ctrl-C, as long as it shows something; a window stays by itself."""
        if self._viewer.page is None or self._gone:
            return
        self._say("the results stay at {page} until Ctrl-C")
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)

    def leave(self) -> None:
        """End what serves the page."""
        self._viewer.close()

    def _lost(self) -> None:
        if not self._gone:
            self._gone = True
            note("the Rerun viewer was closed; the run goes on without it", warning=True)

    def _say(self, text: str) -> None:
        if self._viewer.page is not None and not self._quiet:
            note(text.format(page=self._viewer.page))
