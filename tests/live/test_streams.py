"""Real streams of real servers on this machine, killed and started again."""

import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.live import servers
from tests.live.fakes import ListOutlet, SquareDetector
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem


class Running:
    """A live system in a thread, looked at from outside."""

    def __init__(self, **cameras: CameraSettings) -> None:
        self.detector, self.events = SquareDetector(), ListOutlet()
        self.system = LiveSystem(
            self.detector,
            LiveSettings(cameras=cameras),
            outlets=[self.events],
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
    return CameraSettings(
        **{"source": url, "timeout_s": 4.0, "retry_first_s": 0.1, "retry_most_s": 0.5} | more
    )


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_survives_its_server(transport):
    with servers.rtsp() as server:
        url = servers.rtsp_url(server)
        with Running(front=camera(url, transport=transport)) as running:
            running.until(lambda: running.of("front")["looked"] > 15)
            before = running.of("front")
            assert before["state"] == "up"
            assert before["size"] == (160, 120)
            server.kill()
            running.until(lambda: running.of("front")["state"] == "down")
            server.start()
            running.until(lambda: running.of("front")["looked"] > before["looked"] + 15)
            after = running.of("front")
            assert after["reconnects"] == 1
            assert after["state"] == "up"
            assert after["clock_jumps"] == 0  # the stream's clock began again with the connection
            assert "hunter2" not in str(running.system.health())


@pytest.mark.parametrize("serve", [servers.http_ts, servers.http_mjpeg, servers.udp_ts])
def test_streams_of_ffmpeg_survive_their_server(serve):
    server, url = serve()
    with server, Running(cam=camera(url)) as running:
        running.until(lambda: running.of("cam")["looked"] > 15)
        server.kill()
        running.until(lambda: running.of("cam")["state"] == "down")
        looked = running.of("cam")["looked"]
        server.start()
        running.until(lambda: running.of("cam")["looked"] > looked + 15)
        assert running.of("cam")["reconnects"] == 1
        assert 0.2 < 1 / max(running.of("cam")["fps_in"], 1) * 15 < 5.0
