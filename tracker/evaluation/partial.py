"""What answers to some of a run's tracks tell of all of them: partial truth.

In: the probability of every track, and for some of them whether people say that it is real. Out:
`Partial`: precision of those believed in, and whether probability and existence are true, with
intervals. What was never asked about is not told: objects without a track are in no answer.

**Strata.** The tracks are cut by their probability P, which decided what was asked:

| stratum | tracks | who answers for it |
|---|---|---|
| yes | the N of greatest P | audits drawn from these N |
| maybe | those between the least and the greatest P that was asked about as in doubt | these |
| no | the N of least P | audits drawn from these N |

An answer stands for N_s / n_s tracks: the size of its stratum over the answers in it. For a pile
that is 1/inclusion (Horvitz, Thompson, JASA 47, 1952) with the sum of weights made equal to what is
known (Hájek), which also makes up for audits that nobody answered yet. What lies between the strata
(maybes that nobody got to), and piles without audits, is not covered, and figures say of how many
tracks they are.

**Intervals.** Calibration figures: bootstrap over answered tracks, within strata. Of five answers
that are all yes a plain bootstrap would say that all are for certain; so each stratum is drawn from
as if it had half a yes and half a no more, spread over its answers (Jeffreys' prior). Precision:
the share of each stratum from the posterior with that prior. All are for other footage of the kind:
they do not shrink to nothing when all was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.calibration_error import BINS, Bin

__all__ = ["Estimate", "Partial", "Precision", "Stratum", "TrueOrNot", "partial", "strata"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Interval: TypeAlias = tuple[float, float]

STRATA = ("yes", "maybe", "no")
_REPLICATES = 1000
_CHANCES = 200
_LEVELS = (0.025, 0.975)
_LEAST = 1e-6  # log-loss takes probabilities no nearer to 0 and 1
# So many audits of a pile may be unanswered before its size is taken from those that are.
_UNANSWERED = 1000
_WHOLE = 1e-6


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; NaN where it is not known."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Stratum:
    """Tracks that are asked about in one way: how many, how many answered, how many real."""

    name: str
    tracks: int
    answered: int
    real: int


@dataclass(frozen=True, slots=True)
class Precision:
    """How many of some tracks are real.

    Attributes:
        name: Which tracks.
        tracks: How many there are.
        covered: How many of them answers speak for.
        answered: How many were answered.
        share: Share of real ones among those covered.
        false: Expected number of false ones among those covered.
    """

    name: str
    tracks: int
    covered: int
    answered: int
    share: Estimate
    false: Estimate


@dataclass(frozen=True, slots=True)
class TrueOrNot:
    """Whether a probability is true, over what is covered.

    Attributes:
        mean: Mean probability.
        true_share: Share that came true; equals `mean` where all is well.
        ece: Expected calibration error, bins of equal width.
        ece_by_chance: What it would be in the mean if the probability were true, with as few
            answers: an `ece` no greater than this is no sign of anything.
        brier: Mean squared distance from 0 or 1.
        log_loss: Mean −log of the probability of what came true, nats.
        bins: The non-empty bins; `boxes` is the number of tracks, or of boxes, that they stand for.
    """

    mean: Estimate
    true_share: Estimate
    ece: Estimate
    ece_by_chance: float
    brier: Estimate
    log_loss: Estimate
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """All figures.

    Attributes:
        tracks: Number of tracks of the run.
        covered: How many of them the answers speak for.
        answered: Number of tracks answered with yes or no.
        strata: How they were asked.
        precision: Of several kinds of tracks.
        probability: Whether that of a track is true, over tracks.
        existence: Whether that told of each box is, over the boxes of the tracks.
    """

    tracks: int
    covered: int
    answered: int
    strata: tuple[Stratum, ...]
    precision: tuple[Precision, ...]
    probability: TrueOrNot
    existence: TrueOrNot


def strata(
    probability: FloatArray, said: FloatArray, inclusion: FloatArray, audited: BoolArray
) -> IntArray:
    """(K,) number of each track's stratum in `STRATA`, -1 where answers do not speak for it.

    How large the piles were follows from what was drawn: n of N audits have inclusion n/N, so N is
    n/inclusion for the least n from the number of answers on that makes it a whole number and a
    pile that holds all of its audits.

    Args:
        probability: (K,) P of each track.
        said: (K,) 1, 0, or NaN where not answered.
        inclusion: (K,) probability with which each answered one was asked.
        audited: (K,) whether it was asked at random.

    Example:
        >>> p = np.array([0.99, 0.95, 0.7, 0.5, 0.4, 0.05, 0.02])
        >>> said = np.array([1.0, np.nan, np.nan, 1.0, 0.0, np.nan, 0.0])
        >>> drawn = np.array([1, 0, 0, 0, 0, 0, 1], bool)
        >>> strata(p, said, np.where(drawn, 0.5, 1.0), drawn).tolist()
        [0, 0, -1, 1, 1, 2, 2]
    """
    given = ~np.isnan(said)
    doubt = probability[given & ~audited]
    out = np.full(len(probability), -1, np.int64)
    low, high = (float(doubt.min()), float(doubt.max())) if len(doubt) else (0.5, 0.5)
    if len(doubt):
        out[(probability >= low) & (probability <= high)] = 1
    drawn = given & audited
    # An audit with a P that was in doubt is of the pile it is nearer to.
    upper = drawn & (probability > 0.5 * (low + high))
    # A pile ends where the maybes begin.
    beyond = (probability > high, probability < low) if len(doubt) else (upper | True, upper | True)
    for number, mine, most, order in (
        (0, upper, beyond[0], np.argsort(-probability, kind="stable")),
        (2, drawn & ~upper, beyond[1], np.argsort(probability, kind="stable")),
    ):
        if mine.any():
            out[order[: _pile(order, mine, inclusion, int(most.sum()))]] = number
    return out


def partial(
    *,
    probability: FloatArray,
    said: FloatArray,
    inclusion: FloatArray,
    audited: BoolArray,
    kinds: Mapping[str, BoolArray],
    existence: FloatArray,
    row_track: IntArray,
    seed: int = 0,
) -> Partial:
    """Hold a run against answers.

    Args:
        probability: (K,) P(it is real) of each track of the run.
        said: (K,) 1 for yes, 0 for no, NaN where not answered.
        inclusion: (K,) probability with which each answered one was asked; NaN elsewhere.
        audited: (K,) whether it was asked at random.
        kinds: Name -> (K,) tracks whose precision is wanted.
        existence: (R,) told of each box of all tracks.
        row_track: (R,) row of its track.
        seed: Of the intervals; the same seed gives the same ones.
    """
    rng = np.random.default_rng(seed)
    stratum = strata(probability, said, inclusion, audited)
    # Answers are counted where they speak: an audit may have come to lie among the maybes.
    given = ~np.isnan(said) & (stratum >= 0)
    size, answers = (np.bincount(stratum[m] + 1, minlength=4)[1:] for m in (stratum >= 0, given))
    stratum = np.where((stratum >= 0) & (answers[stratum] > 0), stratum, -1)
    known = np.flatnonzero(given)
    n = len(known)
    # Each answered track twice: as it was answered, and for the intervals the other way round.
    weight = np.concatenate([size[stratum[known]] / answers[stratum[known]], np.zeros(n)])
    real = np.concatenate([said[known], 1.0 - said[known]])
    sums = _Sums.of_boxes(np.tile(probability[known], 2), np.arange(2 * n), real)
    box = np.isin(row_track, known)
    row = np.searchsorted(known, row_track[box])
    of_boxes = _Sums.of_boxes(np.tile(existence[box], 2), np.concatenate([row, row + n]), real)
    draws = _resampled(stratum[known], rng) * np.tile(weight[:n], 2)
    return Partial(
        tracks=len(probability),
        covered=int((stratum >= 0).sum()),
        answered=int((~np.isnan(said)).sum()),
        strata=tuple(
            Stratum(
                name,
                int(size[k]) if answers[k] else 0,
                int(answers[k]),
                int(said[given & (stratum == k)].sum()),
            )
            for k, name in enumerate(STRATA)
        ),
        precision=tuple(
            _precision(name, mask, stratum, said, given, rng) for name, mask in kinds.items()
        ),
        probability=_true_or_not(sums, weight, draws, rng),
        existence=_true_or_not(of_boxes, weight, draws, rng),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """What each of n answered tracks adds: (n, BINS) numbers, sums of p; and sums of errors.

    `real` (n,) is its answer, which is that of all its boxes.
    """

    count: FloatArray
    told: FloatArray
    brier: FloatArray
    loss: FloatArray
    real: FloatArray

    @classmethod
    def of_boxes(cls, p: FloatArray, track: IntArray, real: FloatArray) -> _Sums:
        n = len(real)
        place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        at, shape = track * BINS + place, (n, BINS)
        q, y = np.clip(p, _LEAST, 1.0 - _LEAST), real[track]
        loss = -np.where(y > 0, np.log(q), np.log1p(-q))
        return cls(
            np.bincount(at, minlength=n * BINS).reshape(shape).astype(np.float64),
            np.bincount(at, p, n * BINS).reshape(shape).astype(np.float64),
            np.bincount(track, (p - y) ** 2, n).astype(np.float64),
            np.bincount(track, loss, n).astype(np.float64),
            real,
        )


def _pile(order: IntArray, mine: BoolArray, inclusion: FloatArray, most: int) -> int:
    """Tracks in the pile that audits were drawn from: the first so many in this order."""
    share = float(inclusion[mine].max())
    last = int(np.flatnonzero(mine[order])[-1]) + 1
    n = int(mine.sum())
    for drawn in range(n, n + _UNANSWERED):
        size = drawn / share
        if size > max(most, last) + 0.5:
            break
        if round(size) >= last and abs(size - round(size)) < _WHOLE * size:
            return round(size)
    return max(min(round(n / share), most), last)


def _resampled(stratum: IntArray, rng: np.random.Generator) -> FloatArray:
    """(B, 2 n) how often each answer is drawn as it is, and as its contrary."""
    n = len(stratum)
    out = np.zeros((_REPLICATES, 2 * n))
    for k in np.unique(stratum):
        mine = np.flatnonzero(stratum == k)
        m = len(mine)
        contrary = np.full(m, 0.5 / (m * (m + 1.0)))
        chance = np.concatenate([1.0 / m - contrary, contrary])
        out[:, np.concatenate([mine, mine + n])] = rng.multinomial(m, chance, _REPLICATES)
    return out


def _true_or_not(
    sums: _Sums, weight: FloatArray, draws: FloatArray, rng: np.random.Generator
) -> TrueOrNot:
    nan = float("nan")
    if not len(weight):
        none = Estimate(nan, (nan, nan))
        return TrueOrNot(none, none, none, nan, none, none, ())
    count, told, true = _binned(sums, weight[None], sums.real)
    value = _errors(sums, weight[None], sums.real)
    spread = _errors(sums, draws, sums.real)
    # If the mean probability of a track's boxes were that of the track being real.
    p = sums.told.sum(axis=1) / np.maximum(sums.count.sum(axis=1), 1.0)
    drawn = (rng.random((_CHANCES, len(p))) < p).astype(np.float64)
    by_chance = np.abs(told - (weight * drawn) @ sums.count).sum(axis=1) / count.sum()
    estimates = {name: _around(float(value[name][0]), spread[name]) for name in spread}
    there = np.flatnonzero(count[0] > 0)
    return TrueOrNot(
        **estimates,
        ece_by_chance=float(by_chance.mean()),
        bins=tuple(
            Bin(round(float(count[0, k])), float(told[0, k] / count[0, k]),
                float(true[0, k] / count[0, k]))
            for k in there
        ),
    )  # fmt: skip


def _binned(
    sums: _Sums, weight: FloatArray, real: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(B, BINS) numbers, told and true in each bin, for B rows of weights."""
    return weight @ sums.count, weight @ sums.told, (weight * real) @ sums.count


