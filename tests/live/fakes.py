"""Cameras, clocks, detectors and outlets that do what a test says, without sleeping."""

import threading
from collections.abc import Callable, Iterator

import numpy as np

from tracker.detections import Detections
from tracker.errors import SourceError
from tracker.live.clocks import Timeline
from tracker.live.outlets.base import Outlet
from tracker.live.settings import CameraSettings, OutletSettings
from tracker.live.shots import Shot

SIZE = (64, 48)


class FakeClock:
    """Time that passes when somebody waits, or when told."""

    def __init__(self, begin_s: float = 1000.0) -> None:
        self.now_s = begin_s
        self.wall_ahead_s = 1_700_000_000.0
        self.waited: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s + self.wall_ahead_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now_s += max(0.0, seconds)
        return event.is_set()

    def pass_(self, seconds: float) -> None:
        self.now_s += seconds


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) that differs from that of every other number."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[0, :4] = np.array([number >> 24, number >> 16, number >> 8, number], int)[:, None] & 255
    return image


def shot(
    number: int,
    timeline: Timeline,
    *,
    own_s: float | None = None,
    image: np.ndarray | None = None,
    corrupt: bool = False,
) -> Shot:
    """A shot that arrives now."""
    image = picture(number) if image is None else image
    return Shot(number, own_s, timeline.now(), image[..., 1], lambda: image, corrupt)


class FakeConnection:
    """Yields what it is given; an exception among it is raised."""

    untimed, finite, errors, fps = False, False, 0, 10.0

    def __init__(self, shots: Iterator[Shot | Exception], why: str = "") -> None:
        self._shots, self.why = shots, why
        self.closed = False

    def __enter__(self) -> "FakeConnection":
        return self

    def __exit__(self, *args: object) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[Shot]:
        for one in self._shots:
            if isinstance(one, Exception):
                raise one
            yield one


class Opener:
    """Gives connections, or errors, in the order of a script; counts."""

    def __init__(self, *script: Callable[[], Iterator[Shot | Exception]] | Exception) -> None:
        self.script, self.opened = list(script), 0
        self.connections: list[FakeConnection] = []

    def __call__(
        self, settings: CameraSettings, timeline: Timeline, stop: threading.Event
    ) -> FakeConnection:
        step = self.script[min(self.opened, len(self.script) - 1)]
        self.opened += 1
        if isinstance(step, Exception):
            raise step
        self.connections.append(FakeConnection(step()))
        return self.connections[-1]


def refused() -> SourceError:
    return SourceError("cannot open rtsp://camera/1: Connection refused")


def in_place(name: str, work: Callable[[], None]) -> None:
    """Runs the thread of a connection without a thread."""
    work()


class SquareDetector:
    """Finds the one bright box of a picture, with a set confidence."""

    name, class_names, device, note = "square", ("person", "car"), "cpu", "square on cpu"

    def __init__(self, *, confidence: float = 0.8, batch_size: int = 1) -> None:
        self.confidence, self.batch_size = confidence, batch_size
        self.batches: list[int] = []
        self.fail: set[int] = set()

    def detect(self, frames):
        self.batches.append(len(frames))
        if any(frame.index in self.fail for frame in frames):
            raise RuntimeError("the detector broke")
        return [self.one(frame.image) for frame in frames]

    def one(self, image: np.ndarray) -> Detections:
        bright = image[..., 1] > 170
        if np.count_nonzero(bright) < 20:
            return Detections([], [])
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        return Detections([[float(side) for side in box]], [self.confidence], [0])


class ListOutlet(Outlet):
    """Keeps what is delivered; fails as often as it is told."""

    def __init__(self, *, clock=None, failures: int = 0, **settings) -> None:
        super().__init__("list", OutletSettings(**settings), clock=clock)
        self.items: list = []
        self.failures = failures

    def _deliver(self, item) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the other side is down")
        self.items.append(item)
