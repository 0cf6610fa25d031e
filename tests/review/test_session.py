"""A review as its page sees it: what is asked, saved, taken back, and agreed on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.review.stage import MAYBES, NO, YES, Stage, write_stage
from tracker import InputError
from tracker.review.answers import AnswerLog, read_answers
from tracker.review.session import ConflictError

pytest.importorskip("cv2")
pytest.importorskip("av")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose clips are cut: the tests are of answers."""
    folder = write_stage(tmp_path_factory.mktemp("runs") / "street")
    with Stage(folder, audit=9).cutter as cutter:
        assert cutter.join(30)
    return folder


@pytest.fixture
def stage(written: Path) -> Iterator[Stage]:
    (written / "answers.jsonl").unlink(missing_ok=True)
    stage = Stage(written)
    with stage.cutter:
        yield stage


def lines(stage: Stage) -> list[dict[str, object]]:
    return [json.loads(line) for line in stage.log.path.read_text().splitlines()]


def test_the_queue_does_not_tell_what_is_an_audit(stage: Stage) -> None:
    state = stage.review.state("anna")
    assert sorted(stage.ids) == sorted([*MAYBES, *YES, next(i for i in stage.ids if i in NO)])
    assert [i for i in stage.ids if i in MAYBES] == list(MAYBES)
    assert {tuple(sorted(one)) for one in state["queue"]} == {
        ("answer", "class", "id", "said_class")
    }
    text = json.dumps([state, *(stage.review.track(i) for i in stage.ids)])
    for word in ("audit", "maybe", "inclusion", "value", "verdict"):
        assert word not in text
    assert state["keys"] == state["classes"] == ["person", "car"]
    assert state["source"] == "street.mp4"


def test_an_answer_is_in_the_file_when_it_is_saved(stage: Stage) -> None:
    progress = stage.say(3, "yes", class_name="car", seconds=3.21)
    assert progress == {"lines": 1, "answered": 1, "last": 3, "seconds_each": 3.2}
    (line,) = lines(stage)
    assert line.pop("at")
    assert line == {
        "format": "conftrack-answers", "version": 1, "run": stage.key, "track": 3,
        "answer": "yes", "class": "car", "reviewer": "anna", "seconds": 3.2, "probability": 0.5,
        "asked": "maybe", "inclusion": 1.0,
    }  # fmt: skip
    stage.say(9 if 9 in stage.ids else 12, "no", class_name="car")
    audit = lines(stage)[1]
    assert (audit["asked"], audit["inclusion"], audit["class"]) == ("audit", 0.5, None)


def test_it_goes_on_where_it_ended(stage: Stage) -> None:
    stage.say(3, "yes", class_name="person")
    stage.say(5, "unsure")
    stage.say(3, "no", "ben")
    with Stage(stage.folder).cutter as _:
        pass
    again = Stage(stage.folder)
    with again.cutter:
        state = again.review.state("anna")
        said = {one["id"]: (one["answer"], one["said_class"]) for one in state["queue"]}
        assert said[3] == ("yes", "person")
        assert said[5] == ("unsure", None)
        assert state["progress"]["answered"] == 2
        assert state["progress"]["last"] == 5
        assert state["others"] == ["ben"]
        assert again.review.state("ben")["progress"]["answered"] == 1
        assert again.review.state("new")["progress"] == {
            "lines": 0, "answered": 0, "last": None, "seconds_each": None
        }  # fmt: skip


def test_undo_takes_back_one_after_the_other(stage: Stage) -> None:
    stage.say(3, "yes")
    stage.say(5, "no")
    stage.say(3, "no")
    assert stage.say(3, "undo")["last"] == 5
    said = {one["id"]: one["answer"] for one in stage.review.state("anna")["queue"]}
    assert (said[3], said[5]) == ("yes", "no"), "what was said before stands again"
    assert stage.say(5, "undo")["last"] == 3
    progress = stage.say(3, "undo")
    assert (progress["last"], progress["answered"], progress["lines"]) == (None, 0, 6)
    with pytest.raises(ConflictError, match="withdraw"):
        stage.say(3, "undo")


def test_nobody_takes_back_what_another_said(stage: Stage) -> None:
    stage.say(3, "yes", "ben")
    with pytest.raises(ConflictError):
        stage.say(3, "undo", "anna")


def test_an_answer_sent_twice_is_saved_once(stage: Stage) -> None:
    first = stage.say(3, "yes", class_name="person", after=0)
    assert stage.say(3, "yes", class_name="person", after=0) == first
    assert len(lines(stage)) == 1
    with pytest.raises(ConflictError):
        stage.say(3, "no", after=0)
    with pytest.raises(ConflictError):
        stage.say(5, "yes", after=7)
    # Said again with knowledge of the first is said again.
    stage.say(3, "yes", class_name="person")
    assert len(lines(stage)) == 2


