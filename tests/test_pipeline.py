import itertools
import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tracker.detections import Detections
from tracker.errors import InputError
from tracker.frames import Frame
from tracker.pipeline import run
from tracker.tracks import Tracks


def frames(count, size=(32, 24), live=False):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for i in range(count) if count is not None else itertools.count():
        yield Frame(image, i / 10, i)


class Source:
    """An iterable with what a real source says about itself."""

    name, fps, live, damage, errors_skipped = "fake", 10.0, False, (), 0

    def __init__(self, count, *, live=False, wait_s=0.0):
        self.count, self.live, self.wait_s = count, live, wait_s
        self.frame_count = count
        self.read = 0

    def __iter__(self):
        for frame in frames(self.count):
            if self.wait_s:
                time.sleep(self.wait_s)
            self.read += 1
            yield frame


class Detector:
    class_names = ("person", "car")

    def __init__(self, *, wait_s=0.0, fail_at=None):
        self.wait_s, self.fail_at, self.batches = wait_s, fail_at, []

    def detect(self, frames):
        self.batches.append(len(frames))
        if self.wait_s:
            time.sleep(self.wait_s * len(frames))
        if self.fail_at is not None and any(f.index == self.fail_at for f in frames):
            raise RuntimeError("the detector broke")
        return [self.one(f.index) for f in frames]

    @staticmethod
    def one(index):
        rng = np.random.default_rng(index)
        corner = rng.uniform(0, 20, (index % 4, 2))
        return Detections(np.hstack((corner, corner + 5)), rng.uniform(0, 1, index % 4))


class Tracker:
    """Gives every detection a new id; confirmed from confidence 0.5 on."""

    def __init__(self):
        self.next_id, self.times = 0, []

    def update(self, detections, *, timestamp_s):
        assert not self.times or timestamp_s > self.times[-1]
        self.times.append(timestamp_s)
        if detections is None:
            return Tracks.empty(timestamp_s)
        n = len(detections)
        ids = np.arange(self.next_id, self.next_id + n)
        self.next_id += n
        return replace(
            Tracks.empty(timestamp_s),
            track_id=ids,
            xyxy=detections.xyxy,
            velocity=np.zeros((n, 2)),
            covariance=np.zeros((n, 8, 8)),
            existence=detections.confidence,
            score=detections.confidence,
            state=(detections.confidence >= 0.5).astype(np.int8),
            class_id=detections.class_id,
            class_probabilities=np.zeros((n, 0)),
            hits=np.ones(n, np.int64),
            misses=np.zeros(n, np.int64),
            age_s=np.zeros(n),
            gap_s=np.zeros(n),
            detection=np.arange(n),
        )


class Sink:
    def __init__(self, *, wait_s=0.0, fail_at=None, fail_close=False):
        self.wait_s, self.fail_at, self.fail_close = wait_s, fail_at, fail_close
        self.rows, self.closed, self.threads = [], 0, set()

    def write(self, frame, detections, tracks):
        self.threads.add(threading.current_thread())
        if self.wait_s:
            time.sleep(self.wait_s)
        if frame.index == self.fail_at:
            raise OSError("the disk is full")
        self.rows.append((frame.index, tracks.track_id.tolist(), tracks.xyxy.tolist()))

    def close(self):
        self.threads.add(threading.current_thread())
        self.closed += 1
        if self.fail_close:
            raise OSError("cannot close")

    @property
    def indices(self):
        return [row[0] for row in self.rows]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive(), f"{thread.name} is still running"


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
    started = time.perf_counter()
    summary = run(Source(10, wait_s=0.02), Detector(wait_s=0.02), Tracker(), [Sink(wait_s=0.02)])
    wall = time.perf_counter() - started
    assert wall < 0.02 * 10 * 3 * 0.75
    assert summary.stages["detect"].ms_per_frame == pytest.approx(20, abs=15)


