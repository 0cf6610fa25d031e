"""A live system in a thread of its own, looked at from outside."""

import random
import threading
import time
from collections.abc import Callable

from tests.live.fakes import ListOutlet, SquareDetector
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem


class Everything:
    """Keeps all results, without their pictures."""

    def __init__(self) -> None:
        self.rows: list = []

    def put(self, item) -> None:
        size = None if item.frame is None else item.frame.size
        self.rows.append((item.camera, item.tracks, item.looked, size))


class Running:
    """Starts with the `with` block and ends with it."""

    def __init__(self, detector: SquareDetector | None = None, **cameras: CameraSettings) -> None:
        self.detector = detector or SquareDetector()
        self.events, self.results = ListOutlet(), Everything()
        self.system = LiveSystem(
            self.detector,
            LiveSettings(cameras=cameras),
            outlets=[self.events],
            results=[self.results],
            rng=random.Random(0),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.system.run, args=(self._stop,))

    def __enter__(self) -> "Running":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def of(self, camera: str) -> dict:
        return next(c for c in self.system.health()["cameras"] if c["camera"] == camera)

    def until(self, true: Callable[[], bool], *, within_s: float = 30.0) -> None:
        end = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < end, self.system.health()
            time.sleep(0.02)


def camera(url: str, **more) -> CameraSettings:
    """A camera that is quick to give up and to come back."""
    return CameraSettings(
        **{"source": url, "timeout_s": 4.0, "retry_first_s": 0.1, "retry_most_s": 0.5} | more
    )
