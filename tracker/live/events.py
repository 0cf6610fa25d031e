"""What happened, in words that are worth waking somebody for: confirmed, lost, class changed.

In come the tracks after each update; out go few `Event`s. What flickers around a threshold makes
none: each change must last, and its time is counted in looking only, so that a camera without a
picture changes nobody's mind. A track that dies after it was told of is lost at once, since its id
never comes back.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tracker.formats.base import label
from tracker.ledger import Entry
from tracker.ledger import Event as Look
from tracker.live.settings import EventSettings
from tracker.tracks import Tracks, TrackState

__all__ = ["Event", "EventKind", "Narrator", "evidence_of"]

EventKind = Literal["confirmed", "lost", "class_changed"]
SCHEMA, VERSION = "conftrack.event", 1

# A look after a longer pause stands for this much of it, s.
_LONGEST_STEP_S = 0.5
_LEAST_SHOWN = 0.01


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one track.

    Attributes:
        event: What.
        camera: Name of the camera.
        number: Counts the events of this camera in this run, from 1.
        timestamp_s: When: time of the frame, on the time line of the process.
        track_id: Of the track.
        class_name: Its most probable class.
        class_probabilities: By name, those of at least 0.01.
        existence: P(the object is real).
        score: P(it is in the box now).
        state: `tentative`, `confirmed`, `coasting`, `lost`; of a track that is gone, its last one.
        xyxy: Its box, px; the last one of a track that is gone.
        age_s: Since its first detection.
        gap_s: Since its last detection.
        reason: Why it is lost: `"ended"` (no longer tracked: it left or was not found for long),
            `"unseen"` (believed, but where is unknown), `"doubted"` (not believed any more).
        class_before: Of a changed class, the name it had.
        again: Whether this track was confirmed, lost and is confirmed again.
        evidence: Why it is believed, see `evidence_of`.
        time: Wall clock, ISO 8601 UTC.
        run: Of the run, so that ids of two runs are not confused.
        snapshot: JPEG of the object, empty without one.
    """

    event: EventKind
    camera: str
    number: int
    timestamp_s: float
    track_id: int
    class_name: str
    class_probabilities: dict[str, float]
    existence: float
    score: float
    state: str
    xyxy: tuple[float, float, float, float]
    age_s: float
    gap_s: float
    reason: str = ""
    class_before: str = ""
    again: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    time: str = ""
    run: str = ""
    snapshot: bytes = b""

    def to_dict(self, *, snapshot: bool = True) -> dict[str, Any]:
        """The event as JSON has it; docs/live.md describes every key."""
        told: dict[str, Any] = {
            "schema": SCHEMA,
            "version": VERSION,
            "id": f"{self.run}/{self.camera}/{self.number}",
            "event": self.event,
            "camera": self.camera,
            "time": self.time,
            "timestamp_s": round(self.timestamp_s, 6),
            "track": self.track_id,
            "class": self.class_name,
            "class_probabilities": self.class_probabilities,
            "existence": self.existence,
            "score": self.score,
            "state": self.state,
            "xyxy": list(self.xyxy),
            "age_s": self.age_s,
            "gap_s": self.gap_s,
            "evidence": self.evidence,
        }
        if self.event == "lost":
            told["reason"] = self.reason
        if self.event == "confirmed":
            told["again"] = self.again
        if self.event == "class_changed":
            told["class_before"] = self.class_before
        if snapshot and self.snapshot:
            told["snapshot_jpeg"] = base64.b64encode(self.snapshot).decode("ascii")
        return told


def evidence_of(entries: list[Entry], existence: float = 0.0) -> dict[str, Any]:
    """The ledger of a track in short: counts, weights in log-odds, confidences.

    Args:
        entries: As `Tracker.explain` gives them.
        existence: What is told of the track; the ledger's own may lie below it, but not the peak.

    Returns:
        `looks`, `hits`, `misses`, `not_looked` (counts), `hits_weight`, `misses_weight` (log-odds
        that they added in all), `best_confidence`, `mean_confidence`, `existence_peak`, and
        `seconds` that all of this covers.
    """
    hits = [e for e in entries if e.event in (Look.BIRTH, Look.HIT)]
    misses = [e for e in entries if e.event == Look.MISS]
    waits = sum(e.event == Look.NOT_LOOKED for e in entries)
    confidences = [e.confidence for e in hits]
    span = entries[-1].timestamp_s - entries[0].timestamp_s if entries else 0.0
    return {
        "looks": len(hits) + len(misses),
        "hits": len(hits),
        "misses": len(misses),
        "not_looked": int(waits),
        "hits_weight": round(sum(e.weight for e in hits), 3),
        "misses_weight": round(sum(e.weight for e in misses), 3),
        "best_confidence": round(max(confidences, default=0.0), 4),
        "mean_confidence": round(sum(confidences) / len(confidences), 4) if hits else 0.0,
        "existence_peak": round(max([existence, *(e.existence for e in entries)]), 6),
        "seconds": round(span, 3),
    }


