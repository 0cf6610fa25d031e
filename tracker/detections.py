"""What a detector saw in one frame, as columns, and the gate that keeps bad input out.

In come arrays or lists of a detector; out goes a `Detections` whose every row can be trusted:
finite boxes with non-negative sizes, confidences in [0, 1], equal lengths. It is checked once,
here, so that no function behind it has to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker import interop, kernels
from tracker.errors import InputError

__all__ = ["Detections"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Room for rounding of a float32 softmax before a probability counts as outside [0, 1].
_ROUNDING = 1e-5
# Further from 0 than this, a coordinate is a mistake, and its square no longer a number.
_FURTHEST_PX = 1e9
_OTHER_KINDS = {"b": "truth values", "c": "complex numbers", "S": "text", "U": "text"}
_COLUMNS = ("xyxy", "confidence", "class_id", "class_probabilities")


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Detections:
    """Detections of one frame: N boxes as a structure of arrays.

    All arrays are copied and made read-only. Zero detections are normal: `Detections.empty()`.

    Args:
        xyxy: (N, 4) corners x1, y1, x2, y2 in pixels, x2 >= x1 and y2 >= y1. A box without area
            is allowed, but overlaps nothing and so never continues a track.
        confidence: (N,) raw detector scores in [0, 1].
        class_id: (N,) class indices >= 0; one integer stands for all rows (default 0).
        class_probabilities: (N, C) probability of each class in each box. A row may sum to less
            than 1: the rest is "none of these". C = 0 (the default) says that the detector gives
            only its top label.
        on_bad: `"raise"` stops at the first bad row with its number; `"drop"` leaves bad rows out
            and counts them in `dropped`. A wrong shape always raises.

    Attributes:
        dropped: Rows left out by `on_bad="drop"`.

    Raises:
        InputError: A wrong shape, or with `on_bad="raise"` a NaN or infinite box, a negative
            size, a confidence or class probability outside [0, 1], a negative class.

    Example:
        >>> d = Detections([[10, 10, 30, 60], [50, 20, 70, 80]], [0.9, 0.2])
        >>> len(d), d[d.confidence > 0.5].xyxy.tolist()
        (2, [[10.0, 10.0, 30.0, 60.0]])
    """

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    class_probabilities: FloatArray
    dropped: int

    def __init__(
        self,
        xyxy: ArrayLike,
        confidence: ArrayLike,
        class_id: ArrayLike = 0,
        class_probabilities: ArrayLike | None = None,
        *,
        on_bad: Literal["raise", "drop"] = "raise",
    ) -> None:
        """Convert, check and freeze the columns."""
        if on_bad not in ("raise", "drop"):
            raise InputError(f'on_bad must be "raise" or "drop", got {on_bad!r}')
        boxes = _column("xyxy", xyxy, np.float64)
        if boxes.size == 0 and boxes.ndim < 2:  # an empty list
            boxes = boxes.reshape(0, 4)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise InputError(f"xyxy must have shape (N, 4), got {boxes.shape}")
        n = len(boxes)
        sure = _column("confidence", confidence, np.float64)
        label = _column("class_id", class_id, np.int64)
        if label.ndim == 0:
            label = np.full(n, label)
        likely = np.zeros((n, 0))
        if class_probabilities is not None:
            likely = _column("class_probabilities", class_probabilities, np.float64)
        if sure.shape != (n,):
            raise InputError(f"confidence must have shape ({n},) as xyxy has, got {sure.shape}")
        if label.shape != (n,):
            raise InputError(f"class_id must have shape ({n},) as xyxy has, got {label.shape}")
        if likely.ndim != 2 or len(likely) != n:
            raise InputError(
                f"class_probabilities must have shape ({n}, C) as xyxy has, got {likely.shape}"
            )

        columns = (boxes, sure, label, likely)
        dropped = 0
        if not _all_good(*columns):
            columns = (boxes, _rounded(sure), label, likely)
            keep = _good_rows(*columns, stop=on_bad == "raise")
            dropped = int(n - np.count_nonzero(keep))
            boxes, sure, label, likely = columns
            columns = (boxes[keep], sure[keep], label[keep], likely[keep])
        for name, array in zip(_COLUMNS, columns, strict=True):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "dropped", dropped)

    @classmethod
    def empty(cls, classes: int = 0) -> Detections:
        """No detections, with room for `classes` class probabilities."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros((0, classes)))

    @classmethod
    def from_supervision(cls, found: Any, *, on_bad: interop.OnBad = "raise") -> Detections:
        """From a `supervision.Detections`; without class ids everything is class 0.

        Args:
            found: Has `xyxy` (N, 4), `confidence` (N,), and `class_id` (N,) or None.
            on_bad: As above.

        Raises:
            InputError: There is no confidence, or a bad row.
        """
        return interop.from_supervision(cls, found, on_bad)

    @classmethod
    def from_torchvision(
        cls, found: Mapping[str, Any], *, on_bad: interop.OnBad = "raise"
    ) -> Detections:
        """From one dict of torchvision's detection models.

        Args:
            found: `boxes` (N, 4) corners, `scores` (N,) and `labels` (N,), tensors or arrays.
                Labels are taken as they are: there, 0 is the background and persons are 1.
            on_bad: As above.

        Raises:
            InputError: A key is missing, or a bad row.

        Example:
            >>> found = {"boxes": [[10, 20, 50, 120]], "scores": [0.4], "labels": [1]}
            >>> Detections.from_torchvision(found).class_id.tolist()
            [1]
        """
        return interop.from_torchvision(cls, found, on_bad)

    @classmethod
    def from_ultralytics(cls, found: Any, *, on_bad: interop.OnBad = "raise") -> Detections:
        """From one result of Ultralytics.

        Args:
            found: A result with `boxes` (or `obb`, of which the upright boxes are taken); those
                boxes: `xyxy` (N, 4), `conf` (N,), `cls` (N,); or their rows (N, 6): x1, y1, x2,
                y2, conf, cls, or (N, 7) with a track's id before conf.
            on_bad: As above.

        Raises:
            InputError: Rows of another shape, or a bad one.

        Example:
            >>> Detections.from_ultralytics([[10, 20, 50, 120, 0.4, 2]]).class_id.tolist()
            [2]
        """
        return interop.from_ultralytics(cls, found, on_bad)

    @classmethod
    def from_coco(
        cls,
        results: Sequence[Mapping[str, Any]],
        *,
        image_id: int | str | None = None,
        categories: Sequence[int] | None = None,
        on_bad: interop.OnBad = "raise",
    ) -> Detections:
        """From COCO results of one image.

        Args:
            results: Dicts with `bbox` (x, y, width, height), `score` and `category_id`.
            image_id: Take the results of this image; may be left out where all are of one.
            categories: Category ids in the order of the classes; None takes the ids themselves.
            on_bad: As above.

        Raises:
            InputError: A key is missing, the results are of several images, a category is not
                among `categories`, or a bad row.

        Example:
            >>> rows = [{"image_id": 7, "category_id": 3, "bbox": [10, 20, 40, 100], "score": 0.4}]
            >>> Detections.from_coco(rows, categories=[1, 3]).class_id.tolist()
            [1]
        """
        return interop.from_coco(cls, results, image_id, categories, on_bad)

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.xyxy)

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[Any]) -> Detections:
        """Select rows by a slice, a boolean mask or indices."""
        if isinstance(rows, int | np.integer):
            rows = [int(rows)]
        columns = (getattr(self, name)[rows] for name in _COLUMNS)
        return Detections(*columns)

    def __repr__(self) -> str:
        """Show counts and ranges, not every box."""
        c = self.class_probabilities.shape[1]
        span = ""
        if len(self):
            span = f", confidence {self.confidence.min():.2f}..{self.confidence.max():.2f}"
        return f"Detections({len(self)} boxes{span}, {c} class probabilities)"


