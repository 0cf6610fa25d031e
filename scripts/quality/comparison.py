"""False boxes of one method beside those of the raw detections and of the peers, at equal recall.

In come sweeps and operating points; out go ratios: below 1, the method makes fewer false boxes for
the same number of right ones. A point that a method never reaches has no ratio, and how many were
reached is said beside every mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scripts.quality.scores import STRONG
from tracker.evaluation.curves import Curve

__all__ = ["best_peer", "compare", "thinned"]


def best_peer(peers: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The peer with the highest HOTA; None without peers."""
    return max(peers, key=lambda name: peers[name]["hota"] or 0.0, default=None)


def compare(
    sweep: Curve, raw: Curve, peers: Mapping[str, Mapping[str, Any]]
) -> dict[str, float | int | dict[str, float | None] | None]:
    """Ratios of false boxes at equal true ones.

    Args:
        sweep: Of the method.
        raw: Of the raw detections.
        peers: Figures of the peers, with `true` and `false` at their operating points.

    Returns:
        `fp_over_raw_strong` at the recall of the detections with at least `STRONG`;
        `fp_over_raw`, the mean over the peers' recalls; `fp_over_peers` (mean),
        `fp_over_peers_worst` and `fp_over_peer` (each); how many of how many were `reached`.
    """
    true, false = raw.at(STRONG)
    over_raw = [_ratio(sweep.false_at(p["true"]), raw.false_at(p["true"])) for p in peers.values()]
    over_peer = {name: _ratio(sweep.false_at(p["true"]), p["false"]) for name, p in peers.items()}
    reached = [ratio for ratio in over_peer.values() if ratio is not None]
    return {
        "fp_over_raw_strong": _ratio(sweep.false_at(true), false),
        "fp_over_raw": _mean([ratio for ratio in over_raw if ratio is not None]),
        "fp_over_peers": _mean(reached),
        "fp_over_peers_worst": max(reached, default=None),
        "reached": len(reached),
        "fp_over_peer": over_peer,
    }


def thinned(sweep: Curve, points: int = 300) -> tuple[list[int], list[int]]:
    """False and true boxes of a sweep, with no more points than a plot can show."""
    if not len(sweep.false):
        return [], []
    wanted = np.geomspace(1, max(sweep.false_total, 1), points)
    rows = np.unique(np.maximum(np.searchsorted(sweep.false, wanted, side="right") - 1, 0))
    return sweep.false[rows].tolist(), sweep.true[rows].tolist()


def _ratio(mine: float, theirs: float) -> float | None:
    if not (math.isfinite(mine) and math.isfinite(theirs)):
        return None
    return mine / max(theirs, 1)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
