"""The review page while people answer, gone when it is closed.

In come a review, where to listen and a token; it answers until `close`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.web.access import is_loopback
from tracker.web.server import WebServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tracker.review.session import Review
    from tracker.web.access import Access

__all__ = ["PORT", "ReviewServer"]

PORT = 8711


class ReviewServer(WebServer):
    """Serves the page until it is closed.

    Args:
        review: What is asked.
        host: Where to listen; others than this machine need a token, and each browser asks for the
            name of who sits there.
        port: 0 takes a free one.
        token: What must be typed in to see anything.

    Attributes:
        url: Where the page is, for who sits at this machine.

    Raises:
        InputError: A token is missing or too short.
        MissingExtraError: FastAPI or uvicorn is not installed.
        OSError: The port is taken, the host unknown, or not allowed.
    """

    def __init__(
        self,
        review: Review,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        token: str | None = None,
    ) -> None:
        """Listen, and answer from a thread."""

        def made(access: Access, cookie: str) -> ASGIApp:
            from tracker.review.web.app import application

            return application(review, access, ask_name=not is_loopback(host), cookie=cookie)

        super().__init__(made, host=host, port=port, token=token)
