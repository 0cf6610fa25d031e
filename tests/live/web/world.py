"""A system with something to see, on a clock of the test's own."""

import random

from tests.live.fakes import FakeClock, ListOutlet, Opener, SquareDetector, refused, shot
from tests.live.test_system import scene
from tracker import presets
from tracker.live.clocks import Timeline
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem

SECRETS = ("hunter2", "adm1n", "s3cret")


class World:
    """Two cameras; the first sees something walk."""

    def __init__(self, detector=None):
        self.clock = FakeClock()
        self.line = Timeline(self.clock)
        cameras = {
            "front": CameraSettings(source="rtsp://adm1n:hunter2@10.0.0.5/live?token=s3cret"),
            "back": CameraSettings(source="http://adm1n:hunter2@10.0.0.6/cam.mjpg"),
        }
        self.system = LiveSystem(
            detector or SquareDetector(),
            LiveSettings(cameras=cameras),
            presets.load("camera"),
            outlets=[ListOutlet()],
            timeline=self.line,
            opener=Opener(refused()),
            rng=random.Random(0),
        )
        self.front = self.system.cameras["front"]
        self.front.reader.state = "up"
        self.number = 0

    def watch(self, seconds, *, fps=10.0, x=lambda i: 4 + i // 3, image=None):
        for i in range(round(seconds * fps)):
            self.clock.pass_(1 / fps)
            self.number += 1
            one = scene(self.number, x(i)) if image is None else image(self.number)
            self.front._receive(shot(self.number, self.line, image=one), False)
            while self.system.looker.step():
                pass
