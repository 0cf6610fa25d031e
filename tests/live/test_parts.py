"""The parts that decide: time, waiting, judging, sharing."""

import random
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.live.fakes import FakeClock
from tracker.errors import InputError
from tracker.live.backoff import Backoff
from tracker.live.clocks import Timeline
from tracker.live.looks import Judge
from tracker.live.metronome import Metronome
from tracker.live.shots import Slot
from tracker.live.stream_clock import StreamClock


def test_a_wall_clock_that_is_set_moves_no_time_line():
    clock = FakeClock()
    line = Timeline(clock)
    before = line.now()
    clock.wall_ahead_s += 3600.0  # summer time done wrong
    clock.pass_(1.0)
    assert line.now() == pytest.approx(before + 1.0)
    assert line.wall_of(line.now()) == pytest.approx(clock.wall())


def test_waits_grow_to_the_longest_and_begin_anew_after_a_connection_that_held():
    backoff = Backoff(0.5, 8.0, random.Random(1))
    waits = [backoff.next_s() for _ in range(40)]
    for i, wait in enumerate(waits):
        full = min(0.5 * 2**i, 8.0)
        assert full / 2 <= wait <= full
    assert len(set(waits)) == 40  # never in step
    backoff.held_for(0.01)  # one that broke at once earns nothing
    assert backoff.next_s() >= 4.0
    backoff.held_for(60.0)
    assert backoff.next_s() <= 0.5


def test_a_wait_that_never_ends_or_never_begins_is_refused():
    with pytest.raises(InputError):
        Backoff(0.0, 1.0)
    with pytest.raises(InputError):
        Backoff(2.0, 1.0)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 2.0)), min_size=1, max_size=60),
    st.booleans(),
)
def test_times_of_capture_always_increase(frames, paced):
    clock = StreamClock(paced=paced)
    arrived, last = 100.0, -np.inf
    for own, wait in frames:
        arrived += wait
        captured, _ = clock.map(own, arrived_s=arrived)
        assert captured > last
        last = captured


def test_the_delay_of_the_network_is_taken_out():
    """Frames of 25 a second, each late by up to 0.2 s: their times are those of the camera."""
    rng = np.random.default_rng(0)
    clock, errors = StreamClock(), []
    for i in range(2000):
        arrived = 50.0 + i / 25 + 0.01 + rng.uniform(0.0, 0.2)
        captured, trouble = clock.map(9000.0 + i / 25, arrived_s=arrived)
        assert not trouble
        errors.append(captured - (50.0 + i / 25 + 0.01))
    assert np.ptp(errors[200:]) < 0.01
    assert abs(np.mean(errors[200:])) < 0.01


def test_a_burst_after_a_stall_keeps_the_times_of_capture():
    clock = StreamClock()
    for i in range(50):
        clock.map(i / 10, arrived_s=100 + i / 10)
    late = [clock.map(5 + i / 10, arrived_s=108.0 + i / 1000) for i in range(30)]
    assert not any(trouble for _, trouble in late)
    assert np.allclose(np.diff([t for t, _ in late]), 0.1, atol=0.001)
    assert late[0][0] == pytest.approx(105.0, abs=0.01)


@pytest.mark.parametrize(
    ("jump", "word"), [(3600.0, "ahead by 3600.0 s"), (-3600.0, "set back by 3600.0 s")]
)
def test_a_jump_of_the_streams_clock_is_found_and_costs_no_time(jump, word):
    clock = StreamClock()
    for i in range(20):
        clock.map(5000 + i / 10, arrived_s=10 + i / 10)
    captured, trouble = clock.map(5000 + jump + 2.0, arrived_s=12.0)
    assert word in trouble
    assert captured == pytest.approx(12.0)
    after = [clock.map(5000 + jump + 2.1 + i / 10, arrived_s=12.1 + i / 10) for i in range(20)]
    assert not any(trouble for _, trouble in after)
    assert [t for t, _ in after] == pytest.approx([12.1 + i / 10 for i in range(20)], abs=0.01)
    assert clock.jumps == 1


