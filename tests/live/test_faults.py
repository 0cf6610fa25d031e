"""What goes wrong with cameras, made on purpose: what is lost by it, and what is not."""

import os
import socket
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.live.local import FlippingProxy, LocalServer, at_pace, transport_stream
from tests.live.running import Running, camera
from tests.live.test_system import scene

SIZE = (160, 120)


def walking(count, *, size=SIZE, begin=0):
    """Pictures of a bright thing that walks, on a noisy ground."""
    rng = np.random.default_rng(begin)
    for i in range(count):
        image = rng.integers(60, 100, (size[1], size[0], 3)).astype(np.uint8)
        k = size[0] / 64
        left = round(k * (5 + (begin + i) * 0.4))
        image[round(10 * k) : round(40 * k), left : left + round(12 * k)] = 230
        yield image


def handles():
    return len(os.listdir("/proc/self/fd"))


def looked_or_overtaken(health):
    return health["looked"] + health["dropped"] + health["skipped"]


needs_proc = pytest.mark.skipif(
    not os.path.exists("/proc/self/fd"), reason="this system does not list open files"
)


@needs_proc
def test_fifty_restarts_lose_no_connection_no_handle_and_no_id():
    """Every connection plays ten frames and breaks; every fourth is cut before the first."""
    data = transport_stream(walking(10))

    def play(file, number):
        if number % 4 != 3:
            file.write(data)

    with LocalServer(play) as server:
        quick = {"retry_first_s": 0.01, "retry_most_s": 0.02}
        with Running(cam=camera(server.url, **quick)) as running:
            running.until(lambda: running.of("cam")["reconnects"] >= 3)
            before, threads = handles(), threading.active_count()
            running.until(lambda: running.of("cam")["reconnects"] >= 49, within_s=60)
            after, threads_after = handles(), threading.active_count()
        reader = running.system.cameras["cam"].reader
        assert reader.connects >= 50
        assert server.connections > 60
        counts = running.system.cameras["cam"].counts
        # The last frame of the last connection may be under way.
        assert 10 * (reader.connects - 1) <= counts.received <= 10 * reader.connects
        assert after <= before + 4
        assert threads_after <= threads + 3
        assert reader.left_behind == 0
        firsts = {}
        times = []
        for _, tracks, _, _ in running.results.rows:
            times.append(tracks.timestamp_s)
            for track_id in tracks.track_id.tolist():
                firsts.setdefault(track_id, len(firsts))
        assert list(firsts) == sorted(firsts), "ids increase and do not come back"
        assert (np.diff(times) > 0).all(), "time goes forward, whatever the stream's clock does"


def test_flipped_bytes_cost_frames_and_not_the_stream():
    """One byte in 3,000 is wrong: what the demuxer finds damaged is not looked at, no more."""
    data = transport_stream(walking(80), gop=10)

    def play(file, number):
        at_pace(data, 4.0, file)

    with LocalServer(play) as server, FlippingProxy(server.port, clean=60_000, every=3000) as proxy:
        url = server.url.replace(str(server.port), str(proxy.port))
        with Running(cam=camera(url)) as running:
            running.until(lambda: running.of("cam")["reconnects"] >= 1)
            health = running.of("cam")
            received, corrupt = health["received"], health["not_looked"].get("corrupt", 0)
            assert proxy.flipped > 30
            assert received > 70
            assert 0 < corrupt < received / 3
            assert health["looked"] > 10
            assert running.system.looker.failures == 0
            ids = {i for _, t, _, _ in running.results.rows for i in t.track_id.tolist()}
            assert 1 in ids


def test_another_size_in_the_same_stream_carries_on_with_the_same_track():
    small, large = (160, 120), (320, 240)
    data = transport_stream(walking(25, size=small))
    more = transport_stream(walking(25, size=large, begin=25), begin_s=2.5)

    def play(file, number):
        at_pace(data, 2.5, file)
        at_pace(more, 2.5, file)

    with LocalServer(play, hold=True) as server, Running(cam=camera(server.url)) as running:
        rows = running.results.rows
        running.until(lambda: sum(looked and size == large for _, _, looked, size in rows) > 4)
        health = running.of("cam")
        assert health["size_changes"] == 1
        assert health["reconnects"] == 0
        rows = [row for row in rows if row[2]]
    sizes = [size for _, _, _, size in rows]
    assert {small, large} == set(sizes)
    at = sizes.index(large)
    before, after = rows[at - 1][1], rows[at + 3][1]
    assert before.track_id.tolist() == [1]
    assert 1 in after.track_id
    assert not any(event.event == "lost" for event in running.events.items)


def test_another_codec_and_size_after_a_reconnect_carry_on_with_the_same_track():
    small, large = (160, 120), (320, 240)
    first = transport_stream(walking(25, size=small))
    second = transport_stream(walking(25, size=large, begin=25), codec="mpeg2video")

    def play(file, number):
        at_pace(second if number else first, 2.5, file)
        if number:
            over.wait(30)

    over = threading.Event()
    with LocalServer(play) as server, Running(cam=camera(server.url)) as running:
        rows = running.results.rows
        running.until(lambda: sum(looked and size == large for _, _, looked, size in rows) > 4)
        health = running.of("cam")
        over.set()
        assert (health["reconnects"], health["size_changes"]) == (1, 1)
        assert health["decode_errors"] == 0
        rows = [row for row in rows if row[2]]
    assert {small, large} == {size for _, _, _, size in rows}
    assert all(1 in tracks.track_id for _, tracks, _, _ in rows[10:])
    assert max(tracks.misses.max(initial=0) for _, tracks, _, _ in rows) <= 1
    assert not any(event.event == "lost" for event in running.events.items)


