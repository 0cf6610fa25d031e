"""Threshold advice by hand, and how sure it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evaluation.kit import FAR, A, B, boxes, truth
from tracker.errors import InputError
from tracker.evaluation import evaluate
from tracker.evaluation.advice import advise
from tracker.evaluation.events import Events, events
from tracker.evaluation.goals import Goal


def material(rows: list[tuple[float, bool, int]], objects: list[int]) -> Events:
    """Rows of value, right, cluster; objects of each cluster."""
    return Events(
        value=np.array([r[0] for r in rows]),
        right=np.array([r[1] for r in rows], bool),
        cluster=np.array([r[2] for r in rows], np.int64),
        objects=np.array(objects, np.int64),
        frames=100,
        seconds=10.0,
    )


# Falling thresholds give (true, false): (1, 0), (1, 1), (2, 1), (2, 3), (3, 3); 4 objects.
FIVE = material(
    [
        (0.9, True, 0),
        (0.8, False, 1),
        (0.7, True, 2),
        (0.5, False, 3),
        (0.5, False, 4),
        (0.3, True, 5),
    ],
    [1, 0, 1, 0, 0, 1, 1],
)


@pytest.mark.parametrize(
    ("goal", "threshold"),
    [
        (Goal(cost_miss=1, cost_false=1), 0.9),  # 3, 4, 3, 5, 4: of equals the highest
        (Goal(cost_miss=3, cost_false=1), 0.3),  # 9, 10, 7, 9, 6
        (Goal(cost_miss=1, cost_false=9), 0.9),
        (Goal(precision=0.6), 0.7),
        (Goal(precision=1.0), 0.9),
        (Goal(recall=0.5), 0.7),
        (Goal(recall=0.75), 0.3),
    ],
)
def test_by_hand(goal: Goal, threshold: float) -> None:
    advice = advise(FIVE, goal)
    assert advice.reached
    assert advice.chosen.threshold == threshold


def test_what_it_costs() -> None:
    advice = advise(FIVE, Goal(cost_miss=3, cost_false=1))
    assert (advice.chosen.true, advice.chosen.false, advice.chosen.missed) == (3, 3, 1)
    assert (advice.chosen.cost, advice.usual.cost) == (6.0, 9.0)
    assert advice.believed == 0.25
    assert (advice.false_per_1000, advice.missed_per_1000) == (30.0, 10.0)
    assert advice.false_per_hour == pytest.approx(3 * 360)
    assert advice.clusters == 7


def test_reporting_nothing_can_be_best() -> None:
    wrong = material([(0.9, False, 0), (0.8, False, 1)], [0, 0, 1])
    advice = advise(wrong, Goal(cost_miss=1, cost_false=1))
    assert advice.chosen.threshold == math.inf
    assert (advice.chosen.true, advice.chosen.false, advice.chosen.cost) == (0, 0, 1.0)


def test_what_cannot_be_had_gives_the_nearest() -> None:
    precise = advise(material([(0.9, False, 0), (0.5, True, 1)], [0, 1]), Goal(precision=0.9))
    assert not precise.reached
    assert (precise.chosen.threshold, precise.chosen.precision) == (0.5, 0.5)
    everything = advise(FIVE, Goal(recall=0.9))
    assert not everything.reached
    assert everything.chosen.threshold == 0.3
    nothing = advise(material([], [1]), Goal(recall=0.9))
    assert not nothing.reached


def test_the_interval_knows_that_boxes_of_a_track_are_one_piece() -> None:
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(40) < 0.7, 25)
    value = np.round(rng.random(1000), 3)
    together, apart = np.repeat(np.arange(40), 25), np.arange(1000)
    spans = []
    for cluster in (together, apart):
        count = np.bincount(cluster, right).astype(np.int64)
        some = Events(value, right, cluster, count, 100, 10.0)
        advice = advise(some, Goal(recall=0.5), replicates=400)
        low, high = advice.precision
        assert low < advice.chosen.precision < high
        spans.append(high - low)
    # 40 pieces instead of 1,000: about five times as unsure.
    assert 3.0 < spans[0] / spans[1] < 8.0


def test_the_interval_covers_what_it_should() -> None:
    """Of the intervals of many samples, about 95 in 100 hold the truth: 0.7 of boxes are right."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        right = np.repeat(rng.random(60) < 0.7, 4)
        some = Events(
            np.full(240, 0.5),
            right,
            np.repeat(np.arange(60), 4),
            np.bincount(np.repeat(np.arange(60), 4), right).astype(np.int64),
            100,
            10.0,
        )
        low, high = advise(some, Goal(recall=0.1), replicates=200, seed=seed).precision
        held += low <= 0.7 <= high
    assert 88 <= held <= 99


