"""`conftrack run` of a live source: its time does not run while the detector is made ready."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import detectors
from detectors import base
from tracker.detections import Detections
from tracker.frames import Frame
from tracker.video.sources import may_be_live

Cli = Callable[..., Any]

LOADS_S, WARMS_S, STOP_S, FPS = 0.7, 0.4, 0.8, 50.0


class Camera(BaseHTTPRequestHandler):
    """Sends MJPEG at a steady pace for as long as somebody listens."""

    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=here")
        self.end_headers()
        head = f"--here\r\nContent-Type: image/jpeg\r\nContent-Length: {len(self.jpeg)}\r\n\r\n"
        try:
            while True:
                self.wfile.write(head.encode() + self.jpeg + b"\r\n")
                time.sleep(1 / FPS)
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass


class Slow:
    """A detector that is long in coming, and long at its first picture unless warmed up."""

    name, class_names, input_kind, device = "late", ("person",), "rgb", "cpu"

    def __init__(self) -> None:
        time.sleep(LOADS_S)
        self.cold = True

    def warm_up(self, height: int, width: int) -> None:
        assert min(height, width) > 0
        self._work()

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self._work()
        return [Detections.empty() for _ in frames]

    def _work(self) -> None:
        if self.cold:
            time.sleep(WARMS_S)
            self.cold = False


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cam.mjpg"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_whole_time_is_looked_at(
    cli: Cli, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_LOADERS", dict(base._LOADERS))
    detectors.register("late", lambda name, options: Slow())
    result = cli("run", address, "--model", "late", "--stop", STOP_S, "--save", "jsonl",
                 "--out", "o", "-q")  # fmt: skip
    assert result.exit_code == 0, result.output
    summary = json.loads(Path("o/summary.json").read_text())
    lines = [json.loads(line) for line in Path("o/tracks.jsonl").read_text().splitlines()]
    times = [line["timestamp_s"] for line in lines if "timestamp_s" in line]
    # Loading and warming up take longer than what is asked for: nothing would be left of it.
    assert LOADS_S + WARMS_S > STOP_S
    assert summary["frames"] >= 3
    assert STOP_S / 2 < times[-1] < STOP_S


def test_what_may_be_live() -> None:
    for spec in (3, "3", "/dev/video1", "rtsp://a/1", "http://a/b.mp4", "udp://@:5000"):
        assert may_be_live(spec), spec
    for spec in ("a.mp4", "./3", "shots/*.png", "file:///a.mp4"):
        assert not may_be_live(spec), spec
