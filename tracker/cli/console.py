"""What all commands share: two consoles, exit codes, and errors as one clear line.

Results go to standard output, everything else (progress, notes, errors) to standard error, so
that a pipe gets results only.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from tracker.cli.wording import for_terminal
from tracker.errors import ConftrackError, told

__all__ = ["Debug", "ExitCode", "Quiet", "duration", "err", "guard", "note", "out", "size"]

P = ParamSpec("P")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


_log = logging.getLogger("conftrack")


class ExitCode(IntEnum):
    """What the program says to the shell; `helptext.EXIT_CODES` and the README list the same."""

    OK = 0
    INTERNAL = 1
    """A bug of this program."""
    USAGE = 2
    """Wrong options, an input that cannot be read, an output that cannot be written."""
    DAMAGED = 3
    """The source was damaged; the results of everything readable are kept."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM; the results up to there are complete."""


Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and the log.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


class _ToConsole(logging.Handler):
    """Shows what the package logs as notes, each text once."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.shown:
            self.shown.add(text)
            note(text, warning=record.levelno >= logging.WARNING)


def show_log(*, debug: bool = False) -> Callable[[str], bool]:
    """Let warnings of the package appear on the terminal until the command ends, also with -q.

    Args:
        debug: Show everything that is logged.

    Returns:
        A function that says whether a text has been shown.
    """
    _hide_log()
    level = logging.DEBUG if debug else logging.WARNING
    handler = _ToConsole(level)
    _log.addHandler(handler)
    _log.setLevel(level)
    _log.propagate = False
    return handler.shown.__contains__


def _hide_log() -> None:
    """Leave the logger as a library has it: the caller of a command may live on."""
    for handler in [h for h in _log.handlers if isinstance(h, _ToConsole)]:
        _log.removeHandler(handler)
    _log.setLevel(logging.NOTSET)
    _log.propagate = True


def note(text: str, *, warning: bool = False) -> None:
    """Print one line about what is going on."""
    tag = "[yellow]warning:[/]" if warning else "[cyan]note:[/]"
    err.print(f"{tag} {escape(text)}", soft_wrap=True)


def fail(text: str, code: ExitCode = ExitCode.USAGE) -> typer.Exit:
    """Print an error; raise what is returned."""
    err.print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)
    return typer.Exit(code)


def guard(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors of a command into one line and an exit code; `--debug` shows all of it."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        debug = bool(kwargs.get("debug"))
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (ConftrackError, OSError) as error:
            if debug:
                traceback.print_exc()
            text = told(error)
            raise fail(for_terminal(text) if isinstance(error, ConftrackError) else text) from None
        except Exception as error:
            if debug:
                traceback.print_exc()
            hint = "" if debug else "; --debug shows where"
            raise fail(
                f"internal error, please report it: {told(error)}{hint}",
                ExitCode.INTERNAL,
            ) from None
        finally:
            _hide_log()

    return guarded


def duration(seconds: float) -> str:
    """Seconds as a person writes them.

    >>> duration(0.52), duration(42), duration(95), duration(7384)
    ('0.5 s', '42 s', '1 min 35 s', '2 h 03 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes in the unit that suits them.

    >>> size(0), size(9_345_000), size(168_000_000)
    ('0 B', '9.3 MB', '168 MB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
