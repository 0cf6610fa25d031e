"""Without labels: how probable it is that each track follows an object, from its whole life.

In come the traces of some recordings; out go `Labels` with probabilities in place of labels. A
track that has ended tells more than it did while it lived: how long it was there, how sure its
detections were in the mean, how much spoke against its places, whether it moved. Three kinds of
tracks are mixed, each with its own distribution of these four:

| kind | there for | evidence | spoken against | moved |
|---|---|---|---|---|
| object | seconds | well above the usual | little | mostly |
| transient clutter | a look or two | usual | some | no |
| persistent clutter | a second, again and again | a little above the usual | much | sometimes |

EM (Dempster, Laird, Rubin, JRSS B 39, 1977) finds the distributions of this camera and detector,
with priors that keep each kind what it is. The four say much the same thing, and are not
independent as the mixture has it; so the log-odds that come out are too far from 0, always by about
the same factor, and are told by a line that was measured on labelled sequences.

Boxes: of those of an object, most that were seen are right, of predicted ones half if the object
was seen again after them, few if not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.calibration.fitting.labels import Detected, Labels, tracks_of
from tracker.calibration.fitting.logistic import Trust
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.fitting.trace import Trace

__all__ = ["Lives", "Mixture", "by_mixture", "labels_of", "lives", "mixture"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

OBJECT = 0
_STEPS = 200
# The prior counts as this many tracks, and as this share of all.
_PRIOR_TRACKS, _PRIOR_SHARE = 20.0, 0.1
# Shortest life, s: log(life + this) is about normal.
_SOON_S = 0.1
# A track moves or not once it has been there for this long, s.
_TIME_TO_MOVE_S = 1.0
# Mean evidence of n looks scatters with σ² (ρ + (1 − ρ) / n); a look in full is several hits.
_ALIKE, _HITS_A_LOOK = 0.3, 3.0
# log-odds told = offset + slope · log-odds of the mixture: fitted on five labelled sets together,
# and nearly the same without any one of them.
_OFFSET, _SLOPE = -1.6, 0.22
# P(right) of a box of an object: seen; predicted and seen again later; predicted and not seen
# again. And of a box of clutter. Means over the same sets.
_RIGHT_SEEN, _RIGHT_BETWEEN, _RIGHT_AFTER, _RIGHT_CLUTTER = 0.9, 0.5, 0.15, 0.03
# What such probabilities are worth beside labels (docs/calibration.md has the measurements).
_TRUST = Trust(share=0.2, most=40.0, slopes=0.55)


@dataclass(frozen=True, eq=False)
class Lives:
    """N tracks, each as a whole.

    Attributes:
        log_life: (N,) log of the seconds from first to last hit, plus a little.
        evidence: (N,) mean evidence of the hits.
        hits: (N,) their number.
        against: (N,) mean of what spoke against their places.
        moved: (N,) whether the track left the place where it began; NaN if it was too short.
    """

    log_life: FloatArray
    evidence: FloatArray
    hits: FloatArray
    against: FloatArray
    moved: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Lives]) -> Lives:
        """Several recordings as one."""
        names = ("log_life", "evidence", "hits", "against", "moved")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.log_life)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Distributions of the three kinds: object, transient and persistent clutter.

    Attributes:
        share: (3,) of all tracks.
        life: (2, 3) mean and deviation of `log_life`.
        evidence: (2, 3) the same of the evidence of a look.
        against: (2, 3) the same of what spoke against.
        moved: (3,) share that moved.
    """

    share: FloatArray
    life: FloatArray
    evidence: FloatArray
    against: FloatArray
    moved: FloatArray


# Evidence is counted from the median of all tracks.
_PRIOR = Mixture(
    share=np.array([0.05, 0.55, 0.40]),
    life=np.array([np.log([5.0, 0.15, 1.0]), [1.0, 0.5, 0.9]]),
    evidence=np.array([[2.8, -0.1, 0.4], [1.3, 0.8, 0.9]]),
    against=np.array([[0.5, 0.9, 1.3], [0.45, 0.8, 0.9]]),
    moved=np.array([0.8, 0.02, 0.4]),
)


def by_mixture(recordings: Sequence[Recording], traces: Sequence[Trace]) -> list[Labels]:
    """Probabilities in place of labels, for recordings of one detector.

    Args:
        recordings: Their truth is not looked at.
        traces: The tracker on each.
    """
    parts = [lives(found) for found in traces]
    _, odds = mixture(Lives.joined(parts))
    told = special.expit(_OFFSET + _SLOPE * odds)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return [
        labels_of(recording, found, real)
        for recording, found, real in zip(recordings, traces, np.split(told, ends), strict=True)
    ]


def lives(found: Trace) -> Lives:
    """The tracks of a trace, by ascending id."""
    _, track = np.unique(found.track_id, return_inverse=True)
    n = int(track.max(initial=-1)) + 1
    seen = found.seen
    hits = np.bincount(track[seen], minlength=n).astype(np.float64)
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, track[seen], found.timestamp_s[seen])
    np.maximum.at(last, track[seen], found.timestamp_s[seen])
    life = last - first
    moved = np.zeros(n)
    np.maximum.at(moved, track, found.moved.astype(np.float64))
    return Lives(
        np.log(life + _SOON_S),
        np.bincount(track[seen], found.evidence[seen], n) / hits,
        hits,
        np.bincount(track[seen], found.against[seen], n) / hits,
        np.where(life >= _TIME_TO_MOVE_S, moved, np.nan),
    )


