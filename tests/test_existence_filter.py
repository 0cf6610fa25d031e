"""The belief alone: that of the tracker for the same hits, bit for bit, and on its own feet."""

import itertools
import json
import math

import numpy as np
import pytest

from tracker import (
    ExistenceConfig,
    ExistenceFilter,
    InputError,
    TimeError,
    Tracker,
    TrackerConfig,
    belief,
    kernels,
)
from tracker.existence import log_odds_of

PLAIN = ExistenceConfig(floor=1e-9, ceiling=0.999999)


def followed(tracker, scene, monkeypatch):
    """Run a tracker, and a filter beside it on what its evidence step was given; both after each.

    Yields the rows of the tracker after the evidence of an update and the filter then, with which
    of the rows live on.
    """
    calls = []
    original = belief.believe

    def recorded(rows, match, old, frame, against, view, **times):
        before = rows["track_id"][:old].copy()
        out = original(rows, match, old, frame, against, view, **times)
        calls.append((before, rows, match, old, frame, against, view, times))
        return out

    monkeypatch.setattr(belief, "believe", recorded)
    own, ids = ExistenceFilter(tracker.config.existence), np.zeros(0, np.int64)
    for time, detections in scene:
        tracks = tracker.update(detections, timestamp_s=time)
        before, rows, match, old, frame, against, view, times = calls.pop()
        own.keep(np.isin(ids, before))  # those that ended for not being seen at all
        d = match[:old]
        if detections is None:
            own.wait(times["dt_s"])
        else:
            # -1 reads the last one: it is no hit, and what stands there is not read.
            sure = np.append(frame.confidence, np.nan)[d]
            speaks = np.append(against, 0.0)[d]
            own.update(
                d >= 0, confidence=sure, against=speaks, telling=view.telling,
                moved=rows["moved"][:old], dt_s=times["dt_s"],
            )  # fmt: skip
            own.birth(frame.confidence[match[old:]], against=against[match[old:]])
        living = np.isin(rows["track_id"], tracks.track_id)
        yield rows, own, living
        ids = rows["track_id"][living]
        own.keep(living)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_belief_of_the_tracker_bit_for_bit(street, monkeypatch, seed):
    """Doubles, clutter, the ground and hidden boxes included."""
    monkeypatch.setattr(kernels, "native", None)
    tracker, ended = Tracker(TrackerConfig(ledger_updates=0)), 0
    for rows, own, living in followed(tracker, street(seed, 200, walkers=10), monkeypatch):
        np.testing.assert_array_equal(own.log_odds, rows["log_odds"])
        np.testing.assert_array_equal(own.confirmed, rows["confirmed"])
        np.testing.assert_array_equal(own.overdue, ~living)
        ended += np.count_nonzero(~living)
    assert ended > 20
    assert own.existence.max() > 0.9


@pytest.mark.skipif(not kernels.COMPILED, reason="no compiled kernels")
def test_the_compiled_tracker_believes_the_same_to_twelve_digits(street, monkeypatch):
    for rows, own, _ in followed(Tracker(), street(5, 120, walkers=10), monkeypatch):
        np.testing.assert_allclose(own.log_odds, rows["log_odds"], rtol=1e-12, atol=1e-12)


def test_by_hand():
    config = ExistenceConfig(
        birth=0.1, neutral_confidence=0.5, gain=0.5, correlation=0.25, look_s=0.1,
        longest_look_s=0.1, first_look_s=0.1, memory_s=1e9, miss=1.0,
    )  # fmt: skip
    own = ExistenceFilter(config)
    assert own.birth([0.9, 0.5]).tolist() == [0, 1]
    start, x = math.log(1 / 9), math.log(9)
    np.testing.assert_allclose(own.log_odds, [start + 0.5 * x, start])
    own.update([True, False], confidence=[0.9, 0.0], dt_s=0.1)
    worth = 1 + 0.25  # two looks
    np.testing.assert_allclose(own.log_odds, [start + 0.5 * 2 * x / worth, start - 0.5 / worth])
    np.testing.assert_allclose(own.existence, 1 / (1 + np.exp(-own.log_odds)))
    own.update([False, False], confidence=0.0, dt_s=0.1, telling=0.0)  # they could not be seen
    np.testing.assert_allclose(own.log_odds, [start + 0.5 * 2 * x / worth, start - 0.5 / worth])


def test_a_likelihood_ratio_adds_what_it_says_at_a_first_full_look():
    config = ExistenceConfig(birth=0.2, first_look_s=1.0, floor=1e-9, ceiling=0.999999)
    own = ExistenceFilter(config)
    own.birth(log_ratio=[2.5, 0.0, -1.0])
    np.testing.assert_allclose(own.log_odds - log_odds_of(0.2), [2.5, 0.0, -1.0])
    certain = ExistenceFilter(config)
    certain.birth([0.95])
    same = config.gain * (log_odds_of(0.95) - log_odds_of(config.neutral_confidence))
    other = ExistenceFilter(config)
    other.birth(log_ratio=[same])
    np.testing.assert_allclose(other.log_odds, certain.log_odds)


