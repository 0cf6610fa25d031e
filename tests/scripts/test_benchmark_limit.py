"""Two walkers and two posters: what a learner sees, what it is told, and what the table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_limit
from scripts.quality.history import COLUMNS, histories, told
from scripts.track_detections import read_recording
from tracker import TrackerConfig
from tracker.evaluation import BoxSequence

pytest.importorskip("sklearn")

FRAMES = 30


def write(folder: Path, shift: float) -> None:
    """A walker at 0.6 that is real, a poster at 0.6 that is not, and a walker that is missed."""
    folder.mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate=10\nseqLength={FRAMES}\n")
    truth, found = [], []
    for k in range(1, FRAMES + 1):
        walker = f"{10 + shift + 3 * k},20,30,80"
        truth += [f"{k},1,{walker},1,1,1\n", f"{k},2,{200 + k},20,30,80,1,1,1\n"]
        found += [f"{k},-1,{walker},0.6,-1,-1,-1\n", f"{k},-1,400,20,60,80,0.6,-1,-1,-1\n"]
    (folder / "gt.txt").write_text("".join(truth))
    (folder / "det.txt").write_text("".join(found))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, shift in (("one", 0.0), ("two", 7.0)):
        write(tmp_path / "data" / name / "a", shift)
    return tmp_path / "data"


def test_the_columns_are_what_they_are_called(data):
    one = histories(read_recording(data / "one" / "a"))
    assert one.columns.shape == (len(one.boxes), len(COLUMNS))
    assert np.isfinite(one.columns).all()
    column = dict(zip(COLUMNS, one.columns.T, strict=True))
    now = np.log(0.6 / 0.4)
    for name in ("mean logit over 2.5 s", "largest logit", "first logit", "logit now"):
        np.testing.assert_allclose(column[name], now, rtol=1e-9)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-column["logit existence"])), one.boxes.existence, atol=2e-3
    )
    last = one.boxes.frame == FRAMES - 1
    assert column["hits"][last].tolist() == [FRAMES, FRAMES]
    # (1 − e^(−n·dt/τ)) of what a track of endless life has.
    np.testing.assert_allclose(column["share of 10 s lived"][last], 1 - np.exp(-FRAMES * 0.1 / 10))


def test_values_find_their_boxes_whatever_is_left_out():
    frame, track = np.array([0, 0, 1, 1, 1]), np.array([3, 9, 3, 9, 11])
    zeros = np.zeros(5)
    boxes = np.tile([0.0, 0.0, 5.0, 5.0], (5, 1))
    every = BoxSequence("a", (), frame, track, boxes, zeros, zeros, track * 0)
    some = every.select(np.array([False, True, False, True, True]))
    assert told(some, every, np.arange(5)).tolist() == [1, 3, 4]


def test_a_learner_that_has_seen_the_answers_ranks_better(data):
    sets = {n: benchmark_limit.boxes_of(data / n, TrackerConfig()) for n in ("one", "two")}
    # The walker's boxes are right and the poster's wrong; the missed walker has no box.
    for boxes in sets.values():
        (right,) = boxes.right
        moving = boxes.sequences[0].boxes.xyxy[:, 0] < 300
        assert right.tolist() == moving.astype(int).tolist()
    rows = benchmark_limit.limit(sets, [])
    assert list(rows) == [
        "learned where it is tested, all sets",
        "learned where it is tested, a set",
        "learned on other sets",
    ]
    for boxes in rows["learned where it is tested, all sets"].values():
        (one,) = boxes
        moving = one.xyxy[:, 0] < 300
        assert one.score[moving].min() > one.score[~moving].max()
    # Where all sets show one place, there is nothing else to learn from.
    assert "learned on other sets" not in benchmark_limit.limit(sets, [["one", "two"]])


def test_the_table_has_a_row_for_each_part_and_learner(data, capsys):
    assert benchmark_limit.main([str(data), "--only", "limit"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert lines[0] == "| | one | two |"
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "| the default",
        "| learned where it is tested, all sets",
        "| learned where it is tested, a set",
        "| learned on other sets",
    ]
    # Ranked perfectly: half of the true boxes, no false one before the last; the raw ones alike.
    assert lines[2].split(" | ")[1].endswith(" / 0.00")


def test_no_data_is_an_error(tmp_path, capsys):
    assert benchmark_limit.main([str(tmp_path)]) == 2
    assert "holds no SEQUENCE/seqinfo.ini" in capsys.readouterr().err
