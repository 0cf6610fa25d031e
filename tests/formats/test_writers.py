"""What all writers of tracks have in common."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tracker.errors import InputError
from tracker.formats import (
    CocoWriter,
    CsvWriter,
    MotWriter,
    TracksJsonlWriter,
    coco,
    csv,
    jsonl,
    mot,
)
from tracker.tracks import Tracks

NAMES = ("person", "car, small")
WRITERS = {
    "mot": lambda path: MotWriter(path),
    "csv": lambda path: CsvWriter(path, class_names=NAMES),
    "coco": lambda path: CocoWriter(path, class_names=NAMES),
    "jsonl": lambda path: TracksJsonlWriter(path, class_names=NAMES),
}
ROWS = {
    "mot": lambda path: len(mot.read(path)),
    "csv": lambda path: len(csv.read(path)),
    "coco": lambda path: len(coco.read(path)),
    "jsonl": lambda path: sum(len(f.tracks) for f in jsonl.read_tracks(path)),
}

every = pytest.mark.parametrize("kind", WRITERS)


@every
def test_no_frames_and_empty_frames(kind, tmp_path, frame):
    path = tmp_path / "x.json"
    with WRITERS[kind](path):
        pass
    assert ROWS[kind](path) == 0
    with WRITERS[kind](path) as writer:
        writer.write(frame(0), Tracks.empty())
        writer.write(frame(1), Tracks.empty(classes=2))
    assert ROWS[kind](path) == 0


@every
def test_an_exception_leaves_what_was_written(kind, tmp_path, frame, tracks):
    path = tmp_path / "x.json"

    def interrupted() -> None:
        with WRITERS[kind](path) as writer:
            writer.write(frame(0), tracks(3))
            writer.write(frame(1), tracks(4))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ROWS[kind](path) == 7


@pytest.mark.parametrize("kind", ["mot", "csv", "jsonl"])
def test_readable_while_it_is_being_written(kind, tmp_path, frame, tracks):
    path = tmp_path / "x"
    with WRITERS[kind](path) as writer:
        for i in range(3):
            writer.write(frame(i), tracks(5))
            assert ROWS[kind](path) == 5 * (i + 1)


@every
def test_close_twice_and_write_after_close(kind, tmp_path, frame, tracks):
    writer = WRITERS[kind](tmp_path / "x.json")
    writer.write(frame(0), tracks(1))
    writer.close()
    writer.close()
    with pytest.raises(InputError, match=r"x\.json is closed: write inside the with block"):
        writer.write(frame(1), tracks(1))
    assert ROWS[kind](tmp_path / "x.json") == 1


@every
def test_an_old_file_is_replaced(kind, tmp_path, frame, tracks):
    path = tmp_path / "x.json"
    path.write_text("old\n" * 1000)
    with WRITERS[kind](path) as writer:
        writer.write(frame(0), tracks(2))
    assert ROWS[kind](path) == 2


@every
def test_probabilities_never_round_to_certainty(kind, tmp_path, frame, tracks):
    t = tracks(2)
    columns = {name: getattr(t, name) for name in t.__slots__}
    columns["existence"] = columns["score"] = np.array([1e-12, 1 - 1e-12])
    path = tmp_path / "x.json"
    with WRITERS[kind](path) as writer:
        writer.write(frame(0), Tracks(**columns))
    score = {
        "mot": lambda: mot.read(path).score,
        "csv": lambda: csv.read(path)["score"],
        "coco": lambda: coco.read(path).score,
        "jsonl": lambda: next(iter(jsonl.read_tracks(path))).tracks.score,
    }[kind]()
    assert score.min() > 0
    assert score.max() < 1


@pytest.mark.parametrize("kind", ["csv", "coco", "jsonl"])
def test_a_class_without_a_name_is_an_error(kind, tmp_path, frame, tracks):
    with (
        WRITERS[kind](tmp_path / "x.json") as writer,
        pytest.raises(InputError, match=r"has no name: class_names has 2 entries"),
    ):
        writer.write(frame(0), tracks(20, classes=5))


@every
def test_a_hundred_frames_of_fifty_tracks_take_well_under_a_second(kind, tmp_path, frame, tracks):
    t = tracks(50)
    start = time.process_time()
    with WRITERS[kind](tmp_path / "x.json") as writer:
        for i in range(100):
            writer.write(frame(i), t)
    assert time.process_time() - start < 0.8
