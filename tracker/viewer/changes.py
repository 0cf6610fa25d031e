"""What happened to the tracks from one frame to the next, in words: confirmed, missed, gone.

In come the tracks of each frame in turn; out go the changes of those that are believed. What is
remembered is one line a believed track, so that it stays small on endless streams. Candidates are
left out: a detector at a low threshold starts dozens of them a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracker.tracks import Tracks, TrackState
from tracker.video.overlay import percent

__all__ = ["Change", "Changes", "name_of"]

Kind = Literal["confirmed", "missed", "seen again", "lost", "doubted", "gone"]

_BELIEVED = (TrackState.CONFIRMED, TrackState.COASTING, TrackState.LOST)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one track.

    Attributes:
        track_id: Of the track.
        kind: What happened.
        text: The same for a reader, with the numbers that matter.
    """

    track_id: int
    kind: Kind
    text: str


@dataclass(slots=True)
class _Known:
    """What is remembered of a track that has been believed."""

    state: int
    text: str
    seen_s: float


class Changes:
    """Compares each frame's tracks with the ones before.

    Args:
        class_names: Names by `class_id`.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        """Start with no track known."""
        self._names = tuple(class_names)
        self._known: dict[int, _Known] = {}

    def update(self, tracks: Tracks) -> list[Change]:
        """Tell what changed since the last call, by `track_id`; what went comes last."""
        out: list[Change] = []
        now = tracks.timestamp_s
        new_or_known = tracks.believed | np.isin(tracks.track_id, list(self._known))
        for row in np.flatnonzero(new_or_known).tolist():
            track_id, state = int(tracks.track_id[row]), int(tracks.state[row])
            name = f"{track_id} {name_of(int(tracks.class_id[row]), self._names)}"
            belief = percent(float(tracks.existence[row]))
            known = self._known.get(track_id)
            before = TrackState.TENTATIVE if known is None else known.state
            if state != before:
                kind, more = self._what(tracks, row, before, now, known)
                out.append(Change(track_id, kind, f"{name} {kind}: {belief}{more}"))
            gap_s = float(tracks.gap_s[row])
            self._known[track_id] = _Known(state, f"{name} gone: {belief}", now - gap_s)
        ended = sorted(self._known.keys() - set(tracks.track_id.tolist()))
        for track_id in ended:
            known = self._known.pop(track_id)
            more = f", not seen for {now - known.seen_s:.1f} s"
            out.append(Change(track_id, "gone", known.text + more))
        return out

    @staticmethod
    def _what(
        tracks: Tracks, row: int, before: int, now: float, known: _Known | None
    ) -> tuple[Kind, str]:
        """Name a change of state, with what is worth knowing about it."""
        state = int(tracks.state[row])
        if state == TrackState.TENTATIVE:
            return "doubted", ""
        if before not in _BELIEVED:
            hits, misses = int(tracks.hits[row]), int(tracks.misses[row])
            age_s = float(tracks.age_s[row])
            return "confirmed", f", {_times(hits, 'hit')}, {misses} missed, {age_s:.1f} s"
        if state == TrackState.CONFIRMED:
            assert known is not None
            return "seen again", f" after {now - known.seen_s:.1f} s"
        if state == TrackState.LOST:
            return "lost", ", its place is a guess"
        return "missed", ", its box is predicted"


def _times(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def name_of(class_id: int, class_names: Sequence[str]) -> str:
    """Name of a class, also of one that has none.

    Example:
        >>> name_of(0, ["person"]), name_of(3, ["person"])
        ('person', 'class 3')
    """
    return class_names[class_id] if 0 <= class_id < len(class_names) else f"class {class_id}"
