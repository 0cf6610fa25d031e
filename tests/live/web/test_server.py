"""The page's server, asked by a client that does what browsers do not."""

import gc
import json
import logging
import socket
import threading
import time

import pytest

from tests.live.test_soak import resident_mb
from tests.live.web.world import SECRETS, World
from tests.web.client import TOKEN, Client
from tracker.errors import InputError

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("cv2")

from tracker.live.web.server import PageServer
from tracker.web.guard import HEADERS

OPEN = ("/login", "/static/base.css", "/static/icon.svg")
API = (
    "/api/state", "/api/what-if", "/api/cameras/0/picture.jpg", "/api/cameras/0/tracks/1",
    "/api/cameras/0/tracks/1/crop.jpg", "/api/cameras/0/tracks/1/crop.jpg?now=1",
)  # fmt: skip
INSIDE = ("/", "/static/page.css", "/static/page.js", *API)


@pytest.fixture(scope="module")
def world():
    world = World()
    world.watch(2.0)
    return world


@pytest.fixture
def served(world):
    with PageServer(world.system, port=0, token=TOKEN) as server:
        yield Client(int(server.url.rsplit(":", 1)[1].strip("/")))


@pytest.fixture
def unlocked(world):
    with PageServer(world.system, port=0) as server:
        yield Client(int(server.url.rsplit(":", 1)[1].strip("/")))


def test_without_the_token_nothing_is_shown(served):
    for path in OPEN:
        assert served.ask(path)[0] == 200
    for path in (*API, "/static/page.css", "/static/page.js", "/nothing", "/docs", "/openapi.json"):
        for cookie in (None, f"conftrack_{served.port}=", f"conftrack_{served.port}={TOKEN}", "=;"):
            assert served.ask(path, cookie=cookie)[0] == 401, path
    status, headers, _ = served.ask("/")
    assert (status, headers["location"]) == (303, "/login")
    assert served.ask(f"/api/state?token={TOKEN}", Authorization=f"Bearer {TOKEN}")[0] == 401


def test_the_right_token_gives_a_cookie_that_opens_all(served):
    status, cookie, _ = served.log_in("not the token")
    assert (status, cookie) == (401, "")
    status, cookie, _ = served.log_in()
    assert status == 303
    pair, *flags = (part.strip() for part in cookie.split(";"))
    assert pair.startswith(f"conftrack_{served.port}=")
    assert {"httponly", "samesite=strict", "path=/"} <= {flag.lower() for flag in flags}
    for path in INSIDE:
        assert served.ask(path, cookie=pair)[0] == 200, path
    assert served.ask("/nothing", cookie=pair)[0] == 404
    assert served.ask("/logout", "POST", body=b"", cookie=pair)[0] == 303
    assert served.ask("/api/state", cookie=pair)[0] == 401
    assert all(TOKEN.encode() not in data for _, data in served.told)


def test_who_guesses_waits(served):
    for _ in range(5):
        assert served.log_in("wrong")[0] == 401
    status, cookie, text = served.log_in()
    assert (status, cookie) == (429, "")
    assert b"try again in" in text
    assert served.ask("/login")[0] == 200


def test_every_answer_forbids_frames_and_foreign_scripts(served):
    pair = served.log_in()[1].split(";")[0]
    asked = [(p, {}) for p in OPEN + API] + [(p, {"cookie": pair}) for p in INSIDE]
    asked += [("/nothing", {"cookie": pair}), ("/", {"Host": "evil.example"})]
    for path, more in asked:
        headers = served.ask(path, **more)[1]
        for name, value in HEADERS.items():
            assert headers[name.lower()] == value, (path, name)
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy


def test_no_answer_has_secrets_of_cameras(served, world):
    for camera in world.system.cameras.values():
        camera.tend()
    pair = served.log_in()[1].split(";")[0]
    for path in (*INSIDE, "/api/cameras/1/tracks/1", "/api/cameras/x/picture.jpg"):
        served.ask(path, cookie=pair)
    text = b"".join(data for _, data in served.told)
    assert b"10.0.0.5" in text, "the address is shown, its secrets are not"
    assert not [secret for secret in SECRETS if secret.encode() in text]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "localhost"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_pages_of_others_get_nothing_also_without_a_token(unlocked, headers, status):
    assert unlocked.ask("/api/state", **headers)[0] == status


def test_a_link_from_elsewhere_leads_to_the_page(unlocked):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert unlocked.ask("/", **link)[0] == 200
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
    assert unlocked.ask("/", **frame)[0] == 403
    own = f"http://127.0.0.1:{unlocked.port}"
    assert unlocked.ask("/login", "POST", body=b"token=x", Origin=own)[0] == 401
    assert unlocked.ask("/login", "POST", body=b"token=x", Origin="http://evil.example")[0] == 403


