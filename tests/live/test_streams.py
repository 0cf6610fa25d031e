"""Real streams of real servers on this machine, killed and started again."""

import signal
import time

import pytest

from tests.live import servers
from tests.live.running import Running, camera


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


@pytest.mark.parametrize(
    "serve", [servers.http_ts, servers.http_mjpeg, servers.tcp_ts, servers.udp_ts]
)
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


def test_a_server_that_falls_silent_is_left_and_disturbs_no_other():
    with servers.rtsp() as still, servers.rtsp() as fine:
        cameras = {"still": camera(servers.rtsp_url(still), timeout_s=1.5)}
        cameras["fine"] = camera(servers.rtsp_url(fine))
        with Running(**cameras) as running:
            running.until(lambda: min(running.of(c)["looked"] for c in cameras) > 10)
            still.process.send_signal(signal.SIGSTOP)
            try:
                running.until(lambda: running.of("still")["state"] == "down")
                assert "no picture for 1.5 s" in running.of("still")["why"] or (
                    "nothing came" in running.of("still")["why"]
                )
                before = running.of("fine")["looked"]
                began = time.monotonic()
                running.until(lambda: running.of("fine")["looked"] >= before + 15)
                assert time.monotonic() - began < 6.0
            finally:
                still.process.send_signal(signal.SIGCONT)
            looked = running.of("still")["looked"]
            running.until(lambda: running.of("still")["looked"] > looked + 10)
            assert running.of("fine")["reconnects"] == 0


def test_hls_is_played_at_its_own_pace(tmp_path):
    folder = servers.hls(tmp_path, seconds=3)
    with (
        servers.files(folder) as port,
        Running(cam=camera(f"http://127.0.0.1:{port}/cam.m3u8")) as running,
    ):
        began = time.monotonic()
        running.until(lambda: running.of("cam")["state"] == "ended")
        assert time.monotonic() - began > 2.0
        assert running.of("cam")["received"] == 45
        assert running.of("cam")["looked"] > 15
