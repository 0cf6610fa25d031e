"""Our tracker, calibrated on what it is not judged on.

In comes the folder of a set; out goes a method that tracks each sequence with a calibration fitted
on the other sequences of the set. A set of one sequence is cut into halves in time with ten seconds
between them, and each half is tracked with what the other gives: one tracker that goes on with the
other calibration in the middle, so that ids and tracks stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.track_detections import Recording
from tracker import Tracker, TrackerConfig, Tracks
from tracker.calibration import Calibration
from tracker.calibration.fitting import by_truth, fit_apart, folds, read_recordings

__all__ = ["Method", "calibrated_elsewhere"]

# The tracks of every frame of a sequence, in order.
Method = Callable[[Recording], Iterator[Tracks]]


def calibrated_elsewhere(folder: Path) -> Method:
    """A method for the sequences of the set in `folder`, leaving out the one that it tracks."""
    recordings, _ = read_recordings(None, folder)
    parts = folds(recordings)
    _, fitted = fit_apart(parts, by_truth(), TrackerConfig())
    # What is used from which frame on.
    plan: dict[str, list[tuple[int, Calibration]]] = {}
    if len(recordings) == 1:
        (one,) = recordings
        plan[one.name] = [(0, fitted[0]), (int(one.frames[len(one) // 2]), fitted[1])]
    else:
        for part, calibration in zip(parts, fitted, strict=True):
            plan |= {one.name: [(0, calibration)] for one in part}

    def method(recording: Recording) -> Iterator[Tracks]:
        tracker = Tracker()
        begin = dict(plan[recording.name])
        for k, detections in enumerate(recording.frames):
            if k in begin:
                changed = {"calibration": begin[k].to_dict(), "config": TrackerConfig().to_dict()}
                state = tracker.snapshot() | changed
                tracker = Tracker.restore(state) if k else Tracker(calibration=begin[k])
            yield tracker.update(
                detections, timestamp_s=k / recording.rate, image_size=recording.image_size
            )

    return method
