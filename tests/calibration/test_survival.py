"""How long what is unseen survives: gaps of known worlds, and times that move as far as told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calibration.kit import recording
from tracker import Detections, Tracker, TrackerConfig
from tracker.calibration import Calibration, Constants
from tracker.calibration.fitting import Recording, by_mixture, by_truth, fit, label, trace, track
from tracker.calibration.fitting.belief import fit_constants
from tracker.calibration.fitting.survival import (
    FLICKER_S,
    Gaps,
    fit_survival,
    gaps_of,
    return_s,
)

CONFIG = TrackerConfig()
WORLD = recording(0, 60)


def gaps(unseen, again) -> Gaps:
    """Gaps each of an object and a stretch of its own."""
    each = np.arange(len(unseen))
    return Gaps(np.asarray(unseen, float), np.asarray(again, bool), each, each)


def found_in(*frames: int, there: tuple[int, ...] = tuple(range(60)), labelled=None) -> Gaps:
    """The gaps of object 7, seen in these frames at 10 frames a second."""
    known = np.arange(60) if labelled is None else labelled
    seen = np.array(frames), np.full(len(frames), 7)
    return gaps_of(WORLD, known, seen, (np.array(there), np.full(len(there), 7)))


def test_gaps_are_counted_from_the_first_look_beyond_flicker():
    # 0.1 to 0.4 s after it was seen it was missed, and seen at 0.5 s: 0.1 s beyond the look at 0.4.
    one = found_in(0, 5, there=(0, 5))
    assert one.again.tolist() == [True]
    assert one.unseen_s == pytest.approx([0.1])
    assert FLICKER_S == 0.35
    # Found by the fourth look, nothing was missed beyond flicker.
    assert not len(found_in(0, 4, there=(0, 4)).again)


def test_who_leaves_is_censored_when_it_leaves():
    one = found_in(0, 1, there=tuple(range(20)))
    assert one.again.tolist() == [False]
    # Last seen at 0.1 s, first missed beyond flicker at 0.5, there until 1.9.
    assert one.unseen_s == pytest.approx([1.4])
    assert one.cluster.tolist() == [7]
    both = found_in(0, 10, there=tuple(range(20)))
    assert both.again.tolist() == [True, False]
    assert both.unseen_s == pytest.approx([0.6, 0.5])


def test_who_left_and_came_back_was_unseen_all_the_time():
    one = found_in(0, 30, there=(0, 1, 30))
    assert one.unseen_s == pytest.approx([2.6])


def test_what_nobody_labelled_is_no_gap():
    labelled = np.setdiff1d(np.arange(60), [15])
    one = found_in(0, 10, 20, 30, there=(0, 30), labelled=labelled)
    assert one.unseen_s == pytest.approx([0.6, 0.6])
    nobody = gaps_of(
        WORLD, np.arange(60), (np.array([0, 9]), np.full(2, -1)), (np.zeros(0, int),) * 2
    )
    assert not len(nobody.again)


def blinking(seed: int, *, labelled: bool = True) -> Recording:
    """A world in which nothing is seen for a second."""
    whole = recording(seed, 90, labelled=labelled)
    open_eyes = np.setdiff1d(whole.frames, np.arange(40, 50))
    return replace(whole, detections=whole.detections.within(open_eyes))


def test_labels_have_the_gaps_of_the_objects_that_were_found():
    one = blinking(3)
    found = trace(one, CONFIG)
    labels = label(one, found)
    assert labels.gaps is not None
    # All six are unseen from the last look before 4.0 s to the first one from 5.0 s on.
    assert sorted(labels.gaps.cluster.tolist()) == list(range(6))
    assert labels.gaps.again.all()
    assert ((labels.gaps.unseen_s > 0.6) & (labels.gaps.unseen_s < 1.1)).all()
    (guessed,) = by_mixture([one], [found])
    assert guessed.gaps is None


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.integers(1, 60))
def test_the_time_to_the_return_is_the_mean_of_its_posterior(seed, n):
    """Gamma prior, exponential gaps: τ = (k τ₀ + T) / (k + n), also of censored ones."""
    rng = np.random.default_rng(seed)
    unseen, again = rng.exponential(1.0, n), rng.random(n) < 0.7
    nothing, _ = return_s(gaps([], []))
    tau, returns = return_s(gaps(unseen, again))
    assert returns == pytest.approx(again.sum())
    strength = 100.0
    assert tau == pytest.approx((strength * nothing + unseen.sum()) / (strength + again.sum()))


def test_a_crowd_that_hides_together_counts_as_few():
    n = 50
    together = Gaps(np.full(n, 5.0), np.ones(n, bool), np.arange(n), np.zeros(n, int))
    assert return_s(together)[1] == pytest.approx(n / (1 + 0.1 * (n - 1)))
    one = Gaps(np.full(n, 5.0), np.ones(n, bool), np.zeros(n, int), np.zeros(n, int))
    assert return_s(one)[1] == pytest.approx(1.0)


def test_times_follow_the_gaps_and_not_far():
    e = CONFIG.existence
    assert not fit_survival([], e).given
    assert not fit_survival([gaps([], [])], e).given
    told = [
        fit_survival([gaps(np.full(n, t), np.ones(n))], e).given
        for n, t in ((300, 0.1), (3, 0.1), (3, 10.0), (300, 10.0))
    ]
    for name in ("coast_most_s", "max_gap_s"):
        values = [one[name] for one in told]
        assert values == sorted(set(values))
        assert values[0] >= 0.5 * getattr(e, name) - 1e-9
        assert values[3] <= 2.0 * getattr(e, name) + 1e-9
    # Joined, each sequence keeps its own objects.
    two = [gaps([1.0], [1]), gaps([1.0], [1])]
    assert return_s(Gaps.joined(two))[1] == pytest.approx(2.0)


def test_memory_is_fitted_with_labels_only():
    worlds = [recording(k, 100, posts=3) for k in range(2)]
    tracked = track(worlds, by_truth(), CONFIG)
    found, labels = [one.found for one in tracked], [one.labels for one in tracked]
    e = CONFIG.existence
    memory_s = fit_constants(found, labels, e).memory_s
    assert memory_s is not None
    assert 0.5 <= memory_s / e.memory_s <= 2.0
    assert memory_s != e.memory_s
    assert fit_constants(found, labels, e, memory=False).memory_s is None
    guessed = by_mixture(worlds, found)
    assert fit_constants(found, guessed, e).memory_s is None


def test_what_was_fitted_is_in_the_file_and_used(tmp_path):
    fitted = fit([blinking(1)], by_truth(), CONFIG, afterwards=False)
    names = ("memory_s", "coast_most_s", "max_gap_s")
    assert set(names) <= set(fitted.constants.given)
    fitted.save(tmp_path / "c.toml")
    tracker = Tracker(calibration=str(tmp_path / "c.toml"))
    assert Calibration.from_toml(tmp_path / "c.toml") == fitted
    inside = fitted.applied(tracker.config).existence
    assert all(getattr(inside, name) == fitted.constants.given[name] for name in names)
    # Guesses leave survival as it is, and older files do not name it.
    guessed = fit([blinking(1, labelled=False)], by_mixture, CONFIG)
    assert not set(names) & set(guessed.constants.given)
    old = {"version": 1, "constants": {"birth": 0.04}}
    assert Calibration.from_dict(old).applied(CONFIG).existence == replace(
        CONFIG.existence, birth=0.04
    )


@pytest.mark.parametrize(("most", "kept"), [(4.0, True), (0.5, False)])
def test_a_fitted_time_decides_how_long_a_track_is_kept(most, kept):
    """Seen for two seconds, unseen for two: `Tracker(calibration=…)` keeps it as long as fitted."""
    tracker = Tracker(calibration=Calibration(constants=Constants(coast_most_s=most)))
    for k in range(41):
        boxes = [[10, 10, 40, 90]] if k <= 20 else np.zeros((0, 4))
        tracks = tracker.update(Detections(boxes, [0.9] * len(boxes)), timestamp_s=k / 10)
    assert (len(tracks) == 1) is kept
