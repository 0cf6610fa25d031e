import math

import pytest

from tracker import TimeError
from tracker.clock import Clock


def test_looked_time_is_that_of_the_looks():
    clock = Clock().advanced(5.0, 0.0).advanced(5.5, 0.25).advanced(7.0, None).advanced(7.25, 0.25)
    assert clock == Clock(7.25, 3, 0.5)


def test_steps():
    assert Clock().step_to(-3.0) == 0.0  # any first time will do
    clock = Clock(2.0, 1, 0.0)
    assert [clock.step_to(t) for t in (1.5, 2.0, 2.5)] == [-0.5, 0.0, 0.5]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e30, "now", None])
def test_no_time(bad):
    with pytest.raises(TimeError, match="timestamp_s must be"):
        Clock(2.0, 1, 0.0).step_to(bad)
