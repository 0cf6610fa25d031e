"""A transparent drawing board for one figure or thing, and its shadow on the ground.

In: shapes in units of the object's height. Out: pixels blended into an image, smooth at the edges
and placed to a fraction of a pixel, because all is drawn at three times the size and reduced. It
stands apart from `walker` and `things` so that the drawings there read as shapes and colours only.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Image", "Patch", "Point", "cloth", "dimmed", "shadow"]

Image = NDArray[np.uint8]
Point = tuple[float, float]
Colour = tuple[float, float, float]

_SUPERSAMPLING = 3


class Patch:
    """A supersampled RGBA canvas in units of the object's height.

    The origin is the foot point; x grows to the right, y grows upwards.

    Args:
        height: Height of the object, pixels of the image it goes to.
        half_width: Room to the left and right of the foot point, in heights.
    """

    def __init__(self, height: float, half_width: float) -> None:
        """Make an empty board."""
        self.unit = height * _SUPERSAMPLING
        self.foot_x = math.ceil(half_width * height) * _SUPERSAMPLING
        self.foot_y = math.ceil(1.08 * height) * _SUPERSAMPLING
        rows = self.foot_y + math.ceil(0.06 * height + 1) * _SUPERSAMPLING
        self.rgba = np.zeros((rows, 2 * self.foot_x, 4), np.uint8)

    def _pixels(self, points: list[Point]) -> NDArray[np.int32]:
        xy = np.asarray(points, float) * (self.unit, -self.unit) + (self.foot_x, self.foot_y)
        return np.round(xy * 16).astype(np.int32)  # 4 fractional bits, cv2's `shift`

    def polygon(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon."""
        import cv2

        cv2.fillPoly(self.rgba, [self._pixels(points)], (*colour, 255.0), cv2.LINE_8, 4)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, tilt: float = 0.0) -> None:
        """Fill an ellipse, turned anticlockwise by `tilt` radians."""
        angles = np.linspace(0.0, 2.0 * math.pi, 40, endpoint=False)
        x, y = radii[0] * np.cos(angles), radii[1] * np.sin(angles)
        cos, sin = math.cos(tilt), math.sin(tilt)
        xs, ys = centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos
        self.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour)

    def limb(self, start: Point, end: Point, r_start: float, r_end: float, colour: Colour) -> None:
        """Fill a tapered capsule from `start` to `end`."""
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
        """Light from one side and soft folds, so that surfaces are not flat colour."""
        import cv2

        rows, columns = self.rgba.shape[:2]
        side = rng.choice([-1.0, 1.0]) * np.linspace(-strength, strength, columns)
        coarse = rng.normal(0.0, 0.45 * strength, (max(rows // 14, 2), max(columns // 18, 2)))
        folds = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        light = 1.0 + 2.0 * side[None, :] + folds
        shaded = self.rgba[..., :3] * light[..., None]
        self.rgba[..., :3] = np.clip(shaded, 0, 255).astype(np.uint8)

    def lay_over(self, image_rgb: Image, x: float, y_foot: float) -> NDArray[np.float64]:
        """Blend the patch into an image, in place.

        Args:
            image_rgb: (H, W, 3).
            x: Column of the foot point, pixels; may lie outside.
            y_foot: Row of the foot point, pixels.

        Returns:
            (4,) `xyxy`, the tight box of the drawn pixels, not clipped.
        """
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


def dimmed(colour: Colour, factor: float) -> Colour:
    """The colour with its brightness multiplied."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def cloth(rng: np.random.Generator) -> Colour:
    """A colour of clothes or paint: mostly muted, sometimes bright."""
    if rng.random() < 0.3:
        red, green, blue = rng.uniform(20, 240, 3)
    else:
        red, green, blue = np.clip(rng.uniform(25, 200) + rng.normal(0, 22, 3), 5, 245)
    return (float(red), float(green), float(blue))


def shadow(image_rgb: Image, x: float, y_foot: float, half_width: float, depth: float) -> None:
    """Darken a soft ellipse of the ground, in place; all lengths in pixels."""
    rows, columns = image_rgb.shape[:2]
    a, b = max(int(y_foot - depth), 0), min(int(y_foot + depth) + 2, rows)
    c, d = max(int(x - half_width), 0), min(int(x + half_width) + 2, columns)
    if a >= b or c >= d:
        return
    ys, xs = np.mgrid[a:b, c:d]
    far = ((xs - x) / max(half_width, 1.0)) ** 2 + ((ys - y_foot) / max(depth, 1.0)) ** 2
    factor = 1.0 - 0.45 * np.clip(1.0 - far, 0.0, 1.0)
    image_rgb[a:b, c:d] = (image_rgb[a:b, c:d] * factor[..., None]).astype(np.uint8)
