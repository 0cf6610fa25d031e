"""Words on the picture: measured, placed where they cover little, never outside the image.

In come texts with the boxes they belong to, the most important first: it takes its favourite place.
A later one tries above, below, inside and beside its box, and takes the place that covers the
least of the boxes and of the labels placed before it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.video.optional import import_cv2
from tracker.video.palette import Colour
from tracker.video.strokes import Box, fill

__all__ = ["Label", "place", "text_size", "write_labels", "write_text"]

Image = NDArray[np.uint8]
IntArray = NDArray[np.int64]

# Above this many labels a picture is full anyway: boxes of others are not looked at.
_MANY = 150


@functools.cache
def _font(bold: bool) -> int:
    cv2 = import_cv2()
    return int(cv2.FONT_HERSHEY_DUPLEX if bold else cv2.FONT_HERSHEY_SIMPLEX)


def text_size(text: str, scale: float, *, bold: bool = False) -> tuple[int, int, int]:
    """Width, height above the base line and depth below it, in pixels.

    The height is that of the font, the same for all texts, so that labels line up.
    """
    cv2: Any = import_cv2()
    (width, _), _ = cv2.getTextSize(text, _font(bold), scale, 1)
    height, depth = _font_height(scale, bold)
    return int(width), height, depth


@functools.lru_cache(maxsize=256)
def _font_height(scale: float, bold: bool) -> tuple[int, int]:
    cv2: Any = import_cv2()
    (_, height), depth = cv2.getTextSize("Ag0", _font(bold), scale, 1)
    return int(height), int(depth)


def write_text(
    image: Image, text: str, x: int, y: int, scale: float, ink: Colour, *, bold: bool = False
) -> None:
    """Write a text whose base line begins at (x, y)."""
    cv2: Any = import_cv2()
    cv2.putText(image, text, (x, y), _font(bold), scale, ink, 1, cv2.LINE_AA)


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text and how it looks.

    Attributes:
        text: The words.
        near: Rectangle it belongs to, with all that is drawn around it.
        scale: Font scale.
        ground: Colour behind the text.
        ink: Colour of the text.
        opacity: Of the ground; text is never transparent.
        bold: Heavier strokes.
        optional: Left out rather than put on another label.
    """

    text: str
    near: Box
    scale: float
    ground: Colour
    ink: Colour
    opacity: float
    bold: bool = False
    optional: bool = False

    @property
    def pad(self) -> int:
        """Pixels between the text and the edge of its ground."""
        return max(2, round(6 * self.scale))


def write_labels(image: Image, labels: Sequence[Label], *, bottom: int) -> None:
    """Write labels at the best places near their boxes.

    Args:
        image: (H, W, 3) uint8, changed.
        labels: The most important first.
        bottom: Rows from here on are taken.
    """
    if not labels:
        return
    texts = [text_size(label.text, label.scale, bold=label.bold) for label in labels]
    sizes = np.array(
        [(w + 2 * b.pad, h + d + b.pad) for (w, h, d), b in zip(texts, labels, strict=True)]
    )
    near = np.array([label.near for label in labels])
    optional = np.array([label.optional for label in labels])
    corners, shown = place(sizes, near, image.shape[1], bottom, optional)
    # The most important is written last, on top of what could not be kept apart.
    for i in np.flatnonzero(shown)[::-1].tolist():
        label, height = labels[i], texts[i][1]
        (wide, high), (x, y) = sizes[i].tolist(), corners[i].tolist()
        fill(image, (x, y, x + wide, y + high), label.ground, label.opacity)
        base = y + label.pad // 2 + height
        write_text(image, label.text, x + label.pad, base, label.scale, label.ink, bold=label.bold)


def place(
    sizes: IntArray,
    near: IntArray,
    width: int,
    height: int,
    optional: NDArray[np.bool_],
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Choose where labels go: for each, in order, the place near its box that covers least.

    Args:
        sizes: (N, 2) width and height of each label in pixels.
        near: (N, 4) box of each label; boxes are better not covered by other boxes' labels.
        width: Room in pixels; no label leaves it as long as it fits in at all.
        height: Room in pixels.
        optional: (N,) labels to leave out when every place is taken by labels before them.

    Returns:
        (N, 2) left upper corners, and (N,) which labels have a place.

    Example:
        >>> boxes = np.array([[10, 40, 50, 90], [10, 0, 50, 30]])
        >>> size, needed = np.array([[30, 10], [30, 10]]), np.array([False, False])
        >>> place(size, boxes, 100, 100, needed)[0].tolist()
        [[10, 30], [10, 0]]
    """
    n = len(sizes)
    wide, high = sizes.T
    x1, y1, x2, y2 = near.T
    wanted = np.stack(
        (
            np.stack((x1, y1 - high), 1),  # above
            np.stack((x1, y2), 1),  # below
            np.stack((x2 - wide, y1 - high), 1),  # above, from the right
            np.stack((x2, y1), 1),  # right
            np.stack((x1 - wide, y1), 1),  # left
            np.stack((x1, y1), 1),  # inside, at the top
            np.stack((x2 - wide, y2), 1),  # below, from the right
            np.stack((x1, y1 - 2 * high), 1),  # above a neighbour's label
            np.stack((x2 - wide, y1 - 2 * high), 1),
            np.stack((x1, y2 + high), 1),  # below a neighbour's label
            np.stack((x2 - wide, y2 + high), 1),
            np.stack((x2, y2 - high), 1),  # right, at the foot
            np.stack((x1 - wide, y2 - high), 1),  # left, at the foot
        ),
        axis=1,
    )
    room = np.maximum(0, np.array((width, height)) - sizes)
    placed = np.minimum(np.maximum(wanted, 0), room[:, None])
    spots = np.concatenate((placed, placed + sizes[:, None]), axis=2)
    cost = 0.002 * np.abs(placed - wanted).sum(2) + 0.02 * np.arange(spots.shape[1])
    if n <= _MANY:
        covered = _overlap(spots, near)
        covered[np.arange(n), :, np.arange(n)] = 0
        cost += covered.sum(2) / (wide * high)[:, None]
    chosen = np.zeros((n, 4), spots.dtype)
    shown = np.ones(n, bool)
    for i in range(n):
        # What is important was placed before: only it is in the way.
        taken = _overlap(spots[i], chosen[max(0, i - _MANY) : i]).sum(1)
        best = np.argmin(cost[i] + 4 * taken)
        shown[i] = not (optional[i] and taken[best])
        if shown[i]:
            chosen[i] = spots[i, best]
    return chosen[:, :2], shown


def _overlap(spots: IntArray, taken: IntArray) -> NDArray[np.float64]:
    """Pixels that (N, 4) rectangles have in common with each of (..., 4), (..., N)."""
    spots = spots[..., None, :]
    size = np.minimum(spots[..., 2:], taken[:, 2:]) - np.maximum(spots[..., :2], taken[:, :2])
    size = np.maximum(size, 0)
    area: NDArray[np.float64] = (size[..., 0] * size[..., 1]).astype(float)
    return area
