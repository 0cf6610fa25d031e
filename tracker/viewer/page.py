"""The viewer's page for a browser, shut in: it may talk to this machine and to nothing else.

In come requests of a browser on this machine; out go the files of Rerun's own web server with one
header more. Rerun's page reports its use to its makers, asks GitHub for releases and loads fonts;
the header (Content Security Policy, level 2) forbids the browser all addresses but ours.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tracker.files import Closing

__all__ = ["Page", "policy"]

_LIMIT_S = 30.0
_COPIED = ("Content-Type", "Content-Encoding")


def policy(log_address: str) -> str:
    """What the page may do: run its own code, and talk to where it came from and to the log.

    Args:
        log_address: Of the log, `rerun+http://HOST:PORT/proxy`.

    Example:
        >>> policy("rerun+http://127.0.0.1:9876/proxy").split("; ")[-1]
        "connect-src 'self' http://127.0.0.1:9876 data: blob:"
    """
    host = urllib.parse.urlsplit(log_address).netloc
    code = "'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'"
    return (
        f"default-src 'self' {code} data: blob:; form-action 'none'; "
        f"connect-src 'self' http://{host} data: blob:"
    )


class Page(Closing):
    """Serves the page in a thread of its own.

    Args:
        upstream: Address of Rerun's web server.
        log_address: What the page shows, see `policy`.
        port: On the loopback address.

    Attributes:
        address: Of the page.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, upstream: str, log_address: str, *, port: int) -> None:
        """Begin to serve."""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.upstream, self._server.policy = upstream, policy(log_address)
        self._server.start = "/?url=" + urllib.parse.quote(log_address, safe="")
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="conftrack-page", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Serve no more; may be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    upstream: str
    policy: str
    start: str
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Hand on a file; the plain address leads to the recording."""
        if self.path == "/":
            self.send_response(302)
            self.send_header("Location", self.server.start)
            self.end_headers()
            return
        # No proxy: the environment may name one for the world outside.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(self.server.upstream + self.path)
        try:
            with opener.open(request, timeout=_LIMIT_S) as answer:
                body, headers = answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            error.close()
            self.send_error(error.code)
            return
        except OSError:
            self.send_error(502)
            return
        self.send_response(200)
        for name in _COPIED:
            if headers[name]:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
