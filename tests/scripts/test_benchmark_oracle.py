"""A walker, a poster, and somebody beside whom the box lies: what each oracle mends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_attempts, benchmark_oracle
from scripts.benchmark_oracle import KNOWN, judged_of
from scripts.quality import scores
from scripts.track_detections import Recording
from tracker import Detections, TrackerConfig
from tracker.evaluation import BoxSequence, TruthSequence

FRAMES = 20
FRAME = np.arange(FRAMES)


def walker(x: float) -> np.ndarray:
    return np.column_stack([x + FRAME, FRAME * 0 + 20, x + FRAME + 30, FRAME * 0 + 100.0])


@pytest.fixture
def data() -> scores.SetData:
    """Two walkers; the second is found 12 px beside where it is, and a poster at 400."""
    xyxy = np.concatenate([walker(10), walker(200)])
    frame, ones = np.tile(FRAME, 2), np.ones(2 * FRAMES, np.int64)
    order = np.argsort(frame, kind="stable")
    truth = TruthSequence(
        "a", ("person",), frame[order], np.repeat([7, 8], FRAMES)[order], xyxy[order],
        0 * ones, (0 * ones).astype(np.int8), fps=10.0,
    )  # fmt: skip
    poster = np.tile([400.0, 20, 430, 100], (FRAMES, 1))
    found = np.stack([walker(10), walker(212), poster], axis=1)
    frames = [Detections(boxes, [0.9, 0.8, 0.7]) for boxes in found]
    boxes = BoxSequence(
        "a", (), np.repeat(FRAME, 3), np.full(3 * FRAMES, -1), found.reshape(-1, 4),
        np.tile([0.9, 0.8, 0.7], FRAMES), np.full(3 * FRAMES, np.nan), np.zeros(3 * FRAMES, int),
    )  # fmt: skip
    return scores.SetData("one", [Recording("a", frames, 10.0)], [truth], [boxes])


def figures(data: scores.SetData, known: str) -> list[float]:
    """Gain, HOTA and IDF1 of tracks that change their identity in the middle."""
    boxes = data.detections[0]
    cut = np.tile([1, 2, 3], FRAMES) + 10 * (boxes.frame >= FRAMES // 2)
    tracks = BoxSequence(
        "a", (), boxes.frame, cut, boxes.xyxy, boxes.score, boxes.score, boxes.class_id
    )
    (judged,) = judged_of(data, [tracks])
    told = benchmark_oracle.cell(data, [KNOWN[known](judged)], {})
    gain, _, hota, idf1, _ = told.split(" / ")
    return [float(gain), float(hota), float(idf1)]


def test_each_oracle_mends_what_it_knows_and_nothing_else(data):
    pytest.importorskip("trackeval")
    gain, hota, idf1 = figures(data, "")
    # The poster ranks below both walkers and the second of them is wrong: there is nothing to gain.
    assert gain == 0.0
    for known in ("which tracks are real", "which boxes are right"):
        told = figures(data, known)
        assert told[0] == 0.0
        assert told[2] > idf1
    told = figures(data, "where objects are")
    assert told[0] == 50.0
    assert told[1] > hota
    told = figures(data, "who is who")
    assert told[0] == 0.0
    assert told[1] > hota
    assert told[2] > idf1


def test_a_recorded_video_has_its_own_times(tmp_path: Path):
    header = {"schema": "conftrack.detections", "version": 1, "source": "a.mp4", "model": "m"}
    header |= {"class_names": ["person"], "created": "2026-01-01T00:00:00+00:00"}
    box = {"xyxy": [10.0, 20.0, 40.0, 100.0], "confidence": 0.5, "class_id": 0}
    box["class_probabilities"] = None
    frames = [
        {"frame": k, "timestamp_s": k / 25, "detections": [box] if k else []} for k in range(5)
    ]
    lines = [json.dumps(line) + "\n" for line in (header, *frames)]
    (tmp_path / "detections.jsonl").write_text("".join(lines))
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=5\n")
    (tmp_path / "gt.txt").write_text("2,1,10,20,30,80,1,1,1\n")
    data = benchmark_oracle.recorded(
        "mine", str(tmp_path / "detections.jsonl"), str(tmp_path / "gt.txt")
    )
    (one,) = data.recordings
    assert one.rate == pytest.approx(25.0)
    assert [len(frame) for frame in one.frames] == [0, 1, 1, 1, 1]


def test_the_table(data, tmp_path, capsys, monkeypatch):
    pytest.importorskip("trackeval")
    monkeypatch.setattr(benchmark_oracle, "recorded", lambda *_: data)
    assert benchmark_oracle.main(["--recorded", "one", "a.jsonl", "gt.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 + 2 * len(KNOWN) + 1
    assert lines[2] == "| | one |"
    assert all(line.count(" / ") == 4 for line in lines[4:])


def test_data_that_is_not_there_is_said(tmp_path, capsys):
    assert benchmark_oracle.main([str(tmp_path)]) == 2
    assert "holds no SEQUENCE" in capsys.readouterr().err


def test_attempts_are_judged_at_once_and_smoothed(data, tmp_path, capsys, monkeypatch):
    pytest.importorskip("trackeval")
    monkeypatch.setattr(benchmark_attempts, "recorded", lambda *_: data)
    few = {"the default": TrackerConfig()}
    monkeypatch.setattr(benchmark_attempts, "ATTEMPTS", few)
    (tmp_path / "mine.toml").write_text("[existence]\nbirth = 0.5\n")
    told = [
        "--recorded",
        "one",
        "a.jsonl",
        "gt.txt",
        "--config",
        "mine",
        str(tmp_path / "mine.toml"),
    ]
    assert benchmark_attempts.main(told) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| the default", "| mine"]
    assert all(line.count(" / ") == 5 and line.count("; ") == 1 for line in lines[4:])
    assert benchmark_attempts.main(["--config", "mine", str(tmp_path / "none.toml")]) == 2
