"""One camera from end to end: its connection, its judgement, its tracker, its events.

In come shots from the thread of the connection, and results from the thread that looks; out go
events. The tracker belongs to the thread that looks; `explain` and `tracks_in` ask it under a lock
that is not held while the detector works. Whatever is not looked at (dropped, frozen, black,
damaged, no picture at all) is time that passes for the tracker, and nothing else.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tracker.detections import Detections
from tracker.errors import ConftrackError
from tracker.existence import coast_limit
from tracker.frames import Frame
from tracker.ledger import Entry
from tracker.live.clocks import Timeline
from tracker.live.connections import connect, ends
from tracker.live.events import Event, Narrator, evidence_of
from tracker.live.looks import Judge, Verdict
from tracker.live.measures import Counts
from tracker.live.metronome import Metronome
from tracker.live.reader import Opener, Reader
from tracker.live.settings import CameraSettings, EventSettings
from tracker.live.shots import Shot, Slot
from tracker.live.stream_clock import StreamClock
from tracker.live.view import CameraView, crop_of, jpeg_of
from tracker.tracker import Tracker
from tracker.tracks import Tracks, TrackState

__all__ = ["CameraState", "LiveCamera", "Result"]

CameraState = Literal["connecting", "up", "frozen", "black", "down", "ended"]

_log = logging.getLogger("conftrack")
# Files wait for the detector in a short queue.
_FILE_QUEUE = 4
# Pictures of another shape than this show another part of the scene: the tracks begin anew.
_SAME_SHAPE = 0.03
# How often time passes for the tracks while pictures come that are not looked at, s.
_WAIT_STEP_S = 0.2
# While no picture comes, time is passed to the tracks up to this long ago: the next picture may
# have been captured a little before it arrives.
_BEHIND_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What one look, or a time without one, came to.

    Attributes:
        camera: Name of the camera.
        frame: The picture; None where there was none.
        tracks: All living tracks.
        looked: Whether the detector looked at the frame.
        events: What happened.
    """

    camera: str
    frame: Frame | None
    tracks: Tracks
    looked: bool
    events: Sequence[Event]


