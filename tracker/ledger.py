"""The evidence ledger: why a track is believed or not.

In come, at each update, the columns the tracker has anyway; out goes, for one track, the list of
its looks with their weights. A fixed number of updates is kept, so memory stays flat; a track
that has died can be explained for as long as its last updates are kept.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.existence import sigmoid

__all__ = ["Entry", "Event", "Ledger"]

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
class _Page:
    """All tracks of one update; columns of length N, ordered by `track_id`."""

    timestamp_s: float
    track_id: NDArray[np.int64]
    event: NDArray[np.int8]
    confidence: FloatArray
    weight: FloatArray
    log_odds: FloatArray


class Ledger:
    """The last updates of one tracker.

    Args:
        updates: How many to keep.
    """

    def __init__(self, updates: int) -> None:
        """Start empty."""
        self._pages: deque[_Page] = deque(maxlen=updates)

    def write(
        self,
        timestamp_s: float,
        track_id: NDArray[np.int64],
        event: NDArray[np.int8],
        confidence: FloatArray,
        weight: FloatArray,
        log_odds: FloatArray,
    ) -> None:
        """Keep the columns of one update; they must not be changed afterwards."""
        self._pages.append(_Page(timestamp_s, track_id, event, confidence, weight, log_odds))

    def read(self, track_id: int) -> list[Entry]:
        """The lines of one track, oldest first; empty if it is not in the kept updates."""
        entries = []
        for page in self._pages:
            row = int(np.searchsorted(page.track_id, track_id))
            if row < len(page.track_id) and page.track_id[row] == track_id:
                entries.append(
                    Entry(
                        page.timestamp_s,
                        Event(int(page.event[row])),
                        float(page.confidence[row]),
                        float(page.weight[row]),
                        float(sigmoid(page.log_odds[row])),
                    )
                )
        return entries

    def dump(self) -> list[dict[str, Any]]:
        """The kept updates as plain values and arrays."""
        return [
            {name: getattr(page, name) for name in _Page.__dataclass_fields__}
            for page in self._pages
        ]

    def load(self, pages: list[dict[str, Any]]) -> None:
        """Take over what `dump` gave."""
        self._pages.clear()
        for page in pages:
            self._pages.append(
                _Page(
                    float(page["timestamp_s"]),
                    np.array(page["track_id"], np.int64),
                    np.array(page["event"], np.int8),
                    *(np.array(page[k], np.float64) for k in ("confidence", "weight", "log_odds")),
                )
            )
