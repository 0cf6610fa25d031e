"""How long one update takes, at worst too, and whether memory grows: what a control loop asks.

    python scripts/benchmark_latency.py [--objects 10 50 200] [--updates 10000]

The scenes are those of `benchmark_speed.py` at 30 frames a second, played forth and back without
end. Building the `Detections` is included. For each number of objects:

- p50, p99, max: milliseconds of one update by the wall clock, over all of them after a warm-up of
  300; what else the machine does is in them: run it on the machine in question, alone;
- CPU p50, p99, max: milliseconds that the thread itself worked on it;
- GC: how often Python's garbage collector ran, and the longest it held up one update, ms;
- growth: bytes that are traced more after the second half than after the first, with the places
  that grew by more than 1 kB; blocks that one update leaves behind are let go by a later one.

With `--late 0.2` every tenth frame comes that many seconds late into a tracker that waits for it
(`max_delay_s`). `--no-gc` measures with the collector switched off.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

import argparse
import gc
import itertools
import platform
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tracker
from scripts.benchmark_speed import FPS, scene
from tracker import Detections, Tracker, TrackerConfig, kernels

__all__ = ["Pauses", "main", "measure", "stream"]

WARM_UP = 300


@dataclass
class Pauses:
    """What the garbage collector did, told by its own callbacks.

    Attributes:
        seconds: Of each collection.
    """

    seconds: list[float] = field(default_factory=list)
    _since: float = 0.0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        """Called by the collector before and after."""
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.seconds.append(time.perf_counter() - self._since)

    @property
    def longest_ms(self) -> float:
        """The longest, 0 without any."""
        return 1e3 * max(self.seconds, default=0.0)


def stream(objects: int, late_s: float = 0.0) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Detections (N, 5) and their times, without end; every tenth comes late."""
    frames = list(scene(objects))
    there_and_back = itertools.cycle([*frames, *frames[-2:0:-1]])
    behind = round(late_s * FPS)
    held: list[tuple[int, NDArray[np.float64], float]] = []
    for k, boxes in enumerate(there_and_back):
        if behind and k % 10 == 5:
            held.append((k + behind, boxes, k / FPS))
        else:
            yield boxes, k / FPS
        while held and held[0][0] <= k:
            yield held.pop(0)[1:]


def measure(
    objects: int, updates: int, late_s: float = 0.0
) -> tuple[NDArray[np.float64], Pauses, int, list[str]]:
    """Run one scene.

    Returns:
        (2, updates) seconds of each by the wall and of the thread, what the collector did, and in
        a second run of the same length the bytes that were traced more at its end than in its
        middle, with where.
    """
    config, pauses = TrackerConfig(max_delay_s=late_s), Pauses()
    source, t = stream(objects, late_s), Tracker(config)
    spent = np.empty((2, updates))

    def step() -> None:
        boxes, when = next(source)
        t.update(Detections(boxes[:, :4], boxes[:, 4]), timestamp_s=when)

    for _ in range(WARM_UP):
        step()
    gc.collect()
    gc.callbacks.append(pauses)
    for k in range(updates):
        boxes, when = next(source)
        begin, worked = time.perf_counter(), time.thread_time()
        t.update(Detections(boxes[:, :4], boxes[:, 4]), timestamp_s=when)
        spent[:, k] = time.perf_counter() - begin, time.thread_time() - worked
    gc.callbacks.remove(pauses)

    # Traced code is several times slower: counted apart from the times.
    tracemalloc.start()
    marks = []
    for _ in range(2):
        for _ in range(max(updates // 10, t.config.ledger_updates + 20)):
            step()
        gc.collect()
        marks.append((tracemalloc.get_traced_memory()[0], tracemalloc.take_snapshot()))
    tracemalloc.stop()
    (first, before), (second, after) = marks
    grown = [
        f"{d.traceback}: {d.size_diff:+d} bytes"
        for d in after.compare_to(before, "lineno")
        if abs(d.size_diff) > 1000 and "tracemalloc" not in str(d.traceback)
    ]
    return spent, pauses, second - first, grown


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--updates", type=int, default=10_000)
    parser.add_argument("--late", type=float, default=0.0, help="seconds")
    parser.add_argument("--no-gc", action="store_true")
    parser.add_argument("--places", action="store_true", help="also print where memory changed")
    options = parser.parse_args(arguments)
    if options.no_gc:
        gc.disable()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(
        f"conftrack {tracker.__version__} {commit}, Python {platform.python_version()}, NumPy"
        f" {np.__version__}, {platform.machine()},"
        f" {'compiled' if kernels.COMPILED else 'NumPy'} kernels; {options.updates} updates each"
    )
    print("| objects | p50 | p99 | max | CPU p50 | p99 | max | GC runs | longest GC | growth |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for objects in options.objects:
        spent, pauses, growth, grown = measure(objects, options.updates, options.late)
        times = np.quantile(1e3 * spent, [0.5, 0.99, 1.0], axis=1).T.ravel()
        print(
            f"| {objects} | {' | '.join(f'{ms:.3f}' for ms in times)} |"
            f" {len(pauses.seconds)} | {pauses.longest_ms:.3f} | {growth:+d} |",
            flush=True,
        )
        if options.places:
            print("\n".join(f"    {line}" for line in grown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