@dataclass(slots=True)
class _Story:
    """What is known and told of one living track."""

    last: Event
    told: bool = False
    times: int = 0
    good_s: float = -math.inf
    bad_s: float = 0.0
    other_s: float = 0.0
    other: str = ""
    told_class: str = ""


class Narrator:
    """Makes events of the tracks of one camera.

    Args:
        camera: Its name.
        class_names: Names by `class_id`.
        settings: How long a change must last.
    """

    def __init__(self, camera: str, class_names: tuple[str, ...], settings: EventSettings) -> None:
        """Begin with nothing told."""
        self._camera, self._class_names, self._settings = camera, class_names, settings
        self._stories: dict[int, _Story] = {}
        self._number = 0
        self._before_s: float | None = None

    @property
    def told(self) -> frozenset[int]:
        """The tracks that were told of and are not lost."""
        return frozenset(i for i, story in self._stories.items() if story.told)

    def update(self, tracks: Tracks, *, looked: bool) -> list[Event]:
        """Take in the tracks after an update.

        Args:
            tracks: All living tracks.
            looked: Whether the frame was looked at; if not, only ends are told.
        """
        step = 0.0
        if looked and self._before_s is not None:
            step = min(max(0.0, tracks.timestamp_s - self._before_s), _LONGEST_STEP_S)
        self._before_s = tracks.timestamp_s
        events: list[Event] = []
        before, self._stories = self._stories, {}
        for row in range(len(tracks)):
            now = self._described(tracks, row)
            story = before.pop(now.track_id, None)
            if story is None:
                story = _Story(now)
            story.last = now
            self._stories[now.track_id] = story
            if looked:
                events += self._heard(story, TrackState(int(tracks.state[row])), step)
        for story in before.values():
            if story.told:
                gone = replace(story.last, timestamp_s=tracks.timestamp_s)
                events.append(self._numbered(gone, "lost", reason="ended"))
        return events

    def _heard(self, story: _Story, state: TrackState, step: float) -> list[Event]:
        """What a look at one track changes."""
        settings, now = self._settings, story.last
        if not story.told:
            if state == TrackState.CONFIRMED:
                # It begins with the look that shows it.
                story.good_s = max(story.good_s + step, 0.0)
                if story.good_s >= settings.confirm_for_s - 1e-9:
                    story.told, story.bad_s, story.other_s = True, 0.0, 0.0
                    story.told_class = now.class_name
                    story.times += 1
                    return [self._numbered(now, "confirmed", again=story.times > 1)]
            elif state == TrackState.TENTATIVE:
                story.good_s = -math.inf
            return []
        if state in (TrackState.TENTATIVE, TrackState.LOST):
            story.bad_s += step
            if story.bad_s >= settings.lost_for_s - 1e-9:
                story.told, story.good_s = False, -math.inf
                reason = "unseen" if state == TrackState.LOST else "doubted"
                return [self._numbered(now, "lost", reason=reason)]
            return []
        story.bad_s = 0.0
        return self._class_heard(story, step)

    def _class_heard(self, story: _Story, step: float) -> list[Event]:
        settings, now = self._settings, story.last
        likely = now.class_probabilities.get(now.class_name, 1.0)
        if now.class_name == story.told_class or likely < settings.class_least:
            story.other_s, story.other = 0.0, ""
            return []
        story.other_s = story.other_s + step if now.class_name == story.other else 0.0
        story.other = now.class_name
        if story.other_s < settings.class_for_s - 1e-9:
            return []
        had, story.told_class = story.told_class, now.class_name
        return [self._numbered(now, "class_changed", class_before=had)]

    def _numbered(self, event: Event, kind: EventKind, **more: Any) -> Event:
        self._number += 1
        return replace(event, event=kind, number=self._number, **more)

    def _described(self, tracks: Tracks, row: int) -> Event:
        """The track of a row as the event it might become."""
        names, probabilities = self._class_names, tracks.class_probabilities[row].tolist()
        x1, y1, x2, y2 = (round(value, 2) for value in tracks.xyxy[row].tolist())
        return Event(
            event="confirmed",
            camera=self._camera,
            number=0,
            timestamp_s=tracks.timestamp_s,
            track_id=int(tracks.track_id[row]),
            class_name=label(names, int(tracks.class_id[row])),
            class_probabilities={
                names[i]: round(p, 4) for i, p in enumerate(probabilities) if p >= _LEAST_SHOWN
            },
            existence=round(float(tracks.existence[row]), 6),
            score=round(float(tracks.score[row]), 6),
            state=TrackState(int(tracks.state[row])).name.lower(),
            xyxy=(x1, y1, x2, y2),
            age_s=round(float(tracks.age_s[row]), 3),
            gap_s=round(float(tracks.gap_s[row]), 3),
        )
