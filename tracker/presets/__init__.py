"""The settings files that come with the package: `default`, `video` and `camera`.

In: a name, or the path of a file of one's own. Out: a `TrackerConfig`. The files beside this module
are those of the top-level folder configs/, put here by scripts/write_configs.py so that an
installed package has them too; a test keeps the two equal.

```python
from tracker import Tracker, presets

tracker = Tracker(presets.load("camera"))
```
"""

from __future__ import annotations

from importlib import resources
from os import PathLike
from pathlib import Path

from tracker.config import TrackerConfig

__all__ = ["NAMES", "load", "text"]

NAMES: tuple[str, ...] = ("default", "video", "camera")


def text(name: str) -> str:
    """The TOML text of a packaged file, comments and all.

    Args:
        name: One of `NAMES`.
    """
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def load(name: str | PathLike[str]) -> TrackerConfig:
    """Settings by the name of a packaged file, or from a file.

    Args:
        name: One of `NAMES`, or the path of a TOML file; a file that has such a name and no suffix
            is `"./camera"`.

    Raises:
        ConfigError: Not TOML, an unknown key, a value outside its range.
        OSError: It is none of the names, and no file that can be read.

    Example:
        >>> load("camera").on_backward_time, load("video").on_backward_time
        ('reset', 'error')
    """
    if name in NAMES:
        with resources.as_file(resources.files(__name__).joinpath(f"{name}.toml")) as path:
            return TrackerConfig.from_toml(path)
    try:
        return TrackerConfig.from_toml(Path(name))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            error.errno,
            f"no such file, and none of the packaged settings ({', '.join(NAMES)})",
            str(name),
        ) from None
