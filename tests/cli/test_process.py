"""The program as a process: exit codes, Ctrl-C once and twice, missing extras, no terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker.formats.jsonl import read_tracks
from tracker.video.sources import open_source

Start = Callable[..., "subprocess.Popen[str]"]

# A detector of a given slowness: `seconds` a frame, from frame 3 on `later`.
SLOW = """
import time
import detectors
from tracker import Detections

class Slow:
    name, class_names, device, note = "slow", ("person",), "cpu", "slow on cpu"
    def detect(self, frames):
        for frame in frames:
            time.sleep({seconds} if frame.index < 3 else {later})
            {extra}
        return [Detections([[10, 20, 35, 80]], [0.7])] * len(frames)

detectors.register("slow", lambda name, options: Slow())
"""


def slow(seconds: float, later: float | None = None, extra: str = "pass") -> str:
    return SLOW.format(seconds=seconds, later=seconds if later is None else later, extra=extra)


def wait_for_lines(path: Path, lines: int, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if path.exists() and path.read_bytes().count(b"\n") >= lines:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not get {lines} lines")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_complete_outputs(
    process: Start, clip: Any, tmp_path: Path, number: signal.Signals
) -> None:
    running = process("run", clip.video, "--model", "slow", "--out", "o", before=slow(0.3))
    wait_for_lines(tmp_path / "o" / "tracks.jsonl", 4, running)
    running.send_signal(number)
    out, errors = running.communicate(timeout=30)
    assert running.returncode == 130, errors
    assert "stopping" in errors
    assert "interrupted" in out
    assert "Traceback" not in errors
    summary = json.loads((tmp_path / "o/summary.json").read_text())
    assert summary["interrupted"] is True
    frames = summary["frames"]
    assert 3 <= frames < clip.frames
    assert len(list(read_tracks(tmp_path / "o/tracks.jsonl"))) == frames
    with open_source(tmp_path / "o/annotated.mp4") as video:
        assert sum(1 for _ in video) == frames
    assert not list((tmp_path / "o").glob("*.part*"))


def test_a_second_ctrl_c_aborts_at_once(process: Start, clip: Any, tmp_path: Path) -> None:
    hanging = slow(0.05, later=60)
    running = process("run", clip.video, "--model", "slow", "--out", "o", before=hanging)
    wait_for_lines(tmp_path / "o" / "tracks.jsonl", 4, running)
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    while "stopping" not in (line := running.stderr.readline()):
        assert line, "it ended at the first"
    time.sleep(0.6)  # sooner it is the same one, see test_interrupt.py
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)  # its detector would take a minute
    assert running.returncode == 130
    assert "aborted" in errors
    assert len(list(read_tracks(tmp_path / "o/tracks.jsonl"))) == 3


def test_an_internal_error_is_code_1_and_debug_shows_where(
    process: Start, clip: Any, tmp_path: Path
) -> None:
    bad = slow(0, extra="assert frame.index < 5, 'a bug'")
    for more, traceback in (((), False), (("--debug",), True)):
        running = process(
            "run", clip.video, "--model", "slow", "--out", f"o{len(more)}", *more, before=bad
        )
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 1
        assert "internal error, please report it: AssertionError: a bug" in errors
        assert "results of the 5 frames before the error are in" in errors
        summary = json.loads((tmp_path / f"o{len(more)}" / "summary.json").read_text())
        assert summary["frames"] == 5
        assert summary["ended"].startswith("error: AssertionError: a bug (in the stage 'detect'")
        assert ("Traceback" in errors) is traceback
        assert len(list(read_tracks(tmp_path / f"o{len(more)}" / "tracks.jsonl"))) == 5


def test_without_typer_one_line_says_what_to_install(process: Start) -> None:
    running = process("run", "x.mp4", before="import sys; sys.modules['typer'] = None")
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert out == ""
    assert errors.count("\n") == 1
    assert 'pip install -e ".[cli]"' in errors


def test_without_the_video_extra_the_error_says_what_to_install(process: Start, clip: Any) -> None:
    running = process(
        "run", clip.video, "--model", clip.model, before="import sys; sys.modules['av'] = None"
    )
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert 'pip install -e ".[video]"' in errors


def test_progress_without_a_terminal_is_plain_lines(process: Start, clip: Any) -> None:
    often = slow(0.02) + "\nimport tracker.cli.progress as p; p._LINE_EVERY_S = 0.0"
    running = process("run", clip.video, "--model", "slow", "--save", "none", before=often)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert f"/{clip.frames} frames" in errors
    assert "frames/s" in errors
    assert "confirmed" in errors
    assert "\x1b" not in errors


def test_python_m_tracker_is_the_same_program() -> None:
    import sys

    import tracker
    from tracker.kernels import COMPILED

    root = Path(tracker.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tracker", "--version"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0
    kernels = "compiled" if COMPILED else "NumPy"
    assert done.stdout == f"conftrack {tracker.__version__} ({kernels} kernels)\n"


# Files of more than so many bytes cannot be written: what a full disk does, on a whole machine.
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
@pytest.mark.parametrize(
    ("limit", "culprit"), [(6000, "tracks.jsonl"), (None, "annotated.mp4"), (600, "annotated.mp4")]
)
def test_a_full_disk_leaves_what_there_was_room_for(
    process: Start, clip: Any, tmp_path: Path, limit: int | None, culprit: str
) -> None:
    save = "jsonl,csv,mot" if culprit == "tracks.jsonl" else "video,csv"
    closing = limit is None
    command = ("run", clip.video, "--model", "slow", "--save", save, "--debug")
    if limit is None:  # room for all but the end of the video
        whole = process(*command, "--out", "whole", before=slow(0))
        whole.communicate(timeout=60)
        assert whole.returncode == 0
        limit = (tmp_path / "whole" / culprit).stat().st_size - 100
    running = process(*command, "--out", "o", before=FULL.format(limit) + slow(0))
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2, errors
    said = errors.splitlines()[-1]
    assert said.startswith("error: ")
    assert str(Path("o", culprit)) in said
    assert ("while closing" if closing else "in the stage 'write'") in said
    folder = tmp_path / "o"
    if limit == 600:  # no room for a summary, or for one frame
        assert "without summary.json" in errors
        assert {p.name for p in folder.iterdir()} == {"annotated.part.mp4", "tracks.csv"}
        return
    assert not list(folder.glob("*.part*")), "nothing half is left"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["ended"].startswith("error: ")
    assert culprit in summary["ended"]
    assert set(summary["files"]) == {p.name for p in folder.iterdir()}
    if culprit == "tracks.jsonl":
        assert summary["frames"] > 3
        # The frame that found no room is whole in one file or not there.
        records = list(read_tracks(folder / "tracks.jsonl"))
        assert len(records) == summary["frames"]
        assert (folder / "tracks.jsonl").read_bytes().endswith(b"\n")
    else:
        with open_source(folder / "annotated.mp4") as video:
            kept = sum(1 for _ in video)
        assert 0 < kept < clip.frames
        assert f"there was room for {kept} of {clip.frames} frames only" in said
