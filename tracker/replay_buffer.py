"""Measurements that come late: put in where they belong in time, and everything after runs again.

In comes an update with a time before that of the last one, from a slow detector or another sensor;
out go the tracks as if it had come in time, bit for bit. For that the last `max_delay_s` seconds of
updates are kept: what was given to each, and what the tracker remembered before it. States are
never changed in place and the clutter map notes what it overwrites, so an entry is a few references
and not a copy.

```
kept updates:        1 ──── 2 ──── 3 ──── 4        now is the time of 4
late measurement:             ▲
memory before 3 ◀── go back ──┘
run:                             late ──▶ 3 ──▶ 4   now is the time of 4 again
```

**Ids.** Inside, the tracker counts births as if all had come in order. Outside, a track must keep
the id it was shown with. So each track that was born in the part that runs again takes the id under
which most of its detections were shown before, one track an id; a track none of whose detections
were shown gets a new id, larger than all before. It has that id also if it has ended by now and
later news bring it back. Where late news makes one track of two, the other id ends; ids are still
never reused.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.clock import Clock, Instant
from tracker.clutter import Mark
from tracker.detections import Detections
from tracker.errors import TimeError
from tracker.fusers import Fused
from tracker.ground import Learned
from tracker.state import State
from tracker.tracks import Tracks
from tracker.warp import homography

if TYPE_CHECKING:
    from tracker.tracker import Tracker

__all__ = ["Given", "Memory", "ReplayBuffer"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Updates that are kept at most, whatever the rate: a clock that hardly moves must not eat memory.
_MOST_UPDATES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What one update was given.

    Attributes:
        detections: None where nobody looked.
        at: Its time.
        move: (3, 3) homography from the frame before it in time, None where the camera stood.
        image_size: Width and height of the picture in px, if known.
    """

    detections: Detections | None
    at: Instant
    move: FloatArray | None
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What a tracker remembers between two updates.

    Attributes:
        state: The tracks.
        clock: Its clocks.
        fused: What the fuser remembers.
        next_id: Id of the next track, as counted inside.
        clutter: Where the clutter map stood.
        ground: What the ground had taught.
        updates: Updates that the ledger had been given.
    """

    state: State
    clock: Clock
    fused: Fused
    next_id: int
    clutter: Mark
    ground: Learned
    updates: int


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One update that may run again: what it was given, and which track each detection was in."""

    given: Given
    before: Memory
    track_id: IntArray  # inside, one for each detection


