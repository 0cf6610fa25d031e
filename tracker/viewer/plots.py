"""Existence and score of each track over time, with a mark for every look: hit or missed.

In come the tracks of each frame; out go points of lines to a Rerun recording, existence under
`/existence` and score under `/score`. A point is a dot where the track got a detection and a red
cross where it was looked for and not found; a frame that nobody looked at leaves no mark.

A candidate gets no line: there are dozens of them a second, and most are gone after one look. What
they were is kept for a while, so that the line of one that becomes more begins where it began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tracker.tracks import Tracks
from tracker.video.palette import Colour, colour_of
from tracker.viewer.changes import name_of
from tracker.viewer.lines import Line, Lines
from tracker.viewer.stream import Stream

__all__ = ["PLOTTED_FROM", "Plots"]

PLOTTED_FROM = 0.25
"""A track has a line from this existence on, and keeps it until its end."""

# So many frames of a candidate's past are kept.
_PAST = 300
_HIT, _MISS, _NOT_LOOKED = range(3)
_MARKS = ("circle", "cross", "circle")
_MARK_SIZES = (2.0, 4.0, 0.0)
_MISS_COLOUR: Colour = (235, 70, 50)
_LINE_WIDTH = 1.5


class _Point(NamedTuple):
    """One track in one frame."""

    at_ns: int
    frame: int
    existence: float
    score: float
    look: int


class Plots:
    """Writes the lines.

    Args:
        stream: The recording.
        class_names: Names by `class_id`.
        own: So many tracks get a line of their own; see `Lines`.
        shared: So many lines the later ones share.

    Attributes:
        refused: Whether a track had to go without a line.
    """

    def __init__(
        self, stream: Stream, class_names: Sequence[str], *, own: int, shared: int
    ) -> None:
        """Start without a line."""
        self._stream, self._names = stream, tuple(class_names)
        self._lines = Lines(own=own, shared=shared)
        self._line_of: dict[int, Line] = {}
        self._past: dict[int, deque[_Point]] = {}
        self._marks: dict[tuple[int, Colour], Any] = {}
        self.refused = False

    def write(self, frame: int, tracks: Tracks, *, looked: bool) -> None:
        """Add one point for each track that is plotted."""
        at_ns = tracks.timestamp_ns
        otherwise = _MISS if looked else _NOT_LOOKED
        rows = zip(
            tracks.track_id.tolist(),
            tracks.existence.tolist(),
            tracks.score.tolist(),
            tracks.seen.tolist(),
            tracks.believed.tolist(),
            tracks.class_id.tolist(),
            strict=True,
        )
        for track_id, existence, score, seen, believed, class_id in rows:
            point = _Point(at_ns, frame, existence, score, _HIT if seen else otherwise)
            line = self._line_of.get(track_id)
            if line is not None:
                self._add(track_id, line, point)
                continue
            self._past.setdefault(track_id, deque(maxlen=_PAST)).append(point)
            if believed or existence >= PLOTTED_FROM:
                self._begin(track_id, f"{track_id} {name_of(class_id, self._names)}")
        self._end(set(tracks.track_id.tolist()), at_ns)

    def _add(self, track_id: int, line: Line, point: _Point) -> None:
        """Write one point at the stream's present time."""
        rerun = self._stream.rerun
        mark = self._mark(point.look, _MISS_COLOUR if point.look == _MISS else colour_of(track_id))
        self._stream.log(f"existence/{line.name}", rerun.Scalars(point.existence), mark)
        self._stream.log(f"score/{line.name}", rerun.Scalars(point.score))

    def _mark(self, look: int, colour: Colour) -> Any:
        """The mark of a look; there are few, and making one takes longer than writing it."""
        mark = self._marks.get((look, colour))
        if mark is None:
            mark = self._stream.rerun.SeriesPoints(
                markers=_MARKS[look], marker_sizes=_MARK_SIZES[look], colors=colour
            )
            self._marks[look, colour] = mark
        return mark

    def _begin(self, track_id: int, name: str) -> None:
        """Give a track a line, if there is one, and write what it was so far."""
        line = self._lines.take(track_id)
        if line is None:
            self.refused = True
            return
        self._line_of[track_id] = line
        past = list(self._past.pop(track_id))
        if line.free_since_ns is not None:  # not into the time of the track that had it before
            past = [point for point in past if point.at_ns > line.free_since_ns] or past[-1:]
        rerun, stream, count = self._stream.rerun, self._stream, len(past)
        colour, looks = colour_of(track_id), [point.look for point in past]
        lines = rerun.SeriesLines.columns(
            colors=[colour] * count, widths=[_LINE_WIDTH] * count, names=[name] * count
        )
        marks = rerun.SeriesPoints.columns(
            colors=[_MISS_COLOUR if look == _MISS else colour for look in looks],
            markers=[_MARKS[look] for look in looks],
            marker_sizes=[_MARK_SIZES[look] for look in looks],
            names=[name] * count,
        )
        times = stream.indexes([point.at_ns for point in past], [point.frame for point in past])
        existence = rerun.Scalars.columns(scalars=[point.existence for point in past])
        score = rerun.Scalars.columns(scalars=[point.score for point in past])
        stream.send(f"existence/{line.name}", times, [*existence, *lines, *marks])
        stream.send(f"score/{line.name}", times, [*score, *lines])

    def _end(self, living: set[int], at_ns: int) -> None:
        """Forget tracks that are gone; where others may follow on a line, it is interrupted."""
        for track_id in self._past.keys() - living:
            del self._past[track_id]
        for track_id in sorted(self._line_of.keys() - living):
            del self._line_of[track_id]
            line = self._lines.release(track_id, now_ns=at_ns)
            if line is not None:
                # A line has no end of its own: a value that is not a number breaks it.
                self._add(track_id, line, _Point(at_ns, -1, np.nan, np.nan, _NOT_LOOKED))
