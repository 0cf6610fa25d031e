"""How the picture moved between two frames: points and boxes through a homography.

In come a 2 × 3 affine matrix or a 3 × 3 homography that maps pixels of the previous frame to pixels
of the present one (a panning camera, a drone, a robot's base), and points or boxes; out go where
they are now, with the Jacobians that velocities and covariances need.

A box stays a box with upright sides. Its centre is mapped exactly; about it the homography counts
as the linear map J, its Jacobian there. The size becomes that of the upright box around the ellipse
that filled the old one:

    w' = √((J₀₀ w)² + (J₀₁ h)²),   h' = √((J₁₀ w)² + (J₁₁ h)²)

which is exact under shifts, zooms and quarter turns, and under small turns keeps the size where
the box around the four turned corners would grow, frame after frame, on a camera that shakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.errors import InputError
from tracker.state import State

if TYPE_CHECKING:
    from tracker.motion import MotionModel

__all__ = [
    "MovedBoxes",
    "homography",
    "in_view",
    "inverse",
    "move_boxes",
    "move_points",
    "move_tracks",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# What a camera can do between two frames: entries up to this, areas shrunk at most to that.
_LARGEST = 1e9
_LEAST_DETERMINANT = 1e-9
# A point whose depth shrinks to less than this share of the picture's is at the horizon.
_LEAST_DEPTH = 1e-3
# Variances of a box that is somewhere, px² and (px/s)²: beyond, their products are no numbers.
_SMALLEST_VARIANCE, _LARGEST_VARIANCE = 1e-30, 1e30


@dataclass(frozen=True, slots=True, eq=False)
class MovedBoxes:
    """N boxes in the present frame, and how they depend on those in the previous one.

    Attributes:
        cxcywh: (N, 4) boxes.
        centre: (N, 2, 2) derivatives of (cx', cy') with respect to (cx, cy).
        size: (N, 2, 2) derivatives of (w', h') with respect to (w, h), none below 0.
        scale2: (N,) growth of areas.
        way2: (N, 4) square of the way of the centre, twice, and of the change of each side.
    """

    cxcywh: FloatArray
    centre: FloatArray
    size: FloatArray
    scale2: FloatArray
    way2: FloatArray


def homography(warp: ArrayLike) -> FloatArray:
    """Check a warp, and write it as a homography.

    Args:
        warp: (2, 3) or (3, 3), pixels of the previous frame to pixels of the present one.

    Returns:
        (3, 3) with a 1 in its last place.

    Raises:
        InputError: Another shape, not finite, singular, mirrored, or far from what a camera does.

    Example:
        >>> homography([[1, 0, 5], [0, 1, 0]])
        array([[1., 0., 5.],
               [0., 1., 0.],
               [0., 0., 1.]])
    """
    try:
        given = np.asarray(warp, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"warp must be a matrix of numbers: {error}") from error
    if given.shape not in ((2, 3), (3, 3)):
        raise InputError(f"warp must have shape (2, 3) or (3, 3), got {given.shape}")
    if not np.isfinite(given).all():
        raise InputError(f"warp must be finite, got {given.tolist()}")
    matrix = np.eye(3)
    matrix[: len(given)] = given
    if abs(matrix[2, 2]) * _LARGEST <= np.abs(matrix).max():
        raise InputError(f"warp must be within {_LARGEST:g} of warp[2, 2], got {given.tolist()}")
    matrix /= matrix[2, 2]
    if not np.linalg.det(matrix) >= _LEAST_DETERMINANT:
        raise InputError(f"warp must be invertible and not a mirror, got {given.tolist()}")
    return matrix


def inverse(matrix: FloatArray) -> FloatArray:
    """The homography from the present frame back to the previous one, 1 in its last place.

    Example:
        >>> inverse(homography([[1, 0, 5], [0, 1, 0]]))
        array([[ 1.,  0., -5.],
               [ 0.,  1.,  0.],
               [ 0.,  0.,  1.]])
    """
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    out: FloatArray = back / back[2, 2]
    return out


def in_view(matrix: FloatArray, xy: FloatArray) -> BoolArray:
    """(N,) mask of the points that the homography leaves in front of the camera."""
    mask: BoolArray = xy @ matrix[2, :2] + 1.0 >= _LEAST_DEPTH
    return mask


def move_points(matrix: FloatArray, xy: FloatArray) -> FloatArray:
    """Where (N, 2) points are now; what is not `in_view` goes somewhere far away.

    Example:
        >>> move_points(homography([[2, 0, 5], [0, 2, 0]]), np.array([[1.0, 3.0]]))
        array([[7., 6.]])
    """
    moved = (xy @ matrix[:2, :2].T + matrix[:2, 2]) / _depth(matrix, xy)[:, None]
    out: FloatArray = np.clip(moved, -_LARGEST, _LARGEST)
    return out


def move_boxes(matrix: FloatArray, cxcywh: FloatArray) -> MovedBoxes:
    """Where (N, 4) boxes, centre and size, are now; their centres must be `in_view`.

    Example:
        >>> move_boxes(homography([[2, 0, 5], [0, 2, 0]]), np.array([[1.0, 3.0, 4.0, 9.0]])).cxcywh
        array([[ 7.,  6.,  8., 18.]])
    """
    before, extent = cxcywh[:, :2], cxcywh[:, 2:]
    centre = move_points(matrix, before)
    # d(u / d) / dp = (u' − (u / d) d') / d, for u = A p + t and d = cᵀ p + 1
    j = (matrix[:2, :2] - centre[:, :, None] * matrix[2, :2]) / _depth(matrix, before)[
        :, None, None
    ]
    # w' is homogeneous in w and h: w' = (∂w'/∂w) w + (∂w'/∂h) h, with ∂w'/∂w = J₀₀² w / w'.
    part = j * j * np.abs(extent)[:, None, :]
    whole = np.sqrt((part * np.abs(extent)[:, None, :]).sum(axis=2, keepdims=True))
    flat = whole <= 0.0
    size = np.where(flat, np.abs(j) * np.eye(2), part / np.where(flat, 1.0, whole))
    after = (size @ extent[:, :, None])[:, :, 0]
    scale2 = np.abs(j[:, 0, 0] * j[:, 1, 1] - j[:, 0, 1] * j[:, 1, 0])
    way2 = np.hstack([centre - before, after - extent]) ** 2
    way2[:, :2] = way2[:, :2].sum(axis=1, keepdims=True)
    return MovedBoxes(np.hstack([centre, after]), j, size, scale2, way2)


def move_tracks(
    state: State, motion: MotionModel, matrix: FloatArray
) -> tuple[State, NDArray[np.void]]:
    """Tracks in the pixels of the present frame, and the rows of those that are lost.

    Lost is what the move takes behind the camera, or to a place or size that is none.

    Args:
        state: N tracks, predicted, in the pixels of the previous frame. Its rows are changed.
        motion: The motion model of the tracks.
        matrix: (3, 3) homography.
    """
    keep: BoolArray = in_view(matrix, motion.project(state.motion).cxcywh[:, :2])
    rows, lost, blocks, posterior = state.rows, state.rows[~keep], state.motion, state.classes
    if len(lost):
        rows, blocks, posterior = rows[keep], blocks[keep], posterior[keep]
    blocks = motion.warp(blocks, matrix)
    variance = np.diagonal(motion.covariance(blocks), axis1=1, axis2=2)
    sound = (variance >= _SMALLEST_VARIANCE) & (variance <= _LARGEST_VARIANCE)
    near = np.abs(motion.project(blocks).cxcywh) < _LARGEST
    keep = np.logical_and.reduce(np.hstack([sound, near]), axis=1)
    if not keep.all():
        lost = np.concatenate([lost, rows[~keep]])
        rows, blocks, posterior = rows[keep], blocks[keep], posterior[keep]
    rows["start"] = move_points(matrix, rows["start"])
    return State(rows, blocks, posterior), lost


def _depth(matrix: FloatArray, xy: FloatArray) -> FloatArray:
    """(N,) what the homography divides by, kept away from 0."""
    depth: FloatArray = np.maximum(xy @ matrix[2, :2] + 1.0, _LEAST_DEPTH)
    return depth
