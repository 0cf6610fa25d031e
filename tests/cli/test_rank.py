"""`conftrack rank`, from a run to a folder to label."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Clip

Cli = Callable[..., Any]


def test_a_ranking_and_what_it_says(cli: Cli, street: Path) -> None:
    result = cli("rank", street, "--top", 3)
    assert result.exit_code == 0, result.output
    told = json.loads(Path("runs/street-rank/ranking.json").read_text())
    assert (told["schema"], told["version"]) == ("conftrack.ranking", 1)
    assert told["by"] == "track-disagreement"
    assert told["candidates"] == 20
    frames = told["frames"]
    assert [one["rank"] for one in frames] == [1, 2, 3]
    assert [one["value"] for one in frames] == sorted((x["value"] for x in frames), reverse=True)
    assert "track-disagreement" in result.stdout
    assert "ranking.json" in result.stdout


def test_pictures_and_all_exports(cli: Cli, street: Path, tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "label"
    done = cli("rank", street, "--top", 2, "--export", "all", "--out", folder, "--label-from", 0.1)
    assert done.exit_code == 0, done.output
    data = json.loads((folder / "coco.json").read_text())
    assert len(data["images"]) == 2
    assert data["annotations"]
    for image in data["images"]:
        assert cv2.imread(str(folder / "images" / image["file_name"])).shape == (96, 128, 3)
        stem = Path(image["file_name"]).stem
        assert stem == f"street-{image['frame_index']:06d}"
        assert (folder / "labels" / f"{stem}.txt").is_file()
    for name in ("data.yaml", "label_studio.json", "label_studio.xml", "cvat.xml", "fiftyone.json"):
        assert (folder / name).is_file()
    # Again: refused, then replaced as a whole.
    again = ("rank", street, "--top", 1, "--export", "images", "--out", folder)
    assert cli(*again).exit_code == 2
    assert cli(*again, "--overwrite", "--image-format", "png").exit_code == 0
    assert [path.suffix for path in (folder / "images").iterdir()] == [".png"]
    assert not (folder / "coco.json").exists()
    assert not (folder / "labels").exists()


def test_what_the_pictures_show_is_the_frame_of_the_labels(
    cli: Cli, street: Path, tmp_path: Path
) -> None:
    """The clip's square is where the label of that frame is."""
    import cv2

    folder = tmp_path / "label"
    cli("rank", street, "--top", 20, "--export", "coco", "--image-format", "png", "--out", folder)
    data = json.loads((folder / "coco.json").read_text())
    box = {one["image_id"]: one["bbox"] for one in data["annotations"] if one["track_id"] == 1}
    assert len(box) > 10
    for image in data["images"]:
        if image["id"] not in box:
            continue
        x, y, w, h = (round(v) for v in box[image["id"]])
        grey = cv2.imread(str(folder / "images" / image["file_name"]), cv2.IMREAD_GRAYSCALE)
        assert grey[y + 4 : y + h - 4, x + 4 : x + w - 4].mean() > 150


def test_diverse_says_when_there_are_not_enough(cli: Cli, street: Path) -> None:
    result = cli("rank", street, "--diverse", "--top", 5)
    assert result.exit_code == 0, result.output
    told = json.loads(Path("runs/street-rank/ranking.json").read_text())
    assert told["told_apart_by"] == ["picture", "layout"]
    times = sorted(one["timestamp_s"] for one in told["frames"])
    assert all(b - a >= 1.0 for a, b in pairwise(times))
    assert "frames, not 5" in result.stderr


def test_two_runs_share(cli: Cli, street: Path, clip: Clip) -> None:
    result = cli("rank", street, street, "--by", "entropy", "--top", 4, "--per-video", 2,
                 "--export", "images")  # fmt: skip
    assert result.exit_code == 0, result.output
    folder = Path("runs/street-rank")
    told = json.loads((folder / "ranking.json").read_text())
    assert [one["run"] for one in told["frames"]].count(0) == 2
    assert len(list((folder / "images").glob("street-2-*.jpg"))) == 2


def test_without_a_recording(cli: Cli, street: Path) -> None:
    (street / "detections.jsonl").unlink()
    refused = cli("rank", street, "--by", "margin")
    assert refused.exit_code == 2
    assert "--save all" in refused.stderr
    assert not Path("runs").exists()
    result = cli("rank", street, "--top", 2)
    assert result.exit_code == 0
    assert "score stands for" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "luck"), "--by takes one of entropy"),
        (("--export", "pascal"), "--export takes a list"),
        (("--export", "coco", "--video", "none"), "say where with --video"),
        (("--video", "a.mp4", "--video", "b.mp4"), "2 times for 1 runs"),
    ],
)
def test_what_cannot_be(cli: Cli, street: Path, arguments: tuple[str, ...], message: str) -> None:
    result = cli("rank", street, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("runs").exists()


def test_another_video_is_refused(cli: Cli, street: Path, tmp_path: Path) -> None:
    import numpy as np

    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "other.mp4", fps=25) as video:
        for k in range(30):
            video.write(np.full((96, 128, 3), k, np.uint8), k / 25)
    result = cli("rank", street, "--export", "images", "--video", tmp_path / "other.mp4")
    assert result.exit_code == 2
    assert "made of another video" in result.stderr


def test_reasons_are_told_in_words() -> None:
    from tracker.cli.ranking_tables import reasons_in_words

    told = {"missed": (1, 36), "hard_positives": (), "hard_negatives": tuple(range(13))}
    assert reasons_in_words(told) == "missed: tracks 1, 36; clutter: 13 tracks"
    assert reasons_in_words({"switches": tuple(range(1, 9))}) == (
        "switched: tracks 1, 2, 3, 4, 5, 6, …"
    )
    assert reasons_in_words({"hard_negatives": (4,)}) == "clutter: 1 track"
    assert reasons_in_words({}) == ""


def test_the_names_of_reasons_are_documented() -> None:
    from dataclasses import fields

    from tracker.review.signals import Reasons

    page = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    table = page.split("| terminal | `tracks` in `ranking.json` |")[1].split("\n\n")[0]
    assert all(f"| `{field.name}` |" in table for field in fields(Reasons))
