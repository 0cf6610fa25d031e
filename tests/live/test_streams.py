"""Real streams of real servers on this machine, killed and started again.

`CONFTRACK_RESTARTS=50 pytest tests/live/test_streams.py` kills one that often.
"""

import os
import signal
import threading
import time
from itertools import pairwise

import pytest

from tests.live import servers
from tests.live.running import Running, camera
from tests.live.test_faults import handles, needs_proc

RESTARTS = int(os.environ.get("CONFTRACK_RESTARTS", "5"))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_survives_its_server(transport):
    with servers.rtsp(servers.VIDEO) as server:
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
    server, url = serve(servers.VIDEO)
    with server, Running(cam=camera(url)) as running:
        running.until(lambda: running.of("cam")["looked"] > 15)
        server.kill()
        running.until(lambda: running.of("cam")["state"] == "down")
        looked = running.of("cam")["looked"]
        server.start()
        running.until(lambda: running.of("cam")["looked"] > looked + 15)
        assert running.of("cam")["reconnects"] == 1


@needs_proc
def test_a_server_that_is_killed_again_and_again_costs_its_pictures_and_nothing_else():
    with servers.rtsp(servers.VIDEO) as server:
        quick = {"retry_first_s": 0.02, "retry_most_s": 0.1}
        with Running(cam=camera(servers.rtsp_url(server), **quick)) as running:
            reader = running.system.cameras["cam"].reader
            counts = running.system.cameras["cam"].counts
            for restart in range(1, RESTARTS + 1):
                running.until(lambda: counts.looked > 5)
                server.kill()
                running.until(lambda: running.of("cam")["state"] == "down")
                if restart == 2:  # what a first connection loads is there by now
                    before = handles(), threading.active_count()
                counts.looked = 0
                server.start()
            running.until(lambda: counts.looked > 5)
            assert reader.connects == RESTARTS + 1
            server.kill()
            running.until(lambda: running.of("cam")["state"] == "down")
            after = handles(), threading.active_count()
        assert after[0] <= before[0] + 3
        assert after[1] <= before[1] + 2
        assert reader.left_behind == 0
        times = [tracks.timestamp_s for _, tracks, _, _ in running.results.rows]
        assert all(later > sooner for sooner, later in pairwise(times))
        ids = [i for _, t, _, _ in running.results.rows for i in t.track_id.tolist()]
        firsts = list(dict.fromkeys(ids))
        assert firsts == sorted(firsts), "ids increase and do not come back"


def test_a_server_that_falls_silent_is_left_and_disturbs_no_other():
    with servers.rtsp(servers.VIDEO) as still, servers.rtsp(servers.VIDEO) as fine:
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
        assert running.of("cam")["looked"] > 5
