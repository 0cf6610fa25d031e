"""Runs read from files and built in memory are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.review.kit import Row, run_of, write_run
from tracker import Detections, InputError, Tracker, TrackState
from tracker.review.lives import lives_of
from tracker.review.reading import RunBuilder, read_run

FAR = (200.0, 10.0, 220.0, 60.0)
FRAMES = (
    [Row(1, confidence=0.25)],
    [Row(1, confidence=0.5, state=TrackState.CONFIRMED), Row(2, box=FAR, confidence=0.125)],
    None,
    [Row(1, seen=False, score=0.25, state=TrackState.COASTING)],
)


def test_a_folder_reads_back_as_it_was_built(tmp_path: Path) -> None:
    run, there = run_of(FRAMES), read_run(write_run(tmp_path / "street", FRAMES))
    assert there.name == "street"
    assert (there.source, there.model) == ("street.mp4", "toy")
    assert there.frame.tolist() == run.frame.tolist() == [0, 1, 2, 3]
    assert there.looked.tolist() == [True, True, False, True]
    for name in ("frame", "track_id", "xyxy", "existence", "score", "state", "seen", "confidence"):
        np.testing.assert_array_equal(getattr(there.tracks, name), getattr(run.tracks, name))
    assert there.detections is not None
    assert run.detections is not None
    for name in ("frame", "xyxy", "confidence", "class_id", "track_row"):
        np.testing.assert_array_equal(
            getattr(there.detections, name), getattr(run.detections, name)
        )
    assert there.detections.track_row.tolist() == [0, 1, 2]
    for name, values in run.acquisition.items():
        np.testing.assert_array_equal(there.acquisition[name], values)
        assert np.isnan(values[2])


def test_without_a_recording_there_are_no_confidences(tmp_path: Path) -> None:
    there = read_run(write_run(tmp_path / "a", FRAMES, recorded=False) / "tracks.jsonl")
    assert there.detections is None
    assert there.acquisition == {}
    assert np.isnan(there.tracks.confidence).all()
    assert there.looked.tolist() == [True, True, False, True]


def test_files_of_two_runs_are_refused(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", FRAMES)
    two = write_run(tmp_path / "two", [FRAMES[0], None, FRAMES[1]])
    (one / "detections.jsonl").replace(two / "detections.jsonl")
    with pytest.raises(InputError, match=r"lacks frame 2.*different runs"):
        read_run(two)
    (two / "detections.jsonl").write_text(
        (two / "detections.jsonl").read_text().replace('"car"', '"cat"')
    )
    with pytest.raises(InputError, match="other classes"):
        read_run(two)
    with pytest.raises(InputError, match=r"holds no tracks\.jsonl"):
        read_run(tmp_path)


def test_frames_behind_the_end_of_a_recording_were_not_looked_at(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "cut", FRAMES)
    lines = (folder / "detections.jsonl").read_text().splitlines(keepends=True)
    (folder / "detections.jsonl").write_text("".join(lines[:-1]) + lines[-1][:20])
    assert read_run(folder).looked.tolist() == [True, True, False, False]


def test_the_detection_of_each_track_is_found_again() -> None:
    """The file says that a track was seen, not by what; overlap finds what the tracker used."""
    rng, tracker, builder = np.random.default_rng(3), Tracker(), RunBuilder("walk")
    rows = wrong = 0
    for k in range(80):
        x = np.array([20.0 + 3 * k, 300.0 - 2 * k, 150.0])
        low = np.column_stack([x, [20.0, 30.0, 140.0]]) + rng.normal(0, 1.5, (3, 2))
        seen = Detections(np.hstack([low, low + np.array([25, 70])]), rng.uniform(0.2, 0.9, 3))
        tracks = tracker.update(seen, timestamp_s=k / 10)
        builder.add(k, k / 10, tracks, seen)
        told = builder.build().tracks.confidence[-len(tracks) :]
        hit = tracks.seen
        rows += int(hit.sum())
        wrong += int((told[hit] != seen.confidence[tracks.detection[hit]]).sum())
    assert rows > 200
    assert wrong <= 2


def test_a_life_by_hand() -> None:
    life = lives_of(run_of(FRAMES))
    assert life.track_id.tolist() == [1, 2]
    assert life.first.tolist() == [0, 1]
    assert life.last.tolist() == [3, 1]
    assert life.last_seen.tolist() == [1, 1]
    assert life.boxes.tolist() == [3, 1]
    assert life.hits.tolist() == [2, 1]
    assert life.probability == pytest.approx([(0.5 + 0.5 + 0.25) / 3, 0.5])
    assert life.confidence.tolist() == [0.5, 0.125]
    assert life.confirmed.tolist() == [1, -1]
    assert life.rows(0).tolist() == [0, 1, 3]


def test_the_life_of_a_smoothed_track_begins_with_its_first_detection() -> None:
    run = run_of(
        [
            [Row(1, seen=False, score=0.25, existence=0.75, state=TrackState.COASTING)],
            [Row(1, score=0.5, existence=0.875, state=TrackState.CONFIRMED)],
        ],
        smoothing="whole",
    )
    life = lives_of(run)
    assert (life.first[0], life.last_seen[0], life.confirmed[0]) == (1, 1, 0)
    assert life.probability[0] == pytest.approx((0.75 + 0.875) / 2)


def test_nothing_at_all() -> None:
    run = run_of([])
    assert len(run) == len(run.tracks) == len(lives_of(run)) == 0
    assert run.period_s == 0.0
    blank = run_of([[], None])
    assert len(blank) == 2
    assert len(lives_of(blank)) == 0
