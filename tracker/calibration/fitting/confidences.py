"""What a confidence is worth, from detections and what turned out: the fit of a `ScoreModel`.

In come confidences, outcomes and the tracks that the detections belong to; out goes a model. Four
kinds compete by the log-loss on detections they were not fitted on; a kind with more freedom must
win by more than noise. Lines and bent lines have a prior around "as it is"; isotonic regression,
which could follow anything, counts beside the line as far as there is data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import isotonic_regression

from tracker.calibration.fitting.labels import Detected
from tracker.calibration.fitting.logistic import LABELS, Trust, fit, weights
from tracker.calibration.fitting.maps import fit_map, rounded
from tracker.calibration.score_model import ScoreKind, ScoreModel
from tracker.existence import logit

__all__ = ["KINDS", "fit_score_model", "held_out_loss"]

FloatArray = NDArray[np.float64]

KINDS: tuple[ScoreKind, ...] = ("identity", "platt", "beta", "isotonic")
# A kind with more freedom must win this much log-loss, nats a detection.
_LEAST_GAIN = 0.001
# Scatter of offset and slope among detectors measured.
_DEVIATION = np.array([2.0, 0.6])
# So many independent detections give isotonic regression half of its say.
_ISOTONIC_HALF = 15.0
_KNOTS = 17
_LEAST_RISE = 0.05  # of calibrated by raw log-odds, between knots
# Offsets and slopes of the lines of ordinary detectors: those that the constants were tuned on.
_OFFSETS = (-3.5, 1.5)
_SLOPES = (0.6, 2.5)


def fit_score_model(
    parts: Sequence[Detected], trust: Trust = LABELS
) -> tuple[ScoreModel, dict[str, float]]:
    """Choose and fit a model.

    Args:
        parts: Detections of each sequence; a single one is judged on its quarters in time.
        trust: What the outcomes are worth; a bend is not fitted to guesses.

    Returns:
        The model, and the held-out log-loss of every kind.
    """
    everything = Detected.joined(parts)
    if not len(everything.confidence):
        return ScoreModel(), {}
    loss = held_out_loss(parts, trust)
    chosen: ScoreKind = "identity"
    for kind in KINDS[1:] if trust.is_of_labels else KINDS[1:2]:
        if loss[kind] < loss[chosen] - _LEAST_GAIN:
            chosen = kind
    model = _FITS[chosen](everything, trust)
    return _brought_back(model, everything), loss


def held_out_loss(parts: Sequence[Detected], trust: Trust = LABELS) -> dict[str, float]:
    """Mean log-loss of each kind on detections that it was not fitted on, nats.

    Parts of one sequence share tracks; a track that is judged is not fitted on.
    """
    if len(parts) == 1:
        parts = parts[0].quarters()
        share = True
    else:
        share = False
    total, count = dict.fromkeys(KINDS, 0.0), 0
    for k, judged in enumerate(parts):
        apart = [part for i, part in enumerate(parts) if i != k]
        if share:
            apart = [one.select(~np.isin(one.cluster, judged.cluster)) for one in apart]
        others = Detected.joined(apart)
        if not len(others.confidence) or not len(judged.confidence):
            continue
        count += len(judged.confidence)
        for kind in KINDS:
            z = _FITS[kind](others, trust).log_odds(judged.confidence)
            y = judged.right
            total[kind] += float((np.logaddexp(0.0, z) - y * z).sum())
    return {kind: value / max(count, 1) for kind, value in total.items()}


def _identity(_: Detected, trust: Trust) -> ScoreModel:
    return ScoreModel()


def _platt(found: Detected, trust: Trust) -> ScoreModel:
    z = logit(found.confidence)
    weight, _ = weights(found.cluster, found.stretch, found.right, trust)
    features = np.column_stack([np.ones_like(z), z])
    deviation = _DEVIATION * np.array([1.0, trust.slopes])
    offset, slope = fit(features, found.right, weight, np.array([0.0, 1.0]), deviation).tolist()
    slope = rounded(max(slope, _LEAST_RISE))
    return ScoreModel("platt", rounded(offset), slope, slope)


def _beta(found: Detected, trust: Trust) -> ScoreModel:
    bend = fit_map(logit(found.confidence), found.right, found.cluster, found.stretch, trust=trust)
    return ScoreModel("beta", bend.offset, bend.low, bend.high)


def _isotonic(found: Detected, trust: Trust) -> ScoreModel:
    line = _platt(found, trust)
    z = logit(found.confidence)
    level, place, count = np.unique(z, return_inverse=True, return_counts=True)
    share = np.bincount(place, found.right) / count
    stairs = isotonic_regression(share, weights=count).x
    _, worth = weights(found.cluster, found.stretch, found.right, trust)
    # No step is surer than so many independent detections can tell.
    stairs = np.clip(stairs, 0.5 / (worth + 1.0), 1.0 - 0.5 / (worth + 1.0))
    x = _knots(z)
    free = special.logit(np.interp(x, level, stairs))
    straight = line.log_odds(special.expit(x))
    y = straight + (free - straight) * worth / (worth + _ISOTONIC_HALF)
    # Rising at least a little: y − least · x must not fall.
    y = np.maximum.accumulate(y - _LEAST_RISE * x) + _LEAST_RISE * x
    knots = special.expit(np.column_stack([x, y]))
    return ScoreModel("isotonic", knots=tuple((rounded(a), rounded(b)) for a, b in knots.tolist()))


def _knots(z: FloatArray) -> FloatArray:
    """Where the broken line breaks: half by how many detections there are, half evenly."""
    low, high = float(z.min()), float(z.max())
    if high - low < 1e-3:
        return np.array([low - 1.0, high + 1.0])
    by_count = np.quantile(z, np.linspace(0.0, 1.0, _KNOTS))
    x = 0.5 * (by_count + np.linspace(low, high, _KNOTS))
    apart = np.concatenate([[True], np.diff(x) > 1e-3])
    kept: FloatArray = x[apart]
    return kept


def _brought_back(model: ScoreModel, found: Detected) -> ScoreModel:
    """The model with the line that brings its log-odds back to the scale of raw confidences."""
    if model.kind == "identity":
        return model
    z = logit(found.confidence)
    low, high = np.quantile(z, [0.02, 0.98])
    x = np.linspace(low, max(high, low + 1.0), 50)
    slope, offset = np.polyfit(x, model.log_odds(special.expit(x)), 1)
    return replace(
        model,
        evidence_offset=rounded(float(np.clip(offset, *_OFFSETS))),
        evidence_scale=rounded(float(np.clip(slope, *_SLOPES))),
    )


_FITS: dict[ScoreKind, Callable[[Detected, Trust], ScoreModel]] = {
    "identity": _identity,
    "platt": _platt,
    "beta": _beta,
    "isotonic": _isotonic,
}
