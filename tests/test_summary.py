import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made import made_tracks
from tracker.detections import Detections
from tracker.summary import Distribution, RunSummary, Spread, StageTime, TrackCounter
from tracker.tracks import TrackState
from tracker.video.base import Damage


def tracks_of(rows):
    """Rows of (id, state, age_s, row of its detection, class)."""
    ids, states, ages, rows_of, classes = (
        np.array(c) for c in zip(*rows, strict=True)
    ) if rows else ([],) * 5  # fmt: skip
    return made_tracks(ids, state=states, age_s=ages, detection=rows_of, class_id=classes)


T, C = TrackState.TENTATIVE, TrackState.CONFIRMED
COAST, LOST = TrackState.COASTING, TrackState.LOST


def test_objects_and_suppressed_candidates():
    counter = TrackCounter()
    seen = Detections(np.tile([0, 0, 1, 1], (3, 1)), [0.2, 0.6, 0.9])
    counter.update(tracks_of([(1, T, 0.0, 0, 0), (2, T, 0.0, 1, 0), (3, C, 0.0, 2, 1)]), seen)
    assert (counter.objects, counter.confirmed_now, counter.tentative_now) == (1, 1, 2)
    counter.update(tracks_of([(1, T, 0.5, 1, 0), (2, C, 0.5, 2, 0), (3, COAST, 0.5, -1, 1)]), seen)
    counter.update(
        tracks_of([(2, T, 0.7, -1, 1), (3, COAST, 0.7, -1, 1), (4, T, 0.0, -1, 0)]), None
    )
    assert counter.objects == 2
    assert counter.undecided == 1
    assert counter.suppressed_life_s.spread() == Spread(1, 0.5, 0.5, 0.5)
    assert counter.suppressed_best_confidence.spread().max == 0.6
    counter.update(tracks_of([]), Detections.empty())
    assert counter.undecided == 0
    # 2 was an object once: it is no suppressed candidate, and counts with its last class.
    assert counter.suppressed_life_s.spread().count == 2
    assert counter.objects_by_class(["dog", "cat"]) == {"cat": 2}
    assert counter.objects_by_class(["dog"]) == {"class 1": 2}


def test_the_lost_are_objects_but_not_confirmed_now():
    counter = TrackCounter()
    counter.update(tracks_of([(1, C, 1.0, 0, 0)]), Detections([[0, 0, 1, 1]], [0.9]))
    counter.update(tracks_of([(1, LOST, 2.0, -1, 0), (2, T, 0.0, -1, 0)]), Detections.empty())
    assert (counter.confirmed_now, counter.lost_now, counter.tentative_now) == (0, 1, 1)
    assert (counter.objects, counter.undecided) == (1, 1)
    counter.update(tracks_of([(1, C, 2.5, 0, 0)]), Detections([[0, 0, 1, 1]], [0.9]))
    assert (counter.objects, counter.confirmed_now, counter.lost_now) == (1, 1, 0)


def test_the_dead_are_forgotten():
    counter = TrackCounter()
    for i in range(3000):
        counter.update(tracks_of([(i, T, 0.0, -1, 0)]), None)
    assert len(counter._living) == 1
    assert counter.suppressed_life_s.spread().count == 2999


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=200))
def test_distribution_is_close_to_the_truth(values):
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    spread = distribution.spread()
    assert spread.count == len(values)
    assert spread.max == max(values)
    low, high = (np.quantile(values, 0.5, method=m) for m in ("lower", "higher"))
    assert 0.985 * low - 2e-4 <= spread.median <= 1.015 * high + 2e-4
    assert spread.median <= spread.p95 <= spread.max


def test_empty_distribution():
    assert Distribution().spread() == Spread()


def test_summary_is_json():
    summary = RunSummary(
        source="a.mp4", frames=10, frames_dropped=0, start_s=0.0, end_s=0.9, duration_s=1.0,
        wall_s=2.0, fps=5.0, stages={"decode": StageTime(0.5, 10)}, latency_s=Spread(),
        objects_confirmed=1, objects_by_class={"person": 1}, candidates_suppressed=0,
        suppressed_life_s=Spread(), suppressed_best_confidence=Spread(), candidates_undecided=0,
        damage=[Damage(0.5, "corrupt", "bad", 2)],
    )  # fmt: skip
    told = json.loads(json.dumps(summary.to_dict()))
    assert told["stages"]["decode"] == {"busy_s": 0.5, "frames": 10, "ms_per_frame": 50.0}
    assert told["damage"] == [
        {"timestamp_s": 0.5, "reason": "corrupt", "detail": "bad", "count": 2}
    ]
    assert told["interrupted"] is False
    assert StageTime(1.0, 0).ms_per_frame == pytest.approx(0.0)
