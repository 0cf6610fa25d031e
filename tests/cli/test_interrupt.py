"""Signals: the first stops, one that comes with it is the same, a later one aborts."""

from __future__ import annotations

import os
import signal

import pytest

from tracker.cli.interrupt import Interrupt


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_come_together_are_one(
    monkeypatch: pytest.MonkeyPatch, second: signal.Signals
) -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    clock = [100.0]
    with Interrupt(clock=lambda: clock[0]) as interrupt:
        assert not interrupt.stop.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.stop.is_set()
        for clock[0] in (100.0, 100.2, 100.49):
            signal.raise_signal(second)
        clock[0] = 100.5  # from the first, not from the last
        with pytest.raises(SystemExit) as left:
            signal.raise_signal(second)
    assert left.value.code == 130


def test_a_run_that_stops_already_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    with Interrupt() as interrupt:
        interrupt.stop.set()  # as the key q does
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
