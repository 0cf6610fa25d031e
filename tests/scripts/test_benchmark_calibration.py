"""The tables of docs/calibration.md: what they judge is not what was fitted on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_calibration
from tests.calibration.kit import recording
from tests.cli.test_calibrate import write

pytest.importorskip("trackeval")
pytest.importorskip("matplotlib")


def test_short_pieces_are_of_other_footage():
    worlds = [recording(k, 60) for k in range(5)]
    for k, (pieces, judged) in enumerate(benchmark_calibration.short_footage(worlds, 2.0)):
        assert judged is worlds[k]
        assert [len(piece) for piece in pieces] == [20, 20, 20]
        assert not any(piece.name.startswith(f"world {k}:") for piece in pieces)
    two = list(benchmark_calibration.short_footage([recording(0, 120)], 1.0))
    for pieces, judged in two:
        frames = np.concatenate([piece.frames for piece in pieces])
        assert len(frames) == len(set(frames.tolist())) == 30
        # Not one frame, nor any within a tenth of the whole.
        assert np.abs(frames[:, None] - judged.frames).min() > 10
    assert [int(judged.frames[0]) for _, judged in two] == [0, 66]


def test_tables_and_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(benchmark_calibration, "SHORT_S", (1.0,))
    for k in range(2):
        write(recording(k, 15, shift=2.0), tmp_path / "set" / f"s{k}")
    write(recording(2, 30, shift=2.0, posts=3), tmp_path / "camera" / "one")
    data = [str(tmp_path / name) for name in ("set", "camera")]
    assert benchmark_calibration.main([*data, "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "calibration.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert (tmp_path / "out" / "calibration.png").stat().st_size > 1000
    rows = re.findall(r"^\| (set|camera) \| ([^|]+) \| (\d\.\d{3}) ", text, re.M)
    kinds = ["none", "labelled", "unlabelled"]
    maps = [
        "maps", "maps + confidence", "maps + constants", "maps + confidence + constants",
        "maps + confidence + constants + survival",
    ]  # fmt: skip
    scenes = ["labelled, with scene", "unlabelled, with scene"]
    assert [kind for name, kind, _ in rows if name == "set"] == [*kinds, *maps]
    assert [kind for name, kind, _ in rows if name == "camera"] == [*kinds, *scenes, *maps]
    # The same fit stands in two tables.
    assert (
        len({ap for name, kind, ap in rows if name == "set" and kind in (kinds[1], maps[4])}) == 1
    )


def test_settings_are_varied(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for k in range(2):
        write(recording(k, 30, shift=2.0), tmp_path / "set" / f"s{k}")
    command = [str(tmp_path / "set"), "--out", str(tmp_path / "out"), "--vary"]
    assert benchmark_calibration.main([*command, "existence.memory_s"]) == 0
    text = (tmp_path / "out" / "varied.md").read_text(encoding="utf-8")
    settings = re.findall(r"^\| set \| ([^|]+) \|", text, re.M)[1:]  # without the head
    assert [s.split(" = ")[0] for s in settings] == ["as it is", *["existence.memory_s"] * 2]
    assert benchmark_calibration.main([*command, "existence.memory"]) == 2
    assert "--vary existence.memory" in capsys.readouterr().err


def test_what_is_no_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert benchmark_calibration.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "seqinfo.ini" in capsys.readouterr().err
