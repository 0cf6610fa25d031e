"""The second pass of `--smooth` where the source has changed, or something fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tracker import files
from tracker.cli import second_pass
from tracker.formats.jsonl import read_tracks
from tracker.video.sources import open_source
from tracker.video.writer import VideoWriter

Cli = Callable[..., Any]
Between = Callable[[Callable[[], object]], None]


@pytest.fixture(name="between")
def _between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Do something after the first pass and before the second."""

    def between(change: Callable[[], object]) -> None:
        smooth = second_pass.smooth

        def after_it(*given: Any, **more: Any) -> Any:
            change()
            return smooth(*given, **more)

        monkeypatch.setattr(second_pass, "smooth", after_it)

    return between


@pytest.fixture(name="pictures")
def _pictures(tmp_path: Path) -> Path:
    """A folder of 20 pictures, 000.png to 019.png."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(20):
        image = np.full((96, 128, 3), 10 * k, np.uint8)
        assert cv2.imwrite(str(folder / f"{k:03d}.png"), image)
    return folder


def film(path: str, frames: int, fps: float) -> None:
    with VideoWriter(Path(path), fps=fps) as video:
        for k in range(frames):
            video.write(np.full((96, 128, 3), 5 * k, np.uint8), k / fps)


def summary_of(folder: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(Path(folder, "summary.json").read_text())
    return summary


def header_of(folder: str) -> dict[str, Any]:
    with Path(folder, "tracks.jsonl").open() as file:
        head: dict[str, Any] = json.loads(file.readline())
    return head


def check_pictures_left(result: Any, frames: int, why: str) -> None:
    """All frames are there: smoothed in the lists, in the video as they came."""
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "warning: " in said
    assert f"has changed since it was read ({why}): in annotated.mp4 the tracks are as they" in said
    assert "in the other files they are smoothed" in said
    summary = summary_of("o")
    assert summary["ended"] == "complete"
    assert summary["frames"] == frames
    assert summary["smoothing"]["method"] == "whole"
    assert summary["smoothing"]["as_they_came"] == ["annotated.mp4"]
    assert summary["smoothing"]["why"] == f"the source has changed: {why}"
    assert header_of("o")["smoothing"] == "whole"
    records = list(read_tracks("o/tracks.jsonl"))
    assert len(records) == frames
    assert records[0].tracks.believed.all()
    assert len(records[0].tracks) == 1
    for name in ("tracks.csv", "tracks.txt"):
        assert len(Path("o", name).read_text().splitlines()) >= frames
    with open_source("o/annotated.mp4") as video:
        assert sum(1 for _ in video) == frames
    assert {p.name for p in Path("o").iterdir()} == set(summary["files"])


@pytest.mark.parametrize(
    ("frames", "fps", "why"),
    [
        (8, 10.0, "8 frames of the 20 there were are left"),
        (23, 10.0, "there are more frames than the 20 there were"),
        (20, 20.0, "in the place of frame 1 at 0.1 s is now frame 1 at 0.05 s"),
    ],
)
def test_another_video_in_its_place(
    cli: Cli, clip: Any, between: Between, frames: int, fps: float, why: str
) -> None:
    shutil.copy(clip.video, "copy.mp4")
    between(lambda: film("copy.mp4", frames, fps))
    result = cli("run", "copy.mp4", "--model", clip.model, "--out", "o")
    check_pictures_left(result, clip.frames, why)


def test_a_video_cut_short(cli: Cli, clip: Any, between: Between) -> None:
    with av.open(str(clip.video)) as video, av.open("copy.mkv", "w") as copy:
        stream = copy.add_stream_from_template(video.streams.video[0])
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)

    def cut() -> None:
        whole = Path("copy.mkv").read_bytes()
        Path("copy.mkv").write_bytes(whole[: len(whole) // 2])

    between(cut)
    result = cli("run", "copy.mkv", "--model", clip.model, "--out", "o")
    left = summary_of("o")["smoothing"]["why"].split(": ")[1].split()[0]
    assert 0 < int(left) < clip.frames
    check_pictures_left(result, clip.frames, f"{left} frames of the 20 there were are left")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda folder: (folder / "003.png").unlink(),
            "19 frames of the 20 there were are left",
        ),
        (
            lambda folder: shutil.copy(folder / "005.png", folder / "000a.png"),
            "there are more frames than the 20 there were",
        ),
    ],
)
def test_a_picture_deleted_or_inserted(
    cli: Cli,
    clip: Any,
    pictures: Path,
    between: Between,
    change: Callable[[Path], object],
    why: str,
) -> None:
    between(lambda: change(pictures))
    result = cli("run", "pictures", "--image-fps", 10, "--model", clip.model, "--out", "o")
    check_pictures_left(result, 20, why)


def test_lists_need_no_source(cli: Cli, clip: Any, between: Between) -> None:
    """Nothing but lists is wanted: the second pass does not look at the source."""
    shutil.copy(clip.video, "copy.mp4")
    between(Path("copy.mp4").unlink)
    run = ("run", "copy.mp4", "--model", clip.model, "--save", "jsonl,csv,mot", "--out", "o")
    result = cli(*run)
    assert result.exit_code == 0, result.output
    assert summary_of("o")["smoothing"].keys() == {"method", "wall_s"}
    assert len(list(read_tracks("o/tracks.jsonl"))) == clip.frames


def test_nothing_but_pictures_that_have_changed(cli: Cli, clip: Any, between: Between) -> None:
    """No file is smoothed then, and the counts are those of the tracks as they came."""
    run = ("run", "copy.mp4", "--model", clip.model, "--save", "video", "--stop", "0.7", "--out")
    shutil.copy(clip.video, "copy.mp4")
    assert cli(*run, "online", "--no-smooth").exit_code == 0
    between(lambda: film("copy.mp4", 4, 10.0))
    result = cli(*run, "o")
    assert result.exit_code == 0, result.output
    assert "in the other files" not in result.stderr
    smoothing = summary_of("o")["smoothing"]
    assert (smoothing["method"], smoothing["as_they_came"]) == ("none", ["annotated.mp4"])
    for name in ("objects_confirmed", "candidates_suppressed", "candidates_undecided"):
        assert summary_of("o")[name] == summary_of("online")[name]
    assert Path("o/annotated.mp4").read_bytes() == Path("online/annotated.mp4").read_bytes()


def test_tracks_are_counted_once(cli: Cli, clip: Any) -> None:
    """With pictures and without, the counts are the same."""
    for out, save in (("all", "video,jsonl"), ("lists", "jsonl"), ("pictures", "video")):
        run = ("run", clip.video, "--model", clip.model, "--save", save, "--out", out)
        assert cli(*run).exit_code == 0
    one, *others = (summary_of(out) for out in ("all", "lists", "pictures"))
    for name in ("objects_confirmed", "objects_by_class", "candidates_suppressed"):
        assert [other[name] for other in others] == [one[name]] * 2
    assert one["objects_confirmed"] == 1


def check_all_online(result: Any, online: str, said: str) -> None:
    """The files and the counts are those of a run without smoothing, and the error is told."""
    assert result.exit_code == 2
    assert said in result.stderr
    summary, other = summary_of("o"), summary_of(online)
    assert summary["ended"].startswith("error: smoothing: ")
    assert said in summary["ended"]
    assert summary["smoothing"] == {"method": "none"}
    for name in ("annotated.mp4", "tracks.csv", "tracks.txt"):
        assert Path("o", name).read_bytes() == Path(online, name).read_bytes()
    # But for the second in which they were made.
    assert header_of("o") | {"created": ""} == header_of(online) | {"created": ""}
    one, two = (Path(out, "tracks.jsonl").read_text().splitlines() for out in ("o", online))
    assert one[1:] == two[1:]
    for name in ("frames", "objects_confirmed", "candidates_suppressed", "candidates_undecided"):
        assert summary[name] == other[name]
    assert {p.name for p in Path("o").iterdir()} == set(summary["files"])


def test_a_full_disk_leaves_the_tracks_as_they_came_and_says_so(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ("run", clip.video, "--model", clip.model, "--out")
    assert cli(*run, "online", "--no-smooth").exit_code == 0

    def full(*given: Any, **more: Any) -> Any:
        raise OSError(28, "No space left on device", "smoothing.partial/tracks.csv")

    monkeypatch.setattr(second_pass, "file_sinks", full)
    check_all_online(cli(*run, "o"), "online", "No space left on device")


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_files_are_replaced_all_together_or_not_at_all(
    cli: Cli, clip: Any, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    run = ("run", clip.video, "--model", clip.model, "--out")
    assert cli(*run, "online", "--no-smooth").exit_code == 0
    put, calls = files.put_in_place, []

    def full(finished: Path, path: Path) -> None:
        if Path(finished).parent.name == "smoothing.partial":
            calls.append(path)
            if len(calls) == failing:
                raise OSError(28, "No space left on device", str(path))
        put(finished, path)

    monkeypatch.setattr(files, "put_in_place", full)
    check_all_online(cli(*run, "o"), "online", "No space left on device")
    assert len(calls) == failing
