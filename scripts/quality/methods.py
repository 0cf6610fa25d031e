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

from scripts.quality.calibrated import Method, calibrated_elsewhere
from scripts.track_detections import Recording
from tracker import Tracker, TrackerConfig, Tracks
from tracker.config import FuserName
from tracker.formats.mot import MotWriter
from tracker.fusers import NAMES as FUSERS
from tracker.smoothing import Recorder, smooth

__all__ = [
    "CALIBRATED", "METHODS", "NAMES", "NOTHING", "OURS", "SMOOTHED", "Method", "method_of", "run"
]  # fmt: skip


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
    **{f"fuser {name}": partial(fused, name) for name in FUSERS if name != "evidence"},
}
NOTHING = 1.5e-6


CALIBRATED = "ours calibrated"
# Those that need the other sequences of the set, and what makes a method of them.
OF_A_SET: dict[str, Callable[[Path], Method]] = {CALIBRATED: calibrated_elsewhere}
NAMES = (OURS, *OF_A_SET, *(name for name in METHODS if name != OURS))


def method_of(name: str, folder: Path) -> Method:
    """The method of a name, for the set in a folder."""
    return OF_A_SET[name](folder) if name in OF_A_SET else METHODS[name]


@dataclass(frozen=True)
class _Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float


def run(name: str, recording: Recording, out: Path, method: Method | None = None) -> None:
    """Run a method on a sequence into the MOT file `out`; None takes the one of that name."""
    with MotWriter(out) as writer:
        for k, tracks in enumerate((method or METHODS[name])(recording)):
            writer.write(_Stamp(k, k / recording.rate), tracks[tracks.score > NOTHING])
