"""The files of an evaluation: which are wanted, where they go, writing them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.cli.run_folder import prepare_folder
from tracker.files import write_whole

if TYPE_CHECKING:
    from tracker.evaluation.report.document import Document

__all__ = ["KINDS", "report_folder", "write_report"]

KINDS: tuple[str, ...] = ("json", "html", "png")
_JSON, _HTML = "report.json", "report.html"


def report_folder(out: Path | None, name: str, *, overwrite: bool) -> Path:
    """Choose and create the folder of a report.

    Args:
        out: What the user asked for; None chooses `runs/NAME-evaluation`, numbered if taken.
        name: Of what is evaluated.
        overwrite: Allow `out` to hold a report already.

    Raises:
        InputError: `out` holds a report already, or is a file.
        OSError: It cannot be created.
    """
    return prepare_folder(out, f"{name}-evaluation", (_JSON, _HTML), overwrite=overwrite, family=())


def write_report(
    folder: Path, document: Document, kinds: Sequence[str], say: Callable[[str], None]
) -> list[Path]:
    """Write what is wanted of a report.

    Args:
        folder: Where to; it exists.
        document: The report.
        kinds: Some of `KINDS`.
        say: Told before each step that takes time.

    Returns:
        What was written.

    Raises:
        MissingExtraError: PNG files are wanted and matplotlib is not installed.
        OSError: A file cannot be written.
    """
    from tracker import __version__
    from tracker.evaluation.report.document import to_json
    from tracker.evaluation.report.page import page
    from tracker.evaluation.report.plots import write_pngs

    files = []
    if "json" in kinds:
        text = json.dumps(to_json(document), ensure_ascii=False, allow_nan=False)
        write_whole(folder / _JSON, text + "\n")
        files.append(folder / _JSON)
    if "html" in kinds:
        write_whole(folder / _HTML, page(document, version=__version__))
        files.append(folder / _HTML)
    if "png" in kinds:
        say("drawing")
        write_pngs(document.every_chart, folder)
        files.append(folder / "*.png")
    return files
