"""A run that is stopped from outside gives what is done."""

import json
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from tests.pipeline.fakes import Detector, Sink, Source, Tracker, frames
from tracker.pipeline import run


def test_stop_event_gives_what_is_done():
    stop = threading.Event()
    sink = Sink(on_write=lambda index: stop.set() if index == 10 else None)
    summary = run(Source(None), Detector(), Tracker(), [sink], stop_event=stop)
    assert summary.interrupted
    assert 10 < summary.frames < 30, "what is under way is finished, nothing is begun"
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
            self.alive_again, self.waited_for = threading.Event(), False

        def __iter__(self):
            for frame in frames(3):
                yield frame
                written[frame.index].wait(20)  # of a live source what comes too fast is dropped
            self.alive_again.wait(20)
            self.waited_for = True

    def on_write(index):
        written[index].set()
        if index == 2:
            stop.set()

    stop, source, sink = threading.Event(), Dead(), Sink(on_write=on_write)
    written = [threading.Event() for _ in range(3)]
    summary = run(source, Detector(), Tracker(), [sink], stop_event=stop)
    assert not source.waited_for
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
    pressed = [threading.Event() for _ in range(presses)]

    def press(_):
        for event in pressed:
            if not event.is_set():
                assert detector.busy.wait(20)
                event.set()
                raise KeyboardInterrupt

    class Busy(Detector):
        """Says when many frames are in work."""

        busy = threading.Event()

        def detect(self, frames):
            if frames[0].index == 14:
                self.busy.set()
            return super().detect(frames)

    def on_write(index):
        if index == 1:  # until then the frames pile up
            pressed[0].wait(20)
        if index == 2 and presses == 2:
            pressed[1].wait(20)
            (before,) = (t for t in threading.enumerate() if t.name == "conftrack-track")
            before.join(20)  # it cannot hand over what it has: it ends when that is dropped

    detector, sink = Busy(), Sink(on_write=on_write)
    summary = run(Source(None), detector, Tracker(), [sink], queue_size=8, on_progress=press)
    assert summary.interrupted
    assert sink.closed == 1
    assert sink.indices == list(range(summary.frames))
    assert summary.frames >= 14 if presses == 1 else summary.frames == 3


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
            def update(self, detections, *, timestamp_s, image_size=None):
                return Tracks.empty(timestamp_s)

        class Sink:
            n = 0
            def write(self, frame, detections, tracks):
                self.n += 1
                if self.n == 3:
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
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    closed, told = out.splitlines()
    summary = json.loads(told)
    assert summary["interrupted"]
    assert closed == f"closed {summary['frames']}"
    assert summary["frames"] > 2
