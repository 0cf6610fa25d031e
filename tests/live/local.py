"""Streams made by the test itself: an HTTP server whose connections do what a script says."""

import contextlib
import io
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np

Play = Callable[[Any, int], None]


def transport_stream(
    images: Iterable[np.ndarray],
    *,
    fps: int = 10,
    begin_s: float = 0.0,
    gop: int = 5,
    codec: str = "libx264",
) -> bytes:
    """MPEG-TS of these pictures, its clock beginning at `begin_s`."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream: Any = None
        for i, image in enumerate(images):
            if stream is None:
                stream = container.add_stream(codec, rate=fps)
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.gop_size = gop
                if codec == "libx264":  # the others know whole frames only
                    stream.codec_context.time_base = Fraction(1, 90_000)
                    stream.options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0"}
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = round((begin_s + i / fps) * 90_000)
            frame.time_base = Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


class LocalServer:
    """Serves `play(wfile, number of the connection)` at /cam.ts; a context manager.

    With `hold` a connection stays open after its last byte, so that what came can be looked at
    before the camera is connected again.
    """

    def __init__(self, play: Play, *, hold: bool = False) -> None:
        outer = self
        self._over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number, outer.connections = outer.connections, outer.connections + 1
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    play(self.wfile, number)
                    if hold:
                        self.wfile.flush()
                        outer._over.wait()

            def log_message(self, *args: Any) -> None:
                pass

        self.connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/cam.ts"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> "LocalServer":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def at_pace(data: bytes, seconds: float, file: Any, chunk: int = 1316) -> None:
    """Send bytes evenly over so many seconds."""
    began = time.monotonic()
    for place in range(0, len(data), chunk):
        file.write(data[place : place + chunk])
        left = began + seconds * (place + chunk) / len(data) - time.monotonic()
        if left > 0:
            time.sleep(left)


class FlippingProxy:
    """Passes bytes on to another port; from some place on it flips bits in one byte of so many."""

    def __init__(self, port: int, *, clean: int, every: int) -> None:
        self._target, self._clean, self._every = port, clean, every
        self._rng = random.Random(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.flipped = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> "FlippingProxy":
        self._threads[0].start()
        return self

    def __exit__(self, *args: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except ConnectionRefusedError:
                client.close()
                continue
            for source, target, spoil in ((client, server, False), (server, client, True)):
                thread = threading.Thread(
                    target=self._pass_on, args=(source, target, spoil), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, spoil: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                if spoil:
                    data = self._spoiled(bytearray(data), passed)
                passed += len(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            for side in (source, target):
                side.close()

    def _spoiled(self, data: bytearray, passed: int) -> bytes:
        for place in range(len(data)):
            if passed + place >= self._clean and self._rng.random() < 1 / self._every:
                data[place] ^= 1 << self._rng.randrange(8)
                self.flipped += 1
        return bytes(data)
