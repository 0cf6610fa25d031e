"""Scenes that several tests of the tracker share."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import settings

from tracker import Detections

# The servers that tests start on this machine are behind no proxy, whatever the environment says.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

Scene = Callable[..., Iterator[tuple[float, Detections | None]]]


@pytest.fixture(name="street")
def _street() -> Scene:
    """A seeded stream of (timestamp, detections): walkers that come and go, misses, clutter.

    Times are uneven, some frames are empty and some were not looked at.
    """

    def street(
        seed: int = 0,
        frames: int = 100,
        *,
        walkers: int = 8,
        classes: int = 1,
        vectors: bool = False,
    ) -> Iterator[tuple[float, Detections | None]]:
        rng = np.random.default_rng(seed)
        time = 0.0
        box = np.column_stack([rng.uniform(0, 600, (walkers, 2)), rng.uniform(20, 90, walkers)])
        speed = rng.normal(0, 40, (walkers, 2))
        kind = rng.integers(0, classes, walkers)
        for _ in range(frames):
            dt = float(rng.uniform(0.02, 0.09))
            time += dt
            box[:, :2] += speed * dt
            gone = rng.random(walkers) < 0.004
            box[gone, :2] = rng.uniform(0, 600, (int(gone.sum()), 2))
            if rng.random() < 0.05:
                yield time, None
                continue
            seen = np.flatnonzero(rng.random(walkers) < (0.85 if rng.random() > 0.03 else 0.0))
            clutter = int(rng.poisson(1.0))
            centre = np.concatenate(
                [
                    box[seen, :2] + rng.normal(0, 2, (len(seen), 2)),
                    rng.uniform(0, 600, (clutter, 2)),
                ]
            )
            height = np.concatenate([box[seen, 2], rng.uniform(10, 60, clutter)])
            half = np.column_stack([0.25 * height, 0.5 * height])
            n = len(centre)
            class_id = np.concatenate([kind[seen], rng.integers(0, classes, clutter)])
            full = None
            if vectors:
                full = rng.dirichlet(np.ones(classes), n)
                class_id = full.argmax(axis=1)
            yield (
                time,
                Detections(
                    np.hstack([centre - half, centre + half]),
                    rng.beta(2, 3, n),
                    class_id,
                    full,
                ),
            )

    return street
