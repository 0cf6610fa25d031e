"""Help that ends with examples and exit codes, line for line as they are written.

typer runs the lines of an epilog together, or not, from one version to the next. Here the epilog
is printed after its help instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

__all__ = ["EXIT_CODES", "Command", "Group", "epilog", "prose"]

EXIT_CODES = """\
Exit codes:
  0    all done
  1    internal error
  2    wrong usage, or an input or output that cannot be read or written
  3    the source was damaged; the results of all that was readable are kept
  130  interrupted; the results up to there are kept"""


def epilog(*examples: tuple[str, str]) -> str:
    """The end of a command's help: pairs of a command line and what it does, then exit codes."""
    shown = [f"  # {what}\n  {command}" for command, what in examples]
    return "\n".join(["Examples:", *shown, "", EXIT_CODES])


def prose(command: Callable[..., Any]) -> str:
    """The docstring of a command as paragraphs without line ends, for terminals of any width."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


class _Verbatim:
    """Prints the epilog as it is, after the help, and no text as markup.

    Typer gives the help to Rich, which leaves out what is in brackets, such as `[cameras.NAME]`.
    """

    epilog: str | None
    help: str | None
    params: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Escape what Rich would take for markup."""
        super().__init__(*args, **kwargs)
        for told in (self, *self.params):
            text = getattr(told, "help", None)
            if text:
                told.help = escape(text)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        text, self.epilog = self.epilog, None
        try:
            super().format_help(ctx, formatter)  # type: ignore[misc]
        finally:
            self.epilog = text
        if text:
            typer.echo(text)


class Command(_Verbatim, TyperCommand):
    """A command with such help."""


class Group(_Verbatim, TyperGroup):
    """The program with such help."""
