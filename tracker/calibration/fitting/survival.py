"""How long an object stays unseen before it is seen again: what says how long a track may coast.

In come objects with the frames in which they were seen; out come `Gaps`, and from them how long
tracks are kept. A gap that outlasts flicker (`FLICKER_S`, through which every track is kept) ends
when the object is seen again, at a rate of 1/τ:

    P(not yet seen again after t more seconds) = e^(−t/τ)

A gap after which the object is never seen again tells as long as the object was still there (it is
censored then). The rate has a Gamma prior, which is conjugate: k returns after k·τ₀ seconds, seen
beforehand, so that after n returns in T seconds of being unseen

    τ = (k τ₀ + T) / (k + n)

and nothing but the amount of data decides how far τ moves. Both n and T count what independent
objects would, see `logistic`. What the tracker keeps unseen beyond flicker is in proportion to τ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.calibration.fitting.logistic import weights
from tracker.calibration.fitting.maps import rounded
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.model import Constants
from tracker.config import ExistenceConfig

__all__ = ["FLICKER_S", "Gaps", "fit_survival", "gaps_of", "return_s"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Gaps up to this are flicker, s.
FLICKER_S = 0.35
# The prior: mean time to the return on five labelled sets, s (0.38 to 1.02), and so many returns:
# far more than its scatter among those is worth (6), for none of them gains by other times, and one
# loses where it moves freely (docs/calibration.md).
_RETURN_S, _RETURNS = 0.67, 100.0
# No time moves further than by this factor.
_FURTHEST = 2.0
_ROUNDING_S = 1e-9


@dataclass(frozen=True, eq=False)
class Gaps:
    """G stretches of time in which an object was looked for and not found, beyond flicker.

    Attributes:
        unseen_s: (G,) how long it was unseen from the first look beyond flicker on, s: until it was
            seen again, or as long as it was there.
        again: (G,) whether it was seen again.
        cluster: (G,) the object.
        stretch: (G,) stretch of time, see `logistic`.
    """

    unseen_s: FloatArray
    again: BoolArray
    cluster: IntArray
    stretch: IntArray

    @classmethod
    def joined(cls, parts: Sequence[Gaps]) -> Gaps:
        """Several sequences as one; objects and stretches are made different."""
        none = np.zeros(0)
        return cls(
            np.concatenate([none, *(part.unseen_s for part in parts)]),
            np.concatenate([none > 0, *(part.again for part in parts)]),
            np.concatenate(
                [none.astype(np.int64), *(p.cluster + (k << 40) for k, p in enumerate(parts))]
            ),
            np.concatenate(
                [none.astype(np.int64), *(p.stretch + (k << 40) for k, p in enumerate(parts))]
            ),
        )


def gaps_of(
    recording: Recording,
    labelled: IntArray,
    seen: tuple[IntArray, IntArray],
    there: tuple[IntArray, IntArray],
) -> Gaps:
    """The gaps of the objects of one sequence.

    Args:
        recording: With the times of its frames.
        labelled: (F,) frames of which truth is known; gaps over others are left out.
        seen: Frames and objects of the right detections, in any order; objects below 0 have no
            identity and are left out.
        there: Frames and objects of the truth.
    """
    time, known = recording.timestamp_s, np.isin(recording.frames, labelled)
    unknown = np.concatenate([[0], np.cumsum(~known)])
    row = np.searchsorted(recording.frames, seen[0])
    truth_row = np.searchsorted(recording.frames, there[0])
    out: list[tuple[float, bool, int, int]] = []
    for one in np.unique(seen[1][seen[1] >= 0]).tolist():
        rows = np.unique(row[seen[1] == one]).tolist()
        gone = int(truth_row[there[1] == one].max())
        ends = [*((end, True) for end in rows[1:]), (gone, False)]
        for last, (end, again) in zip(rows, ends, strict=True):
            first = int(np.searchsorted(time, time[last] + FLICKER_S - _ROUNDING_S))
            if first < end and unknown[end] == unknown[last]:
                stretch = int(recording.stretch_of(recording.frames[last : last + 1])[0])
                out.append((float(time[end] - time[first]), again, one, stretch))
    columns = np.array(out, np.float64).reshape(-1, 4).T
    return Gaps(
        columns[0], columns[1] > 0, columns[2].astype(np.int64), columns[3].astype(np.int64)
    )


def return_s(gaps: Gaps) -> tuple[float, float]:
    """Mean time to the return τ of objects that are unseen beyond flicker.

    Returns:
        τ, s, and the number of independent returns n that it was learned from.

    Example:
        >>> each = np.arange(100)
        >>> none = Gaps(np.zeros(0), np.zeros(0, bool), each[:0], each[:0])
        >>> return_s(none)
        (0.67, 0.0)
        >>> tau, n = return_s(Gaps(np.full(100, 1.0), np.ones(100, bool), each, each))
        >>> round(tau, 3), round(n)  # (100 · 0.67 + 100 · 1) / (100 + 100)
        (0.835, 100)
    """
    weight, _ = weights(gaps.cluster, gaps.stretch, np.ones(len(gaps.again)))
    returns, unseen = float(weight @ gaps.again), float(weight @ gaps.unseen_s)
    return (_RETURNS * _RETURN_S + unseen) / (_RETURNS + returns), returns


def fit_survival(gaps: Sequence[Gaps], config: ExistenceConfig) -> Constants:
    """How long tracks are kept unseen.

    Args:
        gaps: Of each sequence.
        config: The settings, which the times start from.

    Returns:
        The constants of survival, the others None; none at all without a gap.
    """
    joined = Gaps.joined(gaps)
    if not len(joined.again):
        return Constants()
    tau, _ = return_s(joined)
    factor = min(max(tau / _RETURN_S, 1.0 / _FURTHEST), _FURTHEST)
    beyond = max(config.coast_most_s - config.coast_least_s, 0.0)
    return Constants(
        coast_most_s=rounded(config.coast_least_s + factor * beyond),
        max_gap_s=rounded(config.max_gap_s * factor),
    )
