"""Clips made while somebody looks already, and kept for the next time.

In: a run, tracks and the video. Out: the files of each track as soon as they are there, in a folder
that remembers what they were made of: what was cut before for the same run, video and length of
clips is taken as it is, anything else is removed.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from tracker.errors import InputError
from tracker.files import Closing, write_whole
from tracker.review.clips import CLIPS, CROPS, PLACES, View, cut_tracks, view_of
from tracker.review.lives import Lives
from tracker.review.pictures import frames_at
from tracker.review.runs import Run

__all__ = ["Cutter"]

_log = logging.getLogger("conftrack.review")

_MADE = "made.json"
# Ours, and what file managers leave where somebody looked.
_NOBODYS = (CROPS, CLIPS, PLACES, "Thumbs.db", "desktop.ini")
# The first ones are waited for: the video is read once for them alone, once for as many more as are
# answered meanwhile, and so on.
_AT_ONCE, _MORE = 8, 8
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
        folder: Where the files go; it is created. Nothing else may be in it: what was cut for
            another run is removed.
        key: Of the run (`run_key`).
        seconds: Length of a clip.
        on_failure: Called in that thread when it fails.

    Attributes:
        error: Why it failed, None as long as it did not.

    Raises:
        SourceError: The video cannot be read.
        InputError: It is live, or not that of the run; or the folder holds something else.
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
            "run": key, "video": str(Path(video).expanduser().resolve()), "bytes": _bytes(video),
            "seconds": seconds, "version": _VERSION,
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
        strange = sorted(
            one.name for one in self._folder.iterdir()
            if one.name not in _NOBODYS and not one.name.startswith((".", _MADE))
        )  # fmt: skip
        if strange:
            raise InputError(
                f"clips go into {self._folder}, and would replace what is there; it holds other"
                f" files ({', '.join(strange[:3])}): move them"
            )
        try:
            made = json.loads((self._folder / _MADE).read_text(encoding="utf-8"))
            if made["of"] == self._of:
                there = {str(number) for number in made["views"]}
                return {
                    k: view
                    for k, number in enumerate(self._lives.track_id.tolist())
                    if str(number) in there and self._is_whole(view := view_of(number))
                }
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # none, or not one of ours
        (self._folder / _MADE).unlink(missing_ok=True)
        for name in (CROPS, CLIPS, PLACES):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        return {}

    def _is_whole(self, view: View) -> bool:
        """Whether all files of a view are there; names are ours, never those of a file."""
        return all((self._folder / name).is_file() for name in astuple(view))

    def _cut(self) -> None:
        try:
            for part in _growing(self._left):
                for row, view in cut_tracks(
                    self._run, self._lives, part, self._video, self._folder,
                    seconds=self._seconds, large=True,
                ):  # fmt: skip
                    self._views = self._views | {row: view}
                    self._remember()
                    if self._stop.is_set():
                        return
            without = sum(not view.clip for view in self._views.values())
            if without:
                _log.warning(
                    "%d of %d tracks have no pictures: the video ends before them, or does not"
                    " decode there", without, len(self._views),
                )  # fmt: skip
        except BaseException as error:
            self.error = error
            self._on_failure()

    def _remember(self) -> None:
        views = [int(self._lives.track_id[k]) for k, v in self._views.items() if all(astuple(v))]
        write_whole(self._folder / _MADE, json.dumps({"of": self._of, "views": views}) + "\n")


def _growing(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """Rows in parts, each so many times as large as the one before."""
    first, size = 0, _AT_ONCE
    while first < len(rows):
        yield rows[first : first + size]
        first, size = first + size, size * _MORE


def _bytes(video: str) -> int | None:
    """Size of a video that is one file."""
    path = Path(video).expanduser()
    return path.stat().st_size if path.is_file() else None
