"""Rescaling to a height keeps boxes and pixels together; the command prints a row a height."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts import recall_by_height
from scripts.training.coco import load_scenes


def test_scene_is_scaled_to_the_height(streets: tuple[Path, Path]) -> None:
    scene = next(s for s in load_scenes(*streets) if len(s.persons))
    scaled = recall_by_height.at_height(scene, 55.0)
    assert np.median(scaled.persons[:, 3] - scaled.persons[:, 1]) == pytest.approx(55.0)
    ratio = scaled.image.shape[0] / scene.image.shape[0]
    assert scaled.persons[0, 0] / scene.persons[0, 0] == pytest.approx(ratio, rel=0.02)


def test_command_prints_a_row_for_each_height(
    streets: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recall_by_height, "HEIGHTS", (60, 110))
    assert recall_by_height.main([str(path) for path in streets]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("height persons")
    assert [int(row.split()[0]) for row in rows] == [60, 110]
    assert float(rows[1].split()[2]) >= 0.75  # the bundled weights know drawn walkers


def test_missing_weights_end_with_a_message(
    streets: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none.safetensors")
    assert recall_by_height.main([*map(str, streets), "--weights", missing]) == 1
    assert "no weights at" in capsys.readouterr().err
