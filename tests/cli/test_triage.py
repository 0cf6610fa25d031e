"""`conftrack triage`, from a run to a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_a_triage_with_pictures(cli: Cli, street: Path) -> None:
    result = cli("triage", street / "tracks.jsonl", "--yes", 1, "--no", 0)
    assert result.exit_code == 0, result.output
    folder = Path("runs/street-triage")
    told = json.loads((folder / "triage.json").read_text())
    maybe = [one for one in told["tracks"] if one["verdict"] == "maybe"]
    assert len(maybe) == len(told["tracks"]) == 2
    for one in maybe:
        assert (folder / one["crops"]).is_file()
        assert (folder / one["clip"]).is_file()
    text = (folder / "triage.html").read_text()
    assert text.count("<video") == 2
    assert "looks by a person" in result.stdout


def test_what_is_printed_is_what_is_written(cli: Cli, street: Path, tmp_path: Path) -> None:
    result = cli("triage", street, "--cost-miss", 20, "--cost-false", 4, "--cost-review", 1,
                 "--video", "none", "--out", tmp_path / "t")  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "t" / "triage.json").read_text())
    assert told["thresholds"] == {"yes": 0.75, "no": 0.05}
    assert told["costs_given"] is True
    e = told["expected"]
    assert f"{e['false']:.1f} ± {e['false_spread']:.1f} false" in result.stdout
    assert f"{e['missed']:.1f} ± {e['missed_spread']:.1f} missed" in result.stdout
    assert f"{e['maybe']:,} looks" in result.stdout
    assert not (tmp_path / "t" / "clips").exists()


def test_the_queue_can_be_short(cli: Cli, street: Path) -> None:
    result = cli("triage", street, "--yes", 1, "--no", 0, "--queue", 1)
    assert result.exit_code == 0
    assert "the first 1 of 2" in result.stderr
    assert len(list(Path("runs/street-triage/clips").glob("*.mp4"))) == 1


def test_answers_stay_when_a_triage_is_replaced(cli: Cli, street: Path, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    first = ("triage", street, "--out", folder, "--yes", 1, "--no", 0)
    assert cli(*first).exit_code == 0
    (folder / "answers.jsonl").write_text("{}\n")
    assert cli(*first).exit_code == 2
    assert cli("triage", street, "--out", folder, "--overwrite").exit_code == 0
    assert (folder / "answers.jsonl").read_text() == "{}\n"


def test_without_the_video_it_says_so(cli: Cli, street: Path) -> None:
    text = (street / "tracks.jsonl").read_text()
    (street / "tracks.jsonl").write_text(text.replace("clip.mp4", "gone.mp4"))
    result = cli("triage", street, "--yes", 1, "--no", 0)
    assert result.exit_code == 0, result.output
    assert "--video PATH" in result.stderr
    assert "<video" not in Path("runs/street-triage/triage.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--yes", 0.9, "--cost-miss", 1), "give --yes and --no, or costs"),
        (("--cost-miss", 1), "give all of --cost-miss"),
        (("--yes", 0.1, "--no", 0.9), "0 <= no <= yes <= 1"),
        (("--cost-miss", 1, "--cost-false", -1, "--cost-review", 1), "the cost of false"),
    ],
)
def test_what_cannot_be(cli: Cli, street: Path, arguments: tuple[Any, ...], message: str) -> None:
    result = cli("triage", street, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("runs").exists()
