"""Clips made while somebody looks already, and kept for the next time.

In: a run, tracks and the video. Out: the files of each track as soon as they are there, in a folder
that remembers what they were made of: what was cut before for the same run, video and length of
clips is taken as it is, anything else is removed.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tracker.files import Closing, write_whole
from tracker.review.clips import CLIPS, CROPS, PLACES, View, cut_tracks
from tracker.review.lives import Lives
from tracker.review.pictures import frames_at
from tracker.review.runs import Run

__all__ = ["Cutter"]

_MADE = "made.json"
# These are waited for; the video is read once for them alone, and once for all others.
_AT_ONCE = 8
_VERSION = 1  # of how clips are cut
_CLOSE_S = 3.0
# A video of another rate has other times here already.
_CHECKED = 8


class Cutter(Closing):
    """Cuts crops, clips and whole pictures in a thread of its own.

    Args:
        run: The run.
        lives: Of the run.
        rows: Tracks to cut, rows of `lives`; the first ones are cut first.
        video: What the run was made of.
        folder: Where the files go; it is created. Nothing else may be in it.
        key: Of the run (`run_key`).
        seconds: Length of a clip.
        on_failure: Called in that thread when it fails.

    Attributes:
        error: Why it failed, None as long as it did not.

    Raises:
        SourceError: The video cannot be read.
        InputError: It is live, or not that of the run.
        MissingExtraError: The extra `video` is not installed.
        OSError: The folder cannot be written to.
    """

    def __init__(
        self,
        run: Run,
        lives: Lives,
        rows: Sequence[int],
        video: str,
        folder: Path,
        *,
        key: str,
        seconds: float = 3.0,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """Look whether the video is the right one, take what is there, cut the rest."""
        for _ in frames_at(run, video, range(min(len(run), _CHECKED))):
            pass
        self._run, self._lives, self._video = run, lives, video
        self._folder, self._seconds, self._on_failure = folder, seconds, on_failure
        self._of: dict[str, Any] = {
            "run": key, "video": str(Path(video).expanduser().resolve()), "seconds": seconds,
            "version": _VERSION,
        }  # fmt: skip
        self.error: BaseException | None = None
        self._views = self._kept()
        self._left = [k for k in rows if k not in self._views]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._cut, name="cutter", daemon=True)
        self._thread.start()

    def view(self, row: int) -> View | None:
        """The files of a track, None as long as they are not there."""
        return self._views.get(row)

    @property
    def left(self) -> int:
        """How many tracks are not cut yet."""
        return sum(k not in self._views for k in self._left)

    def path(self, name: str) -> Path:
        """Where a file of a view is."""
        return self._folder / name

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until all is cut, or it failed; False if that takes longer."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Stop cutting; may be called twice."""
        self._stop.set()
        self._thread.join(_CLOSE_S)

    def _kept(self) -> dict[int, View]:
        """What was cut before, by row; a folder of something else is emptied."""
        self._folder.mkdir(parents=True, exist_ok=True)
        row = {int(number): k for k, number in enumerate(self._lives.track_id.tolist())}
        try:
            made = json.loads((self._folder / _MADE).read_text(encoding="utf-8"))
            if made["of"] == self._of:
                return {row[int(number)]: View(**view) for number, view in made["views"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # none, or not one of ours
        (self._folder / _MADE).unlink(missing_ok=True)
        for name in (CROPS, CLIPS, PLACES):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        return {}

    def _cut(self) -> None:
        try:
            for part in (self._left[:_AT_ONCE], self._left[_AT_ONCE:]):
                for row, view in cut_tracks(
                    self._run, self._lives, part, self._video, self._folder,
                    seconds=self._seconds, large=True,
                ):  # fmt: skip
                    self._views = self._views | {row: view}
                    self._remember()
                    if self._stop.is_set():
                        return
        except BaseException as error:
            self.error = error
            self._on_failure()

    def _remember(self) -> None:
        views = {str(int(self._lives.track_id[k])): asdict(v) for k, v in self._views.items()}
        write_whole(self._folder / _MADE, json.dumps({"of": self._of, "views": views}) + "\n")
