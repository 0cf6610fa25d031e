"""The commands of docs/robotics.md run as they stand there, on a small video and a small bag."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "robotics.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = [shlex.split(line) for block in BLOCKS for line in block.splitlines()]

for _name in ("torch", "torchvision", "rerun"):
    pytest.importorskip(_name)


def the_command(*words: str) -> list[str]:
    """The arguments of the one command of the page that begins so."""
    (found,) = [command for command in COMMANDS if command[: len(words)] == list(words)]
    return found[len(words) :]


def test_there_is_no_other() -> None:
    assert [command[:2] for command in COMMANDS] == [
        ["python", "scripts/confirmation_delay.py"],
        ["conftrack", "run"],
        ["conftrack", "bag"],
    ]


def test_the_script(tmp_path: Path) -> None:
    script = "scripts/confirmation_delay.py"
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *the_command("python", script)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("| confidence | 5 frames/s |")


def test_a_recording_for_rerun(cli: Callable[..., Any], kit: Any) -> None:
    from tracker.video.writer import VideoWriter

    with VideoWriter("street.mp4", fps=10.0) as video:
        for i in range(3):
            video.write(kit.picture(i), i / 10)
    result = cli("run", *the_command("conftrack", "run"))
    assert result.exit_code == 0, result.output
    assert Path("runs/street/tracks.rrd").stat().st_size > 1000


def test_a_bag(cli: Callable[..., Any], kit: Any) -> None:
    kit.write_mcap(Path("drive.mcap"), [kit.image_entry(i) for i in range(3)])
    result = cli("bag", *the_command("conftrack", "bag"))
    assert result.exit_code == 0, result.output
    assert len(kit.read_mcap_ros2(Path("tracks.mcap"))) >= 3 * 3
