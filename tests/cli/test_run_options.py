"""Options of `conftrack run` that say what is read, with what, and by which settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker import presets
from tracker.formats.jsonl import read_tracks
from tracker.video.sources import open_source

Cli = Callable[..., Any]


def used(folder: str) -> dict[str, Any]:
    """What the summary of a run says about it."""
    summary: dict[str, Any] = json.loads(Path(folder, "summary.json").read_text())
    return summary


@pytest.fixture
def shots(cli: Cli, clip: Any) -> Path:
    """The clip as images."""
    import cv2

    Path("shots").mkdir()
    with open_source(clip.video) as source:
        for frame in source:
            cv2.imwrite(f"shots/{frame.index:03d}.png", frame.image[..., ::-1])
    return Path("shots")


@pytest.mark.parametrize(("option", "fps"), [((), 30.0), (("--image-fps", 5), 5.0)])
@pytest.mark.parametrize("source", ["shots", "shots/*.png"])
def test_images_get_the_rate_that_is_asked_for(
    cli: Cli, clip: Any, shots: Path, source: str, option: tuple[Any, ...], fps: float
) -> None:
    common = ("--model", "replay:boxes.txt", "--save", "jsonl", "--out", "out")
    Path("boxes.txt").write_text("1,-1,10,20,25,60,0.7,-1,-1,-1\n")  # no times of its own
    result = cli("run", source, *option, *common)
    assert result.exit_code == 0, result.output
    times = [record.timestamp_s for record in read_tracks("out/tracks.jsonl")]
    assert times == pytest.approx([i / fps for i in range(clip.frames)], abs=1e-6)


@pytest.mark.parametrize("fps", ["0", "-3", "nan"])
def test_a_rate_that_is_none(cli: Cli, clip: Any, shots: Path, fps: str) -> None:
    result = cli("run", shots, "--model", clip.model, "--image-fps", fps)
    assert result.exit_code == 2
    assert "rate of images must be above 0" in result.stderr


def test_a_checkpoint_that_says_nothing_of_itself(cli: Cli, clip: Any) -> None:
    torch = pytest.importorskip("torch")
    architectures = pytest.importorskip("detectors.architectures")
    from detectors.catalog import BUNDLED

    torch.manual_seed(0)
    torch.save(architectures.build(BUNDLED, 3).state_dict(), "mine.pt")
    unnamed = cli("run", clip.video, "--model", "mine.pt")
    assert unnamed.exit_code == 2
    assert "pass --class-names with 2 names" in unnamed.stderr
    common = ("run", clip.video, "--model", "mine.pt", "--save", "none", "--stop", "0.2")
    named = cli(*common, "--class-names", "cart, pallet", "--out", "a", "--short-side", "64")
    assert named.exit_code == 0, named.output
    assert used("a")["model"]["class_names"] == ["cart", "pallet"]
    told = cli(*common, "--class-names", "a,b", "--architecture", "fasterrcnn_resnet50_fpn")
    assert told.exit_code == 2
    assert "is not a fasterrcnn_resnet50_fpn" in told.stderr


def test_recordings_can_be_given_class_names(cli: Cli, clip: Any) -> None:
    done = cli(
        "run", clip.video, "--model", clip.model, "--class-names", "cat,dog", "--save", "none"
    )
    assert done.exit_code == 0, done.output
    assert used("runs/clip")["objects_by_class"] == {"cat": 1}


def test_at_most_so_many_boxes(cli: Cli, clip: Any) -> None:
    common = ("run", clip.video, "--model", clip.model, "--save", "detections", "--out")
    assert cli(*common, "one", "--max-detections", 1).exit_code == 0
    assert cli(*common, "all").exit_code == 0
    counts = [Path(o, "detections.jsonl").read_text().count("xyxy") for o in ("one", "all")]
    assert counts == [clip.frames, clip.frames + 1]


@pytest.mark.parametrize(
    ("live", "options", "name"),
    [
        (False, (), "video"),
        (True, (), "camera"),
        (True, ("--config", "video"), "video"),
        (False, ("--config", "camera"), "camera"),
        (False, ("--config", "default"), "default"),
    ],
)
def test_live_sources_are_tracked_with_the_settings_for_them(
    cli: Cli, clip: Any, monkeypatch: Any, live: bool, options: tuple[str, ...], name: str
) -> None:
    from tracker.video.files import FileSource

    monkeypatch.setattr(FileSource, "live", live)
    result = cli("run", clip.video, "--model", clip.model, "--save", "none", *options)
    assert result.exit_code == 0, result.output
    assert f"packaged settings '{name}'" in result.stderr
    summary = used("runs/clip")
    assert summary["options"]["config"] == name
    assert summary["config"] == presets.load(name).to_dict()
    assert presets.load("camera") != presets.load("video")


def test_the_camera_is_followed_and_what_cannot_be_told_is_said(cli: Cli, clip: Any) -> None:
    """A clip that pans over a picture with structure, and in its middle shows nothing at all."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    wide = cv2.resize(rng.uniform(0, 255, (60, 110, 3)), (880, 480), interpolation=cv2.INTER_CUBIC)
    wide = np.clip(wide, 0, 255).astype(np.uint8)
    Path("pan").mkdir()
    for k in range(12):
        picture = wide[:240, 8 * k : 8 * k + 320] if k != 6 else np.zeros((240, 320, 3), np.uint8)
        cv2.imwrite(f"pan/{k:02d}.png", picture)
    # One box that stands in the world.
    rows = (f"{k + 1},-1,{200 - 8 * k},60,30,80,0.8,-1,-1,-1\n" for k in range(12) if k != 6)
    Path("boxes.txt").write_text("".join(rows))
    common = ("--model", "replay:boxes.txt", "--save", "jsonl", "-q", "--no-smooth")
    followed = cli("run", "pan", *common, "--camera-motion", "--out", "with")
    assert followed.exit_code == 0, followed.output
    assert "could not be told in 2 of 12 frames" in " ".join(followed.stderr.split())
    assert used("with")["camera_motion"] == {"frames": 12, "moved": 9, "failed": 2}
    plain = cli("run", "pan", *common, "--out", "without")
    assert used("without")["camera_motion"] is None
    assert not plain.stderr
    (a,), (b,) = (
        list(read_tracks(f"{name}/tracks.jsonl"))[5].tracks for name in ("with", "without")
    )
    assert abs(a.velocity[0, 0]) < 0.2 * abs(b.velocity[0, 0])


