"""One tracker in one thread at a time; any number of trackers in any number of threads."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tracker import BusyError, ConstantVelocity, Detections, Tracker, Tracks

BOX = [[10.0, 20.0, 50.0, 120.0]]


class Slow(ConstantVelocity):
    """A motion model that says when it is reached, and goes on when it is told to."""

    def __init__(self):
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()

    def project(self, state):
        self.reached.set()
        assert self.go.wait(10)
        return super().project(state)


def run(scene) -> list[Tracks]:
    tracker = Tracker()
    return [tracker.update(detections, timestamp_s=time) for time, detections in scene]


def test_trackers_in_threads_do_what_they_do_alone(street):
    scenes = [list(street(seed, 120)) for seed in range(6)]
    alone = [run(scene) for scene in scenes]
    with ThreadPoolExecutor(len(scenes)) as pool:
        together = list(pool.map(run, scenes))
    for a, b in zip(alone, together, strict=True):
        for one, other in zip(a, b, strict=True):
            for name in Tracks.__dataclass_fields__:
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


@pytest.mark.parametrize(
    "use",
    [
        lambda t: t.update(None, timestamp_s=2.0),
        lambda t: t.predict(timestamp_s=2.0),
        lambda t: t.explain(1),
        lambda t: t.snapshot(),
        lambda t: t.reset(),
    ],
    ids=["update", "predict", "explain", "snapshot", "reset"],
)
def test_a_second_thread_is_refused_and_does_no_harm(use):
    motion = Slow()
    tracker = Tracker(motion=motion)
    motion.go.set()
    tracker.update(Detections(BOX, [0.9]), timestamp_s=0.0)
    motion.go.clear()
    motion.reached.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tracker.update, Detections(BOX, [0.9]), timestamp_s=1.0)
        assert motion.reached.wait(10)
        with pytest.raises(BusyError, match="while another thread is in this tracker"):
            use(tracker)
        motion.go.set()
        assert first.result(10).track_id.tolist() == [1]
    use(tracker)  # now it is free


def test_threads_may_take_turns():
    tracker = Tracker()
    for k in range(3):
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(tracker.update, Detections(BOX, [0.9]), timestamp_s=float(k) / 10)
            assert done.result().hits.tolist() == [k + 1]


def test_an_error_frees_the_tracker_and_a_copy_is_free_too():
    tracker = Tracker()
    with pytest.raises(ValueError, match="timestamp_s"):
        tracker.update(None, timestamp_s=float("nan"))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(tracker.update, None, timestamp_s=0.0).result()
    other = copy.deepcopy(tracker)
    assert len(other.update(Detections(BOX, [0.9]), timestamp_s=1.0)) == 1
    assert len(tracker.predict(timestamp_s=1.0)) == 0
