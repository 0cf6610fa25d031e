import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tracker import ClutterConfig
from tracker.clutter import ClutterMap

CONFIG = ClutterConfig(weight=2.0, scale_s=0.5, half_life_s=10.0, cell_px=20.0, most=50.0)
HERE = np.array([[100.0, 50.0, 118.0, 130.0]])
ELSEWHERE = np.array([[300.0, 50.0, 318.0, 130.0]])


def test_an_empty_map_says_nothing():
    assert ClutterMap(CONFIG).against(HERE).tolist() == [0.0]


def test_what_speaks_against_a_place_by_hand():
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE, 1.5)
    np.testing.assert_allclose(clutter.against(HERE), 2.0 * math.log(1 + 1.5 / 0.5))
    assert clutter.against(ELSEWHERE).tolist() == [0.0]


def test_looking_ahead_in_time_is_fading():
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE, 1.5)
    ahead = clutter.against(HERE, 3.0)
    clutter.fade(3.0)
    np.testing.assert_allclose(clutter.against(HERE), ahead)


def test_no_place_loses_more_than_the_most():
    clutter = ClutterMap(replace(CONFIG, most=1.25))
    clutter.add(HERE, 1e9)
    assert clutter.against(HERE).tolist() == [1.25]


def test_the_foot_of_the_box_is_the_place():
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE, 1.0)
    higher = HERE + np.array([0.0, -200.0, 0.0, 0.0])  # the head elsewhere
    assert clutter.against(higher) == clutter.against(HERE)


def test_half_is_forgotten_after_the_half_life():
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE, 1.0)
    clutter.fade(4.0)
    clutter.fade(6.0)
    np.testing.assert_allclose(clutter.against(HERE), 2.0 * math.log(1 + 0.5 / 0.5))


def test_hits_at_one_place_add_up_also_in_one_frame():
    clutter = ClutterMap(CONFIG)
    clutter.add(np.repeat(HERE, 3, axis=0), 0.5)
    np.testing.assert_allclose(clutter.against(HERE), 2.0 * math.log(1 + 1.5 / 0.5))


def test_old_hits_fade_to_nothing_and_new_ones_count_in_full():
    """Across the point where the lazy factor is worked in."""
    clutter = ClutterMap(CONFIG)
    clutter.add(ELSEWHERE, 5.0)
    for _ in range(300):
        clutter.fade(3.0)
    clutter.fade(1e6)
    clutter.add(HERE, 1.5)
    np.testing.assert_allclose(clutter.against(HERE), 2.0 * math.log(1 + 1.5 / 0.5))
    assert clutter.against(ELSEWHERE)[0] < 1e-9


@pytest.mark.parametrize("shift", [-1e7, -12345.0, 1e7])
def test_places_outside_any_image_are_fine(shift):
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE + shift, 1.0)
    assert clutter.against(HERE + shift)[0] > 0


def test_dump_and_load_are_exact():
    clutter, other = ClutterMap(CONFIG), ClutterMap(CONFIG)
    clutter.add(HERE, 1.0)
    clutter.fade(3.0)
    clutter.add(ELSEWHERE, 0.3)
    other.load(json.loads(json.dumps(clutter.dump(), default=lambda a: a.tolist())))
    for one in (clutter, other):
        one.fade(0.7)
        one.add(HERE, 0.1)
    for place in (HERE, ELSEWHERE):
        assert other.against(place).tolist() == clutter.against(place).tolist()


def test_no_boxes():
    clutter = ClutterMap(CONFIG)
    clutter.add(np.zeros((0, 4)), 1.0)
    assert clutter.against(np.zeros((0, 4))).shape == (0,)
    assert clutter.against(HERE).tolist() == [0.0]


def test_the_map_can_be_looked_at():
    clutter = ClutterMap(CONFIG)
    clutter.add(HERE, 1.0)
    clutter.fade(10.0)
    seconds = clutter.seconds()
    row, column = np.argwhere(seconds)[0]
    assert (row, column) == (130 // 20, 109 // 20)
    assert seconds[row, column] == pytest.approx(0.5)
