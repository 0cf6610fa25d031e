"""Which classes the user wants: names or ids in, a mask out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError

__all__ = ["class_mask"]

_SHOWN = 10


def class_mask(wanted: Sequence[str | int], class_names: Sequence[str]) -> NDArray[np.bool_]:
    """Turn names or ids of classes into a mask.

    Args:
        wanted: Names, ids, or ids as text (from a command line).
        class_names: The C names.

    Returns:
        (C,) bool.

    Raises:
        InputError: A name or id that does not exist, with the nearest one that does.

    >>> class_mask(["car", "0"], ("person", "bus", "car")).tolist()
    [True, False, True]
    """
    mask = np.zeros(len(class_names), bool)
    for item in wanted:
        if item in class_names:
            mask[list(class_names).index(str(item))] = True
        elif str(item).isdigit() and int(item) < len(class_names):
            mask[int(item)] = True
        else:
            near = difflib.get_close_matches(str(item), class_names, n=1)
            shown = ", ".join(class_names[:_SHOWN]) + (" …" if len(class_names) > _SHOWN else "")
            raise InputError(
                f"unknown class {item!r}{f' (did you mean {near[0]!r}?)' if near else ''}; "
                f"the {len(class_names)} classes are: {shown}"
            )
    return mask
