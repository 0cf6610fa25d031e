"""Any filterpy filter as the motion model of a tracker: EKF, UKF, IMM, your own F and H.

In comes a factory that makes one filter for one measured box; out goes a `MotionModel` whose
states are an object array, one filter a track. It loops over tracks in Python and copies filters,
so it is far slower than the batched default, and free in everything else.

```python
def factory(cxcywh, confidence):            # a filter of one track, x and P set
    ...
def set_dt(kf, dt_s):                       # called before kf.predict()
    kf.F, kf.Q = transition(dt_s), process_noise(dt_s)
tracker = Tracker(motion=FilterPyMotion(factory, set_dt=set_dt))
```

`FilterPyMotion.constant_velocity()` is the tracker's default model made of filterpy's
`KalmanFilter`: the oracle of the default one in the tests, and a start for a model of your own.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.config import MotionConfig
from tracker.errors import InputError
from tracker.motion import Projection
from tracker.warp import MovedBoxes, move_boxes

__all__ = ["FilterPyMotion", "constant_velocity_filter"]

FloatArray = NDArray[np.float64]

# What filterpy's filters know of the past beside what `set_dt` and `update` set anew: mean and
# covariance, and the model probabilities of an IMM or a bank of filters.
_CARRIED = ("x", "P", "mu", "cbar", "omega", "p")
# Samples and histories that mean and covariance do not bring back.
_NOT_CARRIED = ("sigmas", "xSmooth")
# Points of the state space that filters draw, one a row.
_SAMPLES = ("sigmas_f", "sigmas")


class FilterPyMotion:
    """A motion model of one filterpy filter a track.

    A box is (cx, cy, w, h) in pixels. Filters are copied with `copy.deepcopy` before they are
    changed; give a filter that holds something large a `__deepcopy__` that shares it.

    Args:
        factory: `factory(cxcywh, confidence)` returns the filter of a new track, its x and P set
            from one measured box, (4,), and its confidence.
        set_dt: `set_dt(filter, dt_s)` prepares the filter for a step of `dt_s` seconds (F and Q;
            for a UKF `filter._dt` and Q); then `filter.predict()` is called. A step of 0 s calls
            neither. Frames come at uneven times: take Q from continuous noise, so that two steps
            of 1 s equal one of 2 s. Default, for filters whose state is (cx, cy, w, h, vx, vy, vw,
            vh): F and Q of the built-in model, by the height that `read` gives.
        correct: `correct(filter, cxcywh, variance)` takes in a measured box, (4,), with the
            variance of each entry, (4,) in px². Default: `filter.update(cxcywh, R=diag(variance))`,
            and for an IMM or a bank R is set on each of its filters. An EKF needs its own:
            `lambda f, z, r: f.update(z, h_jacobian, h, R=np.diag(r))`.
        read: `read(filter)` returns mean (8,) and covariance (8, 8) of (cx, cy, w, h, vx, vy, vw,
            vh) in px and px/s. Default: the first 8 of `filter.x` and `filter.P`.
        noise: `noise(filter, confidence)` returns the (4,) variance in px² of a measured box.
            Default: that of the built-in model, by the height that `read` gives.
        warp: `warp(filter, moved)` takes the filter through a move of the camera; `moved` is a
            `tracker.warp.MovedBoxes` of its one box. Default, for filters whose state begins with
            (cx, cy, w, h, vx, vy, vw, vh): x and P by the Jacobians, cross terms included, and
            P with the noise of `config.parallax`.
        carried: Names of further numbers and arrays of the filter that change or are set from the
            first box, for snapshots.
        config: Noise levels for the default `noise` and `set_dt`: those of the tracker, its
            `TrackerConfig.motion`; a tracker refuses a model that was made with others.

    Attributes:
        config: As given.

    Example:
        >>> from tracker import Detections, Tracker
        >>> tracker = Tracker(motion=FilterPyMotion.constant_velocity())
        >>> tracks = tracker.update(Detections([[10, 20, 50, 120]], [0.4]), timestamp_s=0.0)
        >>> tracks.xyxy.tolist()
        [[10.0, 20.0, 50.0, 120.0]]
    """

    def __init__(
        self,
        factory: Callable[[FloatArray, float], Any],
        *,
        set_dt: Callable[[Any, float], None] | None = None,
        correct: Callable[[Any, FloatArray, FloatArray], None] | None = None,
        read: Callable[[Any], tuple[FloatArray, FloatArray]] | None = None,
        noise: Callable[[Any, float], FloatArray] | None = None,
        warp: Callable[[Any, MovedBoxes], None] | None = None,
        carried: Sequence[str] = (),
        config: MotionConfig | None = None,
    ) -> None:
        """Keep the hooks."""
        self._factory = factory
        self._set_dt = set_dt or self._constant_velocity_step
        self._correct = correct or _update
        self._read_hook = read or _first_eight
        self._noise = noise or self._noise_by_height
        self._carried = (*_CARRIED, *carried)
        self.config = config or MotionConfig()
        self._warp = warp or functools.partial(_warp, parallax=self.config.parallax)

    @classmethod
    def constant_velocity(cls, config: MotionConfig | None = None) -> FilterPyMotion:
        """The tracker's default model, made of filterpy's `KalmanFilter`.

        Args:
            config: Noise levels, the tracker's `TrackerConfig.motion`; None for the defaults.

        Example:
            >>> from tracker import MotionConfig, Tracker, TrackerConfig
            >>> config = TrackerConfig(motion=MotionConfig(measurement_noise=0.1))
            >>> tracker = Tracker(config, motion=FilterPyMotion.constant_velocity(config.motion))
        """
        config = config or MotionConfig()

        def set_dt(kf: Any, dt_s: float) -> None:
            kf.F = np.eye(8) + np.eye(8, k=4) * dt_s
            kf.Q = _process_noise(config, dt_s, kf.scale**2)

        def correct(kf: Any, cxcywh: FloatArray, variance: FloatArray) -> None:
            kf.update(cxcywh, R=np.diag(variance))
            kf.scale = _scale(cxcywh, config)

        def noise(kf: Any, confidence: float) -> FloatArray:
            return _variance(kf.scale, confidence, config)

        def warp(kf: Any, moved: MovedBoxes) -> None:
            _warp(kf, moved, config.parallax)
            least = _scale(np.zeros(4), config)
            kf.scale = np.maximum(kf.scale * np.sqrt(moved.scale2[0]), least)

        return cls(
            constant_velocity_filter(config),
            set_dt=set_dt,
            correct=correct,
            noise=noise,
            warp=warp,
            carried=("scale",),
            config=config,
        )

    # ---- the protocol --------------------------------------------------------------------

    def birth(self, cxcywh: FloatArray, confidence: FloatArray) -> NDArray[Any]:
        """(N,) filters of N new tracks."""
        pairs = zip(cxcywh, confidence.tolist(), strict=True)
        return _column([self._factory(box.copy(), c) for box, c in pairs])

    def predict(self, state: NDArray[Any], dt_s: float) -> NDArray[Any]:
        """Copies of the filters, `dt_s` seconds later."""
        filters = [copy.deepcopy(f) for f in state]
        if dt_s > 0:
            for f in filters:
                self._set_dt(f, dt_s)
                f.predict()
        return _column(filters)

    def warp(self, state: NDArray[Any], matrix: FloatArray) -> NDArray[Any]:
        """Copies of the filters in the pixels of the present frame."""
        boxes = self.project(state).cxcywh
        filters = [copy.deepcopy(f) for f in state]
        for k, f in enumerate(filters):
            self._warp(f, move_boxes(matrix, boxes[k : k + 1]))
        return _column(filters)

    def correct(
        self, state: NDArray[Any], cxcywh: FloatArray, confidence: FloatArray
    ) -> NDArray[Any]:
        """Copies of the filters after a measured box each."""
        variance = self.measurement_variance(state, confidence)
        filters = [copy.deepcopy(f) for f in state]
        for f, box, r in zip(filters, cxcywh, variance, strict=True):
            self._correct(f, box.copy(), r)
        return _column(filters)

    def project(self, state: NDArray[Any]) -> Projection:
        """Boxes of the filters and how uncertain they are."""
        mean, covariance = self._read(state)
        return Projection(mean[:, :4], np.diagonal(covariance, axis1=1, axis2=2)[:, :4])

    def distance2(
        self, state: NDArray[Any], cxcywh: FloatArray, confidence: FloatArray
    ) -> FloatArray:
        """(N,) squared Mahalanobis distance of a measured box to each state, over the four axes."""
        box = self.project(state)
        y = cxcywh - box.cxcywh
        s = box.variance + self.measurement_variance(state, confidence)
        distance2: FloatArray = (y * y / s).sum(axis=1)
        return distance2

    def measurement_variance(self, state: NDArray[Any], confidence: FloatArray) -> FloatArray:
        """(N, 4) variance in px² that a measured box of this confidence would have."""
        out = np.empty((len(state), 4))
        for i, (f, c) in enumerate(zip(state, confidence.tolist(), strict=True)):
            variance = np.asarray(self._noise(f, c), np.float64)
            if variance.shape != (4,) or not np.all((variance > 0) & (variance < np.inf)):
                raise InputError(f"noise(filter, confidence) must give 4 variances, got {variance}")
            out[i] = variance
        return out

    def velocity(self, state: NDArray[Any]) -> FloatArray:
        """(N, 2) velocity of the box centre in px/s."""
        return self._read(state)[0][:, 4:6]

    def covariance(self, state: NDArray[Any]) -> FloatArray:
        """(N, 8, 8) covariance of (cx, cy, w, h, vx, vy, vw, vh)."""
        return self._read(state)[1]

    # ---- snapshots -----------------------------------------------------------------------

    def dump(self, state: NDArray[Any]) -> FloatArray:
        """(N, K) means, covariances, model probabilities and the `carried` numbers.

        Raises:
            InputError: The filters know more than that (an ensemble, a smoother), or do not have
                equally many numbers.
        """
        rows = []
        for f in state:
            if any(hasattr(part, name) for part in _parts(f) for name in _NOT_CARRIED):
                raise InputError(
                    f"a snapshot cannot carry {type(f).__name__}: its samples or history do not"
                    " follow from x and P"
                )
            rows.append(np.concatenate([np.ravel(getattr(o, name)) for o, name in self._slots(f)]))
        if len({row.shape for row in rows}) > 1:
            raise InputError("a snapshot needs filters of equal size, got several sizes")
        return np.array(rows, np.float64).reshape(len(rows), -1 if rows else 0)

    def load(self, numbers: FloatArray) -> NDArray[Any]:
        """Filters of the factory that carry on with the numbers of `dump`.

        Raises:
            InputError: The numbers are not those of this factory's filters, or a filter does not
                take them over exactly.
        """
        filters = []
        for row in numbers:
            f = self._factory(np.array([0.0, 0.0, 1.0, 1.0]), 1.0)
            slots = self._slots(f)
            shapes = [np.shape(getattr(o, name)) for o, name in slots]
            ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
            if ends[-1] != len(row):
                raise InputError(
                    f"the snapshot holds {len(row)} numbers a track, this factory's"
                    f" {type(f).__name__} has {ends[-1]}"
                )
            for (o, name), shape, values in zip(
                slots, shapes, np.split(row, ends[:-1]), strict=True
            ):
                value = values.reshape(shape).copy()
                setattr(o, name, value if shape else float(value))
                if not np.array_equal(getattr(o, name), value):
                    raise InputError(
                        f"a snapshot cannot carry {type(f).__name__}: it does not take {name} over"
                    )
            filters.append(f)
        return _column(filters)

    def _slots(self, f: Any) -> list[tuple[Any, str]]:
        """The numbers to carry, as (object, attribute)."""
        slots = [
            (part, name) for part in _parts(f) for name in self._carried if _is_numbers(part, name)
        ]
        if not {"x", "P"} <= {name for _, name in slots}:
            raise InputError(f"a snapshot cannot carry {type(f).__name__}: it has no x and P")
        return slots

    # ---- reading filters -----------------------------------------------------------------

    def _read(self, state: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """(N, 8) means and (N, 8, 8) covariances."""
        means, covariances = np.empty((len(state), 8)), np.empty((len(state), 8, 8))
        for i, f in enumerate(state):
            mean, covariance = (np.asarray(a, np.float64) for a in self._read_hook(f))
            if mean.shape != (8,) or covariance.shape != (8, 8):
                raise InputError(
                    "read(filter) must give a mean of shape (8,) and a covariance of shape (8, 8),"
                    f" got {mean.shape} and {covariance.shape}: pass read= for filters whose state"
                    " does not begin with cx, cy, w, h, vx, vy, vw, vh"
                )
            if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
                raise InputError(f"filter {i} has diverged: its mean is {mean.tolist()}")
            means[i], covariances[i] = mean, covariance
        return means, covariances

    def _constant_velocity_step(self, f: Any, dt_s: float) -> None:
        """F and Q of the built-in model, for filters of its state."""
        for part in _parts(f):
            if getattr(getattr(part, "F", None), "shape", None) != (8, 8):
                raise InputError(
                    f"the state of {type(part).__name__} is not (cx, cy, w, h, vx, vy, vw, vh):"
                    " pass set_dt= to say how time changes it"
                )
            scale = _scale(np.ravel(part.x)[:4], self.config)
            part.F = np.eye(8) + np.eye(8, k=4) * dt_s
            part.Q = _process_noise(self.config, dt_s, scale**2)

    def _noise_by_height(self, f: Any, confidence: float) -> FloatArray:
        box = np.asarray(self._read_hook(f)[0], np.float64)[:4]
        return _variance(_scale(box, self.config), confidence, self.config)


def constant_velocity_filter(
    config: MotionConfig | None = None,
) -> Callable[[FloatArray, float], Any]:
    """A factory of filterpy `KalmanFilter`s set up like the default model.

    The state is (cx, cy, w, h, vx, vy, vw, vh); `scale`, (4,) px, is what all noises are relative
    to: the height of the last measured box, for each axis.

    Example:
        >>> kf = constant_velocity_filter()(np.array([20.0, 50.0, 20.0, 60.0]), 0.9)
        >>> kf.x.tolist()
        [20.0, 50.0, 20.0, 60.0, 0.0, 0.0, 0.0, 0.0]
    """
    config = config or MotionConfig()

    def factory(cxcywh: FloatArray, confidence: float) -> Any:
        from filterpy.kalman import KalmanFilter

        kf = KalmanFilter(dim_x=8, dim_z=4)
        kf.scale = _scale(cxcywh, config)
        kf.x = np.concatenate([cxcywh, np.zeros(4)])
        velocity = (config.initial_velocity * kf.scale) ** 2
        kf.P = np.diag(np.concatenate([_variance(kf.scale, confidence, config), velocity]))
        kf.H = np.eye(4, 8)
        return kf

    return factory


def _process_noise(config: MotionConfig, dt: float, scale2: FloatArray) -> FloatArray:
    """Q of white acceleration, q [dt³/3 dt²/2; dt²/2 dt] an axis, plus a walk of the position."""
    share = np.array([1.0, 1.0, config.size_acceleration_ratio, config.size_acceleration_ratio])
    q = (config.acceleration_noise * share) ** 2
    axis = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    walk = np.array([[config.position_noise**2 * dt, 0.0], [0.0, 0.0]])
    return np.kron(axis, np.diag(q * scale2)) + np.kron(walk, np.diag(scale2))


def _scale(cxcywh: FloatArray, config: MotionConfig) -> FloatArray:
    """(4,) what the noises of each axis are relative to, px."""
    ratio = config.size_noise_ratio
    height = max(float(cxcywh[3]), config.least_height_px)
    return height * np.array([1.0, 1.0, ratio, ratio])


def _variance(scale: FloatArray, confidence: float, config: MotionConfig) -> FloatArray:
    """(4,) variance of a measured box: the deviation grows linearly as confidence falls."""
    factor = confidence + config.weak_noise_factor * (1.0 - confidence)
    out: FloatArray = (config.measurement_noise * factor * scale) ** 2
    return out


def _update(f: Any, cxcywh: FloatArray, variance: FloatArray) -> None:
    """`update` of filterpy, with R for this measurement alone where it takes one."""
    r = np.diag(variance)
    members = getattr(f, "filters", None)
    if members is None:
        f.update(cxcywh, R=r)
        return
    for member in members:
        member.R = r
    f.update(cxcywh)


def _warp(f: Any, moved: MovedBoxes, parallax: float) -> None:
    """In every part, mean and covariance by the Jacobians: x' = T x, P' = T P Tᵀ + parallax."""
    middle = np.ravel(f.x)[:4].copy()
    for part in _parts(f):
        size = np.size(part.x)
        if size < 8 or np.shape(part.P) != (size, size):
            raise InputError(
                f"the state of {type(part).__name__} does not begin with cx, cy, w, h, vx, vy, vw,"
                " vh: pass warp= to say how a move of the camera changes it"
            )
        t = np.eye(size)
        for first, j in ((0, moved.centre[0]), (2, moved.size[0])):
            for k in (first, first + 4):
                t[k : k + 2, k : k + 2] = j
        offset = np.zeros(size)
        offset[:4] = moved.cxcywh[0] - t[:4, :4] @ middle
        part.x = (t @ np.ravel(part.x) + offset).reshape(np.shape(part.x))
        part.P = t @ part.P @ t.T
        noise = parallax**2 * moved.way2[0]
        part.P[range(4), range(4)] += noise
        for name in _SAMPLES:  # between predict and update they stand for x and P
            if not hasattr(part, name):
                continue
            if noise.any() and hasattr(part, "points_fn"):  # a UKF's: drawn anew, wider
                points = part.points_fn.sigma_points(np.ravel(part.x), part.P)
            else:
                points = getattr(part, name) @ t.T + offset
            setattr(part, name, points)


def _first_eight(f: Any) -> tuple[FloatArray, FloatArray]:
    return np.ravel(f.x)[:8], np.asarray(f.P)[:8, :8]


def _parts(f: Any) -> list[Any]:
    """The filter and, for an IMM or a bank, the filters in it."""
    return [f, *getattr(f, "filters", ())]


def _is_numbers(part: Any, name: str) -> bool:
    return isinstance(getattr(part, name, None), np.ndarray | float | int)


def _column(filters: list[Any]) -> NDArray[Any]:
    """A 1-D object array; NumPy would otherwise look into filters that have a length."""
    out = np.empty(len(filters), object)
    out[:] = filters
    return out
