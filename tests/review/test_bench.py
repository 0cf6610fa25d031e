"""What docs/review.md says holds on real data, where there is any.

Runs where the environment variable CONFTRACK_BENCH names a folder with `data_dev`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from scripts.review.frames import at_random, found_in, picked
from scripts.review.labelled import Labelled, load
from scripts.review.tracks import real_tracks
from tracker.evaluation import calibration
from tracker.review.lives import lives_of

BENCH = Path(os.environ.get("CONFTRACK_BENCH", "."))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("CONFTRACK_BENCH" not in os.environ, reason="CONFTRACK_BENCH is not set"),
]


@pytest.fixture(scope="module", params=["kitti_ped_pointrcnn", "mot15_acf"])
def street(request: pytest.FixtureRequest) -> list[Labelled]:
    return load(BENCH / "data_dev" / request.param)


def test_the_tracker_finds_twice_as_many_mistakes_as_chance(street: list[Labelled]) -> None:
    by_track = found_in(street, picked(street, "track-disagreement", 0.05)).mistakes
    by_entropy = found_in(street, picked(street, "entropy", 0.05)).mistakes
    by_chance, away = at_random(street, 0.05)
    assert by_track > 2 * by_chance.mistakes > 2 * away
    assert by_track > by_entropy


def test_the_probability_of_a_track_comes_true(street: list[Labelled]) -> None:
    for smoothed in (False, True):
        told, real = [], []
        for one in street:
            run = one.smoothed if smoothed else one.online
            lives = lives_of(run)
            right, judged = real_tracks(run, lives, one.truth)
            told.append(lives.probability[judged])
            real.append(right[judged])
        # KITTI's smoothed 0.090 is the worst: what its default beliefs lack, docs/limits.md tells.
        assert calibration(np.concatenate(told), np.concatenate(real)).ece < 0.1
