"""Worlds in which it is known how probable everything is."""

from __future__ import annotations

import numpy as np

from tracker.calibration.fitting import Recording
from tracker.evaluation import BoxSequence, Role, TruthSequence

FPS = 10.0


def recording(
    seed: int = 0,
    frames: int = 120,
    *,
    objects: int = 6,
    clutter: float = 3.0,
    posts: int = 0,
    shift: float = 0.0,
    name: str = "",
    labelled: bool = True,
) -> Recording:
    """People who walk about, clutter anywhere, and posts that look a little like people.

    Confidences of people have log-odds N(1 + shift, 1), those of posts N(shift, 1), those of
    clutter N(−1 + shift, 1).
    """
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(50, 900, (objects, 2)), rng.normal(0, 4, (objects, 2))
    standing = rng.uniform(50, 950, (posts, 2))
    frame, ids, boxes, score = [], [], [], []
    there, who, real = [], [], []
    for k in range(frames):
        place += speed
        place %= 1000.0
        there += [k] * objects
        who += range(objects)
        real += [_box(*xy) for xy in place.tolist()]
        seen = np.flatnonzero(rng.random(objects) < 0.85)
        around = rng.uniform(50, 950, (int(rng.poisson(clutter)), 2))
        firing = standing[rng.random(posts) < 0.6]
        exact = np.concatenate([place[seen], firing])
        found = np.concatenate([exact + rng.normal(0, 1, exact.shape), around])
        kind = np.repeat([1.0, 0.0, -1.0], [len(seen), len(firing), len(around)])
        logit = rng.normal(shift, 1.0, len(found)) + kind
        frame += [k] * len(found)
        ids += [-1] * len(found)
        boxes += [_box(*xy) for xy in found.tolist()]
        score += (1 / (1 + np.exp(-logit))).tolist()
    n, m = len(frame), len(there)
    name = name or f"world {seed}"
    truth = TruthSequence(
        name=name,
        class_names=("person",),
        frame=np.array(there, np.int64),
        object_id=np.array(who, np.int64),
        xyxy=np.array(real).reshape(-1, 4),
        class_id=np.zeros(m, np.int64),
        role=np.full(m, Role.JUDGED, np.int8),
        frame_count=frames,
        fps=FPS,
    )
    detections = BoxSequence(
        name=name,
        class_names=(),
        frame=np.array(frame, np.int64),
        track_id=np.array(ids, np.int64),
        xyxy=np.array(boxes).reshape(-1, 4),
        score=np.array(score),
        existence=np.full(n, np.nan),
        class_id=np.zeros(n, np.int64),
    )
    return Recording(name, detections, truth if labelled else None, np.arange(frames), FPS)


def _box(x: float, y: float) -> tuple[float, float, float, float]:
    return x - 15, y - 40, x + 15, y + 40
