"""The review page's server, asked by a client that does what browsers do not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.review.stage import Stage, write_stage
from tests.web.client import TOKEN, Client
from tracker.errors import InputError
from tracker.review.answers import read_answers

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("cv2")
pytest.importorskip("av")

from tracker.review.web.server import ReviewServer
from tracker.web.guard import HEADERS

OPEN = ("/login", "/static/base.css", "/static/icon.svg")
INSIDE = (
    "/", "/static/page.css", "/static/page.js", "/static/plot.js", "/static/server.js",
    "/api/review", "/api/agreement", "/api/tracks/3", "/api/tracks/3/clip.mp4",
    "/api/tracks/3/crops.jpg", "/api/tracks/3/still.jpg", "/api/tracks/3/place.jpg",
)  # fmt: skip
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_stage(tmp_path_factory.mktemp("runs") / "street")
    with Stage(folder).cutter as cutter:
        assert cutter.join(30)
    return folder


@pytest.fixture
def stage(written: Path) -> Iterator[Stage]:
    (written / "answers.jsonl").unlink(missing_ok=True)
    stage = Stage(written)
    with stage.cutter:
        yield stage


def client_of(server: ReviewServer) -> Any:
    return Client(int(server.url.rsplit(":", 1)[1].strip("/")))


@pytest.fixture
def served(stage: Stage) -> Iterator[Any]:
    with ReviewServer(stage.review, port=0) as server:
        yield client_of(server)


def body(stage: Stage, **more: object) -> bytes:
    plain = {"track": 3, "answer": "yes", "class": "person", "reviewer": "anna", "seconds": 1.5,
             "run": stage.key, "after": 0}  # fmt: skip
    return json.dumps(plain | more).encode()


def test_without_the_token_nothing_is_shown_and_nothing_taken(stage: Stage) -> None:
    with ReviewServer(stage.review, port=0, token=TOKEN) as server:
        client = client_of(server)
        for path in OPEN:
            assert client.ask(path)[0] == 200
        for path in INSIDE[1:]:
            assert client.ask(path)[0] == 401, path
        assert client.ask("/")[0] == 303
        assert client.ask("/api/answers", "POST", body=body(stage), **JSON)[0] == 401
        assert stage.review.answers() == []
        assert client.log_in("not the token")[0] == 401
        status, cookie, _ = client.log_in()
        pair = cookie.split(";")[0]
        assert status == 303
        for path in INSIDE:
            assert client.ask(path, cookie=pair)[0] == 200, path
        assert client.ask("/api/answers", "POST", body=body(stage), cookie=pair, **JSON)[0] == 200
        assert len(stage.review.answers()) == 1
        assert all(TOKEN.encode() not in data for _, data in client.told)


def test_elsewhere_needs_a_token_and_a_name(stage: Stage) -> None:
    with pytest.raises(InputError, match="--token"):
        ReviewServer(stage.review, host="0.0.0.0", port=0)
    with ReviewServer(stage.review, host="0.0.0.0", port=0, token=TOKEN) as server:
        client = client_of(server)
        pair = client.log_in()[1].split(";")[0]
        assert client.json("/api/review", cookie=pair)["ask_name"] is True
    with ReviewServer(stage.review, port=0) as server:
        assert client_of(server).json("/api/review")["ask_name"] is False


def test_every_answer_forbids_frames_and_foreign_scripts(served: Any) -> None:
    for path in (*OPEN, *INSIDE, "/nothing", "/api/tracks/99", "/api/tracks/x"):
        headers = served.ask(path)[1]
        for name, value in HEADERS.items():
            assert headers[name.lower()] == value, (path, name)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_an_answer_is_saved_when_the_server_says_so(served: Any, stage: Stage) -> None:
    status, _, data = served.ask("/api/answers", "POST", body=body(stage), **JSON)
    assert status == 200
    assert json.loads(data)["answered"] == 1
    (one,) = read_answers(stage.log.path)
    assert (one.track, one.answer, one.class_name, one.reviewer) == (3, "yes", "person", "anna")
    state = served.json("/api/review?reviewer=anna")
    assert state["progress"]["lines"] == 1
    assert served.json("/api/review?reviewer=J%C3%B6rg%20%F0%9F%A6%8A")["reviewer"] == "Jörg 🦊"


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"[" * 3000, JSON, 400),
        (b"[]", JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b'{"track": 3}', JSON, 400),
        (b"x" * 5000, JSON, 413),
        ({"track": "3"}, JSON, 400),
        ({"track": 3.5}, JSON, 400),
        ({"track": True}, JSON, 400),
        ({"track": 99}, JSON, 400),
        ({"answer": "maybe"}, JSON, 400),
        ({"class": "tree"}, JSON, 400),
        ({"reviewer": ""}, JSON, 400),
        ({"seconds": -1}, JSON, 400),
        ({"seconds": float("nan")}, JSON, 200),  # no clock of a browser is worth an answer
        ({"more": 1}, JSON, 400),
        ({"after": 5}, JSON, 409),
        ({"run": "0" * 16}, JSON, 409),
        ({"answer": "undo"}, JSON, 409),
        ({}, {}, 415),
        ({}, {"Content_Type": "text/plain"}, 415),
        ({}, JSON | {"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, JSON | {"Origin": "http://evil.example"}, 403),
        ({}, JSON | {"Host": "evil.example"}, 421),
    ],
)
def test_what_is_no_answer_of_the_page_is_not_saved(
    served: Any, stage: Stage, data: Any, headers: dict[str, str], status: int
) -> None:
    sent = data if isinstance(data, bytes) else body(stage, **data)
    assert served.ask("/api/answers", "POST", body=sent, **headers)[0] == status
    assert len(stage.review.answers()) == (status == 200)


def test_only_answers_change_something(served: Any) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert served.ask("/api/answers", method)[0] == 405
    assert served.ask("/api/review", "POST", body=b"{}", **JSON)[0] == 405
    assert served.ask("/api/answers")[0] == 405


@pytest.mark.parametrize(
    "path",
    ["/api/tracks/99", "/api/tracks/99/clip.mp4", "/api/tracks/3/made.json", "/api/tracks/3/clip",
     "/api/tracks/3/..%2f..%2fanswers.jsonl", "/static/..%2fserver.py", "/static/index.html",
     "/static/login.html", "/api/tracks/-1", "/api/tracks/x"],
)  # fmt: skip
def test_odd_addresses_lead_nowhere(served: Any, path: str) -> None:
    assert served.ask(path)[0] in (404, 422)


def test_a_name_that_is_none_is_told(served: Any) -> None:
    status, _, data = served.ask("/api/review?reviewer=%00")
    assert status == 400
    assert "name" in json.loads(data)["error"]


def test_a_disk_that_fails_is_told(
    served: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(answer: object) -> None:
        raise OSError(28, "No space left on device", str(stage.log.path))

    with monkeypatch.context() as patch:
        patch.setattr(stage.log, "append", full)
        status, _, data = served.ask("/api/answers", "POST", body=body(stage), **JSON)
    assert status == 503
    assert json.loads(data) == {"error": "it could not be saved: No space left on device"}
    assert served.ask("/api/answers", "POST", body=body(stage), **JSON)[0] == 200


def test_a_file_of_answers_that_somebody_broke_is_told(served: Any, stage: Stage) -> None:
    stage.say(3, "yes")
    with stage.log.path.open("a") as file:
        file.write("rubbish\n")
    status, _, data = served.ask("/api/agreement")
    assert (status, "line 2" in json.loads(data)["error"]) == (503, True)


def test_a_clip_that_is_gone_is_not_there(served: Any, stage: Stage) -> None:
    clip = stage.folder / "review" / "clips" / "3.mp4"
    data = clip.read_bytes()
    clip.unlink()
    try:
        assert served.ask("/api/tracks/3/clip.mp4")[0] == 404
    finally:
        clip.write_bytes(data)


def test_many_reviewers_at_once_lose_nothing(stage: Stage) -> None:
    with ReviewServer(stage.review, port=0) as server:

        def answer(name: str) -> None:
            mine = client_of(server)
            for after, number in enumerate(stage.ids):
                sent = body(stage, track=number, reviewer=name, after=after)
                assert mine.ask("/api/answers", "POST", body=sent, **JSON)[0] == 200

        threads = [threading.Thread(target=answer, args=(f"r{k}",)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = client_of(server).json("/api/agreement")
    assert got["reviewers"] == [{"name": f"r{k}", "answered": 4} for k in range(6)]
    assert (got["share"], got["kappa"]) == (1.0, None)
    assert len(read_answers(stage.log.path)) == 6 * len(stage.ids)
