"""A picture under construction: pixels, the persons in it, and how things cover one another.

In: an RGB image and boxes. Out: the same after pasting, drawing and flipping. It stands apart
from the recipe in `augment` because each step must keep pixels and boxes in agreement, and that
bookkeeping is the part that goes wrong.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.training.coco import Boxes, Image, Scene, resized
from tracker.scenes.things import CLUTTER_KINDS, draw_clutter
from tracker.scenes.walker import draw_walker

HIDDEN = 0.65  # a person of whom more than this share is covered is no longer asked for
VISIBLE = 0.3  # a person of whom less than this share is inside the picture neither
MIN_WIDTH, MIN_HEIGHT = 5.0, 13.0  # pixels; smaller figures cannot be told from noise


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between `low` and `high`, equally likely in each octave."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(high, low)))))


def inside(boxes: Boxes, width: int, height: int) -> Boxes:
    """Clips (N, 4) boxes to the picture and drops those cut away or too small."""
    clipped = boxes.copy()
    clipped[:, 0::2] = boxes[:, 0::2].clip(0, width)
    clipped[:, 1::2] = boxes[:, 1::2].clip(0, height)
    size = clipped[:, 2:] - clipped[:, :2]
    whole = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    keep = (size[:, 0] >= MIN_WIDTH) & (size[:, 1] >= MIN_HEIGHT)
    keep &= np.prod(size, axis=1) / whole >= VISIBLE
    visible: Boxes = clipped[keep]
    return visible


def covered_share(boxes: Boxes, by: NDArray[np.floating]) -> NDArray[np.float32]:
    """Share of each of (N, 4) boxes that lies inside the one box `by`."""
    overlap = np.minimum(boxes[:, 2:], by[2:]) - np.maximum(boxes[:, :2], by[:2])
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    return np.asarray(np.prod(overlap.clip(0), axis=1) / area, np.float32)


class Canvas:
    """The picture: `image` (H, W, 3) uint8 RGB and `boxes` (N, 4) float32 of its persons."""

    def __init__(self, image: Image, boxes: Boxes | None = None) -> None:
        """Takes over `image`, which later steps change in place."""
        self.image = image
        self.boxes: Boxes = np.zeros((0, 4), np.float32) if boxes is None else boxes

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.image.shape[0])

    def cover(self, box: NDArray[np.floating], *, solid: float = 1.0) -> None:
        """Forgets persons hidden behind `box`, of which a share `solid` is opaque."""
        self.boxes = self.boxes[covered_share(self.boxes, box) * solid <= HIDDEN]

    def _add(self, box: NDArray[np.floating]) -> None:
        self.cover(box, solid=0.8)
        new = inside(np.asarray(box, np.float32)[None], self.width, self.height)
        self.boxes = np.concatenate([self.boxes, new])

    def place(self, scene: Scene, scale: tuple[float, float], origin: tuple[float, float]) -> None:
        """Lays a scaled part of `scene` over the picture.

        Args:
            scene: Where pixels and persons come from.
            scale: Factors in x and y.
            origin: Place of the picture's upper left corner in the scaled scene, pixels.
        """
        rows, columns = scene.image.shape[:2]
        x0, y0 = max(origin[0] / scale[0], 0.0), max(origin[1] / scale[1], 0.0)
        x1 = min((origin[0] + self.width) / scale[0], columns)
        y1 = min((origin[1] + self.height) / scale[1], rows)
        a, b, c, d = int(x0), int(y0), round(x1), round(y1)
        if c - a < 2 or d - b < 2:
            return
        left, top = round(a * scale[0] - origin[0]), round(b * scale[1] - origin[1])
        width, height = round((c - a) * scale[0]), round((d - b) * scale[1])
        part = resized(scene.image[b:d, a:c], max(width, 1), max(height, 1))
        u, v = max(left, 0), max(top, 0)
        part = part[v - top : self.height - top, u - left : self.width - left]
        self.image[v : v + part.shape[0], u : u + part.shape[1]] = part
        area = np.array([u, v, u + part.shape[1], v + part.shape[0]], np.float32)
        self.cover(area)
        boxes = scene.persons * np.array(scale * 2, np.float32)
        boxes -= np.array(origin * 2, np.float32)
        self.boxes = np.concatenate([self.boxes, inside(boxes, self.width, self.height)])

    def paste(self, cutout: Image, height: float, x: float, y: float, *, person: bool) -> None:
        """Blends an RGBA cut-out, scaled to `height`, with its upper left corner at (x, y)."""
        factor = height / cutout.shape[0]
        width = max(round(cutout.shape[1] * factor), 1)
        part = resized(cutout, width, max(round(height), 1))
        left, top = round(x), round(y)
        a, c = max(top, 0), max(left, 0)
        b, d = min(top + part.shape[0], self.height), min(left + width, self.width)
        if a >= b or c >= d:
            return
        part = part[a - top : b - top, c - left : d - left]
        # A blurred edge: otherwise the network learns to find the scissors' line.
        alpha = cv2.GaussianBlur(part[..., 3], (3, 3), 0.8)[..., None].astype(np.float32) / 255
        under = self.image[a:b, c:d]
        self.image[a:b, c:d] = np.round(part[..., :3] * alpha + under * (1 - alpha))
        box = np.array([left, top, left + width, top + round(height)], np.float32)
        if person:
            self._add(box)
        else:
            self.cover(box, solid=float(alpha.mean()))

    def walker(self, rng: np.random.Generator, y_foot: float, height: float) -> None:
        """Draws a random walking figure at a random place along `y_foot`."""
        box = draw_walker(
            self.image,
            rng.uniform(0, self.width),
            y_foot,
            height,
            rng.uniform(0, 2 * np.pi),
            int(rng.integers(2**31)),
            facing=(-1, 0, 1)[rng.integers(3)],
        )
        self._add(box)

    def clutter(self, rng: np.random.Generator, y_foot: float, height: float) -> None:
        """Draws a random thing of the street at a random place along `y_foot`."""
        kind = CLUTTER_KINDS[rng.integers(len(CLUTTER_KINDS))]
        x, seed = rng.uniform(0, self.width), int(rng.integers(2**31))
        box = draw_clutter(self.image, kind, x, y_foot, height, seed)
        self.cover(box, solid=0.7)

    def flip(self) -> None:
        """Mirrors left and right."""
        self.image = np.ascontiguousarray(self.image[:, ::-1])
        self.boxes = self.boxes.copy()
        self.boxes[:, 0::2] = self.width - self.boxes[:, 2::-2]
