"""Small sequences worked out by hand, in memory and as files."""

from __future__ import annotations

from collections.abc import Sequence
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
