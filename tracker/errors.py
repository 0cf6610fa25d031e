"""The exceptions this package raises, as one tree.

Input errors are `ValueError`s too, so that code which knows nothing of this package still
catches them by the type it expects.

```
ConftrackError
├── InputError (ValueError)        an argument or a file holds something it must not
│   ├── TimeError                  a timestamp stands still or goes backwards
│   └── ConfigError                an unknown key, a value outside its range
├── BusyError (RuntimeError)       two threads use one tracker at the same time
├── SourceError (OSError)          a video, camera or folder cannot be opened or read
└── MissingExtraError (ImportError)   an optional dependency is not installed
```
"""

from __future__ import annotations

__all__ = [
    "BusyError",
    "ConfigError",
    "ConftrackError",
    "InputError",
    "MissingExtraError",
    "SourceError",
    "TimeError",
    "told",
]


class ConftrackError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(ConftrackError, ValueError):
    """An argument or a file holds something it must not; the message names field and row."""


class TimeError(InputError):
    """A timestamp stands still, goes backwards or is not finite."""


class ConfigError(InputError):
    """A configuration has an unknown key or a value outside its range."""


class BusyError(ConftrackError, RuntimeError):
    """Two threads use one tracker at the same time; it belongs to one at a time."""


class SourceError(ConftrackError, OSError):
    """A video, camera or folder cannot be opened or read."""


class MissingExtraError(ConftrackError, ImportError):
    """An optional dependency is missing; the message gives the pip command that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the missing package and the extra of this project that installs it."""
        super().__init__(
            f'{package} is not installed: pip install -e ".[{extra}]" in the clone of conftrack'
        )
        self.package = package
        self.extra = extra


def told(error: BaseException) -> str:
    """An error in one line: the file where the system names one, and where it happened.

    Args:
        error: The notes it got on its way (`add_note`) are part of what is told.

    Example:
        >>> error = OSError(28, "No space left on device", "out/tracks.csv")
        >>> error.add_note("frame 7")
        >>> told(error), told(KeyError("x"))
        ('out/tracks.csv: No space left on device (frame 7)', "KeyError: 'x'")
    """
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, ConftrackError | OSError) and str(error):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    notes = "; ".join(getattr(error, "__notes__", ()))
    return f"{text} ({notes})" if notes else text
