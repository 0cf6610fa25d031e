"""Errors of the library in the words of the command line.

In: the text of an error, which calls an argument by its Python name. Out: the same with the option
that gives it. One table serves all commands; it stands apart so that the library's messages stay
right for those who call it from Python.
"""

from __future__ import annotations

import re

__all__ = ["OPTIONS", "for_terminal"]

# Parameters of `open_source` and `detectors.load` -> the options of `conftrack run` that set them.
OPTIONS: dict[str, str] = {
    "start_s": "--start",
    "stop_s": "--stop",
    "every": "--every",
    "image_fps": "--image-fps",
    "device": "--device",
    "score_threshold": "--threshold",
    "batch_size": "--batch",
    "classes": "--classes",
    "max_detections": "--max-detections",
    "short_side": "--short-side",
    "precision": "--precision",
    "class_names": "--class-names",
    "architecture": "--architecture",
}
# Words of English too: only where they are assigned to, or begin a sentence of "X must be".
_AMBIGUOUS = ("every", "device", "classes", "precision", "architecture")

_ASSIGNED = re.compile(rf"\b({'|'.join(OPTIONS)})=(\[?(?:\.\.\.|…)\]?|\"[^\"]*\"|[\w.:]+)")
_NAMED = re.compile(
    rf"(?<![\w\"'./\\-])({'|'.join(n for n in OPTIONS if n not in _AMBIGUOUS)})(?![\w\"'./\\])"
)
_MUST = re.compile(rf"^({'|'.join(_AMBIGUOUS)})(?= (?:must|is for|does not apply|\"))")


def for_terminal(text: str) -> str:
    """Name options in place of Python arguments.

    Example:
        >>> for_terminal("stop_s (2.0) must be after start_s (3.0)")
        '--stop (2.0) must be after --start (3.0)'
        >>> for_terminal('not there: use device="auto" or pass class_names=[...]')
        'not there: use --device auto or pass --class-names'
    """

    def assigned(found: re.Match[str]) -> str:
        value = found[2].strip('"')
        return OPTIONS[found[1]] + ("" if "..." in value or "…" in value else f" {value}")

    text = _ASSIGNED.sub(assigned, text)
    text = _NAMED.sub(lambda found: OPTIONS[found[1]], text)
    return _MUST.sub(lambda found: OPTIONS[found[1]], text)
