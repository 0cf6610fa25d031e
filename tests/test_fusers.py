"""Other fusers: each by hand, what holds for all of them, and that only the number differs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import (
    Detections,
    ExistenceConfig,
    InputError,
    Tracker,
    TrackerConfig,
    Tracks,
    TrackState,
)
from tracker.fusers import NAMES, Fused, fuse, fuser

OTHERS = [name for name in NAMES if name != "evidence"]
MISS = math.nan
FRAME_S = 1 / 30


def history(name: str, confidences: list[float], dt_s: float = FRAME_S) -> tuple[float, float]:
    """Existence and score of one track after its looks, the first of them a detection."""
    rule = fuser(name)
    memory = rule.birth(np.array(confidences[:1]))
    for c in confidences[1:]:
        memory = rule.look(rule.age(memory, dt_s), np.array([c]))
    existence, score = rule.read(memory, np.array(confidences[-1:]))
    return float(existence[0]), float(score[0])


def tracker_of(name: str, **thresholds: float) -> Tracker:
    return Tracker(TrackerConfig(fuser=name, existence=ExistenceConfig(**thresholds)))


def of(confidence: float | None) -> Detections:
    return Detections.empty() if confidence is None else Detections([[0, 0, 40, 90]], [confidence])


# ---- by hand -----------------------------------------------------------------------------


def test_raw_is_the_last_confidence():
    assert history("raw", [0.3, 0.7]) == (0.7, 0.7)
    assert history("raw", [0.3, 0.7, MISS]) == (0.7, 0.0)


def test_n_of_m_counts_the_last_three_looks():
    assert history("n-of-m", [0.6]) == (pytest.approx(1 / 3), 0.0)
    assert history("n-of-m", [0.6, 0.2]) == (pytest.approx(2 / 3), 0.0)
    assert history("n-of-m", [0.6, 0.2, 0.4]) == (1.0, 0.4)
    assert history("n-of-m", [0.6, 0.2, 0.4, MISS]) == (pytest.approx(2 / 3), 0.0)
    assert history("n-of-m", [0.6, 0.2, 0.4, MISS, 0.9]) == (pytest.approx(2 / 3), 0.0)
    assert history("n-of-m", [0.6, 0.2, 0.4, MISS, 0.9, 0.9, 0.8]) == (1.0, 0.8)


def test_median_follows_the_table_of_its_source():
    """The example of Frigate's page "Object Filters": frames 1 to 3, then with four scores."""
    assert history("median", [0.7])[0] == 0.0
    assert history("median", [0.7, MISS])[0] == 0.0
    assert history("median", [0.7, MISS, 0.85])[0] == 0.7
    assert history("median", [0.7, 0.85, 0.95, 0.90])[0] == pytest.approx(0.875)
    assert history("median", [0.7, 0.85, 0.95, 0.90, 0.88])[0] == 0.88
    assert history("median", [0.7, 0.85, 0.95, 0.90, 0.88, 0.95])[0] == pytest.approx(0.89)


def test_median_of_the_last_ten_for_boxes_too():
    assert history("median", [0.1, 0.1] + [0.5] * 5 + [0.9] * 5) == (pytest.approx(0.7),) * 2
    assert history("median", [0.9] * 5 + [MISS] * 5) == (pytest.approx(0.45),) * 2
    assert history("median", [0.9] * 5 + [MISS] * 6) == (0.0, 0.0)


def test_ema_forgets_a_tenth_a_frame_at_30_frames_a_second():
    assert history("ema", [0.5, 1.0])[0] == pytest.approx(0.9 * 0.5 + 0.1 * 1.0)
    assert history("ema", [0.5, MISS])[1] == pytest.approx(0.45)
    assert history("ema", [0.5, 1.0], 0.1)[0] == pytest.approx(0.729 * 0.5 + 0.271)


def test_noisy_or_fades_and_joins():
    assert history("noisy-or", [0.5, 0.5])[0] == pytest.approx(1 - (1 - 0.3) * 0.5)
    assert history("noisy-or", [0.5, MISS])[0] == pytest.approx(0.3)
    assert history("noisy-or", [0.1, MISS])[0] == 0.0
    assert history("noisy-or", [0.1, MISS, 0.4])[1] == pytest.approx(0.4)