def mixture(tracks: Lives) -> tuple[Mixture, FloatArray]:
    """Fit the mixture.

    Args:
        tracks: All of them.

    Returns:
        The distributions, and the (N,) log-odds that each track follows an object.
    """
    middle = float(np.median(tracks.evidence)) if len(tracks) else 0.0
    start = replace(_PRIOR, evidence=_PRIOR.evidence + np.array([[middle], [0.0]]))
    now, trust = start, _PRIOR_TRACKS + _PRIOR_SHARE * len(tracks)
    for _ in range(_STEPS if len(tracks) else 0):
        before, now = now, _maximised(tracks, _shares(tracks, now), start, now, trust)
        if np.abs(before.evidence - now.evidence).max() < 1e-6:
            break
    likely = _log_likelihoods(tracks, now)
    odds = likely[:, OBJECT] - np.logaddexp(likely[:, 1], likely[:, 2])
    return now, odds


def _log_likelihoods(tracks: Lives, now: Mixture) -> FloatArray:
    """(N, 3) of each kind, with its share."""
    out = np.log(now.share) + _normal(tracks.log_life, *now.life)
    variance = _of_mean(tracks, now.evidence[1])
    out = out + _normal(tracks.evidence, now.evidence[0], np.sqrt(variance))
    out += _normal(tracks.against, *now.against)
    told = ~np.isnan(tracks.moved)
    moved = tracks.moved[told, None]
    out[told] += np.where(moved > 0, np.log(now.moved), np.log1p(-now.moved))
    likelihoods: FloatArray = out
    return likelihoods


def _shares(tracks: Lives, now: Mixture) -> FloatArray:
    """(N, 3) the E step: how far each track belongs to each kind."""
    shares: FloatArray = special.softmax(_log_likelihoods(tracks, now), axis=1)
    return shares


def _maximised(
    tracks: Lives, belongs: FloatArray, start: Mixture, now: Mixture, trust: float
) -> Mixture:
    """The M step: distributions of greatest posterior probability."""
    # Mean evidence of few looks scatters more, and counts less.
    sure = belongs * now.evidence[1] ** 2 / _of_mean(tracks, now.evidence[1])
    told = ~np.isnan(tracks.moved)
    moved = belongs[told].T @ tracks.moved[told] + trust * start.moved
    return Mixture(
        share=(belongs.sum(axis=0) + trust * start.share) / (len(tracks) + trust),
        life=_moments(tracks.log_life, belongs, belongs, start.life, trust),
        evidence=_moments(tracks.evidence, sure, belongs, start.evidence, trust),
        against=_moments(tracks.against, belongs, belongs, start.against, trust),
        moved=moved / (belongs[told].sum(axis=0) + trust),
    )


def _moments(
    x: FloatArray, sure: FloatArray, belongs: FloatArray, start: FloatArray, trust: float
) -> FloatArray:
    """(2, 3) mean and deviation of each kind, with what was known before."""
    mean = (sure.T @ x + trust * start[0]) / (sure.sum(axis=0) + trust)
    squares = (sure * (x[:, None] - mean) ** 2).sum(axis=0) + trust * start[1] ** 2
    return np.array([mean, np.sqrt(squares / (belongs.sum(axis=0) + trust))])


def _of_mean(tracks: Lives, deviation: FloatArray) -> FloatArray:
    """(N, 3) variance of the mean evidence of each track, for each kind."""
    looks = np.maximum(tracks.hits / _HITS_A_LOOK, 1.0)[:, None]
    variance: FloatArray = deviation**2 * (_ALIKE + (1.0 - _ALIKE) / looks)
    return variance


def _normal(x: FloatArray, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """(N, 3) log-densities, up to a constant."""
    density: FloatArray = -0.5 * ((x[:, None] - mean) / deviation) ** 2 - np.log(deviation)
    return density


def labels_of(
    recording: Recording,
    found: Trace,
    told: FloatArray,
    trust: Trust = _TRUST,
    trust_of_boxes: Trust | None = None,
    *,
    afterwards: bool = False,
) -> Labels:
    """What is probable of every row and detection, from what is of every track.

    Args:
        recording: What was tracked.
        found: The tracker on it.
        told: (K,) P(real) of each track, by ascending id.
        trust: What that is worth.
        trust_of_boxes: What it is worth for single boxes; None: the same.
        afterwards: Whether the labeller can tell of smoothed tracks, too.
    """
    ids, track = np.unique(found.track_id, return_inverse=True)
    real = told[track]
    seen = found.seen
    last = np.full(len(ids), -np.inf)
    np.maximum.at(last, track[seen], found.timestamp_s[seen])
    between = ~seen & (found.timestamp_s < last[track])
    of_object = np.where(seen, _RIGHT_SEEN, np.where(between, _RIGHT_BETWEEN, _RIGHT_AFTER))
    of_clutter = np.where(seen | between, _RIGHT_CLUTTER, 0.0)
    right = real * of_object + (1.0 - real) * of_clutter
    detections = recording.detections
    cluster = tracks_of(found, len(detections))
    taken = cluster >= 0
    of_detection = np.full(len(detections), _RIGHT_CLUTTER)
    of_detection[found.detection[seen]] = right[seen]
    looked = np.isin(detections.frame, recording.frames) & taken
    return Labels(
        counts=np.ones(len(found), np.bool_),
        right=right,
        real=real,
        detected=Detected(
            detections.score[looked],
            of_detection[looked],
            cluster[looked],
            recording.stretch_of(detections.frame[looked]),
            detections.frame[looked],
        ),
        trust=trust,
        boxes=trust_of_boxes,
        afterwards=afterwards,
    )
