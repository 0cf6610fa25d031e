"""From answers of people to some tracks: how probable it is that every track follows an object.

In come, for each recording, what people said of tracks of a run, and the traces of the tracker; out
go `Labels` with probabilities in place of labels. A fit to the answered tracks alone is wrong, for
they are asked *because* they are in doubt: tracks that are hardly ever clear, in places where
nothing is clear. What is fitted must be true of all tracks.

**The correction.** Whether a track is asked depends on P, its probability in the run, and on
nothing else that is not known of all tracks: maybes by P, audits by chance in piles made by P. So
in a model of "track i is real" that has P in it, the answers that were not given are missing at
random, and the likelihood of those that were given is enough (Rubin, "Inference and missing data",
Biometrika 63, 1976; Little, Rubin, "Statistical Analysis with Missing Data", ch. 6). The model is

    log-odds(real) = a + b · m + c · logit P

m are the log-odds of `mixture`, which looks at each whole life without any label. a, b, c have a
Gaussian prior around values of five labelled sets, so that a few answers move a little. Then every
track of the run that nobody was asked about gets its probability by the model, those that were
answered get the answer, and all fits are made over **all** tracks, each counting what it counts
without answers: what is clear is in them as often as it is there.

**Audits.** The model goes from the maybes to tracks that are not in doubt by b and c alone. Audits
are answers there, and hold it. Within a pile all audits have the same inclusion probability π, so
weights 1/π change nothing in what is estimated of a pile, and would let 20 audits of a pile of
1,000 outweigh all else: the likelihood has none. The weights are what the check is made with:
Hájek's mean Σ(y/π) / Σ(1/π) of each pile stands beside the model's in `Pile`.

**Transfer.** Tracks are tracked again for each step of a fit. A track is that of the run that most
of its detections belong to, and has its answer if it has most of that one's detections. Smoothed
tracks, which have no evidence of their own, have what was told of their detections before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tracker.calibration.fitting.labels import Labels
from tracker.calibration.fitting.logistic import Trust, fit
from tracker.calibration.fitting.mixture import Lives, labels_of, lives, mixture
from tracker.calibration.fitting.recording import Recording
from tracker.calibration.fitting.trace import Trace
from tracker.errors import InputError

__all__ = ["Answered", "Pile", "by_answers", "piles", "told_by_others"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# a, b, c of the model and how far they lie from there, over tracks of five labelled sets.
_PRIOR = np.array([-1.9, 0.17, 0.35])
_DEVIATION = np.array([0.6, 0.04, 0.12])
_NEAREST = 1e-4  # to 0 and 1 that P is taken for
# A track has the answer of the run's track if it has this share of its detections.
_MAIN = 0.5
# So many answers have half of the say that labels of everything have about which tracks are real.
# What they say of single boxes is less: an answer is about the track.
_HALF = 25.0
_SHARE, _MOST, _SLOPES = 0.2, 40.0, 0.55
_PARTS = 10


@dataclass(frozen=True, eq=False)
class Answered:
    """What is known of the K tracks of the run that a recording is from.

    Attributes:
        owner: (M,) row here of the track that took each detection of the recording, -1 for none.
        probability: (K,) P(it follows a real object) as the run has it.
        said: (K,) 1 for yes, 0 for no, NaN for tracks without an answer.
        inclusion: (K,) probability with which it came to be asked; NaN where not answered.
        audited: (K,) whether it was asked at random.
    """

    owner: IntArray
    probability: FloatArray
    said: FloatArray
    inclusion: FloatArray
    audited: NDArray[np.bool_]


@dataclass(frozen=True)
class Pile:
    """Tracks of one kind: how many were answered, and how many are real.

    Attributes:
        name: `yes`, `maybe` or `no`: by their probability.
        tracks: How many there are.
        answered: How many were answered.
        real: How many of these are real.
        audited: Share of real ones that the audits say, each weighed by 1/inclusion; NaN without.
        model: Share of real ones of all that the fit takes.
    """

    name: str
    tracks: int
    answered: int
    real: int
    audited: float
    model: float


def by_answers(
    answered: Sequence[tuple[Recording, Answered]],
) -> Callable[[Sequence[Recording], Sequence[Trace]], list[Labels]]:
    """A labeller that learns from answers.

    Args:
        answered: For each recording what is known of its run; only of these it can label.

    Raises:
        InputError: Nothing is answered with yes or no.
    """
    known = {id(recording): one for recording, one in answered}
    if not any((~np.isnan(one.said)).any() for one in known.values()):
        raise InputError("nothing was answered with yes or no: there is nothing to learn from")

    last: dict[int, FloatArray] = {}

    def labels(recordings: Sequence[Recording], traces: Sequence[Trace]) -> list[Labels]:
        of = [known[id(recording)] for recording in recordings]
        material = _material(of, traces)
        if any(np.isnan(found.evidence[found.seen]).any() for found in traces):
            told = _told_afterwards(material, [last[id(one)] for one in recordings], traces)
        else:
            told = _told(material)
        parts = np.split(told, material.ends)
        for recording, found, real in zip(recordings, traces, parts, strict=True):
            last[id(recording)] = _of_detections(found, real, len(recording.detections))
        n = float((~np.isnan(material.said)).sum())
        say = n / (n + _HALF)
        tracks = Trust(_SHARE + (1 - _SHARE) * say, _MOST + 2 * n, _SLOPES + (1 - _SLOPES) * say)
        boxes = Trust(_SHARE, _MOST + n / 2, _SLOPES)
        return [
            labels_of(recording, found, real, tracks, boxes, afterwards=True)
            for recording, found, real in zip(recordings, traces, parts, strict=True)
        ]

    return labels


def piles(
    answered: Sequence[Answered], traces: Sequence[Trace], *, yes: float = 0.9, no: float = 0.1
) -> list[Pile]:
    """What was asked and what the fit makes of it, for tracks that are likely, in doubt, unlikely.

    Args:
        answered: Of each run.
        traces: The tracker on each recording.
        yes: Probability from which on a track is not in doubt.
        no: Probability below which it is not.
    """
    material = _material(answered, traces)
    # The model's probabilities for tracks of the run: those of the tracks that stand for them.
    real = [np.full(len(one.said), np.nan) for one in answered]
    told = np.split(_told(material), material.ends)
    for mine, q, row, main in zip(
        real,
        told,
        np.split(material.row, material.ends),
        np.split(material.main, material.ends),
        strict=True,
    ):
        mine[row[main]] = q[main]
    p, said, pi, q = (
        np.concatenate(columns)
        for columns in (
            [one.probability for one in answered],
            [one.said for one in answered],
            [one.inclusion for one in answered],
            real,
        )
    )
    audited = np.concatenate([one.audited for one in answered])
    out = []
    for name, here in (("yes", p >= yes), ("maybe", (p >= no) & (p < yes)), ("no", p < no)):
        given = here & ~np.isnan(said)
        drawn = given & audited
        weight = 1.0 / pi[drawn]
        told_here = q[here & ~np.isnan(q)]
        nan = float("nan")
        out.append(
            Pile(
                name,
                int(here.sum()),
                int(given.sum()),
                int(said[given].sum()),
                float(weight @ said[drawn] / weight.sum()) if drawn.any() else nan,
                float(told_here.mean()) if len(told_here) else nan,
            )
        )
    return out


def told_by_others(
    answered: Sequence[Answered], traces: Sequence[Trace]
) -> tuple[float, float, int]:
    """Log-loss of answers as the run told them, and as the model tells them from other answers.

    Answers are in ten parts; each part is told by the model fitted to the others.

    Returns:
        Both, nats an answer, and the number of answers.
    """
    material = _material(answered, traces)
    features = _features(material)
    known = np.flatnonzero(~np.isnan(material.said))
    y = material.said[known]
    z = np.zeros(len(known))
    for part in range(_PARTS):
        mine = np.arange(len(known)) % _PARTS == part
        z[mine] = features[known[mine]] @ _fitted(features, material.said, known[~mine])
    before = special.logit(np.clip(material.probability[known], _NEAREST, 1.0 - _NEAREST))
    losses = [float(np.mean(np.logaddexp(0.0, one) - y * one)) for one in (before, z)]
    return losses[0], losses[1], len(known)


@dataclass(frozen=True, eq=False)
class _Material:
    """All tracks of some traces.

    Attributes:
        lives: Of them.
        row: (N,) row of the run's track in its `Answered`, -1 for none.
        main: (N,) whether it has most of that one's detections.
        probability: (N,) of that track; of its own if there is none.
        said: (N,) the answer, NaN without.
        ends: Where one trace ends and the next begins.
    """

    lives: Lives
    row: IntArray
    main: NDArray[np.bool_]
    probability: FloatArray
    said: FloatArray
    ends: IntArray


def _material(answered: Sequence[Answered], traces: Sequence[Trace]) -> _Material:
    rows, mains, probabilities, said = [], [], [], []
    for one, found in zip(answered, traces, strict=True):
        ids, track = np.unique(found.track_id, return_inverse=True)
        seen = found.seen
        row, share = _owners(track[seen], one.owner[found.detection[seen]], len(ids))
        own = np.bincount(track, found.existence, len(ids)) / np.bincount(track, minlength=len(ids))
        whole = np.bincount(one.owner[one.owner >= 0], minlength=len(one.said))
        there = row >= 0
        # An empty run has no row 0 to look up.
        at = row[there]
        main, p, answer = np.zeros(len(ids), np.bool_), own, np.full(len(ids), np.nan)
        main[there] = share[there] >= _MAIN * whole[at]
        p[there], answer[there] = one.probability[at], one.said[at]
        rows.append(row)
        mains.append(main)
        probabilities.append(p)
        said.append(np.where(main, answer, np.nan))
    return _Material(
        Lives.joined([lives(found) for found in traces]),
        np.concatenate(rows),
        np.concatenate(mains),
        np.concatenate(probabilities),
        np.concatenate(said),
        np.cumsum([len(row) for row in rows])[:-1],
    )


def _owners(track: IntArray, owner: IntArray, count: int) -> tuple[IntArray, FloatArray]:
    """(N,) the owner that most detections of each track have, and how many have it."""
    pair, number = np.unique(np.column_stack([track, owner]), axis=0, return_counts=True)
    row, share = np.full(count, -1, np.int64), np.zeros(count)
    for k in np.argsort(number, kind="stable"):  # of several the last one stays: the greatest
        row[pair[k, 0]], share[pair[k, 0]] = pair[k, 1], number[k]
    return row, share


def _features(material: _Material) -> FloatArray:
    """(N, 3) of a, b, c."""
    _, odds = mixture(material.lives)
    p = np.clip(material.probability, _NEAREST, 1.0 - _NEAREST)
    return np.column_stack([np.ones(len(odds)), odds, special.logit(p)])


def _fitted(features: FloatArray, said: FloatArray, known: IntArray) -> FloatArray:
    """(3,) a, b, c."""
    return fit(features[known], said[known], np.ones(len(known)), _PRIOR, _DEVIATION)


def _told(material: _Material) -> FloatArray:
    """(N,) how probable it is that each track is real."""
    features = _features(material)
    known = np.flatnonzero(~np.isnan(material.said))
    told: FloatArray = special.expit(features @ _fitted(features, material.said, known))
    told[known] = material.said[known]
    return told


def _of_detections(found: Trace, real: FloatArray, count: int) -> FloatArray:
    """(M,) what was told of the track that took each detection, NaN for none."""
    _, track = np.unique(found.track_id, return_inverse=True)
    told = np.full(count, np.nan)
    told[found.detection[found.seen]] = real[track[found.seen]]
    return told


def _told_afterwards(
    material: _Material, before: Sequence[FloatArray], traces: Sequence[Trace]
) -> FloatArray:
    """(N,) the same of smoothed tracks: what was told of their detections, in the mean."""
    told = []
    for found, known in zip(traces, before, strict=True):
        ids, track = np.unique(found.track_id, return_inverse=True)
        row = found.detection[found.seen]
        there = ~np.isnan(known[row])
        mine = track[found.seen][there]
        hits = np.bincount(mine, minlength=len(ids))
        sums = np.bincount(mine, known[row[there]], len(ids))
        told.append(np.divide(sums, hits, out=np.full(len(ids), 0.5), where=hits > 0))
    out = np.concatenate(told)
    answered = ~np.isnan(material.said)
    out[answered] = material.said[answered]
    return out
