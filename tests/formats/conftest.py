from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from tracker import Tracks


def make_tracks(n: int, *, timestamp_s: float = 0.0, classes: int = 2, seed: int = 0) -> Tracks:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 500, (n, 2))
    probabilities = rng.dirichlet(np.ones(classes), n) if classes else np.zeros((n, 0))
    return Tracks(
        timestamp_s=timestamp_s,
        track_id=np.arange(1, n + 1),
        xyxy=np.hstack([corner, corner + rng.uniform(5, 90, (n, 2))]),
        velocity=rng.normal(0, 30, (n, 2)),
        covariance=np.zeros((n, 8, 8)),
        existence=rng.uniform(0.01, 0.99, n),
        score=rng.uniform(0.01, 0.99, n),
        state=rng.choice([0, 1, 2, 4], n).astype(np.int8),
        class_id=probabilities.argmax(1) if classes else np.zeros(n, np.int64),
        class_probabilities=probabilities,
        hits=rng.integers(1, 50, n),
        misses=rng.integers(0, 50, n),
        age_s=rng.uniform(0, 9, n),
        gap_s=rng.uniform(0, 1, n),
        detection=np.where(rng.uniform(size=n) < 0.5, 0, -1),
    )


@pytest.fixture
def tracks() -> Callable[..., Tracks]:
    return make_tracks


@pytest.fixture
def frame() -> Callable[[int], SimpleNamespace]:
    """Build the least that writers need of a frame."""
    return lambda index: SimpleNamespace(index=index, timestamp_s=index / 30)
