"""Worlds as runs that somebody reviewed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.calibration.kit import FPS, recording
from tracker import Detections, Tracker
from tracker.calibration.fitting import Recording, label, trace
from tracker.config import TrackerConfig
from tracker.formats import DetectionsJsonlWriter, TracksJsonlWriter
from tracker.review.answers import Answer, AnswerLog, Asked, run_key
from tracker.review.lives import lives_of
from tracker.review.reading import read_run


@dataclass(frozen=True)
class _Stamp:
    index: int
    timestamp_s: float


def write_run(folder: Path, world: Recording) -> dict[int, bool]:
    """A run of a world as `conftrack run --no-smooth --save all` leaves it.

    Returns:
        Whether each of its tracks is real.
    """
    folder.mkdir(parents=True)
    header = {"class_names": ["person"], "source": "street.mp4", "model": "toy"}
    tracker = Tracker(TrackerConfig())
    boxes = world.detections
    with (
        TracksJsonlWriter(folder / "tracks.jsonl", **header) as tracks,
        DetectionsJsonlWriter(folder / "detections.jsonl", **header) as detections,
    ):
        for k in range(len(world)):
            here = boxes.frame == k
            # As the file has them: float32.
            found = Detections(boxes.xyxy[here].astype(np.float32), boxes.score[here])
            stamp = _Stamp(k, k / FPS)
            tracks.write(stamp, tracker.update(found, timestamp_s=k / FPS), looked=True)
            detections.write(stamp, found)
    found = trace(world, TrackerConfig())
    turned = label(world, found)
    real = {}
    for track in np.unique(found.track_id).tolist():
        mine = (found.track_id == track) & turned.counts
        real[track] = bool(turned.real[mine].mean() >= 0.5)
    return real


def answer_all(
    log: AnswerLog,
    run: Path,
    real: dict[int, bool],
    *,
    low: float = 0.1,
    high: float = 0.9,
    audits: Iterable[tuple[int, float]] = (),
    reviewer: str = "anna",
) -> list[Answer]:
    """Answers by the truth about all tracks whose probability is in [low, high), and audits."""
    lives, key = lives_of(read_run(run)), run_key(run)
    given = dict(zip(lives.track_id.tolist(), lives.probability.tolist(), strict=True))
    asked: list[tuple[int, Asked, float]] = [
        (track, "maybe", 1.0) for track, p in given.items() if low <= p < high
    ]
    asked += [(track, "audit", inclusion) for track, inclusion in audits]
    out = []
    for track, why, inclusion in asked:
        one = Answer(
            key, track, "yes" if real[track] else "no", None, reviewer,
            "2026-01-31T12:00:00.000Z", 2.0, given[track], why, inclusion,
        )  # fmt: skip
        log.append(one)
        out.append(one)
    return out


def street(folder: Path, shift: float = 1.0) -> dict[int, bool]:
    """A run of people, clutter and posts; whether each track is real."""
    return write_run(folder, world(shift))


def world(shift: float = 1.0, seed: int = 0, frames: int = 150) -> Recording:
    """What it is a run of; another seed is other footage of the kind."""
    return recording(seed, frames, objects=10, clutter=3.0, posts=3, shift=shift)