def _all_good(
    xyxy: FloatArray, confidence: FloatArray, class_id: IntArray, probabilities: FloatArray
) -> bool:
    """Whether every row is good: the fast way for input that is as it should be."""
    if not len(xyxy):
        return True
    if kernels.native is not None and not probabilities.size:
        return kernels.native.all_good(xyxy, confidence, class_id, _FURTHEST_PX)
    # NaN comes through least and most and fails every comparison: it needs no test of its own.
    least, most = np.minimum.reduce, np.maximum.reduce
    return bool(
        least(xyxy, axis=None) >= -_FURTHEST_PX
        and most(xyxy, axis=None) <= _FURTHEST_PX
        and np.logical_and.reduce(xyxy[:, 2:] >= xyxy[:, :2], axis=None)
        and least(confidence) >= 0
        and most(confidence) <= 1
        and least(class_id) >= 0
        and (
            not probabilities.size
            or (
                least(probabilities, axis=None) >= -_ROUNDING
                and most(probabilities, axis=None) <= 1 + _ROUNDING
            )
        )
    )


def _good_rows(
    xyxy: FloatArray,
    confidence: FloatArray,
    class_id: IntArray,
    probabilities: FloatArray,
    *,
    stop: bool,
) -> NDArray[np.bool_]:
    """(N,) mask of the good rows; with `stop` an error at the first bad one instead."""
    likely = (probabilities >= -_ROUNDING) & (probabilities <= 1 + _ROUNDING)
    checks: list[tuple[str, NDArray[np.bool_], str, NDArray[Any]]] = [
        ("xyxy", _every(np.isfinite(xyxy)), "finite", xyxy),
        ("xyxy", _every(np.abs(xyxy) <= _FURTHEST_PX), f"within {_FURTHEST_PX:g} px", xyxy),
        ("xyxy", _every(xyxy[:, 2:] >= xyxy[:, :2]), "x1 <= x2 and y1 <= y2", xyxy),
        ("confidence", (confidence >= 0) & (confidence <= 1), "in [0, 1]", confidence),
        ("class_id", class_id >= 0, ">= 0", class_id),
        ("class_probabilities", _every(likely), "in [0, 1]", probabilities),
    ]
    keep = np.ones(len(xyxy), np.bool_)
    for name, good, rule, values in checks:
        if stop and not good.all():
            row = int(np.argmin(good))
            raise InputError(f"{name}[{row}] must be {rule}, got {values[row].tolist()}")
        keep &= good
    return keep


