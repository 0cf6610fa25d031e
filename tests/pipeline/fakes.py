"""Parts of a pipeline whose every step can be made slow, or made to fail."""

import itertools
import threading
import time

import numpy as np

from tests.made import made_tracks
from tracker.detections import Detections
from tracker.frames import Frame
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
        self.next_id, self.times, self.sizes = 0, [], set()

    def update(self, detections, *, timestamp_s, image_size=None):
        assert not self.times or timestamp_s > self.times[-1]
        self.times.append(timestamp_s)
        self.sizes.add(image_size)
        if detections is None:
            return Tracks.empty(timestamp_s)
        n = len(detections)
        ids = np.arange(self.next_id, self.next_id + n)
        self.next_id += n
        return made_tracks(
            ids,
            timestamp_s=timestamp_s,
            xyxy=detections.xyxy,
            existence=detections.confidence,
            state=detections.confidence >= 0.5,
            class_id=detections.class_id,
        )


class Sink:
    def __init__(self, *, wait_s=0.0, fail_at=None, fail_close=False, on_write=lambda index: None):
        self.wait_s, self.fail_at, self.fail_close = wait_s, fail_at, fail_close
        self.on_write = on_write
        self.rows, self.closed, self.threads = [], 0, set()

    def write(self, frame, detections, tracks):
        self.threads.add(threading.current_thread())
        if self.wait_s:
            time.sleep(self.wait_s)
        if frame.index == self.fail_at:
            raise OSError("the disk is full")
        self.rows.append((frame.index, tracks.track_id.tolist(), tracks.xyxy.tolist()))
        self.on_write(frame.index)

    def close(self):
        self.threads.add(threading.current_thread())
        self.closed += 1
        if self.fail_close:
            raise OSError("cannot close")

    @property
    def indices(self):
        return [row[0] for row in self.rows]
