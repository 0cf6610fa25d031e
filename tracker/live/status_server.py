"""`/metrics`, `/healthz` and `/readyz` over HTTP, for this machine unless told otherwise.

In comes a running system; out go its measures as text and its health as JSON. `/healthz` says
whether the process does its work: only starting it again would help if not, so that a camera that
is down does not make it unhealthy. `/readyz` says whether every camera is well.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tracker.errors import InputError
from tracker.files import Closing
from tracker.live.metrics import exposition

__all__ = ["StatusServer", "address_of"]

_LOOPBACK = "127.0.0.1"


class HasHealth(Protocol):
    """What is served; `LiveSystem` is one."""

    def health(self) -> dict[str, Any]:
        """How everything is."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; remembers and logs nothing."""

    server: _Server
    server_version, sys_version = "conftrack", ""
    # A client that sends nothing does not hold a thread for ever.
    timeout = 10

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        kind = "application/json"
        if path == "/metrics":
            status, kind = 200, "text/plain; version=0.0.4; charset=utf-8"
            text = exposition(self.server.system.health())
        elif path in ("/healthz", "/readyz"):
            health = self.server.system.health()
            good = health["alive"] and (path == "/healthz" or health["well"])
            status, text = (200 if good else 503), json.dumps(health) + "\n"
        else:
            status, text = 404, '{"error": "there are /metrics, /healthz and /readyz"}\n'
        data = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], system: HasHealth) -> None:
        super().__init__(address, _Handler)
        self.system = system

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class StatusServer(Closing):
    """Serves until it is closed.

    Args:
        system: What is asked.
        address: Where, see `address_of`; port 0 takes a free one.

    Attributes:
        address: Host and port it listens at.

    Raises:
        OSError: The port is taken, or not allowed.
    """

    def __init__(self, system: HasHealth, address: tuple[str, int]) -> None:
        """Listen, and answer from a thread."""
        try:
            self._server = _Server(address, system)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{address[0]}:{address[1]}") from None
        host, port = self._server.server_address[:2]
        self.address = str(host), int(port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="status", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; may be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address_of(text: str) -> tuple[str, int]:
    """Read `[HOST:]PORT`; without a host it is this machine only.

    Raises:
        InputError: Not such an address.

    Example:
        >>> address_of("9109"), address_of("0.0.0.0:9109")
        (('127.0.0.1', 9109), ('0.0.0.0', 9109))
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise InputError(f"an address to serve at is PORT or HOST:PORT, got {text!r}")
    return host.strip("[]") or _LOOPBACK, int(port)
