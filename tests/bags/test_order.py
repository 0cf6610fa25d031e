"""Messages in the order of their times, with a bounded look ahead."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tracker.bags.order import LATE, RESTART, in_time_order

S = 1_000_000_000


def ordered(times: list[int], held_back: int = 8) -> tuple[list[int], list[tuple[int, str]]]:
    notes: list[tuple[int, str]] = []
    got = in_time_order(
        ((time, str(time)) for time in times),
        lambda time, what: notes.append((time, what)),
        held_back=held_back,
    )
    out = list(got)
    assert all(content == str(time) for time, content in out)
    return [time for time, _ in out], notes


@given(st.lists(st.integers(0, 900_000_000), unique=True), st.randoms(use_true_random=False))
def test_swaps_within_the_look_ahead_are_undone(times: list[int], random: object) -> None:
    """No message is further from its place than the messages that are held back."""
    times.sort()
    shuffled = []
    for start in range(0, len(times), 4):
        block = times[start : start + 4]
        random.shuffle(block)  # type: ignore[attr-defined]
        shuffled += block
    assert ordered(shuffled) == (times, [])


@given(st.lists(st.integers(0, 3 * S), max_size=40), st.integers(0, 5))
def test_whatever_comes_times_only_fall_at_a_restart(times: list[int], held_back: int) -> None:
    got, notes = ordered(times, held_back)
    falls = sum(b <= a for a, b in itertools.pairwise(got))
    restarts = sum(what == RESTART for _, what in notes)
    # After a restart times may also begin above the last one: then nothing falls.
    assert falls <= restarts
    late = sum(what == LATE for _, what in notes)
    assert len(got) + late == len(times)


def test_a_late_message_and_a_double_one_are_left_out() -> None:
    got, notes = ordered([1, 2, 3, 4, 1, 4, 5], held_back=1)
    assert got == [1, 2, 3, 4, 5]
    assert [what for _, what in notes] == [LATE, LATE]


def test_one_straggler_is_no_restart() -> None:
    times = [10 * S + i for i in range(20)]
    got, notes = ordered([*times[:10], 3 * S, *times[10:]])
    assert got == times
    assert notes == [(3 * S, LATE)]


def test_a_straggler_at_the_very_end() -> None:
    assert ordered([5 * S, 1 * S]) == ([5 * S], [(1 * S, LATE)])


def test_a_clock_that_is_set_back_begins_anew() -> None:
    first = [100 * S + i * S // 10 for i in range(12)]
    second = [i * S // 10 for i in range(12)]
    got, notes = ordered(first + second)
    assert got == first + second
    assert notes == [(0, RESTART)]


def test_two_stragglers_running_backwards_are_both_late() -> None:
    got, notes = ordered([9 * S, 3 * S, 2 * S, 9 * S + 1])
    assert got == [9 * S, 9 * S + 1]
    assert notes == [(3 * S, LATE), (2 * S, LATE)]


def test_nothing_gives_nothing() -> None:
    assert ordered([]) == ([], [])
