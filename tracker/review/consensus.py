"""What several reviewers think together of each track, and how far they agree.

In: `Answer`s in the order in which they were written. Out: `Consensus`, a track each; `Agreement`.
Of one reviewer and track the latest answer stands; `undo` withdraws it, and the one before stands
again. A track is what more than half of its reviewers say; where there is no such answer, or it is
`unsure`, the track is open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from tracker.review.answers import Answer, Asked

__all__ = ["Agreement", "Consensus", "agreement", "consensus", "standing"]

_SAID = ("yes", "no", "unsure")


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the reviewers say of one track.

    Attributes:
        track: Its id.
        answer: `yes` or `no`; None: open.
        class_name: What most of those who said yes call it; None without one such name.
        yes, no, unsure: Numbers of reviewers.
        probability: P(it follows a real object) that it was asked with first.
        asked: Why it was asked; `maybe` if any reviewer was asked so.
        inclusion: Probability with which it came to be asked, the greatest that any answer has.
    """

    track: int
    answer: Literal["yes", "no"] | None
    class_name: str | None
    yes: int
    no: int
    unsure: int
    probability: float
    asked: Asked
    inclusion: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far reviewers agree, over the tracks that at least two of them answered.

    Attributes:
        reviewers: Who answered, by name.
        tracks: How many tracks at least two answered.
        share: Mean share of pairs of reviewers that say the same of a track; NaN without any.
        kappa: Agreement beyond chance, 1 is full and 0 that of chance; of two reviewers Cohen's,
            of more Fleiss'; NaN where chance alone agrees (all answers are the same).
    """

    reviewers: tuple[str, ...]
    tracks: int
    share: float
    kappa: float


def standing(answers: Iterable[Answer]) -> dict[tuple[int, str], Answer]:
    """The answer that stands for each (track, reviewer), in the order of their first answers.

    Example:
        >>> def said(answer, reviewer="anna"):
        ...     at = "2026-01-31T12:00:00Z"
        ...     return Answer("0123456789abcdef", 1, answer, None, reviewer, at, 1.0, 0.5)
        >>> [one.answer for one in standing([said("yes"), said("no"), said("undo")]).values()]
        ['yes']
        >>> standing([said("yes"), said("undo")])
        {}
    """
    given: dict[tuple[int, str], list[Answer]] = {}
    for one in answers:
        stack = given.setdefault((one.track, one.reviewer), [])
        if one.answer != "undo":
            stack.append(one)
        elif stack:
            stack.pop()
    return {key: stack[-1] for key, stack in given.items() if stack}


def consensus(answers: Iterable[Answer]) -> list[Consensus]:
    """What the reviewers of a run say of each track, by ascending id.

    Args:
        answers: Of one run, in the order in which they were written.
    """
    by_track: dict[int, list[Answer]] = {}
    for (track, _), one in standing(answers).items():
        by_track.setdefault(track, []).append(one)
    return [_together(track, by_track[track]) for track in sorted(by_track)]


def agreement(answers: Iterable[Answer]) -> Agreement:
    """How far the reviewers of a run agree.

    Cohen, Educational and Psychological Measurement 20, 1960; Fleiss, Psychological Bulletin 76,
    1971, with numbers of answers that differ from track to track: the share that agrees is a mean
    over tracks, that of each answer one over all answers.
    """
    now = standing(answers)
    reviewers = tuple(sorted({reviewer for _, reviewer in now}))
    by_track: dict[int, dict[str, str]] = {}
    for (track, reviewer), one in now.items():
        by_track.setdefault(track, {})[reviewer] = one.answer
    shared = [said for said in by_track.values() if len(said) > 1]
    if not shared:
        return Agreement(reviewers, 0, float("nan"), float("nan"))
    share = float(np.mean([_pairs_alike(list(said.values())) for said in shared]))
    chance = _cohen(shared, reviewers) if len(reviewers) == 2 else _fleiss(shared)
    kappa = (share - chance) / (1.0 - chance) if chance < 1.0 else float("nan")
    return Agreement(reviewers, len(shared), share, kappa)


def _together(track: int, answers: Sequence[Answer]) -> Consensus:
    said = Counter(one.answer for one in answers)
    answer: Literal["yes", "no"] | None = None
    if said["yes"] > len(answers) / 2:
        answer = "yes"
    elif said["no"] > len(answers) / 2:
        answer = "no"
    names = Counter(one.class_name for one in answers if one.answer == "yes" and one.class_name)
    most = names.most_common(2)
    one_name = bool(most) and (len(most) == 1 or most[0][1] > most[1][1])
    return Consensus(
        track=track,
        answer=answer,
        class_name=most[0][0] if answer == "yes" and one_name else None,
        yes=said["yes"],
        no=said["no"],
        unsure=said["unsure"],
        probability=answers[0].probability,
        asked="maybe" if any(one.asked == "maybe" for one in answers) else "audit",
        inclusion=max(one.inclusion for one in answers),
    )


def _pairs_alike(said: Sequence[str]) -> float:
    return float(np.mean([a == b for a, b in combinations(said, 2)]))


def _cohen(shared: Sequence[Mapping[str, str]], reviewers: Sequence[str]) -> float:
    """Share that two reviewers would agree on by chance, each with answers as frequent as are."""
    of = [Counter(said[who] for said in shared) for who in reviewers]
    return sum(of[0][one] * of[1][one] for one in _SAID) / len(shared) ** 2


def _fleiss(shared: Sequence[Mapping[str, str]]) -> float:
    """The same with one frequency of each answer for all."""
    count = Counter(one for said in shared for one in said.values())
    return sum((number / count.total()) ** 2 for number in count.values())
