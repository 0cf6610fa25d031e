"""The addresses of the review page, as a FastAPI application behind its guard.

In come requests; out go the page's own files, JSON, pictures and clips. One address changes
something: it takes answers, as JSON only, which no form of another site can send. Importing this
module needs the extra `web`.
"""

from __future__ import annotations

import json
import logging
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from tracker.errors import InputError, told
from tracker.review.session import ConflictError, Review
from tracker.web.access import Access
from tracker.web.doors import page_with_doors
from tracker.web.guard import Guard

__all__ = ["application"]

_log = logging.getLogger("conftrack.review")

_JSON = "application/json"
_FILES = ("page.css", "page.js", "plot.js", "server.js")
_KINDS = {
    "clip.mp4": "video/mp4",
    "crops.jpg": "image/jpeg",
    "still.jpg": "image/jpeg",
    "place.jpg": "image/jpeg",
}
_MOST_BODY = 4096


def application(
    review: Review, access: Access, *, ask_name: bool = False, cookie: str = "conftrack"
) -> ASGIApp:
    """What answers requests.

    Args:
        review: What is asked, and who takes answers.
        access: Who may answer.
        ask_name: Whether each browser asks for a name; else it is that of `review.reviewer`.
        cookie: Name of the cookie; other servers on the same host need other ones.
    """
    folder = files("tracker.review.web").joinpath("static")
    app = page_with_doors(access, folder, _FILES, cookie=cookie, enter="Begin to review")

    @app.get("/api/review")
    def state(reviewer: str = "") -> Response:
        try:
            found = review.state(reviewer or review.reviewer)
        except InputError as error:
            return _json({"error": str(error)}, 400)
        return _json(found | {"ask_name": ask_name, "log_out": access.needs_token})

    @app.get("/api/agreement")
    def agreement() -> Response:
        try:
            return _json(review.agreement())
        except InputError as error:  # somebody broke the file of answers
            return _json({"error": str(error)}, 503)

    @app.get("/api/tracks/{number}")
    def track(number: int) -> Response:
        found = review.track(number)
        return Response(status_code=404) if found is None else _json(found)

    @app.get("/api/tracks/{number}/{name}")
    def picture(number: int, name: str) -> Response:
        path = review.file(number, name.partition(".")[0]) if name in _KINDS else None
        try:
            data = None if path is None else path.read_bytes()
        except FileNotFoundError:  # somebody tidied up
            data = None
        return (
            Response(status_code=404) if data is None else Response(data, media_type=_KINDS[name])
        )

    @app.post("/api/answers")
    async def answer(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return _json({"error": "answers are JSON"}, 415)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BODY:
                return _json({"error": "that is too long for an answer"}, 413)
        # The disk may be slow: others are answered meanwhile.
        return await run_in_threadpool(_answered, review, body)

    return Guard(app, access, cookie)


def _answered(review: Review, body: bytes) -> Response:
    """Save one answer."""
    try:
        given = _given(body)
        return _json(review.answer(given.pop("track"), given.pop("answer"), **given))
    except ConflictError as error:
        return _json({"error": str(error)}, 409)
    except InputError as error:
        return _json({"error": str(error)}, 400)
    except OSError as error:
        _log.warning("an answer could not be saved: %s", told(error))
        return _json(
            {"error": f"it could not be saved: {error.strerror or 'the disk failed'}"}, 503
        )


def _given(body: bytes) -> dict[str, Any]:
    """What a browser sent, by the names of `Review.answer`.

    Raises:
        InputError: It is not what the page sends.
    """
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("not JSON") from None
    kinds = {"track": int, "answer": str, "class": str | None, "reviewer": str,
             "seconds": int | float, "run": str, "after": int}  # fmt: skip
    if not isinstance(plain, dict) or plain.keys() != kinds.keys():
        raise InputError(f"an answer has {', '.join(kinds)}")
    for key, kind in kinds.items():
        if not isinstance(plain[key], kind) or isinstance(plain[key], bool):
            raise InputError(f"{key} is of another type")
    if plain["seconds"] < 0:
        raise InputError("seconds must be 0 or more")
    plain["class_name"] = plain.pop("class")
    return plain


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), status, media_type=_JSON)
