"""The benchmark of live cameras: one short run on a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from scripts import benchmark_live as script
from scripts.live_servers import NotInstalledError
from tests.live.fakes import SquareDetector


def test_the_table(
    tmp_path: Path, make_clip: Callable[[Path], Path], monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr("detectors.load", lambda name: SquareDetector())
    video = make_clip(tmp_path / "a clip.mp4")
    try:
        done = script.main(
            [str(video), "--cameras", "2", "--seconds", "3", "--restarts", "1", "--page"]
        )
    except NotInstalledError as error:
        pytest.skip(str(error))
    assert done == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("| 2 |"))
    came, looked = (float(cell) for cell in row.split("|")[2:4])
    p50, p95 = (float(cell) for cell in row.split("|")[-3:-1])
    assert 0 < p50 <= p95 < 3000
    assert came > 3
    assert 0 < looked <= came + 0.5
    assert lines[-1].startswith("1 restarts: back after ")


@pytest.fixture
def make_clip() -> Callable[[Path], Path]:
    """Writes ten seconds of a walking square."""
    from tests.live.test_faults import walking
    from tracker.video.writer import VideoWriter

    def make(path: Path) -> Path:
        with VideoWriter(path, fps=10) as writer:
            for i, image in enumerate(walking(100)):
                writer.write(image, i / 10)
        return path

    return make
