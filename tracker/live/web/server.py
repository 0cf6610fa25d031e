"""The page while the system runs, gone when it is closed.

In come a running system, where to listen and a token; it answers until `close`. What browsers do,
or fail to do, reaches the cameras and the detector nowhere: they are asked for copies only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.web.server import WebServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tracker.live.system import LiveSystem
    from tracker.web.access import Access

__all__ = ["PORT", "PageServer"]

PORT = 8710


class PageServer(WebServer):
    """Serves the page until it is closed.

    Args:
        system: What is shown.
        host: Where to listen; others than this machine need a token.
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
        system: LiveSystem,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        token: str | None = None,
    ) -> None:
        """Listen, and answer from a thread."""

        def made(access: Access, cookie: str) -> ASGIApp:
            from tracker.live.web.answers import Answers
            from tracker.live.web.app import application

            return application(Answers(system, log_out=access.needs_token), access, cookie=cookie)

        super().__init__(made, host=host, port=port, token=token)
