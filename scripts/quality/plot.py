"""The frontier as a picture: recall against false boxes, a panel for each set.

In comes what results.json holds; out goes a PNG. Curves are what can be chosen between by a
threshold (this project, the raw detections, the fusers), points are the peers as they come.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.quality.methods import OURS

__all__ = ["frontier"]

# Okabe & Ito's colours, told apart by the colour-blind too.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#A0A000", "#8A2BE2")
_OURS = {
    OURS: ("#0072B2", "-"),
    "ours calibrated": ("#0072B2", "--"),
    "ours smoothed": ("#0072B2", ":"),
}
_MARKERS = ("o", "s", "^", "D", "v", "P")
_COLUMNS, _PANEL, _DPI = 3, (3.6, 3.1), 100


def frontier(results: Mapping[str, Any], out: Path) -> None:
    """Draw the picture into `out`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from PIL import Image

    sets = results["sets"]
    columns = min(_COLUMNS, len(sets) + 1)
    rows = -(-(len(sets) + 1) // columns)  # one place for the legend
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(columns * _PANEL[0], rows * _PANEL[1]), squeeze=False
    )
    places = list(grid.flat)
    legend: dict[str, Any] = {}
    for place, (name, one) in zip(places, sets.items(), strict=False):
        _panel(place, name, one)
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            legend.setdefault(label, handle)
    for place in places[len(sets) :]:
        place.axis("off")
    places[len(sets)].legend(
        list(legend.values()), list(legend), loc="center", fontsize=7, frameon=False, ncols=2
    )
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI)
    pyplot.close(figure)
    # Few colours: a picture for a README should not weigh more than the README's code.
    Image.open(drawn).convert("RGB").quantize(64).save(out, optimize=True)


def _panel(place: Any, name: str, one: Mapping[str, Any]) -> None:
    """One set: curves, points, and the part of the plane where the points are."""
    from matplotlib.ticker import LogLocator, NullFormatter

    frames, objects = one["frames"], one["objects"]
    others = [method for method in one["sweeps"] if method not in _OURS and method != "raw"]
    styles = {method: (method, *style, 2.2, 4) for method, style in _OURS.items()}
    styles["raw"] = ("raw detections", "#000000", "-", 1.6, 3)
    styles |= {
        method: (method, colour, "-", 0.9, 2)
        for method, colour in zip(others, _COLOURS * len(others), strict=False)
    }
    for method, (label, colour, style, width, above) in styles.items():
        if method in one["sweeps"]:
            false, true = (np.asarray(part) for part in one["sweeps"][method])
            place.plot(
                np.maximum(false, 0.5) / frames, true / objects, style, color=colour, lw=width,
                zorder=above, label=label,
            )  # fmt: skip
    libraries = list(dict.fromkeys(peer.split()[0] for peer in one["peers"]))
    for library, marker in zip(libraries, _MARKERS * len(libraries), strict=False):
        mine = [p for peer, p in one["peers"].items() if peer.split()[0] == library]
        place.plot(
            [max(p["false"], 0.5) / frames for p in mine],
            [p["true"] / objects for p in mine],
            marker=marker, color="#444444", markerfacecolor="none", ms=5, ls="", zorder=5,
            label=library,
        )  # fmt: skip
    false, true = (np.asarray(part) for part in one["sweeps"]["raw"])
    points = list(one["peers"].values())
    points = points or [{"false": false.max(initial=1), "true": true.max(initial=0) / 2}]
    low = min(p["false"] for p in points)
    high = max(p["false"] for p in points)
    least = min(p["true"] for p in points) / objects
    most = max(max(part[1], default=0) for part in one["sweeps"].values()) / objects
    place.set_xscale("log")
    place.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    place.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    place.xaxis.set_minor_formatter(NullFormatter())
    place.set_xlim(max(low, 1) / 2 / frames, 1.6 * max(high, 2) / frames)
    place.set_ylim(max(0.0, least - 0.08), min(1.0, most + 0.02))
    place.set_title(name, fontsize=9)
    place.set_xlabel("false boxes per frame", fontsize=8)
    place.set_ylabel("share of true boxes found", fontsize=8)
    place.tick_params(labelsize=7)
    place.grid(alpha=0.25, which="both", lw=0.4)
