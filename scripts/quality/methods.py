"""What of this project is compared: one method a fuser, all on the same association and motion.

In come the detections of a sequence; out comes MOT text with every box that the method outputs. A
box with the least score that a file can hold is none: so says a fuser that gives nothing (`raw`
and `n-of-m` to a predicted box).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.track_detections import Recording
from tracker import Tracker, TrackerConfig
from tracker.formats.mot import MotWriter
from tracker.fusers import NAMES

__all__ = ["METHODS", "OURS", "run"]

OURS = "ours"
# Ours first; the others are known rules on our tracks.
METHODS: dict[str, TrackerConfig] = {
    OURS if name == "evidence" else f"fuser {name}": TrackerConfig(fuser=name) for name in NAMES
}
_NOTHING = 1.5e-6


@dataclass(frozen=True)
class _Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float


def run(name: str, recording: Recording, out: Path) -> None:
    """Run a method on a sequence into the MOT file `out`."""
    tracker = Tracker(METHODS[name])
    with MotWriter(out) as writer:
        for k, detections in enumerate(recording.frames):
            time = k / recording.rate
            tracks = tracker.update(detections, timestamp_s=time)
            writer.write(_Stamp(k, time), tracks[tracks.score > _NOTHING])
