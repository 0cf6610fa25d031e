import math

import pytest

from tracker import TimeError
from tracker.clock import Clock


def test_looked_time_is_that_of_the_looks():
    clock = Clock()
    assert clock.advance(5.0, looked=True) == 0.0
    assert clock.advance(5.5, looked=True) == 0.5
    assert clock.advance(7.0, looked=False) == 1.5
    assert clock.advance(7.25, looked=True) == 0.25
    assert (clock.now_s, clock.looks, clock.looked_s) == (7.25, 3, 0.75)


def test_running_back():
    clock = Clock()
    assert not clock.runs_back(-3.0)  # any first time will do
    clock.advance(2.0, looked=True)
    assert [clock.runs_back(t) for t in (1.9, 2.0, 2.1)] == [True, True, False]
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(TimeError, match="must be finite"):
            clock.runs_back(bad)
    assert clock == Clock(2.0, 1, 0.0)
