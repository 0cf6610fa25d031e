"""Time `Tracker.update` beside other trackers that are installed, as ratios in one run.

    python scripts/benchmark_speed.py [--objects 10 50 200 1000]

Scenes: n boxes of constant velocity on 1920 x 1080 at 30 frames a second, 10 % of them missed, 20 %
clutter on top, scores Beta(5, 2) and Beta(2, 5). CPU time of the process, one BLAS thread, median
over the frames after the tenth, building each library's own input object included. Compares with
roboflow's ByteTrack (`pip install trackers supervision`) and norfair where they are installed.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tracker
from tracker import Detections, Tracker, kernels

__all__ = ["main", "scene"]

FPS = 30.0
SKIP = 10
Feed = Callable[[NDArray[np.float64], float], Any]


def scene(objects: int, frames: int = 150, seed: int = 0) -> Iterator[NDArray[np.float64]]:
    """Detections of each frame, (N, 5): x1, y1, x2, y2, score."""
    rng = np.random.default_rng(seed)

    def place(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rng.uniform((0, 0), (1920, 1080), (n, 2)), rng.uniform((30, 60), (80, 160), (n, 2))

    (centre, size), velocity = place(objects), rng.normal(0, 2, (objects, 2))
    for _ in range(frames):
        centre = centre + velocity
        box = np.hstack([centre - size / 2, centre + size / 2]) + rng.normal(0, 1.5, (objects, 4))
        clutter = rng.poisson(0.2 * objects)
        c, s = place(clutter)
        seen = rng.random(objects) > 0.1
        real = np.column_stack([box, rng.beta(5, 2, objects)])[seen]
        yield np.vstack([real, np.column_stack([c - s / 2, c + s / 2, rng.beta(2, 5, clutter)])])


def ours() -> Feed:
    """This project."""
    t = Tracker()
    return lambda d, s: t.update(Detections(d[:, :4], d[:, 4]), timestamp_s=s)


def roboflow() -> Feed:
    """ByteTrack of roboflow's trackers."""
    import supervision
    from trackers import ByteTrackTracker

    t = ByteTrackTracker()
    return lambda d, _: t.update(
        supervision.Detections(
            xyxy=d[:, :4], confidence=d[:, 4], class_id=np.zeros(len(d), np.int64)
        )
    )


def norfair_iou() -> Feed:
    """Norfair with its IoU distance."""
    import norfair

    t = norfair.Tracker(distance_function="iou", distance_threshold=0.7)
    return lambda d, _: t.update(
        [norfair.Detection(x[:4].reshape(2, 2), scores=np.full(2, x[4])) for x in d]
    )


PEERS: dict[str, tuple[str, Callable[[], Feed]]] = {
    "roboflow ByteTrack": ("trackers", roboflow),
    "norfair": ("norfair", norfair_iou),
}


def median_ms(
    make: Callable[[], Feed], frames: list[NDArray[np.float64]], budget_s: float
) -> float:
    """Median CPU milliseconds of an update; slow trackers stop after the budget."""
    feed, spent, begin = make(), [], time.perf_counter()
    for k, detections in enumerate(frames):
        start = time.process_time()
        feed(detections, k / FPS)
        spent.append(time.process_time() - start)
        if time.perf_counter() - begin > budget_s and k >= 2 * SKIP:
            break
    return 1e3 * float(np.median(spent[SKIP:]))


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, nargs="+", default=[10, 50, 200, 1000])
    parser.add_argument("--budget", type=float, default=10.0, help="seconds for each cell")
    options = parser.parse_args(arguments)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"conftrack {tracker.__version__} {commit}, Python {platform.python_version()},", end=" ")
    print(f"NumPy {np.__version__}, {platform.machine()},", end=" ")
    print(f"{'compiled' if kernels.COMPILED else 'NumPy'} kernels;", end=" ")
    print("ms per update (ratio to conftrack)")
    scenes = {n: list(scene(n)) for n in options.objects}
    base = {n: median_ms(ours, frames, options.budget) for n, frames in scenes.items()}
    print("| objects | " + " | ".join(map(str, scenes)) + " |\n|---" + "|---" * len(scenes) + "|")
    print("| conftrack | " + " | ".join(f"{t:.3f}" for t in base.values()) + " |", flush=True)
    for name, (package, make) in PEERS.items():
        if find_spec(package) is None:
            print(f"({name} is not installed: pip install {package})")
            continue
        cells = []
        for n, frames in scenes.items():
            t = median_ms(make, frames, options.budget)
            cells.append(f"{t:.3f} ({t / base[n]:.2f}x)")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
