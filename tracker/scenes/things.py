"""Draws the things of a street that are no persons: poles, cones, bins, cars and so on.

In: an RGB image, a kind, a place, a size and a seed. Out: the pixels and the tight box. These are
what a detector must learn to leave alone, so their outlines are kept about as tall as persons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.scenes.patch import Colour, Image, Patch, cloth, dimmed, shadow

__all__ = ["CLUTTER_KINDS", "ClutterKind", "draw_clutter"]

ClutterKind = Literal["pole", "cone", "box", "bin", "car", "sign", "tree", "bollard"]

_PALE: Colour = (225.0, 225.0, 218.0)


def _pole(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    patch.limb((0, 0), (0, 0.98), 0.022, 0.016, grey)
    if rng.random() < 0.6:
        arm = rng.choice([-1.0, 1.0]) * 0.3
        patch.limb((0, 0.97), (arm, 1.0), 0.014, 0.010, grey)
        patch.ellipse((arm, 0.985), (0.06, 0.02), dimmed(grey, 0.7))


def _bollard(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    patch.limb((0, 0), (0, 0.88), 0.11, 0.10, grey)
    patch.polygon([(-0.105, 0.66), (0.105, 0.66), (0.105, 0.76), (-0.105, 0.76)], _PALE)


def _cone(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    orange = (235.0, rng.uniform(70, 120), 30.0)
    patch.polygon([(-0.36, 0), (0.36, 0), (0.36, 0.08), (-0.36, 0.08)], dimmed(orange, 0.7))
    patch.polygon([(-0.26, 0.08), (0.26, 0.08), (0.045, 1.0), (-0.045, 1.0)], orange)
    patch.polygon([(-0.19, 0.38), (0.19, 0.38), (0.135, 0.62), (-0.135, 0.62)], _PALE)


def _box(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    half = rng.uniform(0.3, 0.5)
    patch.polygon([(-half, 0), (half, 0), (half, 0.86), (-half, 0.86)], colour)
    top = [(-half, 0.86), (half, 0.86), (half * 0.84, 1.0), (-half * 0.84, 1.0)]
    patch.polygon(top, dimmed(colour, 1.2 if max(colour) < 205 else 0.9))
    patch.polygon([(-0.02, 0), (0.02, 0), (0.02, 0.86), (-0.02, 0.86)], dimmed(colour, 0.45))


def _bin(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    half = rng.uniform(0.24, 0.34)
    patch.polygon([(-half * 0.85, 0.03), (half * 0.85, 0.03), (half, 0.9), (-half, 0.9)], colour)
    patch.ellipse((0, 0.9), (half * 1.08, 0.09), dimmed(colour, 0.45))
    patch.polygon([(-half, 0.5), (half, 0.5), (half, 0.56), (-half, 0.56)], dimmed(colour, 0.45))


def _sign(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    patch.limb((0, 0), (0, 0.9), 0.02, 0.02, grey)
    half, low = rng.uniform(0.12, 0.24), rng.uniform(0.55, 0.72)
    if rng.random() < 0.5:
        patch.ellipse((0, 0.84), (half, half * 0.9), colour)
        patch.ellipse((0, 0.84), (half * 0.72, half * 0.65), _PALE)
    else:
        patch.polygon([(-half, low), (half, low), (half, 1.0), (-half, 1.0)], colour)
        patch.polygon([(-half * 0.7, 0.8), (half * 0.7, 0.8), (half * 0.7, 0.86)], _PALE)


def _tree(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    patch.limb((0, 0), (0, 0.6), 0.05, 0.035, (86.0, 66.0, 48.0))
    for _ in range(9):
        leaf: Colour = (rng.uniform(40, 90), rng.uniform(80, 130), rng.uniform(35, 70))
        spot = (rng.uniform(-0.24, 0.24), rng.uniform(0.56, 0.88))
        patch.ellipse(spot, (rng.uniform(0.1, 0.22), rng.uniform(0.08, 0.16)), leaf)


def _car(patch: Patch, rng: np.random.Generator, colour: Colour, grey: Colour) -> None:
    patch.polygon([(-1.3, 0.16), (1.3, 0.16), (1.34, 0.5), (1.1, 0.58), (-1.28, 0.58)], colour)
    patch.polygon([(-1.0, 0.56), (0.78, 0.56), (0.42, 0.98), (-0.72, 0.98)], colour)
    glass = (70.0, 84.0, 96.0)
    patch.polygon([(-0.86, 0.58), (-0.1, 0.58), (-0.1, 0.91), (-0.66, 0.91)], glass)
    patch.polygon([(-0.02, 0.58), (0.64, 0.58), (0.38, 0.91), (-0.02, 0.91)], glass)
    for wheel in (-0.82, 0.82):
        patch.ellipse((wheel, 0.19), (0.21, 0.2), (26.0, 26.0, 28.0))
        patch.ellipse((wheel, 0.19), (0.11, 0.1), (150.0, 152.0, 156.0))


_DRAW: dict[ClutterKind, Callable[[Patch, np.random.Generator, Colour, Colour], None]] = {
    "pole": _pole,
    "cone": _cone,
    "box": _box,
    "bin": _bin,
    "car": _car,
    "sign": _sign,
    "tree": _tree,
    "bollard": _bollard,
}
CLUTTER_KINDS: tuple[ClutterKind, ...] = tuple(_DRAW)


def draw_clutter(
    image_rgb: Image, kind: ClutterKind, x: float, y_foot: float, height: float, seed: int
) -> NDArray[np.float64]:
    """Draw one thing of the street that is no person, in place.

    Args:
        image_rgb: (H, W, 3) uint8, changed in place. The thing may leave the image.
        kind: One of `CLUTTER_KINDS`.
        x: Horizontal centre, pixels.
        y_foot: Ground line, pixels.
        height: Height of the thing, pixels.
        seed: Decides colours and proportions.

    Returns:
        (4,) float64 `xyxy`, the tight box of what was drawn, not clipped.

    Raises:
        ValueError: `kind` is unknown.
    """
    if kind not in CLUTTER_KINDS:
        raise ValueError(f"kind is {kind!r}, allowed: {', '.join(CLUTTER_KINDS)}")
    rng = np.random.default_rng(seed)
    patch = Patch(height, half_width=1.45 if kind == "car" else 0.55)
    colour = cloth(rng)
    grey = dimmed((150.0, 152.0, 155.0), rng.uniform(0.4, 1.1))
    _DRAW[kind](patch, rng, colour, grey)
    patch.shade(rng, 0.12)
    shadow(image_rgb, x, y_foot, (1.35 if kind == "car" else 0.32) * height, 0.05 * height + 1.0)
    return patch.lay_over(image_rgb, x, y_foot)
