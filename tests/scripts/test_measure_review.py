"""The tables of docs/review.md come from a script that counts right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts import measure_review
from scripts.review import frames, labelled, tracks
from tests.evaluation.kit import write


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of one sequence: a walker found in every second frame, a false box in frame 5."""
    folder = tmp_path / "sets" / "street" / "one"
    boxes = [f"{k + 1},{{}},{20 + 4 * k},40,30,80,{{}}" for k in range(40)]
    write(folder / "gt.txt", [box.format(1, "1,1,1") for box in boxes])
    found = [box.format(-1, "0.9" if k % 2 else "0.3") for k, box in enumerate(boxes)]
    write(folder / "det.txt", [*found, "6,-1,400,40,30,80,0.8"])
    write(
        folder / "seqinfo.ini",
        ["[Sequence]", "frameRate=10", "seqLength=40", "imWidth=640", "imHeight=480"],
    )
    return tmp_path / "sets"


def test_mistakes_by_hand(data: Path) -> None:
    (one,) = labelled.load(data / "street")
    expected = [1 - k % 2 for k in range(40)]
    expected[5] += 1
    assert one.mistakes.tolist() == expected
    assert one.objects.tolist() == [1] * 40
    found = frames.found_in([one], [(0, 0), (0, 1), (0, 5)])
    assert found == frames.Found(3 / 40, 2 / 21, 3 / 40, 1.0)
    assert len(frames.best_possible([one], 0.05)) == 2


def test_all_tables_go_into_the_page(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "DRAWS", 5)
    page = tmp_path / "page.md"
    marks = "".join(
        mark.format(name) for name in ("frames", "tracks", "triage")
        for mark in (measure_review.BEGIN, measure_review.END)
    )  # fmt: skip
    page.write_text(f"before\n{marks}after\n")
    assert measure_review.main([str(data), "--write", str(page)]) == 0
    text = page.read_text()
    for row in (
        "| `entropy` |",
        "| `track-disagreement --diverse` |",
        "| mean score |",
        "| street | 1 |",
    ):
        assert text.count(row) == 1
    assert text.startswith("before")
    assert text.endswith("after\n")
    with pytest.raises(ValueError, match="no <!-- frames -->"):
        measure_review.written("nothing", "frames", "")


def test_auc_by_hand() -> None:
    assert tracks.auc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1], bool)) == (3.5 / 4)


def test_the_page_has_the_places() -> None:
    page = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    for name in ("frames", "tracks", "triage"):
        assert measure_review.written(page, name, "x") != page
