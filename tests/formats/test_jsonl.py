from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tracker import Detections
from tracker.errors import InputError
from tracker.formats import jsonl
from tracker.formats.jsonl import DetectionsJsonlWriter, TracksJsonlWriter

NAMES = ("person", "Wägelchen")


@pytest.fixture
def written(tmp_path, frame, tracks):
    path = tmp_path / "t.jsonl"
    with TracksJsonlWriter(path, class_names=NAMES, source="a.mp4", model="m", seed=3) as writer:
        writer.write(frame(0), tracks(0))
        writer.write(frame(1), tracks(4, timestamp_s=1 / 30))
        writer.write(frame(4), tracks(2, timestamp_s=4 / 30), looked=False)
    return path


def test_header(written):
    header = json.loads(written.read_text().splitlines()[0])
    assert header["schema"] == "conftrack.tracks"
    assert header["version"] == 1
    assert header["class_names"] == list(NAMES)
    assert (header["source"], header["model"], header["seed"]) == ("a.mp4", "m", 3)
    assert header["created"].endswith("+00:00")
    assert jsonl.read_tracks(written).header == header


def test_round_trip(written, tracks):
    file = jsonl.read_tracks(written)
    for _ in range(2):  # it can be read again
        records = list(file)
        assert [r.index for r in records] == [0, 1, 4]
        assert [r.looked for r in records] == [True, True, False]
    assert file.truncated_lines == 0
    expected, found = tracks(4), records[1].tracks
    assert found.timestamp_s == pytest.approx(1 / 30, abs=1e-6)
    for name, atol in {
        "track_id": 0, "xyxy": 0.006, "velocity": 0.006, "existence": 1e-6, "score": 1e-6,
        "state": 0, "class_id": 0, "hits": 0, "misses": 0, "age_s": 1e-6, "gap_s": 1e-6,
        "detection": 0,
    }.items():  # fmt: skip
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=atol)
    np.testing.assert_allclose(found.class_probabilities, expected.class_probabilities, atol=0.01)
    assert found.state.dtype == np.int8
    assert np.isnan(found.covariance).all()
    assert len(found[found.confirmed]) == expected.confirmed.sum()


def test_states_are_words_and_come_back(tmp_path, frame, tracks):
    states = np.array([0, 1, 2, 4], np.int8)
    path = tmp_path / "t.jsonl"
    with TracksJsonlWriter(path, class_names=NAMES, source="a.mp4", model="m") as writer:
        writer.write(frame(0), replace(tracks(4), state=states))
    line = json.loads(path.read_text().splitlines()[1])
    words = ["tentative", "confirmed", "coasting", "lost"]
    assert [t["state"] for t in line["tracks"]] == words
    (record,) = jsonl.read_tracks(path)
    assert record.tracks.state.tolist() == states.tolist()
    assert record.tracks.lost.tolist() == [False, False, False, True]


def test_each_line_has_the_documented_keys(written):
    line = json.loads(written.read_text().splitlines()[2])
    assert list(line) == ["frame", "timestamp_s", "looked", "tracks"]
    assert set(line["tracks"][0]) == {
        "id", "xyxy", "existence", "score", "state", "class_id", "class", "class_probabilities",
        "velocity", "hits", "misses", "age_s", "gap_s", "detected",
    }  # fmt: skip


def test_small_class_probabilities_are_left_out_of_tracks(tmp_path, frame, tracks):
    path = tmp_path / "t.jsonl"
    with TracksJsonlWriter(path, class_names=[str(i) for i in range(300)]) as writer:
        writer.write(frame(0), tracks(2, classes=300))
    line = json.loads(path.read_text().splitlines()[1])
    for track in line["tracks"]:
        assert all(p >= 0.01 for p in track["class_probabilities"].values())


def test_no_class_probabilities(tmp_path, frame, tracks):
    path = tmp_path / "t.jsonl"
    with TracksJsonlWriter(path, class_names=NAMES) as writer:
        writer.write(frame(0), tracks(2, classes=0))
    record = next(iter(jsonl.read_tracks(path)))
    assert record.tracks.class_probabilities.shape == (2, 0)


