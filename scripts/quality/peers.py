"""Other trackers on the same detections, each at several operating points.

In come the detections of a sequence, cut at the peer's own floor, one update a frame, empty frames
included; out comes MOT text with all boxes that the peer outputs. The score of a box is the one
that the peer hands through (roboflow: its detection's; norfair: its last detection's), else, where
a peer gives boxes and ids only, that of the detection which overlaps it most. A box of negative
width or height counts as an empty one.

A peer that is not installed, or whose installed version lacks what is asked for, is `absent` with
the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.track_detections import Recording
from tracker.boxes import iou_matrix

__all__ = ["PEERS", "Peer", "absence", "run"]

FloatArray = NDArray[np.float64]
# Detections (N, 5) x1, y1, x2, y2, score -> boxes (M, 6) x1, y1, x2, y2, score, id.
Feed = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Peer:
    """One tracker at one operating point.

    Attributes:
        packages: What to install, by the names of the package index.
        floor: Detections below this score are not given to it.
        make: A new tracker.
    """

    packages: tuple[str, ...]
    floor: float
    make: Callable[[], Feed]


def roboflow(kind: str, floor: float, **options: Any) -> Peer:
    """A tracker of roboflow's `trackers`."""

    def make() -> Feed:
        import supervision
        import trackers

        tracker = getattr(trackers, kind)(**options)

        def feed(d: FloatArray) -> FloatArray:
            zeros = np.zeros(len(d), np.int64)
            out = tracker.update(
                supervision.Detections(xyxy=d[:, :4], confidence=d[:, 4], class_id=zeros)
            )
            if not len(out):
                return np.zeros((0, 6))
            followed = out.tracker_id >= 0  # -1: no track (yet)
            boxes: FloatArray = np.column_stack([out.xyxy, out.confidence, out.tracker_id])
            return boxes[followed]

        return feed

    return Peer(("trackers", "supervision"), floor, make)


def norfair(floor: float) -> Peer:
    """Norfair with its IoU distance."""

    def make() -> Feed:
        import norfair

        tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

        def feed(d: FloatArray) -> FloatArray:
            given = [norfair.Detection(x[:4].reshape(2, 2), scores=np.full(2, x[4])) for x in d]
            rows = [
                [*o.estimate.ravel(), o.last_detection.scores[0], o.id]
                for o in tracker.update(given)
            ]
            return np.array(rows, np.float64).reshape(-1, 6)

        return feed

    return Peer(("norfair",), floor, make)


def boxes_and_ids(
    package: str, module: str, kind: str, floor: float, *extra: Any, **kw: Any
) -> Peer:
    """A tracker that takes (N, 5) and returns (M, 5): boxes and ids without scores."""

    def make() -> Feed:
        tracker = getattr(__import__(module), kind)(**kw)

        def feed(d: FloatArray) -> FloatArray:
            out = np.asarray(tracker.update(d, *extra), np.float64).reshape(-1, 5)
            score = np.zeros(len(out))
            if len(out) and len(d):
                score = d[iou_matrix(out[:, :4], d[:, :4]).argmax(axis=1), 4]
            return np.column_stack([out[:, :4], score, out[:, 4]])

        return feed

    return Peer((package,), floor, make)


# ByteTrack tuned: on the plateau of HOTA over several public sets, one setting for all of them.
_TUNED = {
    "track_activation_threshold": 0.8,
    "high_conf_det_threshold": 0.7,
    "minimum_iou_threshold": 0.3,
    "minimum_consecutive_frames": 2,
}
_HIGH_RECALL = {"track_activation_threshold": 0.5, "high_conf_det_threshold": 0.4}

PEERS: dict[str, Peer] = {
    "roboflow SORT .25": roboflow("SORTTracker", 0.25),
    "roboflow SORT .5": roboflow("SORTTracker", 0.5),
    "roboflow ByteTrack": roboflow("ByteTrackTracker", 0.1),
    "roboflow ByteTrack tuned": roboflow("ByteTrackTracker", 0.1, **_TUNED),
    "roboflow ByteTrack .5 .4": roboflow("ByteTrackTracker", 0.1, **_HIGH_RECALL),
    "roboflow OC-SORT": roboflow("OCSORTTracker", 0.1),
    "roboflow OC-SORT .3": roboflow("OCSORTTracker", 0.1, high_conf_det_threshold=0.3),
    "norfair .3": norfair(0.3),
    "pyxtrackers SORT .3": boxes_and_ids("pyxtrackers", "pyxtrackers", "Sort", 0.3),
    "pyxtrackers SORT .5": boxes_and_ids("pyxtrackers", "pyxtrackers", "Sort", 0.5),
    "pyxtrackers ByteTrack": boxes_and_ids("pyxtrackers", "pyxtrackers", "BYTETracker", 0.1),
    "pyxtrackers OC-SORT .5": boxes_and_ids(
        "pyxtrackers", "pyxtrackers", "OCSort", 0.1, det_thresh=0.5
    ),
    "ioutrack ByteTrack": boxes_and_ids(
        "ioutrack-rs", "ioutrack", "ByteTrack", 0.1, False, max_age=30
    ),
}


def absence(name: str) -> str | None:
    """Why a peer cannot run here; None if it can."""
    try:
        PEERS[name].make()
    except ImportError as error:
        return f"not installed ({error}): pip install {' '.join(PEERS[name].packages)}"
    except (AttributeError, TypeError) as error:
        return f"the installed {PEERS[name].packages[0]} lacks it: {error}"
    return None


def run(name: str, recording: Recording, out: Path) -> None:
    """Run a peer on a sequence into the MOT file `out`."""
    peer = PEERS[name]
    feed, lines = peer.make(), []
    for number, detections in enumerate(recording.frames, 1):
        kept = detections[detections.confidence >= peer.floor]
        given = np.column_stack([kept.xyxy, kept.confidence])
        boxes = feed(given)
        boxes[:, 2:4] = np.maximum(boxes[:, 2:4], boxes[:, :2])  # some come out inside out
        for x1, y1, x2, y2, score, track in boxes.tolist():
            lines.append(
                f"{number},{int(track)},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                f"{score:.6f},-1,-1,-1\n"
            )
    out.write_text("".join(lines), encoding="utf-8")
