"""`--smooth` and `--lag`: what a run does with its tracks before they are final.

In come the sinks of a run and its summary; out go the sinks to run with, and after the run the
summary with what smoothing changed. There are three ways: the tracks as they are (`Online`), those
of half a second ago (`Late`), and a second pass over a file once all of it is known (`Afterwards`):

```
first pass   source ──▶ detector ──▶ tracker ──▶ files         complete at every moment
                                         └─▶ Recorder
then                                Recorder ──▶ smooth
second pass  source ──────────────────────────────┴─▶ files    replace the first
```

The second pass decodes only where pictures are wanted, and runs no detector. Its files replace the
first ones all together or not at all; pictures alone stay behind where the source has changed.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.cli.console import note
from tracker.cli.run_folder import FILES
from tracker.cli.second_pass import Recording, SecondPass, StoppedError
from tracker.errors import InputError
from tracker.files import put_all_in_place
from tracker.roles import CameraFollower, Sink
from tracker.smoothing import LagSmoother
from tracker.smoothing.delayed import Delayed, WarpLog
from tracker.summary import RunSummary
from tracker.tracker import Tracker

if TYPE_CHECKING:
    from tracker.video.base import Source

__all__ = ["Afterwards", "Late", "Online", "check_wanted", "planned", "seconds_of"]

# Where the files of the second pass grow, inside the folder of the run.
_GROWING = "smoothing.partial"
# Kinds of output that hold tracks.
_OF_TRACKS = ("video", "jsonl", "csv", "mot", "rerun")
_LONGEST_LAG_S = 10.0


def seconds_of(text: str) -> float:
    """The seconds that `--lag` says.

    Raises:
        InputError: No number, or not above 0, or too long to keep frames for.

    Example:
        >>> seconds_of("0.5s"), seconds_of("2")
        (0.5, 2.0)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*s?\s*", text)
    seconds = float(match[1]) if match else 0.0
    if not 0.0 < seconds <= _LONGEST_LAG_S:
        raise InputError(
            f"--lag takes seconds above 0 and up to {_LONGEST_LAG_S:g}, such as 0.5s; got {text!r}"
        )
    return seconds


class Online:
    """Tracks as the tracker gives them at once.

    Attributes:
        words: What is said of it before the run.
        method_of_run: What the headers of the run's own files say; None: nothing.
    """

    words = ""
    method_of_run: str | None = None

    def listen(self, follower: CameraFollower | None) -> CameraFollower | None:
        """The follower of the camera to run with."""
        return follower

    def wrap(self, sinks: Sequence[Sink]) -> list[Sink]:
        """The sinks to run with."""
        return list(sinks)

    def finish(self, summary: RunSummary, stop: threading.Event) -> RunSummary:
        """What was done, after the run."""
        return summary

    def about(self) -> dict[str, Any]:
        """What summary.json says of it."""
        return {"method": "none"}


class Late(Online):
    """Tracks given so many seconds of the future.

    Args:
        tracker: Its settings and its calibration are used.
        lag_s: The seconds.
        class_names: Names by class id.
    """

    method_of_run = "fixed_lag"

    def __init__(self, tracker: Tracker, lag_s: float, class_names: Sequence[str]) -> None:
        """Prepare."""
        self._class_names = class_names
        self._smoother = LagSmoother(tracker.config, lag_s=lag_s, calibration=tracker.calibration)
        self._warps: WarpLog | None = None
        self._delayed: Delayed | None = None
        self.words = f"smoothed, {lag_s:g} s late"

    def listen(self, follower: CameraFollower | None) -> CameraFollower | None:
        """Hear what the tracker is told of the camera."""
        self._warps = None if follower is None else WarpLog(follower)
        return self._warps

    def wrap(self, sinks: Sequence[Sink]) -> list[Sink]:
        """All frames go through the smoother."""
        self._delayed = Delayed(sinks, self._smoother, self._warps)
        return [self._delayed]

    def finish(self, summary: RunSummary, stop: threading.Event) -> RunSummary:
        """Count the smoothed tracks in place of the others."""
        assert self._delayed is not None
        return replace(summary, **self._delayed.counter.results(self._class_names))

    def about(self) -> dict[str, Any]:
        """How late."""
        return {"method": "fixed_lag", "lag_s": self._smoother.lag_s}


