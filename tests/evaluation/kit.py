"""Small sequences worked out by hand, in memory and as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.evaluation import BoxSequence, Role, TruthSequence

# x, y, width, height. Two boxes 10 wide shifted by d along x overlap by (10 - d) / (10 + d).
A, B, FAR = (0.0, 0.0, 10.0, 10.0), (100.0, 0.0, 10.0, 10.0), (500.0, 500.0, 10.0, 10.0)
Box = tuple[float, float, float, float]


def corners(boxes: Sequence[Box]) -> np.ndarray:
    xywh = np.array(boxes, np.float64).reshape(-1, 4)
    xywh[:, 2:] += xywh[:, :2]
    return xywh


def truth(
    rows: Sequence[tuple[int, int, Box]] | Sequence[tuple[int, int, Box, Role]],
    frames: int = 0,
    *,
    name: str = "seq",
    **more: object,
) -> TruthSequence:
    """Truth of class "person" from rows of frame (from 0), object, box, and a role if any."""
    n = len(rows)
    return TruthSequence(
        name=name,
        class_names=("person",),
        frame=np.array([r[0] for r in rows], np.int64),
        object_id=np.array([r[1] for r in rows], np.int64),
        xyxy=corners([r[2] for r in rows]),
        class_id=np.zeros(n, np.int64),
        role=np.array([r[3] if len(r) > 3 else Role.JUDGED for r in rows], np.int8),
        frame_count=frames,
        **more,  # type: ignore[arg-type]
    )


def boxes(rows: Sequence[tuple[float, ...]], *, name: str = "seq", **more: object) -> BoxSequence:
    """Boxes from rows of frame (from 0), track, box, score, and existence if any."""
    n = len(rows)
    return BoxSequence(
        **{  # type: ignore[arg-type]
            "name": name,
            "class_names": (),
            "frame": np.array([r[0] for r in rows], np.int64),
            "track_id": np.array([r[1] for r in rows], np.int64),
            "xyxy": corners([r[2] for r in rows]),  # type: ignore[misc]
            "score": np.array([r[3] for r in rows], np.float64),
            "existence": np.array([r[4] if len(r) > 4 else np.nan for r in rows], np.float64),
            "class_id": np.zeros(n, np.int64),
            **more,
        }
    )


def write(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def run_folder(folder: Path, *, frames: int = 40, detections: bool = True) -> Path:
    """A folder as `conftrack run` leaves it, and gt.txt beside it: three walkers, some noise."""
    from tracker import Detections, Tracker
    from tracker.formats import DetectionsJsonlWriter, TracksJsonlWriter

    rng, tracker = np.random.default_rng(5), Tracker()
    folder.mkdir(parents=True, exist_ok=True)
    names, lines = ["person"], []
    with (
        TracksJsonlWriter(folder / "tracks.jsonl", class_names=names) as tracks_out,
        DetectionsJsonlWriter(folder / "detections.jsonl", class_names=names) as detections_out,
    ):
        for k in range(frames):
            stamp = Stamp(k, k / 10)
            walkers = corners([(20.0 + 3 * k + 90 * n, 40.0, 30.0, 80.0) for n in range(3)])
            for n, box in enumerate(walkers.tolist()):
                x1, y1, x2, y2 = box
                lines.append(f"{k + 1},{n + 1},{x1},{y1},{x2 - x1},{y2 - y1},1,1,1")
            seen = walkers[rng.random(3) < 0.8]
            found = np.concatenate([seen + rng.normal(0, 1, seen.shape), noise(rng)])
            score = rng.uniform(0.2, 0.95, len(found))
            score[len(seen) :] *= 0.5
            given = Detections(found, score)
            detections_out.write(stamp, given)
            tracks_out.write(stamp, tracker.update(given, timestamp_s=k / 10))
    if not detections:
        (folder / "detections.jsonl").unlink()
    return write(folder.parent / "gt.txt", lines)


def noise(rng: np.random.Generator) -> np.ndarray:
    """None to two boxes anywhere."""
    corner = rng.uniform(0, 300, (int(rng.integers(0, 3)), 2))
    return np.hstack([corner, corner + rng.uniform(20, 60, corner.shape)])


@dataclass(frozen=True)
class Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float
