"""The addresses of the page, as a FastAPI application behind its guard.

In come requests; out go the page's own files, JSON and JPEGs. Everything reads but logging in and
out. Importing this module needs the extra `web`.
"""

from __future__ import annotations

from importlib.resources import files

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from tracker.live.web.answers import Answers
from tracker.web.access import Access
from tracker.web.doors import page_with_doors
from tracker.web.guard import Guard

__all__ = ["application"]

_JSON, _JPEG = "application/json", "image/jpeg"


def application(answers: Answers, access: Access, *, cookie: str = "conftrack") -> ASGIApp:
    """What answers requests.

    Args:
        answers: What is told.
        access: To whom.
        cookie: Name of the cookie; other servers on the same host need other ones.
    """
    folder = files("tracker.live.web").joinpath("static")
    app = page_with_doors(
        access, folder, ("page.css", "page.js"), cookie=cookie, enter="Show the cameras"
    )

    @app.get("/api/state")
    def state() -> Response:
        return Response(answers.state(), media_type=_JSON)

    @app.get("/api/what-if")
    def what_if() -> Response:
        return Response(answers.what_if(), media_type=_JSON)

    @app.get("/api/cameras/{number}/picture.jpg")
    def picture(number: int, request: Request) -> Response:
        found = answers.picture(number)
        if found is None:
            return Response(status_code=404)
        tag, jpeg, age_s = found
        headers = {"ETag": tag} | ({} if age_s is None else {"Picture-Age": f"{age_s:.3f}"})
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(jpeg, media_type=_JPEG, headers=headers)

    @app.get("/api/cameras/{number}/tracks/{track_id}")
    def track(number: int, track_id: int) -> Response:
        found = answers.track(number, track_id)
        if found is None:
            return Response(status_code=404)
        return Response(found, media_type=_JSON)

    @app.get("/api/cameras/{number}/tracks/{track_id}/crop.jpg")
    def crop(number: int, track_id: int, now: bool = False) -> Response:
        found = answers.crop(number, track_id, now=now)
        if found is None:
            return Response(status_code=404)
        return Response(found, media_type=_JPEG)

    return Guard(app, access, cookie)
