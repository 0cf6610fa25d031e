"""The optional library of the viewer part, imported where it is needed.

A missing one is an error that names the pip command that brings it.
"""

from __future__ import annotations

import importlib
from typing import Any

from tracker.errors import MissingExtraError

__all__ = ["import_rerun"]


def import_rerun(module: str = "rerun") -> Any:
    """Give a module of the library `rerun-sdk`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError("rerun-sdk", "robotics") from error
