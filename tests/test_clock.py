import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import TimeError
from tracker.clock import Clock, instant

EPOCH_NS = 1_795_325_445_123_456_789  # a time since 1970 that float64 seconds cannot hold


def seconds(value: float):
    return instant(value, None)


def test_looked_time_is_that_of_the_looks():
    clock = Clock()
    for time, look in [(5.0, 0.0), (5.5, 0.25), (7.0, None), (7.25, 0.25)]:
        clock = clock.advanced(seconds(time), look)
    assert (clock.now_s, clock.looks, clock.looked_s) == (2.25, 3, 0.5)
    assert (clock.timestamp_s, clock.timestamp_ns) == (7.25, 7_250_000_000)


def test_steps():
    assert Clock().step_to(seconds(-3.0)) == 0.0  # any first time will do
    clock = Clock().advanced(seconds(2.0), 0.0)
    assert [clock.step_to(seconds(t)) for t in (1.5, 2.0, 2.5)] == [-0.5, 0.0, 0.5]


def test_nanoseconds_since_1970_lose_nothing():
    clock = Clock().advanced(instant(None, EPOCH_NS), None)
    step = clock.step_to(instant(None, EPOCH_NS + 33_333_333))
    assert step == 0.033333333
    assert clock.step_to(instant(None, EPOCH_NS + 1)) == 1e-9


@given(st.floats(-9e9, 9e9))
def test_seconds_are_kept_and_their_nanoseconds_are_the_nearest(value):
    at = seconds(value)
    assert at.s == value
    assert abs(Decimal(at.ns) - Decimal(value) * 10**9) <= Decimal("0.5")


@given(st.floats(1e6, 9e9))
def test_later_seconds_are_later_nanoseconds(value):
    later = math.nextafter(value, math.inf)
    assert seconds(later).ns > seconds(value).ns or later - value < 1e-9


@given(st.integers(-(2**62), 2**62))
def test_nanoseconds_are_kept_and_their_seconds_are_the_nearest(value):
    at = instant(None, value)
    assert at.ns == value
    assert at.s == value / 10**9


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert instant(None, np.int64(EPOCH_NS)).ns == EPOCH_NS
    assert isinstance(instant(None, np.uint64(EPOCH_NS)).ns, int)
    assert isinstance(instant(np.float32(0.5), None).s, float)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e30, 1e10, "now", None])
def test_no_seconds(bad):
    with pytest.raises(TimeError, match="timestamp_s must be"):
        instant(bad, None)


@pytest.mark.parametrize("bad", [1.5, 1e18, "now", 2**63, -(2**63)])
def test_no_nanoseconds(bad):
    with pytest.raises(TimeError, match="timestamp_ns must"):
        instant(None, bad)


def test_both_are_one_too_many():
    with pytest.raises(TimeError, match=r"must not be given beside timestamp_ns, got 1\.0 and 5"):
        instant(1.0, 5)


@pytest.mark.parametrize(
    "odd",
    [
        np.array([1.0, 2.0]),
        np.array([1.0]),
        [1.0],
        True,
        np.True_,
        1j,
        np.complex128(1),
        "1.0",
        b"1",
        object(),
        np.datetime64("2026-01-01"),
        np.timedelta64(1, "s"),
        10**400,
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_what_is_no_time_is_a_clear_error(odd):
    with pytest.raises(TimeError, match=r"^timestamp_s must be one number of seconds"):
        seconds(odd)
    if type(odd) is not int:
        with pytest.raises(TimeError, match=r"^timestamp_ns must be a whole number"):
            instant(None, odd)


@pytest.mark.parametrize("fine", [1, np.float32(1), np.array(1.0), Decimal(1), Fraction(1)])
def test_any_one_real_number_is_a_time(fine):
    assert seconds(fine) == (1_000_000_000, 1.0)
