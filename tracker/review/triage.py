"""The triage of a run: its tracks with their verdicts, and the queue for a person.

In: a `Run`, thresholds and costs. Out: a `Triage`, and the object of triage.json. The queue has the
maybe tracks, those first at which a look is expected to save most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.review.clips import View
from tracker.review.decisions import (
    Costs,
    Expected,
    Thresholds,
    Verdict,
    expected,
    value_of_look,
    verdicts,
)
from tracker.review.lives import Lives, lives_of
from tracker.review.runs import Run

__all__ = ["Triage", "to_json", "triage"]

FloatArray = NDArray[np.float64]

SCHEMA, VERSION = "conftrack.triage", 1


@dataclass(frozen=True, slots=True, eq=False)
class Triage:
    """K tracks with verdicts.

    Attributes:
        run: The run.
        lives: Its tracks; the other columns are by their rows.
        verdict: (K,)
        value: (K,) expected value of a look.
        thresholds: What decided.
        costs: In which is counted; those given, or those that the thresholds stand for.
        given: Whether costs were given, not thresholds.
        expected: What is expected of it.
        queue: Rows of the maybe tracks, the most valuable look first.
    """

    run: Run
    lives: Lives
    verdict: tuple[Verdict, ...]
    value: FloatArray
    thresholds: Thresholds
    costs: Costs
    given: bool
    expected: Expected
    queue: tuple[int, ...]


def triage(run: Run, *, thresholds: Thresholds | None = None, costs: Costs | None = None) -> Triage:
    """Sort the tracks of a run into yes, maybe and no.

    Args:
        run: The run.
        thresholds: On the probability of a track; None derives them from the costs, and without
            those takes yes from 0.9 and no below 0.1.
        costs: What is counted in; None takes those that the thresholds stand for.

    Example:
        >>> from tracker import Detections, Tracker
        >>> from tracker.review.reading import RunBuilder
        >>> builder, one = RunBuilder("street"), Tracker()
        >>> for k in range(40):
        ...     boxes = [[10 + 5 * k, 10, 30 + 5 * k, 60], [300, 10, 320, 60]][: 2 if k == 9 else 1]
        ...     seen = Detections(boxes, [0.9, 0.3][: len(boxes)])
        ...     builder.add(k, k / 10, one.update(seen, timestamp_s=k / 10), seen)
        >>> triage(builder.build()).verdict
        ('yes', 'no')
    """
    lives = lives_of(run)
    given = thresholds is None and costs is not None
    if thresholds is None:
        thresholds = Thresholds(yes=0.9, no=0.1) if costs is None else costs.thresholds()
    if costs is None:
        costs = thresholds.costs()
    told = verdicts(lives.probability, thresholds)
    value = value_of_look(lives.probability, costs)
    maybe = np.array([k for k, v in enumerate(told) if v == "maybe"], np.int64)
    # Of equal values the earlier track comes first.
    queue = maybe[np.argsort(-value[maybe], kind="stable")].tolist()
    return Triage(
        run,
        lives,
        tuple(told),
        value,
        thresholds,
        costs,
        given,
        expected(lives.probability, thresholds, costs),
        tuple(queue),
    )


def to_json(
    result: Triage,
    *,
    shown: Mapping[int, View] | None = None,
    created: str | None = None,
) -> dict[str, Any]:
    """The content of triage.json, as docs/review.md describes it.

    Args:
        result: The triage.
        shown: Row of a track -> its crops and its clip.
        created: ISO 8601 time; None is now.
    """
    run, lives, shown = result.run, result.lives, shown or {}
    place = {k: number for number, k in enumerate(result.queue, 1)}
    tracks = []
    for k in range(len(lives)):
        sure = float(lives.confidence[k])
        view = shown.get(k)
        class_id = int(lives.class_id[k])
        tracks.append(
            {
                "id": int(lives.track_id[k]),
                "verdict": result.verdict[k],
                "probability": round(float(lives.probability[k]), 6),
                "value": round(float(result.value[k]), 6),
                "queue": place.get(k),
                "class": run.class_names[class_id] if class_id < len(run.class_names) else None,
                "first_frame": int(run.frame[lives.first[k]]),
                "last_frame": int(run.frame[lives.last_seen[k]]),
                "first_s": round(float(run.timestamp_s[lives.first[k]]), 6),
                "last_s": round(float(run.timestamp_s[lives.last_seen[k]]), 6),
                "boxes": int(lives.boxes[k]),
                "hits": int(lives.hits[k]),
                "confidence": None if np.isnan(sure) else round(sure, 6),
                "crops": None if view is None else view.crops or None,
                "clip": None if view is None else view.clip or None,
            }
        )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "created": created or datetime.now(UTC).isoformat(timespec="seconds"),
        "run": {"name": run.name, "source": run.source, "frames": len(run)},
        "probability": "mean existence" if run.smoothing else "mean score",
        "thresholds": asdict(result.thresholds),
        "costs": {name: round(cost, 6) for name, cost in asdict(result.costs).items()},
        "costs_given": result.given,
        "expected": {
            name: round(number, 6) if isinstance(number, float) else number
            for name, number in asdict(result.expected).items()
        },
        "tracks": tracks,
    }
