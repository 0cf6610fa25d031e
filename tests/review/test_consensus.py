"""Majorities and agreement, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.review.answers import Answer, Said
from tracker.review.consensus import agreement, consensus, standing

AT = "2026-01-31T12:00:00.000Z"


def said(track: int, reviewer: str, answer: Said, name: str | None = None) -> Answer:
    return Answer("0123456789abcdef", track, answer, name, reviewer, AT, 1.0, 0.5)


def of(text: str) -> list[Answer]:
    """`1a+ 1b- 2a?`: track, reviewer, answer."""
    words: dict[str, Said] = {"+": "yes", "-": "no", "?": "unsure", "u": "undo"}
    return [said(int(w[:-2]), w[-2], words[w[-1]]) for w in text.split()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1a+", ["yes"]),
        ("1a-", ["no"]),
        ("1a?", [None]),
        ("1a+ 1b-", [None]),
        ("1a+ 1b+ 1c-", ["yes"]),
        ("1a+ 1b- 1c-", ["no"]),
        ("1a+ 1b?", [None]),
        ("1a+ 1b+ 1c?", ["yes"]),
        ("1a+ 1b+ 1c? 1d-", [None]),  # two of four are not more than half
        ("1a+ 1a-", ["no"]),  # the latest counts
        ("1a+ 1au", []),
        ("1a+ 1a- 1au", ["yes"]),  # the one before stands again
        ("1a+ 1b- 1bu", ["yes"]),
        ("1au 1a+", ["yes"]),  # nothing to withdraw
        ("2a- 1a+", ["yes", "no"]),
    ],
)
def test_consensus(text: str, told: list[str | None]) -> None:
    assert [one.answer for one in consensus(of(text))] == told


def test_counts_and_class() -> None:
    answers = [said(1, "a", "yes", "car"), said(1, "b", "yes", "car"), said(1, "c", "yes", "bus")]
    (one,) = consensus(answers)
    assert (one.yes, one.no, one.unsure, one.class_name) == (3, 0, 0, "car")
    (one,) = consensus(answers[1:])
    assert one.class_name is None  # one says car, one says bus
    (one,) = consensus([*answers[:1], said(1, "b", "no"), said(1, "c", "no")])
    assert (one.answer, one.class_name) == ("no", None)


def test_why_it_was_asked() -> None:
    first = replace(said(1, "a", "yes"), asked="audit", inclusion=0.1, probability=0.95)
    (one,) = consensus([first])
    assert (one.asked, one.inclusion, one.probability) == ("audit", 0.1, 0.95)
    (one,) = consensus([first, said(1, "b", "yes")])
    assert (one.asked, one.inclusion) == ("maybe", 1.0)


def test_standing_has_each_reviewer_once() -> None:
    assert [(k, a.answer) for k, a in standing(of("1a+ 1b- 1a-")).items()] == [
        ((1, "a"), "no"),
        ((1, "b"), "no"),
    ]


def test_cohens_kappa_by_hand() -> None:
    # Of 50 tracks both say yes to 20, both no to 15; a says yes and b no of 5, the reverse of 10.
    pairs = ["++"] * 20 + ["+-"] * 5 + ["-+"] * 10 + ["--"] * 15
    text = " ".join(f"{k}a{one} {k}b{two}" for k, (one, two) in enumerate(pairs))
    found = agreement(of(text))
    assert (found.reviewers, found.tracks, found.share) == (("a", "b"), 50, 0.7)
    assert found.kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_fleiss_kappa_of_three_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    table = rng.choice(["+", "-", "?"], (30, 3), p=[0.5, 0.3, 0.2])
    text = " ".join(f"{k}{'abc'[j]}{table[k, j]}" for k in range(30) for j in range(3))
    n = np.array([[(row == c).sum() for c in "+-?"] for row in table])
    agree = ((n**2).sum(axis=1) - 3) / (3 * 2)
    chance = ((n.sum(axis=0) / 90) ** 2).sum()
    found = agreement(of(text))
    assert found.share == pytest.approx(agree.mean())
    assert found.kappa == pytest.approx((agree.mean() - chance) / (1 - chance))


def test_without_two_answers_there_is_no_agreement() -> None:
    found = agreement(of("1a+ 2b-"))
    assert (found.tracks, found.reviewers) == (0, ("a", "b"))
    assert np.isnan([found.share, found.kappa]).all()
    found = agreement([])
    assert found.reviewers == ()


def test_where_all_say_the_same_kappa_says_nothing() -> None:
    found = agreement(of("1a+ 1b+ 2a+ 2b+"))
    assert found.share == 1.0
    assert np.isnan(found.kappa)
