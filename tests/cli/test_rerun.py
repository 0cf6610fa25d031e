"""`conftrack run` into the Rerun viewer: a file, and a page while it runs."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.formats.jsonl import read_tracks

Cli = Callable[..., Any]
Process = Callable[..., subprocess.Popen[str]]

needs_rerun = pytest.mark.skipif(
    importlib.util.find_spec("rerun") is None, reason="rerun-sdk is not installed"
)


@needs_rerun
def test_the_recording_says_what_the_other_files_say(cli: Cli, clip: Any) -> None:
    from rerun.chunk import RrdReader

    result = cli("run", clip.video, "--model", clip.model, "--save", "rerun,jsonl")
    assert result.exit_code == 0, result.output
    folder = Path("runs/clip")
    assert str(folder / "tracks.rrd") in result.stdout
    existence: dict[int, float] = {}
    for chunk in RrdReader(folder / "tracks.rrd").stream():
        if chunk.entity_path == "/existence/track_1":
            batch = chunk.to_record_batch()
            values = [value for (value,) in batch.column("Scalars:scalars").to_pylist()]
            existence |= dict(zip(batch.column("frame").to_pylist(), values, strict=True))
    wanted = {
        record.index: float(record.tracks.existence[row])
        for record in read_tracks(folder / "tracks.jsonl")
        for row in np.flatnonzero(record.tracks.track_id == 1)
    }
    assert len(wanted) == clip.frames
    assert existence.keys() == wanted.keys()
    assert [existence[i] for i in wanted] == pytest.approx(list(wanted.values()), abs=1e-6)


@needs_rerun
def test_all_does_not_mean_the_recording_and_can_be_joined_by_it(cli: Cli, clip: Any) -> None:
    options = ("run", clip.video, "--model", clip.model, "-q", "--stop", 0.3)
    assert cli(*options, "--save", "all", "--out", "a").exit_code == 0
    assert cli(*options, "--save", "all,rerun", "--out", "b").exit_code == 0
    a, b = ({path.name for path in Path(name).iterdir()} for name in "ab")
    assert b - a == {"tracks.rrd"}
    # A later run into the folder does not leave an old recording beside new results.
    assert cli(*options, "--save", "mot", "--out", "b", "--overwrite").exit_code == 0
    assert {path.name for path in Path("b").iterdir()} == {"tracks.txt", "summary.json"}


def test_a_missing_library_is_said_before_any_work(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    for option in (("--save", "rerun"), ("--rerun",)):
        result = cli("run", clip.video, "--model", clip.model, *option)
        assert result.exit_code == 2
        assert 'rerun-sdk is not installed: pip install -e ".[robotics]"' in result.stderr
        assert not Path("runs").exists()


@needs_rerun
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a window would open")
def test_without_a_display_there_is_a_page_until_ctrl_c(
    process: Process, clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psutil = pytest.importorskip("psutil")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    run = process("run", clip.video, "--model", clip.model, "--save", "jsonl", "--rerun")
    said = ""
    for line in run.stderr:
        said += line
        if "until Ctrl-C" in line:
            break
    (page,) = set(re.findall(r"http://127\.0\.0\.1:\d+", said))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(page, timeout=20) as answer:
        assert "connect-src 'self' http://127.0.0.1:" in answer.headers["Content-Security-Policy"]
    children = psutil.Process(run.pid).children()
    assert len(children) == 1
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, err
    assert "objects confirmed" in out
    assert not any(child.is_running() for child in children)
    assert len(list(read_tracks(tmp_path / "runs/clip/tracks.jsonl"))) == clip.frames


@needs_rerun
def test_a_viewer_that_is_closed_does_not_end_the_run(
    clip: Any, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.viewer import RerunLog

    written = []

    def gone(self: RerunLog, frame: Any, detections: Any, tracks: Any) -> None:
        written.append(frame.index)
        if frame.index == 3:
            raise ConnectionError("it was closed")

    monkeypatch.setattr("tracker.viewer.launch.has_display", lambda: False)
    monkeypatch.setattr(RerunLog, "write", gone)
    result = cli("run", clip.video, "--model", clip.model, "--save", "jsonl", "--rerun")
    assert result.exit_code == 0, result.output
    assert written == [0, 1, 2, 3]
    assert "the Rerun viewer was closed; the run goes on without it" in result.stderr
    assert "until Ctrl-C" not in result.stderr, "nothing is there to look at"
    assert len(list(read_tracks("runs/clip/tracks.jsonl"))) == clip.frames
