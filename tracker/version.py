"""Which version this is: of the installed package, or of the clone it is imported from.

In: nothing. Out: `VERSION`. What runs from a clone that was never installed has no metadata: its
pyproject.toml names the version, and `+source` says that it may be any commit on the way to it.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["VERSION", "version_of_source"]


def version_of_source(root: Path) -> str:
    """The version that the pyproject.toml of a clone names; `0+unknown` where there is none.

    Args:
        root: The folder that `tracker` lies in.
    """
    import tomllib

    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == "conftrack":
            return f"{project['version']}+source"
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
        pass
    return "0+unknown"


try:
    VERSION = version("conftrack")
except PackageNotFoundError:
    VERSION = version_of_source(Path(__file__).parents[1])
