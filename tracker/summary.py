"""What a run did, in numbers: counted while it runs, without keeping what is over.

In come the tracks of each frame; out goes a `RunSummary` that turns into JSON. Endless streams
are normal: only living tracks have a record, the dead are counters and histograms of fixed size.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections
from tracker.frames import Frame
from tracker.tracks import Tracks
from tracker.video.base import Damage

__all__ = ["Distribution", "RunSummary", "Spread", "StageTime", "Stopwatch", "TrackCounter"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Middle and ends of many values; all 0 when there are none.

    Attributes:
        count: Number of values.
        median: Their median, within 1 %.
        p95: 95 % of them are at most this, within 1 %.
        max: The largest, exact.
    """

    count: int = 0
    median: float = 0.0
    p95: float = 0.0
    max: float = 0.0


class Distribution:
    """A histogram of values >= 0 in steps of 2 %, of fixed size however many are added.

    Example:
        >>> d = Distribution()
        >>> for value in range(1, 101):
        ...     d.add(value)
        >>> d.spread()
        Spread(count=100, median=49.8, p95=95.8, max=100.0)
    """

    _LEAST, _STEP, _BINS = 1e-4, math.log(1.02), 1200

    def __init__(self) -> None:
        """Start empty."""
        self._counts = [0] * (self._BINS + 1)
        self._count = 0
        self._max = 0.0

    def add(self, value: float) -> None:
        """Count a value; below 0.0001 counts as 0."""
        step = 0
        if value > self._LEAST:
            step = min(1 + int(math.log(value / self._LEAST) / self._STEP), self._BINS)
        self._counts[step] += 1
        self._count += 1
        self._max = max(self._max, float(value))

    def _at(self, share: float) -> float:
        rank, seen = share * (self._count - 1), 0
        for step, count in enumerate(self._counts):
            seen += count
            if seen > rank:
                if step == 0:
                    return 0.0
                middle = self._LEAST * math.exp((step - 0.5) * self._STEP)
                return min(float(f"{middle:.3g}"), self._max)
        return 0.0

    def spread(self) -> Spread:
        """Give middle and ends."""
        return Spread(self._count, self._at(0.5), self._at(0.95), self._max)


@dataclass(frozen=True, slots=True)
class StageTime:
    """Work of one stage of the pipeline; waiting for other stages not included.

    Attributes:
        busy_s: Seconds of work; those of decoding a live source include waiting for its frames.
        frames: Frames it worked on.
    """

    busy_s: float
    frames: int

    @property
    def ms_per_frame(self) -> float:
        """Milliseconds of work a frame, 0 without frames."""
        return 1000 * self.busy_s / self.frames if self.frames else 0.0


