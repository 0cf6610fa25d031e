"""Calibration by hand, against scikit-learn, and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import InputError
from tracker.evaluation.calibration_error import calibration

told = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_by_hand() -> None:
    c = calibration([0.1, 0.1, 0.9, 0.9], [False, True, True, True])
    assert c.ece == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)
    assert c.ece_mass == pytest.approx(c.ece)
    assert c.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert c.log_loss == pytest.approx(-(3 * math.log(0.9) + math.log(0.1)) / 4)
    assert [(b.boxes, b.mean, b.true_share) for b in c.bins] == [
        (2, pytest.approx(0.1), 0.5),
        (2, pytest.approx(0.9), 1.0),
    ]
    # Recalibrated to 0.5 and 1: what is left is half of 0.25; the base rate is 3/4.
    assert c.reliability == pytest.approx(c.brier - 0.125)
    assert (c.resolution, c.uncertainty) == (pytest.approx(0.1875 - 0.125), pytest.approx(0.1875))


def test_one_value_only() -> None:
    c = calibration(np.ones(3), [True, True, False])
    assert c.ece == c.ece_mass == pytest.approx(1 / 3)
    assert c.resolution == pytest.approx(0.0)


def test_nothing_and_nonsense() -> None:
    assert calibration([], []).boxes == 0
    assert math.isnan(calibration([], []).ece)
    for bad in ([1.2], [-0.1], [math.nan]):
        with pytest.raises(InputError, match="probabilities must be in"):
            calibration(bad, [True])
    with pytest.raises(InputError, match="one length"):
        calibration([0.5], [])


@given(told)
def test_laws(rows: list[tuple[float, bool]]) -> None:
    p, y = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    c = calibration(p, y)
    assert c.brier == pytest.approx(c.reliability - c.resolution + c.uncertainty, abs=1e-12)
    assert c.reliability >= -1e-12
    assert c.resolution >= -1e-12
    assert c.mean == pytest.approx(sum(b.boxes * b.mean for b in c.bins) / c.boxes)
    assert c.true_share == pytest.approx(sum(b.boxes * b.true_share for b in c.bins) / c.boxes)
    # No error of bins is below that of the one big bin.
    assert min(c.ece, c.ece_mass) >= abs(c.mean - c.true_share) - 1e-12


@given(told)
@settings(deadline=None, max_examples=40)
def test_equals_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    isotonic = pytest.importorskip("sklearn.isotonic")
    p, y = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    c = calibration(p, y)
    assert c.brier == pytest.approx(metrics.brier_score_loss(y, p, pos_label=True), abs=1e-12)
    q = np.clip(p, 1e-6, 1 - 1e-6)
    assert c.log_loss == pytest.approx(metrics.log_loss(y, q, labels=[False, True]), abs=1e-9)
    # Equal probabilities of scikit-learn's regression are equal to 1e-10 or so: use fewer digits.
    p = p.round(3)
    best = isotonic.IsotonicRegression(y_min=0, y_max=1).fit(p, y).predict(p)
    c = calibration(p, y)
    assert c.brier - c.reliability == pytest.approx(float(np.mean((best - y) ** 2)), abs=1e-9)


def test_a_true_probability_has_no_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=200_000)
    c = calibration(p, rng.uniform(size=len(p)) < p)
    assert c.ece < 0.01
    assert c.reliability < 0.001