class ReplayBuffer:
    """The last updates of one tracker, and the names of tracks after late measurements.

    Args:
        max_delay_s: How far back a measurement may lie, s.
    """

    def __init__(self, max_delay_s: float) -> None:
        """Start empty."""
        self._max_delay_ns = round(max_delay_s * 1e9)
        self._entries: deque[_Entry] = deque()
        # Id inside -> id outside, where it is not the former plus the offset.
        self._names: dict[int, int] = {}
        self._offset = 0

    # ---- updates -------------------------------------------------------------------------

    def update(self, tracker: Tracker, given: Given) -> Tracks:
        """Take in what was given, at the end or where it belongs in time.

        Returns:
            The tracks at the latest time there is.

        Raises:
            TimeError: It is older than the updates kept, or of the same time as one of them, while
                `on_backward_time` is `"error"` (with `"reset"` the tracker starts anew).
        """
        last_ns = tracker._clock.timestamp_ns
        if last_ns is None or given.at.ns > last_ns:
            return self.named(self._run(tracker, given))
        place = self._place(given.at.ns)
        if place is None:
            if tracker.config.on_backward_time == "error":
                raise TimeError(self._too_late(given.at, tracker._clock))
            return self.named(self._run_afresh(tracker, given))
        return self.named(self._insert(tracker, given, place))

    def _place(self, ns: int) -> int | None:
        """Number of the first kept update after this time, None if it cannot be put in."""
        times = [entry.given.at.ns for entry in self._entries]
        place = sum(time < ns for time in times)
        if times[-1] - ns > self._max_delay_ns or times[place] == ns:
            return None
        before_ns = self._entries[place].before.clock.timestamp_ns
        return place if before_ns is None or before_ns < ns else None

    def _too_late(self, at: Instant, last: Clock) -> str:
        """Why a time cannot be put in."""
        if any(entry.given.at.ns == at.ns for entry in self._entries):
            return (
                f"timestamp_s must not repeat: there was an update at {at.s} s ({at.ns} ns) already"
            )
        delay_s = self._max_delay_ns / 1e9
        return (
            f"timestamp_s must not lie more than max_delay_s = {delay_s} s back: got {at.s} s after"
            f" {last.timestamp_s} s ({at.ns} ns after {last.timestamp_ns} ns). If the clock may"
            ' restart, set on_backward_time = "reset"'
        )

    def _run(self, tracker: Tracker, given: Given) -> Tracks:
        """One update at the end; the tracks have the ids from inside."""
        before = tracker._remember()
        tracks = tracker._advance(given)
        track_id = np.zeros(0 if given.detections is None else len(given.detections), np.int64)
        track_id[tracks.detection[tracks.seen]] = tracks.track_id[tracks.seen]
        self._entries.append(_Entry(given, before, track_id))
        oldest_ns = given.at.ns - self._max_delay_ns
        while self._entries[0].given.at.ns < oldest_ns or len(self._entries) > _MOST_UPDATES:
            self._entries.popleft()
        tracker._clutter.forget(self._entries[0].before.clutter)
        return tracks

    def _run_afresh(self, tracker: Tracker, given: Given) -> Tracks:
        """One update without what was before; on an error everything is as it was."""
        entries = self._entries.copy()
        self._entries.clear()
        try:
            return tracker._afresh(lambda: self._run(tracker, given))
        except BaseException:
            self._entries = entries
            raise

    def _insert(self, tracker: Tracker, late: Given, place: int) -> Tracks:
        """Go back, run the late one and all after it; on an error everything is as it was."""
        entries = list(self._entries)
        shown = [entry.given for entry in entries[place:]]
        again = [late, replace(shown[0], move=_after(late.move, shown[0].move)), *shown[1:]]
        next_id = tracker._next_id
        try:
            tracks = self._run_again(tracker, entries[place].before, place, again)
        except BaseException:
            self._run_again(tracker, entries[place].before, place, shown)
            raise
        self._rename(tracker, entries[place:], next_id)
        return tracks

    def _run_again(
        self, tracker: Tracker, before: Memory, place: int, inputs: Iterable[Given]
    ) -> Tracks:
        """Go back to the memory before the kept update `place`, and run these from there."""
        tracker._rewind(before)
        while len(self._entries) > place:
            self._entries.pop()
        for given in inputs:
            tracks = self._run(tracker, given)
        return tracks

    # ---- ids -----------------------------------------------------------------------------

    def named(self, tracks: Tracks) -> Tracks:
        """The tracks under the ids they are known by outside, ordered by them."""
        if not self._names and not self._offset:
            return tracks
        ids = np.array([self.name_of(i) for i in tracks.track_id.tolist()], np.int64)
        order = np.argsort(ids)
        return replace(tracks[order], track_id=ids[order])

    def name_of(self, inside: int) -> int:
        """The id outside of a track that is inside known by this id."""
        return self._names.get(inside, inside + self._offset)

    def known_as(self, outside: int) -> int:
        """The id inside of a track, 0 (which none has) if there is none of that name."""
        for inside, name in self._names.items():
            if name == outside:
                return inside
        inside = outside - self._offset
        return 0 if inside in self._names else inside

    def _rename(self, tracker: Tracker, before: list[_Entry], next_id: int) -> None:
        """Give the tracks of the updates that ran again the ids they were shown with.

        Args:
            tracker: After these updates ran again.
            before: The same updates as they had run before.
            next_id: The tracker's next id after those.
        """
        first = before[0].before.next_id
        after = list(self._entries)[-len(before) :]
        shared: Counter[tuple[int, int]] = Counter()
        for old, new in zip(before, after, strict=True):
            shared.update(zip(old.track_id.tolist(), new.track_id.tolist(), strict=True))
        names: dict[int, int] = {}
        taken: set[int] = set()
        # Most shared detections first; among equals, older tracks first.
        for old_id, new_id in sorted(shared, key=lambda pair: (-shared[pair], pair)):
            if old_id >= first and new_id >= first and new_id not in names and old_id not in taken:
                names[new_id] = self.name_of(old_id)
                taken.add(old_id)
        fresh = next_id + self._offset
        for new_id in range(first, tracker._next_id):
            if new_id not in names:
                names[new_id] = fresh
                fresh += 1
        # Tracks older than that keep their names, as long as anybody can ask for them or they can
        # come back from the oldest memory.
        oldest = self._entries[0].before
        known = {*tracker._ledger.ids(), *oldest.state.rows["track_id"].tolist()}
        known.update(range(oldest.next_id, first), tracker._state.rows["track_id"].tolist())
        names.update({i: self.name_of(i) for i in known if i < first})
        self._offset = fresh - tracker._next_id
        self._names = {i: name for i, name in names.items() if name != i + self._offset}

    # ---- carrying on elsewhere -----------------------------------------------------------

    def clear(self) -> None:
        """Forget the updates; ids go on."""
        self._entries.clear()
        self._names.clear()

    def dump(self, tracker: Tracker) -> tuple[dict[str, Any], dict[str, Any]]:
        """The tracker's snapshot before the oldest kept update, and all that came since."""
        inputs = [entry.given for entry in self._entries]
        if inputs:
            tracker._rewind(self._entries[0].before)
        base = tracker._dump()
        if inputs:
            self._run_again(tracker, self._entries[0].before, 0, inputs)
        return base, {
            "inputs": [_dumped(given) for given in inputs],
            "names": [[i, name] for i, name in self._names.items()],
            "offset": self._offset,
        }

    def load(self, tracker: Tracker, dumped: dict[str, Any]) -> None:
        """Run what came since the snapshot, and take over the names."""
        for given in dumped["inputs"]:
            self._run(tracker, _loaded(given))
        self._names = {int(i): int(name) for i, name in dumped["names"]}
        self._offset = int(dumped["offset"])


