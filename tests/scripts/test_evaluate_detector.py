"""The numbers of the model card: average precision against hand-worked cases, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from scripts import evaluate_detector
from scripts.detection_metrics import ScoreCurve
from tracker.detections import Detections
from tracker.evaluation.matching import match_boxes


def curve_of(scores: list[float], truth: list[list[float]], boxes: list[list[float]]) -> ScoreCurve:
    curve = ScoreCurve()
    values = np.asarray(scores, float)
    curve.add(values, match_boxes(np.reshape(boxes, (-1, 4)), values, np.reshape(truth, (-1, 4))))
    return curve


A, B, NOWHERE = [0, 0, 10, 10], [50, 0, 60, 10], [200, 0, 210, 10]


def test_average_precision_by_hand() -> None:
    # Right, wrong, right: precision 1 up to recall 1/2, then 2/3.
    curve = curve_of([0.9, 0.8, 0.7], [A, B], [A, NOWHERE, B])
    assert curve.average_precision() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert curve.recall(0.75) == 0.5
    assert curve.false_per_frame(0.75) == 1.0


def test_equal_scores_are_one_point() -> None:
    assert curve_of([0.5, 0.5], [A], [A, NOWHERE]).average_precision() == pytest.approx(0.5)
    assert curve_of([0.5, 0.5], [A], [NOWHERE, A]).average_precision() == pytest.approx(0.5)


@pytest.mark.parametrize(("truth", "boxes"), [([], []), ([A], []), ([], [A])])
def test_empty_frames(truth: list[list[float]], boxes: list[list[float]]) -> None:
    curve = curve_of([0.5] * len(boxes), truth, boxes)
    assert curve.average_precision() == 0.0
    assert curve.false_per_frame(0.0) == len(boxes)
    assert ScoreCurve().recall(0.0) == 0.0


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


def test_bad_input_ends_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_detector.main(["x.mp4", str(tmp_path / "none.txt"), "--detector", "nope"]) == 1
    assert "unknown detector 'nope'" in capsys.readouterr().err