def test_ipda_is_bayes_by_hand():
    """D = 0.9; without time to leave: odds 1, a hit at 0.8 has Λ = 4, D Λ = 3.6."""
    odds = 4 * (0.1 + 3.6)
    existence = odds / (1 + odds)
    assert history("ipda", [0.8, 0.8], 0.0) == pytest.approx((existence, existence * 3.6 / 3.7))
    assert history("ipda", [0.8, MISS], 0.0) == pytest.approx((0.4 / 1.4, 0.4 / 1.4))
    assert history("ipda", [0.8, 0.5], 0.0)[0] == pytest.approx(0.8), "even odds tell nothing"


def test_ipda_objects_leave():
    rule = fuser("ipda")
    gone = rule.age(rule.birth(np.array([0.8])), 2.0)
    expected = 0.8 * 0.98**2
    assert rule.read(gone, np.array([MISS]))[0] == pytest.approx(expected)


def test_kalman_by_hand():
    """Two measurements with equal variance and no time between: their mean, half the variance."""
    x = math.log(0.9 / 0.1) / 2
    mean = 1 / (1 + math.exp(-x / math.sqrt(1 + math.pi / 16)))
    assert history("kalman-logit", [0.9, 0.5], 0.0) == pytest.approx((mean, mean))
    assert history("kalman-logit", [0.9, MISS]) == history("kalman-logit", [0.9, 0.05])


def test_kalman_against_filterpy():
    from filterpy.kalman import KalmanFilter

    oracle, looks, dt_s = KalmanFilter(1, 1), [0.7, 0.2, 0.4, 0.9, 0.85], 0.2
    oracle.F = oracle.H = oracle.R = np.eye(1)
    oracle.Q = dt_s * np.eye(1)
    oracle.x = np.array([[math.log(0.7 / 0.3)]])
    for c in looks[1:]:
        oracle.predict()
        oracle.update(math.log(c / (1 - c)))
    x = oracle.x[0, 0] / math.sqrt(1 + math.pi / 8 * oracle.P[0, 0])
    assert history("kalman-logit", looks, dt_s)[0] == pytest.approx(1 / (1 + math.exp(-x)))


# ---- what holds for all ------------------------------------------------------------------

confidence = st.floats(0.0, 1.0)
looks = st.lists(st.one_of(confidence, st.just(MISS)), max_size=15)
seconds = st.floats(1e-3, 20.0)


@pytest.mark.parametrize("name", OTHERS)
def test_numbers_are_probabilities_and_tracks_do_not_mix(name):
    @given(confidence, looks, confidence, looks, seconds)
    def check(first, mine, other, others, dt_s):
        """Two tracks at once, in both orders, are as each alone."""
        n = min(len(mine), len(others))
        mine, others = [first, *mine[:n]], [other, *others[:n]]
        alone = [history(name, mine, dt_s), history(name, others, dt_s)]
        rule, both = fuser(name), np.array([mine, others])
        for order in ([0, 1], [1, 0]):
            rows = both[order]
            memory = rule.birth(rows[:, 0])
            for k in range(1, n + 1):
                memory = rule.look(rule.age(memory, dt_s), rows[:, k])
            assert memory.shape == (2, rule.columns)
            existence, score = rule.read(memory, rows[:, -1])
            for row, (e, s) in zip(order, zip(existence, score, strict=True), strict=True):
                assert (e, s) == alone[row]
                assert 0.0 <= s <= e <= 1.0 or name == "n-of-m"
                assert 0.0 <= e <= 1.0
                assert 0.0 <= s <= 1.0

    check()


