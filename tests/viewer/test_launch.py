"""The viewer that is started is reached from this machine only, and its page talks to no other."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest

from tracker import ConftrackError, MissingExtraError
from tracker.viewer import RerunLog, Viewer, launch
from tracker.viewer.page import policy


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def viewer(home: Path) -> Iterator[Viewer]:
    """One viewer for a browser, whose home is an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        with Viewer(window=False) as viewer:
            yield viewer


def get(address: str):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(address, timeout=20)


def test_nobody_else_can_reach_it(viewer: Viewer) -> None:
    log = int(viewer.address.removesuffix("/proxy").rpartition(":")[2])
    page = int(viewer.page.rpartition(":")[2])
    theirs = listening(viewer._process.pid)
    ours = {(ip, port) for ip, port in listening() if port == page}
    assert ("127.0.0.1", log) in theirs
    assert {ip for ip, _ in theirs | ours} == {"127.0.0.1"}
    assert len(ours) == 1


def listening(pid: int | None = None) -> set[tuple[str, int]]:
    """Where a process, by default this one, takes connections."""
    connections = psutil.Process(pid).net_connections("inet")
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


def test_the_page_opens_the_recording_and_is_shut_in(viewer: Viewer) -> None:
    with get(viewer.page + "/") as answer:
        assert unquote(answer.url) == f"{viewer.page}/?url={viewer.address}"
        assert b"<title>Rerun Viewer</title>" in answer.read()
        shut_in = answer.headers["Content-Security-Policy"]
    assert shut_in == policy(viewer.address)
    allowed = shut_in.partition("connect-src ")[2].split()
    host = viewer.address.removeprefix("rerun+").removesuffix("/proxy")
    assert allowed == ["'self'", host, "data:", "blob:"]
    with get(viewer.page + "/re_viewer.js") as script:
        assert "javascript" in script.headers["Content-Type"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(viewer.page + "/nothing-of-this-name")


def test_it_takes_a_log_and_leaves_nothing_at_home(
    viewer: Viewer, home: Path, make_tracks, make_frame
) -> None:
    with RerunLog(viewer.address) as log:
        for i in range(5):
            log.write(make_frame(i, i / 10), None, make_tracks(i / 10, (1, 0.9, 0.9, 1, False)))
    assert not [p for p in home.rglob("*") if "analytics" in p.name]


def test_a_viewer_that_is_closed_is_told(make_tracks, make_frame) -> None:
    with Viewer(window=False) as viewer:
        log = RerunLog(viewer.address)
        log.write(make_frame(0, 0.0), None, make_tracks(0.0))
        process = psutil.Process(viewer._process.pid)
        page = viewer.page
    assert not process.is_running()
    with pytest.raises(urllib.error.URLError):
        get(page)
    log._stream._next_check = 0.0
    with pytest.raises(ConnectionError, match=r"rerun\+http://127\.0\.0\.1"):
        log.write(make_frame(1, 0.1), None, make_tracks(0.1))
    with pytest.raises(ConnectionError):
        log.close()
    log.close()


def test_ports_that_are_taken_are_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert launch._free_port(port) != port
    assert launch._free_port(port) == port


def test_one_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "rerun"
    program.write_text("#!/bin/sh\necho first >&2\necho no graphics card >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(launch, "_program", lambda: str(program))
    with pytest.raises(ConftrackError, match="does not start: no graphics card"):
        Viewer(window=True)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rerun_cli", None)
    with pytest.raises(MissingExtraError, match=r"\.\[robotics\]"):
        Viewer(window=False)


@pytest.mark.parametrize(
    ("platform", "display", "there"),
    [("linux", None, False), ("linux", ":0", True), ("darwin", None, True), ("win32", None, True)],
)
def test_where_a_window_can_be_opened(monkeypatch, platform, display, there) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    assert launch.has_display() is there
