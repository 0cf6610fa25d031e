"""The curves of docs/loop.md: over the frames that were looked at, judged as everywhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts import make_loop_figure
from tracker.formats import mot


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two frames: a person found strongly, then weakly beside a false box of equal strength."""
    truth, found = tmp_path / "gt.txt", tmp_path / "det.txt"
    truth.write_text("1,1,0,0,10,20,1,1,1\n2,1,0,0,10,20,1,1,1\n2,2,50,0,10,20,0,1,1\n")
    found.write_text(
        "1,-1,0,0,10,20,0.9\n2,-1,0,0,10,20,0.4\n2,-1,30,0,10,20,0.4\n2,-1,50,0,10,20,0.8\n"
    )
    return truth, found


def test_curve_of_recorded_detections(files) -> None:
    truth, found = files
    curve, frames = make_loop_figure.curve_of(found, mot.read(truth))
    assert frames == 2
    assert curve.recall.tolist() == [0.5, 1.0]
    assert curve.false.tolist() == [0, 1]  # the box on what is not judged counts neither way


def test_figure_has_a_panel_a_video_and_a_colour_a_name(files, tmp_path, capsys) -> None:
    pytest.importorskip("matplotlib")
    truth, found = map(str, files)
    out = tmp_path / "loop.png"
    one = ["--panel", "one", truth, "--line", "before", found, "--line", "after", found]
    assert make_loop_figure.main([str(out), *one]) == 0
    single = cv2.imread(str(out))
    assert make_loop_figure.main([str(out), *one, *one]) == 0
    both = cv2.imread(str(out))
    assert both.shape[1] > 1.5 * single.shape[1]
    blue = np.abs(single.astype(int) - [0xB2, 0x72, 0]).sum(axis=2) < 30
    assert blue.sum() > 50  # the second line's colour
    assert capsys.readouterr().out == f"{out}\n" * 2


def test_line_without_a_panel_is_refused(files, capsys) -> None:
    with pytest.raises(SystemExit):
        make_loop_figure.main(["x.png", "--line", "a", str(files[1])])
    assert "--line comes after the --panel" in capsys.readouterr().err
    assert make_loop_figure.main(["x.png", "--panel", "one", str(files[0])]) == 1
    assert "one has no --line" in capsys.readouterr().err


def test_missing_file_ends_with_a_message(files, tmp_path, capsys) -> None:
    command = [str(tmp_path / "x.png"), "--panel", "one", str(tmp_path / "none.txt")]
    assert make_loop_figure.main([*command, "--line", "a", str(files[1])]) == 1
    assert "none.txt" in capsys.readouterr().err
