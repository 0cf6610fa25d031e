import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ExistenceConfig, ScoreConfig, existence

CONFIG = ExistenceConfig(
    birth=0.1, neutral_confidence=0.25, surest_confidence=0.9, gain=0.5, correlation=0.2,
    look_s=0.2, longest_look_s=0.1, memory_s=4.0, miss=1.5, moved=0.7, floor=0.02, ceiling=0.98,
    confirm_at=0.6, release_at=0.4, coast_least_s=0.5, coast_most_s=2.5,
)  # fmt: skip
PRIOR = -math.log(9.0)
# Neither floor nor ceiling in the way.
OPEN = {"birth": 0.1, "gain": 0.1, "floor": 1e-9, "ceiling": 0.999999}

looks = st.floats(0.0, 200.0)
evidence = st.floats(-8.0, 8.0)


def odds(n, s, config, moved=False):
    """Log-odds of one track with n looks that sum to s."""
    return float(existence.log_odds(np.array([n]), np.array([s]), np.array([moved]), config)[0])


# ---- what one look says --------------------------------------------------------------------


def test_a_hit_by_hand():
    x = existence.hit_evidence(existence.logit(np.array([0.5, 0.25, 0.1])), np.zeros(3), CONFIG)
    np.testing.assert_allclose(x, [math.log(3), 0.0, math.log(1 / 9) - math.log(1 / 3)], atol=1e-15)


def test_what_speaks_against_a_place_takes_evidence_away_but_does_not_turn_it():
    neutral = existence.log_odds_of(CONFIG.neutral_confidence)
    news, against = np.array([1.0, 1.0, -1.0]), np.array([0.4, 3.0, 0.5])
    x = existence.hit_evidence(news + neutral, against, CONFIG)
    np.testing.assert_allclose(x, [0.6, 0.0, -1.0], atol=1e-15)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5))
def test_a_surer_hit_never_says_less(a, b, against):
    low, high = sorted((a, b))
    said = existence.bounded_evidence(existence.logit(np.array([low, high])), CONFIG)
    x = existence.hit_evidence(said, np.full(2, against), CONFIG)
    assert x[0] <= x[1]


def test_above_the_surest_confidence_nothing_is_surer():
    said = existence.bounded_evidence(existence.logit(np.array([0.5, 0.9, 0.99, 1.0])), CONFIG)
    np.testing.assert_allclose(said, [0.0, *[math.log(9)] * 3], atol=1e-12)


def test_a_detector_that_is_certain_does_not_know_that():
    certain = existence.logit(np.array([0.0, 1.0]))
    np.testing.assert_allclose(existence.sigmoid(certain), [0.001, 0.999])


def test_a_frame_is_a_share_of_a_look():
    shares = [existence.look_share(s, CONFIG) for s in (0.0, 0.05, 0.2, 3.0)]
    assert shares == [0.0, 0.25, 1.0, 1.0]


# ---- what all looks say together -----------------------------------------------------------


def test_four_looks_by_hand():
    """S = 8 from n = 4: worth 1 + 0.2 · 3 = 1.6, so ℓ = ℓ0 + 0.5 · 8 / 1.6."""
    assert odds(4.0, 8.0, ExistenceConfig(birth=0.1, gain=0.5, correlation=0.2)) == pytest.approx(
        PRIOR + 2.5
    )


def test_who_has_moved_has_a_better_start():
    assert odds(4.0, 2.0, CONFIG, moved=True) - odds(4.0, 2.0, CONFIG) == pytest.approx(0.7)


def test_before_any_look_there_is_the_prior():
    assert odds(0.0, 0.0, CONFIG) == pytest.approx(PRIOR)


@given(st.lists(evidence, min_size=1, max_size=20))
def test_independent_looks_add_up(x):
    config = ExistenceConfig(**OPEN, correlation=0.0)
    assert odds(len(x), sum(x), config) == pytest.approx(PRIOR + 0.1 * sum(x), abs=1e-9)


@given(st.lists(evidence, min_size=1, max_size=20))
def test_of_fully_correlated_looks_the_mean_counts_once(x):
    config = ExistenceConfig(**OPEN, correlation=1.0)
    assert odds(len(x), sum(x), config) == pytest.approx(PRIOR + 0.1 * sum(x) / len(x), abs=1e-9)


@given(evidence, st.floats(0.05, 1.0))
def test_endless_looks_are_worth_the_mean_over_the_correlation(mean, correlation):
    config = ExistenceConfig(**OPEN, correlation=correlation)
    assert odds(1e9, 1e9 * mean, config) == pytest.approx(
        np.clip(PRIOR + 0.1 * mean / correlation, -20.7, 13.8), abs=0.05
    )


