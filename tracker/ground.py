"""How tall objects are where they stand: the ground, learned on the way.

In come boxes and how far they are believed; out goes what speaks against a box whose height does
not fit its place, in log-odds. Objects of one class that stand on one ground seen by one camera
are about as tall, in pixels, as the foot of their box tells (Hoiem, Efros, Hebert, "Putting
objects in perspective", IJCV 80, 2008). Boxes around half a person, around two, or on a sign far
away stand out.

```
log height = β · (1, y of the foot, x of the foot) + scatter             for each class
```

β is a weighted least-squares fit over the believed boxes, with a weak prior on the slopes, and the
scatter is learned too: where things do not stand on one ground (birds, a drone's view), it grows
and the model falls silent. Boxes that end at the rim of the picture teach nothing: they may be cut.
What was learned fades with a half-life, and faster when the camera tilts or zooms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.config import GroundConfig
from tracker.warp import move_points

__all__ = ["GroundModel", "Learned"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Positions are counted in this many px, so that the numbers of the fit are near 1.
_UNIT_PX = 1000.0
# Precision of the prior on constant and slopes: 0 log-height with these weights.
_PRIOR = np.diag([1e-6, 0.03, 0.03])
# Boxes that end closer than this to the rim may be cut, px.
_RIM_PX = 2.0
# Boxes less believed than this teach nothing.
_LEAST_SCORE = 0.5
# Squared deviations from which on a box teaches less and less, and no less; and at most this of one
# goes into the scatter.
_FAR, _FURTHEST, _LIMIT = 4.0, 30.0, 9.0
# A zoom by a factor e makes it forget as much as a tilt by this many heights of a box.
_ZOOM = 3.0
# No corner of a box so far; finite, so that a snapshot is JSON.
_NOTHING_SEEN = np.finfo(np.float64).max * np.array([1.0, 1.0, -1.0, -1.0])
# What a snapshot keeps; the rest is worked out.
_SUMS = ("xx", "xy", "n", "rss", "seen")


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What is known of C classes; never changed in place.

    Attributes:
        xx: (C, 3, 3) XᵀX of the regressors, weighted.
        xy: (C, 3) Xᵀy.
        n: (C,) seconds of believed boxes, faded.
        rss: (C,) weighted sum of squared residuals.
        seen: (4,) corners around all boxes so far: the rim where no size of the picture was given.
        beta: (C, 3) the fit.
        inverse: (C, 3, 3) (XᵀX + prior)⁻¹.
        variance: (C,) of the scatter around the fit.
    """

    xx: FloatArray
    xy: FloatArray
    n: FloatArray
    rss: FloatArray
    seen: FloatArray
    beta: FloatArray
    inverse: FloatArray
    variance: FloatArray

    @classmethod
    def fitted(
        cls,
        xx: FloatArray,
        xy: FloatArray,
        n: FloatArray,
        rss: FloatArray,
        seen: FloatArray,
        config: GroundConfig,
    ) -> Learned:
        """Fit to these sums."""
        inverse = np.asarray(np.linalg.inv(xx + _PRIOR), np.float64)
        beta: FloatArray = np.einsum("kij,kj->ki", inverse, xy)
        variance = (rss + config.prior_deviation**2 * config.prior_s) / (n + config.prior_s)
        return cls(xx, xy, n, rss, seen, beta, inverse, variance)


