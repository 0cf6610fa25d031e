"""The command that measures a detector for its model card."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from scripts import evaluate_detector
from tracker.detections import Detections

A, B = [0, 0, 10, 10], [50, 0, 60, 10]


def test_command_measures_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    truth = tmp_path / "gt.txt"
    # Frame 1: a person; one not to be judged (flag 0); frame 2: a static person (class 7).
    truth.write_text("1,1,0,0,10,10,1,1,1\n1,2,50,0,10,10,0,1,1\n2,3,50,0,10,10,1,7,1\n")

    class Fixed:
        """Finds the same two boxes in every frame."""

        name, class_names, device = "fixed", ("person",), "cpu"

        def detect(self, frames):
            one = Detections(
                np.array([A, B], float), np.array([0.9, 0.3]), np.zeros(2, int), np.ones((2, 1))
            )
            return [one for _ in frames]

    monkeypatch.setattr(detectors, "load", lambda *_, **__: Fixed())
    assert evaluate_detector.main([str(tmp_path), str(truth), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 2
    assert result["recall@0.5"] == 1.0
    assert result["false_per_frame@0.5"] == 0.5  # A in frame 2
    assert result["false_per_frame@0.05"] == 0.5  # both B lie on ignored rows
    assert result["ap50"] == pytest.approx(0.5)  # right and wrong share the score 0.9


def test_part_of_a_video_and_a_place_where_no_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(60):
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), np.zeros((60, 80, 3), np.uint8))
    truth = tmp_path / "none.txt"
    truth.write_text("")
    seen = []

    class Fixed:
        """Finds one box in every frame."""

        name, class_names, device = "fixed", ("person",), "cpu"

        def detect(self, frames):
            seen.extend(frame.index for frame in frames)
            one = Detections(
                np.array([A], float), np.array([0.9]), np.zeros(1, int), np.ones((1, 1))
            )
            return [one for _ in frames]

    monkeypatch.setattr(detectors, "load", lambda *_, **__: Fixed())
    options = ["--start", "1", "--stop", "1.5", "--every", "5", "--json"]
    assert evaluate_detector.main([str(tmp_path), str(truth), *options]) == 0
    assert seen == [30, 35, 40]
    result = json.loads(capsys.readouterr().out)
    assert (result["frames"], result["false_per_frame@0.5"]) == (3, 1.0)


def test_bad_input_ends_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_detector.main(["x.mp4", str(tmp_path / "none.txt"), "--detector", "nope"]) == 1
    assert "unknown detector 'nope'" in capsys.readouterr().err
