"""Events to a web address: one POST each, JSON, again until it is taken.

In comes an address that may hold user, password or a token, none of which is ever shown. An answer
of 2xx has taken the event; one that says the event itself is wrong loses that event only; all else
(no answer, 5xx, "too many", "not allowed") is tried again. The same event may arrive twice when an
answer got lost: `id`, also sent as `Idempotency-Key`, tells.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from tracker.errors import InputError, told
from tracker.live.clocks import Clock
from tracker.live.events import Event
from tracker.live.outlets.base import Outlet, Rejected
from tracker.live.settings import OutletSettings
from tracker.video.redact import redact

__all__ = ["Webhook"]

# Bad request, too large, a type or content that is not understood: the event is at fault.
_AT_FAULT = (400, 413, 415, 422)


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the event: it is an error instead."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Webhook(Outlet[Event]):
    """Events POSTed to an address.

    Args:
        url: `http://` or `https://`; user and password in it are sent as basic authentication.
        settings: Queue, waits and the limit for one POST.
        clock: What it waits with.

    Raises:
        InputError: Not such an address.
    """

    def __init__(self, url: str, settings: OutletSettings, *, clock: Clock | None = None) -> None:
        """Take the address apart; nothing is sent yet."""
        super().__init__("webhook", settings, clock=clock)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"a webhook is an address http://… or https://…, got {redact(url)!r}")
        self._shown, self._secret = redact(url), url
        self._headers = {"Content-Type": "application/json", "User-Agent": "conftrack"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            code = base64.b64encode(pair.encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {code}"
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        self._opener = urllib.request.build_opener(_NoDetours)

    def _deliver(self, item: Event) -> None:
        event = item.to_dict()
        request = urllib.request.Request(
            self._url,
            json.dumps(event).encode("utf-8"),
            self._headers | {"Idempotency-Key": str(event["id"])},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=self._settings.timeout_s) as answer:
                answer.read(65536)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _AT_FAULT:
                raise Rejected(f"{self._shown} answered {error.code}") from None
            raise ConnectionError(f"{self._shown} answered {error.code}") from None
        except urllib.error.URLError as error:
            reason = getattr(error.reason, "strerror", None) or str(error.reason)
            raise ConnectionError(f"{self._shown}: {reason}") from None
        except http.client.HTTPException as error:
            raise ConnectionError(f"{self._shown}: {type(error).__name__}") from None

    def _said(self, error: Exception) -> str:
        return told(error).replace(self._secret, self._shown).replace(self._url, self._shown)