def interrupted(clip: Any, path: str, keep: range) -> str:
    """A recording of the clip with these frames only."""
    lines = clip.detections.read_text().splitlines(keepends=True)
    Path(path).write_text(lines[0] + "".join(lines[1 + i] for i in keep))
    return f"replay:{path}"


@pytest.mark.parametrize("keep", [range(12), range(8, 20), range(0, 20, 2)])
def test_a_recording_with_gaps_is_replayed_and_says_so_once(
    cli: Cli, clip: Any, keep: range
) -> None:
    model = interrupted(clip, "gaps.jsonl", keep)
    result = cli("run", clip.video, "--model", model, "--save", "jsonl", "--out", "o", "-q")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("were not recorded count as not looked at") == 1
    looked = {r.index for r in read_tracks("o/tracks.jsonl") if r.looked}
    assert looked == set(keep)
    assert used("o")["frames"] == clip.frames
    assert used("o")["frames_not_looked"] == clip.frames - len(keep)


def test_a_recording_of_another_part_is_an_error(cli: Cli, clip: Any) -> None:
    late, early = (
        interrupted(clip, name, keep)
        for name, keep in (("late.jsonl", range(12, 20)), ("early.jsonl", range(8)))
    )
    result = cli("run", clip.video, "--model", late, "--stop", 1.0)
    assert result.exit_code == 2
    assert "replay:late.jsonl has none of the 10 frames" in result.stderr
    result = cli("run", clip.video, "--model", early, "--start", 1.0)
    assert result.exit_code == 2
    assert "frame 10 is not in early.jsonl, which has 8 frames from 0 to 7" in result.stderr


def test_a_recording_of_a_video_of_another_name_is_said(cli: Cli, clip: Any) -> None:
    common = ("run", clip.video, "--model", clip.model, "--save", "detections", "--out", "a")
    assert cli(*common).exit_code == 0
    Path("copy.mp4").write_bytes(clip.video.read_bytes())
    again = ("--model", "replay:a/detections.jsonl", "--save", "none")
    moved = cli("run", "copy.mp4", *again)
    assert (moved.exit_code, "was recorded from" in moved.stderr) == (0, True), moved.output
    same = cli("run", clip.video, *again)
    assert (same.exit_code, "was recorded from" in same.stderr) == (0, False), same.output


def test_a_calibration_changes_what_is_told(cli: Cli, clip: Any) -> None:
    from tracker.calibration import About, Calibration, LogOddsMap

    about = About(detector="some detector")
    timid = Calibration(existence=LogOddsMap(offset=-2.0), about=about)
    timid.save("timid.toml")
    Path("mine.toml").write_text('calibration = "timid.toml"\n')
    run = ("run", clip.video, "--model", clip.model, "--save", "jsonl", "--no-smooth", "--out")
    for out, option in (
        ("plain", ()),
        ("by-option", ("--calibration", "timid.toml")),
        ("by-settings", ("--config", "mine.toml")),
    ):
        result = cli(*run, out, *option)
        assert result.exit_code == 0, result.output
        assert ("fitted to some detector" in result.stderr) == bool(option)
    plain, *told = (
        [frame.tracks.existence for frame in read_tracks(f"{out}/tracks.jsonl")]
        for out in ("plain", "by-option", "by-settings")
    )
    for frames in told:
        assert all((a < b).all() for a, b in zip(frames, plain, strict=True))
    assert used("by-option")["config"]["calibration"] == "timid.toml"


@pytest.mark.parametrize(
    ("text", "message"), [(None, "none of the packaged calibrations"), ("version = 3", "version")]
)
def test_a_calibration_that_is_none(cli: Cli, clip: Any, text: str | None, message: str) -> None:
    if text is not None:
        Path("cal.toml").write_text(text)
    result = cli("run", clip.video, "--model", clip.model, "--calibration", "cal.toml")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("runs").exists()
