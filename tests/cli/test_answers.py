"""`conftrack calibrate --answers` and `conftrack evaluate --answers`, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.calibration.reviewed import answer_all, street, world, write_run
from tracker.calibration import load
from tracker.review.answers import AnswerLog, read_answers
from tracker.review.lives import lives_of
from tracker.review.reading import read_run

Cli = Callable[..., Any]


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """runs/street, reviewed; returns its answers."""
    folder = tmp_path / "runs" / "street"
    real = street(folder)
    lives = lives_of(read_run(folder))
    low = lives.track_id[lives.probability < 0.1].tolist()
    drawn = [(track, 8 / len(low)) for track in low[:: len(low) // 8][:8]]
    answer_all(AnswerLog(folder / "answers.jsonl"), folder, real, audits=drawn)
    return Path("runs/street/answers.jsonl")


def test_answers_make_a_calibration(cli: Cli, answers: Path) -> None:
    command = ("calibrate", "runs/street", "--answers", answers)
    done = cli(*command, "--out", "taught.toml")
    assert done.exit_code == 0, done.output
    for words in ("below 0.1", "by audits", "Log-loss of", "probably of objects"):
        assert words in done.stdout
    assert "answers of 1 reviewer: anna" in done.stderr
    found = load("taught.toml")
    assert (found.about.method, found.about.detector) == ("answers", "toy")
    assert found.about.command == f"conftrack calibrate runs/street --answers {answers}"
    assert not found.existence.is_identity
    assert not found.afterwards.is_identity
    # The same again, and of several reviewers what most say.
    for one in read_answers(answers):
        AnswerLog("ben.jsonl").append(replace(one, reviewer="ben"))
    both = cli(*command, "--answers", "ben.jsonl", "--out", "both.toml")
    assert both.exit_code == 0, both.output
    assert "answers of 2 reviewers: anna, ben" in both.stderr
    assert replace(load("both.toml"), about=found.about) == found


def test_runs_teach_together(cli: Cli, answers: Path, tmp_path: Path) -> None:
    other = tmp_path / "runs" / "other"
    real = write_run(other, world(seed=5, frames=60))
    answer_all(AnswerLog(other / "answers.jsonl"), other, real)
    done = cli("calibrate", "runs/street", other, "--answers", answers, "--answers",
               other / "answers.jsonl", "--out", "two.toml")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert load("two.toml").about.sequences == ("street", "other")


def test_mistakes_of_calibrate_are_answered(cli: Cli, answers: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "other", world(seed=5, frames=20))
    AnswerLog("empty.jsonl")
    for command, words in (
        (("runs/street",), "belong together"),
        (("--answers", answers), "belong together"),
        (("runs/other", "--answers", answers), "is of run"),
        (("runs/street", "runs/street", "--answers", answers), "the same"),
        (("runs/street", "--answers", "empty.jsonl"), "nothing was answered"),
        (("runs/street", "--answers", answers, "--unlabelled"), "neither --truth nor"),
        (("runs/nowhere", "--answers", answers), "holds no tracks.jsonl"),
        (("runs/street", "--answers", "nothing.jsonl"), "nothing.jsonl"),
    ):
        done = cli("calibrate", *command, "--out", "x.toml")
        assert done.exit_code in (1, 2), done.output
        assert words in " ".join(done.stderr.split())
        assert not Path("x.toml").exists()


def test_nothing_answered_judges_nothing(cli: Cli, answers: Path) -> None:
    AnswerLog("unsure.jsonl")
    for text in ("", answers.read_text().replace('"answer":"yes"', '"answer":"unsure"').replace(
        '"answer":"no"', '"answer":"unsure"'
    )):  # fmt: skip
        Path("unsure.jsonl").write_text(text)
        done = cli("evaluate", "--tracks", "runs/street", "--answers", "unsure.jsonl")
        assert done.exit_code == 2, done.output
        assert "nothing was answered with yes or no" in done.stderr


def test_answers_judge_a_run(cli: Cli, answers: Path) -> None:
    pytest.importorskip("matplotlib")
    command = ("evaluate", "--tracks", "runs/street", "--answers", answers)
    done = cli(*command, "--out", "report")
    assert done.exit_code == 0, done.output
    for words in ("Share of real tracks among", "Is existence true?", "Not known", "recall"):
        assert words in done.stdout
    plain = json.loads(Path("report/report.json").read_text(encoding="utf-8"))
    assert (plain["schema"], plain["version"]) == ("conftrack.evaluation-by-answers", 1)
    given = read_answers(answers)
    assert plain["answered"] == len(given)
    assert plain["answers"]["reviewers"] == ["anna"]
    assert plain["compared"] == {"tracks": "runs/street", "answers": str(answers)}
    assert {p["name"] for p in plain["precision"]} >= {"ever confirmed", "all tracks"}
    # Nothing that answers cannot know.
    text = json.dumps({k: v for k, v in plain.items() if k != "not_known"})
    for word in ('"recall', '"ap"', '"missed"', '"hota"'):
        assert word not in text
    page = Path("report/report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    for words in ("ever confirmed", "Reviewers: anna", "recall, missed objects"):
        assert words in page
    assert Path("report/reliability_answers.png").read_bytes()[:4] == b"\x89PNG"
    refused = cli(*command, "--out", "report")
    assert (refused.exit_code, "--overwrite" in refused.stderr) == (2, True)
    assert cli(*command, "--out", "report", "--overwrite", "--save", "json").exit_code == 0


def test_reviewers_who_differ_are_said(cli: Cli, answers: Path) -> None:
    contrary = {"yes": "no", "no": "yes"}
    for k, one in enumerate(read_answers(answers)):
        said = contrary[one.answer] if k < 3 else one.answer
        AnswerLog("ben.jsonl").append(replace(one, reviewer="ben", answer=said, class_name="car"))
    done = cli("evaluate", "--tracks", "runs/street", "--answers", answers, "--answers",
               "ben.jsonl", "--save", "json", "--out", "r")  # fmt: skip
    assert done.exit_code == 0, done.output
    plain = json.loads(Path("r/report.json").read_text(encoding="utf-8"))["answers"]
    assert (plain["open"], plain["shared"]) == (3, len(read_answers(answers)))
    assert plain["agreed"] == pytest.approx(1 - 3 / plain["shared"])
    assert plain["kappa"] < 1
    assert plain["classes_right"] == 0.0  # the run calls them person
    assert plain["classes"] > 0


def test_mistakes_of_evaluate_are_answered(cli: Cli, answers: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "other", world(seed=5, frames=20))
    for command, words in (
        (("--tracks", "runs/street"), "give --truth; or --answers"),
        (("--answers", answers), "--tracks"),
        (("--answers", answers, "--tracks", "runs/street", "--truth", "gt.txt"), "--truth or"),
        (("--answers", answers, "--tracks", "runs/other"), "is of run"),
    ):
        done = cli("evaluate", *command, "--save", "none")
        assert done.exit_code in (1, 2), done.output
        assert words in " ".join(done.stderr.split())
