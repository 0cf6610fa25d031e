import itertools
from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_speed, track_detections
from tracker.formats import mot


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One sequence of 20 frames with one walker, missing in two of them."""
    folder = tmp_path / "data" / "walk"
    folder.mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=walk\nframeRate=10\nseqLength=20\n")
    lines = [
        f"{k},-1,{10 + 2 * k},20,30,80,0.8,-1,-1,-1\n" for k in range(1, 21) if k not in (7, 8)
    ]
    (folder / "det.txt").write_text("".join(lines))
    return tmp_path / "data"


def test_a_folder_of_sequences(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert track_detections.main([str(data), str(tmp_path / "out")]) == 0
    rows = mot.read(tmp_path / "out" / "walk.txt")
    assert rows.frame.tolist() == list(range(1, 21)), "coasted through the gap"
    assert set(rows.track_id.tolist()) == {1}
    existence = rows.extra[:, 0]
    assert existence[-1] > 0.9 > existence[0]
    assert rows.score[6] < rows.score[5]
    assert "20 frames" in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--smooth"], ["--lag", "5"]])
def test_with_the_future_known(data: Path, tmp_path: Path, option: list[str]):
    assert track_detections.main([str(data), str(tmp_path / "out")]) == 0
    assert track_detections.main([str(data), str(tmp_path / "seen"), *option]) == 0
    online, seen = (mot.read(tmp_path / name / "walk.txt") for name in ("out", "seen"))
    assert seen.frame.tolist() == online.frame.tolist() == list(range(1, 21))
    assert seen.extra[0, 0] > 0.7 > online.extra[0, 0]
    assert seen.extra[7, 0] > online.extra[7, 0], "in the gap"


def test_scores_that_are_no_probabilities(data: Path, tmp_path: Path, capsys):
    (data / "walk" / "det.txt").write_text("1,-1,10,20,30,80,17.5,-1,-1,-1\n")
    assert track_detections.main([str(data), str(tmp_path / "out")]) == 2
    assert "not probabilities" in capsys.readouterr().err


def test_nothing_there(tmp_path: Path, capsys):
    assert track_detections.main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "seqinfo.ini" in capsys.readouterr().err


def test_the_speed_benchmark_runs(capsys):
    assert benchmark_speed.main(["--objects", "3", "--budget", "0.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| conftrack | 0.") for line in lines)


def test_scenes_repeat():
    a, b = (list(benchmark_speed.scene(5, frames=3)) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("option", "told"), [([], True), (["--image-size"], True), (["--no-image-size"], False)]
)
def test_who_leaves_the_picture_ends_where_its_size_is_told(data, tmp_path, option, told):
    """At 60 px/s a walker is out of a picture of 200 px in time for ten more frames."""
    folder = data / "walk"
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nframeRate=10\nseqLength=40\nimWidth=200\nimHeight=150\n"
    )
    lines = [f"{k},-1,{6 * k},20,30,80,0.8,-1,-1,-1\n" for k in range(1, 29)]
    (folder / "det.txt").write_text("".join(lines))
    assert track_detections.main([str(data), str(tmp_path / "out"), *option]) == 0
    rows = mot.read(tmp_path / "out" / "walk.txt")
    assert (rows.frame.max() == 40) is not told
    if told:
        assert rows.xyxy[rows.frame == rows.frame.max(), 0].max() < 200


def test_a_size_that_is_not_there_is_an_error(data, tmp_path, capsys):
    assert track_detections.main([str(data), str(tmp_path / "out"), "--image-size"]) == 2
    assert "imWidth" in capsys.readouterr().err


def test_a_camera_whose_motion_was_recorded_takes_the_tracks_along(data, tmp_path):
    """Who leaps with the picture every half second is one track where the leaps are known."""
    folder, leap = data / "walk", 150
    shift = [leap * (k // 5) % 600 for k in range(20)]
    lines = [f"{k + 1},-1,{40 + x},20,30,80,0.8,-1,-1,-1\n" for k, x in enumerate(shift)]
    (folder / "det.txt").write_text("".join(lines))
    moves = tmp_path / "moves"
    moves.mkdir()
    steps = [0, *(b - a for a, b in itertools.pairwise(shift))]
    text = "".join(f"{k} 1 0 {x} 0 1 0\n" for k, x in enumerate(steps))
    (moves / "walk.txt").write_text(text)
    counts = {}
    for name, option in (("with", ["--warps", str(moves)]), ("without", [])):
        assert track_detections.main([str(data), str(tmp_path / name), *option]) == 0
        rows = mot.read(tmp_path / name / "walk.txt")
        counts[name] = len(np.unique(rows.track_id))
    assert counts["with"] == 1 < counts["without"]


@pytest.mark.parametrize("text", ["0 1 0 0 0 1\n", "0 one\n"])
def test_recorded_motion_that_cannot_be_read_is_an_error(data, tmp_path, capsys, text):
    (tmp_path / "walk.txt").write_text(text)
    options = [str(data), str(tmp_path / "out"), "--warps", str(tmp_path)]
    assert track_detections.main(options) == 2
    assert "walk.txt" in capsys.readouterr().err