def test_unlooked_frames_reach_tracker_and_sinks_as_none():
    class Half(Detector):
        def detect(self, frames):
            return [None if f.index % 2 else self.one(f.index) for f in frames]

    sink = Sink()
    run(Source(6), Half(), Tracker(), [sink])
    assert sink.indices == list(range(6))
    assert [row[1] for row in sink.rows[1::2]] == [[], [], []]


# -- failures ----------------------------------------------------------------------------------


def test_a_detector_that_raises_at_frame_7():
    sink, source = Sink(), Source(None)
    with pytest.raises(RuntimeError, match="the detector broke") as caught:
        run(source, Detector(fail_at=7), Tracker(), [sink], queue_size=2)
    assert caught.value.__notes__ == ["in the stage 'detect' of the pipeline, frame 7 at 0.700 s"]
    assert sink.indices == list(range(7))
    assert sink.closed == 1
    assert source.read < 20


@pytest.mark.parametrize("fail_at", [0, 7])
def test_a_sink_that_raises(fail_at):
    bad, other, source = Sink(fail_at=fail_at), Sink(), Source(None)
    with pytest.raises(OSError, match="disk is full") as caught:
        run(source, Detector(), Tracker(), [other, bad], queue_size=2)
    assert "stage 'write'" in caught.value.__notes__[0]
    assert f"frame {fail_at} " in caught.value.__notes__[0]
    assert bad.indices == list(range(fail_at))
    assert (bad.closed, other.closed) == (1, 1)
    assert source.read < 30


def test_a_source_that_raises():
    class Broken(Source):
        def __iter__(self):
            yield from frames(5)
            raise ValueError("the cable is cut")

    sink = Sink()
    with pytest.raises(ValueError, match="cable") as caught:
        run(Broken(5), Detector(), Tracker(), [sink], batch_size=3)
    assert caught.value.__notes__ == [
        "in the stage 'decode' of the pipeline, after frame 4 at 0.400 s"
    ]
    assert sink.indices == list(range(5))
    assert sink.closed == 1


def test_a_tracker_that_raises():
    class Broken(Tracker):
        def update(self, detections, *, timestamp_s):
            if timestamp_s > 0.25:
                raise ArithmeticError("not positive definite")
            return super().update(detections, timestamp_s=timestamp_s)

    sink = Sink()
    with pytest.raises(ArithmeticError) as caught:
        run(Source(None), Detector(), Broken(), [sink])
    assert "stage 'track'" in caught.value.__notes__[0]
    assert sink.indices == [0, 1, 2]


def test_all_sinks_are_closed_when_one_cannot_be():
    sinks = [Sink(fail_close=True), Sink()]
    with pytest.raises(OSError, match="cannot close") as caught:
        run(Source(3), Detector(), Tracker(), sinks)
    assert caught.value.__notes__ == ["while closing the sink Sink"]
    assert [s.closed for s in sinks] == [1, 1]


def test_the_first_error_is_raised_and_tells_of_the_others():
    sink = Sink(fail_close=True)
    with pytest.raises(RuntimeError) as caught:
        run(Source(20), Detector(fail_at=7), Tracker(), [sink])
    assert "after it: OSError: cannot close" in caught.value.__notes__


def test_a_detector_that_answers_too_little():
    class Short(Detector):
        def detect(self, frames):
            return []

    with pytest.raises(InputError, match="each of 2 frames, got 0"):
        run(Source(4), Short(), Tracker(), batch_size=2)


def test_bad_options():
    for bad in ({"batch_size": 0}, {"queue_size": 0}, {"when_late": "cry"}):
        with pytest.raises(InputError, match=next(iter(bad))):
            run(Source(1), Detector(), Tracker(), **bad)


# -- stopping ----------------------------------------------------------------------------------


