"""What stands before every answer: is the request meant for us, may its sender see anything.

In comes each request before the page's own code; out goes a refusal, or the answer with headers
that forbid frames, foreign scripts, guessing of types and keeping copies. Here and nowhere else,
so that no address can be forgotten.
"""

from __future__ import annotations

import logging
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracker.errors import told
from tracker.web.access import Access

__all__ = ["HEADERS", "Guard", "failed", "session_of"]

_log = logging.getLogger("conftrack.web")

# What anybody may have: without it nobody could log in.
OPEN = frozenset({"/login", "/static/base.css", "/static/icon.svg"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
        " media-src 'self' blob:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses, or passes on.

    Args:
        app: What answers.
        access: Who may see it.
        cookie: Name of the cookie.
    """

    def __init__(self, app: ASGIApp, access: Access, cookie: str) -> None:
        """Stand before `app`."""
        self._app, self._access, self._cookie = app, access, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(scope) or self._app
        try:
            await answer(scope, receive, send_guarded)
        except Exception as error:
            if begun:  # Told and answered by `failed`; Starlette raises it again for its servers.
                return
            await failed(scope["path"], error)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why not, None for what is allowed."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        host = headers.get("host", "")
        if not self._access.is_ours(host):
            return _refused(421, "this server does not go by that name; use its address")
        reads = method in ("GET", "HEAD")
        if not reads and method != "POST":
            return _refused(405, "there is nothing to change here")
        visits = reads and path in ("/", "/login") and headers.get("sec-fetch-dest") == "document"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not visits:
            return _refused(403, "not from another site")
        # Browsers say "null" for forms of a page that sends no referrer, as ours.
        origin = headers.get("origin", "null")
        if origin != "null" and urlsplit(origin).netloc.lower() != host.lower():
            return _refused(403, "not from another site")
        if path in OPEN or self._access.may_see(session_of(headers, self._cookie)):
            return None
        if path == "/" and reads:
            return RedirectResponse("/login", 303)
        return _refused(401, "log in first")


def failed(path: str, error: Exception) -> Response:
    """The answer to a request that the page failed at, and a line in the log for the operator."""
    _log.warning("the page failed at %s: %s", path, told(error))
    return JSONResponse({"error": "this failed"}, 500)


def session_of(headers: Headers, cookie: str) -> str | None:
    """The session in the cookies of a request, None without one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(cookie)
    except CookieError:
        return None
    return None if found is None else found.value


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)
