"""Hours of stream time in seconds: memory, open files and threads stay flat, ids only increase.

`CONFTRACK_SOAK_HOURS=24 pytest tests/live/test_soak.py` makes it as long as wanted.
"""

import gc
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.live.fakes import FakeClock, FakeConnection, ListOutlet, SquareDetector, in_place, shot
from tests.live.test_faults import handles, needs_proc
from tests.live.test_system import scene
from tracker import presets
from tracker.errors import SourceError
from tracker.live.clocks import Timeline
from tracker.live.outlets.lines import EventFile
from tracker.live.settings import CameraSettings, LiveSettings, OutletSettings
from tracker.live.system import LiveSystem

HOURS = float(os.environ.get("CONFTRACK_SOAK_HOURS", "1"))
FPS = 2.0


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Weather:
    """A camera that is up for some minutes, then gone, refused, frozen or damaged for a while."""

    def __init__(self, clock, line, seed):
        self.clock, self.line, self.rng = clock, line, random.Random(seed)
        self.number = self.opened = 0

    def __call__(self, settings, timeline, stop):
        self.opened += 1
        if self.rng.random() < 0.3:
            self.clock.pass_(1.0)
            raise SourceError("cannot open it: Connection refused")
        return FakeConnection(self.shots())

    def shots(self):
        until = self.clock.now_s + self.rng.uniform(60, 600)
        own, still = self.rng.uniform(0, 1e5), None
        while self.clock.now_s < until:
            self.clock.pass_(1 / FPS)
            own += 1 / FPS
            self.number += 1
            if self.rng.random() < 0.002:
                own += self.rng.choice([-500.0, 500.0])
            if self.rng.random() < 0.01:
                still = scene(self.number, 20) if still is None else None
            # Somebody walks through every half minute.
            x = self.number % 60
            image = scene(self.number, x) if x < 50 else scene(self.number, 0)[:, ::-1] // 2
            yield shot(self.number, self.line, own_s=own, image=image if still is None else still,
                       corrupt=self.rng.random() < 0.01)  # fmt: skip


def soak(folder, hours, leak_bytes=0):
    """Let a system run for so long; with a leak, so many bytes a frame are kept."""
    kept_for_ever = []
    clock = FakeClock()
    line = Timeline(clock)
    weather = Weather(clock, line, 0)
    kept = OutletSettings(queue=20, file_mb=0.05, files=2)
    file = EventFile(folder / "events.jsonl", kept, clock=clock)
    dead = ListOutlet(clock=clock, failures=10**9, queue=20)
    system = LiveSystem(
        SquareDetector(),
        LiveSettings(cameras={"cam": CameraSettings(source="rtsp://h/x", frozen_s=3.0)}),
        presets.load("camera"),
        outlets=[file, dead],
        timeline=line,
        opener=weather,
        rng=random.Random(0),
    )
    camera = system.cameras["cam"]
    camera.reader._start = in_place
    deliver = camera.reader._deliver
    last_id, last_s, samples = 0, 0.0, []
    began, next_sample = clock.now_s, clock.now_s + hours * 3600 / 3

    def look_at(one, first):
        """In place of the looking thread, and of those of the outlets."""
        nonlocal last_id, last_s, next_sample
        kept_for_ever.append(bytearray(leak_bytes))
        going = deliver(one, first)
        system.looker.step()
        while file.step() == 0:
            pass
        if weather.number % 50 == 0:
            dead.step()
        tracks = camera.view.tracks
        assert tracks.timestamp_s >= last_s
        last_s = tracks.timestamp_s
        new = tracks.track_id[tracks.track_id > last_id]
        assert (np.diff(tracks.track_id) > 0).all()
        last_id = int(new.max(initial=last_id))
        if clock.now_s >= next_sample:
            next_sample += hours * 3600 / 12
            gc.collect()
            samples.append((clock.now_s, resident_mb(), handles()))
        return going

    camera.reader._deliver = look_at
    while clock.now_s < began + hours * 3600:
        system.tend()
        clock.pass_(0.5)
        system.looker.step()
    system.looker.step()
    times, memory, files = np.array(samples).T
    assert len(samples) >= 7
    passed = (times - times[0]) / 3600
    slope = np.polyfit(passed, memory, 1)[0]
    total = slope * passed[-1]
    assert total < 4.0, f"{total:.1f} MB more after {passed[-1]:.1f} h: {memory.round(1)}"
    assert np.ptp(files) <= 1
    assert camera.reader.connects > 5 * hours
    assert last_id >= 10 * hours
    assert camera.counts.events["confirmed"] > 20 * hours
    assert camera.counts.clock_jumps > 0
    assert camera.counts.verdicts["corrupt"] > 0
    assert camera.counts.verdicts["frozen"] > 0
    assert dead.counts().waiting == 20
    assert dead.counts().dropped == sum(camera.counts.events.values()) - 20
    assert sum(p.stat().st_size for p in folder.iterdir()) < 3 * 60_000
    print(f"{passed[-1]:.1f} h, {weather.number} frames: {slope:.2f} MB an hour, {memory.round(1)}")


def in_a_process_of_its_own(folder, hours, leak_bytes=0):
    """Elsewhere memory that other tests have given back would hide what is taken here."""
    return subprocess.run(
        [sys.executable, "-m", "tests.live.test_soak", str(folder), str(hours), str(leak_bytes)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )


@needs_proc
@pytest.mark.slow
def test_hours_leave_memory_files_and_threads_flat(tmp_path):
    done = in_a_process_of_its_own(tmp_path, HOURS)
    assert done.returncode == 0, done.stderr
    print(done.stdout)


@needs_proc
def test_the_soak_notices_a_leak(tmp_path):
    done = in_a_process_of_its_own(tmp_path, 0.3, 8000)
    assert done.returncode == 1
    assert "MB more after" in done.stderr


if __name__ == "__main__":
    soak(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