def _after(late: FloatArray | None, move: FloatArray | None) -> FloatArray | None:
    """The move from a late frame to the next, from those to both of the frame before them."""
    if late is None:
        return move
    back = np.asarray(np.linalg.inv(late))
    return homography(back if move is None else move @ back)


def _dumped(given: Given) -> dict[str, Any]:
    d = given.detections
    columns = None
    if d is not None:
        columns = {
            "xyxy": d.xyxy,
            "confidence": d.confidence,
            "class_id": d.class_id,
            "class_probabilities": d.class_probabilities,
            "class_count": d.class_probabilities.shape[1],
        }
    return {
        "detections": columns,
        "ns": given.at.ns,
        "s": given.at.s,
        "move": given.move,
        "image_size": given.image_size,
    }


def _loaded(dumped: dict[str, Any]) -> Given:
    columns, move = dumped["detections"], dumped["move"]
    detections = None
    if columns is not None:
        n, classes = len(columns["confidence"]), int(columns["class_count"])
        detections = Detections(
            np.array(columns["xyxy"], np.float64).reshape(n, 4),
            np.array(columns["confidence"], np.float64),
            np.array(columns["class_id"], np.int64),
            np.array(columns["class_probabilities"], np.float64).reshape(n, classes),
        )
    at = Instant(int(dumped["ns"]), float(dumped["s"]))
    size = dumped["image_size"]
    return Given(
        detections,
        at,
        None if move is None else np.array(move, np.float64),
        None if size is None else (int(size[0]), int(size[1])),
    )
