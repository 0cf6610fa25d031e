"""What a fit is worth on recordings that it has not seen.

In come recordings with truth; each part of them is judged with a calibration fitted on the others,
beside no calibration at all. Out goes `HeldOut`, with the figures of `tracker.evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracker.calibration.fitting.fit import PASSES, STEPS, Labeller, Step, Tracked, fit, track
from tracker.calibration.fitting.recording import Recording, folds
from tracker.calibration.fitting.trace import Trace, boxes, trace
from tracker.calibration.model import Calibration
from tracker.config import TrackerConfig
from tracker.evaluation.evaluator import evaluate
from tracker.evaluation.sequences import BoxSequence, TruthSequence

if TYPE_CHECKING:
    from tracker.evaluation.result import Figures

__all__ = ["HeldOut", "compare", "figures", "fit_apart", "work"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Figures on parts that were not fitted on.

    Attributes:
        before: Without calibration.
        after: With one fitted on the other parts.
        parts: Names of what was judged together, by fold.
        calibrations: What was fitted for each of them.
    """

    before: Figures
    after: Figures
    parts: tuple[tuple[str, ...], ...]
    calibrations: tuple[Calibration, ...]


def compare(
    recordings: Sequence[Recording],
    label: Labeller,
    config: TrackerConfig,
    *,
    classes: Sequence[str] | None = None,
    min_iou: float = 0.5,
    track_metrics: bool = True,
    parts: Sequence[Sequence[Recording]] | None = None,
    first: Sequence[Tracked] = (),
    steps: Collection[Step] = STEPS,
    say: Callable[[str], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> HeldOut:
    """Judge each part with what the others give.

    Args:
        recordings: With truth; a single one is cut into halves in time.
        label: Says what turned out for those that are fitted on.
        config: Settings of the tracker.
        classes: Classes to judge, as `evaluate`.
        min_iou: Least overlap of a match.
        track_metrics: Also HOTA and the like; needs trackeval.
        parts: Other parts than `folds` gives.
        first: What `track` gave for some of the parts without a calibration.
        steps: As `fit`.
        say: Called with a few words before each step that takes time.
        advance: Called with numbers of frames that were tracked: `work` of them in all.
    """
    parts = folds(recordings) if parts is None else parts
    plain, fitted = fit_apart(
        parts, label, config, first=first, steps=steps, say=say, advance=advance
    )
    after = [
        (recording, trace(recording, config, calibration, advance=advance))
        for part, calibration in zip(parts, fitted, strict=True)
        for recording in part
    ]
    before = [(one.recording, one.found) for some in plain for one in some]
    told = [
        figures(pairs, classes=classes, min_iou=min_iou, track_metrics=track_metrics)
        for pairs in (before, after)
    ]
    names = tuple(tuple(one.name for one in part) for part in parts)
    return HeldOut(told[0], told[1], names, tuple(fitted))


def fit_apart(
    parts: Sequence[Sequence[Recording]],
    label: Labeller,
    config: TrackerConfig,
    *,
    first: Sequence[Tracked] = (),
    steps: Collection[Step] = STEPS,
    say: Callable[[str], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[list[list[Tracked]], list[Calibration]]:
    """For each part the calibration that is fitted on the others; arguments as in `compare`.

    Returns:
        The parts as they are tracked without a calibration, and their calibrations.
    """
    say("tracking")
    known = {id(one.recording): one for one in first}
    new = [one for part in parts for one in part if id(one) not in known]
    if new:
        known |= {id(one.recording): one for one in track(new, label, config, advance=advance)}
    plain = [[known[id(one)] for one in part] for part in parts]
    advance(sum(len(one) for part in parts for one in part if one not in new))
    fitted: list[Calibration] = []
    for k, part in enumerate(parts):
        others: list[Tracked] = [one for i, some in enumerate(plain) if i != k for one in some]
        say(f"fitting {k + 1} of {len(parts)}, without {', '.join(one.name for one in part)}")
        others = _labelled_together(others, label)
        found = [one.recording for one in others]
        fitted.append(
            fit(found, label, config, first=others, steps=steps, afterwards=False, advance=advance)
        )
    return plain, fitted


def work(parts: Sequence[Sequence[Recording]]) -> int:
    """Frames that `compare` tracks, each as often as it does."""
    sizes = [sum(map(len, part)) for part in parts]
    whole = sum(sizes)
    return whole + sum((PASSES - 1) * (whole - size) + size for size in sizes)


def _labelled_together(tracked: list[Tracked], label: Labeller) -> list[Tracked]:
    """The same, so that what is guessed is guessed from these alone; truth stays what it is."""
    if not tracked or tracked[0].labels.trust.is_of_labels:
        return tracked
    labels = label([one.recording for one in tracked], [one.found for one in tracked])
    return [replace(one, labels=told) for one, told in zip(tracked, labels, strict=True)]


def figures(
    pairs: Sequence[tuple[Recording, Trace]],
    *,
    classes: Sequence[str] | None = None,
    min_iou: float = 0.5,
    track_metrics: bool = True,
) -> Figures:
    """All figures of some recordings together.

    Args:
        pairs: Recordings with truth, and the tracker on each.
        classes: Classes to judge, as `evaluate`.
        min_iou: Least overlap of a match.
        track_metrics: Also HOTA and the like; needs trackeval.
    """
    truth: list[TruthSequence] = []
    tracks: list[BoxSequence] = []
    for recording, found in pairs:
        assert recording.truth is not None
        truth.append(replace(recording.truth, name=recording.name))
        tracks.append(boxes(recording, found))
    detections = [recording.detections for recording, _ in pairs]
    return evaluate(
        truth=truth,
        tracks=tracks,
        detections=[replace(d, name=t.name) for d, t in zip(detections, truth, strict=True)],
        classes=classes,
        min_iou=min_iou,
        track_metrics=track_metrics,
    ).tracks
