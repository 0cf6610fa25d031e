"""A system with something to see, on a clock of the test's own, and a client that hides nothing."""

import http.client
import json
import random
from urllib.parse import urlencode

from tests.live.fakes import FakeClock, ListOutlet, Opener, SquareDetector, refused, shot
from tests.live.test_system import scene
from tracker import presets
from tracker.live.clocks import Timeline
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.system import LiveSystem

TOKEN = "correct-horse-battery"
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


class Client:
    """Sends requests as they are given, follows nothing, remembers all it was told."""

    def __init__(self, port):
        self.port, self.told = port, []

    def ask(self, path, method="GET", *, body=None, cookie=None, **headers):
        """Status, headers in lower case (cookies as a list), body."""
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if cookie:
            headers["Cookie"] = cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host="Host" in headers)
        if body is not None:
            headers |= {"Content-Length": str(len(body)),
                        "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
        for key, value in headers.items():
            connection.putheader(key, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.told.append((path, str(answer.headers).encode() + data))
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data

    def json(self, path, **more):
        status, _, data = self.ask(path, **more)
        assert status == 200, (path, status, data)
        return json.loads(data)

    def log_in(self, token=TOKEN, **more):
        status, headers, data = self.ask(
            "/login", "POST", body=urlencode({"token": token}).encode(), **more
        )
        return status, headers.get("set-cookie", ""), data
