"""The command line: `conftrack` and `python -m tracker`, one module a command.

In comes what the user typed; out go files, a table and an exit code. Only here may the project
print or exit, and only here may `tracker` import `detectors`, inside the commands. typer and rich
are imported when a command runs: without them one line says how to get them.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Args:
        arguments: What follows the program's name; None takes it from `sys.argv`.
    """
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        sys.stderr.write(
            f"conftrack: the command line needs {error.name}, which is not installed:"
            ' pip install -e ".[cli]" in the clone of conftrack\n'
        )
        raise SystemExit(2) from None
    for stream in (sys.stdout, sys.stderr):
        # A console of an old code page shows "?" for "≥" instead of ending the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    from tracker.cli.app import app

    app(args=None if arguments is None else list(arguments), prog_name="conftrack")
