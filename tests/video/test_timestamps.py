import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.video.timestamps import ArrivalTimes, FileTimes


def test_restart_of_the_time_line_keeps_distances():
    clock = FileTimes(0.1)
    times = [clock.repair(t)[0] for t in (0.0, 5.0, 0.0, 0.2, 0.5)]
    assert times == pytest.approx([0.0, 5.0, 5.1, 5.3, 5.6])


def test_one_wrong_time_does_not_move_the_others():
    clock = FileTimes(0.1)
    repaired = [clock.repair(t) for t in (0.0, 0.1, 0.05, 0.3)]
    assert [t for t, _ in repaired] == pytest.approx([0.0, 0.1, 0.15, 0.3])
    assert [bool(why) for _, why in repaired] == [False, False, True, False]


def test_first_frame_without_a_time_after_a_seek():
    clock = FileTimes(0.1)
    clock.start_at(3.0)
    assert clock.repair(None)[0] == 3.0


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan"))), max_size=30),
    st.sampled_from([1 / 30, 0.1, 1.0]),
)
def test_file_times_always_go_forward(times, period):
    clock = FileTimes(period)
    repaired = [clock.repair(t)[0] for t in times]
    assert np.isfinite(repaired).all()
    assert (np.diff(repaired) > 0).all()


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e6, 1e6)), st.floats(0, 10)), max_size=30)
)
def test_live_times_always_go_forward(frames):
    clock, now, times = ArrivalTimes(), 100.0, []
    for own, wait in frames:
        now += wait
        times.append(clock.time(own, arrived_s=now)[0])
    assert (np.diff(times) > 0).all()


def test_live_times_are_the_streams_own():
    clock = ArrivalTimes()
    arrivals = [50.0, 50.3, 50.31, 50.7]
    own = [900.0, 900.2, 900.4, 900.6]
    times = [clock.time(o, arrived_s=a)[0] for o, a in zip(own, arrivals, strict=True)]
    assert times == pytest.approx([0.0, 0.2, 0.4, 0.6])


def test_a_first_time_may_be_missing():
    clock = ArrivalTimes()
    times = [clock.time(o, arrived_s=a)[0] for o, a in ((None, 7.0), (3.0, 7.5), (3.4, 8.1))]
    assert times == pytest.approx([0.0, 0.5, 0.9])


@pytest.mark.parametrize(
    ("own", "why"), [(1.0, "step back"), (None, "missing"), (5000.0, "run away")]
)
def test_arrival_takes_over_for_good(own, why):
    clock = ArrivalTimes()
    clock.time(100.0, arrived_s=10.0)
    clock.time(100.5, arrived_s=10.5)
    time, trouble = clock.time(own, arrived_s=11.0)
    assert time == pytest.approx(1.0)
    assert why in trouble
    assert clock.time(102.5, arrived_s=11.2) == (pytest.approx(1.2), "")
