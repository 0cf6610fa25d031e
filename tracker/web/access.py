"""Who may see the page: a token typed in once, then a cookie that means nothing elsewhere.

In come tokens, cookies and names of hosts as browsers send them; out goes whether they are right.
The token is compared in constant time and is never part of an answer; who guesses is slowed down.
Without a token everybody who reaches the page may see it: for the machine itself only.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable

from tracker.errors import InputError

__all__ = ["Access", "TooManyError", "is_loopback"]

_LEAST_TOKEN = 12
_SESSION_S = 7 * 86_400.0
_MOST_SESSIONS = 200
# So many wrong tokens in so many seconds, then the client waits.
_FAILURES, _FAILURES_S = 5, 60.0
_MOST_CLIENTS = 2000


class TooManyError(Exception):
    """A client has been wrong too often; `wait_s` is how long it must wait."""

    def __init__(self, wait_s: float) -> None:
        """Say how long."""
        super().__init__(f"too many wrong tokens: wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Access:
    """Tokens, sessions and names of hosts.

    Args:
        token: What must be typed in; None lets everybody in.
        host: Name or address that is served at.
        now: The clock of waits and sessions, s.

    Raises:
        InputError: The token is too short, or missing where others than this machine can connect.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        host: str = "127.0.0.1",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know the token, let nobody in yet."""
        if token is not None and len(token.strip()) < _LEAST_TOKEN:
            raise InputError(
                f"a token has at least {_LEAST_TOKEN} characters; python -c 'import secrets;"
                " print(secrets.token_urlsafe())' makes one"
            )
        if token is None and not is_loopback(host):
            raise InputError(
                f"everybody who reaches {host} would see the page: give a --token, best as"
                " CONFTRACK_TOKEN in the environment"
            )
        self._token = None if token is None else _digest(token.strip())
        self._now = now
        own = socket.gethostname().lower()
        self._names = {"localhost", own, own.partition(".")[0] + ".local", host.strip("[]").lower()}
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    @property
    def needs_token(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    def log_in(self, token: str, client: str) -> str | None:
        """A new session for who knows the token, None for who does not.

        Args:
            token: As typed in.
            client: Address of who typed it.

        Raises:
            TooManyError: The client was wrong too often; the token was not looked at.
        """
        who, now = _group(client), self._now()
        failures = [at for at in self._failures.pop(who, []) if at > now - _FAILURES_S]
        if failures:
            self._failures[who] = failures
        if len(failures) >= _FAILURES:
            raise TooManyError(max(1.0, failures[0] + _FAILURES_S - now))
        given = _digest(token.strip())
        if self._token is None or not hmac.compare_digest(given, self._token):
            self._failures[who] = [*failures, now]
            while len(self._failures) > _MOST_CLIENTS:
                self._failures.popitem(last=False)
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = now + _SESSION_S
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def may_see(self, session: str | None) -> bool:
        """Whether who has this cookie may see the page."""
        if self._token is None:
            return True
        # Found by its digest: how long that takes says nothing about the session itself.
        ends = self._sessions.get(_digest(session or ""))
        return ends is not None and self._now() < ends

    def log_out(self, session: str | None) -> None:
        """Forget a session."""
        self._sessions.pop(_digest(session or ""), None)

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` header names this server.

        A page of somebody else whose name suddenly leads here (DNS rebinding) has a name of its
        own; addresses in numbers cannot be led anywhere.
        """
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdecimal():
            name = host
        name = name.strip("[]").rstrip(".").lower()
        return name in self._names or _address(name) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine itself reaches what is served at a host.

    Example:
        >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "")]
        [True, True, True, False, False]
    """
    address = _address(host.strip("[]"))
    return host == "localhost" if address is None else address.is_loopback


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _group(client: str) -> str:
    """One name for all addresses that one client has: of IPv6, its network."""
    address = _address(client)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client
