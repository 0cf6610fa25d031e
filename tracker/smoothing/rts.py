"""Boxes given past and future: the Rauch-Tung-Striebel smoother of the motion model.

In come states of `tracker.motion.ConstantVelocity` as filtered up to a frame, and smoothed states
of the frame after it; out go smoothed states of the frame. The four axes of a box do not couple, so
each is a smoother of two dimensions, and all tracks and axes advance at once. Symbols as in
`tracker.motion`, with x̂, P filtered, x⁻, P⁻ predicted from them to the next frame, xˢ, Pˢ smoothed
(Rauch, Tung, Striebel, "Maximum likelihood estimates of linear dynamic systems", AIAA Journal 3(8),
1965; Bar-Shalom, Li, Kirubarajan 2001, section 8.6.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.config import MotionConfig
from tracker.motion import COV, POS, SCALE2, VAR_POS, VAR_VEL, VEL

__all__ = ["shifted", "smoothed"]

FloatArray = NDArray[np.float64]


def smoothed(
    filtered: FloatArray, predicted: FloatArray, after: FloatArray, dt_s: float
) -> FloatArray:
    """States of one frame from those of the next.

    Args:
        filtered: (N, 6, 4) states of the frame, given the past.
        predicted: (N, 6, 4) these, predicted to the next frame.
        after: (N, 6, 4) states of the next frame, given past and future.
        dt_s: Seconds between the frames.

    Returns:
        (N, 6, 4) states of the frame, given past and future; the noise scale is that of the past.
    """
    a, b, c = filtered[:, VAR_POS], filtered[:, COV], filtered[:, VAR_VEL]
    pa, pb, pc = predicted[:, VAR_POS], predicted[:, COV], predicted[:, VAR_VEL]
    # C = P Fᵀ (P⁻)⁻¹,  P Fᵀ = [a + dt b, b; b + dt c, c]             (Bar-Shalom 8.6.2-12)
    u, v = a + dt_s * b, b + dt_s * c
    det = pa * pc - pb * pb
    c00, c01 = (u * pc - b * pb) / det, (b * pa - u * pb) / det
    c10, c11 = (v * pc - c * pb) / det, (c * pa - v * pb) / det
    new = np.empty(filtered.shape)
    # xˢ = x̂ + C (xˢ⁺ − x⁻)                                            (8.6.2-13)
    moved = after[:, :VAR_POS] - predicted[:, :VAR_POS]
    new[:, POS] = filtered[:, POS] + c00 * moved[:, 0] + c01 * moved[:, 1]
    new[:, VEL] = filtered[:, VEL] + c10 * moved[:, 0] + c11 * moved[:, 1]
    # Pˢ = P + C (Pˢ⁺ − P⁻) Cᵀ                                         (8.6.2-14)
    da, db, dc = after[:, VAR_POS] - pa, after[:, COV] - pb, after[:, VAR_VEL] - pc
    new[:, VAR_POS] = a + c00 * c00 * da + 2 * c00 * c01 * db + c01 * c01 * dc
    new[:, COV] = b + c00 * c10 * da + (c00 * c11 + c01 * c10) * db + c01 * c11 * dc
    new[:, VAR_VEL] = c + c10 * c10 * da + 2 * c10 * c11 * db + c11 * c11 * dc
    new[:, SCALE2] = filtered[:, SCALE2]
    return new


def shifted(state: FloatArray, dt_s: FloatArray, config: MotionConfig) -> FloatArray:
    """States some seconds later, or earlier for a negative `dt_s`; boxes keep their size.

    Nothing is known about a track before its first detection but how it moves: its velocity goes
    on and its uncertainty grows, as after the last one.

    Args:
        state: (N, 6, 4) states.
        dt_s: (N,) seconds, of either sign.
        config: Noise levels.
    """
    ratio = config.size_acceleration_ratio
    q_v = config.acceleration_noise**2 * np.array([1.0, 1.0, ratio, ratio]) ** 2
    q_p = config.position_noise**2
    dt = dt_s[:, None]
    span = np.abs(dt)
    new = state.copy()
    # x' = F x,  P' = F P Fᵀ + Q with F = [1 dt; 0 1], as in ConstantVelocity
    new[:, POS, :2] += dt * state[:, VEL, :2]
    new[:, VAR_POS] += dt * (2 * state[:, COV] + dt * state[:, VAR_VEL])
    new[:, VAR_POS] += (q_v * span**3 / 3 + q_p * span) * state[:, SCALE2]
    new[:, COV] += dt * state[:, VAR_VEL] + np.sign(dt) * q_v * dt * dt / 2 * state[:, SCALE2]
    new[:, VAR_VEL] += q_v * span * state[:, SCALE2]
    return new
