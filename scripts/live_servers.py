"""Real servers of real streams on loopback: GStreamer's RTSP server and FFmpeg, as processes.

They are Debian packages and no Python ones: `NotInstalledError` names those that are missing. The
tests of live streams and `benchmark_live.py` start them here.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "NotInstalledError",
    "Server",
    "files",
    "hls",
    "http_mjpeg",
    "http_ts",
    "rtsp",
    "rtsp_url",
    "tcp_ts",
    "udp_ts",
]

PYTHON = "/usr/bin/python3"
RTSP = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
port, launch = sys.argv[1], sys.argv[2]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(launch)
factory.set_shared(True)
server.get_mount_points().add_factory("/cam", factory)
if server.attach(None) == 0:
    sys.exit(3)
GLib.MainLoop().run()
"""
ENCODED = (
    "videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10"
    " ! rtph264pay name=pay0 pt=96 config-interval=1"
)


class NotInstalledError(RuntimeError):
    """A server is not there; the message names its Debian package."""


@functools.cache
def _has_gstreamer() -> bool:
    if not Path(PYTHON).exists():
        return False
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0');"
        "from gi.repository import Gst; Gst.init(None);"
        "assert all(map(Gst.ElementFactory.find, ['x264enc', 'rtph264pay', 'videotestsrc']))"
    )
    return subprocess.run([PYTHON, "-c", probe], capture_output=True).returncode == 0


def _need_gstreamer() -> None:
    if not _has_gstreamer():
        raise NotInstalledError(
            "GStreamer's RTSP server is not installed (apt: gir1.2-gst-rtsp-server-1.0)"
        )


def _need_ffmpeg() -> None:
    if shutil.which("ffmpeg") is None:
        raise NotInstalledError("ffmpeg is not installed (apt: ffmpeg)")


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that serves one stream, and can be killed and started again."""

    def __init__(self, command: list[str], port: int, *, listens: bool = True) -> None:
        """Prepare; nothing runs before `start`."""
        self.command, self.port, self.listens = command, port, listens
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(400 if self.listens else 0):
            with socket.socket() as probe:
                if self.command[0] == "ffmpeg" or probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break  # a listening FFmpeg takes one client only, which must not be this probe
            assert self.process.poll() is None, "the server ended"
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Server:
        """Start."""
        return self.start()

    def __exit__(self, *args: object) -> None:
        """Kill what still runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()


def rtsp(
    video: Path | None = None,
    *,
    port: int | None = None,
    size: tuple[int, int] | None = (160, 120),
) -> Server:
    """An RTSP server of a video, anew for each first client, or of a moving test picture.

    Args:
        video: What it plays, at its pace.
        port: Where; None takes a free one.
        size: Of the picture; None leaves a video as large as it is.
    """
    _need_gstreamer()
    port = port or free_port()
    if video is None:
        source = "videotestsrc is-live=true pattern=ball ! video/x-raw,framerate=15/1"
    else:
        source = f'filesrc location="{video.resolve()}" ! decodebin ! videoconvert'
    if size is not None:
        source += f" ! videoscale ! video/x-raw,width={size[0]},height={size[1]}"
    return Server([PYTHON, "-c", RTSP, str(port), f"( {source} ! {ENCODED} )"], port)


def rtsp_url(server: Server) -> str:
    """Its address, with credentials that nobody checks and nothing may show."""
    return f"rtsp://admin:hunter2@127.0.0.1:{server.port}/cam"


def _picture(video: Path | None) -> list[str]:
    """FFmpeg's words for a video over and over, or a test picture, of 160x120 at its own pace."""
    if video is None:
        return ["-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=15"]
    return ["-re", "-stream_loop", "-1", "-i", str(video.resolve()), "-an", "-vf", "scale=160:120"]


_H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10"]


def http_ts(video: Path | None = None, *, port: int | None = None) -> tuple[Server, str]:
    """MPEG-TS over HTTP, one client."""
    _need_ffmpeg()
    port = port or free_port()
    url = f"http://127.0.0.1:{port}/cam.ts"
    command = ["ffmpeg", "-loglevel", "error", *_picture(video), *_H264, "-pix_fmt", "yuv420p"]
    return Server([*command, "-f", "mpegts", "-listen", "1", url], port), url


def http_mjpeg(video: Path | None = None, *, port: int | None = None) -> tuple[Server, str]:
    """Motion JPEG over HTTP, one client."""
    _need_ffmpeg()
    port = port or free_port()
    url = f"http://127.0.0.1:{port}/cam.mjpg"
    command = ["ffmpeg", "-loglevel", "error", *_picture(video), "-c:v", "mjpeg", "-q:v", "5"]
    return Server([*command, "-f", "mpjpeg", "-listen", "1", url], port), url


def tcp_ts(video: Path | None = None, *, port: int | None = None) -> tuple[Server, str]:
    """MPEG-TS over plain TCP, one client."""
    _need_ffmpeg()
    port = port or free_port()
    command = ["ffmpeg", "-loglevel", "error", *_picture(video), *_H264, "-pix_fmt", "yuv420p"]
    url = f"tcp://127.0.0.1:{port}"
    return Server([*command, "-f", "mpegts", f"{url}?listen=1"], port), url


def udp_ts(video: Path | None = None, *, port: int | None = None) -> tuple[Server, str]:
    """MPEG-TS over UDP, to whoever listens."""
    _need_ffmpeg()
    port = port or free_port()
    command = ["ffmpeg", "-loglevel", "error", *_picture(video), *_H264, "-pix_fmt", "yuv420p"]
    url = f"udp://127.0.0.1:{port}"
    return Server([*command, "-f", "mpegts", f"{url}?pkt_size=1316"], port, listens=False), url


def hls(folder: Path, *, seconds: int) -> Path:
    """A folder with a playlist of one-second pieces."""
    _need_ffmpeg()
    picture = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=15", "-t", str(seconds)]
    pieces = ["-g", "15", "-hls_time", "1", "-hls_list_size", "0"]
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", *picture, *_H264[:-2], *pieces, str(folder / "cam.m3u8")],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return folder


@contextlib.contextmanager
def files(folder: Path) -> Iterator[int]:
    """Serve a folder; gives the port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        """Logs nothing."""

        def log_message(self, *args: object) -> None:
            """Nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
