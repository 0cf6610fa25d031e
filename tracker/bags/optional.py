"""The optional libraries of the bag part, imported where they are needed.

A missing one is an error that names the pip command that brings it.
"""

from __future__ import annotations

import importlib
from typing import Any

from tracker.errors import MissingExtraError

__all__ = ["import_mcap", "import_rosbags"]


def import_mcap(module: str) -> Any:
    """Give a module of the library `mcap`, such as "mcap.writer".

    Raises:
        MissingExtraError: It is not installed.
    """
    return _import(module, "mcap")


def import_rosbags(module: str) -> Any:
    """Give a module of the library `rosbags`, such as "rosbags.typesys".

    Raises:
        MissingExtraError: It is not installed.
    """
    return _import(module, "rosbags")


def _import(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, "robotics") from error