class LiveCamera:
    """A camera with everything that belongs to it alone.

    Args:
        name: Of the camera.
        settings: Its settings.
        tracker: Its own; used by nobody else.
        class_names: Names by `class_id` of the detector.
        timeline: What time it is.
        bell: Rung when a frame waits.
        events: When something is an event.
        tell: Gets every result, in the thread that looks; must not block.
        run: Name of the run, part of the ids of events.
        opener: How to connect.
        rng: Of the jitter of reconnecting.

    Attributes:
        name: As given.
        settings: As given.
        reader: Its connection.
        slot: Where its frames wait.
        view: What can be seen of it.
        counts: What was counted.
    """

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        tracker: Tracker,
        class_names: Sequence[str],
        *,
        timeline: Timeline,
        bell: threading.Condition,
        events: EventSettings | None = None,
        tell: Callable[[Result], None] = lambda result: None,
        run: str = "",
        opener: Opener = connect,
        rng: random.Random | None = None,
    ) -> None:
        """Put the parts together; nothing happens before `tend`."""
        events = events or EventSettings()
        every = settings.policy == "every"
        if settings.policy == "auto":
            every = ends(settings) and not settings.realtime
        settings = replace(settings, policy="every" if every else "newest")
        self.name, self.settings = name, settings
        self._tracker, self._timeline, self._events = tracker, timeline, events
        self._tell, self._run = tell, run
        self.reader = Reader(
            name, settings, self._receive, timeline=timeline, opener=opener, rng=rng
        )
        self.slot = Slot(bell, capacity=_FILE_QUEUE if every else 1, newest_wins=not every)
        self._metronome = Metronome()
        if settings.max_fps > 0:
            self._metronome.rate = settings.max_fps
        self.view = CameraView(
            class_names,
            crop_px=events.snapshot_px,
            margin=events.snapshot_margin,
            predict=self.tracks_in,
        )
        self.counts = Counts()
        self._narrator = Narrator(name, tuple(class_names), events)
        self._judge = Judge(settings.frozen_s)
        self._stream_clock = StreamClock(paced=not every)
        self._verdict: Verdict = "new"
        self._tracking = threading.Lock()
        self._updated_s: float | None = None
        self._last_look = Tracks.empty()
        self._size: tuple[int, int] | None = None

    # -- in the thread of the connection ------------------------------------------------------

    def _receive(self, shot: Shot, first: bool) -> bool:
        """Time, judge and leave a shot in the slot; False when nobody takes any more."""
        if first:
            self._stream_clock.restart()
            self._judge.restart()
        captured, trouble = self._stream_clock.map(shot.own_s, arrived_s=shot.arrived_s)
        if trouble:
            self.counts.clock_jumps += 1
            _log.info("camera %s: %s", self.name, trouble)
        verdict = self._judge.judge(shot.luma, at_s=shot.arrived_s, corrupt=shot.corrupt)
        self._verdict = verdict
        counts = self.counts
        counts.received += 1
        counts.arriving.add(shot.arrived_s)
        if verdict != "new":
            counts.verdicts[verdict] += 1
            if self.settings.policy == "newest":
                return True  # `pass_time` does the rest
        shot = replace(shot, captured_s=captured, verdict=verdict)
        if self.settings.policy == "newest":
            self.view.show(shot)
        return self.slot.put(shot)

    # -- in the thread that tends -------------------------------------------------------------

    def tend(self) -> None:
        """Look after the connection; never waits."""
        self.reader.tend()
        limit = self.settings.frozen_reconnect_s
        if limit and self._verdict == "frozen" and self.reader.state == "up":
            still = self._judge.still_s(self._timeline.now())
            if still > limit:
                self._verdict = "new"
                self.counts.frozen_reconnects += 1
                self.reader.again(f"the picture stood still for {still:.0f} s")

    def stop(self) -> None:
        """End the connection."""
        self.reader.stop()
        self.slot.close()

    # -- in the thread that looks -------------------------------------------------------------

    def take(self) -> Shot | None:
        """The frame to look at now, None without one or where `max_fps` leaves it out."""
        shot = self.slot.take()
        if shot is None or self._metronome.rate == math.inf:
            return shot
        rate = self.counts.arriving.rate(shot.arrived_s)
        if self._metronome.wants(shot.captured_s, 1.0 / rate if rate > 0 else 0.0):
            return shot
        self.counts.skipped += 1
        return None

    def looked(self, shot: Shot, frame: Frame, detections: Detections | None) -> None:
        """Take in what the detector saw in a shot; None: it did not look."""
        if detections is None:
            self._update(frame, None, frame.timestamp_s)
            return
        self._update(frame, detections, frame.timestamp_s)
        now, counts = self._timeline.now(), self.counts
        counts.looked += 1
        counts.looking.add(now)
        counts.last_look_s = now
        # A file that is read as fast as it can be is timed by its own clock.
        since = shot.captured_s if self.settings.policy == "newest" else shot.arrived_s
        counts.latency_s.add(max(0.0, now - since))
        counts.recent_latency_s.append(max(0.0, now - since))

    def not_worth_a_look(self, shot: Shot) -> None:
        """A shot of a source whose every frame counts shows nothing new: time passes."""
        self._update(None, None, shot.captured_s)

    def pass_time(self, tick_s: float) -> None:
        """Without a frame to look at, let time pass for the tracks, in steps."""
        if self._updated_s is None or self.settings.policy == "every":
            return
        if self.slot.waiting_since() is not None:
            return  # it was captured earlier than now: its own time is right
        pictures = self.reader.state == "up" and self._verdict != "new"
        step = _WAIT_STEP_S if pictures else tick_s
        until = self._timeline.now() - _BEHIND_S
        if until - self._updated_s >= step:
            self._update(None, None, until)

    def explain(self, track_id: int) -> list[Entry]:
        """The evidence ledger of a track, from any thread.

        Raises:
            InputError: No track of this id in the updates that are remembered.
        """
        with self._tracking:
            return self._tracker.explain(track_id)

    def tracks_in(self, frame: Frame) -> Tracks | None:
        """Where the tracks should be in a frame after the last update, from any thread.

        Nothing of the camera is changed. A track is there for as long after its last detection as
        a track of the existence that the last look told may coast: until then one that no look has
        found lost is told as coasting, however unsure its place gets. In a frame of another shape,
        which begins anew, none is.

        Returns:
            None for a frame that is not after the last update.
        """
        nothing = Tracks.empty(frame.timestamp_s)
        with self._tracking:
            if self._updated_s is None:
                return nothing
            if frame.timestamp_s <= self._updated_s:
                return None
            warp, size = None, frame.size
            if size is not None and self._size is not None and size != self._size:
                warp = _stretched(self._size, size)
                if warp is None:
                    return nothing
            tracks = self._tracker.predict(timestamp_s=frame.timestamp_s, warp=warp)
            then = self._last_look
        # Only looks give birth: all of them were there.
        then = then[np.searchsorted(then.track_id, tracks.track_id)]
        limit = coast_limit(then.existence, self._tracker.config.existence)
        unsure = tracks.lost & ~then.lost
        state = np.where(unsure, np.int8(TrackState.COASTING), tracks.state)
        return replace(tracks, state=state)[tracks.gap_s <= limit]

    def _update(self, frame: Frame | None, detections: Detections | None, at_s: float) -> None:
        if self._updated_s is not None:
            at_s = max(at_s, self._updated_s + 1e-3)
        size = None if frame is None else frame.size
        with self._tracking:
            warp = self._resized(size)
            tracks = self._tracker.update(
                detections, timestamp_s=at_s, image_size=size or self._size, warp=warp
            )
            looked = detections is not None
            events = [
                self._finished(event, frame)
                for event in self._narrator.update(tracks, looked=looked)
            ]
            self._updated_s = at_s
            if looked:
                self._last_look = tracks
        for event in events:
            self.counts.events[event.event] += 1
        self.view.update(frame, tracks, looked=looked)
        self._tell(Result(self.name, frame, tracks, looked, events))

    def _resized(self, size: tuple[int, int] | None) -> np.ndarray | None:
        """How the tracks move when pictures come in another size, None when they do not."""
        before, self._size = self._size, size or self._size
        if size is None or before is None or size == before:
            return None
        self.counts.size_changes += 1
        warp = _stretched(before, size)
        if warp is None:
            self._tracker.reset()
        return warp

    def _finished(self, event: Event, frame: Frame | None) -> Event:
        """The event with its evidence, its picture and the time on the wall."""
        try:
            evidence = evidence_of(self._tracker.explain(event.track_id), event.existence)
        except ConftrackError:  # gone from the ledger
            evidence = evidence_of([], event.existence)
        snapshot = b""
        if event.event == "lost":  # the best there was of it: it is not to be seen now
            life = self.view.life(event.track_id)
            snapshot = b"" if life is None else life.crop
        elif frame is not None:
            settings, box = self._events, np.array(event.xyxy)
            crop = crop_of(frame.image, box, settings.snapshot_px, settings.snapshot_margin)
            snapshot = b"" if crop is None else jpeg_of(crop)
        return replace(
            event,
            evidence=evidence,
            time=self._timeline.wall_iso(event.timestamp_s),
            run=self._run,
            snapshot=snapshot,
        )

    # -- from anywhere ------------------------------------------------------------------------

    @property
    def state(self) -> CameraState:
        """How it is."""
        reader = self.reader
        if reader.state == "ended":
            return "ended"
        if reader.state != "up":
            return "connecting" if not reader.connects and not reader.failures else "down"
        if self._verdict in ("frozen", "black"):
            return "frozen" if self._verdict == "frozen" else "black"
        return "up"


def _stretched(before: tuple[int, int], size: tuple[int, int]) -> np.ndarray | None:
    """The warp from pictures of one size to those of another, None where the shape differs."""
    across, down = size[0] / before[0], size[1] / before[1]
    if abs(across / down - 1) > _SAME_SHAPE:
        return None
    return np.array([[across, 0.0, 0.0], [0.0, down, 0.0]])
