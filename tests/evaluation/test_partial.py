"""Partial truth: strata by hand, estimates that are right in the mean, intervals that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.evaluation import calibration
from tracker.evaluation.partial import Partial, partial, strata

Array = NDArray[Any]
NAN = float("nan")


def judged(p: Array, said: Array, inclusion: Array, audited: Array, **more: Any) -> Partial:
    """Every track has one box with its probability as existence."""
    given: dict[str, Any] = {
        "kinds": {"likely": p >= 0.5, "sure": p >= 0.9, "all": p >= 0},
        "existence": p,
        "row_track": np.arange(len(p)),
    }
    return partial(probability=p, said=said, inclusion=inclusion, audited=audited, **(given | more))


def asked(
    p: Array, real: Array, audits: int, rng: np.random.Generator, most: int | None = None
) -> tuple[Array, Array, Array]:
    """Answers as `conftrack review` collects them: maybes by value, audits of both piles."""
    said, inclusion = np.full(len(p), NAN), np.full(len(p), NAN)
    audited = np.zeros(len(p), bool)
    maybe = np.flatnonzero((p >= 0.1) & (p < 0.9))
    maybe = maybe[np.argsort(-np.minimum(p, 1 - p)[maybe], kind="stable")][:most]
    said[maybe], inclusion[maybe] = real[maybe], 1.0
    for pile in (np.flatnonzero(p >= 0.9), np.flatnonzero(p < 0.1)):
        n = min(audits, len(pile))
        drawn = rng.choice(pile, n, replace=False)
        said[drawn], inclusion[drawn], audited[drawn] = real[drawn], n / max(len(pile), 1), True
    return said, inclusion, audited


def population(seed: int, n: int = 2000) -> tuple[Array, Array]:
    """Probabilities as of tracks, mostly low; they tell too much: log-odds are shifted by 0.7."""
    rng = np.random.default_rng(seed)
    z = np.concatenate([rng.normal(-4, 1.2, n * 8 // 10), rng.normal(1.5, 2.5, n * 2 // 10)])
    p = 1 / (1 + np.exp(-z))
    return p, (rng.random(len(p)) < 1 / (1 + np.exp(0.7 - z))).astype(float)


@pytest.mark.parametrize("unanswered", [0, 3])
@pytest.mark.parametrize("most", [None, 30])
def test_piles_are_as_large_as_those_that_audits_were_drawn_from(
    unanswered: int, most: int | None
) -> None:
    p, real = population(0, 600)
    rng = np.random.default_rng(1)
    said, inclusion, audited = asked(p, real, 12, rng, most)
    drop = np.flatnonzero(audited)[:: len(np.flatnonzero(audited)) // 3][:unanswered]
    said[drop], inclusion[drop], audited[drop] = NAN, NAN, False
    found = strata(p, said, inclusion, audited)
    if not unanswered:  # then the sizes follow to the track
        assert (found == 0).tolist() == (p >= 0.9).tolist()
        assert (found == 2).tolist() == (p < 0.1).tolist()
    else:  # then at least no audit is outside, and no maybe inside
        assert (found[audited] != 1).all()
        assert (found[~np.isnan(said) & ~audited] == 1).all()
    doubt = p[~np.isnan(said) & ~audited]
    assert (found == 1).tolist() == ((p >= doubt.min()) & (p <= doubt.max())).tolist()


def test_without_audits_only_the_maybes_are_covered() -> None:
    p, real = population(0, 600)
    found = judged(p, *asked(p, real, 0, np.random.default_rng(0)))
    assert found.covered == ((p >= 0.1) & (p < 0.9)).sum()
    likely, sure, everything = found.precision
    assert np.isnan(sure.share.value)
    assert (sure.covered, sure.answered) == (0, 0)
    assert likely.covered == ((p >= 0.5) & (p < 0.9)).sum() < likely.tracks
    assert likely.share.value == pytest.approx(real[(p >= 0.5) & (p < 0.9)].mean())
    assert everything.tracks == len(p)
    assert [s.answered > 0 for s in found.strata] == [False, True, False]


def test_with_every_answer_it_is_the_full_truth() -> None:
    p, real = population(3, 300)
    known = np.ones(len(p))
    found = judged(p, real, known, np.zeros(len(p), bool))
    full = calibration(p, real > 0)
    for told in (found.probability, found.existence):
        assert told.ece.value == pytest.approx(full.ece)
        assert told.brier.value == pytest.approx(full.brier)
        assert told.log_loss.value == pytest.approx(full.log_loss)
        assert told.mean.value == pytest.approx(full.mean)
        assert told.true_share.value == pytest.approx(full.true_share)
        assert [b.boxes for b in told.bins] == [b.boxes for b in full.bins]
    assert found.precision[1].share.value == pytest.approx(real[p >= 0.9].mean())


def test_estimates_are_right_in_the_mean_and_those_of_the_answered_alone_are_not() -> None:
    p, real = population(5)
    rng = np.random.default_rng(0)
    found, alone = [], []
    for _ in range(16):
        said, inclusion, audited = asked(p, real, 40, rng)
        one = judged(p, said, inclusion, audited)
        found.append(
            [one.precision[0].share.value, one.precision[2].share.value,
             one.probability.brier.value, one.probability.true_share.value]
        )  # fmt: skip
        given = ~np.isnan(said)
        alone.append(
            [said[given & (p >= 0.5)].mean(), said[given].mean(),
             np.mean((p - said)[given] ** 2), said[given].mean()]
        )  # fmt: skip
    true = np.array([real[p >= 0.5].mean(), real.mean(), np.mean((p - real) ** 2), real.mean()])
    assert np.abs(np.mean(found, axis=0) - true) == pytest.approx(0.0, abs=0.015)
    assert (np.abs(np.mean(alone, axis=0) - true) > 0.05).all()


def test_intervals_hold_what_is_true_of_the_population() -> None:
    hits = []
    for seed in range(30):
        p, real = population(100 + seed, 1000)
        found = judged(p, *asked(p, real, 25, np.random.default_rng(seed)), seed=seed)
        likely = found.precision[0]
        true = [real[p >= 0.5].mean(), np.mean((p - real) ** 2)]
        for value, one in zip(true, (likely.share, found.probability.brier), strict=True):
            hits.append(one.interval[0] <= value <= one.interval[1])
    assert np.mean(hits) > 0.88


def test_five_right_ones_do_not_make_certain() -> None:
    p = np.array([0.95] * 50 + [0.5, 0.6])
    said = np.full(52, NAN)
    said[:5], said[50:] = 1.0, [0.0, 1.0]
    inclusion = np.where(p > 0.9, 0.1, 1.0)
    found = judged(p, said, inclusion, p > 0.9)
    sure = found.precision[1]
    assert (sure.tracks, sure.covered, sure.answered) == (50, 50, 5)
    assert sure.share.value == 1.0
    assert sure.share.interval[0] < 0.85
    assert sure.false.interval[1] > 5
    # Nor do they make it impossible.
    assert (sure.share.interval[1], sure.false.interval[0]) == (1.0, 0.0)


def test_the_share_of_a_pile_is_in_its_interval_as_often_as_is_said() -> None:
    hits = []
    for seed in range(60):
        p, real = population(500 + seed, 300)
        found = judged(p, *asked(p, real, 10, np.random.default_rng(seed)), seed=seed)
        sure = found.precision[1].share
        hits.append(sure.interval[0] - 1e-9 <= real[p >= 0.9].mean() <= sure.interval[1] + 1e-9)
    assert np.mean(hits) > 0.9


def test_no_figure_lies_outside_of_its_own_interval() -> None:
    for seed in range(20):
        p, real = population(900 + seed, 60)
        found = judged(p, *asked(p, real, 2, np.random.default_rng(seed)), seed=seed)
        told = found.probability
        for one in (told.mean, told.true_share, told.ece, told.brier, told.log_loss):
            assert one.interval[0] <= one.value <= one.interval[1]


def test_boxes_count_as_many_as_the_track_has() -> None:
    p, said = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    found = judged(
        p, said, np.ones(2), np.zeros(2, bool),
        existence=np.array([0.9, 0.9, 0.9, 0.2]), row_track=np.array([0, 0, 0, 1]),
    )  # fmt: skip
    assert found.probability.true_share.value == 0.5
    assert found.existence.true_share.value == 0.75
    assert found.existence.ece.value == pytest.approx((3 * 0.1 + 0.2) / 4)


def test_chance_alone_makes_an_error_with_few_answers() -> None:
    rng = np.random.default_rng(0)
    chance = []
    for n in (20, 2000):
        p = rng.uniform(0.1, 0.9, n)
        real = (rng.random(n) < p).astype(float)
        found = judged(p, real, np.ones(n), np.zeros(n, bool)).probability
        chance.append(found.ece_by_chance)
        assert found.ece.value < 2.5 * found.ece_by_chance
    assert chance[0] > 4 * chance[1]


@pytest.mark.parametrize("n", [0, 5])
def test_nothing_answered_tells_nothing(n: int) -> None:
    p = np.linspace(0.1, 0.9, n)
    found = judged(p, np.full(n, NAN), np.full(n, NAN), np.zeros(n, bool))
    assert (found.tracks, found.covered, found.answered) == (n, 0, 0)
    assert np.isnan(found.probability.ece.value)
    assert np.isnan(found.precision[2].share.value)
