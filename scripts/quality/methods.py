"""What of this project is compared: one method a fuser, all on the same association and motion.

Ours comes twice: online, and smoothed, each frame given the whole sequence. In come the detections
of a sequence; out comes MOT text with every box that the method outputs. A box with the least score
that a file can hold is none: so says a fuser that gives nothing (`raw` and `n-of-m` to a predicted
box).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.track_detections import Recording
from tracker import Tracker, TrackerConfig, Tracks
from tracker.config import FuserName
from tracker.formats.mot import MotWriter
from tracker.fusers import NAMES
from tracker.smoothing import Recorder, smooth

__all__ = ["METHODS", "OURS", "SMOOTHED", "Method", "run"]

# The tracks of every frame of a sequence, in order.
Method = Callable[[Recording], Iterator[Tracks]]


def fused(fuser: FuserName, recording: Recording) -> Iterator[Tracks]:
    """The tracker with a fuser, online, told the size of the pictures as `conftrack run` does."""
    tracker = Tracker(TrackerConfig(fuser=fuser))
    for k, detections in enumerate(recording.frames):
        yield tracker.update(
            detections, timestamp_s=k / recording.rate, image_size=recording.image_size
        )


def smoothed(recording: Recording) -> Iterator[Tracks]:
    """The same tracks, seen afterwards as `conftrack run` does with files."""
    recorder = Recorder()
    for detections, tracks in zip(recording.frames, fused("evidence", recording), strict=True):
        recorder.add(detections, tracks)
    yield from smooth(recorder)


OURS, SMOOTHED = "ours", "ours smoothed"
# Ours first; the others are known rules on our tracks.
METHODS: dict[str, Method] = {
    OURS: partial(fused, "evidence"),
    SMOOTHED: smoothed,
    **{f"fuser {name}": partial(fused, name) for name in NAMES if name != "evidence"},
}
_NOTHING = 1.5e-6


@dataclass(frozen=True)
class _Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float


def run(name: str, recording: Recording, out: Path) -> None:
    """Run a method on a sequence into the MOT file `out`."""
    with MotWriter(out) as writer:
        for k, tracks in enumerate(METHODS[name](recording)):
            writer.write(_Stamp(k, k / recording.rate), tracks[tracks.score > _NOTHING])
