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
        existence: Existence after it.
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
        self._pages: deque[Page] = deque(maxlen=updates)

    def write(self, page: Page) -> None:
        """Keep one update; its arrays must not be changed afterwards."""
        self._pages.append(page)

    def read(self, track_id: int) -> list[Entry]:
        """The lines of one track, oldest first; empty if it is not in the kept updates."""
        entries = (page.entry(track_id) for page in self._pages)
        return [entry for entry in entries if entry is not None]

    def dump(self) -> list[dict[str, Any]]:
        """The kept updates as plain values and arrays, structured rows as columns."""
        return [
            {name: to_columns(getattr(page, name)) for name in Page.__dataclass_fields__}
            for page in self._pages
        ]

    def load(self, pages: list[dict[str, Any]]) -> None:
        """Take over what `dump` gave."""
        self._pages.clear()
        for page in pages:
            self._pages.append(
                Page(
                    timestamp_s=float(page["timestamp_s"]),
                    looked=bool(page["looked"]),
                    rows=from_columns(page["rows"]),
                    match=np.array(page["match"], np.int64),
                    weight=np.array(page["weight"], np.float64),
                    living=np.array(page["living"], np.bool_),
                    new=int(page["new"]),
                    confidence=np.array(page["confidence"], np.float64),
                )
            )
