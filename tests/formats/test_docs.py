"""The examples of docs/formats.md are what the readers read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tracker.formats import coco, csv, jsonl, mot
from tracker.review.answers import read_answers

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path):
    """Write the block that opens with ```KIND TAG into a file."""

    def write(kind: str, tag: str, name: str) -> Path:
        (text,) = re.findall(rf"```{kind} {re.escape(tag)}\n(.*?)```", PAGE, re.S)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def documented(title: str) -> set[str]:
    """Every name in code marks of a section."""
    return set(re.findall(r"`(\w+)`", PAGE.split(f"## {title}\n")[1].split("\n## ")[0]))


def test_tracks(example):
    path = example("jsonl", "tracks", "t.jsonl")
    file = jsonl.read_tracks(path)
    assert [len(f.tracks) for f in file] == [0, 1, 1]
    assert [f.looked for f in file] == [True, True, False]
    assert file.truncated_lines == 0
    header, _, line, _ = (json.loads(text) for text in path.read_text().splitlines())
    assert {*header, *line, *line["tracks"][0]} <= documented("Tracks, JSONL")


def test_the_writer_writes_the_documented_keys(example, tmp_path):
    file = jsonl.read_tracks(example("jsonl", "tracks", "t.jsonl"))
    copy = tmp_path / "copy.jsonl"
    header = {k: file.header[k] for k in ("source", "model", "created")}
    with jsonl.TracksJsonlWriter(copy, class_names=file.class_names, **header) as writer:
        for record in file:
            writer.write(record, record.tracks, looked=record.looked)
    assert copy.read_text() == (tmp_path / "t.jsonl").read_text()


def test_detections(example, tmp_path):
    path = example("jsonl", "detections", "d.jsonl")
    file = jsonl.read_detections(path)
    assert [len(f.detections) for f in file] == [0, 1]
    copy = tmp_path / "copy.jsonl"
    header = {k: file.header[k] for k in ("source", "model", "created", "width", "height")}
    with jsonl.DetectionsJsonlWriter(copy, class_names=file.class_names, **header) as writer:
        for record in file:
            writer.write(record, record.detections)
    assert copy.read_text() == path.read_text()


def test_csv(example):
    rows = csv.read(example("csv", "tracks", "t.csv"))
    assert len(rows) == 1
    assert rows["class"][0] == "car"


def test_mot(example):
    rows = mot.read(example("csv", "mot", "t.txt"))
    assert rows.xyxy.tolist() == [[100, 50.5, 180.25, 110]]


def test_coco(example):
    results = coco.read(example("json", "coco", "c.json"))
    images = coco.load_json(example("json", "coco.images", "c.images.json"))
    assert results.image_id[0] in {i["id"] for i in images["images"]}
    assert results.category_id[0] in {c["id"] for c in images["categories"]}


def test_answers(example):
    path = example("jsonl", "answers", "a.jsonl")
    answers = read_answers(path)
    assert [one.answer for one in answers] == ["yes", "undo", "no"]
    assert "".join(one.to_line() for one in answers) == path.read_text()
    keys = set(json.loads(path.read_text().splitlines()[0]))
    assert keys <= documented("Answers, JSONL")


def test_every_key_of_the_summary_is_documented():
    from tracker.summary import RunSummary

    names = set(RunSummary.__dataclass_fields__)
    extra = {"schema", "version", "model", "config", "options", "files"}
    assert names | extra <= documented("Summary, JSON")
