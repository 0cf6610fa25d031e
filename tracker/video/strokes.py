"""Draws box outlines (solid, dashed, dotted) and panels half transparent, and only where they are.

In come an image to draw on and a rectangle; the image is changed. Blending touches the box or,
when it is large, its four edges, never the whole image: that is what keeps an overlay of 30
tracks far below the time of one frame.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.video.optional import import_cv2
from tracker.video.palette import Colour

__all__ = ["Box", "Line", "fill", "outline"]

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Line = Literal["solid", "dashed", "dotted"]

_HALO: Colour = (12, 12, 12)
# Up to this size one blend of the whole box is faster than four of its edges.
_SMALL_PX = 30_000


def fill(image: Image, box: Box, colour: Colour, opacity: float) -> None:
    """Lay a colour over a rectangle.

    Args:
        image: (H, W, 3) uint8, changed.
        box: x1, y1, x2, y2 in pixels, x2 and y2 outside; what is outside the image is left out.
        colour: RGB.
        opacity: 0 (nothing happens) to 1 (only the colour is left).
    """
    cv2 = import_cv2()
    x1, y1, x2, y2 = _inside(box, image)
    if x1 >= x2 or y1 >= y2:
        return
    part = image[y1:y2, x1:x2]
    if opacity >= 1:
        part[:] = colour
        return
    plain = np.empty_like(part)
    plain[:] = colour
    cv2.addWeighted(plain, opacity, part, 1 - opacity, 0, dst=part)


def outline(
    image: Image,
    box: Box,
    colour: Colour,
    opacity: float,
    *,
    width: int,
    line: Line = "solid",
    halo: int = 1,
) -> None:
    """Draw the outline of a box with a thin dark halo that keeps it visible on any ground.

    Args:
        image: (H, W, 3) uint8, changed.
        box: x1, y1, x2, y2 in pixels; the line is inside, its halo on both sides.
        colour: RGB.
        opacity: 0 to 1.
        width: Thickness of the line in pixels.
        line: How it is drawn.
        halo: Thickness of the halo in pixels, 0 for none.
    """
    cv2 = import_cv2()
    x1, y1, x2, y2 = box
    edge = width + halo
    marks = _strokes(x1, y1, x2, y2, width, line)
    if (x2 - x1) * (y2 - y1) <= _SMALL_PX:
        regions: tuple[Box, ...] = ((x1 - halo, y1 - halo, x2 + halo, y2 + halo),)
    else:
        regions = (
            (x1 - halo, y1 - halo, x2 + halo, y1 + edge),
            (x1 - halo, y2 - edge, x2 + halo, y2 + halo),
            (x1 - halo, y1 + edge, x1 + edge, y2 - edge),
            (x2 - edge, y1 + edge, x2 + halo, y2 - edge),
        )
    for region in regions:
        left, top, right, bottom = _inside(region, image)
        if left >= right or top >= bottom:
            continue
        part = image[top:bottom, left:right]
        drawn = part.copy()
        if halo:
            for a, b, c, d in marks:
                begin = a - halo - left, b - halo - top
                cv2.rectangle(
                    drawn, begin, (c + halo - 1 - left, d + halo - 1 - top), _HALO, cv2.FILLED
                )
            # The halo is there to help, not to be seen.
            cv2.addWeighted(drawn, 0.45, part, 0.55, 0, dst=drawn)
        for a, b, c, d in marks:
            cv2.rectangle(
                drawn, (a - left, b - top), (c - 1 - left, d - 1 - top), colour, cv2.FILLED
            )
        cv2.addWeighted(drawn, opacity, part, 1 - opacity, 0, dst=part)


def _strokes(x1: int, y1: int, x2: int, y2: int, width: int, line: Line) -> list[Box]:
    """Rectangles that together are the outline."""
    strokes = [
        (x1 + a, y, x1 + b, y + width)
        for y in (y1, y2 - width)
        for a, b in _marks(x2 - x1, width, line)
    ]
    strokes += [
        (x, y1 + a, x + width, y1 + b)
        for x in (x1, x2 - width)
        for a, b in _marks(y2 - y1, width, line)
    ]
    return strokes


@functools.lru_cache(maxsize=4096)
def _marks(length: int, width: int, line: Line) -> list[tuple[int, int]]:
    """Begin and end of each stroke along an edge; they meet the corners evenly."""
    if line == "solid" or length <= 4 * width:
        return [(0, length)]
    mark = width * (5 if line == "dashed" else 1)
    space = width * (4 if line == "dashed" else 2)
    count = max(2, round((length + space) / (mark + space)))
    step = (length - mark) / (count - 1)
    return [(round(i * step), round(i * step) + mark) for i in range(count)]


def _inside(box: Box, image: Any) -> Box:
    """Clip a rectangle to the image."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return max(0, x1), max(0, y1), min(width, x2), min(height, y2)
