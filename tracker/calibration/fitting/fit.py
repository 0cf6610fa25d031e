"""A calibration from recordings: all fits in their order.

In come recordings and a way to know what turned out; out goes a `Calibration`. Each step is fitted
on what the tracker does with the steps before it:

```
track ──▶ what a confidence is worth ──▶ track ──▶ constants ──▶ track ──▶ how it is told
                                             ──▶ track and smooth ──▶ how it is told afterwards
```
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tracker.calibration.fitting.belief import fit_constants
from tracker.calibration.fitting.confidences import fit_score_model
from tracker.calibration.fitting.labels import Labels
from tracker.calibration.fitting.logistic import weights
from tracker.calibration.fitting.maps import rounded
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.fitting.survival import fit_survival
from tracker.calibration.fitting.telling import fit_afterwards, fit_maps
from tracker.calibration.fitting.trace import Trace, joined, trace
from tracker.calibration.model import About, Calibration, Constants
from tracker.calibration.score_model import ScoreModel
from tracker.config import TrackerConfig
from tracker.errors import InputError

__all__ = ["PASSES", "STEPS", "Labeller", "Step", "Tracked", "check", "fit", "track"]

# How often a fit tracks its recordings: as they are, and after each of the first two steps.
PASSES = 3
Step = Literal["confidence", "constants", "survival"]
STEPS: tuple[Step, ...] = ("confidence", "constants", "survival")
Labeller = Callable[[Sequence[Recording], Sequence[Trace]], list[Labels]]


@dataclass(frozen=True, eq=False)
class Tracked:
    """A recording, the tracker on it, and what turned out."""

    recording: Recording
    found: Trace
    labels: Labels


def track(
    recordings: Sequence[Recording],
    label: Labeller,
    config: TrackerConfig,
    calibration: Calibration | None = None,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Tracked]:
    """Track recordings and hold them against what turned out."""
    found = [trace(recording, config, calibration, advance=advance) for recording in recordings]
    labels = label(recordings, found)
    return [Tracked(*one) for one in zip(recordings, found, labels, strict=True)]


def fit(
    recordings: Sequence[Recording],
    label: Labeller,
    config: TrackerConfig,
    *,
    first: Sequence[Tracked] | None = None,
    steps: Collection[Step] = STEPS,
    scene: bool = False,
    afterwards: bool = True,
    say: Callable[[str], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Fit everything.

    Args:
        recordings: At least one.
        label: Says what turned out.
        config: Settings that the constants start from; they name no calibration.
        first: What `track` gave for them without a calibration, if it is at hand.
        steps: What is fitted besides how it is told; without any, tracking stays as it is.
            Survival is how long tracks are kept and, with the constants, the memory of belief.
        scene: Whether the scene of the one recording is kept too.
        afterwards: Whether maps of what smoothing tells are fitted too; takes labels or answers.
        say: Called with a few words before each step that takes time.
        advance: Called with numbers of frames that were tracked: in all `PASSES` times those of
            the recordings, or one time less with `first`.

    Raises:
        InputError: There are no recordings, the settings name a calibration, or a scene is asked
            for of several recordings.
    """
    if not recordings:
        raise InputError("there is nothing to fit to")
    if config.calibration:
        raise InputError("the settings name a calibration already: fit without it")
    if scene and len(recordings) > 1:
        raise InputError("a scene belongs to one camera: give one sequence")
    if first is None:
        say("tracking")
        first = track(recordings, label, config, advance=advance)
    frames = sum(map(len, recordings))
    say("fitting what confidences are worth")
    model = ScoreModel()
    if "confidence" in steps:
        model, _ = fit_score_model(
            [one.labels.detected for one in first], first[0].labels.trust_of_boxes
        )
    now, latest = Calibration(confidence=model), first
    if not model.is_identity:
        say("tracking with it")
        latest = track(recordings, label, config, now, advance=advance)
    else:
        advance(frames)
    say("fitting the constants of the belief")
    found, labels = [one.found for one in latest], [one.labels for one in latest]
    constants = Constants()
    if "constants" in steps:
        constants = fit_constants(found, labels, config.existence, memory="survival" in steps)
    if "survival" in steps:
        kept = fit_survival([one.gaps for one in labels if one.gaps], config.existence)
        constants = replace(constants, **kept.given)
    now = Calibration(confidence=model, constants=constants)
    if constants.given:
        say("tracking with them")
        latest = track(recordings, label, config, now, advance=advance)
    else:
        advance(frames)
    say("fitting how it is told")
    # A guess knows too little of boxes and tracks apart to say where the two meet.
    of_labels = first[0].labels.trust.is_of_labels
    told = _told(now, latest, scene, config.score.agreement if of_labels else 1.0)
    if not afterwards or not first[0].labels.afterwards:
        return told
    say("fitting how it is told afterwards")
    return replace(told, afterwards=fit_afterwards(recordings, label, config, told))


def check(tracked: Sequence[Tracked]) -> str:
    """Whether truth fits the detections, and whether they show what they must.

    Args:
        tracked: What `track` gave with `by_truth`.

    Returns:
        What is missing for a good fit, in words; "" if nothing.

    Raises:
        InputError: No detection shows an object: truth and detections are hardly of the same
            footage.
    """
    right = np.concatenate([one.labels.detected.right for one in tracked])
    if not len(right):
        raise InputError(
            "no detection is judged: there are none, or all lie in frames without labels, in"
            " ignored areas, or are of classes that are not judged (see --classes)"
        )
    if not right.any():
        raise InputError(
            f"none of {len(right):,} detections shows an object of the truth: are both of the same"
            " footage, with frames counted from the same number, boxes in the same pixels, and"
            " the same classes? `conftrack evaluate` shows what matches"
        )
    if right.all():
        return (
            "every detection is right, so nothing is known of false ones: record with a lower"
            " threshold (conftrack run --save all --threshold 0.05)"
        )
    return ""


def _told(now: Calibration, latest: Sequence[Tracked], scene: bool, meet_at: float) -> Calibration:
    """The calibration with its maps, its scene, and what is known of the fit."""
    found = [one.found for one in latest]
    labels = [one.labels for one in latest]
    counts = np.concatenate([one.counts for one in labels])
    real = np.concatenate([one.real for one in labels])[counts]
    cluster, stretch = (joined(found, name)[counts] for name in ("track_id", "stretch"))
    trust = labels[0].trust
    believed, of_seen, of_coasted = fit_maps(found, labels, meet_at)
    first = np.unique(cluster, return_index=True)[1]
    about = About(
        sequences=tuple(one.recording.name for one in latest),
        frames=sum(len(one.recording) for one in latest),
        real_tracks=rounded(float(real[first].sum())),
        false_tracks=rounded(float((1.0 - real[first]).sum())),
        counted_as=round(weights(cluster, stretch, real, trust)[1], 1),
    )
    return Calibration(
        confidence=now.confidence,
        constants=now.constants,
        existence=believed,
        score_seen=of_seen,
        score_coasted=of_coasted,
        consistent=bool(len(real)),
        meet_at=meet_at if len(real) else 1.0,
        scene=found[0].scene if scene else now.scene,
        about=about,
    )
