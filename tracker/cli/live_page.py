"""The options of `conftrack live` that are about its page, and what they come to together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.errors import InputError

if TYPE_CHECKING:
    from tracker.live.system import LiveSystem
    from tracker.live.web.server import PageServer

__all__ = ["Host", "Port", "Token", "Web", "check_page", "serve_page"]

_PANEL = "Page"

Web = Annotated[
    bool,
    typer.Option(
        "--web",
        help="Serve a page that shows the cameras, to this machine (extra web).",
        rich_help_panel=_PANEL,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        help="Where to serve the page: 0.0.0.0 is everywhere; needs a --token.",
        show_default="127.0.0.1",
        rich_help_panel=_PANEL,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        help="Port of the page; 0 takes a free one.",
        min=0,
        max=65535,
        show_default="8710",
        rich_help_panel=_PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        help="What must be typed in to see the page, 12 characters at least; better in the"
        " environment than on the command line, which everybody on the machine sees.",
        envvar="CONFTRACK_TOKEN",
        show_default=False,
        show_envvar=True,
        rich_help_panel=_PANEL,
    ),
]


def check_page(web: bool, host: str | None, port: int | None, token: str | None) -> None:
    """Tell a mistake in the options before anything is opened.

    Raises:
        InputError: An option without `--web`, a token missing or too short.
    """
    if web:
        from tracker.web.access import Access

        Access(token, host=host or "127.0.0.1")
    elif host is not None or port is not None:
        raise InputError(f"{'--host' if host is not None else '--port'} is of the page: add --web")


def serve_page(
    system: LiveSystem, host: str | None, port: int | None, token: str | None
) -> PageServer:
    """Begin to serve.

    Raises:
        InputError: A token is missing or too short.
        MissingExtraError: FastAPI or uvicorn is not installed.
        OSError: The port is taken, the host unknown, or not allowed.
    """
    from tracker.live.web.server import PORT, PageServer

    return PageServer(
        system, host=host or "127.0.0.1", port=PORT if port is None else port, token=token
    )
