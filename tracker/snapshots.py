"""Looks at a snapshot before anything is made of it: a file may be cut, edited, or another's.

In comes what `Tracker.snapshot` gave, perhaps through JSON; out goes nothing, or an `InputError`
that names the field. Lists stand for arrays; what a tracker computes with must be finite numbers of
the right kind, and columns of one thing equally long. It stands apart from `Tracker.restore`, which
then only puts things where they belong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["check", "check_ground", "column", "number", "whole"]

Kind = Literal["whole", "number", "flag"]

_DTYPES = {"whole": "iu", "number": "fiu", "flag": "b"}
_MEANING = {"whole": "whole numbers", "number": "finite numbers", "flag": "truth values"}
# Counts and ids beyond this are none; sums of two still fit into 64 bits.
_MOST = 2**62
# Log-probabilities of a row may add up to this much beside 1.
_ROUNDING = 1e-6
# Rows of a block of the default motion model that are variances, and the square of a length.
_VARIANCES = (2, 4, 5)


def column(
    where: str,
    value: Any,
    kind: Kind,
    shape: tuple[int | None, ...],
    *,
    least: float | None = None,
    most: float | None = None,
    ascending: bool = False,
) -> NDArray[Any]:
    """An array or list as an array, if it is what it should be.

    Args:
        where: Name of the field, for the error.
        value: What the snapshot has there.
        kind: Of its entries; numbers must be finite.
        shape: Length of each axis, None for any; an empty list fits if one of them may be 0.
        least: Least value allowed.
        most: Largest value allowed.
        ascending: Whether each entry must be larger than the one before it.

    Raises:
        InputError: It is not.

    Example:
        >>> column("rows.hits", [3, 4], "whole", (2,), least=0)
        array([3, 4])
        >>> column("rows.hits", [3, -4], "whole", (2,), least=0)
        Traceback (most recent call last):
        tracker.errors.InputError: snapshot field rows.hits must be at least 0, got -4
    """
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)  # lists of different lengths
    if array.size == 0 and all(length in (0, None) for length in shape[:1]):
        # A list without rows does not say how wide they would be.
        return array.reshape([length or 0 for length in shape])
    if array.ndim != len(shape) or any(
        length not in (None, n) for length, n in zip(shape, array.shape, strict=True)
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise _wrong(where, f"must have shape ({wanted}), got {array.shape}")
    if array.dtype.kind not in _DTYPES[kind] or (kind == "number" and not np.isfinite(array).all()):
        raise _wrong(where, f"must hold {_MEANING[kind]}, got {_odd(array, kind)}")
    if kind == "whole" and most is None:
        most = _MOST
    if least is not None and (array < least).any():
        raise _wrong(where, f"must be at least {least}, got {array.min()}")
    if most is not None and (array > most).any():
        raise _wrong(where, f"must be at most {most}, got {array.max()}")
    if ascending and not (np.diff(array) > 0).all():
        raise _wrong(where, "must ascend")
    return array


def whole(where: str, value: Any, *, least: int = 0, most: int = _MOST) -> int:
    """One whole number.

    Raises:
        InputError: It is none, or outside its range.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise _wrong(where, f"must be a whole number, got {value!r}")
    if value < least:
        raise _wrong(where, f"must be at least {least}, got {value}")
    if value > most:
        raise _wrong(where, f"must be at most {most}, got {value}")
    return int(value)


def number(where: str, value: Any, *, least: float | None = None) -> float:
    """One finite number.

    Raises:
        InputError: It is none, or below `least`.
    """
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise _wrong(where, f"must be a finite number, got {value!r}")
    if least is not None and value < least:
        raise _wrong(where, f"must be at least {least}, got {value}")
    return float(value)


def check(state: Mapping[str, Any], *, default_motion: bool) -> None:
    """Check all of a snapshot but its settings and the rows of the tracks.

    Args:
        state: The snapshot.
        default_motion: Whether its motion states are those of the default model; those of another
            must be finite numbers, and are its own to check.

    Raises:
        InputError: A field is not what it should be.
        KeyError: A field is missing.
    """
    next_id = whole("next_id", state["next_id"], least=1)
    ids = column("rows.track_id", _table(state, "rows")["track_id"], "whole", (None,))
    if len(ids) and ids.max() >= next_id:
        raise _wrong("rows.track_id", f"must be below next_id {next_id}, got {ids.max()}")
    _check_clock(_table(state, "clock"))
    _check_motion(state["motion"], len(ids), default_motion)
    width = whole("class_count", state["class_count"], least=1)
    likely = column("classes", state["classes"], "number", (len(ids), width), most=_ROUNDING)
    if not np.allclose(np.exp(likely).sum(axis=1), 1.0, rtol=0, atol=_ROUNDING):
        raise _wrong("classes", "must hold logarithms of probabilities that add up to 1")
    fused = _table(state, "fused")
    m = len(column("fused.track_id", fused["track_id"], "whole", (None,), least=1, ascending=True))
    column("fused.memory", fused["memory"], "number", (m, None))
    column("fused.confirmed", fused["confirmed"], "flag", (m,))
    _check_clutter(_table(state, "clutter"))
    check_ground(_table(state, "ground"))
    ledger = state["ledger"]
    if not _is_list(ledger) or not all(_is_list(pages) for pages in ledger):
        raise _wrong("ledger", "must be a list of the pages of each update")
    for i, pages in enumerate(ledger):
        for page in pages:
            _check_page(f"ledger[{i}]", page)
    if state["late"] is not None:
        _check_late(_table(state, "late"))


