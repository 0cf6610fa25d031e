"""The two optional libraries of the video part, imported where they are needed.

A missing one is an error that names the pip command that brings it.
"""

from __future__ import annotations

from typing import Any

from tracker.errors import MissingExtraError

__all__ = ["import_av", "import_cv2"]


def import_av() -> Any:
    """Give the module `av` (PyAV).

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av", "video") from error
    return av


def import_cv2() -> Any:
    """Give the module `cv2` (OpenCV).

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("opencv-python", "video") from error
    return cv2
