"""What the tracker saw and thought, frame by frame: the material of every fit.

In comes a recording; out goes a `Trace`: one row for each track after each update, with the
quantities that `tracker.existence` computes with, before anything is told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker import output
from tracker.calibration.fitting.logistic import STRETCH_S
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.model import Calibration
from tracker.calibration.scene import Scene
from tracker.clock import Clock
from tracker.config import TrackerConfig
from tracker.detections import Detections
from tracker.evaluation.sequences import BoxSequence
from tracker.observation import Observation
from tracker.state import State
from tracker.tracker import Tracker
from tracker.tracks import Tracks

__all__ = ["Trace", "boxes", "joined", "trace"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Trace:
    """N rows, ordered by frame, then track.

    Attributes:
        frame: (N,) frame.
        timestamp_s: (N,) its time.
        track_id: (N,) the track.
        xyxy: (N, 4) its box, px.
        class_id: (N,) its class.
        detection: (N,) row of its detection in the recording's, -1 where it was predicted.
        evidence: (N,) what its confidence weighs, NaN where it was predicted.
        against: (N,) what spoke against the detection's place, log-odds.
        looks: (N,) looks, faded: n of `tracker.existence`.
        moved: (N,) whether the track has left the place where it began.
        existence_odds: (N,) log-odds of existence, not yet told otherwise.
        score_odds: (N,) log-odds of score, the same.
        existence: (N,) as it is told.
        score: (N,) as it is told.
        scene: What the tracker knew of the scene at the end.
    """

    frame: IntArray
    timestamp_s: FloatArray
    track_id: IntArray
    xyxy: FloatArray
    class_id: IntArray
    detection: IntArray
    evidence: FloatArray
    against: FloatArray
    looks: FloatArray
    moved: BoolArray
    existence_odds: FloatArray
    score_odds: FloatArray
    existence: FloatArray
    score: FloatArray
    scene: Scene

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def seen(self) -> BoolArray:
        """(N,) whether the box was seen and not predicted."""
        return self.detection >= 0

    @property
    def stretch(self) -> IntArray:
        """(N,) number of the stretch of time that the row is in, see `logistic`."""
        number: IntArray = (self.timestamp_s // STRETCH_S).astype(np.int64)
        return number


class _Tracer(Tracker):
    """A tracker that notes what it computes with."""

    def __init__(self, config: TrackerConfig, calibration: Calibration) -> None:
        super().__init__(config, calibration=calibration)
        self._earned = replace(self._inside.score, consistent=False)
        self.pages: list[dict[str, NDArray[Any]]] = []
        self.clutter_sum: FloatArray = np.zeros((0, 0))

    def _describe(
        self,
        state: State,
        clock: Clock,
        frame: Observation,
        detection: IntArray,
        against: FloatArray,
    ) -> Tracks:
        tracks = super()._describe(state, clock, frame, detection, against)
        score = output.columns(state, self._motion, self._earned, frame, detection, against)[5]
        hit = detection >= 0
        evidence, spoke = np.full(len(state), np.nan), np.zeros(len(state))
        evidence[hit], spoke[hit] = frame.evidence[detection[hit]], against[detection[hit]]
        self.pages.append(
            {
                "evidence": evidence,
                "against": spoke,
                "looks": state.rows["looks"],
                "moved": state.rows["moved"],
                "existence_odds": state.rows["log_odds"],
                "score_odds": special.logit(score),
            }
        )
        return tracks

    def add_up_clutter(self) -> None:
        """Count what the clutter map holds now."""
        seconds = self._clutter.seconds()
        self.clutter_sum = self.clutter_sum + seconds if self.clutter_sum.size else seconds

    def scene(self, frames: int, watched_s: float) -> Scene:
        """What is known of the scene after so many frames."""
        cell_px = self.config.clutter.cell_px
        return Scene.learned(self.clutter_sum / frames, cell_px, self._ground, watched_s)


def trace(
    recording: Recording,
    config: TrackerConfig,
    calibration: Calibration | None = None,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Trace:
    """Track a recording and note everything.

    Args:
        recording: Detections of a sequence.
        config: Settings of the tracker.
        calibration: None for none.
        advance: Called with the number of frames that are done since the last call.
    """
    tracer = _Tracer(config, calibration or Calibration())
    detections = recording.detections
    start = np.searchsorted(detections.frame, recording.frames, side="left").tolist()
    end = np.searchsorted(detections.frame, recording.frames, side="right").tolist()
    shown: list[Tracks] = []
    for time, a, b in zip(recording.timestamp_s.tolist(), start, end, strict=True):
        found = Detections(detections.xyxy[a:b], detections.score[a:b], detections.class_id[a:b])
        shown.append(tracer.update(found, timestamp_s=time, image_size=recording.image_size))
        tracer.add_up_clutter()
        advance(1)
    counts = [len(tracks) for tracks in shown]
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([page[name] for page in tracer.pages]) for name in tracer.pages[0]
    }
    for name in ("track_id", "xyxy", "class_id", "existence", "score"):
        columns[name] = np.concatenate([getattr(tracks, name) for tracks in shown])
    rows = [
        np.where(tracks.seen, tracks.detection + a, -1)
        for tracks, a in zip(shown, start, strict=True)
    ]
    return Trace(
        frame=np.repeat(recording.frames, counts),
        timestamp_s=np.repeat([tracks.timestamp_s for tracks in shown], counts),
        detection=np.concatenate(rows),
        scene=tracer.scene(len(recording), recording.duration_s),
        **columns,
    )


def boxes(recording: Recording, found: Trace) -> BoxSequence:
    """The tracks of a trace in the shape that is judged."""
    return BoxSequence(
        name=recording.name,
        class_names=recording.detections.class_names,
        frame=found.frame,
        track_id=found.track_id,
        xyxy=found.xyxy,
        score=found.score,
        existence=found.existence,
        class_id=found.class_id,
        looked=recording.frames,
        fps=recording.fps,
    )


def joined(traces: Sequence[Trace], name: str) -> NDArray[Any]:
    """One column of several traces; numbers of tracks and stretches are made different."""
    columns = [getattr(one, name) for one in traces]
    if name in ("track_id", "stretch"):
        columns = [column + (k << 40) for k, column in enumerate(columns)]
    return np.concatenate(columns)