def _check_clock(clock: Mapping[str, Any]) -> None:
    if clock["timestamp_ns"] is not None:
        whole("clock.timestamp_ns", clock["timestamp_ns"], least=-(2**63), most=2**63)
    whole("clock.origin_ns", clock["origin_ns"], least=-(2**63), most=2**63)
    number("clock.timestamp_s", clock["timestamp_s"])
    whole("clock.looks", clock["looks"])
    for name in ("now_s", "looked_s"):
        number(f"clock.{name}", clock[name], least=0.0)


def _check_motion(value: Any, tracks: int, default: bool) -> None:
    if not default:
        array = np.asarray(value)
        column("motion", value, "number", (tracks, *(None,) * max(array.ndim - 1, 1)))
        return
    blocks = column("motion", value, "number", (tracks, 6, 4))
    if (blocks[:, _VARIANCES] <= 0).any():
        raise _wrong("motion", "must hold variances above 0")


def _check_clutter(clutter: Mapping[str, Any]) -> None:
    cells = 256 * 256
    places = column(
        "clutter.place", clutter["place"], "whole", (None,), least=0, most=cells - 1, ascending=True
    )
    column("clutter.value", clutter["value"], "number", (len(places),), least=0.0)
    lasting = column(
        "clutter.lasting_place", clutter["lasting_place"], "whole", (None,),
        least=0, most=cells - 1, ascending=True,
    )  # fmt: skip
    column("clutter.lasting_value", clutter["lasting_value"], "number", (len(lasting),), least=0.0)
    if number("clutter.factor", clutter["factor"], least=0.0) == 0:
        raise _wrong("clutter.factor", "must be above 0")
    if clutter["view"] is not None:
        view = column("clutter.view", clutter["view"], "number", (3, 3))
        if np.linalg.det(view) == 0:
            raise _wrong("clutter.view", "must have an inverse")


def check_ground(ground: Mapping[str, Any]) -> None:
    """Check what `GroundModel.dump` gave.

    Raises:
        InputError: It is something else.
        KeyError: A field is missing.
    """
    classes = len(column("ground.n", ground["n"], "number", (None,), least=0.0))
    column("ground.rss", ground["rss"], "number", (classes,), least=0.0)
    column("ground.xy", ground["xy"], "number", (classes, 3))
    column("ground.seen", ground["seen"], "number", (4,))
    xx = column("ground.xx", ground["xx"], "number", (classes, 3, 3))
    if classes and np.linalg.eigvalsh(xx).min() < -_ROUNDING * max(1.0, np.abs(xx).max()):
        raise _wrong("ground.xx", "must hold sums of squares, which have no negative direction")


def _check_page(where: str, page: Any) -> None:
    """One page of the ledger, but for the rows of its tracks."""
    if not isinstance(page, Mapping):
        raise _wrong(where, f"must hold tables, got {type(page).__name__}")
    number(f"{where}.timestamp_s", page["timestamp_s"])
    if not isinstance(page["looked"], bool | np.bool_):
        raise _wrong(f"{where}.looked", f"must be true or false, got {page['looked']!r}")
    m = len(column(f"{where}.confidence", page["confidence"], "number", (None,), least=0, most=1))
    n = len(column(f"{where}.rows.track_id", page["rows"]["track_id"], "whole", (None,)))
    column(f"{where}.match", page["match"], "whole", (n,), least=-1, most=m - 1)
    column(f"{where}.weight", page["weight"], "number", (n,))
    column(f"{where}.living", page["living"], "flag", (n,))
    whole(f"{where}.new", page["new"], most=n)


def _check_late(late: Mapping[str, Any]) -> None:
    """What may run again; `Detections` checks its ranges."""
    if not _is_list(late["inputs"]) or not all(isinstance(i, Mapping) for i in late["inputs"]):
        raise _wrong("late.inputs", "must be a list of tables")
    for i, given in enumerate(late["inputs"]):
        where = f"late.inputs[{i}]"
        whole(f"{where}.ns", given["ns"], least=-(2**63), most=2**63)
        number(f"{where}.s", given["s"])
        if given["move"] is not None:
            column(f"{where}.move", given["move"], "number", (3, 3))
        if given["image_size"] is not None:
            column(f"{where}.image_size", given["image_size"], "whole", (2,), least=1)
        if given["detections"] is not None:
            found = _table(given, "detections")
            n = len(column(f"{where}.confidence", found["confidence"], "number", (None,)))
            column(f"{where}.xyxy", found["xyxy"], "number", (n, 4))
            column(f"{where}.class_id", found["class_id"], "whole", (n,))
            width = whole(f"{where}.class_count", found["class_count"])
            column(
                f"{where}.class_probabilities", found["class_probabilities"], "number", (n, width)
            )
    column("late.names", late["names"], "whole", (None, 2), least=1)
    whole("late.offset", late["offset"], least=-(2**62))


def _table(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = state[name]
    if not isinstance(table, Mapping):
        raise _wrong(name, f"must be a table, got {type(table).__name__}")
    return table


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _odd(array: NDArray[Any], kind: Kind) -> str:
    """An entry that is not of the kind, or the type of all."""
    if kind == "number" and array.dtype.kind == "f":
        return str(array[~np.isfinite(array)][0])
    return str(array.dtype)


def _wrong(where: str, what: str) -> InputError:
    return InputError(f"snapshot field {where} {what}")
