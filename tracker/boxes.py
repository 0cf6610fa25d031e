"""Boxes as arrays: corner and centre form, and how much two sets of boxes overlap.

In and out go (N, 4) float64 arrays in pixels. Everything here is a pure function; every function
takes N = 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "clip",
    "cxcywh_to_xyxy",
    "iou_matrix",
    "overlapping_pairs",
    "overlapping_runs",
    "xyxy_to_cxcywh",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Up to this many (row, column) combinations the full matrix is faster than looking for pairs.
_DENSE_LIMIT = 3_000
# Most combinations that are looked at in one go: bounds the memory beside the pairs that are found,
# however many boxes lie on one another.
MOST_AT_ONCE = 2**18
# Below this a box counts as having this area, in px²: two empty boxes do not divide 0 by 0.
_LEAST_AREA = 1e-9

# Both forms are linear in each other: one small product is faster than slicing and joining.
_TO_CENTRE = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_LEAST_CXCYWH = np.array([-np.inf, -np.inf, 0.0, 0.0])
_TO_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])


def xyxy_to_cxcywh(xyxy: FloatArray) -> FloatArray:
    """Turn corners into centre x, centre y, width, height.

    Example:
        >>> xyxy_to_cxcywh(np.array([[10.0, 20.0, 30.0, 80.0]]))
        array([[20., 50., 20., 60.]])
    """
    cxcywh: FloatArray = xyxy @ _TO_CENTRE
    return cxcywh


def cxcywh_to_xyxy(cxcywh: FloatArray) -> FloatArray:
    """Turn centre x, centre y, width, height into corners; a negative size counts as 0.

    Example:
        >>> cxcywh_to_xyxy(np.array([[20.0, 50.0, 20.0, 60.0]]))
        array([[10., 20., 30., 80.]])
    """
    xyxy: FloatArray = np.maximum(cxcywh, _LEAST_CXCYWH) @ _TO_CORNERS
    return xyxy


def clip(xyxy: FloatArray, width: float, height: float) -> FloatArray:
    """Cut boxes at the borders of an image of `width` x `height` pixels.

    Example:
        >>> clip(np.array([[-5.0, 10.0, 50.0, 90.0]]), 40, 60)
        array([[ 0., 10., 40., 60.]])
    """
    return np.clip(xyxy, 0.0, [width, height, width, height])


def iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of every box of `a` with every box of `b`.

    Args:
        a: (N, 4) corners.
        b: (M, 4) corners.

    Returns:
        (N, M) values in [0, 1].

    Example:
        >>> iou_matrix(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])).round(3)
        array([[0.333]])
    """
    return _iou(a.T[:, :, None], np.ascontiguousarray(b.T)[:, None, :])


def overlapping_pairs(
    a: FloatArray, b: FloatArray, least: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Find the pairs of boxes that overlap, without looking at the others where there are many.

    Args:
        a: (N, 4) corners.
        b: (M, 4) corners.
        least: (M,) smallest IoU of a pair with each box of `b`, above 0.

    Returns:
        (P,) rows of `a`, (P,) rows of `b` and (P,) IoU of the pairs, ordered by row of `a`, then
        row of `b`.

    Example:
        >>> boxes = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [9.0, 9.0, 10.0, 10.0]])
        >>> i, j, iou = overlapping_pairs(boxes, boxes, least=np.full(3, 0.2))
        >>> list(zip(i.tolist(), j.tolist()))
        [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    """
    runs = list(overlapping_runs(a, b, least))
    if len(runs) == 1:
        return runs[0]
    i, j, iou = (np.concatenate(column) for column in zip(*runs, strict=True))
    return i, j, iou


def overlapping_runs(
    a: FloatArray, b: FloatArray, least: FloatArray
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """Yield the pairs of `overlapping_pairs` in runs, at least one, for crowds of any size.

    Few boxes are compared all with all. Many are swept along x: `b` is sorted by its left edge,
    and each box of `a` meets only those whose left edges can reach it. Arguments and order are
    those of `overlapping_pairs`; a run takes in whole rows of `a`.
    """
    if len(a) * len(b) <= _DENSE_LIMIT:
        iou = iou_matrix(a, b)
        i, j = (iou >= least).nonzero()
        yield i, j, iou[i, j]
        return
    order = np.argsort(b[:, 0])
    left, top, right, bottom = np.ascontiguousarray(b[order].T)
    x1, y1, x2, y2 = np.ascontiguousarray(a.T)
    first = np.searchsorted(left, x1 - np.max(right - left), side="left")
    count = np.searchsorted(left, x2, side="right") - first
    for rows in _shares(count):
        meets = count[rows]
        i = np.repeat(np.arange(rows.start, rows.stop), meets)
        # Position of each candidate in its row's run of them, added to where the run starts.
        k = np.arange(len(i)) + np.repeat(first[rows] - np.cumsum(meets) + meets, meets)
        near = ((y1[i] < bottom[k]) & (top[k] < y2[i])).nonzero()[0]
        i, k = i[near], k[near]
        near = (x1[i] < right[k]).nonzero()[0]
        i, j = i[near], order[k[near]]
        iou = _iou(a[i].T, b[j].T)
        keep = iou >= least[j]
        i, j, iou = i[keep], j[keep], iou[keep]
        by_row = np.lexsort((j, i))
        yield i[by_row], j[by_row], iou[by_row]


def _shares(count: IntArray) -> Iterator[slice]:
    """Cut rows into shares that together meet at most `MOST_AT_ONCE` others, or are one row."""
    ends = np.cumsum(count)
    start, done = 0, 0
    while start < len(count):
        stop = int(np.searchsorted(ends, done + MOST_AT_ONCE, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start, done = stop, int(ends[stop - 1])


def _iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU of boxes given as four coordinate planes each, broadcast against each other.

    Planes keep the inner loops long; an inner axis of two coordinates is several times slower.
    """
    wide = np.minimum(a[2], b[2])
    wide -= np.maximum(a[0], b[0])
    high = np.minimum(a[3], b[3])
    high -= np.maximum(a[1], b[1])
    np.maximum(wide, 0.0, out=wide)
    np.maximum(high, 0.0, out=high)
    wide *= high  # the shared area
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    union -= wide
    np.maximum(union, _LEAST_AREA, out=union)
    iou: FloatArray = np.divide(wide, union, out=wide)
    return iou