def test_it_is_the_likelihood_ratio_of_the_model():
    """ℓ − ℓ0 is the log-ratio of the two multivariate normal densities of the looks."""
    rng = np.random.default_rng(0)
    rho, variance, distance = 0.3, 2.0, 0.6
    config = ExistenceConfig(**{**OPEN, "gain": distance / variance}, correlation=rho)
    for n in (1, 2, 5, 12):
        x = rng.normal(0, 1.5, n)
        covariance = variance * (rho * np.ones((n, n)) + (1 - rho) * np.eye(n))
        inverse = np.linalg.inv(covariance)
        real, clutter = x - distance / 2, x + distance / 2
        ratio = 0.5 * (clutter @ inverse @ clutter - real @ inverse @ real)
        assert odds(n, x.sum(), config) - PRIOR == pytest.approx(ratio, rel=1e-9)


@given(looks, evidence, evidence, st.floats(0, 1))
def test_more_support_never_lowers_the_belief(n, a, b, correlation):
    config = ExistenceConfig(correlation=correlation)
    low, high = sorted((a, b))
    assert odds(n, low, config) <= odds(n, high, config)


@given(looks, looks, st.floats(0.01, 6.0), st.floats(0, 1))
def test_more_looks_of_one_kind_never_take_belief_back(a, b, mean, correlation):
    config = ExistenceConfig(correlation=correlation)
    low, high = sorted((a, b))
    for sign in (1.0, -1.0):
        fewer, more = (sign * odds(n, sign * mean * n, config) for n in (low, high))
        assert fewer <= more + 1e-9


@given(looks, st.floats(-1e6, 1e6), st.booleans())
def test_belief_stays_between_floor_and_ceiling(n, s, moved):
    p = 1 / (1 + math.exp(-odds(n, s, CONFIG, moved)))
    assert 0.02 - 1e-12 <= p <= 0.98 + 1e-12


# ---- time ----------------------------------------------------------------------------------


def test_after_its_memory_a_third_is_left():
    assert existence.faded(4.0, CONFIG) == pytest.approx(math.exp(-1.0))
    assert existence.faded(0.0, CONFIG) == 1.0


@given(st.floats(0, 50), st.floats(0, 50))
def test_fading_does_not_care_how_time_is_split(a, b):
    one = existence.faded(a + b, CONFIG)
    two = existence.faded(a, CONFIG) * existence.faded(b, CONFIG)
    assert one == pytest.approx(two, rel=1e-12)


@pytest.mark.parametrize("x", [0.4, 2.0, -1.0])
def test_frames_of_any_rate_fill_looks_alike(x):
    """n and S after 3 s of 10, 30 and 100 frames a second, filled and faded as in `belief`."""
    ends = []
    for hz in (10, 30, 100):
        fade, share = existence.faded(1 / hz, CONFIG), existence.look_share(1 / hz, CONFIG)
        n = s = 0.0
        for _ in range(3 * hz):
            n, s = n * fade + share, s * fade + share * x
        ends.append((n, odds(n, s, CONFIG)))
    ends = np.array(ends)
    np.testing.assert_allclose(ends, np.broadcast_to(ends[2], (3, 2)), rtol=0.012)


def test_what_nobody_looks_at_goes_back_to_the_prior():
    fade = existence.faded(1.0, CONFIG)
    n, s, values = 5.0, 9.0, []
    for _ in range(60):
        values.append(odds(n, s, CONFIG))
        n, s = n * fade, s * fade
    assert all(b < a for a, b in itertools.pairwise(values))
    assert values[-1] == pytest.approx(PRIOR, abs=1e-3)


# ---- states and scores ---------------------------------------------------------------------


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
        coast_bias=-1.0, coast_uncertainty_weight=3.0, coast_hidden_weight=0.8,
    )  # fmt: skip
    seen = existence.hit_score(np.array([2.0]), np.array([0.3]), np.array([4.0]), config)
    np.testing.assert_allclose(seen, 0.5 * 2.0 - 0.3 + 0.25 * 4.0 + 0.1)
    coasted = existence.coasted_score(np.array([4.0]), np.array([0.5]), np.array([0.25]), config)
    np.testing.assert_allclose(coasted, -1.0 + 0.2 * 4.0 - 3.0 * 0.5 + 0.8 * 0.25)


def test_no_tracks():
    nothing, none = np.zeros(0), np.zeros(0, bool)
    assert existence.bounded_evidence(nothing, CONFIG).shape == (0,)
    assert existence.hit_evidence(nothing, nothing, CONFIG).shape == (0,)
    assert existence.log_odds(nothing, nothing, none, CONFIG).shape == (0,)
    assert existence.confirm(nothing, none, CONFIG).shape == (0,)
    assert existence.coast_limit(nothing, CONFIG).shape == (0,)
