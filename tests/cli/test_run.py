"""`conftrack run` on a small video: files, exit codes, messages."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker.formats.jsonl import read_tracks
from tracker.video.sources import open_source

Cli = Callable[..., Any]


def frame_count(path: Path) -> int:
    with open_source(path) as source:
        return sum(1 for _ in source)


def test_all_outputs_are_there_and_agree(cli: Cli, clip: Any) -> None:
    result = cli("run", clip.video, "--model", clip.model, "--save", "all")
    assert result.exit_code == 0, result.output
    folder = Path("runs/clip")
    records = list(read_tracks(folder / "tracks.jsonl"))
    assert len(records) == frame_count(folder / "annotated.mp4") == clip.frames
    assert [r.index for r in records] == list(range(clip.frames))
    assert records[-1].tracks.confirmed.any()
    with (folder / "tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    mot = (folder / "tracks.txt").read_text().splitlines()
    assert len(rows) == len(mot) == sum(len(r.tracks) for r in records)
    assert all(line.count(",") == 9 for line in mot)

    summary = json.loads((folder / "summary.json").read_text())
    assert summary["schema"] == "conftrack.summary"
    assert summary["frames"] == clip.frames
    assert summary["objects_confirmed"] == 1
    assert summary["interrupted"] is False
    assert set(summary["stages"]) == {"decode", "detect", "track", "write"}
    assert set(summary["files"]) == {p.name for p in folder.iterdir()}

    assert "objects confirmed" in result.stdout
    assert "1 (1 person)" in result.stdout
    for name in summary["files"]:
        assert str(folder / name) in result.stdout
    assert "packaged settings 'video'" in result.stderr
    assert "replay" in result.stderr


def test_saved_detections_replay_to_the_same_tracks(cli: Cli, clip: Any) -> None:
    cli("run", clip.video, "--model", clip.model, "--out", "a", "--save", "detections,mot")
    cli("run", clip.video, "--model", "replay:a/detections.jsonl", "--out", "b", "--save", "mot")
    assert Path("a/tracks.txt").read_text() == Path("b/tracks.txt").read_text() != ""


def test_a_run_never_replaces_another_unasked(cli: Cli, clip: Any) -> None:
    options = ("run", clip.video, "--model", clip.model, "--save", "jsonl", "-q")
    assert cli(*options).exit_code == 0
    assert cli(*options).exit_code == 0
    assert sorted(p.name for p in Path("runs").iterdir()) == ["clip", "clip-2"]

    refused = cli(*options, "--out", "runs/clip")
    assert refused.exit_code == 2
    assert "runs/clip holds results already (summary.json, tracks.jsonl)" in refused.stderr
    assert "--overwrite" in refused.stderr

    Path("runs/clip/annotated.mp4").write_text("of an older run")
    Path("runs/clip/notes.txt").write_text("mine")
    assert cli(*options, "--out", "runs/clip", "--overwrite").exit_code == 0
    # What belonged to the older run is gone, what is not ours stays.
    names = sorted(p.name for p in Path("runs/clip").iterdir())
    assert names == ["notes.txt", "summary.json", "tracks.jsonl"]


def test_overwriting_never_removes_what_is_read(cli: Cli, clip: Any) -> None:
    first = ("run", clip.video, "--model", clip.model, "--out", "a", "--save", "all", "-q")
    assert cli(*first).exit_code == 0
    before = {p.name: p.read_bytes() for p in Path("a").iterdir()}
    replace = ("--out", "a", "--overwrite")
    for source, model in (
        (clip.video, "replay:a/detections.jsonl"),
        ("a/annotated.mp4", clip.model),
    ):
        refused = cli("run", source, "--model", model, *replace)
        assert refused.exit_code == 2
        assert "is read by this run" in refused.stderr
    assert {p.name: p.read_bytes() for p in Path("a").iterdir()} == before


def test_a_part_of_the_video(cli: Cli, clip: Any) -> None:
    options = ("--start", 0.5, "--stop", 1.5, "--every", 2, "--save", "jsonl", "--out", "part")
    assert cli("run", clip.video, "--model", clip.model, *options).exit_code == 0
    records = list(read_tracks("part/tracks.jsonl"))
    assert [r.index for r in records] == [5, 7, 9, 11, 13]


def test_classes_and_threshold_reach_the_detector(cli: Cli, clip: Any) -> None:
    common = ("run", clip.video, "--model", clip.model, "--save", "mot", "--out")
    assert cli(*common, "cars", "--classes", "car").exit_code == 0
    assert Path("cars/tracks.txt").read_text() == ""
    assert cli(*common, "strong", "--threshold", 0.5).exit_code == 0
    assert cli(*common, "all").exit_code == 0
    ids = {
        name: {line.split(",")[1] for line in Path(f"{name}/tracks.txt").read_text().splitlines()}
        for name in ("strong", "all")
    }
    assert len(ids["all"]) == 2
    assert len(ids["strong"]) == 1


def test_a_config_file_is_used_and_its_mistakes_are_named(cli: Cli, clip: Any) -> None:
    Path("mine.toml").write_text("[motion]\nmeasurment_noise = 0.1\n")
    result = cli("run", clip.video, "--model", clip.model, "--config", "mine.toml")
    assert result.exit_code == 2
    assert "measurement_noise" in result.stderr
    assert not Path("runs").exists()
    Path("mine.toml").write_text("[motion]\nmeasurement_noise = 0.11\n")
    result = cli("run", clip.video, "--model", clip.model, "--config", "mine.toml")
    assert result.exit_code == 0
    assert "mine.toml" in result.stderr
    summary = json.loads(Path("runs/clip/summary.json").read_text())
    assert summary["config"]["motion"]["measurement_noise"] == 0.11


def test_images_and_no_files(cli: Cli, clip: Any) -> None:
    import cv2

    Path("shots").mkdir()
    with open_source(clip.video) as source:
        for frame in source:
            cv2.imwrite(f"shots/{frame.index:03d}.png", frame.image[..., ::-1])
    result = cli("run", "shots/*.png", "--model", clip.model, "--save", "none")
    assert result.exit_code == 0, result.output
    assert [p.name for p in Path("runs/shots").iterdir()] == ["summary.json"]


def test_a_truncated_video_keeps_its_results(cli: Cli, clip: Any) -> None:
    whole = clip.video.read_bytes()
    Path("broken.mp4").write_bytes(whole[: int(len(whole) * 0.6)])
    result = cli("run", "broken.mp4", "--model", clip.model)
    assert result.exit_code == 3, result.output
    assert re.search(r"the source is damaged \(\w+ at \d\.\d+ s: ", result.stderr)
    assert "source damaged" in result.stdout
    folder = Path("runs/broken")
    kept = len(list(read_tracks(folder / "tracks.jsonl")))
    assert 0 < kept < clip.frames
    assert frame_count(folder / "annotated.mp4") == kept
    summary = json.loads((folder / "summary.json").read_text())
    assert "truncated" in [damage["reason"] for damage in summary["damage"]]


def test_another_fuser_is_used_and_said(cli: Cli, clip: Any) -> None:
    Path("mine.toml").write_text('fuser = "ema"\n')
    common = ("run", clip.video, "--model", clip.model, "--save", "mot", "--no-smooth")
    default = cli(*common, "--out", "a")
    from_file = cli(*common, "--out", "b", "--config", "mine.toml")
    on_line = cli(*common, "--out", "c", "--config", "mine.toml", "--fuser", "raw")
    for result, out, name in (
        (default, "a", "evidence"),
        (from_file, "b", "ema"),
        (on_line, "c", "raw"),
    ):
        assert result.exit_code == 0, result.output
        assert json.loads(Path(out, "summary.json").read_text())["config"]["fuser"] == name
        assert (f"fuser {name}" in result.stderr) is (name != "evidence")
    numbers = [
        [line.split(",") for line in Path(o, "tracks.txt").read_text().splitlines()] for o in "abc"
    ]
    assert numbers[0] != numbers[1] != numbers[2]
    for other in numbers[1:]:
        assert [row[:6] for row in other] == [row[:6] for row in numbers[0]], "the same boxes"

    wrong = cli(*common, "--out", "d", "--fuser", "emma")
    assert wrong.exit_code == 2
    assert "must be one of ['evidence', 'raw'" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mp4"], "no such video"),
        (["text.mp4"], "text.mp4"),
        (["CLIP", "--model", "nonsense"], "unknown detector 'nonsense'"),
        (["CLIP", "--model", "replay:missing.jsonl"], "missing.jsonl"),
        (["CLIP", "--model", "MODEL", "--save", "video,gif"], "--save does not know 'gif'"),
        (["CLIP", "--model", "MODEL", "--classes", "persn"], "person"),
        (["CLIP", "--model", "MODEL", "--classes", ","], "--classes takes names"),
        (["CLIP", "--model", "MODEL", "--start", "1.95"], "--start 1.95 is after its last frame"),
        (["CLIP", "--model", "MODEL", "--start", "500"], "which is at 1.9 s"),
        (
            ["CLIP", "--model", "MODEL", "--start", "0.01", "--stop", "0.02"],
            "no frame between --start and --stop",
        ),
        (["CLIP", "--model", "MODEL", "--start", "3", "--stop", "2"], "--stop (2.0) must be after"),
        (["CLIP", "--model", "MODEL", "--start", "-1"], "--start must be a time >= 0"),
        (["CLIP", "--model", "MODEL", "--image-fps", "5"], "--image-fps is for images"),
        (["CLIP", "--model", "MODEL", "--architecture", "x"], "--architecture does not apply"),
        (
            ["CLIP", "--model", "MODEL", "--class-names", "a,b,c"],
            "2 class(es), not those of --class",
        ),
        (
            ["CLIP", "--model", "bundled", "--class-names", "cart"],
            "--class-names is for checkpoints",
        ),
        (
            ["CLIP", "--model", "bundled", "--short-side", "5"],
            "--short-side must be a whole number",
        ),
        (["CLIP", "--model", "bundled", "--precision", "half"], "--precision"),
        (["CLIP", "--model", "MODEL", "--class-names", ","], "--class-names takes names"),
        (["CLIP", "--model", "MODEL", "--config", "missing.toml"], "missing.toml: no such file"),
        (["CLIP", "--model", "MODEL", "--config", "camrea"], "packaged settings (default, video"),
        (["CLIP", "--model", "MODEL", "--out", "text.mp4"], "--out must be a folder"),
        (["CLIP", "--model", "MODEL", "--every", "0"], "every"),
        (["CLIP", "--nonsense"], "--nonsense"),
        ([], "SOURCE"),
    ],
)
def test_mistakes_are_one_clear_line_and_code_2(
    cli: Cli, clip: Any, arguments: list[str], message: str
) -> None:
    Path("text.mp4").write_text("this is no video")
    known = {"CLIP": str(clip.video), "MODEL": clip.model}
    result = cli("run", *[known.get(a, a) for a in arguments])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not re.search(r"\b(start_s|stop_s|class_names|\w+=(\.\.\.|\[))", result.stderr)
    assert not Path("runs").exists() or not any(Path("runs").iterdir())


def test_show_without_a_display_says_so(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    result = cli("run", clip.video, "--model", clip.model, "--show")
    assert result.exit_code == 2
    assert "--show needs a display" in result.stderr


def test_quiet_prints_nothing(cli: Cli, clip: Any) -> None:
    result = cli("run", clip.video, "--model", clip.model, "--save", "jsonl", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_the_log_of_the_package_is_left_as_it_was(cli: Cli, clip: Any) -> None:
    import logging

    log = logging.getLogger("conftrack")
    before = (log.propagate, log.level, list(log.handlers))
    cli("run", clip.video, "--model", clip.model, "--save", "none", "--quiet")
    cli("run", "missing.mp4")
    assert (log.propagate, log.level, list(log.handlers)) == before


@pytest.mark.parametrize(("device", "calls"), [("cpu", []), ("cuda:0", [(96, 128)])])
def test_a_gpu_is_warmed_up_with_frames_of_the_size_to_come(
    device: str, calls: list[tuple[int, int]], cli: Cli, clip: Any, monkeypatch: Any
) -> None:
    import detectors

    made = detectors.load(clip.model)
    made.device = device
    warmed: list[tuple[int, int]] = []
    made.warm_up = lambda height, width: warmed.append((height, width))
    monkeypatch.setattr(detectors, "load", lambda *a, **k: made)
    assert cli("run", clip.video, "--model", clip.model, "--save", "none").exit_code == 0
    assert warmed == calls
