"""Plain values as TOML text: the writer that `tomllib` lacks, as far as it is needed here.

In come nested tables of text, numbers, truth values and lists; out goes text that `tomllib` reads
back to the same values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["to_toml"]

_WIDTH = 98


def to_toml(table: Mapping[str, Any], path: str = "") -> str:
    """A table as TOML: its values first, then its tables.

    Args:
        table: Keys of letters, digits, `_` and `-`.
        path: Name of the table, "" for the outermost.

    Example:
        >>> print(to_toml({"version": 1, "about": {"data": "a street", "n": [0.5, 1.0]}}))
        version = 1
        <BLANKLINE>
        [about]
        data = "a street"
        n = [0.5, 1.0]
        <BLANKLINE>
    """
    values = {k: v for k, v in table.items() if not isinstance(v, Mapping)}
    text = "".join(f"{key} = {_value(value)}\n" for key, value in values.items())
    for key, inner in table.items():
        if isinstance(inner, Mapping):
            name = f"{path}{key}"
            body = to_toml(inner, f"{name}.")
            text += f"\n[{name}]\n{body}" if text or path else f"[{name}]\n{body}"
    return text


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        items = [_value(v) for v in value]
        if sum(map(len, items)) + 2 * len(items) < _WIDTH - 20:
            return f"[{', '.join(items)}]"
        lines = [""]
        for item in items:
            if lines[-1] and len(lines[-1]) + len(item) + 2 > _WIDTH:
                lines.append("")
            lines[-1] += f"{' ' if lines[-1] else ''}{item},"
        return "[\n" + "".join(f"{line}\n" for line in lines) + "]"
    return repr(float(value)) if isinstance(value, float) else str(int(value))
