"""`conftrack demo`: what it prints and writes follows from the detections and the truth alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker import Detections, Frame, Tracks
from tracker.cli.before_after import side_by_side
from tracker.cli.judging import Judge
from tracker.formats import DetectionsJsonlWriter, mot
from tracker.formats.jsonl import read_tracks
from tracker.scenes.world import StreetWorld, Truth
from tracker.video.sources import open_source

Cli = Callable[..., Any]
SECONDS, SEED = 1.0, 3


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detections as a weak detector gives them: the truth, all at 0.49, and one that never is."""
    path = tmp_path_factory.mktemp("demo") / "detections.jsonl"
    world = StreetWorld(seed=SEED, fps=10.0, duration_s=SECONDS)
    with DetectionsJsonlWriter(path, class_names=["person"]) as writer:
        for frame, truth in world:
            seen = truth.xyxy[truth.judged]
            boxes = np.vstack([seen, [[5.0, 5.0, 20.0, 40.0]]])
            writer.write(frame, Detections(boxes, [0.49] * len(seen) + [0.06]))
    return path


def test_numbers_follow_from_the_detections(cli: Cli, recorded: Path) -> None:
    result = cli("demo", "--model", f"replay:{recorded}", "--seconds", SECONDS, "--seed", SEED)
    assert result.exit_code == 0, result.output
    folder = Path("runs/demo")
    summary = json.loads((folder / "summary.json").read_text())
    frames = round(SECONDS * 10)
    truth = mot.read(folder / "truth.txt")
    judged = int((truth.score == 1).sum())

    everything = summary["all_detections"]
    assert (everything["true"], everything["missed"]) == (judged, 0)
    assert everything["false"] == frames
    strong = summary["strong_detections"]
    assert (strong["true"], strong["false"], strong["precision"]) == (0, 0, None)
    believed = summary["strong_tracks"]
    assert believed["true"] > 0
    assert believed["precision"] > 0.9
    assert believed["false_tracks"] == 0
    for text in ("tracks ≥ 0.5", "precision", "recall", "confirmed of no one"):
        assert text in result.stdout

    for name in ("street.mp4", "before_after.mp4"):
        assert str(folder / name) in result.stdout
        with open_source(folder / name) as video:
            assert sum(1 for _ in video) == frames
    assert len(list(read_tracks(folder / "tracks.jsonl"))) == frames

    # Without videos, the same numbers; and nothing is replaced unasked.
    options = ("--model", f"replay:{recorded}", "--seconds", SECONDS, "--seed", SEED)
    assert cli("demo", *options, "--no-video", "--out", "b").exit_code == 0
    assert not list(Path("b").glob("*.mp4"))
    again = json.loads(Path("b/summary.json").read_text())
    for key in ("all_detections", "strong_detections", "strong_tracks", "confirmed_tracks"):
        assert again[key] == summary[key]
    refused = cli("demo", *options, "--out", "b")
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0"], "seconds"),
        (["--seed", "-1"], "seed"),
        (["--model", "replay:none.jsonl"], "none.jsonl"),
    ],
)
def test_mistakes_are_code_2(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli("demo", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def believed_tracks(*boxes: list[float]) -> Tracks:
    n = len(boxes)
    columns: dict[str, Any] = {
        "track_id": np.arange(1, n + 1),
        "xyxy": np.array(boxes, float).reshape(n, 4),
        "velocity": np.zeros((n, 2)),
        "covariance": np.zeros((n, 8, 8)),
        "class_probabilities": np.ones((n, 1)),
        "state": np.ones(n, np.int8),
    }
    for name in ("existence", "score", "age_s", "gap_s"):
        columns[name] = np.full(n, 0.9)
    for name in ("class_id", "hits", "misses", "detection"):
        columns[name] = np.zeros(n, np.int64)
    return Tracks(0.0, **columns)


def test_judging_by_hand() -> None:
    """One person seen well, one hidden; detections and tracks on both and on nothing."""
    seen, hidden, nothing = [10, 10, 30, 70], [50, 10, 70, 70], [80, 5, 95, 50]
    truth = Truth(
        object_id=np.array([4, 9]),
        xyxy=np.array([seen, hidden], float),
        visibility=np.array([1.0, 0.1]),
        judged=np.array([True, False]),
    )
    judge = Judge([truth])
    frame = Frame(np.zeros((80, 100, 3), np.uint8), 0.0, 0)
    detections = Detections([seen, hidden, nothing], [0.4, 0.6, 0.7])
    judge.write(frame, detections, believed_tracks(seen, hidden, nothing))
    result = judge.result()
    assert judge.people == {4}
    counts = {name: (r["true"], r["false"], r["missed"]) for name, r in result.items()}
    assert counts == {
        "all_detections": (1, 1, 0),
        "strong_detections": (0, 1, 1),
        "strong_tracks": (1, 1, 0),
        "confirmed_tracks": (1, 1, 0),
        "detections_of_equal_recall": (1, 1, 0),
    }
    assert result["detections_of_equal_recall"]["threshold"] == 0.4
    assert result["confirmed_tracks"]["false_tracks"] == 1
    assert result["confirmed_tracks"]["tracks"] == 2  # the one on the hidden person is not judged


def test_both_halves_show_their_own() -> None:
    image = np.full((96, 128, 3), 90, np.uint8)
    box = [40.0, 20.0, 80.0, 90.0]
    empty = side_by_side(image, Detections.empty(), Tracks.empty(), ["person"])
    height, width = empty.shape[:2]
    assert (height, width) == (96 + 30, 256)
    left = side_by_side(image, Detections([box], [0.6]), Tracks.empty(), ["person"])
    weak = side_by_side(image, Detections([box], [0.4]), Tracks.empty(), ["person"])
    right = side_by_side(image, Detections.empty(), believed_tracks(box), ["person"])

    def changed(picture: np.ndarray, half: slice) -> bool:
        return bool((picture[30:, half] != empty[30:, half]).any())

    assert changed(left, slice(0, 128))
    assert not changed(left, slice(128, 256))
    assert not changed(weak, slice(0, 256))
    assert changed(right, slice(128, 256))
    assert not changed(right, slice(0, 127))
