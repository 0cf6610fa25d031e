"""What a report says in words: the few figures that matter most, what is untrue, the advice.

In: an evaluation and what was gathered of it. Out: sentences, for the terminal and the page alike.
"""

from __future__ import annotations

import math

from tracker.evaluation.report.document import Advised, Document
from tracker.evaluation.report.tables import shown
from tracker.evaluation.result import Evaluation

__all__ = ["advice_sentences", "furthest", "headline"]

# Groups with a smaller share of the boxes, and errors below this, are left out of the summary.
_LEAST_GROUP, _WORTH_TELLING = 0.02, 0.02


def headline(result: Evaluation) -> list[tuple[str, str, str]]:
    """The few figures that matter most: name, value, what it is held against."""
    tracks, raw = result.overall.tracks, result.overall.detections
    main = tracks or raw
    assert main is not None
    out = []
    against = "of the raw detections"
    if tracks is not None and raw is not None:
        gain = 100 * (tracks.boxes.ap - raw.boxes.ap)
        against = "" if math.isnan(gain) else f"{gain:+.1f} points over raw {raw.boxes.ap:.3f}"
    elif tracks is not None:
        against = "of the tracks"
    out.append((f"AP at IoU {result.min_iou:g}", shown(main.boxes.ap), against))
    if tracks is not None and raw is not None and raw.boxes.false:
        ratio = tracks.curve.false_at(raw.boxes.true) / raw.boxes.false
        value = "out of reach" if math.isinf(ratio) else f"{ratio:.2f} ×"
        what = f"those of raw ≥ {result.threshold:g}, at its recall {shown(raw.boxes.recall)}"
        out.append(("False boxes", value, what))
    if tracks is not None and tracks.tracks is not None:
        found = tracks.tracks
        out.append(("HOTA", shown(found.hota), f"IDF1 {shown(found.idf1)}"))
        out.append(
            (
                "False tracks",
                shown(found.false_tracks_per_1000, ".1f"),
                f"per 1,000 frames, {found.false_tracks} of {found.tracks}",
            )
        )
    existence = "" if main.existence is None else f"existence {shown(main.existence.ece)}"
    out.append(("Calibration error", shown(main.score.ece), existence or "of the score"))
    return out


def advice_sentences(advised: Advised) -> list[str]:
    """The advice as a person would give it."""
    a, goal = advised.advice, advised.advice.goal
    what = "objects and false tracks" if advised.unit == "object" else "boxes"
    if math.isinf(a.chosen.threshold):
        return [
            f"For {goal.words}, counting {what}: report nothing: every threshold on {advised.by}"
            f" costs more than the {shown(a.chosen.cost, ',.0f')} of missing everything."
        ]
    out = []
    if a.reached:
        low, high = (_digits(v) for v in a.threshold)
        span = f" (95 %: {low} to {high})" if a.attained else ""
        out.append(
            f"For {goal.words}, counting {what}: {advised.by} ≥"
            f" {_digits(a.chosen.threshold)}{span}."
        )
    else:
        out.append(
            f"No threshold on {advised.by} gives {goal.words}, counting {what}; the nearest is"
            f" {_digits(a.chosen.threshold)}."
        )
    per_hour = advised.unit == "object" and not math.isnan(a.false_per_hour)
    false, missed, unit = (
        (a.false_per_hour, a.missed_per_hour, "an hour")
        if per_hour
        else (a.false_per_1000, a.missed_per_1000, "in 1,000 frames")
    )
    out.append(
        f"It gives precision {shown(a.chosen.precision)} ({_span(a.precision)}) and recall"
        f" {shown(a.chosen.recall)} ({_span(a.recall)}): {shown(false, ',.0f')} false and"
        f" {shown(missed, ',.0f')} missed {unit}; a threshold of 0.5 gives"
        f" {shown(a.usual.precision)} and {shown(a.usual.recall)}."
    )
    if goal.cost_miss is not None:
        saved = 1 - a.chosen.cost / a.usual.cost if a.usual.cost else 0.0
        text = (
            f"It costs {a.chosen.cost:,.0f} ({_span(a.cost, ',.0f')}), at 0.5"
            f" {a.usual.cost:,.0f}: {100 * saved:.0f} % less."
        )
        if advised.raw is not None:
            text += (
                f" The best threshold on the raw detections costs {advised.raw.chosen.cost:,.0f}."
            )
        out.append(text)
        out.append(
            f"A true probability would call for {a.believed:.3f}; how far the best threshold is"
            " from that shows how far the probability is from true."
        )
    if a.reached and a.attained < 0.95:
        out.append(
            f"Only {100 * a.attained:.0f} % of the samples reach the goal at all: more footage is"
            " needed to rely on it."
        )
    return out


def furthest(document: Document, most: int = 4) -> list[str]:
    """The groups of boxes for which a probability is furthest from true, worst first."""
    told = [
        (abs(c.mean - c.true_share), column, group.name, group.by, c)
        for column, groups in document.slices.items()
        for group in groups
        for c in (group.calibration,)
        if c.boxes >= _LEAST_GROUP * sum(g.calibration.boxes for g in groups if g.by == group.by)
    ]
    told.sort(key=lambda item: -item[0])
    return [
        f"{column}, {by} {name}: told {c.mean:.2f}, came true {c.true_share:.2f}"
        f" ({c.boxes:,} boxes)"
        for error, column, name, by, c in told[:most]
        if error >= _WORTH_TELLING
    ]


def _span(interval: tuple[float, float], form: str = ".3f") -> str:
    return f"{shown(interval[0], form)} to {shown(interval[1], form)}"


def _digits(threshold: float) -> str:
    """A threshold in as many digits as tell it from 0 and 1, never rounded up; infinity in words.

    >>> _digits(0.59), _digits(0.123456), _digits(0.999954), _digits(0.04899)
    ('0.59', '0.123', '0.999954', '0.0489')
    """
    if not math.isfinite(threshold):
        return "reporting nothing"
    edge = min(threshold, 1.0 - threshold)
    decimals = 6 if edge <= 0 else min(max(3, 2 - math.floor(math.log10(edge))), 6)
    floor = math.floor(threshold * 10**decimals + 1e-9) / 10**decimals
    return f"{floor:.{decimals}f}".rstrip("0").rstrip(".") or "0"