@pytest.mark.parametrize(
    ("number", "said", "more", "message"),
    [
        (99, "yes", {}, "not asked"),
        (3, "maybe", {}, "yes, no, unsure, undo"),
        (3, "yes", {"class_name": "tree"}, "class"),
        (3, "yes", {"reviewer": "  "}, "name"),
        (3, "yes", {"reviewer": "x" * 61}, "name"),
        (3, "yes", {"reviewer": "a\x00b"}, "name"),
        (3, "yes", {"reviewer": "\u200d"}, "name"),
    ],
)
def test_what_is_no_answer_is_refused(
    stage: Stage, number: int, said: str, more: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stage.say(number, said, **({"after": 0} | more))
    assert lines(stage) == []


@pytest.mark.parametrize(("seconds", "kept"), [(10**400, 600.0), (float("nan"), 0.0)])
def test_a_clock_gone_mad_costs_no_answer(stage: Stage, seconds: float, kept: float) -> None:
    stage.say(3, "yes", seconds=seconds)
    assert lines(stage)[0]["seconds"] == kept


def test_one_person_is_one_however_the_name_is_written(stage: Stage) -> None:
    stage.say(3, "yes", "Rene\u0301")
    stage.say(5, "no", "Ren\u00e9")
    assert [who["name"] for who in stage.review.agreement()["reviewers"]] == ["Ren\u00e9"]
    stage.say(3, "yes", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627")  # joined as it is spelled
    assert len(stage.review.agreement()["reviewers"]) == 2


def test_a_page_of_another_run_is_told_so(stage: Stage) -> None:
    with pytest.raises(ConflictError, match="another run"):
        stage.say(3, "yes", run="0" * 16)


def test_answers_to_another_run_are_not_mixed_with_these(stage: Stage) -> None:
    stage.say(3, "yes")
    (one,) = read_answers(stage.log.path)
    stage.log.append(replace(one, run="0" * 16))
    with pytest.raises(InputError, match="give the file another name"):
        Stage(stage.folder)


def test_what_others_write_into_the_file_is_seen(stage: Stage) -> None:
    stage.say(3, "yes")
    (one,) = read_answers(stage.log.path)
    AnswerLog(stage.log.path).append(replace(one, reviewer="ben", answer="no"))
    assert stage.review.state("anna")["others"] == ["ben"]
    assert stage.review.agreement()["apart"][0]["id"] == 3


def test_a_torn_last_line_is_no_answer_and_nothing_else_is_lost(stage: Stage) -> None:
    stage.say(3, "yes")
    stage.say(5, "no")
    data = stage.log.path.read_bytes()
    stage.log.path.write_bytes(data[:-20])
    again = Stage(stage.folder)
    with again.cutter:
        assert again.review.state("anna")["progress"]["answered"] == 1
        again.say(5, "yes")
        assert [line["answer"] for line in lines(again)] == ["yes", "yes"]


def test_a_file_that_somebody_broke_is_not_the_answers_fault(stage: Stage) -> None:
    stage.say(3, "yes")
    with stage.log.path.open("a") as file:
        file.write("this is no answer\n")
    with pytest.raises(OSError, match="line 2"):
        stage.say(5, "yes", after=1)


def test_an_end_that_is_no_answer_is_not_the_answers_fault(stage: Stage) -> None:
    stage.say(3, "yes")
    with stage.log.path.open("a") as file:
        file.write("half a note")
    with pytest.raises(OSError, match="half a note"):
        stage.say(5, "yes", after=1)


def test_a_disk_that_fails_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(answer: object) -> None:
        raise OSError(28, "No space left on device", "answers.jsonl")

    monkeypatch.setattr(stage.log, "append", full)
    with pytest.raises(OSError, match="No space"):
        stage.say(3, "yes")
    assert stage.review.state("anna")["progress"]["answered"] == 0


def test_agreement_and_what_reviewers_differ_on(stage: Stage) -> None:
    alone = stage.review.agreement()
    assert (alone["tracks"], alone["share"], alone["kappa"], alone["apart"]) == (0, None, None, [])
    sure = [i for i in stage.ids if i not in MAYBES]
    for number in stage.ids:
        stage.say(number, "yes", class_name="person")
    for number, said in zip([*sure, *MAYBES], ("yes", "no", "no", "yes"), strict=True):
        stage.say(number, said, "ben", class_name="car" if number == 5 else "person")
    got = stage.review.agreement()
    assert got["reviewers"] == [
        {"name": "anna", "answered": 4}, {"name": "ben", "answered": 4}
    ]  # fmt: skip
    assert (got["tracks"], got["share"], got["which"]) == (4, 0.5, "Cohen")
    assert [one["id"] for one in got["apart"]] == sorted([sure[1], 3, 5])
    five = next(one for one in got["apart"] if one["id"] == 5)
    assert five["said"] == [
        {"reviewer": "anna", "answer": "yes", "class": "person"},
        {"reviewer": "ben", "answer": "yes", "class": "car"},
    ]
    stage.say(3, "unsure", "carla")
    assert stage.review.agreement()["which"] == "Fleiss"


def test_the_pace_is_that_of_most_answers(stage: Stage) -> None:
    for number, seconds in zip(stage.ids, (1.0, 900.0, 2.0), strict=False):
        stage.say(number, "yes", seconds=seconds)
    assert stage.review.state("anna")["progress"]["seconds_each"] == 2.0
    assert max(one.seconds for one in stage.review.answers()) == 600.0


def test_a_track_and_its_files(stage: Stage) -> None:
    track = stage.review.track(3)
    assert track is not None
    assert track["shown"] == {"crops": True, "clip": True, "place": True}
    assert track["series"]["looks"] == "hhhhm" + "h" * 7
    for kind in ("clip", "crops", "still", "place"):
        path = stage.review.file(3, kind)
        assert path is not None
        assert path.is_file()
    assert stage.review.track(99) is None
    assert stage.review.file(99, "clip") is None
