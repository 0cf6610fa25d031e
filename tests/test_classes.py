import numpy as np
import pytest

from tracker import ClassConfig, InputError
from tracker.classes import checked_width, evidence, fuse, normalised, posterior, widened

CONFIG = ClassConfig(rate=2.0, memory_s=10.0, least_probability=0.04)
NONE = np.zeros((1, 0))


def test_a_label_shares_the_rest_among_the_others():
    q = np.exp(evidence(np.array([1]), np.array([0.7]), NONE, 4, CONFIG))
    np.testing.assert_allclose(q, [[0.106, 0.682, 0.106, 0.106]])  # 0.96 q + 0.01


def test_a_weak_label_still_speaks_for_itself():
    q = np.exp(evidence(np.array([1]), np.array([0.05]), NONE, 4, CONFIG))
    np.testing.assert_allclose(q, [[0.13, 0.61, 0.13, 0.13]])  # 0.96 q + 0.01, q of 1 is 5/8


def test_a_full_vector_is_normalised():
    given = np.array([[0.3, 0.1, 0.0], [0.0, 0.0, 0.0]])
    q = np.exp(evidence(np.array([0, 0]), np.array([0.3, 0.1]), given, 4, CONFIG))
    np.testing.assert_allclose(q[0], [0.73, 0.25, 0.01, 0.01])
    np.testing.assert_allclose(q[1], 0.25)


def test_one_class_and_no_detections():
    assert evidence(np.array([0]), np.array([0.3]), NONE, 1, CONFIG).tolist() == [[0.0]]
    nothing = evidence(np.zeros(0, int), np.zeros(0), np.zeros((0, 3)), 3, CONFIG)
    assert nothing.shape == fuse(nothing, nothing, 0.1, CONFIG).shape == (0, 3)


def test_fusion_by_hand():
    before = np.log([[0.8, 0.2]])
    seen = np.log([[0.3, 0.7]])
    after = posterior(fuse(before, seen, 0.1, CONFIG))
    memory, weight = np.exp(-0.01), 0.2
    odds = (0.8 / 0.2) ** memory * (0.3 / 0.7) ** weight
    np.testing.assert_allclose(after, [[odds / (1 + odds), 1 / (1 + odds)]])


def test_no_time_changes_nothing():
    before = np.log([[0.8, 0.2]])
    np.testing.assert_allclose(fuse(before, np.log([[0.1, 0.9]]), 0.0, CONFIG), before)


def test_rows_sum_to_one_even_when_far_apart():
    p = posterior(normalised(np.array([[0.0, -800.0, -1.0], [700.0, 700.0, 0.0]])))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_a_new_class_is_as_improbable_as_the_least():
    wider = posterior(widened(np.log([[0.7, 0.299, 0.001]]), 4, CONFIG))
    np.testing.assert_allclose(wider, np.array([[0.7, 0.299, 0.001, 0.001]]) / 1.001)
    assert widened(np.zeros((0, 1)), 5, CONFIG).shape == (0, 5)


def test_a_new_class_has_at_most_what_one_look_at_the_floor_leaves():
    wider = posterior(widened(np.zeros((1, 1)), 4, CONFIG))  # so far there was one class only
    np.testing.assert_allclose(wider, np.array([[1.0, 0.01, 0.01, 0.01]]) / 1.03)


def test_widening_gives_a_copy():
    before = np.log([[0.7, 0.3]])
    widened(before, 2, CONFIG)[0, 0] = 5.0
    assert before[0, 0] == np.log(0.7)


def test_an_absurd_class_is_refused():
    assert checked_width(80) == 80
    with pytest.raises(InputError, match=r"class_id 1999999999"):
        checked_width(2_000_000_000)
