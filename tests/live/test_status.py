"""What Prometheus and health checks get."""

import json
import re
import urllib.error
import urllib.request

import pytest

from tests.live.fakes import ListOutlet, Opener, SquareDetector, refused
from tracker.errors import InputError
from tracker.live.metrics import exposition
from tracker.live.settings import CameraSettings, LiveSettings
from tracker.live.status_server import StatusServer, address_of
from tracker.live.system import LiveSystem

SAMPLE = re.compile(r'(conftrack_\w+)(?:\{(\w+="[^"]*"(?:,\w+="[^"]*")*)\})? (-?[\d.e+-]+|inf)')


@pytest.fixture
def system():
    cameras = {
        name: CameraSettings(source=f"rtsp://me:hunter2@10.0.0.{i}/x")
        for i, name in enumerate(("front", "back"))
    }
    return LiveSystem(
        SquareDetector(), LiveSettings(cameras=cameras), outlets=[ListOutlet()],
        opener=Opener(refused()),
    )  # fmt: skip


def samples(text):
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert (match[1], match[2]) not in found, "a sample stands once"
            found[match[1], match[2]] = float(match[3])
    return found


def test_measures_have_the_form_and_no_secrets(system):
    text = exposition(system.health())
    found = samples(text)
    assert found["conftrack_up", None] == 1.0
    assert found["conftrack_frames_received_total", 'camera="front"'] == 0.0
    assert found["conftrack_camera_state", 'camera="back",state="connecting"'] == 1.0
    assert found["conftrack_tracks", 'camera="back",state="confirmed"'] == 0.0
    assert found["conftrack_outlet_delivered_total", 'outlet="list"'] == 0.0
    assert "hunter2" not in text
    typed = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M)
    assert len(dict(typed)) == len(typed)
    for name, kind in typed:
        assert (kind == "counter") == name.endswith("_total")


def get(address, path, method="GET"):
    request = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


def test_health_is_of_the_process_and_readiness_of_the_cameras(system):
    with StatusServer(system, ("127.0.0.1", 0)) as server:
        status, text, headers = get(server.address, "/metrics")
        assert status == 200
        assert samples(text)
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        status, text, _ = get(server.address, "/healthz")
        assert status == 200
        assert [camera["camera"] for camera in json.loads(text)["cameras"]] == ["front", "back"]
        assert "hunter2" not in text
        assert get(server.address, "/readyz")[0] == 503
        for camera in system.cameras.values():
            camera.reader.state = "up"
        assert get(server.address, "/readyz")[0] == 200
        system._failure = RuntimeError("the detector broke")
        assert get(server.address, "/healthz")[0] == 503
        assert samples(get(server.address, "/metrics")[1])["conftrack_up", None] == 0.0
        assert get(server.address, "/metrics", "HEAD")[:2] == (200, "")
        assert get(server.address, "/")[0] == 404


def test_it_is_for_this_machine_unless_told_otherwise():
    assert address_of("9109") == ("127.0.0.1", 9109)
    for wrong in ("", "port", "1.2.3.4:", "127.0.0.1:99999"):
        with pytest.raises(InputError):
            address_of(wrong)


def test_a_port_that_is_taken_is_told(system):
    with StatusServer(system, ("127.0.0.1", 0)) as server, pytest.raises(OSError, match=r"127.0"):
        StatusServer(system, server.address)


def test_what_was_not_measured_yet_is_not_told(system):
    assert "conftrack_latency_seconds{" not in exposition(system.health())
    camera = system.cameras["front"]
    now = system.timeline.now()
    for at_s in (now - 0.002, now - 0.001):  # two looks at once are no thousand a second
        camera.counts.looking.add(at_s)
    camera.counts.recent_latency_s.append(0.25)
    (front, _) = system.health()["cameras"]
    assert front["fps_looked"] == 0.0
    found = samples(exposition(system.health()))
    assert found["conftrack_frames_per_second_looked", 'camera="front"'] == 0.0
    assert found["conftrack_latency_seconds", 'camera="front",quantile="0.95"'] == 0.25
    assert ("conftrack_latency_seconds", 'camera="back",quantile="0.95"') not in found
