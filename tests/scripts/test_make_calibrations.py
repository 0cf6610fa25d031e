"""The packaged calibrations: made by one command from labelled sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import make_calibrations
from tests.calibration.kit import recording
from tests.cli.test_calibrate import write
from tracker.calibration import load, names


def test_one_command_makes_those_that_there_are_sets_for(tmp_path: Path):
    for k in range(2):
        write(recording(k, 30), tmp_path / "data" / "mot17" / f"s{k}")
    out = tmp_path / "out"
    assert make_calibrations.main([str(tmp_path / "data"), "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["yolox-x-mot17.toml"]
    about = load(out / "yolox-x-mot17.toml").about
    assert about.sequences == ("s0", "s1")
    assert about.command == "python scripts/make_calibrations.py data yolox-x-mot17"
    assert str(tmp_path) not in (out / "yolox-x-mot17.toml").read_text(encoding="utf-8")


def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for options, message in (((), "no folder of any"), (("x",), "known are yolox-x-mot17")):
        assert make_calibrations.main([str(tmp_path), *options, "--out", str(tmp_path)]) == 2
        assert message in capsys.readouterr().err


def test_all_that_are_packaged_are_of_a_known_set():
    assert set(names()) <= set(make_calibrations.SOURCES)
