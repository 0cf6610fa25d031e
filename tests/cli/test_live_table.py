"""What the terminal shows of a live run."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.live.fakes import ListOutlet, Opener, SquareDetector, refused
from tracker.cli import live_table
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem


@pytest.fixture
def system() -> LiveSystem:
    cameras = {
        "front": CameraSettings(source="rtsp://me:hunter2@10.0.0.5/x"),
        "[red]": CameraSettings(source="rtsp://10.0.0.6/x"),
    }
    return LiveSystem(
        SquareDetector(), LiveSettings(cameras=cameras), outlets=[ListOutlet()],
        opener=Opener(refused()),
    )  # fmt: skip


def shown(what: Any, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(what)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_the_table_has_every_camera_and_what_is_wrong(system: LiveSystem) -> None:
    front = system.cameras["front"]
    front.reader.state, front.reader.why, front.reader.failures = "waiting", "no route to host", 3
    health = system.health()
    health["outlets"][0] |= {"waiting": 7, "dropped": 2, "trouble": "Connection refused"}
    text = shown(live_table.render(health))
    assert "front" in text
    assert "[red]" in text, "names are no markup"
    assert "down" in text
    assert "no route to host" in text
    assert "list: 7 events wait, 2 dropped (Connection refused)" in text
    assert "hunter2" not in text
    assert max(map(len, shown(live_table.render(health), 80).splitlines())) <= 80


def test_without_a_terminal_changes_are_lines(
    system: LiveSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StringIO()
    monkeypatch.setattr(live_table, "err", Console(file=stream, highlight=False, width=200))
    with live_table.LiveTable(system) as table:
        table.update()
        table.update()
        system.cameras["front"].reader.state = "up"
        table.update()
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "front: connecting", "[red]: connecting", "front: up",
    ]  # fmt: skip


def test_a_line_tells_nothing_that_was_not_measured(system: LiveSystem) -> None:
    (front, _) = system.health()["cameras"]
    assert " late " not in live_table.line(front)
    counts = system.cameras["front"].counts
    counts.recent_latency_s.extend([0.107] * 20)
    counts.skipped = 3
    (front, _) = system.health()["cameras"]
    assert "3 dropped, late 107 ms (95 %), 0 reconnects" in live_table.line(front)


def test_quiet_is_quiet(system: LiveSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(live_table, "err", Console(file=stream))
    with live_table.LiveTable(system, quiet=True) as table:
        table.update()
    assert stream.getvalue() == ""
