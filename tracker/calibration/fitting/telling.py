"""How existence and score must be told, at once and afterwards.

In come traces with what turned out; out go the maps. Afterwards a track is seen with its future
known (`tracker.smoothing`), and what that makes of what was told at once has maps of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.calibration.afterwards import Afterwards
from tracker.calibration.fitting.labels import Labels
from tracker.calibration.fitting.logistic import Trust
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

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# How often the maps are fitted to what the other ones make of existence and score.
_ROUNDS = 4
# So many independent tracks double the variances of the priors of the maps: with much footage it is
# known better than by other detectors, and a few seconds must not throw it over. Chosen by log-loss
# on sequences left out of the training folds, and on three short pieces (docs/calibration.md).
_LOOSENED_BY = 60.0


def fit_maps(
    found: Sequence[Trace],
    labels: Sequence[Labels],
    meet_at: float = 1.0,
    *,
    loosened_by: float | None = _LOOSENED_BY,
) -> tuple[LogOddsMap, LogOddsMap, LogOddsMap]:
    """The maps of existence, of the score of seen boxes and of that of the others.

    Args:
        found: Of the tracker.
        labels: Of each.
        meet_at: As in `Calibration`. What is told of boxes whose score is above existence is a mean
            of the two maps; each is fitted with what the other makes of them.
        loosened_by: As in `fit_map`, of what was fitted to labels.
    """
    counts = np.concatenate([one.counts for one in labels])
    real = np.concatenate([one.real for one in labels])[counts]
    right = np.concatenate([one.right for one in labels])[counts]
    cluster, stretch, seen = (
        joined(found, name)[counts] for name in ("track_id", "stretch", "seen")
    )
    existence, score = (joined(found, f"{name}_odds")[counts] for name in ("existence", "score"))
    of_tracks, of_boxes = labels[0].trust, labels[0].trust_of_boxes

    def fitted(
        z: FloatArray,
        outcome: FloatArray,
        trust: Trust,
        of: BoolArray,
        share: FloatArray,
        rest: FloatArray,
    ) -> LogOddsMap:
        return fit_map(
            z[of], outcome[of], cluster[of], stretch[of], trust=trust, share=share[of],
            rest=rest[of], loosened_by=loosened_by if trust.is_of_labels else None,
        )  # fmt: skip

    whole, none, every = np.ones(len(real)), np.zeros(len(real)), np.ones(len(real), np.bool_)
    of_seen, of_unseen = (fitted(score, right, of_boxes, m, whole, none) for m in (seen, ~seen))
    believed = fitted(existence, real, of_tracks, every, whole, none)
    for _ in range(_ROUNDS):
        told, own = np.where(seen, of_seen(score), of_unseen(score)), believed(existence)
        share = np.where(told > own, 1.0 - meet_at, 1.0)
        if not share.any():
            break
        believed = fitted(existence, real, of_tracks, share > 0.0, share, (1.0 - share) * told)
        if meet_at < 1.0:
            own = believed(existence)
            share = np.where(told > own, meet_at, 1.0)
            rest = (1.0 - share) * own
            of_seen, of_unseen = (
                fitted(score, right, of_boxes, m, share, rest) for m in (seen, ~seen)
            )
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
