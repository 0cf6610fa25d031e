"""The picture of before and after: judged by the truth, of the frame where most got better."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts import make_loop_image

PERSON, THING = [40, 30, 70, 110], [120, 30, 150, 110]


def record(path: Path, frames: list[list[tuple[list[int], float]]]) -> Path:
    """MOT text: a row a box, frames from 1."""
    rows = [
        f"{number},-1,{x1},{y1},{x2 - x1},{y2 - y1},{confidence}"
        for number, boxes in enumerate(frames, 1)
        for (x1, y1, x2, y2), confidence in boxes
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def street(tmp_path: Path) -> tuple[list[str], Path]:
    """Three frames: the first as before, the second better by two, the third worse."""
    pictures = tmp_path / "street"
    pictures.mkdir()
    for number in range(3):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((160, 200, 3), 90, np.uint8))
    x1, y1, x2, y2 = PERSON
    truth = tmp_path / "gt.txt"
    truth.write_text(
        "\n".join(f"{n},1,{x1},{y1},{x2 - x1},{y2 - y1},1,1,1" for n in (1, 2, 3)) + "\n"
    )
    right, wrong, weak = (PERSON, 0.9), (THING, 0.8), (THING, 0.3)
    before = record(tmp_path / "before.txt", [[right], [wrong, (PERSON, 0.4)], [right]])
    after = record(tmp_path / "after.txt", [[right, weak], [right], [right, wrong]])
    return [str(pictures), str(truth), str(before), str(after)], tmp_path / "loop.jpg"


def test_frame_that_got_better_is_drawn(street, capsys) -> None:
    command, out = street
    assert make_loop_image.main([*command, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "frame 1, 2 mistakes, then 0; of 3 frames 1 have fewer than before, 1 more" in told
    picture = cv2.imread(str(out))[..., ::-1].astype(int)
    assert picture.shape == (160, 400, 3)

    def coloured(half: int, box: list[int]) -> np.ndarray:
        middle = (box[1] + box[3]) // 2
        return picture[middle - 14 : middle + 14, 200 * half + box[0]].mean(axis=0)

    assert coloured(0, THING)[0] > 150 > coloured(0, THING)[1]  # red: false
    person = coloured(0, PERSON)
    assert min(person[:2]) > 110 > person[2]  # yellow dashes: missed
    assert coloured(1, PERSON)[1] > 150 > coloured(1, PERSON)[0]  # green: right
    np.testing.assert_allclose(coloured(1, THING), 90, atol=12)  # nothing


def test_frame_can_be_chosen(street, capsys) -> None:
    command, out = street
    assert make_loop_image.main([*command, "--out", str(out), "--frame", "2"]) == 0
    assert "frame 2, 0 mistakes, then 1" in capsys.readouterr().out
    assert make_loop_image.main([*command, "--out", str(out), "--frame", "9"]) == 1
    assert "has no frame 9" in capsys.readouterr().err


def test_weak_boxes_count_from_the_threshold(street, capsys) -> None:
    command, out = street
    options = ["--out", str(out), "--threshold", "0.25", "--frame", "0"]
    assert make_loop_image.main([*command, *options]) == 0
    assert "frame 0, 0 mistakes, then 1" in capsys.readouterr().out
