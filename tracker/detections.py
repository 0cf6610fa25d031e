"""What a detector saw in one frame, as columns, and the gate that keeps bad input out.

In come arrays or lists of a detector; out goes a `Detections` whose every row can be trusted:
finite boxes with non-negative sizes, confidences in [0, 1], equal lengths. It is checked once,
here, so that no function behind it has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.errors import InputError

__all__ = ["Detections"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Room for rounding of a float32 softmax before a probability counts as outside [0, 1].
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Detections of one frame: N boxes as a structure of arrays.

    All arrays are copied and made read-only. Zero detections are normal: `Detections.empty()`.

    Args:
        xyxy: (N, 4) corners x1, y1, x2, y2 in pixels, x2 >= x1 and y2 >= y1.
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
    class_id: IntArray = field(default=0)  # type: ignore[assignment]
    class_probabilities: FloatArray = field(default=None)  # type: ignore[assignment]
    on_bad: InitVar[Literal["raise", "drop"]] = "raise"
    dropped: int = field(default=0, init=False)

    def __post_init__(self, on_bad: Literal["raise", "drop"]) -> None:
        """Convert, check and freeze the columns."""
        if on_bad not in ("raise", "drop"):
            raise InputError(f'on_bad must be "raise" or "drop", got {on_bad!r}')
        xyxy = _column("xyxy", self.xyxy, np.float64)
        if xyxy.size == 0 and xyxy.ndim != 2:
            xyxy = xyxy.reshape(0, 4)
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise InputError(f"xyxy must have shape (N, 4), got {xyxy.shape}")
        n = len(xyxy)
        confidence = _column("confidence", self.confidence, np.float64)
        class_id = _column("class_id", self.class_id, np.int64)
        if class_id.ndim == 0:
            class_id = np.full(n, class_id)
        given = self.class_probabilities
        probabilities = np.zeros((n, 0)) if given is None else _column(
            "class_probabilities", given, np.float64
        )
        for name, array, shape in (
            ("confidence", confidence, f"({n},)"),
            ("class_id", class_id, f"({n},)"),
            ("class_probabilities", probabilities, f"({n}, C)"),
        ):
            if array.ndim != shape.count(",") + shape.count("C") or len(array) != n:
                raise InputError(
                    f"{name} must have shape {shape} to match xyxy {xyxy.shape}, got {array.shape}"
                )
        keep = self._good_rows(xyxy, confidence, class_id, probabilities, on_bad)
        if keep is not None:
            object.__setattr__(self, "dropped", int(n - np.count_nonzero(keep)))
            xyxy, confidence, class_id, probabilities = (
                a[keep] for a in (xyxy, confidence, class_id, probabilities)
            )
        for name, array in (
            ("xyxy", xyxy),
            ("confidence", confidence),
            ("class_id", class_id),
            ("class_probabilities", probabilities),
        ):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @staticmethod
    def _good_rows(
        xyxy: FloatArray,
        confidence: FloatArray,
        class_id: IntArray,
        probabilities: FloatArray,
        on_bad: str,
    ) -> NDArray[np.bool_] | None:
        """Return the rows to keep, or None when all are good (the fast way)."""
        size = xyxy[:, 2:] - xyxy[:, :2]
        # NaN comes through min and max and fails every comparison: no test of its own is needed.
        if len(xyxy) == 0 or (
            size.min() >= 0
            and size.max() < np.inf
            and confidence.min() >= 0
            and confidence.max() <= 1
            and class_id.min() >= 0
            and (
                probabilities.size == 0
                or (probabilities.min() >= -_ROUNDING and probabilities.max() <= 1 + _ROUNDING)
            )
        ):
            return None
        checks: tuple[tuple[str, NDArray[np.bool_], str, Any], ...] = (
            ("xyxy", np.isfinite(xyxy).all(1), "finite", xyxy),
            ("xyxy", (size >= 0).all(1), "x1 <= x2 and y1 <= y2", xyxy),
            ("confidence", (confidence >= 0) & (confidence <= 1), "in [0, 1]", confidence),
            ("class_id", class_id >= 0, ">= 0", class_id),
            (
                "class_probabilities",
                ((probabilities >= -_ROUNDING) & (probabilities <= 1 + _ROUNDING)).all(1),
                "in [0, 1]",
                probabilities,
            ),
        )
        keep = np.ones(len(xyxy), bool)
        for name, good, rule, values in checks:
            if on_bad == "raise" and not good.all():
                row = int(np.argmin(good))
                raise InputError(f"{name}[{row}] must be {rule}, got {values[row].tolist()}")
            keep &= good
        return keep

    @classmethod
    def empty(cls, classes: int = 0) -> Detections:
        """No detections, with room for `classes` class probabilities."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros((0, classes)))

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.xyxy)

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> Detections:
        """Select rows by a slice, a boolean mask or indices."""
        if isinstance(rows, int | np.integer):
            rows = [int(rows)]
        return Detections(
            self.xyxy[rows], self.confidence[rows], self.class_id[rows],
            self.class_probabilities[rows],
        )  # fmt: skip

    def __repr__(self) -> str:
        """Show counts and ranges, not every box."""
        c = self.class_probabilities.shape[1]
        span = f", confidence {self.confidence.min():.2f}..{self.confidence.max():.2f}" if len(
            self
        ) else ""  # fmt: skip
        return f"Detections({len(self)} boxes{span}, {c} class probabilities)"


def _column(name: str, values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Copy values into a fresh array, or say which field cannot be one."""
    try:
        array = np.array(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be turned into {np.dtype(dtype)}: {error}") from error
    if dtype is np.int64 and np.asarray(values).dtype.kind == "f":
        given = np.asarray(values)
        if not np.array_equal(given, array):
            raise InputError(f"{name} must hold whole numbers, got {given[given != array][0]}")
    return array