class Afterwards(Online):
    """Tracks given the whole file, from a second pass over it.

    Args:
        tracker: Its settings and its calibration are used.
        folder: Of the run, with its files.
        kinds: What is saved there.
        header: Arguments of `file_sinks`.
        reopen: Opens the source once more.
        quiet: Show no progress.
    """

    words = "smoothed afterwards"

    def __init__(
        self,
        tracker: Tracker,
        folder: Path,
        kinds: Sequence[str],
        header: dict[str, Any],
        reopen: Callable[[], Source],
        *,
        quiet: bool,
    ) -> None:
        """Prepare."""
        self._tracker, self._folder, self._quiet = tracker, folder, quiet
        self._kinds = [kind for kind in kinds if kind in _OF_TRACKS]
        self._header, self._reopen = header, reopen
        self._recording = Recording()
        self._about: dict[str, Any] = {"method": "none"}

    def listen(self, follower: CameraFollower | None) -> CameraFollower | None:
        """Hear what the tracker is told of the camera."""
        if follower is None:
            return None
        self._recording.warps = WarpLog(follower)
        return self._recording.warps

    def wrap(self, sinks: Sequence[Sink]) -> list[Sink]:
        """The files get the tracks as they come, and all is recorded."""
        return [*sinks, self._recording]

    def about(self) -> dict[str, Any]:
        """Whether it came to an end."""
        return self._about

    def finish(self, summary: RunSummary, stop: threading.Event) -> RunSummary:
        """Smooth, and put new files in the place of the old ones.

        A run that was ended early keeps its files as they are: somebody wants an end of it.

        Raises:
            Exception: What went wrong; then, too, the files of the run are as they were.
        """
        if summary.ended != "complete" or not summary.frames:
            return self._left(summary)
        began = time.perf_counter()
        growing = self._folder / _GROWING
        try:
            shutil.rmtree(growing, ignore_errors=True)
            growing.mkdir()
            written = SecondPass(
                self._recording,
                self._tracker,
                self._kinds,
                self._header,
                self._reopen,
                stop,
                quiet=self._quiet,
            ).write(growing)
            names = [FILES[kind] for kind in written.kinds]
            put_all_in_place(
                [(growing / n, self._folder / n) for n in names if (growing / n).exists()]
            )
        except StoppedError:
            return self._left(replace(summary, interrupted=True, ended="interrupted"))
        finally:
            shutil.rmtree(growing, ignore_errors=True)
        wall_s = time.perf_counter() - began
        if written.left:
            left = [FILES[kind] for kind in written.left]
            self._about |= {"as_they_came": left, "why": f"the source has changed: {written.why}"}
            note(
                f"{self._header['source']} has changed since it was read ({written.why}):"
                f" in {' and '.join(left)} the tracks are as they came"
                + (", in the other files they are smoothed" if written.kinds else ""),
                warning=True,
            )
            if not written.kinds:
                return summary
        self._about |= {"method": "whole", "wall_s": wall_s}
        return replace(summary, **written.counter.results(self._header["class_names"]))

    def _left(self, summary: RunSummary) -> RunSummary:
        """Say that the files hold what the tracker said at once."""
        if summary.frames and summary.ended == "interrupted" and not self._quiet:
            note("not smoothed, since the run was ended early: the tracks are as they came")
        return summary


def check_wanted(
    frames: Source, tracker: Tracker, *, smooth: bool | None, lag_s: float | None
) -> None:
    """See whether a source can be smoothed as it was asked for, before a long run starts.

    Raises:
        InputError: Both were asked for, `--smooth` of a live source, or either of another fuser.
        ConfigError: The calibration tells nothing that the thresholds could be afterwards.
    """
    asked = "--lag" if lag_s is not None else "--smooth" if smooth else None
    if smooth and lag_s is not None:
        raise InputError("--smooth knows the whole file, --lag a part of it: give one of them")
    if smooth and frames.live:
        raise InputError(
            f"{frames.name} is live and cannot be gone over again: give --lag 0.5s in place of"
            " --smooth"
        )
    if asked and tracker.config.fuser != "evidence":
        raise InputError(f"{asked} smooths the fuser 'evidence', not {tracker.config.fuser!r}")
    if lag_s is not None or not (smooth is False or frames.live):
        tracker.calibration.afterwards.inside(tracker.config)


def planned(
    frames: Source,
    tracker: Tracker,
    class_names: Sequence[str],
    *,
    smooth: bool | None,
    lag_s: float | None,
    folder: Path,
    kinds: Sequence[str],
    model: str,
    reopen: Callable[[], Source],
    quiet: bool,
) -> Online:
    """What `--smooth` and `--lag` mean for a source.

    Args:
        frames: The opened source.
        tracker: Its settings and its calibration are used.
        class_names: Names by class id.
        smooth: What was asked for; None: what fits.
        lag_s: Seconds of `--lag`, None without it.
        folder: Of the run.
        kinds: What is saved.
        model: Name of the detector.
        reopen: Opens the source once more.
        quiet: Show no progress.
    """
    if lag_s is not None:
        return Late(tracker, lag_s, class_names)
    if smooth is False or frames.live or tracker.config.fuser != "evidence":
        return Online()
    header = {"class_names": class_names, "source": frames.name, "model": model, "fps": frames.fps}
    return Afterwards(tracker, folder, kinds, header, reopen, quiet=quiet)
