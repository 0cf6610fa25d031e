"""A map of places that keep firing without ever moving: posters, cones, reflections.

In come boxes of one frame; out goes what speaks against each place, in log-odds. Hits of tracks
that have stood for a while where they began collect at their place (a square of some pixels
around the foot of the box) and fade with a half-life. A place with s seconds of such hits lowers
the evidence of what appears there by weight · log(1 + s / scale), up to a limit: it can make a
good detection worth nothing, but not evidence against (see `tracker.existence.hit_weight`). A track
that moves adds nothing, and someone who stops on such a place keeps the belief that the walk there
has earned.

The map is an array of fixed size; places further apart than it is wide share cells, so memory
never grows. Fading is lazy: instead of shrinking all cells at every frame, what is added grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.config import ClutterConfig

__all__ = ["ClutterMap"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Cells along each side; a power of two. At 24 px a cell the map spans 6,144 px before it repeats.
_SIDE = 256
# The common factor is worked into the cells before it gets smaller than this.
_LEAST_FACTOR = 1e-12
_STRIDES = np.array([1, _SIDE])


class ClutterMap:
    """Seconds of standing hits by place.

    Args:
        config: Cell size, half-life and weight.
    """

    def __init__(self, config: ClutterConfig | None = None) -> None:
        """Start with an empty map."""
        self.config = config or ClutterConfig()
        self._cells = np.zeros(_SIDE * _SIDE)
        self._factor = 1.0
        # (x1, y1, x2, y2) -> bottom centre, in cells
        self._to_foot = np.array([[0.5, 0], [0, 0], [0.5, 0], [0, 1]]) / self.config.cell_px

    def fade(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass."""
        self._factor *= 0.5 ** (dt_s / self.config.half_life_s)
        if self._factor < _LEAST_FACTOR:
            self._cells *= self._factor
            self._factor = 1.0

    def against(self, xyxy: FloatArray, dt_s: float = 0.0) -> FloatArray:
        """(N,) log-odds in [0, most] that speak against boxes at these places in `dt_s` seconds."""
        faded = self._factor * 0.5 ** (dt_s / self.config.half_life_s)
        seconds = self._cells[self._places(xyxy)]
        against = self.config.weight * np.log1p(seconds * (faded / self.config.scale_s))
        limited: FloatArray = np.minimum(against, self.config.most)
        return limited

    def add(self, xyxy: FloatArray, seconds: float) -> None:
        """Add a standing hit that stands for `seconds` of looking at the place of each box."""
        np.add.at(self._cells, self._places(xyxy), seconds / self._factor)

    def _places(self, xyxy: FloatArray) -> IntArray:
        """(N,) cell of the foot (bottom centre) of each box."""
        cell = np.floor(xyxy @ self._to_foot).astype(np.int64)
        cell &= _SIDE - 1
        place: IntArray = cell @ _STRIDES
        return place

    def seconds(self) -> FloatArray:
        """(256, 256) seconds of standing hits by row and column of cells."""
        return (self._cells * self._factor).reshape(_SIDE, _SIDE)

    def dump(self) -> dict[str, Any]:
        """The cells that hold something, for a snapshot."""
        place = self._cells.nonzero()[0]
        return {"place": place, "value": self._cells[place], "factor": self._factor}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over what `dump` gave, exactly."""
        self._cells = np.zeros(_SIDE * _SIDE)
        self._cells[np.array(dumped["place"], np.int64)] = dumped["value"]
        self._factor = float(dumped["factor"])
