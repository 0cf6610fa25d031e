"""filterpy's smoother as the oracle of the boxes."""

import numpy as np
from filterpy.kalman import KalmanFilter

from tracker import ConstantVelocity, MotionConfig
from tracker.motion import POS, SCALE2, VEL
from tracker.smoothing.rts import shifted, smoothed


def of_axis(state: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (2, 1) and covariance (2, 2) of one axis of one track."""
    pos, vel, a, b, c = state[:5, axis]
    return np.array([[pos], [vel]]), np.array([[a, b], [b, c]])


def test_boxes_are_those_of_filterpys_smoother() -> None:
    """Three boxes of different size that move unevenly, uneven times, misses."""
    rng = np.random.default_rng(0)
    config = MotionConfig()
    model = ConstantVelocity(config)
    boxes = np.array([[50.0, 60, 20, 50], [200.0, 90, 60, 120], [10.0, 10, 8, 9]])
    state, dts, filtered = model.birth(boxes, np.array([0.9, 0.4, 0.1])), [0.0], []
    filtered.append(state)
    for k in range(1, 40):
        dt = float(rng.uniform(0.02, 0.3))
        boxes = boxes + rng.normal(0, 3, boxes.shape) * [1, 1, 0.1, 0.1]
        state = model.predict(state, dt)
        if k % 5:
            state = model.correct(state, boxes, rng.uniform(0.1, 0.9, 3))
        dts.append(dt)
        filtered.append(state)

    ours = [filtered[-1]]
    for k in reversed(range(39)):
        before = filtered[k]
        ours.append(smoothed(before, model.predict(before, dts[k + 1]), ours[-1], dts[k + 1]))
    ours = np.array(ours[::-1])

    q_p = config.position_noise**2
    for track in range(3):
        for axis in range(4):
            share = 1.0 if axis < 2 else config.size_acceleration_ratio
            q_v = (config.acceleration_noise * share) ** 2
            means, covariances = zip(*(of_axis(f[track], axis) for f in filtered), strict=True)
            noises = [np.zeros((2, 2))] + [
                f[track, SCALE2, axis]
                * (
                    q_v * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
                    + np.diag([q_p * dt, 0])
                )
                for f, dt in zip(filtered, dts[1:], strict=False)
            ]
            oracle = KalmanFilter(dim_x=2, dim_z=1)
            mean, covariance, _, _ = oracle.rts_smoother(
                np.array(means),
                np.array(covariances),
                [np.array([[1, dt], [0, 1]]) for dt in dts],
                noises,
            )
            for k in range(40):
                x, p = of_axis(ours[k][track], axis)
                np.testing.assert_allclose(x, mean[k], rtol=1e-8, atol=1e-9)
                np.testing.assert_allclose(p, covariance[k], rtol=1e-7, atol=1e-9)


def test_a_track_is_predicted_back_as_it_is_forth() -> None:
    model = ConstantVelocity()
    state = model.predict(model.birth(np.array([[50.0, 60, 20, 50]]), np.array([0.9])), 0.5)
    state[:, VEL] = [30.0, -10.0, 0.0, 0.0]
    forth = shifted(state, np.array([0.4]), model.config)
    np.testing.assert_allclose(forth, model.predict(state, 0.4))
    back = shifted(state, np.array([-0.4]), model.config)
    np.testing.assert_allclose(back[0, POS], state[0, POS] - [12.0, -4.0, 0.0, 0.0])
    # Mirrored in time: turn the velocity round, predict, and turn it back.
    mirror = np.array([1, -1, 1, -1, 1, 1.0])[:, None]
    np.testing.assert_allclose(back, mirror * model.predict(mirror * state, 0.4))