def test_the_split_of_a_wait_does_not_matter_and_takes_belief_back():
    a, b = ExistenceFilter(PLAIN), ExistenceFilter(PLAIN)
    for own in (a, b):
        own.birth([0.9])
        for _ in range(20):
            own.update([True], confidence=0.9, dt_s=0.1)
    high = a.existence[0]
    a.wait(2.0)
    for _ in range(4):
        b.wait(0.5)
    np.testing.assert_allclose(a.log_odds, b.log_odds, rtol=1e-12)
    assert PLAIN.birth < a.existence[0] < high
    assert not a.overdue.any()
    a.wait(PLAIN.max_gap_s)
    assert a.overdue.all()


def test_weak_hits_add_up_and_flicker_does_not():
    weak, flicker = ExistenceFilter(), ExistenceFilter()
    weak.birth([0.4])
    flicker.birth([0.4])
    values = []
    for k in range(30):
        weak.update([True], confidence=0.4, dt_s=0.1)
        flicker.update([k % 6 == 5], confidence=0.4, dt_s=0.1)
        values.append(float(weak.existence[0]))
    assert all(b > a for a, b in itertools.pairwise(values))
    assert weak.confirmed.all()
    assert flicker.existence[0] < 0.05
    assert not flicker.confirmed.any()


def test_what_has_moved_is_believed_more_and_stays_so():
    own = ExistenceFilter(PLAIN)
    own.birth([0.5, 0.5])
    own.update([True, True], confidence=0.5, moved=[True, False], dt_s=0.1)
    first = own.log_odds
    own.update([True, True], confidence=0.5, dt_s=0.1)
    np.testing.assert_allclose(first[0] - first[1], PLAIN.moved)
    np.testing.assert_allclose(np.subtract(*own.log_odds), PLAIN.moved)


def test_rows_are_kept_in_the_order_that_is_asked_for():
    own = ExistenceFilter()
    assert len(own) == 0
    own.update([], confidence=0.5, dt_s=0.1)  # none yet
    own.birth([0.3, 0.6, 0.9])
    before = own.existence
    own.keep([2, 0])
    np.testing.assert_array_equal(own.existence, before[[2, 0]])
    own.keep([True, False])
    np.testing.assert_array_equal(own.existence, before[[2]])
    assert own.birth([]).tolist() == []
    assert own.birth([0.5]).tolist() == [1]
    own.keep([])
    assert len(own) == 0


def test_a_dump_carries_on_bit_for_bit():
    rng = np.random.default_rng(0)
    own, other = ExistenceFilter(), ExistenceFilter()
    own.birth(rng.random(6))
    for k in range(40):
        if k == 15:
            other.load(json.loads(json.dumps(own.dump(), default=lambda a: a.tolist())))
        look = {"hit": rng.random(len(own)) < 0.5, "confidence": rng.random(len(own)), "dt_s": 0.05}
        for each in (own, other)[: 1 + (k >= 15)]:
            each.update(**look)
            if k % 7 == 0:
                each.birth([0.4, 0.8])
            each.keep(~each.overdue)
    np.testing.assert_array_equal(own.log_odds, other.log_odds)
    np.testing.assert_array_equal(own.confirmed, other.confirmed)


def test_what_is_given_out_is_not_what_is_inside():
    own = ExistenceFilter()
    own.birth([0.9])
    before = own.log_odds
    for column in (own.log_odds, own.existence, own.confirmed):
        column[...] = 1
    np.testing.assert_array_equal(own.log_odds, before)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"dt_s": -0.1}, TimeError, "dt_s must be finite seconds, at least 0"),
        ({"dt_s": math.nan}, TimeError, "dt_s must be finite"),
        ({"hit": [True]}, InputError, r"hit must have shape \(2,\), got \(1,\)"),
        ({"confidence": [0.5, 1.5]}, InputError, r"confidence must be in \[0, 1\]"),
        ({"confidence": [0.5, math.nan]}, InputError, r"confidence must be in \[0, 1\]"),
        ({"confidence": None}, InputError, "one of confidence and log_ratio"),
        ({"log_ratio": 1.0}, InputError, "one of confidence and log_ratio"),
        ({"confidence": None, "log_ratio": math.inf}, InputError, "log_ratio must be finite"),
        ({"against": -1.0}, InputError, r"against must be in \[0, inf\]"),
        ({"telling": [0.5, 2.0]}, InputError, r"telling must be in \[0, 1\]"),
        ({"moved": [True] * 3}, InputError, r"moved must have shape \(2,\)"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(wrong, error, message):
    own = ExistenceFilter()
    own.birth([0.5, 0.7])
    before = json.dumps(own.dump(), default=lambda a: a.tolist())
    with pytest.raises(error, match=message):
        own.update(**({"hit": [True, True], "confidence": 0.5, "dt_s": 0.1} | wrong))
    assert json.dumps(own.dump(), default=lambda a: a.tolist()) == before


def test_wrong_rows_and_births():
    own = ExistenceFilter()
    own.birth([0.5, 0.7])
    with pytest.raises(InputError, match="a mask of 2"):
        own.keep([True])
    with pytest.raises(InputError, match="of 2 hypotheses"):
        own.keep([5])
    with pytest.raises(InputError, match="one of confidence and log_ratio"):
        own.birth()
    with pytest.raises(TimeError, match="dt_s"):
        own.wait(-1.0)
    assert len(own) == 2
