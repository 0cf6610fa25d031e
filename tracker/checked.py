"""Settings that check themselves: groups of them as dataclasses, and how a table becomes one.

In come values, or nested tables as TOML gives them; out go frozen dataclasses whose every value has
its type and lies in its range. An unknown key is an error that names the nearest known one. It
stands apart from the settings themselves because those of live cameras are made of it too.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from tracker.errors import ConfigError

__all__ = ["POSITIVE", "Checked", "from_table", "in_order", "setting"]


# Smallest value of a setting that must be positive.
POSITIVE = 1e-12


def setting(default: Any, low: float, high: float = math.inf) -> Any:
    """A field that is a number from `low` to `high`; a `low` of `POSITIVE` is told as above 0."""
    return field(default=default, metadata={"low": low, "high": high})


class Checked:
    """A group of settings, which a frozen dataclass makes of it; values are checked as it is made.

    Raises:
        ConfigError: A value of another type, or outside its range.
    """

    def __post_init__(self) -> None:
        """Check types, choices and ranges."""
        hints = get_type_hints(type(self))
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            where = f"{type(self).__name__}.{f.name}"
            allowed = get_args(hints[f.name])
            if hints[f.name] is str:
                if not isinstance(value, str):
                    raise ConfigError(f"{where} must be text, got {value!r}")
            elif allowed and isinstance(allowed[0], str):
                if value not in allowed:
                    raise ConfigError(f"{where} must be one of {list(allowed)}, got {value!r}")
            elif hints[f.name] is bool:
                if not isinstance(value, bool):
                    raise ConfigError(f"{where} must be true or false, got {value!r}")
            elif "low" in f.metadata:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ConfigError(f"{where} must be a number, got {value!r}")
                if hints[f.name] is int and not isinstance(value, int):
                    raise ConfigError(f"{where} must be a whole number, got {value!r}")
                low, high = f.metadata["low"], f.metadata["high"]
                if not math.isfinite(value):
                    raise ConfigError(f"{where} must be finite, got {value!r}")
                if not low <= value <= high:
                    raise ConfigError(f"{where} must be {_range(low, high)}, got {value!r}")


def _range(low: float, high: float) -> str:
    least = "above 0" if low == POSITIVE else f"at least {low:g}"
    return least if high == math.inf else f"{least} and at most {high:g}"


def from_table(cls: type[Any], table: Mapping[str, Any], path: str = "") -> Any:
    """Make the dataclass `cls` from a table, checking every key; groups in it are tables.

    Args:
        cls: A dataclass, all of whose fields have defaults.
        table: Nested tables, as TOML or JSON give them.
        path: What errors put before the keys.

    Raises:
        ConfigError: An unknown key, or a value that is no table where one belongs.
    """
    hints = get_type_hints(cls)
    known = {f.name: hints[f.name] for f in fields(cls)}
    values = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; known are {', '.join(known)}"
            raise ConfigError(f'unknown key "{path}{key}"{hint}')
        if is_dataclass(known[key]):
            if not isinstance(value, Mapping):
                raise ConfigError(f'"{path}{key}" must be a table, got {value!r}')
            value = from_table(known[key], value, f"{path}{key}.")
        values[key] = value
    return cls(**values)


def in_order(group: Any, low: str, high: str) -> None:
    """Check that one setting of a group is not above another.

    Raises:
        ConfigError: It is.
    """
    if getattr(group, low) > getattr(group, high):
        raise ConfigError(
            f"{type(group).__name__}.{low} must not be above {high},"
            f" got {getattr(group, low)} > {getattr(group, high)}"
        )