def test_a_clock_that_stands_still_is_given_up():
    clock = StreamClock()
    found = [clock.map(7.0 + i * 1e-4, arrived_s=100.0 + i) for i in range(40)]
    assert any("fell behind" in trouble for _, trouble in found)
    assert 100.0 + 39 - found[-1][0] < 16.0


def test_missing_and_first_times_are_those_of_arrival():
    clock = StreamClock()
    assert clock.map(None, arrived_s=5.0) == (5.0, "")
    assert clock.map(float("nan"), arrived_s=5.1) == (5.1, "")
    assert clock.map(77.0, arrived_s=5.2) == (5.2, "")


def noisy(rng, level=90):
    return rng.integers(max(0, level - 8), level + 8, (48, 64)).astype(np.uint8)


def test_what_is_new_duplicate_frozen_black_and_damaged():
    rng = np.random.default_rng(0)
    judge = Judge(frozen_s=2.0)
    scene = noisy(rng)
    assert judge.judge(scene, at_s=0.0) == "new"
    assert judge.judge(noisy(rng), at_s=0.1) == "new"
    still = noisy(rng)
    assert judge.judge(still, at_s=1.0) == "new"
    assert judge.judge(still.copy(), at_s=2.0) == "duplicate"
    assert judge.judge(still.copy(), at_s=3.1) == "frozen"
    assert judge.still_s(4.0) == pytest.approx(3.0)
    assert judge.judge(noisy(rng), at_s=3.2) == "new"
    assert judge.judge(noisy(rng, 12), at_s=3.3) == "black"
    assert judge.judge(noisy(rng), at_s=3.4, corrupt=True) == "corrupt"
    assert judge.judge(noisy(rng)[:24], at_s=3.5) == "new"  # another size is another picture


def test_one_lamp_in_the_dark_is_not_black():
    image = np.full((480, 640), 16, np.uint8)
    image[200:240, 300:340] = 200
    assert Judge(1.0).judge(image, at_s=0.0) == "new"


def test_after_a_reconnect_the_same_picture_is_news():
    judge, scene = Judge(1.0), noisy(np.random.default_rng(0))
    judge.judge(scene, at_s=0.0)
    judge.restart()
    assert judge.judge(scene, at_s=9.0) == "new"


@pytest.mark.parametrize(("source", "rate"), [(25.0, 10.0), (30.0, 7.0), (10.0, 9.0), (25.0, 25.0)])
def test_frames_are_left_out_evenly(source, rate):
    metronome = Metronome()
    metronome.rate = rate
    chosen = [i / source for i in range(2000) if metronome.wants(i / source, 1 / source)]
    assert len(chosen) / (2000 / source) == pytest.approx(rate, rel=0.02)
    gaps = np.diff(chosen) * source
    assert gaps.max() - gaps.min() <= 1.0 + 1e-6


def test_a_pause_is_not_caught_up_with():
    metronome = Metronome()
    metronome.rate = 5.0
    times = [i / 25 for i in range(25)] + [60 + i / 25 for i in range(250)]
    chosen = [t for t in times if metronome.wants(t, 0.04)]
    assert sum(t >= 60 for t in chosen) == pytest.approx(50, abs=2)


def test_in_a_slot_the_newest_wins_or_nobody_loses():
    slot = Slot(threading.Condition())
    assert [slot.put(i) for i in range(5)] == [True] * 5
    assert (slot.take(), slot.take(), slot.dropped) == (4, None, 4)
    patient = Slot(threading.Condition(), capacity=2, newest_wins=False)
    got = []
    feeder = threading.Thread(target=lambda: [patient.put(i) for i in range(50)])
    feeder.start()
    while len(got) < 50:
        if (one := patient.take()) is not None:
            got.append(one)
    feeder.join()
    assert got == list(range(50))
    assert patient.dropped == 0


def test_a_closed_slot_lets_go_who_waits():
    slot = Slot(threading.Condition(), capacity=1, newest_wins=False)
    slot.put(1)
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(slot.put(2)))
    waiter.start()
    slot.close()
    waiter.join(5)
    assert answers == [False]
    assert slot.put(3) is False