def test_the_same_seed_gives_the_same_advice() -> None:
    goal = Goal(cost_miss=2, cost_false=1)
    one, two, other = (advise(FIVE, goal, seed=s, replicates=50) for s in (1, 1, 2))
    assert (one.threshold, one.cost) == (two.threshold, two.cost)
    assert one.chosen == other.chosen


def test_goals_are_checked() -> None:
    for wrong, words in (
        ({"cost_miss": 1}, "give both --cost-miss and --cost-false"),
        ({}, "one of the three"),
        ({"precision": 0.9, "recall": 0.9}, "one of the three"),
        ({"precision": 1.1}, r"precision must be in \(0, 1\], got 1.1"),
        ({"cost_miss": 0, "cost_false": 1}, "cost_miss must be a finite number above 0"),
        ({"cost_miss": 1, "cost_false": math.inf}, "cost_false must be a finite number"),
    ):
        with pytest.raises(InputError, match=words):
            Goal(**wrong)  # type: ignore[arg-type]


def test_boxes_as_events() -> None:
    there = truth([(f, 1, A) for f in range(3)] + [(0, 2, B), (1, 2, B)], 3, fps=10.0)
    rows = [(0, 1, A, 0.9), (1, 1, A, 0.8), (2, 1, FAR, 0.7), (0, 2, FAR, 0.6)]
    result = evaluate(truth=there, tracks=boxes(rows), detections=boxes([(0, -1, A, 0.9)]))
    found = events(result.parts, by="score", unit="box")
    assert sorted(zip(found.value, found.right, found.cluster, strict=True)) == [
        (0.6, False, 1),
        (0.7, False, 0),
        (0.8, True, 0),
        (0.9, True, 0),
    ]
    # Two boxes of track 1 found object 1; its third box and both of object 2 are lost.
    assert found.objects.tolist() == [2, 0, 1, 2]
    assert (found.frames, found.seconds) == (3, pytest.approx(0.3))
    raw = events(result.parts, kind="detections", by="score", unit="box")
    assert raw.objects.tolist() == [1, 2, 2]
    with pytest.raises(InputError, match="no existence"):
        events(result.parts, by="existence", unit="box")


def test_objects_as_events() -> None:
    there = truth([(f, 1, A) for f in range(2)] + [(0, 2, B)], 2)
    rows = [
        *[(0, 1, A, 0.5, 0.6), (1, 1, A, 0.9, 0.8)],  # object 1, best at 0.8
        *[(0, 3, FAR, 0.9, 0.3), (1, 3, FAR, 0.9, 0.4)],  # a false track, best at 0.4
    ]
    result = evaluate(truth=there, tracks=boxes(rows))
    found = events(result.parts, by="existence", unit="object")
    assert found.value.tolist() == [0.8, 0.4]
    assert found.right.tolist() == [True, False]
    assert found.objects.tolist() == [1, 1, 0]  # object 2 is lost
    advice = advise(found, Goal(cost_miss=1, cost_false=1))
    assert (advice.chosen.threshold, advice.chosen.missed, advice.chosen.false) == (0.8, 1, 0)