def test_detections_of_a_float32_network_come_back_exactly(tmp_path, frame):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 900, (50, 2)).astype(np.float32)
    box = np.hstack([corner, corner + rng.uniform(1, 90, (50, 2)).astype(np.float32)])
    vectors = rng.dirichlet(np.ones(2), 50).astype(np.float32)
    given = Detections(box, vectors.max(1), vectors.argmax(1), vectors)
    path = tmp_path / "d.jsonl"
    with DetectionsJsonlWriter(path, class_names=NAMES) as writer:
        writer.write(frame(0), given)
        writer.write(frame(1), Detections.empty(2))
    first, second = jsonl.read_detections(path)
    np.testing.assert_array_equal(first.detections.xyxy, given.xyxy)
    np.testing.assert_array_equal(first.detections.confidence, given.confidence)
    np.testing.assert_array_equal(first.detections.class_id, given.class_id)
    np.testing.assert_allclose(
        first.detections.class_probabilities, given.class_probabilities, atol=1e-4
    )
    assert len(second.detections) == 0
    assert second.timestamp_s == pytest.approx(1 / 30, abs=1e-6)


def test_cut_off_anywhere_it_says_so_and_gives_what_is_whole(written):
    whole = written.read_bytes()
    lines = whole.splitlines(keepends=True)
    start = len(whole) - len(lines[-1])
    for end in (start + 1, start + 50, len(whole) - 1):
        written.write_bytes(whole[:end])
        file = jsonl.read_tracks(written)
        assert [r.index for r in file] == [0, 1]
        assert file.truncated_lines == 1
    written.write_bytes(whole[:start])
    file = jsonl.read_tracks(written)
    assert len(list(file)) == 2
    assert file.truncated_lines == 0


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("", 'expected a header with "schema": "conftrack.tracks"'),
        ('{"frame": 0}', "expected a header"),
        ("[1]", "expected a header"),
        ('{"schema": "conftrack.detections", "version": 1}', 'got "conftrack.detections"'),
        ('{"schema": "conftrack.tracks", "version": 2}', "version 2 of conftrack.tracks is not kn"),
        ('{"schema": "conftrack.tracks"}', "version None"),
        ('{"schema": "conftrack.tracks", "version": 1}', '"class_names" must be a list'),
    ],
)
def test_headers_that_are_refused(tmp_path, header, problem):
    path = tmp_path / "t.jsonl"
    path.write_text(header + "\n")
    with pytest.raises(InputError, match=rf"t\.jsonl:1: .*{problem}"):
        jsonl.read_tracks(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda line: line[:-9] + "\n", "delimiter|Expecting|Unterminated"),
        (lambda line: line.replace('"looked"', '"looks"'), "missing key 'looked'"),
        (lambda line: line.replace('"id"', '"ident"'), "missing key 'id'"),
        (lambda line: line.replace('"frame":1', '"frame":0'), "frame 0 follows frame 0"),
        (lambda line: line.replace('"person"', '"dragon"'), "class 'dragon' is not among"),
        (lambda line: '{"frame":1,"timestamp_s":0,"looked":true,"tracks":7}\n', "int"),
        (lambda line: "[]\n", "list indices"),
    ],
)
def test_bad_lines_are_named_by_number(written, change, problem):
    lines = written.read_text().splitlines(keepends=True)
    lines[2] = change(lines[2])
    written.write_text("".join(lines))
    with pytest.raises(InputError, match=rf"t\.jsonl:3: .*({problem})"):
        list(jsonl.read_tracks(written))


def test_bad_detections_are_named_by_line_and_row(tmp_path, frame):
    path = tmp_path / "d.jsonl"
    with DetectionsJsonlWriter(path, class_names=NAMES) as writer:
        writer.write(frame(0), Detections([[0, 0, 5, 5]], [0.5]))
    path.write_text(path.read_text().replace('"confidence":0.5', '"confidence":7'))
    with pytest.raises(InputError, match=r"d\.jsonl:2: confidence\[0\] must be in \[0, 1\], got 7"):
        list(jsonl.read_detections(path))
