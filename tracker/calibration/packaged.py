"""Calibrations by the name of a packaged one, or from a file."""

from __future__ import annotations

from importlib import resources
from os import PathLike
from pathlib import Path

from tracker.calibration.model import Calibration

__all__ = ["load", "names"]


def names() -> tuple[str, ...]:
    """Names of the calibrations that come with the package."""
    folder = resources.files("tracker.presets").joinpath("calibrations")
    found = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load(name: str | PathLike[str]) -> Calibration:
    """A calibration by the name of a packaged one, or from a file.

    Args:
        name: One of `names()`, or the path of a TOML file.

    Raises:
        ConfigError: The file is no calibration.
        OSError: It is none of the names, and no file that can be read.
    """
    known = names()
    if name in known:
        folder = resources.files("tracker.presets").joinpath("calibrations")
        with resources.as_file(folder.joinpath(f"{name}.toml")) as path:
            return Calibration.from_toml(path)
    try:
        return Calibration.from_toml(Path(name))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            error.errno,
            f"no such file, and none of the packaged calibrations ({', '.join(known) or 'none'})",
            str(name),
        ) from None
