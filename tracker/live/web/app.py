"""The addresses of the page, as a FastAPI application behind its guard.

In come requests; out go the page's own files, JSON and JPEGs. Everything reads but logging in and
out. Importing this module needs the extra `web`.
"""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from tracker.live.web.access import Access, TooManyError
from tracker.live.web.answers import Answers
from tracker.live.web.guard import Guard, failed, session_of

__all__ = ["application"]

_KINDS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_HTML, _JSON, _JPEG = "text/html; charset=utf-8", "application/json", "image/jpeg"
_MOST_FORM = 4096
_SESSION_S = 7 * 86_400


def application(answers: Answers, access: Access, *, cookie: str = "conftrack") -> ASGIApp:
    """What answers requests.

    Args:
        answers: What is told.
        access: To whom.
        cookie: Name of the cookie; other servers on the same host need other ones.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Here and not in the guard alone: what failed is in the log before its sender has the answer.
    app.add_exception_handler(Exception, lambda request, error: failed(request.url.path, error))
    folder = files("tracker.live.web").joinpath("static")
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8")
             for name in (*_KINDS, "index.html", "login.html")}  # fmt: skip

    @app.get("/")
    def page() -> Response:
        return Response(texts["index.html"], media_type=_HTML)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _KINDS:
            return Response(status_code=404)
        return Response(texts[name], media_type=_KINDS[name])

    @app.get("/login")
    def form() -> Response:
        return _form()

    def _form(status: int = 200, says: str = "") -> Response:
        text = texts["login.html"].replace("<!-- says -->", says)
        return Response(text, status, media_type=_HTML)

    @app.post("/login")
    async def log_in(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_FORM:
                return _form(413, "That is too long for a token.")
        given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("token", [""])[0]
        client = "" if request.client is None else request.client.host
        try:
            session = access.log_in(given, client)
        except TooManyError as error:
            answer = _form(429, f"Too many wrong tokens: try again in {error.wait_s:.0f} s.")
            answer.headers["Retry-After"] = f"{error.wait_s:.0f}"
            return answer
        if session is None:
            return _form(401, "This is not the token.")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            cookie, session, max_age=_SESSION_S, path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @app.post("/logout")
    def log_out(request: Request) -> Response:
        access.log_out(session_of(request.headers, cookie))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(cookie, path="/", httponly=True, samesite="strict")
        return answer

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
        tag, jpeg = found
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(jpeg, media_type=_JPEG, headers={"ETag": tag})

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
