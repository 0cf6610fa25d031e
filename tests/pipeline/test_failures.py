"""A part that raises: what was done is kept, and the error says where it came from."""

import threading

import pytest

from tests.pipeline.fakes import Detector, Sink, Source, Tracker, frames
from tracker.errors import InputError
from tracker.pipeline import run


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
    bad.name = "the bad sink"
    with pytest.raises(OSError, match="disk is full") as caught:
        run(source, Detector(), Tracker(), [other, bad], queue_size=2)
    assert caught.value.__notes__ == [
        "while writing the bad sink",
        f"in the stage 'write' of the pipeline, frame {fail_at} at {fail_at / 10:.3f} s",
    ]
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
        def update(self, detections, *, timestamp_s, image_size=None):
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
    assert caught.value.__notes__ == ["while closing Sink"]
    assert [s.closed for s in sinks] == [1, 1]


def test_the_first_error_is_raised_and_tells_of_the_others():
    sink = Sink(fail_close=True)
    with pytest.raises(RuntimeError) as caught:
        run(Source(20), Detector(fail_at=7), Tracker(), [sink])
    assert "after it: cannot close (while closing Sink)" in caught.value.__notes__


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


def ends(*arguments, **options):
    """The summaries that `on_end` got, and the error, of a run."""
    told, error = [], None
    try:
        run(*arguments, on_end=told.append, **options)
    except Exception as caught:
        error = caught
    return told, error


def test_a_run_that_fails_still_sums_up_what_was_done():
    sink = Sink()

    def closed_by_now(summary):
        assert sink.closed == 1
        told.append(summary)

    told = []
    with pytest.raises(RuntimeError, match="the detector broke"):
        run(Source(20), Detector(fail_at=7), Tracker(), [sink], on_end=closed_by_now)
    (summary,) = told
    assert summary.frames == 7
    assert (
        summary.ended == "error: RuntimeError: the detector broke"
        " (in the stage 'detect' of the pipeline, frame 7 at 0.700 s)"
    )
    assert not summary.interrupted
    assert summary.to_dict()["ended"] == summary.ended


def test_how_a_run_ended():
    (whole,), error = ends(Source(5), Detector(), Tracker())
    assert (whole.ended, error) == ("complete", None)
    stop = threading.Event()
    stop.set()
    (stopped,), error = ends(Source(None), Detector(), Tracker(), stop_event=stop)
    assert (stopped.ended, error) == ("interrupted", None)
    (failed,), error = ends(Source(5), Detector(), Tracker(), [Sink(fail_close=True)])
    assert failed.ended == "error: cannot close (while closing Sink)"
    assert failed.frames == 5
    assert isinstance(error, OSError)


def test_an_error_before_the_first_frame_sums_up_too():
    (summary,), error = ends(Source(5), Detector(fail_at=0), Tracker(), [Sink()])
    assert summary.frames == 0
    assert summary.ended.startswith(
        "error: RuntimeError: the detector broke (in the stage 'detect'"
    )
    assert isinstance(error, RuntimeError)
