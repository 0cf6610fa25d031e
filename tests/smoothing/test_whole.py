"""Whole recordings, smoothed: what is there from when on, and what never was."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tracker import (
    Detections,
    ExistenceConfig,
    InputError,
    ScoreConfig,
    SmoothingConfig,
    Tracker,
    TrackerConfig,
    Tracks,
)
from tracker.smoothing import Recorder, smooth
from tracker.smoothing.recording import Records


def values_of(frames: list[Tracks], track_id: int, name: str) -> dict[int, float]:
    """A column of one track, by frame."""
    return {
        k: float(getattr(tracks, name)[tracks.track_id == track_id][0])
        for k, tracks in enumerate(frames)
        if track_id in tracks.track_id
    }


def test_a_flicker_vanishes_from_its_first_frame(record, walk) -> None:
    recorder, online = record(walk(flicker=(30, 31)))
    frames = list(smooth(recorder))
    assert online[31].existence[1] > 0.08
    assert all(e < 0.15 for e in values_of(frames, 2, "existence").values())
    assert not any(tracks[tracks.track_id == 2].believed.any() for tracks in frames)


def test_a_weak_object_is_there_from_its_first_frame(record, walk) -> None:
    recorder, online = record(walk(90, confidence=0.5, seen=lambda k: k >= 20))
    assert not any(tracks.believed.any() for tracks in online[:45])
    frames = list(smooth(recorder))
    assert all(frames[k].confirmed[0] for k in range(20, 90))
    assert frames[20].existence[0] > 3 * online[20].existence[0]


def test_a_gap_is_filled_where_the_object_went_on(record, walk) -> None:
    """It turns while nobody sees it: what is predicted runs past it, what is smoothed does not."""

    def scene():
        for k in range(60):
            x = 10 + 2 * min(k, 30) - 2 * max(k - 30, 0)
            seen = not 24 <= k < 36
            yield k / 30, Detections([[x, 20, x + 40, 120]] if seen else [], [0.8] * seen)

    recorder, online = record(scene())
    frames = list(smooth(recorder))
    truth = [10 + 2 * min(k, 30) - 2 * max(k - 30, 0) for k in range(60)]
    off = [abs(tracks.xyxy[0, 0] - x) for tracks, x in zip(frames, truth, strict=True)]
    assert max(off) < 0.7 * abs(online[35].xyxy[0, 0] - truth[35])
    for k, tracks in enumerate(frames):
        assert tracks.believed.all()
        assert tracks.seen[0] == (not 24 <= k < 36)
    # In the gap the score falls and rises again; at its edges it is that of a predicted box.
    score = values_of(frames, 1, "score")
    assert score[23] > score[24] > score[29] < score[35] < score[36]
    assert frames[29].gap_s[0] == pytest.approx(6 / 30)
    assert frames[34].gap_s[0] == pytest.approx(2 / 30)


def test_somebody_hidden_for_long_comes_back_under_the_same_id() -> None:
    """Longer than the tracker waits: two ids online, one afterwards, with boxes between."""
    config = TrackerConfig(existence=ExistenceConfig(max_gap_s=1.0))
    tracker, recorder, ids = Tracker(config), Recorder(), set()
    for k in range(120):
        seen = not 40 <= k < 80
        x = 10 + 2 * k
        detections = Detections([[x, 20, x + 40, 120]] if seen else [], [0.8] * seen)
        tracks = tracker.update(detections, timestamp_s=k / 30)
        recorder.add(detections, tracks)
        ids |= set(tracks[tracks.seen].track_id.tolist())
    assert ids == {1, 2}
    frames = list(smooth(recorder))
    assert {i for tracks in frames for i in tracks.track_id.tolist()} == {1}
    assert abs(frames[60].xyxy[0, 0] - 130) < 5
    apart = TrackerConfig(smoothing=SmoothingConfig(stitch_gap_s=0.0))
    assert {i for t in smooth(recorder, apart) for i in t.track_id.tolist()} == {1, 2}


def mirrored(records: Records) -> Records:
    """The same scene in reversed time."""
    frames = len(records)
    hits = records.hits[::-1].copy()
    hits["frame"] = frames - 1 - hits["frame"]
    hits = hits[np.lexsort((hits["track_id"], hits["frame"]))]
    counts = np.bincount(hits["frame"], minlength=frames)
    return replace(records, hits=hits, bounds=np.concatenate([[0], np.cumsum(counts)]))


def test_reversed_time_gives_the_reverse(record, walk) -> None:
    """Between the first and the last hit, where both directions have rows."""
    seen = {5, 6, 7, 10, 14, 15, 16, 17, 26, 27, 30, 41}
    recorder, _ = record(walk(60, confidence=0.5, seen=seen.__contains__))
    config = TrackerConfig(
        smoothing=SmoothingConfig(stitch_gap_s=0.0, margin_s=0.61),
        score=ScoreConfig(consistent=False),
    )
    there = list(smooth(recorder, config))
    back = list(smooth(mirrored(recorder.records()), config))[::-1]
    for k in range(min(seen), max(seen) + 1):
        a, b = there[k], back[k]
        assert a.track_id.tolist() == b.track_id.tolist() == [1]
        np.testing.assert_allclose(a.existence, b.existence, rtol=1e-5)
        np.testing.assert_allclose(a.gap_s, b.gap_s, atol=1e-6)
        assert a.seen.tolist() == b.seen.tolist()
        if k in seen:
            np.testing.assert_allclose(a.score, b.score, rtol=1e-5)
            np.testing.assert_allclose(a.xyxy, b.xyxy, atol=1.0)


def test_misses_speak_against_and_frames_without_a_look_do_not(record, walk) -> None:
    gap = range(30, 60)
    missed, _ = record(walk(90, confidence=0.6, seen=lambda k: k not in gap))
    skipped, _ = record(walk(90, confidence=0.6, looked=lambda k: k not in gap))
    whole, _ = record(walk(90, confidence=0.6))
    at_45 = [smooth(r)[45].existence[0] for r in (missed, skipped, whole)]
    assert at_45[0] < at_45[1] <= at_45[2]
    assert at_45[1] > 0.9
    assert smooth(skipped)[45].misses[0] == 0
    assert smooth(missed)[45].misses[0] == 16


@pytest.mark.parametrize("fps", [5.0, 10.0, 15.0])
def test_belief_does_not_depend_on_the_frame_rate(record, walk, fps: float) -> None:
    """A second of looking is worth the same, however many frames it has."""
    fine, _ = record(walk(150, confidence=0.4))
    coarse, _ = record(walk(int(5 * fps), confidence=0.4, fps=fps))
    a = smooth(fine)[75].existence[0]
    b = smooth(coarse)[int(2.5 * fps)].existence[0]
    assert abs(np.log(a / (1 - a)) - np.log(b / (1 - b))) < 0.7


def test_uneven_times(record, street) -> None:
    recorder, online = record(street(3, 150))
    frames = smooth(recorder)
    assert [t.timestamp_s for t in frames] == [t.timestamp_s for t in online]
    for tracks, at_once in zip(frames, online, strict=True):
        assert np.isfinite(tracks.xyxy).all()
        assert np.isfinite(tracks.covariance).all()
        assert ((tracks.existence > 0) & (tracks.existence < 1)).all()
        assert ((tracks.score > 0) & (tracks.score < 1)).all()
        assert (np.diff(tracks.track_id) > 0).all()
        # Every detection that had a track has one.
        assert set(at_once.detection[at_once.seen]) == set(tracks.detection[tracks.seen])


def test_the_same_input_gives_the_same_output(record, street) -> None:
    first, second = (list(smooth(record(street(5, 80))[0])) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        for name in ("track_id", "xyxy", "existence", "score", "state", "covariance"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_long_recordings_are_cut_into_blocks_that_do_not_show(
    record, street, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.smoothing import whole

    recorder, _ = record(street(1, 80))
    once = list(smooth(recorder))
    monkeypatch.setattr(whole, "_BLOCK", 7)
    for a, b in zip(once, smooth(recorder), strict=True):
        assert a.track_id.tolist() == b.track_id.tolist()
        np.testing.assert_allclose(a.existence, b.existence, rtol=1e-6)
        np.testing.assert_allclose(a.xyxy, b.xyxy, rtol=1e-6)
        np.testing.assert_array_equal(a.state, b.state)


def test_nothing_is_normal() -> None:
    assert list(smooth(Recorder())) == []
    tracker, recorder = Tracker(), Recorder()
    for k in range(3):
        recorder.add(Detections.empty(), tracker.update(Detections.empty(), timestamp_s=k / 10))
    recorder.add(None, tracker.update(None, timestamp_s=0.3))
    frames = smooth(recorder)
    assert [len(tracks) for tracks in frames] == [0, 0, 0, 0]
    assert frames[-1].timestamp_s == 0.3
    with pytest.raises(IndexError, match="frame 4 of 4"):
        frames[4]


def test_a_moving_camera(walk) -> None:
    """Somebody stands still while the camera pans 10 px a frame: no gap moves the box."""
    tracker, recorder, online = Tracker(), Recorder(), []
    pan = np.array([[1.0, 0, -10], [0, 1, 0]])
    for k in range(40):
        x = 500 - 10 * k
        seen = not 15 <= k < 22
        detections = Detections([[x, 20, x + 40, 120]] if seen else [], [0.8] * seen)
        warp = pan if k else None
        online.append(tracker.update(detections, timestamp_s=k / 30, warp=warp))
        recorder.add(detections, online[-1], warp=warp)
    for k, tracks in enumerate(smooth(recorder)):
        # What is known with the future is known better.
        assert tracks.covariance[0, 0, 0] <= online[k].covariance[0, 0, 0] * 1.001
        assert abs(tracks.xyxy[0, 0] - (500 - 10 * k)) < 2
        assert abs(tracks.velocity[0, 0]) < 10


def test_classes_are_those_of_the_whole_track(record, street) -> None:
    recorder, online = record(street(2, 60, classes=3, vectors=True))
    last = {
        int(i): p for t in online for i, p in zip(t.track_id, t.class_probabilities, strict=True)
    }
    config = TrackerConfig(smoothing=SmoothingConfig(stitch_gap_s=0.0))
    for tracks in smooth(recorder, config):
        for i, p in zip(tracks.track_id, tracks.class_probabilities, strict=True):
            np.testing.assert_allclose(p, last[int(i)], atol=1e-6)


def test_progress_is_told_and_an_error_in_it_ends_the_work(record, walk) -> None:
    recorder, _ = record(walk(100))
    told = []
    smooth(recorder, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (400, 400)
    assert told == sorted(told)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smooth(recorder, on_progress=stop)


def test_a_recorder_refuses_tracks_of_other_detections(record, walk) -> None:
    tracker, recorder = Tracker(), Recorder()
    one = Detections([[10, 20, 50, 120]], [0.7])
    tracks = tracker.update(one, timestamp_s=0.0)
    with pytest.raises(InputError, match="row 0, but there are 0"):
        recorder.add(Detections.empty(), tracks)
    recorder.add(one, tracks)
    with pytest.raises(InputError, match="recorded already"):
        recorder.add(one, tracks)


def test_only_evidence_is_smoothed(record, walk) -> None:
    config = TrackerConfig(fuser="median")
    recorder, _ = record(walk(10), config)
    with pytest.raises(InputError, match="for the fuser 'evidence', not 'median'"):
        smooth(recorder, config)


def test_a_clock_that_stands_still_is_a_step_back(record, walk) -> None:
    """As `on_backward_time = "reset"` has it: the same as a clock that was set back."""
    config = TrackerConfig(on_backward_time="reset")
    scene = list(walk(20))
    last_s = scene[-1][0]
    for second_s in (last_s, last_s - 0.5):
        recorder, online = record([*scene, *((t + second_s, d) for t, d in scene)], config)
        frames = smooth(recorder, config)
        assert [t.timestamp_s for t in frames] == [t.timestamp_s for t in online]
        assert [t.track_id.tolist() for t in frames] == [[1]] * 20 + [[2]] * 20
        assert np.diff(recorder.records().now_s).min() > 0


def test_memory_is_a_few_bytes_a_box(record, street) -> None:
    recorder, online = record(street(1, 150))
    boxes = sum(len(tracks) for tracks in smooth(recorder))
    frames, hits = len(online), sum(int(t.seen.sum()) for t in online)
    posteriors = 12 * 2 * len(recorder.records().track_id)
    assert recorder.nbytes <= 25 * frames + 44 * hits + posteriors
    assert smooth(recorder).nbytes <= 86 * boxes + 16 * frames


def test_the_motions_of_the_camera_are_counted() -> None:
    """By what the system is asked for: nothing of it is left out by more than a fifth."""
    tracker = Tracker()
    tracks = [tracker.update(None, timestamp_s=k / 30) for k in range(3000)]
    told, taken = [], []
    for warp in (None, np.eye(3)):
        tracemalloc.start()
        recorder = Recorder()
        for one in tracks:
            recorder.add(None, one, warp=warp)
        taken.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        told.append(recorder.nbytes)
    assert told[1] - told[0] == pytest.approx(taken[1] - taken[0], rel=0.2)


def test_a_box_outside_of_the_detections_is_shown_where_it_is_probably_right(record, walk) -> None:
    recorder, _ = record(walk(150, confidence=0.8, seen=range(30, 120).__contains__))
    frames = list(smooth(recorder))
    assert any(tracks.lost.any() for tracks in frames[:30])
    assert any(tracks.lost.any() for tracks in frames[120:])
    for k, tracks in enumerate(frames):
        if 30 <= k < 120:
            assert tracks.confirmed[0]
            assert not tracks.lost[0]
        elif len(tracks) and tracks.coasting[0]:
            assert tracks.score[0] >= 0.5