class GroundModel:
    """Log height of boxes by class and place.

    Args:
        config: Weight, memory and prior.

    Attributes:
        learned: All that is known; can be kept and put back.
    """

    def __init__(self, config: GroundConfig | None = None) -> None:
        """Know nothing."""
        self.config = config or GroundConfig()
        self.learned = Learned.fitted(
            np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0), _NOTHING_SEEN,
            self.config,
        )  # fmt: skip

    def against(self, xyxy: FloatArray, class_id: IntArray) -> FloatArray:
        """(N,) log-odds, at least 0, that speak against boxes as tall as these at their places."""
        out = np.zeros(len(xyxy))
        known, config = self.learned, self.config
        rows = (class_id < len(known.n)).nonzero()[0]
        if not len(rows):
            return out
        of = class_id[rows]
        x, y = _regressors(xyxy[rows])
        residual2 = _residual2(known, x, y, of)
        # The variance of a new observation, σ² (1 + xᵀ (XᵀX)⁻¹ x).
        leverage = np.einsum("ni,nij,nj->n", x, known.inverse[of], x)
        z2 = np.minimum(residual2 / (known.variance[of] * (1.0 + leverage)), config.most)
        # The model has its say by how much it has seen.
        z2 *= known.n[of] / (known.n[of] + config.enough_s)
        out[rows] = config.weight * np.maximum(z2 - 1.0, 0.0)
        return out

    def learn(
        self,
        xyxy: FloatArray,
        class_id: IntArray,
        score: FloatArray,
        *,
        look_s: float,
        dt_s: float,
        image_size: tuple[int, int] | None = None,
    ) -> None:
        """Let time pass and learn from the boxes of a frame.

        Args:
            xyxy: (N, 4) detected boxes, px.
            class_id: (N,) their classes.
            score: (N,) how far they are believed, see `Tracks.score`.
            look_s: Seconds that the look stands for.
            dt_s: Seconds since the last call.
            image_size: Width and height of the picture in px, if known.
        """
        old, seen = self.learned, self.learned.seen
        of_use = np.zeros(0, np.int64)
        if len(xyxy):
            low = np.minimum(seen[:2], xyxy[:, :2].min(axis=0))
            high = np.maximum(seen[2:], xyxy[:, 2:].max(axis=0))
            seen = np.concatenate([low, high])
            rim = seen if image_size is None else np.array([0.0, 0.0, *image_size])
            whole = (xyxy[:, :2] > rim[:2] + _RIM_PX).all(axis=1)
            whole &= (xyxy[:, 2:] < rim[2:] - _RIM_PX).all(axis=1)
            of_use = (whole & (score > _LEAST_SCORE)).nonzero()[0]
        classes = int(class_id[of_use].max()) + 1 if len(of_use) else 0
        faded = 0.5 ** (dt_s / self.config.half_life_s)
        xx, xy, n, rss = _scaled(old, np.full(len(old.n), faded), classes)
        if len(of_use):
            of, weight = class_id[of_use], score[of_use] * look_s
            x, y = _regressors(xyxy[of_use])
            # What is far off counts less, so that one giant changes little.
            taught = of < len(old.n)
            taught[taught] = old.n[of[taught]] > 0
            z2, limited = np.zeros(len(of)), np.zeros(len(of))
            residual2 = _residual2(old, x[taught], y[taught], of[taught])
            variance = old.variance[of[taught]]
            z2[taught] = np.minimum(residual2 / variance, _FURTHEST)
            limited[taught] = np.minimum(residual2, _LIMIT * variance)
            weight = weight * np.exp(-0.5 * np.maximum(z2 - _FAR, 0.0))
            np.add.at(rss, of, weight * limited)
            weighted = x * weight[:, None]
            np.add.at(xx, of, weighted[:, :, None] * x[:, None, :])
            np.add.at(xy, of, weighted * y[:, None])
            np.add.at(n, of, weight)
        self.learned = Learned.fitted(xx, xy, n, rss, seen, self.config)

    def warp(self, matrix: FloatArray) -> None:
        """Forget as far as the camera tilted or zoomed; a pan leaves heights as they are.

        Args:
            matrix: (3, 3) homography from the pixels of the last frame to those of this one.
        """
        known = self.learned
        taught = known.n > 0
        keep = np.ones(len(known.n))
        if np.count_nonzero(taught):
            # Where each class was seen in the mean, and how tall it would be there.
            mean = known.xx[taught, 0] / known.xx[taught, 0, :1]
            height = np.exp(np.einsum("ki,ki->k", mean, known.beta[taught]))
            foot = mean[:, [2, 1]] * _UNIT_PX
            top = foot - np.column_stack([np.zeros(len(foot)), height])
            to_foot, to_top = move_points(matrix, foot), move_points(matrix, top)
            tilted = np.abs(to_foot[:, 1] - foot[:, 1]) / height
            taller = np.maximum(np.abs(to_foot[:, 1] - to_top[:, 1]), 1e-9) / height
            keep[taught] = np.exp(-(tilted + _ZOOM * np.abs(np.log(taller))))
        self.learned = Learned.fitted(*_scaled(known, keep), known.seen, self.config)

    def height(self, x: float, y: float, class_id: int = 0) -> float:
        """Expected height in px of a box whose bottom centre is (x, y); NaN where nothing is known.

        Example:
            >>> ground = GroundModel()
            >>> near, far = [90.0, 100, 130, 200], [90.0, 100, 110, 150]
            >>> for _ in range(200):
            ...     ground.learn(
            ...         np.array([near, far]), np.zeros(2, int), np.ones(2),
            ...         look_s=0.1, dt_s=0.1, image_size=(640, 480),
            ...     )
            >>> 68 < ground.height(105, 175) < 73
            True
        """
        known = self.learned
        if class_id >= len(known.n) or known.n[class_id] <= 0:
            return math.nan
        at = np.array([1.0, y / _UNIT_PX, x / _UNIT_PX])
        return float(np.exp(at @ known.beta[class_id]))

    def dump(self) -> dict[str, Any]:
        """Plain arrays, for a snapshot."""
        return {name: getattr(self.learned, name).copy() for name in _SUMS}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over what `dump` gave, exactly."""
        xx, xy, n, rss, seen = (np.array(dumped[name], np.float64) for name in _SUMS)
        xx, xy = xx.reshape(-1, 3, 3), xy.reshape(-1, 3)
        self.learned = Learned.fitted(xx, xy, n.ravel(), rss.ravel(), seen, self.config)


def _scaled(
    known: Learned, factor: FloatArray, classes: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The four sums of each class times its factor, as new arrays with room for `classes`."""
    more = max(0, classes - len(known.n))
    sums = (known.xx, known.xy, known.n, known.rss)
    scaled = (a * np.reshape(factor, (-1,) + (1,) * (a.ndim - 1)) for a in sums)
    xx, xy, n, rss = (
        np.concatenate([a, np.zeros((more, *a.shape[1:]))]) if more else a for a in scaled
    )
    return xx, xy, n, rss


def _residual2(known: Learned, x: FloatArray, y: FloatArray, class_id: IntArray) -> FloatArray:
    """(N,) squared residuals of log height."""
    residual = y - np.add.reduce(x * known.beta[class_id], axis=1)
    squared: FloatArray = residual * residual
    return squared


def _regressors(xyxy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, 3) rows (1, y, x) of the foot, and (N,) log heights."""
    x = np.empty((len(xyxy), 3))
    x[:, 0] = 1.0
    x[:, 1] = xyxy[:, 3] / _UNIT_PX
    x[:, 2] = (xyxy[:, 0] + xyxy[:, 2]) * (0.5 / _UNIT_PX)
    return x, np.log(np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0))