def test_nothing_can_be_changed(unlocked):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert unlocked.ask("/api/state", method)[0] == 405
    assert unlocked.ask("/api/state", "POST", body=b"")[0] == 405
    assert unlocked.ask("/login", "POST", body=b"token=" + b"x" * 10_000)[0] == 413


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py",
                                  "/static/index.html", "/api/cameras/-1/picture.jpg",
                                  "/api/cameras/0/tracks/99999999999999999999"])  # fmt: skip
def test_odd_addresses_lead_nowhere(unlocked, path):
    assert unlocked.ask(path)[0] in (404, 422)


def test_a_picture_comes_once(unlocked):
    status, headers, jpeg = unlocked.ask("/api/cameras/0/picture.jpg")
    assert (status, headers["content-type"], jpeg[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert float(headers["picture-age"]) < 0.01
    (front, back) = unlocked.json("/api/state")["cameras"]
    assert front["picture_age_s"] == float(headers["picture-age"])
    assert back["picture_age_s"] is None
    status, _, nothing = unlocked.ask("/api/cameras/0/picture.jpg", If_None_Match=headers["etag"])
    assert (status, nothing) == (304, b"")
    assert unlocked.ask("/api/cameras/1/picture.jpg")[0] == 404, "it never had one"


def test_what_fails_is_told_without_its_inside(unlocked, world, monkeypatch, caplog):
    def broken():
        raise RuntimeError("hunter2 is the password")

    monkeypatch.setattr(world.system, "health", broken)
    monkeypatch.setattr(logging.getLogger("conftrack"), "propagate", True)
    caplog.set_level(logging.INFO, "conftrack")
    status, headers, data = unlocked.ask("/api/state")
    assert status == 500
    assert json.loads(data) == {"error": "this failed"}
    assert headers["x-frame-options"] == "DENY"
    assert "the page failed at /api/state" in caplog.text


def test_names_that_are_markup_come_as_they_are_in_json():
    from tests.live.fakes import SquareDetector

    class Named(SquareDetector):
        class_names = ("<img src=x onerror=alert(1)>", "car")

    world = World(Named())
    world.watch(1.0)
    with PageServer(world.system, port=0) as server:
        client = Client(int(server.url.rsplit(":", 1)[1].strip("/")))
        state = client.json("/api/state")
        assert state["cameras"][0]["objects"][0]["class"] == Named.class_names[0]
        headers = client.ask("/api/state")[1]
        assert headers["content-type"] == "application/json"


def test_watching_for_long_keeps_memory_flat(world):
    with PageServer(world.system, port=0) as server:
        client = Client(int(server.url.rsplit(":", 1)[1].strip("/")))

        def rounds(n):
            for _ in range(n):
                world.watch(0.1)
                for path in INSIDE:
                    assert client.ask(path)[0] == 200
            client.told.clear()
            gc.collect()

        rounds(15)
        before, threads = resident_mb(), threading.active_count()
        rounds(60)
        assert resident_mb() < before + 12
        assert threading.active_count() <= threads + 8


def test_a_browser_that_does_not_read_stops_nobody(world):
    with PageServer(world.system, port=0) as server:
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
        ask = b"GET /api/cameras/0/picture.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"
        lazy = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for one in lazy:
            one.sendall(ask * 50)
        before = world.front.counts.looked
        began = time.monotonic()
        world.watch(1.0)
        assert world.front.counts.looked == before + 10
        assert time.monotonic() - began < 5
        assert Client(port).ask("/api/state")[0] == 200
        for one in lazy[10:]:
            one.close()
    for one in lazy[:10]:
        one.close()


def test_it_ends_at_once_and_gives_the_port_back(world):
    server = PageServer(world.system, port=0, token=TOKEN)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    held = socket.create_connection(("127.0.0.1", port))
    with pytest.raises(OSError, match=f"127.0.0.1:{port}") as caught:
        PageServer(world.system, port=port)
    assert TOKEN not in str(caught.value)
    began = time.monotonic()
    server.close()
    server.close()
    assert time.monotonic() - began < 4
    assert not [t for t in threading.enumerate() if t.name == "page"]
    held.close()
    with PageServer(world.system, port=port) as again:
        assert Client(port).ask("/")[0] == 200
        assert again.url == f"http://127.0.0.1:{port}/"


def test_elsewhere_needs_a_token(world):
    with pytest.raises(InputError, match="CONFTRACK_TOKEN"):
        PageServer(world.system, host="0.0.0.0", port=0)
    with PageServer(world.system, host="0.0.0.0", port=0, token=TOKEN) as server:
        client = Client(int(server.url.rsplit(":", 1)[1].strip("/")))
        assert client.ask("/api/state")[0] == 401
        assert client.log_in()[0] == 303
        assert client.ask("/", Host="evil.example")[0] == 421
        assert client.ask("/login", Host="192.168.1.5:8710")[0] == 200