class Stopwatch:
    """Adds up the working time of one stage.

    Attributes:
        at: The frame being worked on.
        frames: Frames done.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.frames = 0
        self.at: Frame | None = None
        self._busy_s = self._since = 0.0

    def start(self, frame: Frame | None) -> None:
        """Begin to work on a frame."""
        self.at = frame
        self._since = time.perf_counter()

    def stop(self, frames: int = 1) -> None:
        """Have worked on so many frames since `start`."""
        self._busy_s += time.perf_counter() - self._since
        self.frames += frames

    @property
    def time(self) -> StageTime:
        """The time so far."""
        return StageTime(self._busy_s, self.frames)


@dataclass(slots=True)
class _Life:
    """What is kept of a living track."""

    class_id: int
    age_s: float
    best_confidence: float
    confirmed: bool


class TrackCounter:
    """Counts objects and candidates over the frames of one run.

    Attributes:
        objects: Tracks that were confirmed at any time.
        confirmed_now: Confirmed tracks in the last frame.
        lost_now: Believed tracks in the last frame whose place is unknown.
        tentative_now: Tentative tracks in the last frame.
        suppressed_life_s: Seconds from first detection to removal of candidates that were never
            confirmed and are gone.
        suppressed_best_confidence: The best raw confidence each of them had.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._living: dict[int, _Life] = {}
        self._objects_by_class: Counter[int] = Counter()
        self.objects = 0
        self.confirmed_now = 0
        self.lost_now = 0
        self.tentative_now = 0
        self.suppressed_life_s = Distribution()
        self.suppressed_best_confidence = Distribution()

    def update(self, tracks: Tracks, detections: Detections | None) -> None:
        """Take in one frame.

        Args:
            tracks: All living tracks.
            detections: What `tracks.detection` counts in; None when nobody looked.
        """
        confidence = np.zeros(len(tracks))
        if detections is not None and len(detections):
            seen = tracks.detection >= 0
            confidence[seen] = detections.confidence[tracks.detection[seen]]
        self.count(tracks, confidence)

    def count(self, tracks: Tracks, confidence: NDArray[np.float64]) -> None:
        """Take in one frame.

        Args:
            tracks: All living tracks.
            confidence: (N,) of the detection of each, 0 without one.
        """
        before, self._living = self._living, {}
        for track_id, confirmed, class_id, age_s, value in zip(
            tracks.track_id.tolist(),
            tracks.believed.tolist(),
            tracks.class_id.tolist(),
            tracks.age_s.tolist(),
            confidence.tolist(),
            strict=True,
        ):
            life = before.pop(track_id, None)
            if life is None:
                life = _Life(class_id, age_s, value, False)
            life.class_id, life.age_s = class_id, age_s
            life.best_confidence = max(life.best_confidence, value)
            if confirmed and not life.confirmed:
                life.confirmed = True
                self.objects += 1
            self._living[track_id] = life
        for life in before.values():
            if life.confirmed:
                self._objects_by_class[life.class_id] += 1
            else:
                self.suppressed_life_s.add(life.age_s)
                self.suppressed_best_confidence.add(life.best_confidence)
        self.confirmed_now = int(np.count_nonzero(tracks.confirmed))
        self.lost_now = int(np.count_nonzero(tracks.lost))
        self.tentative_now = int(np.count_nonzero(tracks.tentative))

    def results(self, class_names: Sequence[str]) -> dict[str, Any]:
        """The counts as fields of `RunSummary`."""
        suppressed = self.suppressed_life_s.spread()
        return {
            "objects_confirmed": self.objects,
            "objects_by_class": self.objects_by_class(class_names),
            "candidates_suppressed": suppressed.count,
            "suppressed_life_s": suppressed,
            "suppressed_best_confidence": self.suppressed_best_confidence.spread(),
            "candidates_undecided": self.undecided,
        }

    @property
    def undecided(self) -> int:
        """Candidates still living and not confirmed."""
        return sum(not life.confirmed for life in self._living.values())

    def objects_by_class(self, class_names: Sequence[str]) -> dict[str, int]:
        """Confirmed objects of each class, by the last class they had, most frequent first."""
        total = self._objects_by_class + Counter(
            life.class_id for life in self._living.values() if life.confirmed
        )
        return {
            class_names[c] if 0 <= c < len(class_names) else f"class {c}": n
            for c, n in sorted(total.items(), key=lambda item: (-item[1], item[0]))
        }


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of `pipeline.run`.

    Attributes:
        source: Name of the source, without credentials.
        frames: Frames that went all the way to the sinks.
        frames_dropped: Frames of a live source left out because the work took longer.
        start_s: Time of the first frame in seconds.
        end_s: Time of the last frame in seconds.
        duration_s: Seconds of video covered, the last frame's own included.
        wall_s: Seconds the run took.
        fps: Frames per second of the run.
        stages: Time of `decode`, `detect`, `track` and `write`; they overlap.
        latency_s: From decoded to written out, per frame, in seconds.
        objects_confirmed: Unique tracks that were confirmed at any time.
        objects_by_class: The same by class name.
        candidates_suppressed: Tracks that died without ever being confirmed.
        suppressed_life_s: How long those lived, in seconds.
        suppressed_best_confidence: The best raw confidence each of those had.
        candidates_undecided: Tracks neither confirmed nor dead at the end.
        damage: What was broken in the source.
        errors_skipped: Decode errors passed over.
        frames_not_looked: Of the frames, those that the detector gave None for.
        interrupted: Whether it was stopped before the source's end.
        ended: How it ended: `"complete"`, `"interrupted"`, or `"error: …"` with what went wrong
            and where; the other numbers are then those of the frames before it.
    """

    source: str
    frames: int
    frames_dropped: int
    start_s: float
    end_s: float
    duration_s: float
    wall_s: float
    fps: float
    stages: dict[str, StageTime]
    latency_s: Spread
    objects_confirmed: int
    objects_by_class: dict[str, int]
    candidates_suppressed: int
    suppressed_life_s: Spread
    suppressed_best_confidence: Spread
    candidates_undecided: int
    damage: list[Damage] = field(default_factory=list)
    errors_skipped: int = 0
    frames_not_looked: int = 0
    interrupted: bool = False
    ended: str = "complete"

    def to_dict(self) -> dict[str, Any]:
        """Give it as values that JSON can hold."""
        result = asdict(self)
        for name, stage in self.stages.items():
            result["stages"][name]["ms_per_frame"] = stage.ms_per_frame
        return result
