"""`conftrack live` on files: events, endings, mistakes."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import servers
from tests.live.fakes import SquareDetector
from tracker.video.sources import open_source
from tracker.video.writer import VideoWriter

Cli = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_gives_events(cli: Cli, clip: Any, tmp_path: Path) -> None:
    result = cli("live", clip.video, "--model", clip.model)
    assert result.exit_code == 0, result.stderr
    assert "20 of 20 frames looked at" in result.stdout
    (event,) = events_of(tmp_path / "runs/live/events.jsonl")
    assert event["schema"] == "conftrack.event"
    assert (event["event"], event["camera"], event["class"]) == ("confirmed", "clip", "person")
    assert event["snapshot_jpeg"]
    again = cli("live", clip.video, "--model", clip.model, "--stdout", "-q")
    (line,) = again.stdout.splitlines()
    assert json.loads(line)["id"] != event["id"]
    assert len(events_of(tmp_path / "runs/live/events.jsonl")) == 2, "the file is continued"


def test_files_without_real_time_give_the_same_events_every_time(
    cli: Cli, clip: Any, tmp_path: Path
) -> None:
    for _ in range(2):
        assert cli("live", clip.video, "--model", clip.model, "-q").exit_code == 0
    one, two = events_of(tmp_path / "runs/live/events.jsonl")
    for key in ("track", "existence", "score", "xyxy", "evidence", "snapshot_jpeg"):
        assert one[key] == two[key]


def test_an_address_of_the_environment(cli: Cli, clip: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("MY_CLIP", str(clip.video))
    result = cli("live", "${MY_CLIP}", "--model", clip.model)
    assert result.exit_code == 0, result.stderr
    assert "MY_CLIP: 20 of 20" in result.stdout
    assert cli("live", "${NOT_THERE}", "--model", clip.model).exit_code == 2


def test_real_time_takes_its_time(cli: Cli, clip: Any) -> None:
    began = time.monotonic()
    result = cli("live", clip.video, "--model", clip.model, "--realtime")
    assert result.exit_code == 0, result.stderr
    assert time.monotonic() - began > 1.5
    assert "of 20 frames looked at" in result.stdout


def test_cameras_of_a_file_with_names_and_settings(cli: Cli, clip: Any, tmp_path: Path) -> None:
    config = tmp_path / "cameras.toml"
    config.write_text(
        f"[cameras.hall]\nsource = {json.dumps(str(clip.video))}\nmax_fps = 5\n"
        "[events]\nsnapshot_px = 0\n[existence]\nconfirm_at = 0.7\n"
    )
    result = cli("live", "--config", config, "--model", clip.model)
    assert result.exit_code == 0, result.stderr
    (event,) = events_of(tmp_path / "runs/live/events.jsonl")
    assert event["camera"] == "hall"
    assert "snapshot_jpeg" not in event


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no camera"),
        (("nothing.mp4",), "no such video"),
        (("a=0", "a=1"), "two cameras are called 'a'"),
        (("a/b=0",), "no such video"),
        (("0", "--transport", "tpc"), "'tcp'"),
        (("0", "--timeout", "0"), "timeout_s"),
        (("--config", "wrong.toml"), 'did you mean "source"?'),
        (("0", "--host", "0.0.0.0"), "add --web"),
        (("0", "--port", "80"), "add --web"),
        (("0", "--web", "--host", "0.0.0.0"), "CONFTRACK_TOKEN"),
        (("0", "--web", "--token", "short"), "at least 12"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    (tmp_path / "wrong.toml").write_text("[cameras.a]\nsorce = '0'\n")
    result = cli("live", *arguments, "--model", "bundled")
    assert result.exit_code == 2
    assert word in " ".join(result.stderr.split())


def test_a_camera_that_is_not_there_is_waited_for(cli: Cli, monkeypatch: Any) -> None:
    monkeypatch.setattr("tracker.cli.live.load_detector", lambda *_, **__: SquareDetector())
    result = cli("live", "gone=rtsp://me:hunter2@127.0.0.1:9/x", "--for", "1")
    assert result.exit_code == 0, result.stderr
    assert "no picture came: gone (rtsp://***@127.0.0.1:9/x): cannot open" in result.stderr
    assert "hunter2" not in result.stderr + result.stdout


def test_a_page_is_served_and_its_token_told_nobody(cli: Cli, monkeypatch: Any) -> None:
    pytest.importorskip("fastapi")
    seen = []

    def asked(system: Any) -> dict[str, Any]:
        health: dict[str, Any] = plain(system)
        if pages and not seen:
            with urllib.request.urlopen(f"{pages[0]}login", timeout=10) as answer:
                seen.append(answer.read().decode())
        return health

    from tracker.cli import live
    from tracker.live.system import LiveSystem

    pages: list[str] = []
    serve, plain = live.serve_page, LiveSystem.health

    def served(*options: Any) -> Any:
        page = serve(*options)
        pages.append(page.url)
        return page

    monkeypatch.setattr("tracker.cli.live.serve_page", served)
    monkeypatch.setattr(LiveSystem, "health", asked)
    monkeypatch.setattr("tracker.cli.live.load_detector", lambda *_, **__: SquareDetector())
    monkeypatch.setenv("CONFTRACK_TOKEN", "correct-horse-battery")
    result = cli("live", "gone=rtsp://127.0.0.1:9/x", "--for", "1", "--web", "--port", "0")
    assert result.exit_code == 0, result.stderr
    assert f"page   {pages[0]}" in result.stderr
    assert any("Token" in text for text in seen)
    assert "correct-horse-battery" not in result.stderr + result.stdout + "".join(seen)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(pages[0], timeout=5)


SQUARE = """
import detectors
from tests.live.fakes import SquareDetector
detectors.register("square", lambda name, options: SquareDetector())
"""


def test_a_real_stream_from_the_shell_with_everything_on(process: Start, tmp_path: Path) -> None:
    """RTSP with credentials, recording, measures; the server is killed in between; Ctrl-C."""
    from scripts.live_servers import free_port

    port = free_port()
    with servers.rtsp() as server:
        url = servers.rtsp_url(server)
        running = process(
            "live", f"gate={url}", "--model", "square", "--record", "--metrics", port, before=SQUARE
        )
        ask = f"http://127.0.0.1:{port}"
        path = tmp_path / "runs/live/events.jsonl"

        def health() -> dict[str, Any]:
            assert running.poll() is None, running.communicate()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{ask}/healthz") as answer:
                found: dict[str, Any] = json.loads(answer.read())["cameras"][0]
                return found
            return {"events": {}, "reconnects": 0}

        def until(true: Callable[[], bool]) -> None:
            end = time.monotonic() + 60
            while not true():
                assert time.monotonic() < end, health()
                time.sleep(0.1)

        until(lambda: health()["events"].get("confirmed", 0) > 0)
        server.kill()
        server.start()
        until(lambda: health()["reconnects"] > 0)
        with urllib.request.urlopen(f"{ask}/metrics") as answer:
            measures = answer.read().decode()
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert re.search(r'^conftrack_reconnects_total{camera="gate"} [1-9]', measures, re.M)
    assert "gate:" in out
    assert events_of(path)[0]["camera"] == "gate"
    (video, *_) = (tmp_path / "runs/live/recordings").glob("*-gate-confirmed-*.mp4")
    with open_source(video) as recorded:
        assert sum(1 for _ in recorded) > 3
    assert not list(video.parent.glob("*.part.mp4"))
    everything = out + errors + measures + path.read_text()
    assert "hunter2" not in everything


def test_ctrl_c_leaves_whole_lines(process: Start, clip: Any, tmp_path: Path) -> None:
    # Slow, so that it is far from its end when the first event is there.
    with VideoWriter(tmp_path / "slow.mp4", fps=3.0) as slow, open_source(clip.video) as quick:
        for frame in quick:
            slow.write(frame.image, frame.index / 3.0)
    running = process("live", "slow.mp4", "--realtime", "--model", clip.model)
    path = tmp_path / "runs/live/events.jsonl"
    for _ in range(600):
        if path.exists() and path.read_bytes().endswith(b"\n"):
            break
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert [event["event"] for event in events_of(path)] == ["confirmed"]
