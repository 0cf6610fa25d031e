"""The addresses that every page has: itself, its files, logging in and out.

In come a FastAPI application, who may see it and a folder of files; the application has the
addresses then. Importing this module needs the extra `web`.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from tracker.web.access import Access, TooManyError
from tracker.web.guard import failed, session_of

__all__ = ["page_with_doors"]

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HTML = "text/html; charset=utf-8"
_SHARED = ("base.css", "icon.svg", "login.html")
_MOST_FORM = 4096
_SESSION_S = 7 * 86_400


def page_with_doors(
    access: Access, folder: Traversable, names: tuple[str, ...], *, cookie: str, enter: str
) -> FastAPI:
    """An application with a page, its files, and the way in and out.

    Args:
        access: Who may see it.
        folder: Holds `index.html` and the files.
        names: The files that the page asks for.
        cookie: Name of the cookie.
        enter: What the button says that leads in.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Here and not in the guard alone: what failed is in the log before its sender has the answer.
    app.add_exception_handler(Exception, lambda request, error: failed(request.url.path, error))
    shared = files("tracker.web").joinpath("static")
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8")
             for name in (*names, "index.html")}  # fmt: skip
    texts |= {name: shared.joinpath(name).read_text(encoding="utf-8") for name in _SHARED}
    login = texts.pop("login.html").replace("<!-- enter -->", escape(enter))
    index = texts.pop("index.html")

    @app.get("/")
    def page() -> Response:
        return Response(index, media_type=_HTML)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in texts:
            return Response(status_code=404)
        return Response(texts[name], media_type=_KINDS[name[name.rindex(".") :]])

    @app.get("/login")
    def form() -> Response:
        return _form()

    def _form(status: int = 200, says: str = "") -> Response:
        return Response(login.replace("<!-- says -->", says), status, media_type=_HTML)

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

    return app