@pytest.mark.parametrize("name", OTHERS)
def test_time_without_a_look_may_be_split(name):
    @given(confidence, looks, seconds, seconds, confidence)
    def check(first, rest, a, b, after):
        rule = fuser(name)
        memory = rule.birth(np.array([first]))
        for c in rest:
            memory = rule.look(rule.age(memory, FRAME_S), np.array([c]))
        kept = memory.copy()
        once, twice = rule.age(memory, a + b), rule.age(rule.age(memory, a), b)
        np.testing.assert_array_equal(memory, kept, err_msg="arguments are left alone")
        for look in (np.array([MISS]), np.array([after])):
            for x, y in zip(
                rule.read(rule.look(once, look), look),
                rule.read(rule.look(twice, look), look),
                strict=True,
            ):
                np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)

    check()


@pytest.mark.parametrize("name", OTHERS)
def test_whether_the_frame_rate_matters(name):
    """Two seconds at 0.6, then half a second unseen, at 10 and at 30 frames a second."""
    slow = history(name, [0.9] + [0.6] * 20 + [MISS] * 5, 0.1)
    fast = history(name, [0.9] + [0.6] * 60 + [MISS] * 15, 1 / 30)
    same = name in ("raw", "ema", "n-of-m", "noisy-or")  # the counts have run to their ends here
    assert (slow == pytest.approx(fast, abs=1e-9)) is same
    slow = history(name, [0.3, 0.6, MISS, 0.6], 0.1)[0]
    fast = history(name, [0.3, 0.6, 0.6, 0.6, MISS, MISS, MISS, 0.6, 0.6, 0.6], 1 / 30)[0]
    rate_invariant = name in ("raw", "ema")
    assert (slow == pytest.approx(fast, abs=1e-9)) is rate_invariant


def test_evidence_is_no_rule_beside_the_tracker():
    assert fuser("evidence") is None
    tracks = Tracker().update(of(0.5), timestamp_s=0.0)
    before = Fused.nothing()
    now, same = fuse("evidence", before, tracks, of(0.5), 0.0, ExistenceConfig(), 0.1)
    assert now is before
    assert same is tracks


# ---- in the tracker ----------------------------------------------------------------------

SAME = [
    f
    for f in Tracks.__dataclass_fields__
    if f not in ("timestamp_s", "existence", "score", "state", "earned")
]


@pytest.mark.parametrize("name", OTHERS)
def test_only_the_number_differs(name, street):
    ours, other = Tracker(), tracker_of(name)
    differs = False
    for time, detections in street(3, 80):
        a = ours.update(detections, timestamp_s=time)
        b = other.update(detections, timestamp_s=time)
        for column in SAME:
            np.testing.assert_array_equal(getattr(a, column), getattr(b, column), err_msg=column)
        for value in (b.existence, b.score):
            assert ((value > 0) & (value < 1)).all()
        unseen = b.believed & ~b.seen
        assert (b.lost == (unseen & (b.score < other.config.score.lost_below))).all()
        assert (b.coasting == (unseen & ~b.lost)).all()
        assert (b.confirmed == (b.believed & ~b.lost)).all()
        differs |= not np.array_equal(a.existence, b.existence)
    assert differs


@pytest.mark.parametrize("name", OTHERS)
def test_the_order_of_detections_changes_nothing(name, street):
    rng = np.random.default_rng(5)
    one, two = tracker_of(name), tracker_of(name)
    for time, detections in street(4, 60):
        mixed = None if detections is None else detections[rng.permutation(len(detections))]
        a, b = one.update(detections, timestamp_s=time), two.update(mixed, timestamp_s=time)
        for column in ("track_id", "existence", "score", "state"):
            np.testing.assert_array_equal(getattr(a, column), getattr(b, column), err_msg=column)


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_goes_on_bit_for_bit(name, street):
    scene = list(street(6, 60))
    whole, first = tracker_of(name), tracker_of(name)
    for time, detections in scene[:30]:
        whole.update(detections, timestamp_s=time)
        first.update(detections, timestamp_s=time)
    text = json.dumps(first.snapshot(), default=lambda a: a.tolist(), allow_nan=False)
    for second in (Tracker.restore(first.snapshot()), Tracker.restore(json.loads(text))):
        again = Tracker.restore(whole.snapshot())
        for time, detections in scene[30:]:
            a = again.update(detections, timestamp_s=time)
            b = second.update(detections, timestamp_s=time)
            for column in (*SAME, "existence", "score", "state"):
                np.testing.assert_array_equal(getattr(a, column), getattr(b, column))


