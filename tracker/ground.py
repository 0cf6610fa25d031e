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

from tracker import kernels
from tracker.config import GroundConfig
from tracker.warp import move_points

__all__ = ["CLASS", "GroundModel", "Learned"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Positions are counted in this many px, so that the numbers of the fit are near 1.
_UNIT_PX = 1000.0
# Precision of the prior on constant and slopes: 0 log-height with these weights.
_PRIOR = np.array([1e-6, 0.03, 0.03])
# No pivot of the fit is smaller: rounding must not turn its sign.
_LEAST_PIVOT = 1e-12
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
# What is known of a class: first the sums, which a snapshot keeps, then what is worked out of them.
_SUMS = ("xx", "xy", "n", "rss")
CLASS = np.dtype(
    [
        ("xx", np.float64, (3, 3)),  # XᵀX of the regressors, weighted
        ("xy", np.float64, (3,)),  # Xᵀy
        ("n", np.float64),  # seconds of believed boxes, faded
        ("rss", np.float64),  # weighted sum of squared residuals
        ("beta", np.float64, (3,)),  # the fit
        ("inverse", np.float64, (3, 3)),  # (XᵀX + prior)⁻¹
        ("variance", np.float64),  # of the scatter around the fit
    ]
)  # as the struct Ground of _kernels.c


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What is known; never changed in place.

    Attributes:
        classes: (C,) structured array of `CLASS`.
        seen: (4,) corners around all boxes so far: the rim where no size of the picture was given.
    """

    classes: NDArray[np.void]
    seen: FloatArray


class GroundModel:
    """Log height of boxes by class and place.

    Args:
        config: Weight, memory and prior.

    Attributes:
        learned: All that is known; can be kept and put back.
    """

    def __init__(self, config: GroundConfig | None = None) -> None:
        """Know nothing."""
        self.config = config = config or GroundConfig()
        self._prior = (config.prior_deviation**2 * config.prior_s, config.prior_s)
        self.learned = Learned(np.zeros(0, CLASS), _NOTHING_SEEN)

    def against(
        self, xyxy: FloatArray, class_id: IntArray, out: FloatArray | None = None
    ) -> FloatArray:
        """What speaks against boxes as tall as these at their places.

        Args:
            xyxy: (N, 4) boxes, px.
            class_id: (N,) their classes.
            out: (N,) log-odds that are added to, in place.

        Returns:
            (N,) log-odds, at least 0, or `out`.
        """
        out = np.zeros(len(xyxy)) if out is None else out
        classes, config = self.learned.classes, self.config
        if kernels.native is not None:
            kernels.native.ground_against(
                classes, xyxy, class_id, out, _UNIT_PX, config.weight, config.most, config.enough_s
            )
            return out
        rows = (class_id < len(classes)).nonzero()[0]
        if not len(rows):
            return out
        known = classes[class_id[rows]]
        x, y = _regressors(xyxy[rows])
        # The variance of a new observation, σ² (1 + xᵀ (XᵀX)⁻¹ x).
        leverage = np.einsum("ni,nij,nj->n", x, known["inverse"], x)
        z2 = _residual2(known, x, y) / (known["variance"] * (1.0 + leverage))
        # The model has its say by how much it has seen.
        z2 = np.minimum(z2, config.most) * (known["n"] / (known["n"] + config.enough_s))
        out[rows] += config.weight * np.maximum(z2 - 1.0, 0.0)
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
        old, seen, config = self.learned.classes, self.learned.seen, self.config
        faded = 0.5 ** (dt_s / config.half_life_s)
        count = max(len(old), int(np.maximum.reduce(class_id, initial=-1)) + 1)
        if kernels.native is not None:
            classes, seen, picture = np.empty(count, CLASS), seen.copy(), _picture(image_size)
            kernels.native.ground_learn(
                old, classes, seen, picture, xyxy, class_id, score, _PRIOR, image_size is None,
                _RIM_PX, look_s, faded, _UNIT_PX, _LEAST_SCORE, _FAR, _FURTHEST, _LIMIT,
                _LEAST_PIVOT, *self._prior,
            )  # fmt: skip
            self.learned = Learned(classes, seen)
            return
        classes = _scaled(old, np.full(len(old), faded), count)
        if len(xyxy):
            low = np.minimum(seen[:2], xyxy[:, :2].min(axis=0))
            high = np.maximum(seen[2:], xyxy[:, 2:].max(axis=0))
            seen = np.concatenate([low, high])
            rim = seen if image_size is None else _picture(image_size)
            whole = (xyxy[:, :2] > rim[:2] + _RIM_PX).all(axis=1)
            whole &= (xyxy[:, 2:] < rim[2:] - _RIM_PX).all(axis=1)
            of_use = (whole & (score > _LEAST_SCORE)).nonzero()[0]
            _add(classes, old, xyxy[of_use], class_id[of_use], score[of_use] * look_s)
        self._fit(classes)
        self.learned = Learned(classes, seen)

    def warp(self, matrix: FloatArray) -> None:
        """Forget as far as the camera tilted or zoomed; a pan leaves heights as they are.

        Args:
            matrix: (3, 3) homography from the pixels of the last frame to those of this one.
        """
        classes = self.learned.classes
        taught = classes["n"] > 0
        if not np.count_nonzero(taught):
            return
        keep, known = np.ones(len(classes)), classes[taught]
        # Where each class was seen in the mean, and how tall it would be there.
        mean = known["xx"][:, 0] / known["xx"][:, 0, :1]
        height = np.exp(np.einsum("ki,ki->k", mean, known["beta"]))
        foot = mean[:, [2, 1]] * _UNIT_PX
        top = foot - np.column_stack([np.zeros(len(foot)), height])
        to_foot, to_top = move_points(matrix, foot), move_points(matrix, top)
        tilted = np.abs(to_foot[:, 1] - foot[:, 1]) / height
        taller = np.maximum(np.abs(to_foot[:, 1] - to_top[:, 1]), 1e-9) / height
        keep[taught] = np.exp(-(tilted + _ZOOM * np.abs(np.log(taller))))
        classes = _scaled(classes, keep, len(classes))
        self._fit(classes)
        self.learned = Learned(classes, self.learned.seen)

    def _fit(self, classes: NDArray[np.void]) -> None:
        """Work out the fits of these sums, in place.

        The 3 × 3 systems are solved by L D Lᵀ, term by term, so that the compiled twin does the
        same to the last bit.
        """
        xx, xy, v = classes["xx"], classes["xy"], classes["inverse"]
        d0 = np.maximum(xx[:, 0, 0] + _PRIOR[0], _LEAST_PIVOT)
        l10, l20 = xx[:, 0, 1] / d0, xx[:, 0, 2] / d0
        d1 = np.maximum(xx[:, 1, 1] + _PRIOR[1] - l10 * xx[:, 0, 1], _LEAST_PIVOT)
        u = xx[:, 1, 2] - l20 * xx[:, 0, 1]
        l21 = u / d1
        d2 = np.maximum(xx[:, 2, 2] + _PRIOR[2] - l20 * xx[:, 0, 2] - l21 * u, _LEAST_PIVOT)
        # L⁻¹ = [1; m10 1; m20 m21 1], and the inverse is L⁻ᵀ D⁻¹ L⁻¹.
        m10, m21, m20 = -l10, -l21, l10 * l21 - l20
        v[:, 0, 0] = 1.0 / d0 + m10 * m10 / d1 + m20 * m20 / d2
        v[:, 0, 1] = v[:, 1, 0] = m10 / d1 + m20 * m21 / d2
        v[:, 0, 2] = v[:, 2, 0] = m20 / d2
        v[:, 1, 1] = 1.0 / d1 + m21 * m21 / d2
        v[:, 1, 2] = v[:, 2, 1] = m21 / d2
        v[:, 2, 2] = 1.0 / d2
        beta = v[:, :, 0] * xy[:, :1] + v[:, :, 1] * xy[:, 1:2] + v[:, :, 2] * xy[:, 2:]
        classes["beta"] = beta
        prior_rss, prior_s = self._prior
        classes["variance"] = (classes["rss"] + prior_rss) / (classes["n"] + prior_s)

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
        classes = self.learned.classes
        if class_id >= len(classes) or classes["n"][class_id] <= 0:
            return math.nan
        at = np.array([1.0, y / _UNIT_PX, x / _UNIT_PX])
        return float(np.exp(at @ classes["beta"][class_id]))

    def dump(self) -> dict[str, Any]:
        """Plain arrays, for a snapshot."""
        known = self.learned
        sums = {name: known.classes[name].copy() for name in _SUMS}
        return sums | {"seen": known.seen.copy()}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over what `dump` gave, exactly."""
        classes = np.zeros(len(dumped["n"]), CLASS)
        for name in _SUMS:
            classes[name] = np.reshape(dumped[name], classes[name].shape)
        self._fit(classes)
        self.learned = Learned(classes, np.array(dumped["seen"], np.float64))


def _picture(image_size: tuple[int, int] | None) -> FloatArray:
    """(4,) corners of the picture, all 0 where it is not known."""
    return np.array((0.0, 0.0, *(image_size or (0.0, 0.0))))


def _scaled(classes: NDArray[np.void], factor: FloatArray, count: int) -> NDArray[np.void]:
    """The sums of each class times its factor, with room for `count` classes; nothing fitted."""
    out = np.zeros(count, CLASS)
    for name in _SUMS:
        sums = classes[name]
        out[name][: len(classes)] = sums * np.reshape(factor, (-1,) + (1,) * (sums.ndim - 1))
    return out


def _add(
    classes: NDArray[np.void],
    old: NDArray[np.void],
    xyxy: FloatArray,
    of: IntArray,
    weight: FloatArray,
) -> None:
    """Add N boxes of weights and classes to the sums, in place; `old` is what was known before."""
    x, y = _regressors(xyxy)
    taught = of < len(old)
    taught[taught] = old["n"][of[taught]] > 0
    z2, limited = np.zeros(len(of)), np.zeros(len(of))
    known = old[of[taught]]
    squared = _residual2(known, x[taught], y[taught])
    z2[taught] = np.minimum(squared / known["variance"], _FURTHEST)
    limited[taught] = np.minimum(squared, _LIMIT * known["variance"])
    # What is far off counts less, so that one giant changes little.
    weight = weight * np.exp(-0.5 * np.maximum(z2 - _FAR, 0.0))
    weighted = x * weight[:, None]
    np.add.at(classes["rss"], of, weight * limited)
    np.add.at(classes["xx"], of, weighted[:, :, None] * x[:, None, :])
    np.add.at(classes["xy"], of, weighted * y[:, None])
    np.add.at(classes["n"], of, weight)


def _residual2(known: NDArray[np.void], x: FloatArray, y: FloatArray) -> FloatArray:
    """(N,) squared residuals of log height; (N,) what is known of the class of each."""
    residual = y - np.add.reduce(x * known["beta"], axis=1)
    squared: FloatArray = residual * residual
    return squared


def _regressors(xyxy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, 3) rows (1, y, x) of the foot, and (N,) log heights."""
    x = np.empty((len(xyxy), 3))
    x[:, 0] = 1.0
    x[:, 1] = xyxy[:, 3] / _UNIT_PX
    x[:, 2] = (xyxy[:, 0] + xyxy[:, 2]) * (0.5 / _UNIT_PX)
    return x, np.log(np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0))
