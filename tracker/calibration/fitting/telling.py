"""How existence and score must be told, at once and afterwards.

In come traces with what turned out; out go the maps. Afterwards a track is seen with its future
known (`tracker.smoothing`), and what that makes of what was told at once has maps of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from tracker.calibration.afterwards import Afterwards
from tracker.calibration.fitting.labels import Labels
from tracker.calibration.fitting.maps import fit_map
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.fitting.trace import Trace, joined
from tracker.calibration.log_odds_map import LogOddsMap
from tracker.calibration.model import Calibration
from tracker.calibration.scene import Scene
from tracker.config import TrackerConfig
from tracker.detections import Detections
from tracker.tracker import Tracker

if TYPE_CHECKING:
    from tracker.tracks import Tracks

__all__ = ["fit_afterwards", "fit_maps", "seen_afterwards"]

# How often the map of existence is fitted to the boxes where score does not speak for it.
_ROUNDS = 3


def fit_maps(
    found: Sequence[Trace], labels: Sequence[Labels]
) -> tuple[LogOddsMap, LogOddsMap, LogOddsMap]:
    """The maps of existence, of the score of seen boxes and of that of the others."""
    counts = np.concatenate([one.counts for one in labels])
    real = np.concatenate([one.real for one in labels])[counts]
    right = np.concatenate([one.right for one in labels])[counts]
    cluster, stretch, seen = (
        joined(found, name)[counts] for name in ("track_id", "stretch", "seen")
    )
    existence, score = (joined(found, f"{name}_odds")[counts] for name in ("existence", "score"))
    trust, of_boxes = labels[0].trust, labels[0].trust_of_boxes
    of_seen, of_unseen = (
        fit_map(score[m], right[m], cluster[m], stretch[m], trust=of_boxes) for m in (seen, ~seen)
    )
    told = np.where(seen, of_seen(score), of_unseen(score))
    believed = fit_map(existence, real, cluster, stretch, trust=trust)
    # Existence is told as the larger of the two, so its map is fitted where it is the larger one.
    for _ in range(_ROUNDS):
        m = believed(existence) >= told
        if m.any():
            believed = fit_map(existence[m], real[m], cluster[m], stretch[m], trust=trust)
    return believed, of_seen, of_unseen


def fit_afterwards(
    recordings: Sequence[Recording],
    label: Callable[[Sequence[Recording], Sequence[Trace]], list[Labels]],
    config: TrackerConfig,
    calibration: Calibration,
) -> Afterwards:
    """The maps of what smoothing makes of a calibrated tracker; the fit tracks once more."""
    without = replace(calibration, afterwards=Afterwards())
    found = [seen_afterwards(recording, config, without) for recording in recordings]
    return Afterwards(*fit_maps(found, label(recordings, found)))


def seen_afterwards(recording: Recording, config: TrackerConfig, calibration: Calibration) -> Trace:
    """The smoothed tracks of a recording; a trace without what only the tracker has.

    As in any trace, `existence` is as it is told, at least score where the settings say so;
    `existence_odds` are of what goes into its map, which is before that.
    """
    from tracker.smoothing import Recorder, smooth

    tracker, recorder = Tracker(config, calibration=calibration), Recorder()
    detections = recording.detections
    start = np.searchsorted(detections.frame, recording.frames, side="left")
    end = np.searchsorted(detections.frame, recording.frames, side="right")
    for time, a, b in zip(recording.timestamp_s.tolist(), start, end, strict=True):
        given = Detections(detections.xyxy[a:b], detections.score[a:b], detections.class_id[a:b])
        recorder.add(
            given,
            tracker.update(given, timestamp_s=time, image_size=recording.image_size),
        )
    shown = list(smooth(recorder, tracker.config, calibration=calibration))
    return _trace(recording, shown, start)


def _trace(recording: Recording, shown: Sequence[Tracks], start: np.ndarray) -> Trace:
    counts = [len(tracks) for tracks in shown]
    none = np.zeros(sum(counts))
    columns = {
        name: np.concatenate([getattr(tracks, name) for tracks in shown])
        for name in ("track_id", "xyxy", "class_id", "existence", "earned", "score", "detection")
    }
    row, earned = columns.pop("detection"), columns.pop("earned")
    return Trace(
        frame=np.repeat(recording.frames, counts),
        timestamp_s=np.repeat([tracks.timestamp_s for tracks in shown], counts),
        detection=np.where(row >= 0, row + np.repeat(start, counts), -1),
        evidence=np.full(len(none), np.nan),
        against=none,
        looks=none,
        moved=none > 0,
        existence_odds=special.logit(earned),
        score_odds=special.logit(columns["score"]),
        scene=Scene(),
        **columns,
    )
