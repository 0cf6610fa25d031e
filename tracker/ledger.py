"""The evidence ledger: why a track is believed or not.

In come, at each update, the arrays the tracker has anyway; out goes, for one track, the list of
its looks with their weights. A fixed number of updates is kept, so memory stays flat; a track
that has died can be explained for as long as its last updates are kept.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.state import from_columns, to_columns

__all__ = ["Entry", "Event", "Ledger", "Page"]

FloatArray = NDArray[np.float64]


class Event(IntEnum):
    """What happened to a track in one update."""

    BIRTH = 0
    """Its first detection."""
    HIT = 1
    """It got a detection."""
    MISS = 2
    """It was looked for and not found."""
    NOT_LOOKED = 3
    """The frame was dropped, frozen or skipped: no evidence, only time."""
    DEAD = 4
    """It was removed after this update's evidence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        timestamp_s: Time of the update in seconds.
        event: What happened.
        confidence: Raw confidence of the detection, NaN without one.
        weight: Log-odds that the event added (negative: took away). Bounds and the passing of
            time act besides.
        existence: Existence after it, as far as the track has earned it: what its state goes by.
            `Tracks.existence` is told a little higher where the frame itself shows more.
    """

    timestamp_s: float
    event: Event
    confidence: float
    weight: float
    existence: float


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What one update had at hand anyway; nothing is computed before somebody asks.

    Attributes:
        timestamp_s: Time of the update.
        looked: Whether it had detections to look at.
        rows: (N,) rows of `tracker.state.ROW` after the evidence: the tracks that were there,
            also those that died, then the new ones.
        match: (N,) row of the detection of each of them, -1 for none.
        weight: (N,) log-odds that the look added.
        living: (N,) mask of those that live on.
        new: Number of new tracks, at the end of the columns.
        confidence: (M,) confidences of the detections.
    """

    timestamp_s: float
    looked: bool
    rows: NDArray[np.void]
    match: NDArray[np.int64]
    weight: FloatArray
    living: NDArray[np.bool_]
    new: int
    confidence: FloatArray

    @classmethod
    def of_ended(cls, timestamp_s: float, rows: NDArray[np.void]) -> Page:
        """The end of tracks that were not seen for too long: nothing is weighed any more."""
        n = len(rows)
        nobody, nothing = np.full(n, -1, np.int64), np.zeros(n)
        return cls(timestamp_s, False, rows, nobody, nothing, nothing > 0, 0, np.zeros(0))

    def entry(self, track_id: int) -> Entry | None:
        """The line of one track, None if it was not alive."""
        i = int(np.searchsorted(self.rows["track_id"], track_id))
        if i == len(self.rows) or self.rows["track_id"][i] != track_id:
            return None
        d = int(self.match[i])
        if not self.living[i]:
            event = Event.DEAD
        elif i >= len(self.rows) - self.new:
            event = Event.BIRTH
        elif d >= 0:
            event = Event.HIT
        else:
            event = Event.MISS if self.looked else Event.NOT_LOOKED
        return Entry(
            self.timestamp_s,
            event,
            float(self.confidence[d]) if d >= 0 else math.nan,
            float(self.weight[i]),
            1.0 / (1.0 + math.exp(-float(self.rows["log_odds"][i]))),
        )


class Ledger:
    """The last updates of one tracker.

    Args:
        updates: How many to keep.
    """

    def __init__(self, updates: int) -> None:
        """Start empty."""
        self._updates: deque[tuple[Page, ...]] = deque(maxlen=updates)
        self.written = 0

    def write(self, *pages: Page) -> None:
        """Keep one update; its arrays must not be changed afterwards."""
        self._updates.append(pages)
        self.written += 1

    def rewind(self, written: int) -> None:
        """Go back to when so many updates were written."""
        while self.written > written:
            if self._updates:
                self._updates.pop()
            self.written -= 1

    def ids(self) -> set[int]:
        """The tracks that can be asked for."""
        return {
            track_id
            for pages in self._updates
            for page in pages
            for track_id in page.rows["track_id"].tolist()
        }

    def read(self, track_id: int) -> list[Entry]:
        """The lines of one track, oldest first; empty if it is not in the kept updates."""
        entries = (page.entry(track_id) for pages in self._updates for page in pages)
        return [entry for entry in entries if entry is not None]

    def dump(self) -> list[list[dict[str, Any]]]:
        """The pages of each kept update as plain values and arrays, structured rows as columns."""
        return [
            [
                {name: to_columns(getattr(page, name)) for name in Page.__dataclass_fields__}
                for page in pages
            ]
            for pages in self._updates
        ]

    def load(self, updates: list[list[dict[str, Any]]]) -> None:
        """Take over what `dump` gave."""
        self._updates.clear()
        for pages in updates:
            self.write(*(_page(page) for page in pages))


def _page(dumped: dict[str, Any]) -> Page:
    return Page(
        timestamp_s=float(dumped["timestamp_s"]),
        looked=bool(dumped["looked"]),
        rows=from_columns(dumped["rows"]),
        match=np.array(dumped["match"], np.int64),
        weight=np.array(dumped["weight"], np.float64),
        living=np.array(dumped["living"], np.bool_),
        new=int(dumped["new"]),
        confidence=np.array(dumped["confidence"], np.float64),
    )
