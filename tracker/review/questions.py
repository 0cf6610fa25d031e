"""Which tracks a person is asked about, and in which order.

In: a `Triage`. Out: `Question`s: its maybes in the order of the value of a look and, scattered
among them, audits: tracks drawn at random from those that are sure to be real, and from those that
are sure not to be. Asked only where it doubts, the machine would never learn where it is wrong
without doubt. Which is which is not told: who knew would look at audits with other eyes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.review.answers import Asked
from tracker.review.triage import Triage

__all__ = ["Question", "questions"]


@dataclass(frozen=True, slots=True)
class Question:
    """One track to be asked about.

    Attributes:
        row: Of the triage's `lives`.
        asked: Why.
        inclusion: Probability with which it came to be asked.
    """

    row: int
    asked: Asked
    inclusion: float


def questions(
    result: Triage, *, audit: int = 20, seed: int = 0, most: int | None = None
) -> tuple[Question, ...]:
    """The tracks to ask about, in order; the same for the same arguments.

    Args:
        result: The triage.
        audit: How many tracks to draw from the yes and the no pile: half from each, more from the
            other where one is too small. A larger number asks the same ones and more.
        seed: Of the draw, and of the places of audits among the maybes.
        most: How many maybes at most, the most valuable; None asks all.

    Example:
        >>> from tracker import Detections, Tracker
        >>> from tracker.review.reading import RunBuilder
        >>> from tracker.review.triage import triage
        >>> builder, one = RunBuilder("street"), Tracker()
        >>> for k in range(40):
        ...     boxes = [[10 + 5 * k, 10, 30 + 5 * k, 60], [300, 10, 320, 60]][: 2 if k == 9 else 1]
        ...     seen = Detections(boxes, [0.9, 0.3][: len(boxes)])
        ...     builder.add(k, k / 10, one.update(seen, timestamp_s=k / 10), seen)
        >>> [(one.asked, one.inclusion) for one in questions(triage(builder.build()))]
        [('audit', 1.0), ('audit', 1.0)]
    """
    piles = {
        verdict: np.array([k for k, told in enumerate(result.verdict) if told == verdict], np.int64)
        for verdict in ("yes", "no")
    }
    n_yes = min(len(piles["yes"]), audit // 2)
    n_no = min(len(piles["no"]), audit - n_yes)
    count = {"yes": min(len(piles["yes"]), audit - n_no), "no": n_no}
    audits: list[Question] = []
    # Draws of their own: what one pile has does not change what is drawn of the other.
    for place, (verdict, pile) in enumerate(piles.items()):
        drawn = np.random.default_rng([seed, place]).permutation(pile)[: count[verdict]]
        audits += [Question(k, "audit", count[verdict] / len(pile)) for k in drawn.tolist()]
    maybes = [Question(k, "maybe", 1.0) for k in result.queue[:most]]
    rng = np.random.default_rng([seed, len(piles)])
    total = len(maybes) + len(audits)
    places = set(rng.choice(total, len(audits), replace=False).tolist())
    mixed = iter([audits[k] for k in rng.permutation(len(audits)).tolist()])
    sure = iter(maybes)
    return tuple(next(mixed) if k in places else next(sure) for k in range(total))
