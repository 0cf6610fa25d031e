"""Recordings around events: what is in them, how many are kept, and a disk that is full."""

import errno
from dataclasses import replace

import numpy as np
import pytest

from tests.live.fakes import FakeClock, picture
from tests.live.test_outlets import event
from tracker import Frame
from tracker.errors import SourceError
from tracker.live.camera import Result
from tracker.live.clocks import Timeline
from tracker.live.outlets.recording import Recorder
from tracker.live.settings import OutletSettings
from tracker.tracks import Tracks
from tracker.video.sources import open_source

SETTINGS = OutletSettings(
    record=True, record_before_s=2.0, record_after_s=1.0, record_most_s=10.0, record_keep_mb=50.0
)
ROOM = 10**12


class Bench:
    def __init__(self, folder, settings=SETTINGS, **more):
        self.clock = FakeClock()
        self.line = Timeline(self.clock)
        self.recorder = Recorder(
            folder, ["person"], settings, timeline=self.line,
            **{"free_bytes": lambda folder: ROOM} | more,
        )  # fmt: skip
        self.number = 0

    def play(self, seconds, events_at=(), camera="front"):
        """Ten frames a second; events at these frames."""
        for i in range(round(seconds * 10)):
            self.clock.pass_(0.1)
            self.number += 1
            now = self.line.now()
            frame = Frame(picture(self.number), now, self.number)
            found = [event(self.number, camera=camera, timestamp_s=now)] if i in events_at else []
            self.recorder.put(Result(camera, frame, Tracks.empty(now), True, found))
            while self.recorder.step() == 0:
                pass

    def videos(self):
        whole = (p for p in self.recorder.folder.glob("*.mp4") if ".part" not in p.name)
        return sorted(whole)


def seconds_of(path):
    with open_source(path) as source:
        times = [frame.timestamp_s for frame in source]
    return len(times), times[-1] - times[0]


def test_a_video_has_what_was_before_and_after(tmp_path):
    bench = Bench(tmp_path)
    bench.play(10, events_at=[50])
    (path,) = bench.videos()
    frames, seconds = seconds_of(path)
    assert seconds == pytest.approx(3.0, abs=0.21)
    assert frames == pytest.approx(31, abs=2)
    assert "-front-confirmed-r-51.mp4" in path.name


def test_events_in_a_row_make_one_video_of_limited_length(tmp_path):
    bench = Bench(tmp_path)
    bench.play(30, events_at=range(20, 300, 5))
    videos = bench.videos()
    assert len(videos) in (2, 3)
    assert all(seconds_of(path)[1] < 10.5 for path in videos)


def test_cameras_have_videos_of_their_own(tmp_path):
    bench = Bench(tmp_path)
    bench.play(4, events_at=[25], camera="a")
    bench.play(4, events_at=[25], camera="b")
    assert ["-a-" in path.name for path in bench.videos()] == [True, False]


def test_a_video_ends_also_when_no_picture_comes_any_more(tmp_path):
    bench = Bench(tmp_path)
    bench.play(3, events_at=[28])
    assert not bench.videos()
    bench.clock.pass_(5.0)
    bench.recorder.put(Result("front", None, Tracks.empty(bench.line.now()), False, []))
    bench.recorder.step()
    assert len(bench.videos()) == 1


def test_the_program_ending_leaves_a_whole_video(tmp_path):
    bench = Bench(tmp_path)
    bench.play(3, events_at=[28])
    bench.recorder._finish()
    assert seconds_of(bench.videos()[0])[0] > 10
    assert not list(tmp_path.glob("*.part*"))


def test_the_oldest_go_when_there_are_too_many(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, record_keep_mb=0.02))
    for name in ("20200101T000000Z-a.mp4", "20200102T000000Z-a.mp4"):
        (tmp_path / name).write_bytes(bytes(15_000))
    bench.play(5, events_at=[30])
    assert [path.name[:8] for path in bench.videos()] == ["20200102", "20231114"]


def test_a_video_that_grows_is_not_removed_to_make_room(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, record_keep_mb=0.000001))
    bench.play(3, events_at=[28], camera="a")
    bench.play(3, events_at=[28], camera="b")
    bench.recorder._finish()
    assert len(bench.videos()) == 2
    assert bench.recorder.counts().failures == 0


class FullDisk:
    """A video for which there is room for so many frames."""

    def __init__(self, path, room):
        self.path, self.room, self.closed = path, room, False
        path.with_suffix(".part.mp4").write_bytes(b"begun")

    def write(self, image, timestamp_s):
        if self.room <= 0:
            raise SourceError(errno.ENOSPC, "No space left on device")
        self.room -= 1

    def close(self):
        self.closed = True
        if self.room <= 0:
            raise SourceError("cannot finish it: No space left on device")


def test_a_disk_that_is_full_costs_the_video_and_nothing_else(tmp_path, caplog):
    made = []

    def writer(path):
        made.append(FullDisk(path, 12))
        return made[-1]

    bench = Bench(tmp_path, writer=writer)
    bench.play(10, events_at=[50, 55, 60])
    counts = bench.recorder.counts()
    assert counts.failures == len(made) >= 2, "it is tried again, after a wait"
    assert all(video.closed for video in made)
    assert not list(tmp_path.iterdir()), "nothing half is left"
    assert "No space left" in caplog.text
    assert counts.waiting == 0


def test_the_last_of_a_disk_is_left_to_others(tmp_path):
    free = [100_000_000]
    bench = Bench(tmp_path, free_bytes=lambda folder: free[0])
    bench.play(5, events_at=[30])
    assert not bench.videos()
    assert bench.recorder.counts().failures == 1
    free[0] = ROOM
    bench.play(5, events_at=[30])
    assert len(bench.videos()) == 1


def test_results_that_are_too_many_go_before_events(tmp_path):
    bench = Bench(tmp_path)
    for i in range(100):
        now = bench.line.now() + i / 10
        frame = Frame(np.zeros((48, 64, 3), np.uint8), now, i)
        found = [event(i, timestamp_s=now)] if i == 3 else []
        bench.recorder.put(Result("front", frame, Tracks.empty(now), True, found))
    counts = bench.recorder.counts()
    assert counts.waiting == 12
    assert counts.dropped == 88
    while bench.recorder.step() == 0:
        pass
    bench.recorder._finish()
    assert len(bench.videos()) == 1
