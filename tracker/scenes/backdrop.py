"""Draws an empty street in 2-D: sky, house fronts, pavement and a road.

In: a size and a seed. Out: an RGB image for figures and things to be drawn on. Grain and blotches
are part of it, so that a detector cannot tell what was drawn by its smoothness.
"""

from __future__ import annotations

import numpy as np

from tracker.scenes.patch import Image

__all__ = ["street_background"]


def street_background(width: int, height: int, seed: int) -> Image:
    """Render an empty street: sky, house fronts, pavement and a road, with texture and grain.

    Args:
        width: Pixels.
        height: Pixels.
        seed: Decides the horizon, colours and houses.

    Returns:
        (height, width, 3) uint8 RGB. Ground begins at 25 to 50 % of the height.
    """
    import cv2

    if width < 1 or height < 1:
        raise ValueError(f"width and height must be at least 1, got {width} x {height}")
    rng = np.random.default_rng(seed)
    rows = np.linspace(0.0, 1.0, height)[:, None]
    canvas = np.empty((height, width, 3), np.float32)
    horizon = int(height * rng.uniform(0.25, 0.5))
    sky = rng.uniform(150, 225) + np.array([-1.0, 0.0, 1.0]) * rng.uniform(0, 30)
    ground = rng.uniform(80, 175) + rng.normal(0, 7, 3)
    canvas[:horizon] = sky * (0.85 + 0.3 * rows[:horizon, None])
    canvas[horizon:] = ground * (0.82 + 0.3 * rows[horizon:, None])
    left = 0
    while left < width and horizon > 8:
        right = left + int(rng.uniform(0.12, 0.4) * width) + 1
        roof = int(horizon * rng.uniform(0.0, 0.55))
        wall = rng.uniform(70, 205) + rng.normal(0, 18, 3)
        canvas[roof:horizon, left:right] = wall
        step_x = max(int(width * rng.uniform(0.03, 0.07)), 6)
        step_y = max(int(height * rng.uniform(0.06, 0.12)), 7)
        pane = wall * rng.uniform(0.35, 0.75)
        for top in range(roof + step_y // 3, horizon - step_y // 2, step_y):
            for start in range(left + step_x // 4, min(right, width) - step_x // 2, step_x):
                canvas[top : top + step_y // 2, start : start + step_x // 2] = pane
        left = right
    kerb = horizon + int((height - horizon) * rng.uniform(0.15, 0.5))
    canvas[kerb:] *= rng.uniform(0.6, 0.95)
    canvas[kerb : kerb + max(height // 120, 1)] = ground * 1.25
    lane = kerb + (height - kerb) // 2
    dash = max(width // 9, 4)
    for start in range(int(rng.integers(dash)), width, 2 * dash):
        canvas[lane : lane + max(height // 90, 1), start : start + dash] = 222
    for cells, strength in ((6, 9.0), (40, 6.0)):
        blotches = rng.normal(0.0, strength, (cells, cells)).astype(np.float32)
        canvas += cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)
    canvas += rng.normal(0.0, 3.0, canvas.shape[:2]).astype(np.float32)[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8)