@pytest.mark.parametrize("name", OTHERS)
def test_memory_is_of_the_living_only(name):
    tracker = tracker_of(name)
    for k in range(200):  # a short-lived track somewhere else every frame
        tracks = tracker.update(
            Detections([[300 * k, 0, 300 * k + 40, 90]], [0.2]), timestamp_s=k / 10
        )
    fused = tracker.snapshot()["fused"]
    assert fused["track_id"].tolist() == tracks.track_id.tolist()
    assert len(fused["memory"]) == len(tracks) < 20


def test_thresholds_act_on_the_number_of_the_fuser_with_hysteresis():
    tracker = tracker_of("raw", confirm_at=0.8, release_at=0.5)
    states = []
    for k, c in enumerate([0.7, 0.8, 0.6, None, 0.5, 0.49, 0.7]):
        states.append(tracker.update(of(c), timestamp_s=k / 30).state.tolist())
    tentative, confirmed = [TrackState.TENTATIVE], [TrackState.CONFIRMED]
    assert states == [
        tentative, confirmed, confirmed, [TrackState.LOST], confirmed, tentative, tentative
    ]  # fmt: skip


def test_not_looked_is_no_miss():
    ema, ipda = tracker_of("ema"), tracker_of("ipda")
    for tracker in (ema, ipda):
        tracker.update(of(0.8), timestamp_s=0.0)
    assert ema.update(None, timestamp_s=0.5).existence == pytest.approx(0.8)
    assert ipda.update(None, timestamp_s=0.5).existence == pytest.approx(0.8 * 0.98**0.5)
    # The next look stands for the whole second.
    after = ema.update(of(0.2), timestamp_s=1.0).existence
    assert after == pytest.approx(0.2 + 0.6 * 0.9**30)


def test_predicting_changes_nothing():
    tracker = tracker_of("ema")
    tracker.update(of(0.8), timestamp_s=0.0)
    tracker.update(of(0.9), timestamp_s=0.1)
    before = tracker.snapshot()["fused"]
    predicted = tracker.predict(timestamp_s=0.2)
    after = tracker.snapshot()["fused"]
    for key, value in before.items():
        np.testing.assert_array_equal(value, after[key])
    expected = 0.9 - 0.1 * 0.9**3
    assert predicted.existence == pytest.approx(expected)
    assert tracker_of("raw").predict(timestamp_s=0.2).existence.tolist() == []


def test_a_reset_forgets():
    tracker = tracker_of("n-of-m")
    for k in range(3):
        assert tracker.update(of(0.9), timestamp_s=k / 30).confirmed.tolist() == [k == 2]
    tracker.reset()
    again = tracker.update(of(0.9), timestamp_s=0.0)
    assert again.track_id.tolist() == [2]
    assert again.existence == pytest.approx(1 / 3)


def test_a_snapshot_whose_fuser_was_changed_by_hand_is_refused():
    tracker = Tracker()
    tracker.update(of(0.9), timestamp_s=0.0)
    state = tracker.snapshot()
    state["config"]["fuser"] = "ema"
    changed = Tracker.restore(state)
    with pytest.raises(InputError, match="lacks the past"):
        changed.update(None, timestamp_s=0.1)


@pytest.mark.parametrize("name", OTHERS)
def test_a_late_measurement_is_fused_where_it_belongs(name):
    looks = [(k / 10, 0.1 * (k % 7) + 0.2) for k in range(12)]
    config = TrackerConfig(fuser=name, max_delay_s=1.0)
    in_order, late = Tracker(config), Tracker(config)
    for time, c in looks:
        expected = in_order.update(of(c), timestamp_s=time)
    for time, c in [*looks[:6], *looks[7:], looks[6]]:
        found = late.update(of(c), timestamp_s=time)
    np.testing.assert_array_equal(found.existence, expected.existence)
    np.testing.assert_array_equal(found.score, expected.score)


def test_chosen_in_a_file(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('fuser = "noisy-or"\n')
    assert Tracker.from_toml(path).config == replace(TrackerConfig(), fuser="noisy-or")
