"""The log of answers: whole lines whatever happens, and read back as they were."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.review.kit import Row, write_run
from tracker import InputError
from tracker.review.answers import (
    Answer,
    AnswerLog,
    check_run,
    is_printable,
    now,
    read_answers,
    run_key,
)

ONE = Answer("0123456789abcdef", 12, "yes", "person", "anna", "2026-01-31T12:34:56.789Z", 3.2, 0.43)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def test_a_line_is_as_documented() -> None:
    assert json.loads(ONE.to_line()) == {
        "format": "conftrack-answers",
        "version": 1,
        "run": "0123456789abcdef",
        "track": 12,
        "answer": "yes",
        "class": "person",
        "reviewer": "anna",
        "at": "2026-01-31T12:34:56.789Z",
        "seconds": 3.2,
        "probability": 0.43,
        "asked": "maybe",
        "inclusion": 1.0,
    }


@settings(max_examples=40)
@given(
    st.builds(
        Answer,
        run=st.just("0123456789abcdef"),
        track=st.integers(0, 2**40),
        answer=st.sampled_from(["yes", "no", "unsure", "undo"]),
        class_name=st.none() | st.text(max_size=9),
        reviewer=st.text(min_size=1, max_size=9).filter(
            lambda name: bool(name.strip()) and is_printable(name)
        ),
        at=st.just("2026-01-31T12:34:56.789Z"),
        seconds=st.floats(0, 1e6),
        probability=st.floats(0, 1),
        asked=st.sampled_from(["maybe", "audit"]),
        inclusion=st.floats(1e-6, 1),
    )
)
def test_every_answer_comes_back_in_one_line(one: Answer) -> None:
    line = one.to_line()
    assert line.count("\n") == 1
    assert Answer.from_line(line) == one


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"answer": "perhaps"}, "yes, no, unsure, undo"),
        ({"asked": "queue"}, "maybe, audit"),
        ({"track": "12"}, "track"),
        ({"track": True}, "track"),
        ({"class_name": 3}, "class"),
        ({"reviewer": " "}, "reviewer"),
        ({"reviewer": "anna\x1b[2J"}, "cannot be seen"),
        ({"reviewer": "\u202eanna"}, "cannot be seen"),
        ({"reviewer": "an\ud800na"}, "cannot be seen"),
        ({"seconds": 10**400}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"probability": 1.5}, "probability"),
        ({"probability": float("nan")}, "probability"),
        ({"probability": True}, "probability"),
        ({"inclusion": 0.0}, "inclusion"),
        ({"at": "yesterday"}, "ISO 8601"),
        ({"at": "2026-01-31T12:34:56"}, "time zone"),
    ],
)
def test_what_is_no_answer_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        replace(ONE, **wrong)  # type: ignore[arg-type]


def test_the_log_appends_and_creates(path: Path) -> None:
    log = AnswerLog(path)
    assert read_answers(path) == []
    log.append(ONE)
    AnswerLog(path).append(replace(ONE, answer="undo"))
    assert read_answers(path) == [ONE, replace(ONE, answer="undo")]


def test_the_time_now_is_a_time_of_an_answer() -> None:
    replace(ONE, at=now())


@pytest.mark.parametrize("cut", range(1, len(ONE.to_line().encode()) + 1))
def test_a_line_cut_off_anywhere_is_left_out_and_taken_off(path: Path, cut: int) -> None:
    two = replace(ONE, track=13, reviewer="Jörg")
    line = two.to_line().encode()
    path.write_bytes(ONE.to_line().encode() + line[:cut])
    whole = [ONE, two] if cut >= len(line) - 1 else [ONE]  # without its line feed it is whole
    assert read_answers(path) == whole
    AnswerLog(path).append(replace(ONE, track=14))
    assert read_answers(path) == [*whole, replace(ONE, track=14)]
    assert path.read_bytes().count(b"\n") == len(whole) + 1


def test_a_torn_line_longer_than_one_look_back(path: Path) -> None:
    torn = replace(ONE, reviewer="x" * 10_000).to_line()[:-5]
    path.write_text(ONE.to_line() + torn)
    AnswerLog(path)
    assert path.read_text() == ONE.to_line()
    path.write_text(torn)
    AnswerLog(path)
    assert path.read_text() == ""


def test_the_zeros_of_a_machine_that_died_are_taken_off(path: Path) -> None:
    path.write_bytes(ONE.to_line().encode() + bytes(512))
    AnswerLog(path).append(replace(ONE, track=13))
    assert [one.track for one in read_answers(path)] == [12, 13]


@pytest.mark.parametrize(
    "foreign", ["notes of mine, without a line feed", ONE.to_line()[:-1].replace(":1,", ":2,")]
)
def test_what_is_no_rest_of_an_answer_is_not_taken_off(path: Path, foreign: str) -> None:
    path.write_text(foreign)
    with pytest.raises(InputError, match="is no list of answers, it ends with"):
        AnswerLog(path)
    assert path.read_text() == foreign


def test_a_bad_line_that_is_not_the_last_is_an_error(path: Path) -> None:
    path.write_text(ONE.to_line() + "{}\n" + ONE.to_line())
    with pytest.raises(InputError, match="line 2: not an answer"):
        read_answers(path)
    path.write_text(ONE.to_line().replace('"version":1', '"version":2'))
    with pytest.raises(InputError, match="line 1: version 2"):
        read_answers(path)
    path.write_text(ONE.to_line().replace('"seconds":3.2,', ""))
    with pytest.raises(InputError, match="line 1: an answer without 'seconds'"):
        read_answers(path)


def test_unknown_keys_and_empty_lines_do_not_matter(path: Path) -> None:
    path.write_text(ONE.to_line().replace("{", '{"mood":"good",', 1) + "\n")
    assert read_answers(path) == [ONE]


def test_many_threads_with_logs_of_their_own_lose_nothing(path: Path) -> None:
    def work(k: int) -> None:
        log = AnswerLog(path)
        for i in range(10):
            log.append(replace(ONE, track=100 * k + i, reviewer=f"r{k}" * 50))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.track for a in read_answers(path)) == [
        100 * k + i for k in range(6) for i in range(10)
    ]


_WRITER = """
import sys
from dataclasses import replace
from tracker.review.answers import Answer, AnswerLog
log = AnswerLog(sys.argv[1])
for i in range(40):
    log.append(Answer("ab", int(sys.argv[2]) + i, "no", None, "x" * 500,
                      "2026-01-31T12:00:00Z", 1, 0.5))
