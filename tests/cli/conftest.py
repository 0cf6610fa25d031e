"""A tiny video with recorded detections, and ways to run the program."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import tracker
from tracker.detections import Detections
from tracker.formats import DetectionsJsonlWriter
from tracker.frames import Frame

if TYPE_CHECKING:
    from typer.testing import Result

# Without the extras there is no command line to test.
_MISSING = [n for n in ("typer", "rich", "av", "cv2") if importlib.util.find_spec(n) is None]
collect_ignore_glob = ["test_*.py"] if _MISSING else []

FRAMES, FPS = 20, 10.0


@dataclass(frozen=True)
class Clip:
    """A video of one moving square, and what a detector would say about it."""

    video: Path
    detections: Path
    frames: int = FRAMES

    @property
    def model(self) -> str:
        return f"replay:{self.detections}"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    from tracker.video.writer import VideoWriter

    folder = tmp_path_factory.mktemp("clip")
    rng = np.random.default_rng(0)
    with (
        VideoWriter(folder / "clip.mp4", fps=FPS) as video,
        DetectionsJsonlWriter(
            folder / "detections.jsonl", class_names=["person", "car"]
        ) as detections,
    ):
        for i in range(FRAMES):
            image = rng.integers(0, 60, (96, 128, 3)).astype(np.uint8)
            image[20:80, 10 + 4 * i : 35 + 4 * i] = 200
            video.write(image, i / FPS)
            boxes = [[10.0 + 4 * i, 20.0, 35.0 + 4 * i, 80.0]]
            scores = [0.7]
            if i == 5:  # one flicker of noise
                boxes.append([90.0, 5.0, 100.0, 30.0])
                scores.append(0.2)
            detections.write(Frame(image, i / FPS, i), Detections(boxes, scores, [0] * len(scores)))
    return Clip(folder / "clip.mp4", folder / "detections.jsonl")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the program in this process, in an empty folder."""
    from typer.testing import CliRunner

    from tracker.cli.app import app

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="conftrack")

    return call


@pytest.fixture
def street(cli: Callable[..., Result], clip: Clip, tmp_path: Path) -> Path:
    """The folder of a run of the clip: one square, one flicker."""
    result = cli("run", clip.video, "--model", clip.model, "--save", "jsonl,detections", "-q",
                 "--out", tmp_path / "street")  # fmt: skip
    assert result.exit_code == 0, result.output
    return tmp_path / "street"


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the program in a process of its own, in an empty folder.

    `before` is Python code that runs first, for instance to register a detector.
    """

    def start(*arguments: object, before: str = "") -> subprocess.Popen[str]:
        code = f"{before}\nfrom tracker.cli import main\nmain()"
        root = Path(tracker.__file__).parents[1]
        environment = os.environ | {"PYTHONPATH": str(root)}
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    return start
