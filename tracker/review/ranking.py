"""The frames most worth labelling, of one run or several.

In: `Run`s and what to rank by. Out: a `Ranking`: the frames that were picked, best first, with
their values and why. All videos are ranked together, so their detections must be of one detector;
`diverse` then spreads the picks over time, looks and videos (`tracker.review.diversity`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.review.acquisition import ACQUISITIONS
from tracker.review.diversity import Looks, choose, layouts
from tracker.review.lives import Lives, lives_of
from tracker.review.runs import Run
from tracker.review.signals import SIGNALS, STRONG, Reasons, reasons, signal

__all__ = ["RANKINGS", "Pick", "Pictures", "Ranking", "rank", "values_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Run number and positions of its frames -> (K, D) descriptors of their pictures, None without any.
Pictures = Callable[[int, Sequence[int]], FloatArray | None]

RANKINGS: tuple[str, ...] = (*ACQUISITIONS, *SIGNALS)


@dataclass(frozen=True, slots=True)
class Pick:
    """One frame that was picked.

    Attributes:
        run: Number of its run.
        position: Of the frame in the run.
        value: What it was ranked by.
        reasons: Tracks that make it worth a look.
    """

    run: int
    position: int
    value: float
    reasons: Reasons


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Frames to label, best first.

    Attributes:
        by: What they are ranked by.
        higher_first: Whether high values come first.
        runs: The runs.
        picks: The frames.
        candidates: How many frames there were to choose from.
        looks: What told frames apart, () where likeness was not asked for.
    """

    by: str
    higher_first: bool
    runs: tuple[Run, ...]
    picks: tuple[Pick, ...]
    candidates: int
    looks: tuple[Looks, ...]


def values_of(
    run: Run, by: str, lives: Lives | None = None, *, strong: float = STRONG
) -> FloatArray:
    """What the frames of a run are ranked by.

    Args:
        run: The run.
        by: Of `RANKINGS`.
        lives: Of the run; None works them out.
        strong: Confidence from which the detector by itself would report a box.

    Returns:
        (F,) values; NaN where there is none.

    Raises:
        InputError: An unknown name, or the detections that it needs were not recorded.
    """
    if by not in RANKINGS:
        raise InputError(f"frames can be ranked by {', '.join(RANKINGS)}; got {by!r}")
    if by in SIGNALS:
        return signal(by, run, lives_of(run) if lives is None else lives, strong=strong)
    if by not in run.acquisition:
        raise InputError(
            f"{run.name} has no recorded detections, and {by} is about them: run `conftrack run`"
            " with --save all (or jsonl,detections), or rank by track-disagreement"
        )
    return run.acquisition[by]


