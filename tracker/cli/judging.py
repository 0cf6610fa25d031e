"""Judges a run against the ground truth while it happens: raw detections and confirmed tracks.

In come the frames of the pipeline as a sink, and the truth of each frame; out go counts. It uses
the one matching rule of `tracker.evaluation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracker.detections import Detections
from tracker.evaluation.curves import CurveBuilder
from tracker.evaluation.matching import BoxCounts, TrackCounts, match_boxes
from tracker.frames import Frame
from tracker.scenes.world import Truth
from tracker.tracks import Tracks

__all__ = ["STRONG", "Judge"]

# What most programs take as "detected". Detections are held to it by their confidence, tracks by
# their score: the probability that a real object is in this box in this frame.
STRONG = 0.5


class Judge:
    """A sink that compares every frame with its truth.

    Args:
        truths: The truth of each frame, by frame index.

    Attributes:
        people: Numbers of the people who could be seen well enough in some frame so far.
    """

    def __init__(self, truths: Sequence[Truth]) -> None:
        """Start with nothing seen."""
        self._truths = truths
        names = (
            "all_detections",
            "strong_detections",
            "strong_tracks",
            "confirmed_tracks",
        )
        self._raw = CurveBuilder()
        self._boxes = {name: BoxCounts() for name in names}
        self._tracks = {name: TrackCounts() for name in names}
        self.people: set[int] = set()

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Judge one frame."""
        truth = self._truths[frame.index]
        self.people.update(truth.object_id[truth.judged].tolist())
        found = Detections.empty() if detections is None else detections
        strong = found[found.confidence >= STRONG]
        no_id = np.full(len(found), -1)
        self._judge("all_detections", truth, found.xyxy, found.confidence, no_id)
        self._judge(
            "strong_detections", truth, strong.xyxy, strong.confidence, no_id[: len(strong)]
        )
        sure = tracks.score >= STRONG
        for name, mask in (
            ("strong_tracks", sure),
            ("confirmed_tracks", tracks.confirmed),  # predicted boxes too
        ):
            some = tracks[mask]
            self._judge(name, truth, some.xyxy, some.score, some.track_id)

    def close(self) -> None:
        """Nothing is open."""

    def _judge(self, name: str, truth: Truth, xyxy: Any, score: Any, ids: Any) -> None:
        match = match_boxes(
            xyxy, score, truth.xyxy[truth.judged], ignore_xyxy=truth.xyxy[~truth.judged]
        )
        self._boxes[name].add(match)
        if name == "all_detections":
            self._raw.add(score, match)
        self._tracks[name].add(ids, truth.object_id[truth.judged], match)

    def result(self) -> dict[str, dict[str, Any]]:
        """Counts and shares of each kind as JSON values; a share of nothing is None."""
        result: dict[str, dict[str, Any]] = {}
        for name, boxes in self._boxes.items():
            shares = {"precision": boxes.precision, "recall": boxes.recall, "f1": boxes.f1}
            result[name] = {
                "true": boxes.true,
                "false": boxes.false,
                "missed": boxes.missed,
                **{k: None if np.isnan(v) else round(v, 4) for k, v in shares.items()},
                "people_found": len(self._tracks[name].objects_found),
            }
        result["detections_of_equal_recall"] = self._equal_recall(self._boxes["strong_tracks"].true)
        for name in ("strong_tracks", "confirmed_tracks"):
            tracks = self._tracks[name]
            false = len(tracks.false_tracks)
            result[name] |= {"tracks": len(tracks.real_tracks) + false, "false_tracks": false}
        return result

    def _equal_recall(self, true: int) -> dict[str, Any]:
        """Raw detections at the threshold that finds as many people as the tracks do.

        A lower threshold finds more people and more of no one: two sides can be compared by their
        mistakes only where they find alike.
        """
        sweep = self._raw.curve()
        k = int(np.searchsorted(sweep.true, true))
        if k == len(sweep.true):  # no threshold finds as many
            return dict.fromkeys(("threshold", "true", "false", "missed", "precision", "recall"))
        found, wrong = int(sweep.true[k]), int(sweep.false[k])
        return {
            "threshold": round(float(sweep.threshold[k]), 4),
            "true": found,
            "false": wrong,
            "missed": sweep.objects - found,
            "precision": round(found / max(found + wrong, 1), 4),
            "recall": round(found / max(sweep.objects, 1), 4),
        }
