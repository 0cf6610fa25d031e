"""What is asked: all maybes in their order, and audits with a known probability."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.review.kit import Row, run_of
from tracker.review.questions import questions
from tracker.review.triage import Triage, triage


def sorted_run(yes: int, maybe: int, no: int) -> Triage:
    rows = [Row(k, score=0.95) for k in range(yes)]
    rows += [Row(100 + k, score=0.5 - 0.01 * k) for k in range(maybe)]
    rows += [Row(200 + k, score=0.02) for k in range(no)]
    return triage(run_of([rows]))


def test_maybes_are_asked_in_the_order_of_the_value_of_a_look() -> None:
    result = sorted_run(4, 10, 30)
    asked = questions(result, audit=6)
    assert [one.row for one in asked if one.asked == "maybe"] == list(result.queue)
    assert {one.inclusion for one in asked if one.asked == "maybe"} == {1.0}
    few = questions(result, audit=6, most=3)
    assert [one.row for one in few if one.asked == "maybe"] == list(result.queue[:3])


@pytest.mark.parametrize(
    ("yes", "no", "audit", "drawn"),
    [(10, 40, 6, (3, 3)), (10, 40, 7, (3, 4)), (1, 40, 6, (1, 5)), (10, 2, 6, (4, 2)),
     (0, 40, 6, (0, 6)), (3, 2, 20, (3, 2)), (10, 40, 0, (0, 0)), (0, 0, 5, (0, 0))],
)  # fmt: skip
def test_audits_come_half_from_each_pile_with_their_probability(
    yes: int, no: int, audit: int, drawn: tuple[int, int]
) -> None:
    result = sorted_run(yes, 5, no)
    audits = [one for one in questions(result, audit=audit) if one.asked == "audit"]
    count = Counter(result.verdict[one.row] for one in audits)
    assert (count["yes"], count["no"]) == drawn
    for one in audits:
        verdict = result.verdict[one.row]
        pile, of = {"yes": (drawn[0], yes), "no": (drawn[1], no)}[verdict]
        assert one.inclusion == pytest.approx(pile / of)


def test_the_same_is_asked_again_and_nothing_twice() -> None:
    result = sorted_run(20, 10, 30)
    asked = questions(result, audit=12, seed=3)
    assert asked == questions(result, audit=12, seed=3)
    assert asked != questions(result, audit=12, seed=4)
    assert len({one.row for one in asked}) == len(asked) == 22
    more = {one.row for one in questions(result, audit=24, seed=3)}
    assert {one.row for one in asked} <= more


def test_each_track_is_drawn_as_often_as_is_said_and_audits_lie_anywhere() -> None:
    result = sorted_run(5, 6, 20)
    rounds = 2000
    drawn, places = Counter[int](), Counter[int]()
    for seed in range(rounds):
        for place, one in enumerate(questions(result, audit=4, seed=seed)):
            if one.asked == "audit":
                drawn[one.row] += 1
                places[place] += 1
    for row, verdict in enumerate(result.verdict):
        expected = {"yes": 2 / 5, "no": 2 / 20, "maybe": 0.0}[verdict]
        assert drawn[row] / rounds == pytest.approx(expected, abs=0.05)
    assert all(places[k] / rounds == pytest.approx(0.4, abs=0.05) for k in range(10))


def test_there_may_be_nothing_to_ask() -> None:
    assert questions(triage(run_of([[], None]))) == ()