class Webcam:
    """Behaves like `cv2.VideoCapture` of a camera that is pulled out and put in again."""

    opened = 0

    def __init__(self, device):
        assert device == "/dev/video0"
        Webcam.opened += 1
        self.left = 25 if Webcam.opened != 2 else 0
        self.pictures = walking(25, begin=25 * max(0, Webcam.opened - 2))

    def isOpened(self):
        return self.left > 0

    def set(self, key, value):
        return True

    def get(self, key):
        return 10.0

    def read(self):
        time.sleep(0.05)
        self.left -= 1
        return (True, next(self.pictures)) if self.left > 0 else (False, None)

    def release(self):
        pass


def test_a_camera_of_this_computer_is_opened_again_when_it_is_back(monkeypatch):
    cv2 = pytest.importorskip("cv2")
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    monkeypatch.setattr(Webcam, "opened", 0)
    # As on a system whose devices have no names in /dev to look up first.
    monkeypatch.setattr("tracker.video.camera.sys", SimpleNamespace(platform="darwin"))
    with Running(desk=camera("/dev/video0")) as running:
        running.until(lambda: running.of("desk")["reconnects"] >= 1)
        at = len(running.results.rows)
        running.until(lambda: sum(looked for _, _, looked, _ in running.results.rows[at:]) > 5)
    assert Webcam.opened >= 3
    looked = [tracks for _, tracks, looked, _ in running.results.rows if looked]
    assert looked[-1].track_id.tolist() == [1]


@pytest.mark.parametrize("jump_s", [5000.0, -90.0])
def test_a_jump_of_the_cameras_clock_loses_no_track(jump_s):
    data = transport_stream(walking(25), begin_s=100.0)
    more = transport_stream(walking(25, begin=25), begin_s=102.5 + jump_s)

    def play(file, number):
        at_pace(data, 2.5, file)
        at_pace(more, 2.5, file)

    with LocalServer(play, hold=True) as server, Running(cam=camera(server.url)) as running:
        began = running.system.timeline.now()
        running.until(lambda: running.of("cam")["received"] >= 45)
        lasted = running.system.timeline.now() - began
        assert running.of("cam")["clock_jumps"] == 1
        assert running.of("cam")["reconnects"] == 0
    rows = [row for row in running.results.rows if row[2]]
    times = [tracks.timestamp_s - began for _, tracks, _, _ in rows]
    assert (np.diff(times) > 0).all()
    assert 0 < times[0] < times[-1] < lasted + 0.5
    assert rows[-1][1].track_id.tolist() == [1]
    assert not any(event.event == "lost" for event in running.events.items)


def test_a_camera_that_hangs_at_connect_delays_no_other():
    data = transport_stream(walking(60))
    with (
        socket.create_server(("127.0.0.1", 0)) as hanging,
        LocalServer(lambda file, number: at_pace(data, 6.0, file), hold=True) as server,
    ):
        port = hanging.getsockname()[1]
        cameras = {
            "hangs": camera(f"rtsp://me:hunter2@127.0.0.1:{port}/x", timeout_s=4.0),
            "fine": camera(server.url),
        }
        with Running(**cameras) as running:
            running.until(lambda: looked_or_overtaken(running.of("fine")) >= 50)
            fine = running.of("fine")
            running.until(lambda: running.of("hangs")["failures"] >= 1)
            assert running.of("hangs")["received"] == 0
            assert fine["reconnects"] == 0
            assert fine["looked"] > 10
            assert "hunter2" not in str(running.system.health())
            times = [t.timestamp_s for c, t, looked, _ in running.results.rows if looked]
            assert np.diff(times).max() < 3.0


def test_a_picture_that_stands_still_is_seen_as_such_and_connected_again():
    """The same picture again and again, as a camera with a hung encoder sends it."""
    still = [scene(1, 20, (128, 96))] * 60
    data = transport_stream(still, gop=1000)

    def play(file, number):
        at_pace(data, 6.0, file)

    with LocalServer(play) as server:
        settings = camera(server.url, frozen_s=1.0, frozen_reconnect_s=2.0)
        with Running(cam=settings) as running:
            running.until(lambda: running.of("cam")["state"] == "frozen")
            running.until(lambda: running.of("cam")["reconnects"] >= 1)
            counts = running.system.cameras["cam"].counts
            assert counts.frozen_reconnects >= 1
            assert counts.verdicts["frozen"] > 3
            assert counts.looked < 10
            missed = max(t.misses.max(initial=0) for _, t, _, _ in running.results.rows)
            assert missed == 0


def test_a_server_that_sends_no_video_is_told_and_tried_again():
    def play(file, number):
        file.write(b"this is not a video" * 5000)
        time.sleep(0.2)

    with LocalServer(play) as server, Running(cam=camera(server.url)) as running:
        running.until(lambda: running.of("cam")["failures"] >= 2)
        assert "cannot open" in running.of("cam")["why"]
