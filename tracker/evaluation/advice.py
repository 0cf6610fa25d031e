"""Which threshold to use: from what a miss and a false alarm cost, or from what is wanted.

In: `Events` and a `Goal`. Out: `Advice`: the threshold, what it gives, what it costs, and how far
all of that can be trusted: 95 % intervals from a bootstrap that draws whole tracks (and objects
that no track found), because the boxes of one track are right or wrong together. The threshold is
chosen on the very data it is judged on; other footage will be a little worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.curves import Curve, curve
from tracker.evaluation.events import Events
from tracker.evaluation.goals import Goal

__all__ = ["Advice", "Interval", "Point", "advise"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Interval: TypeAlias = tuple[float, float]

_REPLICATES = 1000
# Thresholds that the bootstrap looks at; more change an interval's third digit.
_STEPS = 1000
_CHUNK = 50
_LEVELS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold gives.

    Attributes:
        threshold: Infinite where nothing is let through.
        true, false, missed: Counts.
        precision, recall, f1: Shares, NaN of nothing.
        cost: By the costs of the goal, NaN without costs.
    """

    threshold: float
    true: int
    false: int
    missed: int
    precision: float
    recall: float
    f1: float
    cost: float


@dataclass(frozen=True, slots=True)
class Advice:
    """The threshold that serves a goal.

    Attributes:
        goal: What was wanted.
        reached: Whether any threshold gives it; else the nearest is `chosen`.
        chosen: The threshold and what it gives.
        usual: What a threshold of 0.5 gives, to compare with.
        believed: The threshold that a true probability would call for; NaN without costs.
        threshold: 95 % interval of the threshold, from the replicates that reach the goal.
        precision, recall, cost: 95 % intervals at the chosen threshold.
        attained: Share of the replicates in which the goal can be reached at all.
        false_per_1000, missed_per_1000: False events and missed objects at the chosen threshold
            for 1,000 frames.
        false_per_hour, missed_per_hour: The same for an hour, NaN without a frame rate.
        clusters: Number of tracks and lost objects that were drawn from.
        sweep: What every threshold gives.
    """

    goal: Goal
    reached: bool
    chosen: Point
    usual: Point
    believed: float
    threshold: Interval
    precision: Interval
    recall: Interval
    cost: Interval
    attained: float
    false_per_1000: float
    missed_per_1000: float
    false_per_hour: float
    missed_per_hour: float
    clusters: int
    sweep: Curve


