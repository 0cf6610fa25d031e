"""`conftrack review`: from a run to answers in its folder, also when it is killed."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

Cli = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]
ALL = ("--yes", 1, "--no", 0, "--audit", 0)


def page_of(running: subprocess.Popen[str]) -> int:
    """The port it serves at; what it said before."""
    assert running.stderr is not None
    for line in running.stderr:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
            return int(found[1])
    raise AssertionError("it does not serve a page")


def ask(port: int, path: str, plain: object = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    if plain is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps(plain), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200, data
    return json.loads(data)


def test_killed_in_the_middle_it_goes_on_where_it_was(street: Path, process: Start) -> None:
    first = process("review", street, *ALL, "--port", 0, "--reviewer", "anna")
    try:
        port = page_of(first)
        state = ask(port, "/api/review")
        assert state["reviewer"] == "anna"
        ids = [one["id"] for one in state["queue"]]
        assert len(ids) == 2
        given = {"track": ids[0], "answer": "yes", "class": "person", "reviewer": "anna",
                 "seconds": 1.0, "run": state["run"], "after": 0}  # fmt: skip
        assert ask(port, "/api/answers", given)["answered"] == 1
    finally:
        first.kill()
        first.communicate()
    with (street / "answers.jsonl").open("a") as file:
        file.write('{"format":"conftrack-answers","versi')  # as a dying machine leaves it
    again = process("review", street, *ALL, "--port", 0, "--reviewer", "anna")
    try:
        port = page_of(again)
        state = ask(port, "/api/review")
        assert [one["answer"] for one in state["queue"]] == ["yes", None]
        given |= {"track": ids[1], "answer": "no", "class": None, "after": 1}
        assert ask(port, "/api/answers", given)["answered"] == 2
        again.send_signal(signal.SIGINT)
        out, err = again.communicate(timeout=30)
    finally:
        again.kill()
    assert again.returncode == 0, err
    assert "anna: 2 tracks answered" in out
    lines = [json.loads(line) for line in (street / "answers.jsonl").read_text().splitlines()]
    assert [(line["track"], line["answer"]) for line in lines] == [(ids[0], "yes"), (ids[1], "no")]


def test_without_the_video_it_says_what_to_do(cli: Cli, street: Path) -> None:
    text = (street / "tracks.jsonl").read_text()
    (street / "tracks.jsonl").write_text(text.replace("clip.mp4", "gone.mp4"))
    result = cli("review", street, *ALL)
    assert result.exit_code == 2
    assert "gone.mp4 is not there any more" in result.stderr
    assert "--video PATH" in result.stderr
    assert not (street / "answers.jsonl").exists()
    result = cli("review", street, *ALL, "--video", street / "no.mp4")
    assert result.exit_code == 2
    assert "no.mp4" in result.stderr


def test_a_video_that_is_another_is_refused(cli: Cli, street: Path, tmp_path: Path) -> None:
    import numpy as np

    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "slow.mp4", fps=2) as video:
        for k in range(20):
            video.write(np.zeros((96, 128, 3), np.uint8), k / 2)
    result = cli("review", street, *ALL, "--video", tmp_path / "slow.mp4")
    assert result.exit_code == 2
    assert "made of another video" in result.stderr


def test_answers_of_an_earlier_run_are_not_continued(cli: Cli, street: Path) -> None:
    from tracker.review.answers import Answer, AnswerLog

    old = Answer("0" * 16, 1, "yes", None, "anna", "2026-01-31T12:34:56.789Z", 1.0, 0.5)
    AnswerLog(street / "answers.jsonl").append(old)
    result = cli("review", street, *ALL)
    assert result.exit_code == 2
    assert "give the file another name" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--yes", 0.9, "--cost-miss", 1), "give --yes and --no, or costs"),
        (("--host", "0.0.0.0"), "--token"),
        (("--token", "short"), "at least 12"),
        (("--reviewer", "x" * 70), "name of 1 to 60"),
        (("--yes", 0, "--no", 0, "--audit", 0), "nothing to ask"),
    ],
)
def test_what_cannot_be(cli: Cli, street: Path, arguments: tuple[Any, ...], message: str) -> None:
    result = cli("review", street, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_it_takes_the_folder_of_a_run(cli: Cli, street: Path, tmp_path: Path) -> None:
    assert "give the folder" in cli("review", street / "tracks.jsonl").stderr
    assert "holds no tracks.jsonl" in cli("review", tmp_path / "none").stderr
