"""Where boxes are and will be: a batched constant-velocity Kalman filter.

In come the states of N tracks as one array and, for some of them, measured boxes; out go new
states. All tracks advance in one matrix product for centres and one for sizes, without a loop.

The four measured axes of a box (centre x, centre y, width, height) have noises of their own and
do not couple in this model, so each axis is a two-dimensional filter (position, velocity). A
track is a (6, 4) block: one column an axis, one row a quantity.

```
            cx      cy      w       h
POS       | position                     px            mean x = (POS, VEL)
VEL       | velocity                     px/s
VAR_POS   | variance of position         px²           covariance P =
COV       | covariance of both           px²/s           [VAR_POS  COV    ]
VAR_VEL   | variance of velocity         px²/s²          [COV      VAR_VEL]
SCALE2    | square of the noise scale    px²           set at each measurement
```

Symbols (Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation",
2001, chapters 5 and 6):

| symbol | meaning |
|---|---|
| x, P | mean and covariance of the state |
| F, Q | transition over dt, and covariance of the process noise in it |
| H, R | measurement matrix [1 0], and covariance of the measurement noise |
| z, y | measurement, and innovation z − H x |
| S, K | covariance of the innovation, and Kalman gain |

Noise is proportional to the size of the box: an object near the camera is larger, moves more
pixels and is measured more coarsely. The scale is the last measured height, held between
measurements, so that two predictions of 1 s equal one of 2 s exactly. Velocities of the size wander
less than those of the centre: who turns or stops keeps his size, and the boxes of a detector
flicker in size far more than things grow.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.config import MotionConfig
from tracker.warp import move_boxes

__all__ = ["ConstantVelocity", "MotionModel", "Projection", "correct_matched"]

FloatArray = NDArray[np.float64]
POS, VEL, VAR_POS, COV, VAR_VEL, SCALE2 = range(6)

# Where the entries of a flat (6, 4) block stand in a flat 8 × 8 covariance.
_AXIS = np.arange(4)
_BLOCK = np.concatenate([4 * row + _AXIS for row in (VAR_POS, COV, COV, VAR_VEL)])
_FULL = np.concatenate([9 * _AXIS, 9 * _AXIS + 4, 9 * _AXIS + 32, 9 * _AXIS + 36])


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """What N states look like as boxes.

    Attributes:
        cxcywh: (N, 4) mean of centre and size in px.
        variance: (N, 4) variance of each of them in px².
    """

    cxcywh: FloatArray
    variance: FloatArray


class MotionModel(Protocol):
    """What the tracker asks of a motion model; the state is any array with one row a track.

    The tracker keeps, selects and concatenates states by rows and never looks inside.
    """

    def birth(self, cxcywh: FloatArray, confidence: FloatArray) -> NDArray[Any]:
        """States of N new tracks from (N, 4) measured boxes and their (N,) confidences."""
        ...

    def predict(self, state: NDArray[Any], dt_s: float) -> NDArray[Any]:
        """States `dt_s` >= 0 seconds later, as a new array."""
        ...

    def warp(self, state: NDArray[Any], matrix: FloatArray) -> NDArray[Any]:
        """States in the pixels of the present frame, as a new array.

        Args:
            state: N states in the pixels of the previous frame; their centres are in front of the
                camera, see `tracker.warp.in_view`.
            matrix: (3, 3) homography from those to the present ones, 1 in its last place. Only
                called where `Tracker.update` or `predict` was given a warp.
        """
        ...

    def correct(
        self, state: NDArray[Any], cxcywh: FloatArray, confidence: FloatArray
    ) -> NDArray[Any]:
        """States after a measured box each, as a new array."""
        ...

    def project(self, state: NDArray[Any]) -> Projection:
        """Boxes of the states and how uncertain they are."""
        ...

    def distance2(
        self, state: NDArray[Any], cxcywh: FloatArray, confidence: FloatArray
    ) -> FloatArray:
        """(N,) squared Mahalanobis distance of a measured box to each state, over the four axes.

        yᵀ S⁻¹ y with S = H P Hᵀ + R; the axes count as independent.
        """
        ...

    def velocity(self, state: NDArray[Any]) -> FloatArray:
        """(N, 2) velocity of the box centre in px/s."""
        ...

    def covariance(self, state: NDArray[Any]) -> FloatArray:
        """(N, 8, 8) covariance of (cx, cy, w, h, vx, vy, vw, vh)."""
        ...

    def dump(self, state: NDArray[Any]) -> NDArray[np.float64]:
        """The states as plain numbers, for a snapshot: (N, …) float64."""
        ...

    def load(self, numbers: NDArray[np.float64]) -> NDArray[Any]:
        """The states that `dump` wrote."""
        ...


class ConstantVelocity:
    """The default motion model: continuous white-noise acceleration on each axis.

    Args:
        config: Noise levels, each relative to the height of the box.
    """

    def __init__(self, config: MotionConfig | None = None) -> None:
        """Keep the noise levels as variances per unit of scale²."""
        self.config = config = config or MotionConfig()
        axes = np.array([1.0, 1.0, config.size_noise_ratio, config.size_noise_ratio])
        self._axes2 = axes**2
        self._q_velocity = config.acceleration_noise**2
        self._q_size_velocity = self._q_velocity * config.size_acceleration_ratio**2
        self._q_position = config.position_noise**2
        velocity2 = config.initial_velocity**2
        # Standard deviation of a measurement at confidence 0 and at 1, in heights.
        weakest = config.measurement_noise * config.weak_noise_factor
        self.noise = (weakest, config.measurement_noise)
        shape = (config.least_height_px, config.size_noise_ratio)
        self.correction_noise = (*self.noise, *shape)
        self.birth_noise = (*self.noise, velocity2, *shape)
        self._birth_velocity2 = velocity2
        # Most cameras have few different frame times: the matrix of each is made once.
        self._transition = functools.lru_cache(maxsize=64)(self._make_transition)

    def birth(self, cxcywh: FloatArray, confidence: FloatArray) -> FloatArray:
        """States of N new tracks: measured position, velocity 0 with a wide variance."""
        state = np.zeros((len(cxcywh), 6, 4))
        state[:, POS] = cxcywh
        state[:, SCALE2] = self._scale2(cxcywh)
        state[:, VAR_POS] = self.measurement_variance(state, confidence)
        state[:, VAR_VEL] = self._birth_velocity2 * state[:, SCALE2]
        return state

    def predict(self, state: FloatArray, dt_s: float) -> FloatArray:
        """States `dt_s` seconds later: a matrix on the rows of centres, and one on those of sizes.

        Mean, covariance and noise scale are all linear in the rows, so the whole step is
        state' = M(dt) state, and M(a) M(b) = M(a + b): the split of time does not matter.
        """
        centre, size = self._transition(dt_s)
        new = np.empty(state.shape)
        np.matmul(centre, state[:, :, :2], out=new[:, :, :2])
        np.matmul(size, state[:, :, 2:], out=new[:, :, 2:])
        return new

    def _make_transition(self, dt: float) -> tuple[FloatArray, FloatArray]:
        """M(dt), (6, 6), of the centre and of the size."""
        return self._matrix(dt, self._q_velocity), self._matrix(dt, self._q_size_velocity)

    def _matrix(self, dt: float, q_v: float) -> FloatArray:
        """M(dt), (6, 6), at a density `q_v` of the white acceleration."""
        q_p = self._q_position
        m = np.eye(6)
        # x' = F x,  F = [1 dt; 0 1]                                    (Bar-Shalom 5.2.3-1)
        m[POS, VEL] = dt
        # P' = F P Fᵀ + Q,  Q = q [dt³/3 dt²/2; dt²/2 dt]               (Bar-Shalom 6.2.2-6)
        # plus a random walk of the position itself: detector boxes wander without a velocity.
        m[VAR_POS, COV], m[VAR_POS, VAR_VEL] = 2 * dt, dt * dt
        m[COV, VAR_VEL] = dt
        m[VAR_POS, SCALE2] = q_v * dt**3 / 3 + q_p * dt
        m[COV, SCALE2] = q_v * dt**2 / 2
        m[VAR_VEL, SCALE2] = q_v * dt
        return m

    def warp(self, state: FloatArray, matrix: FloatArray) -> FloatArray:
        """States in the pixels of the present frame, through the Jacobians of `tracker.warp`.

        x' = J x for positions and velocities, P' = J P Jᵀ. Both are exact for each axis; what a
        turn or a shear would make the axes share, J₀₀ J₁₀ (P_x − P_y) and the like, is left out,
        since axes do not couple here. For x and y of a box, equally uncertain as long as no warp
        stretched them, a shift, zoom or turn leaves nothing out. Then parallax: one matrix for
        the whole picture is wrong for what is nearer or farther, by a share of the way it went.
        """
        moved = move_boxes(matrix, state[:, POS])
        new = np.empty(state.shape)
        for axes, j in ((slice(0, 2), moved.centre), (slice(2, 4), moved.size)):
            new[:, VEL, axes] = (j @ state[:, VEL, axes, None])[:, :, 0]
            new[:, VAR_POS:SCALE2, axes] = state[:, VAR_POS:SCALE2, axes] @ (j * j).swapaxes(1, 2)
        new[:, POS] = moved.cxcywh
        new[:, VAR_POS] += self.config.parallax**2 * moved.way2
        least = self.config.least_height_px**2 * self._axes2
        new[:, SCALE2] = np.maximum(state[:, SCALE2] * moved.scale2[:, None], least)
        return new

    def correct(self, state: FloatArray, cxcywh: FloatArray, confidence: FloatArray) -> FloatArray:
        """States after a measured box each."""
        if kernels.native is not None:
            new = np.array(state, np.float64, order="C")
            cxcywh, confidence = (np.ascontiguousarray(a, np.float64) for a in (cxcywh, confidence))
            kernels.native.correct(
                new, np.arange(len(new)), cxcywh, confidence, *self.correction_noise
            )
            return new
        new = np.empty(state.shape)
        r = self.measurement_variance(state, confidence)
        # S = H P Hᵀ + R,  K = P Hᵀ S⁻¹ = (VAR_POS, COV) / S            (Bar-Shalom 5.2.3-7, -11)
        k = state[:, VAR_POS:VAR_VEL] / (state[:, VAR_POS] + r)[:, None]
        # x = x + K y,  y = z − H x
        y = cxcywh - state[:, POS]
        new[:, :VAR_POS] = state[:, :VAR_POS] + k * y[:, None]
        # P = (I − K H) P. With H = [1 0] its first row is K R: a product of positive numbers in
        # the place of the Joseph form's sum. COV is stored once, so P is symmetric as it stands,
        # and det P shrinks by the factor R / S, so that it stays above 0.
        new[:, VAR_POS:VAR_VEL] = k * r[:, None]
        new[:, VAR_VEL] = state[:, VAR_VEL] - k[:, 1] * state[:, COV]
        new[:, SCALE2] = self._scale2(cxcywh)
        return new

    def project(self, state: FloatArray) -> Projection:
        """Boxes of the states and how uncertain they are."""
        return Projection(state[:, POS], state[:, VAR_POS])

    def distance2(
        self, state: FloatArray, cxcywh: FloatArray, confidence: FloatArray
    ) -> FloatArray:
        """(N,) squared Mahalanobis distance of a measured box to each state, over the four axes."""
        y = cxcywh - state[:, POS]
        s = state[:, VAR_POS] + self.measurement_variance(state, confidence)
        distance2: FloatArray = np.add.reduce(y * y / s, axis=1)
        return distance2

    def measurement_variance(self, state: FloatArray, confidence: FloatArray) -> FloatArray:
        """R: grows as confidence falls, since weak boxes are also badly placed ones."""
        # Linear from weak_noise_factor · measurement_noise at confidence 0 to 1 · … at 1.
        weakest, strongest = self.noise
        deviation = weakest - (weakest - strongest) * confidence
        variance: FloatArray = (deviation * deviation)[:, None] * state[:, SCALE2]
        return variance

    def velocity(self, state: FloatArray) -> FloatArray:
        """(N, 2) velocity of the box centre in px/s."""
        return state[:, VEL, :2]

    def covariance(self, state: FloatArray) -> FloatArray:
        """(N, 8, 8) covariance of (cx, cy, w, h, vx, vy, vw, vh)."""
        n = len(state)
        full = np.zeros((n, 64))
        full[:, _FULL] = state.reshape(n, 24)[:, _BLOCK]
        return full.reshape(n, 8, 8)

    def dump(self, state: FloatArray) -> FloatArray:
        """The blocks themselves."""
        return state.copy()

    def load(self, numbers: FloatArray) -> FloatArray:
        """The blocks themselves."""
        return np.array(numbers, np.float64, order="C").reshape(-1, 6, 4)

    def _scale2(self, cxcywh: FloatArray) -> FloatArray:
        """(N, 4) squared noise scale of each axis from measured boxes."""
        height = np.maximum(cxcywh[:, 3], self.config.least_height_px)
        scale2: FloatArray = (height * height)[:, None] * self._axes2
        return scale2


def correct_matched(
    model: MotionModel,
    state: NDArray[Any],
    match: NDArray[np.int64],
    cxcywh: FloatArray,
    confidence: FloatArray,
) -> None:
    """Correct the states that have a measured box, in place.

    Args:
        model: Of the states.
        state: (N, …) states.
        match: (K,) row of the measured box of each of the first K states, -1 for none.
        cxcywh: (M, 4) boxes.
        confidence: (M,) how sure the detector is of them.
    """
    if kernels.native is not None and type(model) is ConstantVelocity:
        kernels.native.correct(state, match, cxcywh, confidence, *model.correction_noise)
        return
    hit = (match >= 0).nonzero()[0]
    if len(hit):
        d = match[hit]
        state[hit] = model.correct(state[hit], cxcywh[d], confidence[d])
