"""Takes the secrets out of addresses, so that names, errors and logs can be shown to anyone.

Cameras are addressed with user and password in the URL, with a token in the query, or (some
makers) with `user=…_password=…` in the path. Too much hidden is harmless, too little is not:
all of the user part, every value of the query and the fragment go.
"""

from __future__ import annotations

import re

__all__ = ["SecretUrl", "is_url", "redact"]

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]+://")
_SECRET_IN_PATH = re.compile(
    r"(?i)(\b|_)((?:user|usr|login|pass|pwd|token|key|auth|secret|sig|sid|session)\w*?)=.*?"
    r"(?=_[A-Za-z]+=|[&;/]|$)"
)


def is_url(spec: str) -> bool:
    """Tell whether it starts like an address: `scheme://`.

    Example:
        >>> is_url("rtsp://camera/1"), is_url("C:/videos/a.mp4")
        (True, False)
    """
    return _SCHEME.match(spec) is not None


def redact(url: str) -> str:
    """Replace everything in an address that may be secret by `***`.

    Text that is no address comes back as it is.

    Example:
        >>> redact("rtsp://admin:pw%40x@10.0.0.5:554/live?token=abc&channel=1")
        'rtsp://***@10.0.0.5:554/live?token=***&channel=***'
    """
    match = _SCHEME.match(url)
    if match is None:
        return url
    scheme, rest = match.group(), url[match.end() :]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    # No port has letters: then it is a password with an unescaped "/", "?" or "#".
    torn = re.search(r":(?!\d*$)[^\]]*$", host) is not None
    if torn and "@" not in rest:
        return scheme + "***"
    path_end = len(rest) if torn else len(re.split(r"[?#]", rest, maxsplit=1)[0])
    at = rest.rfind("@", 0, path_end)
    user, rest = ("***@", rest[at + 1 :]) if at >= 0 else ("", rest)
    path, question, query = rest.split("#", 1)[0].partition("?")
    path = _SECRET_IN_PATH.sub(r"\1\2=***", path)
    # An "@" behind the "?" may be the end of a password too.
    query = "***" if query and "@" in query else _redact_query(query)
    return f"{scheme}{user}{path}{question}{query}"


def _redact_query(query: str) -> str:
    """Hide every value of a query; a part without "=" is a value."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}=***" if equals else "***" for name, equals, _ in parts)


class SecretUrl:
    """An address that shows itself redacted; `reveal` gives the real one to the opener.

    Example:
        >>> SecretUrl("http://u:p@host/x")
        SecretUrl('http://***@host/x')
    """

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        """Keep the address."""
        self._url = url

    def reveal(self) -> str:
        """Give the address with its secrets."""
        return self._url

    def __str__(self) -> str:
        """Give the address without its secrets."""
        return redact(self._url)

    def __repr__(self) -> str:
        """Give the address without its secrets."""
        return f"SecretUrl({redact(self._url)!r})"