def test_stop_event_gives_what_is_done():
    stop, sink = threading.Event(), Sink()
    threading.Timer(0.15, stop.set).start()
    source = Source(None)
    summary = run(source, Detector(wait_s=0.005), Tracker(), [sink], stop_event=stop)
    assert summary.interrupted
    assert 0 < summary.frames < 60
    assert sink.indices == list(range(summary.frames))
    assert sink.closed == 1


def test_stop_before_the_start():
    stop = threading.Event()
    stop.set()
    summary = run(Source(None), Detector(), Tracker(), [Sink()], stop_event=stop)
    assert summary.interrupted
    assert summary.frames == 0


def test_stop_does_not_wait_for_a_dead_stream():
    class Dead(Source):
        def __init__(self):
            super().__init__(None, live=True)
            self.alive_again = threading.Event()

        def __iter__(self):
            for frame in frames(3):
                yield frame
                time.sleep(0.03)
            self.alive_again.wait(20)

    stop, source, sink = threading.Event(), Dead(), Sink()
    threading.Timer(0.2, stop.set).start()
    started = time.perf_counter()
    summary = run(source, Detector(), Tracker(), [sink], stop_event=stop)
    assert time.perf_counter() - started < 3
    source.alive_again.set()
    assert summary.interrupted
    assert sink.indices == [0, 1, 2]


def test_progress_that_raises_stops_the_run():
    def progress(_):
        raise LookupError("no terminal")

    sink = Sink(wait_s=0.01)
    with pytest.raises(LookupError):
        run(Source(None), Detector(), Tracker(), [sink], on_progress=progress)
    assert sink.closed == 1


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_once_finishes_the_frames_in_work_and_twice_drops_them(presses):
    left = [KeyboardInterrupt] * presses

    def press(_):
        if left:
            raise left.pop()

    sink = Sink(wait_s=0.15)
    summary = run(Source(None), Detector(), Tracker(), [sink], queue_size=8, on_progress=press)
    assert summary.interrupted
    assert sink.closed == 1
    assert sink.indices == list(range(summary.frames))
    assert (summary.frames > 6) == (presses == 1)


def test_ctrl_c_in_a_real_process(tmp_path):
    script = """
        import json, sys, time
        import numpy as np
        from tracker.detections import Detections
        from tracker.frames import Frame
        from tracker.pipeline import run
        from tracker.tracks import Tracks

        class Detector:
            class_names = ()
            def detect(self, frames):
                time.sleep(0.01)
                return [None] * len(frames)

        class Tracker:
            def update(self, detections, *, timestamp_s):
                return Tracks.empty(timestamp_s)

        class Sink:
            n = 0
            def write(self, frame, detections, tracks):
                self.n += 1
                if self.n == 1:
                    print("ready", flush=True)
            def close(self):
                print("closed", self.n, flush=True)

        def source():
            i = 0
            while True:
                yield Frame(np.zeros((8, 8, 3), np.uint8), i / 10, i)
                i += 1

        summary = run(source(), Detector(), Tracker(), [Sink()])
        print(json.dumps(summary.to_dict()))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    closed, told = out.splitlines()
    summary = json.loads(told)
    assert summary["interrupted"]
    assert closed == f"closed {summary['frames']}"
    assert summary["frames"] > 2


# -- live and endless --------------------------------------------------------------------------


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
    source, sink = Source(60, live=True, wait_s=0.002), Sink()
    summary = run(source, Detector(wait_s=0.02), Tracker(), [sink], queue_size=4)
    assert summary.frames + summary.frames_dropped == 60
    assert summary.frames_dropped > 10
    assert sink.indices == sorted(set(sink.indices))
    assert summary.latency_s.median < 0.08


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
        def update(self, detections, *, timestamp_s):
            self.times.clear()
            return super().update(detections, timestamp_s=timestamp_s)

    class Forgetful(Detector):
        def detect(self, frames):
            self.batches.clear()
            return super().detect(frames)

    tracemalloc.start()
    try:
        run(Source(1501), Forgetful(), Plain(), [Measuring()])
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
