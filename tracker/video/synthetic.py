"""Draws a street in 2-D: walking figures, things that are no figures, and a background.

In: an RGB image to draw on, a place, a size and a seed. Out: the pixels, and for each figure or
thing the tight box of what was drawn. It stands here because two users must see the very same
pictures: the demo renders its video with it, and the bundled detector is trained on a share of
such scenes, so that the demo runs the real model. The world (paths, speeds, occlusion) is not
decided here.

Everything is drawn at three times the size on a small transparent patch, then reduced and laid
over the image: edges come out smooth and positions may be fractions of a pixel.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Point = tuple[float, float]
Colour = tuple[float, float, float]
ClutterKind = Literal["pole", "cone", "box", "bin", "car", "sign", "tree", "bollard"]

CLUTTER_KINDS: tuple[ClutterKind, ...] = get_args(ClutterKind)
_SUPERSAMPLING = 3
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


class _Patch:
    """A supersampled RGBA canvas in units of the object's height.

    The origin is the foot point; x grows to the right, y grows upwards.
    """

    def __init__(self, height: float, half_width: float, top: float = 1.08, below: float = 0.06):
        self.unit = height * _SUPERSAMPLING
        self.foot_x = math.ceil(half_width * height) * _SUPERSAMPLING
        self.foot_y = math.ceil(top * height) * _SUPERSAMPLING
        rows = self.foot_y + math.ceil(below * height + 1) * _SUPERSAMPLING
        self.rgba = np.zeros((rows, 2 * self.foot_x, 4), np.uint8)

    def _pixels(self, points: list[Point]) -> NDArray[np.int32]:
        xy = np.asarray(points, float) * (self.unit, -self.unit) + (self.foot_x, self.foot_y)
        return np.round(xy * 16).astype(np.int32)  # 4 fractional bits, cv2's `shift`

    def polygon(self, points: list[Point], colour: Colour) -> None:
        import cv2

        cv2.fillPoly(self.rgba, [self._pixels(points)], (*colour, 255.0), cv2.LINE_8, 4)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, tilt: float = 0.0) -> None:
        angles = np.linspace(0.0, 2.0 * math.pi, 40, endpoint=False)
        x, y = radii[0] * np.cos(angles), radii[1] * np.sin(angles)
        cos, sin = math.cos(tilt), math.sin(tilt)
        xs, ys = centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos
        self.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour)

    def limb(self, start: Point, end: Point, r_start: float, r_end: float, colour: Colour) -> None:
        """A tapered capsule from `start` to `end`."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        norm = math.hypot(dx, dy) or 1.0
        nx, ny = -dy / norm, dx / norm
        self.polygon(
            [
                (start[0] + nx * r_start, start[1] + ny * r_start),
                (end[0] + nx * r_end, end[1] + ny * r_end),
                (end[0] - nx * r_end, end[1] - ny * r_end),
                (start[0] - nx * r_start, start[1] - ny * r_start),
            ],
            colour,
        )
        self.ellipse(start, (r_start, r_start), colour)
        self.ellipse(end, (r_end, r_end), colour)

    def shade(self, rng: np.random.Generator, strength: float) -> None:
        """Light from one side plus soft folds, so that surfaces are not flat colour."""
        import cv2

        rows, columns = self.rgba.shape[:2]
        side = rng.choice([-1.0, 1.0]) * np.linspace(-strength, strength, columns)
        coarse = rng.normal(0.0, 0.45 * strength, (max(rows // 14, 2), max(columns // 18, 2)))
        folds = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        light = 1.0 + 2.0 * side[None, :] + folds
        shaded = self.rgba[..., :3] * light[..., None]
        self.rgba[..., :3] = np.clip(shaded, 0, 255).astype(np.uint8)

    def lay_over(self, image_rgb: Image, x: float, y_foot: float) -> NDArray[np.float64]:
        """Blends the patch into `image_rgb` in place and returns the tight box of its pixels."""
        import cv2

        left, top = x - self.foot_x / _SUPERSAMPLING, y_foot - self.foot_y / _SUPERSAMPLING
        x0, y0 = math.floor(left), math.floor(top)
        width = self.rgba.shape[1] // _SUPERSAMPLING + 1
        height = self.rgba.shape[0] // _SUPERSAMPLING + 1
        big = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 4), np.uint8)
        dx, dy = int((left - x0) * _SUPERSAMPLING), int((top - y0) * _SUPERSAMPLING)
        big[dy : dy + self.rgba.shape[0], dx : dx + self.rgba.shape[1]] = self.rgba
        # Colours are weighted with alpha before the reduction, or black would bleed into the edge.
        alpha_big = big[..., 3:].astype(np.float32) / 255.0
        stack = np.concatenate([big[..., :3] * alpha_big, alpha_big], axis=2)
        small = cv2.resize(stack, (width, height), interpolation=cv2.INTER_AREA)
        rows, columns = image_rgb.shape[:2]
        a, b = max(y0, 0), min(y0 + height, rows)
        c, d = max(x0, 0), min(x0 + width, columns)
        if a < b and c < d:
            part = small[a - y0 : b - y0, c - x0 : d - x0]
            blended = image_rgb[a:b, c:d] * (1.0 - part[..., 3:]) + part[..., :3]
            image_rgb[a:b, c:d] = np.clip(np.round(blended), 0, 255).astype(np.uint8)
        ys, xs = np.nonzero(small[..., 3] > 0.5)
        if len(xs) == 0:
            return np.array([x, y_foot, x, y_foot], float)
        return np.array([x0 + xs.min(), y0 + ys.min(), x0 + xs.max() + 1, y0 + ys.max() + 1], float)


def _dim(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _cloth(rng: np.random.Generator) -> Colour:
    """A clothes colour: mostly muted, sometimes bright."""
    if rng.random() < 0.3:
        red, green, blue = rng.uniform(20, 240, 3)
    else:
        red, green, blue = np.clip(rng.uniform(25, 200) + rng.normal(0, 22, 3), 5, 245)
    return (float(red), float(green), float(blue))


def _shadow(image_rgb: Image, x: float, y_foot: float, half_width: float, depth: float) -> None:
    """Darkens a soft ellipse of the ground."""
    rows, columns = image_rgb.shape[:2]
    a, b = max(int(y_foot - depth), 0), min(int(y_foot + depth) + 2, rows)
    c, d = max(int(x - half_width), 0), min(int(x + half_width) + 2, columns)
    if a >= b or c >= d:
        return
    ys, xs = np.mgrid[a:b, c:d]
    far = ((xs - x) / max(half_width, 1.0)) ** 2 + ((ys - y_foot) / max(depth, 1.0)) ** 2
    factor = 1.0 - 0.45 * np.clip(1.0 - far, 0.0, 1.0)
    image_rgb[a:b, c:d] = (image_rgb[a:b, c:d] * factor[..., None]).astype(np.uint8)


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
    """Draws one walking person in place.

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
    shirt, legs, shoes = _cloth(rng), _cloth(rng), _dim(_cloth(rng), 0.5)
    build = rng.uniform(0.88, 1.2)
    long_coat, skirt = rng.random() < 0.2, rng.random() < 0.15
    bag = rng.choice(["none", "none", "backpack", "handbag"])
    bare_arms, long_hair = rng.random() < 0.35, rng.random() < 0.35

    patch = _Patch(height, half_width=0.42)
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
        patch.limb(hip, knee, 0.062 * build, 0.042 * build, _dim(legs, dim))
        calf = _dim(skin if skirt else legs, dim)
        patch.limb(knee, ankle, 0.041 * build, 0.025 * build, calf)
        toe = (ankle[0] + side * (0.065 if facing else 0.012), max(ankle[1] - 0.018, 0.014))
        patch.limb((ankle[0], ankle[1] - 0.012), toe, 0.023, 0.018, _dim(shoes, dim))

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
        patch.limb(joint, elbow, 0.035 * build, 0.029 * build, _dim(shirt, dim))
        sleeve = _dim(skin if bare_arms else shirt, dim)
        patch.limb(elbow, wrist, 0.026 * build, 0.019 * build, sleeve)
        patch.ellipse((wrist[0], wrist[1] - 0.018), (0.018, 0.024), _dim(skin, dim))

    # Far limbs first and darker, then the trunk, then the near limbs.
    arm(-1.0, 0.72)
    leg(-1.0, 0.76)
    leg(1.0, 1.0)
    if bag == "backpack" and facing:
        patch.ellipse((-side * 0.085 * build, 0.70 + bob), (0.055, 0.11), _dim(legs, 0.6))
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
    patch.limb((0.0, 0.83 + bob), (side * 0.006, 0.875 + bob), 0.030, 0.028, _dim(skin, 0.85))
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
        patch.ellipse((side * 0.02 + half_waist, 0.46 + bob), (0.055, 0.05), _dim(shoes, 1.3))
    patch.shade(rng, 0.14)
    _shadow(image_rgb, x, y_foot, 0.24 * height, 0.035 * height + 1.0)
    return patch.lay_over(image_rgb, x, y_foot)


def draw_clutter(
    image_rgb: Image, kind: ClutterKind, x: float, y_foot: float, height: float, seed: int
) -> NDArray[np.float64]:
    """Draws one thing of the street that is no person, in place.

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
    patch = _Patch(height, half_width=1.45 if kind == "car" else 0.55)
    colour = _cloth(rng)
    dark, pale = _dim(colour, 0.45), (225.0, 225.0, 218.0)
    grey = _dim((150.0, 152.0, 155.0), rng.uniform(0.4, 1.1))
    if kind == "pole":
        patch.limb((0, 0), (0, 0.98), 0.022, 0.016, grey)
        if rng.random() < 0.6:
            arm = rng.choice([-1.0, 1.0]) * 0.3
            patch.limb((0, 0.97), (arm, 1.0), 0.014, 0.010, grey)
            patch.ellipse((arm, 0.985), (0.06, 0.02), _dim(grey, 0.7))
    elif kind == "bollard":
        patch.limb((0, 0), (0, 0.88), 0.11, 0.10, grey)
        patch.polygon([(-0.105, 0.66), (0.105, 0.66), (0.105, 0.76), (-0.105, 0.76)], pale)
    elif kind == "cone":
        orange = (235.0, rng.uniform(70, 120), 30.0)
        patch.polygon([(-0.36, 0), (0.36, 0), (0.36, 0.08), (-0.36, 0.08)], _dim(orange, 0.7))
        patch.polygon([(-0.26, 0.08), (0.26, 0.08), (0.045, 1.0), (-0.045, 1.0)], orange)
        patch.polygon([(-0.19, 0.38), (0.19, 0.38), (0.135, 0.62), (-0.135, 0.62)], pale)
    elif kind == "box":
        half = rng.uniform(0.3, 0.5)
        patch.polygon([(-half, 0), (half, 0), (half, 0.86), (-half, 0.86)], colour)
        top = [(-half, 0.86), (half, 0.86), (half * 0.84, 1.0), (-half * 0.84, 1.0)]
        patch.polygon(top, _dim(colour, 1.2 if max(colour) < 205 else 0.9))
        patch.polygon([(-0.02, 0), (0.02, 0), (0.02, 0.86), (-0.02, 0.86)], dark)
    elif kind == "bin":
        half = rng.uniform(0.24, 0.34)
        patch.polygon(
            [(-half * 0.85, 0.03), (half * 0.85, 0.03), (half, 0.9), (-half, 0.9)], colour
        )
        patch.ellipse((0, 0.9), (half * 1.08, 0.09), dark)
        patch.polygon([(-half, 0.5), (half, 0.5), (half, 0.56), (-half, 0.56)], dark)
    elif kind == "sign":
        patch.limb((0, 0), (0, 0.9), 0.02, 0.02, grey)
        half, low = rng.uniform(0.12, 0.24), rng.uniform(0.55, 0.72)
        if rng.random() < 0.5:
            patch.ellipse((0, 0.84), (half, half * 0.9), colour)
            patch.ellipse((0, 0.84), (half * 0.72, half * 0.65), pale)
        else:
            patch.polygon([(-half, low), (half, low), (half, 1.0), (-half, 1.0)], colour)
            patch.polygon([(-half * 0.7, 0.8), (half * 0.7, 0.8), (half * 0.7, 0.86)], pale)
    elif kind == "tree":
        patch.limb((0, 0), (0, 0.6), 0.05, 0.035, (86.0, 66.0, 48.0))
        for _ in range(9):
            leaf: Colour = (rng.uniform(40, 90), rng.uniform(80, 130), rng.uniform(35, 70))
            spot = (rng.uniform(-0.24, 0.24), rng.uniform(0.56, 0.88))
            patch.ellipse(spot, (rng.uniform(0.1, 0.22), rng.uniform(0.08, 0.16)), leaf)
    else:
        patch.polygon([(-1.3, 0.16), (1.3, 0.16), (1.34, 0.5), (1.1, 0.58), (-1.28, 0.58)], colour)
        patch.polygon([(-1.0, 0.56), (0.78, 0.56), (0.42, 0.98), (-0.72, 0.98)], colour)
        glass = (70.0, 84.0, 96.0)
        patch.polygon([(-0.86, 0.58), (-0.1, 0.58), (-0.1, 0.91), (-0.66, 0.91)], glass)
        patch.polygon([(-0.02, 0.58), (0.64, 0.58), (0.38, 0.91), (-0.02, 0.91)], glass)
        for wheel in (-0.82, 0.82):
            patch.ellipse((wheel, 0.19), (0.21, 0.2), (26.0, 26.0, 28.0))
            patch.ellipse((wheel, 0.19), (0.11, 0.1), (150.0, 152.0, 156.0))
    patch.shade(rng, 0.12)
    _shadow(image_rgb, x, y_foot, (1.35 if kind == "car" else 0.32) * height, 0.05 * height + 1.0)
    return patch.lay_over(image_rgb, x, y_foot)


def street_background(width: int, height: int, seed: int) -> Image:
    """Renders an empty street: sky, house fronts, pavement and a road, with texture and grain.

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
