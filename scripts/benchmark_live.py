"""What `conftrack live` costs and keeps: restarts, latency, frames left out, memory.

    python scripts/benchmark_live.py vtest.avi [--model bundled] [--cameras 1 4] [--seconds 60]

The video is sent by GStreamer's RTSP server (a Debian package), coded anew at its own pace, once
for each camera. For each number of cameras:

- looked: frames a second that the detector looked at, for each camera, of those that came;
- left out: frames skipped evenly or overtaken by newer ones, of those that came;
- latency p50, p95: milliseconds from capture to result. Capture is the earliest time at which the
  frame could have arrived; a delay that all frames share (the coder's) is not in it;
- memory: resident at the end, and its slope over the second half of the run;
- picture p50, p95, with `--page`: milliseconds from capture to the eye while somebody watches all
  cameras on the page. They are asked for by HTTP as the page does it; the age of the one that is
  shown, with the way it came, is read twenty times a second.

Then one server is killed and started again `--restarts` times:

- back: seconds from the moment the server listens again to the first picture, p50 and worst.

What else the machine does is in all of these: the load before is printed with them. The slope of
hours of stream time, made in minutes, is what tests/live/test_soak.py prints with `-s`.
"""

from __future__ import annotations

import argparse
import http.client
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

# As often as the page does, s.
_ASK_EVERY_S = 0.125
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


class Viewer:
    """What a browser with the page does, without the browser: asks for pictures, shows them.

    Attributes:
        ages_s: Of the pictures shown, at moments evenly in time.
        fetched: Pictures that came.
    """

    def __init__(self, port: int, cameras: int) -> None:
        """Prepare; it watches in the `with` block."""
        self._port, self._over = port, threading.Event()
        self._captured: list[float | None] = [None] * cameras
        self.ages_s: list[float] = []
        self.fetched = 0
        self._threads = [
            threading.Thread(target=self._ask, args=(i,), daemon=True) for i in range(cameras)
        ] + [threading.Thread(target=self._look, daemon=True)]

    def __enter__(self) -> Viewer:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Watch no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        tag = ""
        while not self._over.is_set():
            began = time.monotonic()
            connection.request(
                "GET", f"/api/cameras/{number}/picture.jpg", headers={"If-None-Match": tag}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                tag = answer.headers["ETag"]
                self._captured[number] = began - float(answer.headers["Picture-Age"])
                self.fetched += 1
            self._over.wait(max(0.0, _ASK_EVERY_S - (time.monotonic() - began)))
        connection.close()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            now = time.monotonic()
            self.ages_s += [now - at for at in self._captured if at is not None]


def watch(
    detector: Any, video: Path, cameras: int, seconds: float, page: bool = False
) -> dict[str, float]:
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
        viewer = None
        if page:
            from tracker.live.web.server import PageServer

            server = stack.enter_context(PageServer(system, port=0))
            viewer = stack.enter_context(
                Viewer(int(server.url.rsplit(":", 1)[1].strip("/")), cameras)
            )
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
    ages = np.quantile((viewer and viewer.ages_s) or [float("nan")], [0.5, 0.95])
    return {
        "picture_p50_ms": 1e3 * float(ages[0]),
        "picture_p95_ms": 1e3 * float(ages[1]),
        "pictures": (viewer.fetched if viewer else 0) / now / cameras,
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
    parser.add_argument("--page", action="store_true", help="somebody watches the page")
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
          " detector, ms | memory, MB | slope, MB/h |"
          + " pictures, 1/s | picture p50, ms | p95, ms |" * options.page)  # fmt: skip
    print("|---" * (9 + 3 * options.page) + "|")
    for cameras in options.cameras:
        row = watch(detector, options.video, cameras, options.seconds, options.page)
        seen = (
            f" {row['pictures']:.1f} | {row['picture_p50_ms']:.0f} | {row['picture_p95_ms']:.0f} |"
        )
        print(
            f"| {cameras} | {row['came']:.1f} | {row['looked']:.1f} | {100 * row['left_out']:.0f} %"
            f" | {row['p50_ms']:.0f} | {row['p95_ms']:.0f} | {row['detector_ms']:.0f}"
            f" | {row['memory_mb']:.0f} | {row['slope_mb_per_h']:.1f} |" + seen * options.page,
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
