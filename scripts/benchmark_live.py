"""What `conftrack live` costs and keeps: restarts, latency, frames left out, memory.

    python scripts/benchmark_live.py vtest.avi [--model bundled] [--cameras 1 4] [--seconds 60]

The video is sent by GStreamer's RTSP server (a Debian package), coded anew at its own pace, once
for each camera. For each number of cameras:

- looked: frames a second that the detector looked at, for each camera, of those that came;
- left out: frames skipped evenly or overtaken by newer ones, of those that came;
- latency p50, p95: milliseconds from capture to result. Capture is the earliest time at which the
  frame could have arrived; a delay that all frames share (the coder's) is not in it;
- memory: resident at the end, and its slope over the second half of the run.

Then one server is killed and started again `--restarts` times:

- back: seconds from the moment the server listens again to the first picture, p50 and worst.

What else the machine does is in all of these: the load before is printed with them. The slope of
hours of stream time, made in minutes, is what tests/live/test_soak.py prints with `-s`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import live_servers
from tracker import presets
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem

__all__ = ["main"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_mb() -> float:
    """Memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


@contextmanager
def running(detector: Any, servers: list[live_servers.Server]) -> Iterator[LiveSystem]:
    """A live system on these servers, in a thread."""
    cameras = {
        f"camera-{i}": CameraSettings(
            source=live_servers.rtsp_url(server), retry_first_s=0.1, retry_most_s=0.5
        )
        for i, server in enumerate(servers)
    }
    system = LiveSystem(detector, LiveSettings(cameras=cameras), presets.load("camera"))
    stop = threading.Event()
    thread = threading.Thread(target=system.run, args=(stop,))
    thread.start()
    try:
        yield system
    finally:
        stop.set()
        thread.join()


def wait_for(true: Any, within_s: float = 60.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It does not.
    """
    end = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen within the time")
        time.sleep(0.002)


def watch(detector: Any, video: Path, cameras: int, seconds: float) -> dict[str, float]:
    """Watch so many cameras for so long; the values of one row."""
    with ExitStack() as stack:
        servers = [stack.enter_context(live_servers.rtsp(video, size=None)) for _ in range(cameras)]
        system = stack.enter_context(running(detector, servers))
        each = list(system.cameras.values())
        wait_for(lambda: all(c.counts.looked > 5 for c in each))
        for camera in each:  # what came before belongs to the start
            camera.counts.recent_latency_s.clear()
        first = [(c.counts.received, c.counts.looked) for c in each]
        latency: list[float] = []
        memory: list[tuple[float, float]] = []
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            time.sleep(min(1.0, seconds))
            for camera in each:
                latency += list(camera.counts.recent_latency_s)
                camera.counts.recent_latency_s.clear()
            memory.append((now, resident_mb()))
        received = sum(c.counts.received - r for c, (r, _) in zip(each, first, strict=True))
        looked = sum(c.counts.looked - k for c, (_, k) in zip(each, first, strict=True))
    half = memory[len(memory) // 2 :]
    slope = float(np.polyfit(*np.array(half).T, 1)[0]) * 3600 if len(half) > 2 else float("nan")
    p50, p95 = np.quantile(latency or [float("nan")], [0.5, 0.95])
    return {
        "cameras": cameras,
        "came": received / now / cameras,
        "looked": looked / now / cameras,
        "left_out": 1 - looked / max(received, 1),
        "p50_ms": 1e3 * float(p50),
        "p95_ms": 1e3 * float(p95),
        "detector_ms": 1e3 * system.looker.busy_s,
        "memory_mb": memory[-1][1],
        "slope_mb_per_h": slope,
    }


def restarts(detector: Any, video: Path, count: int) -> list[float]:
    """Seconds from a server listening again to the first picture, for each restart."""
    seconds = []
    with live_servers.rtsp(video, size=None) as server, running(detector, [server]) as system:
        (camera,) = system.cameras.values()
        wait_for(lambda: camera.counts.looked > 2)
        for _ in range(count):
            server.kill()
            wait_for(lambda: camera.state == "down")
            before = camera.counts.received
            server.start()
            began = time.monotonic()
            wait_for(lambda before=before: camera.counts.received > before)  # type: ignore[misc]
            seconds.append(time.monotonic() - began)
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--cameras", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--restarts", type=int, default=20)
    options = parser.parse_args(arguments)
    import detectors

    detector = detectors.load(options.model)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(
        f"conftrack {commit}, {detector.name} on {detector.device}, Python"
        f" {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors, load"
        f" before {os.getloadavg()[0]:.1f}; {options.seconds:g} s each"
    )
    print("| cameras | came, 1/s | looked, 1/s | left out | latency p50, ms | p95, ms |"
          " detector, ms | memory, MB | slope, MB/h |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for cameras in options.cameras:
        row = watch(detector, options.video, cameras, options.seconds)
        print(
            f"| {cameras} | {row['came']:.1f} | {row['looked']:.1f} | {100 * row['left_out']:.0f} %"
            f" | {row['p50_ms']:.0f} | {row['p95_ms']:.0f} | {row['detector_ms']:.0f}"
            f" | {row['memory_mb']:.0f} | {row['slope_mb_per_h']:.1f} |",
            flush=True,
        )
    if options.restarts:
        back = restarts(detector, options.video, options.restarts)
        print(
            f"\n{len(back)} restarts: back after {np.median(back):.2f} s (p50),"
            f" {max(back):.2f} s (worst)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
