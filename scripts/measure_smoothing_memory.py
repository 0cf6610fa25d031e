"""Memory that smoothing of a whole file takes, counted by Python's own allocator.

In: how long two recordings of a made-up street last. Out: what the recorder keeps and the peak
while it is smoothed; from the difference of the two follows what an hour takes. The street has 20
people who stay, and ten flickers a second, each of which is a candidate.

    python scripts/measure_smoothing_memory.py --classes 91
"""

from __future__ import annotations

import argparse
import gc
import tracemalloc
from dataclasses import dataclass

import numpy as np

from tracker import Detections, Tracker
from tracker.smoothing import Recorder, smooth

__all__ = ["Taken", "main", "measured"]

FPS, PEOPLE, FLICKER_EVERY = 30, 20, 3


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one street: its size, bytes kept before smoothing, and the peak in it."""

    frames: int
    hits: int
    tracks: int
    kept: int
    peak: int


def measured(seconds: float, classes: int, *, moving: bool) -> Taken:
    """Track a street, record it and smooth it."""
    rng, tracker, updates = np.random.default_rng(0), Tracker(), []
    for k in range(round(seconds * FPS)):
        left = 50.0 + 90.0 * np.arange(PEOPLE) + 5.0 * k / FPS
        boxes = [[x, 100.0, x + 40.0, 220.0] for x in left.tolist()]
        confidence = [0.7] * PEOPLE
        if k % FLICKER_EVERY == 0:
            x = float(rng.uniform(0, 1500))
            boxes.append([x, 500.0, x + 40.0, 600.0])
            confidence.append(0.2)
        probabilities = np.full((len(boxes), classes), 0.3 / max(classes, 1))
        probabilities[:, :1] += 0.6
        detections = Detections(
            boxes,
            confidence,
            [0] * len(boxes),
            class_probabilities=probabilities if classes else None,
        )
        warp = np.eye(3) if moving else None
        updates.append((detections, tracker.update(detections, timestamp_s=k / FPS, warp=warp)))
    gc.collect()
    tracemalloc.start()
    recorder = Recorder()
    for detections, tracks in updates:
        recorder.add(detections, tracks, warp=np.eye(3) if moving else None)
    kept = tracemalloc.get_traced_memory()[0]
    smoothed = smooth(recorder, tracker.config)
    assert len(smoothed) == len(updates)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Taken(
        frames=len(updates),
        hits=sum(int(tracks.seen.sum()) for _, tracks in updates),
        tracks=len({i for _, tracks in updates for i in tracks.track_id.tolist()}),
        kept=kept,
        peak=peak,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=91, help="of the detector; 0: it says none")
    parser.add_argument("--camera-motion", action="store_true", help="a motion with every frame")
    parser.add_argument("--seconds", type=float, nargs=2, default=(90.0, 270.0))
    args = parser.parse_args()
    short, long = (measured(s, args.classes, moving=args.camera_motion) for s in args.seconds)
    for one in (short, long):
        rest = one.kept - 25 * one.frames - 44 * one.hits
        print(
            f"{one.frames} frames, {one.hits} detections, {one.tracks} tracks: {one.kept / 1e6:.2f}"
            f" MB kept ({rest / one.tracks:.0f} bytes a track over 25 a frame and 44 a detection),"
            f" {one.peak / 1e6:.1f} MB at the peak"
        )
    each = (long.peak - short.peak) / (long.frames - short.frames)
    print(f"an hour: {(short.peak + each * (3600 * FPS - short.frames)) / 1e9:.2f} GB at the peak")


if __name__ == "__main__":
    main()
