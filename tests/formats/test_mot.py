from __future__ import annotations

import numpy as np
import pytest

from tracker.errors import InputError
from tracker.formats import mot
from tracker.formats.mot import MotWriter


def test_round_trip(tmp_path, frame, tracks):
    path = tmp_path / "t.txt"
    t = tracks(5)
    with MotWriter(path) as writer:
        writer.write(frame(0), t)
        writer.write(frame(7), t[:2])
    rows = mot.read(path)
    assert rows.frame.tolist() == [1] * 5 + [8] * 2
    assert rows.track_id.tolist() == [1, 2, 3, 4, 5, 1, 2]
    np.testing.assert_allclose(rows.xyxy[:5], t.xyxy, atol=0.011)
    np.testing.assert_allclose(rows.score[:5], t.score, atol=1e-6)
    np.testing.assert_allclose(rows.extra[:5, 0], t.existence, atol=1e-6)
    assert (rows.extra[:, 1:] == -1).all()
    assert rows.truncated_lines == 0


def test_the_ten_columns_to_the_letter(tmp_path, frame, tracks):
    path = tmp_path / "t.txt"
    with MotWriter(path) as writer:
        writer.write(frame(0), tracks(1))
    line = path.read_text()
    assert line.count(",") == 9
    assert line.startswith("1,1,")
    assert line.endswith(",-1,-1\n")


def test_detections_and_ground_truth(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,10,20,30.5,40,0.9\n\n1,-1,1e1,2,3,4,-0.5\n")
    rows = mot.read(path)
    np.testing.assert_allclose(rows.xyxy[0], [10, 20, 40.5, 60])
    assert rows.score.tolist() == [0.9, -0.5]
    assert rows.extra.shape == (2, 0)
    path.write_bytes("\ufeff1,3,10,20,30,40,1,7,0.25\r\n".encode())
    assert mot.read(path).extra.tolist() == [[7, 0.25]]


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty(tmp_path, text):
    path = tmp_path / "t.txt"
    path.write_text(text)
    rows = mot.read(path)
    assert len(rows) == 0
    assert rows.xyxy.shape == (0, 4)


GOOD = "1,1,10,20,30,40,0.9\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,1,10,20,x,40,0.9", "could not convert string to float: 'x'"),
        ("1,1,10,20,30,40", "expected 7 columns as in the other lines, got 6"),
        ("0,1,10,20,30,40,0.9", "frame must be a whole number from 1"),
        ("1.5,1,10,20,30,40,0.9", "frame must be a whole number from 1"),
        ("1,1.5,10,20,30,40,0.9", "id must be a whole number"),
        ("1,1,10,20,-3,40,0.9", "w and h must not be negative"),
        ("1,1,nan,20,30,40,0.9", "must be finite"),
        ("1,1,10,20,inf,40,0.9", "must be finite"),
        ("1,1,10,20,30,40,", "could not convert"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_errors_have_the_lines_number(tmp_path, line, problem):
    path = tmp_path / "t.txt"
    path.write_text(f"{GOOD}\n{line}\n{GOOD}")
    with pytest.raises(InputError, match=rf"t\.txt:3: .*{problem}"):
        mot.read(path)


def test_other_separators_and_too_few_columns(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("1 1 10 20 30 40 0.9\n")
    with pytest.raises(InputError, match=r"t\.txt:1: expected at least 7 columns sep"):
        mot.read(path)


def test_a_cut_off_last_line_is_left_out_and_counted(tmp_path, frame, tracks):
    path = tmp_path / "t.txt"
    with MotWriter(path) as writer:
        writer.write(frame(0), tracks(3))
    whole = path.read_text()
    start_of_last = whole.rstrip("\n").rindex("\n") + 1
    for end in range(start_of_last + 1, len(whole) - 2):
        path.write_text(whole[:end])
        rows = mot.read(path)
        assert (len(rows), rows.truncated_lines) == (2, 1), whole[start_of_last:end]
    path.write_text(whole[:-1])
    assert mot.read(path).truncated_lines == 0
    assert len(mot.read(path)) == 3


def test_large_files_are_read_fast(tmp_path):
    import time

    path = tmp_path / "t.txt"
    path.write_text(GOOD * 100_000)
    start = time.process_time()
    assert len(mot.read(path)) == 100_000
    assert time.process_time() - start < 2