"""


def test_several_processes_lose_nothing(path: Path) -> None:
    at_work = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(100 * k)]) for k in range(2)
    ]
    assert [one.wait() for one in at_work] == [0, 0]
    assert sorted(a.track for a in read_answers(path)) == [
        100 * k + i for k in range(2) for i in range(40)
    ]


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AnswerLog(path)
    log.append(ONE)
    real = os.write
    room = [40]

    def full(file: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[: room.pop()])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=r"No space left.*answers\.jsonl"):
        log.append(replace(ONE, track=13))
    monkeypatch.undo()
    assert path.read_text() == ONE.to_line()


def test_a_place_that_cannot_be_written_to_is_known_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        AnswerLog(tmp_path / "nowhere" / "answers.jsonl")


def test_each_answer_is_synced_before_append_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, synced = AnswerLog(path), []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    log.append(ONE)
    assert synced == [len(ONE.to_line())]


def test_answers_of_another_run_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "street", [[Row(1), Row(2)]])
    other = write_run(tmp_path / "other", [[Row(1), Row(3)]])
    key = run_key(run)
    assert key == run_key(run / "tracks.jsonl")
    assert len(key) == 16
    mine = replace(ONE, run=key, track=2)
    check_run([mine], run, ids=[1, 2])
    with pytest.raises(InputError, match=f"of run {key}.*is run {run_key(other)}"):
        check_run([mine], other)
    with pytest.raises(InputError, match="track 2, which the run lacks"):
        check_run([mine], run, ids=[1, 3])