def _rounded(confidence: FloatArray) -> FloatArray:
    """Confidences that rounding took just outside [0, 1], put back to its edge."""
    inside = np.clip(confidence, 0.0, 1.0)
    return np.where(np.abs(confidence - inside) <= _ROUNDING, inside, confidence)


def _every(good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) mask of the rows in which all is good."""
    return np.asarray(good.all(axis=1))


def _column(name: str, values: ArrayLike, dtype: type[np.generic]) -> NDArray[Any]:
    """Copy values into a fresh array, or say which field cannot be one."""
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "fiu":
            given = _real_numbers(name, given)
        if dtype is np.int64 and given.dtype.kind == "f":
            whole = np.isfinite(given) & (np.trunc(given) == given)
            if not whole.all():
                raise InputError(f"{name} must hold whole numbers, got {given[~whole][0]}")
        array = np.array(given, dtype=dtype, order="C")
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} cannot be turned into {dtype.__name__}: {error}") from error
    return array


def _real_numbers(name: str, given: NDArray[Any]) -> NDArray[Any]:
    """What is no array of numbers as one, if every entry is a number; NumPy would guess.

    It takes the real part of complex numbers, reads numbers out of text, and counts true as 1.
    """
    if given.dtype.kind == "O":
        odd = [v for v in given.flat if isinstance(v, bool | np.bool_) or not isinstance(v, Real)]
        if not odd:
            whole = all(isinstance(v, Integral) for v in given.flat)
            return given if whole else given.astype(np.float64)
        kind = type(odd[0]).__name__
    else:
        kind = _OTHER_KINDS.get(given.dtype.kind, given.dtype.name)
    raise InputError(f"{name} must hold numbers, got {kind}")
