"""A run with its video, and a review of it: two maybes, three that are sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.review.kit import Row, write_run
from tracker import TrackState
from tracker.review.answers import AnswerLog, run_key
from tracker.review.cutting import Cutter
from tracker.review.questions import questions
from tracker.review.reading import read_run
from tracker.review.session import Review
from tracker.review.triage import triage

FRAMES, WIDTH, HEIGHT = 12, 160, 120
MAYBES = (3, 5)  # in the order of the value of a look
YES, NO = (8,), (9, 12)


def write_stage(folder: Path) -> Path:
    """A folder of a run, with its video beside it; ids tell what the tracks are."""
    from tracker.video.writer import VideoWriter

    folder.mkdir(parents=True, exist_ok=True)
    video = folder.parent / f"{folder.name}.mp4"
    with VideoWriter(video, fps=10) as out:
        for k in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
            image[40:60, 8 * k + 10 : 8 * k + 30] = (200, 220, 240)
            out.write(image, k / 10)
    return write_run(folder, [_rows(k) for k in range(FRAMES)], source=str(video))


def _rows(k: int) -> list[Row]:
    walking = (8.0 * k + 10, 40.0, 8.0 * k + 30, 60.0)
    rows = [
        Row(3, score=0.5, existence=0.4, box=walking, seen=k != 4),
        Row(5, score=0.8, existence=0.7, box=(100.0, 40.0, 120.0, 70.0), class_id=1),
        Row(8, score=0.97, existence=0.98, box=(20.0, 70.0, 40.0, 110.0), confidence=0.9,
            state=TrackState.CONFIRMED),
        Row(9, score=0.02, existence=0.03, box=(130.0, 5.0, 150.0, 25.0)),
    ]  # fmt: skip
    return rows + ([Row(12, score=0.01, existence=0.02, box=(60.0, 5.0, 70.0, 25.0))] * (k == 6))


class Stage:
    """A review of a folder that `write_stage` wrote; it may be begun again and again."""

    def __init__(self, folder: Path, *, audit: int = 2, reviewer: str = "anna", **more: Any):
        self.folder = folder
        run, key = read_run(folder), run_key(folder)
        self.video = str(folder.parent / f"{folder.name}.mp4")
        result = triage(run)
        self.asked = questions(result, audit=audit)
        self.key = key
        self.cutter = Cutter(
            run, result.lives, [one.row for one in self.asked], self.video, folder / "review",
            key=key, seconds=1.0,
        )  # fmt: skip
        self.log = AnswerLog(folder / "answers.jsonl")
        self.review = Review(
            result, self.asked, self.log, key=key, cutter=self.cutter, reviewer=reviewer,
            seconds=1.0, **more,
        )  # fmt: skip
        self.ids = [one["id"] for one in self.review.state("anna")["queue"]]

    def say(self, number: int, said: str, reviewer: str = "anna", **more: Any) -> dict[str, Any]:
        """Answer as a page does that knows of all that was answered."""
        given: dict[str, Any] = {"class_name": None, "seconds": 2.0, "run": self.key} | more
        if "after" not in given:
            given["after"] = self.review.state(reviewer)["progress"]["lines"]
        given = {"reviewer": reviewer} | given
        return self.review.answer(number, said, **given)  # type: ignore[arg-type]
