"""What comes out of a run that nothing disturbs."""

import json
import threading

import numpy as np
import pytest

from tests.pipeline.fakes import Detector, Sink, Source, Tracker, frames
from tracker.pipeline import run


def sequential(count):
    tracker, sink = Tracker(), Sink()
    for frame in frames(count):
        (detections,) = Detector().detect([frame])
        tracks = tracker.update(detections, timestamp_s=frame.timestamp_s)
        sink.write(frame, detections, tracks)
    return sink.rows


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("queue_size", [1, 4])
def test_same_as_a_plain_loop(batch_size, queue_size):
    sinks, detector = [Sink(), Sink()], Detector()
    summary = run(
        Source(50), detector, Tracker(), sinks, batch_size=batch_size, queue_size=queue_size
    )
    assert sinks[0].rows == sinks[1].rows == sequential(50)
    assert [s.closed for s in sinks] == [1, 1]
    assert summary.frames == 50
    assert not summary.interrupted
    assert max(detector.batches) == batch_size
    assert detector.batches[:-1] == [batch_size] * (len(detector.batches) - 1)


def test_the_tracker_is_told_how_the_camera_moved():
    """The warp of each frame arrives with it, and the boxes of its tracks go back."""

    class Follower:
        def __init__(self):
            self.hidden = []

        def estimate(self, frame):
            return np.array([[1.0, 0, frame.index], [0, 1, 0]]) if frame.index else None

        def hide(self, xyxy):
            self.hidden.append(xyxy.tolist())

    class Told(Tracker):
        def __init__(self):
            super().__init__()
            self.shifts = []

        def update(self, detections, *, timestamp_s, image_size=None, warp=None):
            self.shifts.append(0 if warp is None else int(warp[0, 2]))
            return super().update(detections, timestamp_s=timestamp_s, image_size=image_size)

    follower, tracker = Follower(), Told()
    run(Source(12), Detector(), tracker, [], batch_size=3, camera_motion=follower)
    assert tracker.shifts == list(range(12))
    assert tracker.sizes == {next(iter(Source(1))).size}
    assert follower.hidden == [Detector.one(i).xyxy.tolist() for i in range(12)]


def test_the_tracker_is_told_how_large_pictures_are():
    tracker = Tracker()
    run(Source(5), Detector(), tracker, [Sink()])
    height, width = next(iter(Source(1))).image.shape[:2]
    assert tracker.sizes == {(width, height)}


def test_summary_counts():
    summary = run(Source(40), Detector(), Tracker(), [Sink()])
    confidence = np.concatenate([Detector.one(i).confidence for i in range(40)])
    last = Detector.one(39).confidence
    assert summary.objects_confirmed == (confidence >= 0.5).sum()
    assert summary.objects_by_class == {"person": summary.objects_confirmed}
    assert summary.candidates_undecided == (last < 0.5).sum()
    assert summary.candidates_suppressed == (confidence < 0.5).sum() - (last < 0.5).sum()
    assert summary.suppressed_best_confidence.max < 0.5
    assert (summary.start_s, summary.end_s) == (0.0, 3.9)
    assert summary.duration_s == pytest.approx(4.0)
    assert set(summary.stages) == {"decode", "detect", "track", "write"}
    assert all(stage.frames == 40 for stage in summary.stages.values())
    assert summary.latency_s.count == 40
    assert summary.fps == pytest.approx(40 / summary.wall_s)
    json.dumps(summary.to_dict())


@pytest.mark.parametrize("count", [0, 1])
def test_short_sources(count):
    sink = Sink()
    summary = run(Source(count), Detector(), Tracker(), [sink], batch_size=4)
    assert summary.frames == count
    assert sink.closed == 1
    assert summary.duration_s == pytest.approx(count / 10)


def test_any_iterable_and_no_sinks():
    assert run(frames(5), Detector(), Tracker()).frames == 5


def test_stages_overlap():
    """Each stage goes on only while the next two frames are in the stages before it."""
    together = threading.Barrier(3, timeout=20)

    class Ahead(Source):
        def __iter__(self):
            for frame in super().__iter__():
                if frame.index >= 2:
                    together.wait()
                yield frame

    class Between(Detector):
        def detect(self, frames):
            if 1 <= frames[0].index <= 8:
                together.wait()
            return super().detect(frames)

    behind = Sink(on_write=lambda index: index <= 7 and together.wait())
    assert run(Ahead(10), Between(), Tracker(), [behind]).frames == 10


def test_waiting_for_another_stage_is_no_work():
    stages = run(Source(10, wait_s=0.03), Detector(), Tracker(), [Sink()]).stages
    assert stages["decode"].ms_per_frame > 29
    assert stages["detect"].ms_per_frame < stages["decode"].ms_per_frame / 2


def test_unlooked_frames_reach_tracker_and_sinks_as_none():
    class Half(Detector):
        def detect(self, frames):
            return [None if f.index % 2 else self.one(f.index) for f in frames]

    sink = Sink()
    run(Source(6), Half(), Tracker(), [sink])
    assert sink.indices == list(range(6))
    assert [row[1] for row in sink.rows[1::2]] == [[], [], []]
