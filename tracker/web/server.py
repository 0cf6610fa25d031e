"""A page served from a thread of its own, gone when it is closed.

In come what answers, where to listen and a token; it answers until `close`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracker.errors import MissingExtraError
from tracker.files import Closing
from tracker.web.access import Access

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["WebServer"]

# More connections than this get a short refusal.
_MOST_CONNECTIONS = 128
_CLOSE_S = 5.0


class WebServer(Closing):
    """Serves until it is closed.

    Args:
        application: Given who may see it and the name of the cookie, what answers requests.
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
        application: Callable[[Access, str], ASGIApp],
        *,
        host: str,
        port: int,
        token: str | None,
    ) -> None:
        """Listen, and answer from a thread."""
        access = Access(token, host=host)
        uvicorn = _import_uvicorn()
        self._socket = _listening(host.strip("[]"), port)
        port = int(self._socket.getsockname()[1])
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host).strip("[]")
        self.url = f"http://{f'[{near}]' if ':' in near else near}:{port}/"
        # Other servers on the same host need other cookies.
        app = application(access, f"conftrack_{port}")
        # Nothing is logged of requests; errors are told by the guard.
        self._server: Any = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, log_level="critical", access_log=False, lifespan="off",
                ws="none", http="h11", loop="asyncio", server_header=False, proxy_headers=False,
                limit_concurrency=_MOST_CONNECTIONS, timeout_keep_alive=5,
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering; may be called twice."""
        self._server.should_exit = True
        self._thread.join(_CLOSE_S)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(SystemExit):
            self._server.run(sockets=[self._socket])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=64)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None


def _import_uvicorn() -> Any:
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", "web") from error
    return uvicorn
