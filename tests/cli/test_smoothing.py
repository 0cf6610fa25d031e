"""`conftrack run` on files with `--smooth` (the default), `--no-smooth` and `--lag`."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.formats.jsonl import read_tracks
from tracker.video.sources import open_source

Cli = Callable[..., Any]


@pytest.fixture(name="late_walker")
def _late_walker(clip: Any) -> str:
    """The clip's detections without those of frames 8 and 9 and without the flicker."""
    lines = clip.detections.read_text().splitlines()
    kept = [lines[0]]
    for line in lines[1:]:
        frame = json.loads(line)
        frame["detections"] = [d | {"confidence": 0.65} for d in frame["detections"][:1]]
        if frame["frame"] in (8, 9):
            frame["detections"] = []
        kept.append(json.dumps(frame))
    Path("weak.jsonl").write_text("\n".join(kept) + "\n")
    return "replay:weak.jsonl"


def used(folder: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(Path(folder, "summary.json").read_text())
    return summary


def header(folder: str) -> dict[str, Any]:
    with Path(folder, "tracks.jsonl").open() as file:
        head: dict[str, Any] = json.loads(file.readline())
    return head


def test_all_files_show_the_smoothed_tracks(cli: Cli, clip: Any, late_walker: str) -> None:
    run = ("run", clip.video, "--model", late_walker, "--save", "all", "--out")
    smoothed = cli(*run, "smoothed")
    assert smoothed.exit_code == 0, smoothed.output
    assert "smoothed afterwards" in smoothed.stderr
    online = cli(*run, "online", "--no-smooth")
    assert online.exit_code == 0, online.output
    assert "smoothed" not in online.stderr
    assert header("smoothed")["smoothing"] == "whole"
    assert "smoothing" not in header("online")
    assert used("online")["smoothing"] == {"method": "none"}
    assert used("smoothed")["smoothing"]["method"] == "whole"
    assert used("smoothed")["smoothing"]["wall_s"] > 0

    a, b = (list(read_tracks(f"{out}/tracks.jsonl")) for out in ("smoothed", "online"))
    assert [r.index for r in a] == [r.index for r in b] == list(range(clip.frames))
    assert [r.looked for r in a] == [r.looked for r in b]
    # There from the first frame, and over the gap.
    assert b[0].tracks.tentative.all()
    assert all(record.tracks.believed.all() and len(record.tracks) == 1 for record in a)
    assert [bool(r.tracks.seen[0]) for r in a] == [k not in (8, 9) for k in range(clip.frames)]
    # CSV and MOT text tell the same.
    with Path("smoothed/tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    mot = [line.split(",") for line in Path("smoothed/tracks.txt").read_text().splitlines()]
    assert len(rows) == len(mot) == clip.frames
    for record, row, line in zip(a, rows, mot, strict=True):
        assert float(row["existence"]) == pytest.approx(record.tracks.existence[0], abs=1e-6)
        assert float(line[6]) == pytest.approx(record.tracks.score[0], abs=1e-6)
        assert float(line[7]) == pytest.approx(record.tracks.existence[0], abs=1e-6)
    # So does the video: the box is drawn as believed from its first frame.
    pictures = []
    for out in ("smoothed", "online"):
        with open_source(f"{out}/annotated.mp4") as source:
            pictures.append([frame.image.astype(int) for frame in source])
    assert len(pictures[0]) == len(pictures[1]) == clip.frames
    assert np.abs(pictures[0][0] - pictures[1][0]).max() > 60
    # What the detector said is what it said.
    first, second = (Path(out, "detections.jsonl").read_text() for out in ("smoothed", "online"))
    assert first.splitlines()[1:] == second.splitlines()[1:]
    assert {p.name for p in Path("smoothed").iterdir()} == set(used("smoothed")["files"])


def test_the_summary_counts_the_smoothed_tracks(cli: Cli, clip: Any, late_walker: str) -> None:
    """Five frames are too few to confirm it at once; afterwards they are all alike."""
    run = ("run", clip.video, "--model", late_walker, "--stop", 0.5, "--save", "none", "--out")
    for out, option in (("a", "--smooth"), ("b", "--no-smooth")):
        result = cli(*run, out, option)
        assert result.exit_code == 0, result.output
    assert used("a")["objects_confirmed"] == 1
    assert used("b")["objects_confirmed"] == 0
    assert used("b")["candidates_undecided"] == 1


def test_a_part_every_second_frame_and_frames_that_nobody_looked_at(cli: Cli, clip: Any) -> None:
    lines = clip.detections.read_text().splitlines(keepends=True)
    Path("gaps.jsonl").write_text(lines[0] + "".join(lines[1 + k] for k in range(20) if k != 9))
    run = ("run", clip.video, "--model", "replay:gaps.jsonl", "--out", "o")
    result = cli(*run, "--start", 0.5, "--stop", 1.5, "--every", 2)
    assert result.exit_code == 0, result.output
    records = list(read_tracks("o/tracks.jsonl"))
    assert [(r.index, r.looked) for r in records] == [
        (5, True), (7, True), (9, False), (11, True), (13, True)
    ]  # fmt: skip
    assert all(1 in r.tracks.track_id for r in records)
    with open_source("o/annotated.mp4") as source:
        assert sum(1 for _ in source) == 5


def test_a_lag_longer_than_the_video_gives_what_the_second_pass_gives(
    cli: Cli, clip: Any, late_walker: str
) -> None:
    run = ("run", clip.video, "--model", late_walker, "--save", "jsonl,video", "--out")
    late = cli(*run, "late", "--lag", "5s")
    assert late.exit_code == 0, late.output
    assert "smoothed, 5 s late" in late.stderr
    assert cli(*run, "whole").exit_code == 0
    assert used("late")["smoothing"] == {"method": "fixed_lag", "lag_s": 5.0}
    assert header("late")["smoothing"] == "fixed_lag"
    assert used("late")["objects_confirmed"] == 1
    a, b = (list(read_tracks(f"{out}/tracks.jsonl")) for out in ("late", "whole"))
    assert len(a) == len(b) == clip.frames
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one.tracks.xyxy, other.tracks.xyxy, atol=0.02)
        np.testing.assert_allclose(one.tracks.existence, other.tracks.existence, atol=1e-5)
        np.testing.assert_allclose(one.tracks.score, other.tracks.score, atol=1e-5)
    with open_source("late/annotated.mp4") as source:
        assert sum(1 for _ in source) == clip.frames


@pytest.mark.parametrize(
    ("options", "live", "said"),
    [
        (("--smooth",), True, "is live and cannot be gone over again: give --lag 0.5s"),
        (("--smooth", "--lag", "0.5s"), False, "give one of them"),
        (("--lag", "0"), False, "--lag takes seconds above 0"),
        (("--lag", "soon"), False, "--lag takes seconds above 0"),
        (("--lag", "1", "--fuser", "ema"), False, "--lag smooths the fuser 'evidence', not 'ema'"),
        (("--smooth", "--fuser", "raw"), False, "--smooth smooths the fuser 'evidence'"),
    ],
)
def test_what_cannot_be_smoothed_is_said_before_anything_is_done(
    cli: Cli,
    clip: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    live: bool,
    said: str,
) -> None:
    from tracker.video.files import FileSource

    monkeypatch.setattr(FileSource, "live", live)
    result = cli("run", clip.video, "--model", clip.model, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not Path("runs").exists()


def test_a_calibration_that_tells_little_afterwards(cli: Cli, clip: Any) -> None:
    """It never tells as much as `confirm_at`, which is no reason to fail after the first pass."""
    Path("timid.toml").write_text(
        "version = 1\n[afterwards.existence]\noffset = -0.8\nlow = 0.3\nhigh = 0.3\n"
    )
    for out, more in (("whole", ()), ("late", ("--lag", "5"))):
        run = ("run", clip.video, "--model", clip.model, "--save", "jsonl", "--out", out)
        result = cli(*run, "--calibration", "timid.toml", *more)
        assert result.exit_code == 0, result.output
    assert used("whole")["ended"] == "complete"
    assert used("whole")["smoothing"]["method"] == "whole"
    a, b = (list(read_tracks(f"{out}/tracks.jsonl")) for out in ("whole", "late"))
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.tracks.believed, other.tracks.believed)


@pytest.mark.parametrize("more", [(), ("--smooth",), ("--lag", "1")])
def test_thresholds_that_cannot_be_afterwards_are_told_before_the_run(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    from tracker.calibration import Afterwards
    from tracker.errors import ConfigError

    def cannot(*given: Any) -> Any:
        raise ConfigError("confirm_at cannot be told")

    monkeypatch.setattr(Afterwards, "inside", cannot)
    run = ("run", clip.video, "--model", clip.model)
    result = cli(*run, *more)
    assert result.exit_code == 2
    assert "confirm_at cannot be told" in result.stderr
    assert not Path("runs").exists()
    assert cli(*run, "--no-smooth").exit_code == 0


def test_live_sources_and_other_fusers_are_not_smoothed_unasked(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.video.files import FileSource

    common = ("run", clip.video, "--model", clip.model, "--save", "mot", "--out")
    assert cli(*common, "fuser", "--fuser", "ema").exit_code == 0
    assert used("fuser")["smoothing"] == {"method": "none"}
    monkeypatch.setattr(FileSource, "live", True)
    assert cli(*common, "live").exit_code == 0
    assert used("live")["smoothing"] == {"method": "none"}
    assert cli(*common, "late", "--lag", "0.3").exit_code == 0
    assert used("late")["smoothing"] == {"method": "fixed_lag", "lag_s": 0.3}


def test_a_source_that_is_gone_leaves_the_tracks_as_they_came(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first pass and the second."""
    from tracker.cli import second_pass

    Path("copy.mp4").write_bytes(clip.video.read_bytes())
    smooth = second_pass.smooth

    def and_gone(*given: Any, **more: Any) -> Any:
        Path("copy.mp4").unlink()
        return smooth(*given, **more)

    monkeypatch.setattr(second_pass, "smooth", and_gone)
    result = cli("run", "copy.mp4", "--model", clip.model, "--out", "o")
    assert result.exit_code == 2
    assert "copy.mp4" in result.stderr
    assert used("o")["ended"].startswith("error: smoothing: ")
    assert "copy.mp4" in used("o")["ended"]
    assert used("o")["smoothing"] == {"method": "none"}
    assert "smoothing" not in header("o")
    assert len(list(read_tracks("o/tracks.jsonl"))) == clip.frames
    assert not list(Path("o").glob("*.partial"))


# Smoothing takes its time, and says when it has begun.
SLOW_SMOOTHING = """
import time
from pathlib import Path
from tracker.cli import second_pass
smooth = second_pass.smooth

def slow(recorder, config, *, calibration, on_progress):
    Path("smoothing").touch()
    while True:
        on_progress(0, 1)
        time.sleep(0.01)

second_pass.smooth = slow
"""


def test_ctrl_c_while_smoothing_leaves_the_tracks_as_they_came(
    process: Callable[..., subprocess.Popen[str]], clip: Any, tmp_path: Path
) -> None:
    import time

    running = process("run", clip.video, "--model", clip.model, "--out", "o", before=SLOW_SMOOTHING)
    for _ in range(600):
        if (tmp_path / "smoothing").exists():
            break
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130, errors
    assert "not smoothed, since the run was ended early" in errors
    summary = json.loads((tmp_path / "o/summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["ended"] == "interrupted"
    assert summary["smoothing"] == {"method": "none"}
    assert len(list(read_tracks(tmp_path / "o/tracks.jsonl"))) == clip.frames
    with open_source(tmp_path / "o/annotated.mp4") as video:
        assert sum(1 for _ in video) == clip.frames
    assert {p.name for p in (tmp_path / "o").iterdir()} == set(summary["files"])
