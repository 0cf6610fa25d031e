"""Draws a walking person in 2-D: build, clothes, gait, all decided by a seed.

In: an RGB image to draw on, a place, a height, a phase of the gait and a seed. Out: the pixels, and
the tight box of the figure. Two users must see the very same people: the demo renders its video
with them, and the bundled detector is trained on a share of such figures, so that the demo runs the
real model. Where somebody walks is not decided here.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.scenes.patch import Colour, Image, Patch, cloth, dimmed, shadow

__all__ = ["draw_walker"]

_SKIN: tuple[Colour, ...] = (
    (244, 208, 178),
    (226, 180, 142),
    (198, 146, 108),
    (150, 104, 74),
    (102, 70, 52),
    (72, 50, 40),
)
_HAIR: tuple[Colour, ...] = (
    (28, 24, 22),
    (58, 40, 28),
    (104, 72, 44),
    (176, 142, 88),
    (150, 150, 150),
)


def draw_walker(
    image_rgb: Image,
    x: float,
    y_foot: float,
    height: float,
    phase: float,
    palette_rng_seed: int,
    *,
    facing: Literal[-1, 0, 1] = 1,
) -> NDArray[np.float64]:
    """Draw one walking person in place.

    Args:
        image_rgb: (H, W, 3) uint8, changed in place. The figure may leave the image.
        x: Horizontal centre of the figure, pixels.
        y_foot: Ground line under the feet, pixels.
        height: Height of the figure, pixels.
        phase: Phase of the gait, radians; 2 pi is two steps.
        palette_rng_seed: Decides skin, hair, clothes, build and bag: one seed, one person.
        facing: -1 walks to the left, 1 to the right, 0 towards or away from the camera.

    Returns:
        (4,) float64 `xyxy`, the tight box of the drawn person without shadow, not clipped.

    Example:
        >>> image = np.full((120, 80, 3), 128, np.uint8)
        >>> box = draw_walker(image, 40, 110, 90, 0.3, 7)
        >>> bool(80 < box[3] - box[1] < 95)
        True
    """
    rng = np.random.default_rng(palette_rng_seed)
    skin = _SKIN[rng.integers(len(_SKIN))]
    hair = _HAIR[rng.integers(len(_HAIR))]
    shirt, legs, shoes = cloth(rng), cloth(rng), dimmed(cloth(rng), 0.5)
    build = rng.uniform(0.88, 1.2)
    long_coat, skirt = rng.random() < 0.2, rng.random() < 0.15
    bag = rng.choice(["none", "none", "backpack", "handbag"])
    bare_arms, long_hair = rng.random() < 0.35, rng.random() < 0.35

    patch = Patch(height, half_width=0.42)
    swing = math.sin(phase)
    stride = 0.48 if facing else 0.10
    side = float(facing) if facing else 1.0
    bob = 0.012 * math.cos(2.0 * phase)
    hip_y, shoulder_y = 0.49 + bob, 0.80 + bob
    half_hips = (0.030 if facing else 0.062) * build
    half_shoulders = (0.062 if facing else 0.115) * build

    def leg(sign: float, dim: float) -> None:
        thigh = sign * stride * swing
        bend = 0.75 * stride / 0.48 * max(0.0, sign * math.cos(phase)) + 0.06
        hip = (sign * half_hips, hip_y)
        knee = (hip[0] + side * 0.235 * math.sin(thigh), hip_y - 0.235 * math.cos(thigh))
        lower = thigh - bend
        ankle = (knee[0] + side * 0.215 * math.sin(lower), knee[1] - 0.215 * math.cos(lower))
        patch.limb(hip, knee, 0.062 * build, 0.042 * build, dimmed(legs, dim))
        calf = dimmed(skin if skirt else legs, dim)
        patch.limb(knee, ankle, 0.041 * build, 0.025 * build, calf)
        toe = (ankle[0] + side * (0.065 if facing else 0.012), max(ankle[1] - 0.018, 0.014))
        patch.limb((ankle[0], ankle[1] - 0.012), toe, 0.023, 0.018, dimmed(shoes, dim))

    def arm(sign: float, dim: float) -> None:
        upper = -sign * 1.1 * stride * swing
        joint = (sign * half_shoulders * (0.35 if facing else 1.0), shoulder_y - 0.02)
        out = 0.0 if facing else sign * 0.025
        elbow = (
            joint[0] + side * 0.165 * math.sin(upper) + out,
            joint[1] - 0.165 * math.cos(upper),
        )
        fore = upper + 0.35 * (1.0 if facing else 0.2)
        wrist = (elbow[0] + side * 0.145 * math.sin(fore), elbow[1] - 0.145 * math.cos(fore))
        patch.limb(joint, elbow, 0.035 * build, 0.029 * build, dimmed(shirt, dim))
        sleeve = dimmed(skin if bare_arms else shirt, dim)
        patch.limb(elbow, wrist, 0.026 * build, 0.019 * build, sleeve)
        patch.ellipse((wrist[0], wrist[1] - 0.018), (0.018, 0.024), dimmed(skin, dim))

    # Far limbs first and darker, then the trunk, then the near limbs.
    arm(-1.0, 0.72)
    leg(-1.0, 0.76)
    leg(1.0, 1.0)
    if bag == "backpack" and facing:
        patch.ellipse((-side * 0.085 * build, 0.70 + bob), (0.055, 0.11), dimmed(legs, 0.6))
    hem = 0.30 if long_coat else (0.40 if skirt else 0.455)
    hem_colour = legs if skirt and not long_coat else shirt
    flare = 1.5 if long_coat or skirt else 1.1
    half_waist = max(half_hips * 1.55, 0.066 * build)
    patch.polygon(
        [
            (-half_waist, 0.53 + bob),
            (half_waist, 0.53 + bob),
            (half_waist * flare, hem + bob),
            (-half_waist * flare, hem + bob),
        ],
        hem_colour,
    )
    patch.polygon(
        [
            (-half_shoulders * 0.55, 0.845 + bob),
            (half_shoulders * 0.55, 0.845 + bob),
            (half_shoulders * 1.08, shoulder_y + 0.005),
            (half_shoulders * 1.05, 0.70 + bob),
            (half_waist, 0.56 + bob),
            (half_waist * 1.04, 0.47 + bob),
            (-half_waist * 1.04, 0.47 + bob),
            (-half_waist, 0.56 + bob),
            (-half_shoulders * 1.05, 0.70 + bob),
            (-half_shoulders * 1.08, shoulder_y + 0.005),
        ],
        shirt,
    )
    patch.limb((0.0, 0.83 + bob), (side * 0.006, 0.875 + bob), 0.030, 0.028, dimmed(skin, 0.85))
    head = (side * 0.012 if facing else 0.0, 0.922 + bob)
    away = facing == 0 and rng.random() < 0.5
    patch.ellipse((head[0] - side * 0.008, head[1] + 0.010), (0.058, 0.066), hair)
    if long_hair:
        patch.ellipse((head[0] - side * 0.022, head[1] - 0.045), (0.046, 0.075), hair)
    if not away:
        offset = side * 0.016 if facing else 0.0
        patch.ellipse((head[0] + offset, head[1] - 0.012), (0.042, 0.053), skin)
    arm(1.0, 0.94)
    if bag == "handbag":
        patch.ellipse((side * 0.02 + half_waist, 0.46 + bob), (0.055, 0.05), dimmed(shoes, 1.3))
    patch.shade(rng, 0.14)
    shadow(image_rgb, x, y_foot, 0.24 * height, 0.035 * height + 1.0)
    return patch.lay_over(image_rgb, x, y_foot)
