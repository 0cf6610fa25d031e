"""The page while the system runs: a server in a thread of its own, gone when it is closed.

In come a running system, where to listen and a token; it answers until `close`. What browsers do,
or fail to do, reaches the cameras and the detector nowhere: they are asked for copies only.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from tracker.errors import MissingExtraError
from tracker.files import Closing
from tracker.live.web.access import Access

if TYPE_CHECKING:
    from tracker.live.system import LiveSystem

__all__ = ["PORT", "PageServer"]

PORT = 8710
# More connections than this get a short refusal.
_MOST_CONNECTIONS = 128
_CLOSE_S = 5.0


class PageServer(Closing):
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
        access = Access(token, host=host)
        uvicorn = _import_uvicorn()
        from tracker.live.web.answers import Answers
        from tracker.live.web.app import application

        self._socket = _listening(host.strip("[]"), port)
        port = int(self._socket.getsockname()[1])
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host).strip("[]")
        self.url = f"http://{f'[{near}]' if ':' in near else near}:{port}/"
        app = application(
            Answers(system, log_out=access.needs_token), access, cookie=f"conftrack_{port}"
        )
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
