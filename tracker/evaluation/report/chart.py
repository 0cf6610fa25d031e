"""A picture as plain data: what is drawn, not how.

Filled by `charts`; `plots` makes PNG files of it, `svg` the drawings of the page, so that both show
the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Band", "Bar", "Chart", "Ink", "Line", "Mark", "Pair"]

FloatArray = NDArray[np.float64]
# What a colour stands for.
Ink: TypeAlias = Literal["tracks", "raw", "existence", "right", "wrong", "guide"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line or a cloud of points; NaN in `y` interrupts it."""

    name: str
    ink: Ink
    x: FloatArray
    y: FloatArray
    style: Literal["line", "dashed", "points", "both"] = "line"


@dataclass(frozen=True, slots=True)
class Mark:
    """A single point with a word."""

    text: str
    ink: Ink
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the x axis up, behind the lines."""

    ink: Ink
    start: float
    stop: float
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the x axis: a strip along it, or over the whole height."""

    ink: Ink
    start: float
    stop: float
    full: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of a chart of pairs: what was told, what came true, over how many boxes."""

    label: str
    told: float
    true: float
    boxes: int


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """One picture.

    Attributes:
        key: Name of its file, without suffix.
        title: A few words.
        caption: How to read it.
        x_label, y_label: Of the axes.
        x_range, y_range: Of the axes.
        log_y: A logarithmic y axis.
        lines, marks, bars, bands: What is drawn.
        pairs: In place of all these: one row a group.
    """

    key: str
    title: str
    caption: str
    x_label: str
    y_label: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    log_y: bool = False
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[Bar, ...] = ()
    bands: tuple[Band, ...] = ()
    pairs: tuple[Pair, ...] = ()
