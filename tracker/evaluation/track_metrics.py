"""What tracks are worth as tracks: identity over time, false tracks, how soon objects are found.

In: the judged boxes of one sequence and class, and those of the raw detections where there are any.
Out: a `Tally`, which adds up over sequences and classes to `TrackFigures`. HOTA, CLEAR and IDF1 are
trackeval's own; they see the boxes at the operating point without those that are not judged.

Beside them stand figures about belief: which tracks are false for most of their life, how long an
object is there before it is believed, and what becomes of objects that the detector sees only
weakly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import iou_matrix
from tracker.errors import MissingExtraError
from tracker.evaluation.judging import JudgedBoxes

__all__ = ["STRONG", "Tally", "TrackFigures", "tally", "total"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A raw detection above this is what most programs would have kept.
STRONG = 0.5


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """Figures of tracks at the operating point. NaN: nothing to divide by, or no identities.

    Attributes:
        hota, deta, assa: Higher order tracking accuracy, its detection and association part.
        idf1: Share of boxes with the right identity (F1).
        mota: Multiple object tracking accuracy.
        id_switches: Times an object's track changed.
        tracks: Tracks with a judged box.
        false_tracks: Tracks that showed an object in less than half of their judged boxes.
        false_tracks_per_1000: The same for 1,000 frames.
        objects: Objects that could be found: all, or with raw detections those they ever covered.
        confirm_frames: Median frames from when an object could first be found to its first
            matched box; infinite if more than half never are.
        confirm_s: The same in seconds, NaN where the frame rate is not known.
        never_confirmed: Share of the objects without any matched box.
        weak_boxes: Boxes of weak objects: those whose raw detections never exceeded 0.5.
        weak_recall: Share of these that the tracks found.
        weak_raw_recall: Share of these that the raw detections found at any score.
        low_boxes: Boxes of objects that no raw detection above 0.5 found in that very frame.
        low_recall: Share of these that the tracks found.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    id_switches: int
    tracks: int
    false_tracks: int
    false_tracks_per_1000: float
    objects: int
    confirm_frames: float
    confirm_s: float
    never_confirmed: float
    weak_boxes: int
    weak_recall: float
    weak_raw_recall: float
    low_boxes: int
    low_recall: float


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts of one class in one sequence; `total` adds them up.

    Attributes:
        frames: Frames that were judged.
        clear, hota, identity: trackeval's results, None without identities.
        tracks, false_tracks: Numbers of tracks.
        delay: (K,) frames until each object was found, infinite if never.
        delay_s: (K,) the same in seconds.
        weak: Boxes of weak objects: there, found by tracks, found by raw detections.
        low: Boxes the detector did not see well: there, found by tracks.
    """

    frames: int
    hota: Any
    clear: Any
    identity: Any
    tracks: int
    false_tracks: int
    delay: FloatArray
    delay_s: FloatArray
    weak: tuple[int, int, int]
    low: tuple[int, int]


def tally(
    tracks: JudgedBoxes,
    detections: JudgedBoxes | None,
    *,
    frames: int,
    threshold: float = 0.5,
    by: str = "score",
) -> Tally:
    """Count what happened in one sequence for one class.

    Args:
        tracks: All boxes of the tracker with their verdicts.
        detections: Those of the raw detections, if there are any.
        frames: Frames that were judged.
        threshold: Boxes with less are not output.
        by: The column that is held to the threshold.

    Raises:
        MissingExtraError: trackeval is not installed.
    """
    on = tracks.judged & (tracks.column(by) >= threshold)
    ids, track = np.unique(tracks.boxes.track_id[on], return_inverse=True)
    right = np.bincount(track, tracks.true[on], len(ids))
    false = int(np.count_nonzero(right < 0.5 * np.bincount(track, minlength=len(ids))))
    found = on & tracks.true
    fps = tracks.truth.fps or tracks.boxes.fps or float("nan")
    identities = tracks.truth.has_ids
    delay = _delays(tracks, detections, found) if identities else np.zeros(0)
    weak, low = _weak_and_low(tracks, detections, found)
    hota, clear, identity = _trackeval(tracks, on, frames) if identities else (None, None, None)
    return Tally(
        frames, hota, clear, identity, len(ids), false, delay, delay / fps, weak, low
    )  # fmt: skip


def total(parts: Sequence[Tally]) -> TrackFigures:
    """Add up over sequences and classes.

    Args:
        parts: At least one.

    Raises:
        MissingExtraError: trackeval is not installed.
    """
    nan = float("nan")
    hota = deta = assa = idf1 = mota = nan
    switches = 0
    if all(p.hota is not None for p in parts):
        h, c, i = _metrics()
        of = {str(k): p for k, p in enumerate(parts)}
        all_hota = h.combine_sequences({k: p.hota for k, p in of.items()})
        all_clear = c.combine_sequences({k: p.clear for k, p in of.items()})
        all_identity = i.combine_sequences({k: p.identity for k, p in of.items()})
        hota, deta, assa = (float(np.mean(all_hota[k])) for k in ("HOTA", "DetA", "AssA"))
        idf1, mota = float(all_identity["IDF1"]), float(all_clear["MOTA"])
        switches = int(all_clear["IDSW"])
    delay, delay_s = (np.concatenate([getattr(p, n) for p in parts]) for n in ("delay", "delay_s"))
    weak_boxes, weak_found, weak_raw = np.sum([p.weak for p in parts], axis=0).tolist()
    low_boxes, low_found = np.sum([p.low for p in parts], axis=0).tolist()
    false, frames = sum(p.false_tracks for p in parts), sum(p.frames for p in parts)
    return TrackFigures(
        hota=hota,
        deta=deta,
        assa=assa,
        idf1=idf1,
        mota=mota,
        id_switches=switches,
        tracks=sum(p.tracks for p in parts),
        false_tracks=false,
        false_tracks_per_1000=_share(1000 * false, frames),
        objects=len(delay),
        confirm_frames=_median(delay),
        confirm_s=_median(delay_s),
        never_confirmed=_share(int(np.isinf(delay).sum()), len(delay)),
        weak_boxes=weak_boxes,
        weak_recall=_share(weak_found, weak_boxes),
        weak_raw_recall=_share(weak_raw, weak_boxes),
        low_boxes=low_boxes,
        low_recall=_share(low_found, low_boxes),
    )


def _metrics() -> tuple[Any, Any, Any]:
    """Give the metrics of trackeval itself."""
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise MissingExtraError("trackeval", "evaluate") from error
    quiet = {"PRINT_CONFIG": False}
    return HOTA(), CLEAR(quiet), Identity(quiet)


def _trackeval(tracks: JudgedBoxes, on: BoolArray, frames: int) -> tuple[Any, Any, Any]:
    """HOTA, CLEAR and Identity of one sequence."""
    boxes, truth = tracks.boxes, tracks.truth
    objects, object_row = np.unique(truth.object_id, return_inverse=True)
    ids, track_row = np.unique(boxes.track_id[on], return_inverse=True)
    # Empty frames change nothing in these metrics.
    numbers = np.union1d(truth.frame, boxes.frame[on])
    theirs = np.split(np.arange(len(truth)), np.searchsorted(truth.frame, numbers[1:]))
    mine = np.split(np.arange(on.sum()), np.searchsorted(boxes.frame[on], numbers[1:]))
    xyxy = boxes.xyxy[on]
    data = {
        "num_timesteps": frames,
        "num_gt_ids": len(objects),
        "num_tracker_ids": len(ids),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(xyxy),
        "gt_ids": [object_row[rows] for rows in theirs],
        "tracker_ids": [track_row[rows] for rows in mine],
        "similarity_scores": [
            iou_matrix(truth.xyxy[a], xyxy[b]) for a, b in zip(theirs, mine, strict=True)
        ],
    }
    hota, clear, identity = (metric.eval_sequence(data) for metric in _metrics())
    return hota, clear, identity


def _delays(tracks: JudgedBoxes, detections: JudgedBoxes | None, found: BoolArray) -> FloatArray:
    """(K,) frames from when each object could first be found to its first matched box."""
    truth = tracks.truth
    there = np.ones(len(truth), np.bool_) if detections is None else detections.covered
    ids, first = np.unique(truth.object_id[there], return_index=True)
    since = truth.frame[there][first]
    seen, at = np.unique(tracks.object_id[found], return_index=True)
    when = dict(zip(seen.tolist(), tracks.boxes.frame[found][at].tolist(), strict=True))
    return np.array(
        [
            max(0.0, when[i] - start) if i in when else np.inf
            for i, start in zip(ids.tolist(), since.tolist(), strict=True)
        ],
        np.float64,
    )


def _weak_and_low(
    tracks: JudgedBoxes, detections: JudgedBoxes | None, found: BoolArray
) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """Counts about objects that the detector sees only weakly, and in frames where it does."""
    if detections is None or not tracks.truth.has_ids:
        return (0, 0, 0), (0, 0)
    truth, hit = tracks.truth, detections.true
    strong = hit & (detections.boxes.score > STRONG)
    weak = np.setdiff1d(detections.object_id[hit], detections.object_id[strong])
    of_weak = (
        np.isin(truth.object_id, weak),
        np.isin(tracks.object_id[found], weak),
        np.isin(detections.object_id[hit], weak),
    )
    strong_rows = detections.truth_row[strong]
    low_found = ~np.isin(tracks.truth_row[found], strong_rows)
    counts = [int(np.count_nonzero(mask)) for mask in of_weak]
    return (
        (counts[0], counts[1], counts[2]),
        (len(truth) - len(strong_rows), int(np.count_nonzero(low_found))),
    )


def _median(values: FloatArray) -> float:
    """The lower median: one of the values, so that "never" can be among them; NaN without any."""
    if not len(values) or np.isnan(values).any():
        return float("nan")
    return float(np.percentile(values, 50, method="inverted_cdf"))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
