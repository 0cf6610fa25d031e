import logging
import socket
import threading
import traceback
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.video.sources import open_source
from tracker.video.streams import StreamSource


class Handler(BaseHTTPRequestHandler):
    """`/a.ts` sends a body of known length, `/live.ts` one of unknown length, `/cam` MJPEG."""

    def do_GET(self):
        kind = self.path.split("?")[0]
        self.send_response(200)
        body = self.server.body
        if kind == "/a.mp4":
            self.send_header("Content-Length", str(len(body)))
        if kind == "/cam":
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=here")
        self.end_headers()
        try:
            if kind == "/stalled":
                self.wfile.write(body[: len(body) // 2])
                self.server.release.wait(10)
            elif kind == "/cam":
                for jpeg in self.server.jpegs * 10:
                    head = (
                        f"--here\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    )
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            else:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def server(constant_rate, picture):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.release = threading.Event()
    server.body = constant_rate["ts"].read_bytes()
    server.jpegs = []
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    for i in range(10):
        frame = av.VideoFrame.from_ndarray(picture(i), format="rgb24").reformat(format="yuvj420p")
        frame.pts = i
        server.jpegs += [bytes(p) for p in encoder.encode(frame)]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.address = f"127.0.0.1:{server.server_port}"
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_live_transport_stream(server, number):
    with open_source(f"http://me:hunter2@{server.address}/live.ts?token=hunter2") as source:
        assert source.live
        assert source.duration_s is None
        assert (source.width, source.height) == (64, 48)
        frames = list(source)
    numbers = [number(f.image) for f in frames]
    assert numbers == list(range(numbers[0], 60))
    assert len(numbers) > 50
    stamps = np.array([f.timestamp_s for f in frames])
    assert stamps[0] == 0.0
    assert (np.diff(stamps) > 0).all()
    assert "ended" in [d.reason for d in source.damage]


def test_recording_behind_a_server_is_not_live(server, constant_rate, number, tmp_path, make_video):
    path = make_video(tmp_path / "f.mp4", [i / 10 for i in range(30)], movflags="faststart")
    server.body = path.read_bytes()
    with open_source(f"http://{server.address}/a.mp4", start_s=1.0, stop_s=2.0) as source:
        assert not source.live
        assert source.frame_count == 10
        frames = list(source)
    assert [number(f.image) for f in frames] == list(range(10, 20))
    assert source.damage == []


def test_mjpeg_is_timed_by_arrival(server):
    with open_source(f"http://{server.address}/cam") as source:
        assert source.live
        frames = list(source)
    assert len(frames) >= 98
    # Sent at once: the invented timestamps would say 40 ms from frame to frame.
    assert frames[-1].timestamp_s < 2.0


def test_stalled_stream_ends_with_a_note(server):
    url = f"http://{server.address}/stalled"
    with StreamSource(url, timeout_s=(2.0, 0.5)) as source:
        frames = list(source)
    assert len(frames) > 5
    assert str(source.damage[-1]).endswith("nothing came within the time limit")
    assert source.damage[-1].reason == "ended"
    assert [d.reason for d in source.damage] == ["ended"]


def test_credentials_never_show(server, caplog, capfd):
    secret = "hunter2"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with caplog.at_level(logging.DEBUG):
        for url in (
            f"http://me:{secret}@127.0.0.1:{port}/x?token={secret}",
            f"http://me:{secret}%40@127.0.0.1:{port}/x?token={secret}",
            f"rtsp://me:{secret}@127.0.0.1:{port}/user=me_password={secret}_x=1",
            f"nosuchscheme://me:{secret}@127.0.0.1/",
        ):
            with pytest.raises(SourceError) as caught:
                open_source(url)
            told = "".join(traceback.format_exception(caught.value))
            assert "cannot open" in told
            assert secret not in told
            assert caught.value.__context__ is None
        with open_source(f"http://me:{secret}@{server.address}/live.ts?key={secret}") as source:
            list(source)
            shown = f"{source} {source!r} {source.name} {source.damage}"
        assert secret not in shown
        assert "***@127.0.0.1" in shown
    assert secret not in caplog.text
    out, err = capfd.readouterr()
    assert secret not in out + err
