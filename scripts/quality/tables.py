"""The results as Markdown: a summary that fits a README, and everything of every set.

In comes what results.json holds; out goes text. What a column is stands in docs/benchmark.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.quality.comparison import best_peer

__all__ = ["details", "provenance", "summary"]

Figures = Mapping[str, Any]


def summary(results: Figures) -> str:
    """Two tables over all sets: this project beside the best peer, and its fusers."""
    sets = results["sets"]
    variants = [name for name in _methods(sets) if not name.startswith("fuser ")]
    parts = [_table(_SUMMARY_HEAD, [_line(s, n, sets[s]) for s in sets for n in variants])]
    parts.append(
        "AP over the raw detections' in points / false boxes over theirs at equal recall:\n\n"
        + _table(
            ["method", *sets, "mean"],
            [[name, *_across(name, sets)] for name in _methods(sets)],
        )
        + "\n† Does not reach the recall of every peer; the mean is over those it reaches.\n"
    )
    return "\n".join(parts) + "\n" + provenance(results)


_SUMMARY_HEAD = [
    "set", "method", "AP (raw)", "FP over raw's", "FP over peers': mean (worst)",
    "HOTA by score / existence (best peer)", "IDF1 by score / existence (that peer)",
    "false tracks per 1,000 frames by score / existence (that peer)", "ECE of score / existence",
]  # fmt: skip


def _line(name: str, method: str, one: Figures) -> list[str]:
    """One method on one set, beside the peer with the best HOTA."""
    m, best = one["methods"].get(method), best_peer(one["peers"])
    if m is None:
        return [name, method, *["-"] * (len(_SUMMARY_HEAD) - 2)]
    peer = one["peers"][best] if best else {}
    return [
        name,
        method,
        f"{_n(m['ap'])} ({_n(one['raw']['ap'])})",
        _n(_over_raw(m), 2),
        _over_peers(m, one),
        f"{_both(m, 'hota')} ({_n(peer.get('hota'))}" + (f", {best})" if best else ")"),
        f"{_both(m, 'idf1')} ({_n(peer.get('idf1'))})",
        f"{_both(m, 'false_tracks_at_best', 0)} ({_n(peer.get('false_tracks_per_1000'), 0)})",
        f"{_n(m['ece'])} / {_n(m.get('ece_existence'))}",
    ]


def _both(m: Figures, name: str, decimals: int = 3) -> str:
    """A figure with the threshold on the score of a box, and on the existence of its track."""
    return f"{_n(m[name], decimals)} / {_n(m.get(f'{name}_existence'), decimals)}"


def _across(method: str, sets: Figures) -> list[str]:
    """Gain and false boxes of a method on every set, then their means."""
    cells, gains, ratios = [], [], []
    for one in sets.values():
        m = one["methods"].get(method)
        if m is None:
            cells.append("-")
            continue
        short = "†" if m["reached"] < len(one["peers"]) else ""
        cells.append(f"{_signed(m['gain'])} / {_n(_over_raw(m), 2)}{short}")
        gains.append(m["gain"])
        ratios.append(_over_raw(m))
    whole = None not in ratios and None not in gains and len(gains) == len(sets)
    means = [sum(v) / len(v) if whole and v else None for v in (gains, ratios)]
    return [*cells, f"{_signed(means[0])} / {_n(means[1], 2)}"]


def _over_raw(m: Figures) -> float | None:
    """At the peers' recalls; without peers at the recall of the strong detections."""
    ratio = m["fp_over_raw"] if m["fp_over_peer"] else m["fp_over_raw_strong"]
    return None if ratio is None else float(ratio)


