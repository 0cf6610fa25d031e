"""A calibration on the terminal: what it is worth, what was fitted, what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tracker.calibration import Calibration
    from tracker.config import TrackerConfig
    from tracker.evaluation import Figures

__all__ = ["Measured", "fitted", "listed", "measured"]

# Log-loss that is as good as none, nats a box.
_NOISE = 0.005
_CONFIDENCES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95)
_TOLD = (0.05, 0.2, 0.5, 0.8, 0.95, 0.99)


@dataclass(frozen=True)
class Measured:
    """What a fit is worth: figures before and after on parts that were not fitted on.

    Attributes:
        before: Without calibration.
        after: With one fitted on the other parts.
        parts: Names of what was judged together.
    """

    before: Figures
    after: Figures
    parts: Sequence[Sequence[str]]

    @property
    def worse(self) -> list[str]:
        """What became less true."""
        out = []
        for name in ("score", "existence"):
            before, after = (getattr(f, name) for f in (self.before, self.after))
            if before is not None and after.log_loss > before.log_loss + _NOISE:
                out.append(name)
        return out


def measured(worth: Measured) -> RenderableType:
    """The figures before and after, side by side."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("before", justify="right", style="yellow", no_wrap=True)
    table.add_column("after", justify="right", style="cyan", no_wrap=True)
    table.add_column("", style="dim")
    before, after = worth.before, worth.after
    for name in ("score", "existence"):
        old, new = getattr(before, name), getattr(after, name)
        if old is None:
            continue
        table.add_row(Text(f"Is {name} true?", style="bold"))
        for label, key, meaning in (
            ("ECE", "ece", "mean distance from the truth; 0 is best"),
            ("log-loss", "log_loss", "punishes what was sure and wrong; 0 is best"),
            ("Brier", "brier", "mean squared error; 0 is best"),
        ):
            values = (f"{getattr(one, key):.3f}" for one in (old, new))
            table.add_row(f"  {label}", *values, meaning)
    table.add_row(Text("Is tracking as good?", style="bold"))
    rows = [("AP", "boxes", "ap", ".3f", "ranking by score")]
    if before.tracks is not None:
        rows += [
            ("HOTA", "tracks", "hota", ".3f", "of boxes with score ≥ 0.5"),
            ("IDF1", "tracks", "idf1", ".3f", "the same"),
            ("false tracks", "tracks", "false_tracks_per_1000", ".1f", "in 1,000 frames, the same"),
        ]
    for label, group, key, form, meaning in rows:
        values = (format(getattr(getattr(f, group), key), form) for f in (before, after))
        table.add_row(f"  {label}", *values, meaning)
    shown = [" + ".join(names) for names in worth.parts]
    title = Text(
        f"On parts that were not fitted on ({len(shown)}: {', '.join(shown)}):", style="bold"
    )
    return Group("", title, "", table)


def fitted(found: Calibration, settings: TrackerConfig) -> RenderableType:
    """What was fitted, to a person."""
    about = found.about
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    tracks = "of objects" if about.method == "labelled" else "probably of objects"
    grid.add_row(
        "fitted to",
        f"{len(about.sequences)} sequence{'s' if len(about.sequences) > 1 else ''},"
        f" {about.frames:,} frames; {about.real_tracks:,.0f} tracks {tracks},"
        f" {about.false_tracks:,.0f} others; counts as {about.counted_as:g} independent ones",
    )
    model = found.confidence
    c = np.array(_CONFIDENCES)
    worth = ", ".join(
        f"{a:g} → {b:.2f}" for a, b in zip(_CONFIDENCES, model.calibrated(c), strict=True)
    )
    grid.add_row("confidence", f"{worth}  ({model.kind})")
    told = found.existence.of_probability(np.array(_TOLD))
    grid.add_row(
        "existence", ", ".join(f"{a:g} → {b:.2f}" for a, b in zip(_TOLD, told, strict=True))
    )
    for name, told_as in (("seen", found.score_seen), ("predicted", found.score_coasted)):
        values = told_as.of_probability(np.array(_TOLD))
        shown = ", ".join(f"{a:g} → {b:.2f}" for a, b in zip(_TOLD, values, strict=True))
        grid.add_row(f"score, {name}", shown)
    before = settings.existence
    constants = ", ".join(
        f"{name} {getattr(before, name):g} → {value:.3g}"
        for name, value in found.constants.given.items()
    )
    if constants:
        grid.add_row("constants", constants)
    if about.method != "labelled":
        kept = "as it was: without labels nobody knows whether what came back is the same"
        grid.add_row("survival", kept)
    if not found.scene.is_empty:
        heights = "heights of objects" if found.scene.ground else "no heights"
        grid.add_row("scene", f"{len(found.scene.place)} places with clutter, {heights}")
    return Group("", grid)


def listed() -> RenderableType:
    """The packaged calibrations."""
    from tracker.calibration import load, names

    parts: list[RenderableType] = []
    for name in names():
        about = load(name).about
        parts.append(Text(name, style="bold"))
        lines = [
            f"detector: {about.detector}",
            f"data: {about.data} ({about.licence})",
            f"{about.frames:,} frames, {about.real_tracks:,.0f} objects' tracks;"
            f" counts as {about.counted_as:g} independent ones",
        ]
        lines += [about.note] if about.note else []
        parts += [Padding(Text(line), (0, 0, 0, 2)) for line in lines]
    parts += ["" if parts else "no calibration comes with this package"]
    parts.append(
        "Use one with [bold]--calibration NAME[/], or Tracker(calibration=NAME). None is used"
        " unless asked for: a calibration belongs to a detector and to footage like that it was"
        " fitted on."
    )
    return Group(*parts)
