"""`conftrack evaluate`: one line gives the whole report, and mistakes are answered."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.kit import run_folder, write

pytest.importorskip("trackeval")
Cli = Callable[..., Any]


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """runs/street as a run leaves it, gt.txt beside it; returns the truth."""
    return run_folder(tmp_path / "street").rename(tmp_path / "gt.txt")


def test_one_line_gives_the_whole_report(cli: Cli, street: Path) -> None:
    done = cli("evaluate", "--tracks", "street", "--truth", "gt.txt")
    assert done.exit_code == 0, done.output
    for words in ("AP at IoU 0.5", "HOTA", "ECE", "Which threshold", "street-evaluation"):
        assert words in done.stdout
    assert "raw detections: those in street" in done.stderr
    folder = Path("runs/street-evaluation")
    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert content["overall"]["detections"] is not None
    assert content["compared"] == {"truth": "gt.txt", "tracks": "street", "detections": "street"}
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {"precision_recall.png", "reliability_existence.png", "track_1.png"} <= {
        path.name for path in folder.iterdir()
    }
    again = cli("evaluate", "--tracks", "street", "--truth", "gt.txt", "--save", "json")
    assert again.exit_code == 0
    assert [path.name for path in Path("runs/street-evaluation-2").iterdir()] == ["report.json"]


def test_a_report_is_not_replaced_unasked(cli: Cli, street: Path) -> None:
    command = (
        "evaluate",
        "--tracks",
        "street",
        "--truth",
        "gt.txt",
        "--save",
        "json",
        "--out",
        "r",
    )
    assert cli(*command).exit_code == 0
    refused = cli(*command)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert cli(*command, "--overwrite").exit_code == 0
    # Into the folder of the run: what the run wrote stays.
    inside = cli(*command[:-1], "street", "--overwrite")
    assert inside.exit_code == 0
    assert Path("street/tracks.jsonl").exists()


def test_what_is_not_judged_is_said(cli: Cli, street: Path) -> None:
    tracks = Path("street/tracks.jsonl")
    lines = tracks.read_text(encoding="utf-8").splitlines(keepends=True)
    tracks.write_text("".join(lines[:11]), encoding="utf-8")  # a header and 10 of 40 frames
    done = cli("evaluate", "--tracks", tracks, "--truth", "gt.txt", "--detections", "none",
               "--save", "none")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "only 10 of 40 frames are judged, those looked at by the tracks" in done.stderr


def test_nothing_is_written_where_nothing_is_wanted(cli: Cli, street: Path) -> None:
    done = cli("evaluate", "--tracks", "street", "--truth", "gt.txt", "--save", "none")
    assert done.exit_code == 0
    assert not Path("runs").exists()
    quiet = cli("evaluate", "--tracks", "street", "--truth", "gt.txt", "--save", "json", "-q")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_advice_follows_the_options(cli: Cli, street: Path) -> None:
    common = ("evaluate", "--tracks", "street", "--truth", "gt.txt", "--save", "json", "--out")
    for name, options in (
        ("costs", ("--cost-miss", 10, "--cost-false", 1)),
        ("precise", ("--precision", 0.9, "--by", "existence", "--per", "object")),
        ("found", ("--recall", 0.5)),
    ):
        assert cli(*common, name, *options).exit_code == 0
    advice = {
        name: json.loads(Path(name, "report.json").read_text())["advice"]
        for name in ("costs", "precise", "found")
    }
    assert advice["costs"]["believed"] == pytest.approx(1 / 11)
    assert (advice["precise"]["by"], advice["precise"]["unit"]) == ("existence", "object")
    assert advice["precise"]["chosen"]["precision"] >= 0.9
    assert advice["found"]["chosen"]["recall"] >= 0.5
    low, high = advice["found"]["threshold"]
    assert low <= advice["found"]["chosen"]["threshold"] <= high


def test_folders_of_sequences(cli: Cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "data" / name / "gt" / "gt.txt", ["1,1,0,0,10,10,1,1,1"])
        write(tmp_path / "data" / name / "seqinfo.ini", ["[Sequence]", "seqLength=2"])
        write(tmp_path / "data" / name / "det" / "det.txt", ["1,-1,0,0,10,10,0.5,-1,-1,-1"])
        write(tmp_path / "out" / f"{name}.txt", ["1,1,0,0,10,10,0.9,0.9,-1,-1"])
    done = cli("evaluate", "--tracks", "out", "--truth", "data", "--save", "none")
    assert done.exit_code == 0, done.output
    assert re.search(r"^a +1\.000 +1\.000", done.stdout, re.M)
    assert "2 sequences, 4 frames" in done.stdout
    without = cli(
        "evaluate", "--tracks", "out", "--truth", "data", "--save", "none", "--detections", "none"
    )
    assert "raw" not in without.output
    Path("out/b.txt").unlink()
    missing = cli("evaluate", "--tracks", "out", "--truth", "data", "--save", "none")
    assert missing.exit_code == 2
    assert "no tracks of sequence b" in missing.stderr


def test_raw_scores_that_are_no_probabilities(cli: Cli, street: Path, tmp_path: Path) -> None:
    Path("street/detections.jsonl").unlink()
    write(tmp_path / "det.txt", ["1,-1,20,40,30,80,55,-1,-1,-1", "2,-1,20,40,30,80,-5,-1,-1,-1"])
    command = ("evaluate", "--tracks", "street", "--truth", "gt.txt", "--save", "none")
    found = cli(*command)  # lying there: left out, and said
    assert found.exit_code == 0
    assert "compared with no raw detections" in found.stderr
    asked = cli(*command, "--detections", "det.txt")
    assert asked.exit_code == 2
    assert "--score-map" in asked.stderr
    assert cli(*command, "--detections", "det.txt", "--score-map", "sigmoid").exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --tracks, --detections, or both"),
        (("--tracks", "nowhere"), "nowhere does not exist"),
        (("--tracks", "street", "--save", "pdf"), "--save does not know 'pdf'"),
        (("--tracks", "street", "--cost-miss", 3), "give both --cost-miss and --cost-false"),
        (("--tracks", "street", "--precision", 2), "precision must be in"),
        (("--tracks", "street", "--classes", "dog"), "the truth has no class dog; it has person"),
        (("--tracks", "street", "--show-tracks", "999"), "no track '999'"),
        (("--tracks", "street", "--iou", 0), "min_iou must be in"),
    ],
)
def test_mistakes_are_answered(
    cli: Cli, street: Path, options: tuple[Any, ...], words: str
) -> None:
    done = cli("evaluate", "--truth", "gt.txt", *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", ["trackeval", "matplotlib"])
def test_a_missing_extra_says_how_to_get_it(
    cli: Cli, street: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, name, None)
    done = cli("evaluate", "--tracks", "street", "--truth", "gt.txt")
    assert done.exit_code == 2
    assert f'{name} is not installed: pip install -e ".[evaluate]"' in done.stderr
    assert not Path("runs").exists()