def advise(material: Events, goal: Goal, *, replicates: int = _REPLICATES, seed: int = 0) -> Advice:
    """Choose a threshold.

    Args:
        material: What the threshold decides over.
        goal: What is wanted.
        replicates: Bootstrap samples.
        seed: Of the samples; the same seed gives the same intervals.

    Returns:
        The threshold with what it gives and how sure that is.

    Example:
        >>> two = Events(
        ...     value=np.array([0.9, 0.2, 0.6]), right=np.array([True, True, False]),
        ...     cluster=np.array([0, 1, 2]), objects=np.array([1, 1, 0]), frames=10, seconds=1.0)
        >>> advise(two, Goal(cost_miss=10, cost_false=1)).chosen.threshold
        0.2
        >>> advise(two, Goal(cost_miss=1, cost_false=10)).chosen.threshold
        0.9
    """
    sweep = curve(material.value, material.right, int(material.objects.sum()))
    threshold = np.append(np.inf, sweep.threshold)
    true, false = (np.append(0, counts).astype(np.float64) for counts in (sweep.true, sweep.false))
    row, reached = _choose(goal, true[None], false[None], np.array([float(sweep.objects)]))
    chosen = _point(goal, sweep, float(threshold[row[0]]))

    # The same on resampled clusters, over a selection of the thresholds.
    steps = np.unique(np.linspace(0, len(threshold) - 1, _STEPS).round().astype(np.int64))
    steps = np.union1d(steps, row)
    place = np.searchsorted(-threshold[steps], -material.value)
    rows = _resampled(material, place, len(steps), replicates, np.random.default_rng(seed))
    found: list[FloatArray] = []
    at_chosen = int(np.searchsorted(steps, row[0]))
    thresholds, reaching = np.zeros(replicates), np.zeros(replicates, np.bool_)
    done = 0
    for t, f, objects in rows:
        best, ok = _choose(goal, t, f, objects)
        span = slice(done, done + len(best))
        thresholds[span], reaching[span] = threshold[steps[best]], ok
        found.append(np.stack([t[:, at_chosen], f[:, at_chosen], objects]))
        done += len(best)
    t, f, objects = np.concatenate(found, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = t / (t + f), t / objects
    rates = [
        count / unit if unit else float("nan")
        for unit in (material.frames / 1000.0, material.seconds / 3600.0)
        for count in (chosen.false, chosen.missed)
    ]
    return Advice(
        goal=goal,
        reached=bool(reached[0]),
        chosen=chosen,
        usual=_point(goal, sweep, 0.5),
        believed=goal.believed,
        threshold=_interval(thresholds[reaching]),
        precision=_interval(precision),
        recall=_interval(recall),
        cost=_interval(goal.cost(t, f, objects)),
        attained=float(reaching.mean()),
        false_per_1000=rates[0],
        missed_per_1000=rates[1],
        false_per_hour=rates[2],
        missed_per_hour=rates[3],
        clusters=len(material.objects),
        sweep=sweep,
    )


def _choose(
    goal: Goal, true: FloatArray, false: FloatArray, objects: FloatArray
) -> tuple[IntArray, BoolArray]:
    """(R,) best column for R rows of counts at falling thresholds, and whether the goal is met.

    The first column lets nothing through. Of equally good ones the highest threshold is taken.
    """
    if goal.precision is not None:
        # Letting nothing through is no way to be precise.
        share = true / np.maximum(true + false, 1)
        met = (share >= goal.precision) & (true > 0)
        best, nearest = np.where(met, true, -1).argmax(axis=1), share.argmax(axis=1)
    elif goal.recall is not None:
        met = (true >= goal.recall * objects[:, None] - 1e-9) & (objects[:, None] > 0)
        best, nearest = met.argmax(axis=1), true.argmax(axis=1)
    else:
        met = np.ones(true.shape, np.bool_)
        best = nearest = goal.cost(true, false, objects[:, None]).argmin(axis=1)
    reached: BoolArray = np.asarray(met.any(axis=1))
    return np.where(reached, best, nearest), reached


def _resampled(
    material: Events,
    place: IntArray,
    steps: int,
    replicates: int,
    rng: np.random.Generator,
) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Counts at each step for resampled clusters, in chunks: true, false (R, S), objects (R,)."""
    from scipy.sparse import csr_array

    clusters = len(material.objects)
    if clusters == 0:
        nothing = np.zeros((replicates, steps))
        return [(nothing, nothing, np.zeros(replicates))]
    tables = [
        csr_array(
            (np.ones(int(mask.sum())), (material.cluster[mask], place[mask])),
            shape=(clusters, steps),
        ).T.tocsr()
        for mask in (material.right, ~material.right)
    ]
    out = []
    for start in range(0, replicates, _CHUNK):
        count = min(_CHUNK, replicates - start)
        drawn = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), count)
        weight = drawn.T.astype(np.float64)
        true, false = (np.cumsum(np.asarray(table @ weight).T, axis=1) for table in tables)
        out.append((true, false, np.asarray(drawn @ material.objects, np.float64)))
    return out


def _point(goal: Goal, sweep: Curve, threshold: float) -> Point:
    true, false = sweep.at(threshold)
    nan, missed = float("nan"), sweep.objects - true
    return Point(
        threshold=threshold,
        true=true,
        false=false,
        missed=missed,
        precision=true / (true + false) if true + false else nan,
        recall=true / sweep.objects if sweep.objects else nan,
        f1=2 * true / (true + false + sweep.objects) if true + false + sweep.objects else nan,
        cost=float(goal.cost(*(np.array([float(v)]) for v in (true, false, sweep.objects)))[0]),
    )


def _interval(values: FloatArray) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    # One of the values, so that infinity does not spoil a mean of two.
    low, high = np.quantile(known, _LEVELS, method="nearest")
    return float(low), float(high)
