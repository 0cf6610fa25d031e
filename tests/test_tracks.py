from dataclasses import fields, replace

import numpy as np
import pytest

from tracker import Detections, Tracker, Tracks, TrackState

STRONG, WEAK = [10.0, 20.0, 50.0, 120.0], [200.0, 20.0, 240.0, 120.0]


@pytest.fixture(name="tracks")
def _tracks() -> Tracks:
    """One confirmed and seen, one coasting, one tentative and seen, one tentative and missed."""
    tracker = Tracker()
    boxes = np.array([STRONG, [400.0, 20, 440, 120], WEAK, [600.0, 20, 640, 120]])
    for k in range(60):
        rows = [0, 1, 2, 3] if k < 59 else [0, 2]
        sure = np.array([0.9, 0.9, 0.24, 0.24])[rows]
        shift = np.array([k, 0, k, 0]) * 4.0
        tracks = tracker.update(Detections(boxes[rows] + shift, sure), timestamp_s=k / 30)
    return tracks


def test_states(tracks):
    assert tracks.state.tolist() == [
        TrackState.CONFIRMED, TrackState.COASTING, TrackState.TENTATIVE, TrackState.TENTATIVE,
    ]  # fmt: skip
    assert tracks.confirmed.tolist() == [True, True, False, False]
    assert tracks.tentative.tolist() == [False, False, True, True]
    assert tracks.coasting.tolist() == [False, True, False, False]
    assert tracks.seen.tolist() == [True, False, True, False]
    assert tracks.detection.tolist() == [0, -1, 1, -1]


def test_selecting(tracks):
    assert tracks[tracks.confirmed].track_id.tolist() == [1, 2]
    assert tracks[1:3].track_id.tolist() == [2, 3]
    assert tracks[[3, 0]].track_id.tolist() == [4, 1]
    assert tracks[-1].track_id.tolist() == [4]
    assert len(tracks[tracks.existence > 2]) == 0
    part = tracks[tracks.tentative]
    assert part.timestamp_s == tracks.timestamp_s
    assert part.timestamp_ns == tracks.timestamp_ns
    assert part.covariance.shape == (2, 8, 8)
    np.testing.assert_array_equal(part.xyxy, tracks.xyxy[2:])


def columns():
    return [f for f in fields(Tracks) if not f.name.startswith("timestamp")]


def test_columns_are_aligned_with_the_documented_types(tracks):
    for column in columns():
        assert len(getattr(tracks, column.name)) == 4, column.name
    assert tracks.state.dtype == np.int8
    for name in ("track_id", "class_id", "hits", "misses", "detection"):
        assert getattr(tracks, name).dtype == np.int64, name
    for name in ("xyxy", "velocity", "existence", "score", "age_s", "gap_s"):
        assert getattr(tracks, name).dtype == np.float64, name


def test_an_empty_one_has_the_same_columns(tracks):
    empty = Tracks.empty(3.0, classes=5)
    assert (len(empty), empty.timestamp_s, empty.class_probabilities.shape) == (0, 3.0, (0, 5))
    for column in columns():
        mine, theirs = getattr(empty, column.name), getattr(tracks, column.name)
        assert mine.dtype == theirs.dtype
        assert mine.ndim == theirs.ndim


def test_the_text_counts(tracks):
    assert repr(tracks) == "Tracks(4 at 1.967 s: 2 confirmed (1 coasting), 2 tentative)"


def test_the_lost_are_believed_but_not_confirmed(tracks):
    state = tracks.state.copy()
    state[1] = TrackState.LOST
    lost = replace(tracks, state=state)
    assert lost.lost.tolist() == [False, True, False, False]
    assert lost.believed.tolist() == tracks.believed.tolist() == [True, True, False, False]
    assert lost.confirmed.tolist() == [True, False, False, False]
    assert not lost.coasting.any()
    assert lost.tentative.tolist() == tracks.tentative.tolist()
    assert lost.state_names == ["confirmed", "lost", "tentative", "tentative"]
    assert repr(lost).endswith(": 1 confirmed (0 coasting), 1 lost, 2 tentative)")