def _errors(sums: _Sums, weight: FloatArray, real: FloatArray) -> dict[str, FloatArray]:
    """Figures for B rows of weights, (B,) each."""
    count, told, true = _binned(sums, weight, real)
    total = np.maximum(count.sum(axis=1), _LEAST)
    return {
        "mean": told.sum(axis=1) / total,
        "true_share": true.sum(axis=1) / total,
        "ece": np.abs(told - true).sum(axis=1) / total,
        "brier": weight @ sums.brier / total,
        "log_loss": weight @ sums.loss / total,
    }


def _precision(
    name: str,
    mask: BoolArray,
    stratum: IntArray,
    said: FloatArray,
    given: BoolArray,
    rng: np.random.Generator,
) -> Precision:
    """Of the tracks of a kind, stratum by stratum: some may have no answer of the kind."""
    covered, answered, false = 0, 0, 0.0
    drawn = np.zeros(_REPLICATES)
    for k in range(len(STRATA)):
        mine = mask & (stratum == k)
        asked = mine & given
        if not asked.any():
            continue
        size, n, real = int(mine.sum()), int(asked.sum()), float(said[asked].sum())
        covered, answered = covered + size, answered + n
        false += size * (1.0 - real / n)
        drawn += size * rng.beta(n - real + 0.5, real + 0.5, _REPLICATES)
    nan = float("nan")
    if not covered:
        none = Estimate(nan, (nan, nan))
        return Precision(name, int(mask.sum()), 0, 0, none, none)
    expected = _around(false, drawn)
    low, high = expected.interval
    return Precision(
        name,
        int(mask.sum()),
        covered,
        answered,
        Estimate(1.0 - false / covered, (1.0 - high / covered, 1.0 - low / covered)),
        expected,
    )


def _around(value: float, draws: FloatArray) -> Estimate:
    """With its interval, which holds the value itself: of ten right ones all may be right."""
    low, high = np.quantile(draws, _LEVELS).tolist()
    return Estimate(value, (min(low, value), max(high, value)))
