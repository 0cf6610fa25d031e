"""Colours of belief: from vermilion (not believed) over yellow to green (sure).

The corners are of the set that `tracker.video.palette` takes its colours from, and differ in
brightness as well as in hue, so that people with any kind of colour vision can tell them apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS_AT", "belief_colours"]

# Existence, then red, green, blue.
COLOURS_AT: tuple[tuple[float, int, int, int], ...] = (
    (0.0, 120, 62, 40),
    (0.25, 213, 94, 0),
    (0.5, 230, 159, 0),
    (0.75, 240, 228, 66),
    (1.0, 40, 220, 150),
)


def belief_colours(existence: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) red, green, blue of N probabilities.

    Example:
        >>> belief_colours(np.array([0.0, 0.5, 0.625])).tolist()
        [[120, 62, 40], [230, 159, 0], [235, 194, 33]]
    """
    at, *channels = np.array(COLOURS_AT).T
    out = np.column_stack([np.interp(existence, at, channel) for channel in channels])
    return out.round().astype(np.uint8)
