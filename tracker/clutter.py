"""A map of places that keep firing without ever moving: posters, cones, reflections.

In come boxes of one frame; out goes what speaks against each place, in log-odds. Hits of tracks
that have stood for a while where they began collect at their place (a square of some pixels
around the foot of the box) and fade with a half-life. A place with s seconds of such hits lowers
the evidence of what appears there by weight · log(1 + s / scale), up to a limit: it can make a
good detection worth nothing, but not evidence against (see `tracker.existence.hit_evidence`). A
track that moves adds nothing, and someone who stops on such a place keeps the belief that the walk
there has earned.

The map is an array of fixed size; places further apart than it is wide share cells, so memory
never grows. Fading is lazy: instead of shrinking all cells at every frame, what is added grows.

Where the camera moves (`tracker.warp`), the map stays with the scene: its cells lie in the pixels
of the frame where it began, and feet are mapped there. Once the camera has zoomed or tilted too
far from that frame, what the cells hold is put where it belongs in the pixels of the present one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import kernels
from tracker.config import ClutterConfig
from tracker.errors import InputError
from tracker.warp import move_points

__all__ = ["ClutterMap", "Mark"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Cells along each side; a power of two. At 24 px a cell the map spans 6,144 px before it repeats.
_SIDE = 256
# The common factor is worked into the cells before it gets smaller than this.
_LEAST_FACTOR = 1e-12
_STRIDES = np.array([1, _SIDE])
# How far the camera may zoom (in area) and tilt (perspective per px) before cells are laid anew.
_LEAST_AREA = 0.5
_MOST_TILT = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Where a map stood.

    Attributes:
        cells: The array of its cells; what it held follows from the changes since.
        factor: The common factor of the cells.
        lasting: What does not fade; never changed in place.
        view: Pixels of the last frame to those of the cells.
        changed: Changes made until then.
    """

    cells: FloatArray
    factor: float
    lasting: FloatArray | None
    view: FloatArray | None
    changed: int


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
        # What is known to stand there and does not fade; None: nothing.
        self._lasting: FloatArray | None = None
        # Pixels of the last frame -> pixels in which the cells lie; None: the same.
        self._view: FloatArray | None = None
        # Numbered from the first: (cells, places, what stood there); None: nobody wants to go back.
        self._changes: deque[tuple[FloatArray, IntArray, FloatArray]] | None = None
        self._changed = 0

    def fade(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass."""
        self._factor *= 0.5 ** (dt_s / self.config.half_life_s)
        if self._factor < _LEAST_FACTOR:
            self._cells = self._cells * self._factor  # a new array: `Mark` may hold the old
            self._factor = 1.0

    def against(
        self,
        xyxy: FloatArray,
        dt_s: float = 0.0,
        warp: FloatArray | None = None,
        out: FloatArray | None = None,
    ) -> FloatArray:
        """What speaks against boxes `dt_s` seconds later and after a move of the camera.

        Args:
            xyxy: (N, 4) boxes in the pixels of that frame.
            dt_s: Seconds since the last one.
            warp: (3, 3) pixels of the last frame to those of that one, None where it stood.
            out: (N,) log-odds that are added to, in place.

        Returns:
            (N,) log-odds in [0, most], or `out`.
        """
        config = self.config
        faded = self._factor * 0.5 ** (dt_s / config.half_life_s)
        out = np.zeros(len(xyxy)) if out is None else out
        view = self._view if warp is None else self._viewed(warp)
        if kernels.native is not None and view is None and self._lasting is None:
            kernels.native.clutter(
                self._cells, xyxy, out, 0.5 / config.cell_px, 1.0 / config.cell_px,
                faded / config.scale_s, config.weight, config.most,
            )  # fmt: skip
            return out
        places = self._places(xyxy, view)
        seconds = self._cells[places] * (faded / config.scale_s)
        if self._lasting is not None:
            seconds = np.maximum(seconds, self._lasting[places] / config.scale_s)
        out += np.minimum(config.weight * np.log1p(seconds), config.most)
        return out

    def add(self, xyxy: FloatArray, seconds: float) -> None:
        """Add a standing hit that stands for `seconds` of looking at the place of each box."""
        places = self._places(xyxy, self._view)
        if self._changes is not None:
            self._changes.append((self._cells, places, self._cells[places]))
            self._changed += 1
        np.add.at(self._cells, places, seconds / self._factor)

    def begin_with(self, place: IntArray, seconds: FloatArray) -> None:
        """Know beforehand what stands where; it does not fade.

        Args:
            place: (K,) numbers of cells, as `dump` gives them.
            seconds: (K,) seconds of standing hits in each.

        Raises:
            InputError: A cell that is not there, or seconds that are none.
        """
        if place.shape != seconds.shape or place.ndim != 1:
            raise InputError(f"{len(seconds)} seconds of clutter do not fit {len(place)} places")
        if len(place) and not (place.min() >= 0 and place.max() < _SIDE * _SIDE):
            raise InputError(f"places of clutter must be in [0, {_SIDE * _SIDE})")
        if not (np.isfinite(seconds) & (seconds >= 0.0)).all():
            raise InputError("seconds of clutter must be finite and at least 0")
        self._lasting = None
        if len(place):
            self._lasting = np.zeros(_SIDE * _SIDE)
            self._lasting[place] = seconds

    def warp(self, matrix: FloatArray) -> None:
        """Let the camera move: pixels of the last frame to pixels of the present one, (3, 3)."""
        self._view = view = self._viewed(matrix)
        area = float(np.linalg.det(view))
        tilt = float(np.abs(view[2, :2]).sum())
        if not (_LEAST_AREA < area < 1 / _LEAST_AREA and tilt < _MOST_TILT):
            self._settle()

    def _viewed(self, matrix: FloatArray) -> FloatArray:
        """Pixels after the move -> pixels of the cells."""
        view = np.asarray(np.linalg.inv(matrix))
        if self._view is not None:
            view = self._view @ view
        scaled: FloatArray = view / view[2, 2]
        return scaled

    def _settle(self) -> None:
        """Put what the cells hold where it is in the last frame, to half a cell.

        What was known beforehand is dropped: it was about another view.
        """
        assert self._view is not None
        place = self._cells.nonzero()[0]
        side = self.config.cell_px
        cell = np.column_stack([place % _SIDE, place // _SIDE]) + 0.5
        # A cell stands for places one map apart: the one nearest to the picture is meant.
        span, middle = _SIDE * side, np.full((1, 2), 0.25 * _SIDE * side)
        centre = move_points(self._view, middle)
        xy = cell * side + span * np.round((centre - cell * side) / span)
        inverse = np.linalg.inv(self._view)
        xy = move_points(inverse / inverse[2, 2], xy)
        cells = np.zeros(_SIDE * _SIDE)
        np.add.at(cells, self._cell_numbers(xy / side), self._cells[place])
        self._cells, self._view, self._lasting = cells, None, None

    def _places(self, xyxy: FloatArray, view: FloatArray | None) -> IntArray:
        """(N,) cell of the foot (bottom centre) of each box."""
        foot, cell_px = np.empty((len(xyxy), 2)), self.config.cell_px
        if view is None:
            foot[:, 0] = (xyxy[:, 0] + xyxy[:, 2]) * (0.5 / cell_px)
            foot[:, 1] = xyxy[:, 3] * (1.0 / cell_px)
            return self._cell_numbers(foot)
        foot[:, 0] = (xyxy[:, 0] + xyxy[:, 2]) * 0.5
        foot[:, 1] = xyxy[:, 3]
        return self._cell_numbers(move_points(view, foot) / cell_px)

    @staticmethod
    def _cell_numbers(xy: FloatArray) -> IntArray:
        """(N,) cell of each point, given in cells."""
        cell = np.floor(xy).astype(np.int64)
        cell &= _SIDE - 1
        place: IntArray = cell @ _STRIDES
        return place

    def seconds(self) -> FloatArray:
        """(256, 256) seconds of standing hits by row and column of cells, see `warp`."""
        return (self._cells * self._factor).reshape(_SIDE, _SIDE)

    def mark(self) -> Mark:
        """Where the map stands; from the first mark on, what is overwritten is noted."""
        if self._changes is None:
            self._changes = deque()
        return Mark(self._cells, self._factor, self._lasting, self._view, self._changed)

    def rewind(self, mark: Mark) -> None:
        """Go back to a mark, exactly; later marks are void."""
        assert self._changes is not None
        while self._changed > mark.changed:
            cells, places, before = self._changes.pop()
            cells[places] = before
            self._changed -= 1
        self._cells, self._factor, self._lasting = mark.cells, mark.factor, mark.lasting
        self._view = mark.view

    def forget(self, mark: Mark) -> None:
        """Nobody goes back further than to this mark."""
        assert self._changes is not None
        while len(self._changes) > self._changed - mark.changed:
            self._changes.popleft()

    def dump(self) -> dict[str, Any]:
        """The cells that hold something, for a snapshot."""
        place = self._cells.nonzero()[0]
        lasting = np.zeros(0) if self._lasting is None else self._lasting
        known = lasting.nonzero()[0]
        return {
            "place": place,
            "value": self._cells[place],
            "factor": self._factor,
            "lasting_place": known,
            "lasting_value": lasting[known],
            "view": None if self._view is None else self._view.copy(),
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over what `dump` gave, exactly."""
        self._cells = np.zeros(_SIDE * _SIDE)
        self._cells[np.array(dumped["place"], np.int64)] = dumped["value"]
        self._factor = float(dumped["factor"])
        self.begin_with(
            np.array(dumped["lasting_place"], np.int64),
            np.array(dumped["lasting_value"], np.float64),
        )
        view = dumped["view"]
        self._view = None if view is None else np.array(view, np.float64).reshape(3, 3)
