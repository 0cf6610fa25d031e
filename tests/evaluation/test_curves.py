"""Curves by hand, and against scikit-learn and pycocotools."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import InputError
from tracker.evaluation.curves import CurveBuilder, curve, frontier
from tracker.evaluation.matching import match_boxes

scored = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)


def ap(score: list[float], right: list[bool | int], objects: int) -> float:
    return curve(score, np.array(right, bool), objects).average_precision


def test_average_precision_by_hand() -> None:
    assert ap([0.9, 0.8, 0.7], [1, 0, 1], 2) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert ap([0.9, 0.8, 0.7], [0, 1, 1], 2) == pytest.approx(2 / 3)  # the envelope
    assert ap([0.9], [1], 4) == 0.25
    assert ap([0.9, 0.9], [1, 0], 2) == ap([0.9, 0.9], [0, 1], 2) == 0.25  # ties are one point
    assert ap([], [], 2) == 0.0
    assert math.isnan(ap([0.9], [0], 0))


def test_counts_at_every_threshold() -> None:
    sweep = curve([0.9, 0.8, 0.8, 0.1], [True, True, False, False], 4)
    assert sweep.threshold.tolist() == [0.9, 0.8, 0.1]
    assert [sweep.at(t) for t in (0.95, 0.9, 0.85, 0.8, 0.0)] == [
        (0, 0),
        (1, 0),
        (1, 0),
        (2, 1),
        (2, 2),
    ]
    assert sweep.precision.tolist() == pytest.approx([1, 2 / 3, 0.5])
    assert sweep.recall.tolist() == [0.25, 0.5, 0.5]
    assert sweep.f1.tolist() == pytest.approx([2 / 5, 4 / 7, 4 / 8])
    assert (sweep.max_recall, sweep.recall_at(0.9), sweep.false_total) == (0.5, 0.25, 2)


@given(scored)
@settings(deadline=None, max_examples=40)
def test_roc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    score, right = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    sweep = curve(score, right, max(int(right.sum()), 1))
    if right.all() or not right.any():
        assert math.isnan(sweep.roc_auc)
        return
    assert sweep.roc_auc == pytest.approx(metrics.roc_auc_score(right, score))
    wrong, hit, threshold = metrics.roc_curve(right, score, drop_intermediate=False)
    assert sweep.roc[0].tolist() == pytest.approx(wrong.tolist())
    assert sweep.roc[1].tolist() == pytest.approx(hit.tolist())
    assert sweep.threshold.tolist() == threshold[1:].tolist()


@given(scored, st.integers(0, 10))
def test_order_and_later_thresholds(rows: list[tuple[int, bool]], missed: int) -> None:
    score, right = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    objects = int(right.sum()) + missed
    sweep = curve(score, right, objects)
    back = curve(score[::-1], right[::-1], objects)
    assert sweep.true.tolist() == back.true.tolist()
    assert sweep.false.tolist() == back.false.tolist()
    for threshold in range(-1, 7):
        kept = score >= threshold
        assert sweep.at(threshold) == (int((kept & right).sum()), int((kept & ~right).sum()))


def test_frontier() -> None:
    sweep = curve([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, False], 4)
    points = {"a": (2, 2), "b": (4, 1), "c": (3, 0)}
    assert frontier(sweep, points) == {"a": 0.0, "b": math.inf, "c": 1.0}


def test_builder_adds_frames() -> None:
    gathered = CurveBuilder()
    for score, box in ((0.9, [0, 0, 9, 9]), (0.8, [50, 0, 59, 9])):
        gathered.add(np.array([score]), match_boxes([box], [score], [[0, 0, 9, 9]]))
    assert (gathered.frames, gathered.curve().objects) == (2, 2)
    assert (gathered.curve().average_precision, gathered.curve().at(0.0)) == (0.5, (1, 1))
    empty = CurveBuilder().curve()
    assert (empty.objects, empty.at(0.0), empty.false_total) == (0, (0, 0), 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(InputError, match="one length"):
        curve([0.5], [True, False], 1)
