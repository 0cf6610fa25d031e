from __future__ import annotations

import numpy as np
import pytest

from tracker.errors import InputError
from tracker.formats import csv
from tracker.formats.csv import CsvWriter
from tracker.tracks import TrackState

NAMES = ("person", 'car, "small"')


@pytest.fixture
def written(tmp_path, frame, tracks):
    path = tmp_path / "t.csv"
    with CsvWriter(path, class_names=NAMES) as writer:
        writer.write(frame(3), tracks(6))
    return path


def test_round_trip(written, tracks):
    t, rows = tracks(6), csv.read(written)
    assert len(rows) == 6
    assert rows["frame"].tolist() == [3] * 6
    assert rows["timestamp_s"][0] == pytest.approx(0.1)
    assert rows["id"].tolist() == t.track_id.tolist()
    for i, name in enumerate(("x1", "y1", "x2", "y2")):
        np.testing.assert_allclose(rows[name], t.xyxy[:, i], atol=0.006)
    np.testing.assert_allclose(rows["existence"], t.existence, atol=1e-6)
    assert rows["state"].tolist() == [TrackState(s).name.lower() for s in t.state]
    assert rows["class"].tolist() == [NAMES[i] for i in t.class_id]
    assert rows["detected"].tolist() == t.seen.astype(int).tolist()
    np.testing.assert_allclose(rows["vy"], t.velocity[:, 1], atol=0.006)


def test_the_standard_library_reads_the_same(written):
    import csv as standard

    with written.open(newline="") as file:
        rows = list(standard.DictReader(file))
    assert list(rows[0]) == list(csv.COLUMNS)
    assert rows[0]["class"] in NAMES


def test_a_cut_off_last_line_is_left_out_and_counted(written):
    whole = written.read_text()
    written.write_text(whole[:-1])
    rows = csv.read(written)
    assert (len(rows), rows.truncated_lines) == (5, 1)
    assert csv.read(written)["id"].dtype == np.int64


def test_errors_have_the_lines_number(written):
    lines = written.read_text().splitlines(keepends=True)
    written.write_text("".join([*lines[:2], lines[2].replace("3,", "x,", 1), *lines[3:]]))
    with pytest.raises(InputError, match=r"t\.csv:3: invalid literal"):
        csv.read(written)
    written.write_text("".join([*lines[:3], "1,2\n"]))
    with pytest.raises(InputError, match=r"t\.csv:4: expected 19 columns, got 2"):
        csv.read(written)
    for text in ("", "a,b\n"):
        written.write_text(text)
        with pytest.raises(InputError, match=r"t\.csv:1: expected the columns frame,timestamp_s"):
            csv.read(written)