def details(results: Figures) -> str:
    """Every set: detections and methods, then the peers."""
    parts = [provenance(results)]
    for name, one in results["sets"].items():
        size = f"{len(one['sequences'])} sequences, {one['frames']} frames, {one['objects']} boxes"
        parts.append(f"## {name}\n\n{size} of ground truth.\n")
        rows = [["raw detections", *_cells(one["raw"], _METHOD)]]
        for method, m in one["methods"].items():
            flat = dict(m, over_peers=_over_peers(m, one))
            rows.append([method, *_cells(flat, _METHOD)])
        parts.append(_table(["method", *_METHOD], rows))
        if one["peers"]:
            shown = [n for n in one["methods"] if not n.startswith("fuser ")]
            head = [
                "peer, all its boxes",
                *_PEER,
                *(f"FP of {n} over its" for n in ("raw", *shown)),
            ]
            parts.append(_table(head, [_peer_row(p, one, shown) for p in one["peers"]]))
    return "\n".join(parts)


# Column: figure and decimals.
_METHOD = {
    "AP": ("ap", 3), "AP .5:.95": ("ap_50_95", 3), "gain": ("gain", 1),
    "max recall": ("max_recall", 3), "TP": ("true", 0), "FP": ("false", 0),
    "FP over raw's at .5": ("fp_over_raw_strong", 2),
    "FP over raw's": ("fp_over_raw", 2), "FP over peers': mean (worst)": ("over_peers", None),
    "ECE": ("ece", 3), "log-loss": ("log_loss", 3), "ECE existence": ("ece_existence", 3),
    "HOTA": ("hota", 3), "HOTA by existence": ("hota_existence", 3), "IDF1": ("idf1", 3),
    "IDF1 by existence": ("idf1_existence", 3),
    "false tracks / 1,000": ("false_tracks_per_1000", 1),
    "at best peer's recall": ("false_tracks_at_best", 1),
    "at best peer's recall by existence": ("false_tracks_at_best_existence", 1),
    "frames to confirm": ("confirm_frames", 0), "never": ("never_confirmed", 2),
    "low recall": ("low_recall", 3),
}  # fmt: skip
_PEER = {
    "TP": ("true", 0), "FP": ("false", 0), "precision": ("precision", 3), "recall": ("recall", 3),
    "HOTA": ("hota", 3), "IDF1": ("idf1", 3), "MOTA": ("mota", 3),
    "ID switches": ("id_switches", 0), "false tracks / 1,000": ("false_tracks_per_1000", 1),
    "frames to confirm": ("confirm_frames", 0), "low recall": ("low_recall", 3),
}  # fmt: skip


def _cells(figures: Figures, columns: Mapping[str, tuple[str, int | None]]) -> list[str]:
    return [_n(figures.get(key), decimals) for key, decimals in columns.values()]


def _peer_row(peer: str, one: Figures, shown: Sequence[str]) -> list[str]:
    figures = one["peers"][peer]
    ratios = [one["raw"]["fp_over_peer"][peer]]
    ratios += [one["methods"][name]["fp_over_peer"][peer] for name in shown]
    return [peer, *_cells(figures, _PEER), *(_n(r, 2) if r is not None else "∞" for r in ratios)]


def _over_peers(m: Figures, one: Figures) -> str:
    """Mean and worst ratio, and how many peers' recalls were reached where not all."""
    if not one["peers"]:
        return "-"
    text = f"{_n(m['fp_over_peers'], 2)} ({_n(m['fp_over_peers_worst'], 2)})"
    missed = len(one["peers"]) - m["reached"]
    return f"{text}, {missed} of {len(one['peers'])} not reached" if missed else text


def provenance(results: Figures) -> str:
    """What made these numbers, and which peers are missing."""
    made = results["made"]
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    text = (
        f"Made {made['date']} at commit {made['commit']} by\n\n    {made['command']}\n\n"
        f"with Python {made['python']} on {made['machine']}, {packages}.\n"
    )
    for peer, reason in results["absent"].items():
        text += f"\nAbsent: {peer}: {reason}.\n"
    return text


def _methods(sets: Figures) -> list[str]:
    """All methods of all sets, each once."""
    return list(dict.fromkeys(name for one in sets.values() for name in one["methods"]))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _n(value: float | str | None, decimals: int | None = 3) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.{decimals}f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"
