import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ExistenceConfig, ScoreConfig, existence

CONFIG = ExistenceConfig(
    birth=0.1, first_look_s=0.2, hit_rate=2.0, neutral_confidence=0.25, miss_rate=1.5,
    lifetime_s=20.0, floor=0.02, ceiling=0.98, confirm_at=0.6, release_at=0.4,
    coast_least_s=0.5, coast_most_s=2.5,
)  # fmt: skip
LOGIT_HALF_OVER_QUARTER = math.log(3.0)  # logit(0.5) - logit(0.25)


def test_a_hit_by_hand():
    evidence = existence.logit(np.array([0.5, 0.25, 0.1]))
    look_s = np.full(3, 0.1)
    weight = existence.hit_weight(evidence, np.zeros(3), look_s, CONFIG)
    np.testing.assert_allclose(weight[:2], [0.1 * 2.0 * LOGIT_HALF_OVER_QUARTER, 0.0], atol=1e-15)
    assert weight[2] == pytest.approx(0.2 * (math.log(1 / 9) - math.log(1 / 3)))
    assert weight[2] < 0  # below the neutral confidence a hit speaks against the track


def test_clutter_takes_evidence_away_but_does_not_turn_it():
    neutral = existence.log_odds_of(CONFIG.neutral_confidence)
    news, against = np.array([1.0, 1.0, -1.0]), np.array([0.4, 3.0, 0.5])
    weight = existence.hit_weight(news + neutral, against, np.full(3, 0.1), CONFIG)
    np.testing.assert_allclose(weight, [0.1 * 2.0 * 0.6, 0.0, 0.1 * 2.0 * -1.0], atol=1e-15)


def test_a_miss_by_hand():
    weight = existence.miss_weight(np.array([0.1, 0.0]), CONFIG)
    np.testing.assert_allclose(weight, [-0.15, 0.0], atol=1e-15)


def test_survival_by_hand():
    """After one lifetime e⁻¹ of the probability is left."""
    p = np.array([0.9, 0.5, 0.03])
    left = existence.survive(np.log(p / (1 - p)), 20.0, CONFIG)
    np.testing.assert_allclose(existence.sigmoid(left), p * math.exp(-1.0))


@given(st.floats(-6, 6), st.floats(0, 50), st.floats(0, 50))
def test_survival_does_not_care_how_time_is_split(log_odds, a, b):
    start = np.array([log_odds])
    one = existence.survive(start, a + b, CONFIG)
    two = existence.survive(existence.survive(start, a, CONFIG), b, CONFIG)
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_two_seconds_are_twice_one():
    start = np.array([-2.0, 0.0, 3.0])
    two = existence.survive(existence.survive(start, 1.0, CONFIG), 1.0, CONFIG)
    np.testing.assert_allclose(existence.survive(start, 2.0, CONFIG), two, atol=1e-14)


def test_no_time_takes_nothing():
    start = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(existence.survive(start, 0.0, CONFIG), start)


def test_floor_and_ceiling():
    added = existence.add(np.array([0.0, 0.0]), np.array([-100.0, 100.0]), CONFIG)
    np.testing.assert_allclose(existence.sigmoid(added), [0.02, 0.98])


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_surer_hit_never_weighs_less(a, b):
    low, high = sorted((a, b))
    evidence = existence.logit(np.array([low, high]))
    weights = existence.hit_weight(evidence, np.zeros(2), np.full(2, 0.1), CONFIG)
    assert weights[0] <= weights[1]


def test_a_detector_that_is_certain_does_not_know_that():
    certain = existence.logit(np.array([0.0, 1.0]))
    np.testing.assert_allclose(existence.sigmoid(certain), [0.001, 0.999])


@given(st.floats(allow_nan=False))
def test_probabilities_stay_inside(log_odds):
    p = float(existence.sigmoid(np.array([log_odds]))[0])
    assert 0.0 < p < 1.0


def test_log_odds_of_the_ends():
    assert existence.log_odds_of(0.0) == -existence.log_odds_of(1.0) == -30.0


def test_confirmation_has_hysteresis():
    p = np.array([0.5, 0.5, 0.61, 0.61, 0.39, 0.39])
    was = np.array([False, True] * 3)
    now = existence.confirm(np.log(p / (1 - p)), was, CONFIG)
    assert now.tolist() == [False, True, True, True, False, False]


def test_a_belief_beside_one_threshold_does_not_flap():
    rng = np.random.default_rng(0)
    confirmed, changes = np.array([False]), 0
    for p in np.concatenate([[0.7], rng.normal(0.5, 0.02, 500)]):
        now = existence.confirm(np.log([p / (1 - p)]), confirmed, CONFIG)
        changes += int(now[0] != confirmed[0])
        confirmed = now
    assert changes == 1


def test_the_believed_coast_for_longer():
    limit = existence.coast_limit(np.array([0.0, 0.5, 1.0]), CONFIG)
    np.testing.assert_allclose(limit, [0.5, 1.5, 2.5])


def test_scores_by_hand():
    config = ScoreConfig(
        confidence_weight=0.5, existence_weight=0.25, bias=0.1, coast_existence_weight=0.2,
        coast_bias=-1.0, coast_uncertainty_weight=3.0,
    )  # fmt: skip
    seen = existence.hit_score(np.array([2.0]), np.array([0.3]), np.array([4.0]), config)
    np.testing.assert_allclose(seen, 0.5 * 2.0 - 0.3 + 0.25 * 4.0 + 0.1)
    coasted = existence.coasted_score(np.array([4.0]), np.array([0.5]), config)
    np.testing.assert_allclose(coasted, -1.0 + 0.2 * 4.0 - 3.0 * 0.5)


def test_no_tracks():
    nothing = np.zeros(0)
    assert existence.survive(nothing, 1.0, CONFIG).shape == (0,)
    assert existence.add(nothing, nothing, CONFIG).shape == (0,)
    assert existence.confirm(nothing, np.zeros(0, bool), CONFIG).shape == (0,)
