"""Write configs/default.toml from `tracker/config.py`, and put all of configs/ into the package.

    python scripts/write_configs.py

Run it after changing a default, its description or a file in configs/. The copies in
tracker/presets/ are what an installed package has; tests compare both with what this writes.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from tracker.config import TrackerConfig

__all__ = ["default_toml", "main"]

ROOT = Path(__file__).resolve().parent.parent
CONFIGS, PACKAGED = ROOT / "configs", ROOT / "tracker" / "presets"
HEADER = """\
# Every setting of the tracker with its default value.
#
# Written by scripts/write_configs.py from tracker/config.py; a test keeps the two equal. For
# settings of your own, copy the keys you change into a new file: what a file leaves out keeps its
# default, and a misspelt key is an error. Then
#
#     conftrack run VIDEO --config my.toml          or          Tracker.from_toml("my.toml")
#
# Lengths are in pixels or in heights of the box (stated), times in seconds, rates per second and
# never per frame.
"""
WIDTH = 98


def default_toml() -> str:
    """The text of configs/default.toml."""
    config = TrackerConfig()
    groups = [f.name for f in fields(config) if is_dataclass(getattr(config, f.name))]
    parts = [HEADER + "\n" + _keys(config, skip=groups)]
    for name in groups:
        group = getattr(config, name)
        summary, notes = _prose(type(group))
        parts.append(f"[{name}]\n{_comment(summary)}{notes}\n{_keys(group, skip=[])}")
    return "\n".join(parts)


def _keys(group: Any, skip: list[str]) -> str:
    """The commented keys of one settings group."""
    meaning = _attributes(type(group))
    blocks = []
    for f in fields(group):
        if f.name not in skip:
            value = _literal(getattr(group, f.name))
            blocks.append(f"{_comment(meaning[f.name])}{f.name} = {value}\n")
    return "\n".join(blocks)


def _attributes(cls: type[Any]) -> dict[str, str]:
    """What the docstring says of each attribute."""
    section = inspect.getdoc(cls).split("Attributes:\n")[1].split("\n\n")[0]  # type: ignore[union-attr]
    found = re.split(r"^    (\w+): ", section, flags=re.MULTILINE)[1:]
    return {
        name: " ".join(text.split()) for name, text in zip(found[::2], found[1::2], strict=True)
    }


def _prose(cls: type[Any]) -> tuple[str, str]:
    """The first paragraph of the docstring, and what stands between it and the attributes."""
    summary, *rest = inspect.getdoc(cls).split("Attributes:\n")[0].strip().split("\n\n")  # type: ignore[union-attr]
    notes = "".join(f"#\n{textwrap.indent(text, '# ')}\n" for text in rest)
    return " ".join(summary.split()), notes


def _comment(text: str) -> str:
    text = text.replace("`", "")
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ") + "\n"


def _literal(value: Any) -> str:
    """A value as TOML; checked by reading it back."""
    text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
    if ast.literal_eval(repr(value)) != value:
        raise ValueError(f"{value!r} has no literal form")
    return text


def main() -> None:
    """Write the files."""
    (CONFIGS / "default.toml").write_text(default_toml(), encoding="utf-8", newline="\n")
    for path in sorted(CONFIGS.glob("*.toml")):
        (PACKAGED / path.name).write_bytes(path.read_bytes())
        print(f"wrote {PACKAGED / path.name}")


if __name__ == "__main__":
    main()
