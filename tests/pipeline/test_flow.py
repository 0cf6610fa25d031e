"""Who waits for whom, what is dropped, and that memory stays flat."""

import threading
import tracemalloc

import pytest

from tests.pipeline.fakes import Detector, Sink, Source, Tracker
from tracker.pipeline import run


def test_a_slow_sink_holds_the_source_back():
    source, sink = Source(30), Sink(wait_s=0.01)
    most_ahead = []

    class Watching(Sink):
        def write(self, frame, detections, tracks):
            most_ahead.append(source.read - frame.index)

    run(source, Detector(), Tracker(), [sink, Watching()], queue_size=2)
    assert sink.indices == list(range(30))
    # Two in each of three channels and one in the hands of each of four stages.
    assert max(most_ahead) <= 2 * 3 + 4 + 1


def test_a_live_source_drops_the_oldest_instead():
    looking, all_came = threading.Event(), threading.Event()

    class Camera(Source):
        def __iter__(self):
            for frame in super().__iter__():
                yield frame
                looking.wait(20)
            all_came.set()

    class Late(Detector):
        """Is at its first frame while all others come."""

        def detect(self, frames):
            looking.set()
            assert all_came.wait(20)
            return super().detect(frames)

    sink = Sink()
    summary = run(Camera(60, live=True), Late(), Tracker(), [sink], queue_size=4)
    assert sink.indices == [0, 58, 59]
    assert (summary.frames, summary.frames_dropped) == (3, 57)


def test_waiting_can_be_asked_for_a_live_source():
    summary = run(
        Source(20, live=True), Detector(wait_s=0.002), Tracker(), [Sink()], when_late="wait"
    )
    assert (summary.frames, summary.frames_dropped) == (20, 0)


def test_memory_stays_flat():
    marks = {}

    class Measuring(Sink):
        def write(self, frame, detections, tracks):
            if frame.index in (300, 1500):
                marks[frame.index] = tracemalloc.get_traced_memory()[0]

    class Plain(Tracker):
        def update(self, detections, *, timestamp_s, image_size=None):
            self.times.clear()
            return super().update(detections, timestamp_s=timestamp_s)

    class Forgetful(Detector):
        def detect(self, frames):
            self.batches.clear()
            return super().detect(frames)

    tracemalloc.start()
    try:
        # Short queues: what is under way differs from moment to moment.
        run(Source(1501), Forgetful(), Plain(), [Measuring()], queue_size=1)
    finally:
        tracemalloc.stop()
    assert marks[1500] - marks[300] < 50_000


def test_progress_tells_where_the_run_is():
    seen = []
    caller = threading.current_thread()

    def progress(now):
        assert threading.current_thread() is caller
        seen.append(now)

    run(Source(40), Detector(wait_s=0.01), Tracker(), [Sink()], on_progress=progress)
    assert len(seen) >= 2
    counts = [p.frames for p in seen]
    assert counts == sorted(counts)
    last = seen[-1]
    assert (last.frames, last.frame_count, last.timestamp_s) == (40, 40, 3.9)
    assert last.eta_s == pytest.approx(0)
    middle = next(p for p in seen if p.frames > 1)
    assert middle.eta_s == pytest.approx((40 - middle.frames) / middle.fps)
    assert last.objects > 0
