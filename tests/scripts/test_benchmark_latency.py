"""The latency benchmark: it counts what it says, in order or late."""

from __future__ import annotations

import gc
import itertools

import pytest

from scripts import benchmark_latency as script


@pytest.mark.parametrize("late", [0.0, 0.2])
def test_the_stream_goes_on_for_ever_and_is_late_by_what_is_asked(late):
    times = [when for _, when in itertools.islice(script.stream(3, late), 400)]
    behind = [max(times[:k]) - when for k, when in enumerate(times) if k and when < times[k - 1]]
    if late:
        assert len(behind) == pytest.approx(40, abs=2)
        assert all(b == pytest.approx(late) for b in behind)
    else:
        assert times == sorted(times)
    assert len(set(times)) == 400


def test_pauses_of_the_collector_are_seen():
    pauses = script.Pauses()
    gc.callbacks.append(pauses)
    gc.collect()
    gc.callbacks.remove(pauses)
    assert len(pauses.seconds) == 1
    assert pauses.longest_ms > 0


def test_the_table(capsys):
    assert script.main(["--objects", "2", "--updates", "30", "--late", "0.1"]) == 0
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")[1:-1]]
    assert row[0] == "2"
    assert all(float(cell) > 0 for cell in row[1:7])
    assert abs(int(row[9])) < 200_000