def rank(
    runs: Sequence[Run],
    by: str,
    *,
    top: int,
    diverse: bool = False,
    apart_s: float = 1.0,
    per_video: int | None = None,
    likeness: float | None = None,
    pictures: Pictures | None = None,
    strong: float = STRONG,
) -> Ranking:
    """Pick the frames most worth labelling.

    Args:
        runs: One or several, of one detector.
        by: Of `RANKINGS`.
        top: How many to pick at most.
        diverse: No two picks of a video nearer than `apart_s`, none that look the same, and an
            even share of `top` for each video, as far as it has such frames.
        apart_s: Seconds, with `diverse`.
        per_video: Most picks of a video; None with `diverse` is an even share, rounded up.
        likeness: With `diverse`: how unlike two picks must be in [0, 1]; None is the default of
            each descriptor, 0 takes frames that look the same too.
        pictures: Gives descriptors of pictures; None compares the layout of boxes alone.
        strong: As for `values_of`.

    Raises:
        InputError: As `values_of`; no runs, runs of several detectors, a number out of range.
    """
    _check(runs, top, apart_s, per_video, likeness)
    lives = [lives_of(run) for run in runs]
    values = [
        values_of(run, by, life, strong=strong) for run, life in zip(runs, lives, strict=True)
    ]
    higher = ACQUISITIONS[by].higher_first if by in ACQUISITIONS else True
    value = np.concatenate(values)
    video = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    position = np.concatenate([np.arange(len(run)) for run in runs])
    when = np.concatenate([run.timestamp_s for run in runs])
    looked = np.concatenate([run.looked for run in runs])
    worth = np.where(np.isnan(value), -np.inf, value if higher else -value)
    # Of equal ones the earlier comes first, so that the same input gives the same picks.
    order = np.argsort(-worth, kind="stable")
    order = order[looked[order]]
    if by in SIGNALS:  # a frame that has nothing of it is no pick
        order = order[value[order] > 0]
    kinds: tuple[Looks, ...] = ()
    if diverse:
        if per_video is None and len(runs) > 1:
            per_video = -(-top // len(runs))
        told: set[Looks] = set()

        def describe(places: IntArray) -> Mapping[Looks, FloatArray]:
            some = order[places]
            looks = _looks(runs, video[some], position[some], pictures)
            told.intersection_update(looks) if told else told.update(looks)
            return looks

        taken = choose(
            video[order],
            when[order],
            top=top,
            apart_s=apart_s,
            per_video=per_video,
            describe=None if likeness == 0 else describe,
            likeness=likeness,
        )
        kinds = tuple(kind for kind in ("picture", "layout") if kind in told)
    else:
        taken = choose(video[order], when[order], top=top, per_video=per_video)
    best = order[taken]
    why: dict[tuple[int, int], Reasons] = {}
    for v, run in enumerate(runs):
        mine = position[best[video[best] == v]].tolist()
        found = reasons(run, lives[v], mine, strong=strong)
        why |= {(v, p): one for p, one in zip(mine, found, strict=True)}
    picks = [
        Pick(v, p, x, why[v, p])
        for v, p, x in zip(
            video[best].tolist(), position[best].tolist(), value[best].tolist(), strict=True
        )
    ]
    return Ranking(by, higher, tuple(runs), tuple(picks), int(looked.sum()), kinds)


def _looks(
    runs: Sequence[Run], video: IntArray, position: IntArray, pictures: Pictures | None
) -> Mapping[Looks, FloatArray]:
    """Descriptors of frames of several runs; of pictures only where all runs have them."""
    found: dict[Looks, list[tuple[IntArray, FloatArray | None]]] = {"picture": [], "layout": []}
    for v, run in enumerate(runs):
        mine = np.flatnonzero(video == v)
        if not len(mine):
            continue
        wanted = position[mine].tolist()
        found["layout"].append((mine, layouts(run, wanted)))
        shown = None if pictures is None else pictures(v, wanted)
        found["picture"].append((mine, shown))
    out: dict[Looks, FloatArray] = {}
    for kind, parts in found.items():
        given = [(mine, values) for mine, values in parts if values is not None]
        if len(given) < len(parts):
            continue
        table = np.zeros((len(video), given[0][1].shape[1]))
        for mine, values in given:
            table[mine] = values
        out[kind] = table
    return out


def _check(
    runs: Sequence[Run],
    top: int,
    apart_s: float,
    per_video: int | None,
    likeness: float | None,
) -> None:
    if not runs:
        raise InputError("give at least one run")
    if len({run.class_names for run in runs}) > 1:
        raise InputError("these runs have different classes: rank runs of one detector together")
    if top < 1:
        raise InputError(f"top must be at least 1, got {top}")
    if not 0 <= apart_s < float("inf"):
        raise InputError(f"apart_s must be a time >= 0 in seconds, got {apart_s}")
    if per_video is not None and per_video < 1:
        raise InputError(f"per_video must be at least 1, got {per_video}")
    if likeness is not None and not 0 <= likeness <= 1:
        raise InputError(f"likeness must be in [0, 1], got {likeness}")
