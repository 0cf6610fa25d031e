"""The compiled kernels against bad arrays: an error, and never a wrong place in memory."""

import sys

import numpy as np
import pytest

from tests.built import BUILT, needs_kernels
from tracker.ground import CLASS
from tracker.state import ROW


def arguments(name: str) -> tuple[list[np.ndarray], list[float]]:
    """Good arrays and numbers for a kernel: 3 tracks, 2 detections."""
    n, m = 3, 2
    rows, motion, match = np.zeros(n, ROW), np.ones((n, 6, 4)), np.array([1, -1, 0])
    box, one = np.ones((m, 4)), np.ones(m)
    floats, whole = np.ones(n), np.arange(m)
    known, wide, three = np.zeros(2, CLASS), np.ones((n, 4)), np.ones(3)
    known["n"] = known["variance"] = 1.0
    new, all_rows = np.array([1, 0]), np.zeros(n + 2, ROW)
    return {
        "all_good": ([box, one, np.zeros(m, int)], [0.5]),
        "believe": (
            [rows, match, floats, np.ones(2), np.ones(2), box, one, one, np.zeros(m, bool)],
            [2, *[0.5] * 18],
        ),
        "born": (
            [rows, motion, new, box, one, all_rows, np.ones((n + 2, 6, 4))],
            [7, 3, *[0.5] * 7],
        ),
        "candidates": ([rows, motion, whole, box, box, one], [0.5] * 8),
        "clutter": ([np.ones(65536), box, one], [0.5] * 5),
        "columns": (
            [rows, motion, match, whole, one, one, np.ones((n, 4)), np.ones((n, 2)),
             np.ones((n, 8, 8)), floats, np.ones(n), np.ones(n), np.ones(n, np.int8),
             np.ones(n, np.int64)],
            [True, *[0.5] * 9],
        ),
        "correct": ([motion, match, box, one], [0.5] * 4),
        "doubles": ([whole, box, one, np.zeros(m, int), np.ones(m)], [0.5] * 3),
        "ground_against": ([known, box, whole, one], [0.5] * 4),
        "ground_learn": (
            [known, np.zeros(2, CLASS), np.ones(4), np.ones(4), wide, np.array([0, 1, 1]),
             np.ones(n), three],
            [True, *[0.5] * 11],
        ),
        "observe": (
            [whole, box, one, np.zeros(m, int), np.ones((m, 4)), np.ones((m, 4)), np.ones(m),
             np.zeros(m, int)],
            [],
        ),
        "visibility": (
            [rows, motion, match, whole, box, np.ones(n), np.ones(n), np.ones(n)], [0.5] * 4
        ),
    }[name]  # fmt: skip


WRITTEN = {
    "all_good": (),
    "believe": (0, 2, 8),
    "born": (5, 6),
    "candidates": (),
    "clutter": (2,),
    "columns": range(6, 14),
    "correct": (0,),
    "doubles": (4,),
    "ground_against": (3,),
    "ground_learn": (1, 2),
    "observe": (4, 5, 6, 7),
    "visibility": (5, 6, 7),
}
INDICES = {
    "believe": (1,),
    "born": (2,),
    "candidates": (2,),
    "columns": (2,),
    "correct": (1,),
    "doubles": (0,),
    "ground_learn": (5,),
    "observe": (0,),
    "visibility": (2, 3),
}
# As long as there are classes; states that are not matched may follow.
FREE = {
    *(("correct", k) for k in (0, 1)),
    *(("ground_learn", k) for k in (0, 1)),
    ("ground_against", 0),
}
EACH_ARRAY = [(name, k) for name in WRITTEN for k in range(len(arguments(name)[0]))]


def twice_as_wide(array):
    return np.stack([array, array], axis=-1)


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]
    return raw.view(array.dtype).reshape(array.shape)


def call(name, arrays, numbers):
    return getattr(BUILT, name)(*arrays, *numbers)


@needs_kernels
@pytest.mark.parametrize("name", WRITTEN)
def test_good_arguments(name):
    arrays, numbers = arguments(name)
    before = [array.copy() for array in arrays]
    call(name, arrays, numbers)
    for k, (array, old) in enumerate(zip(arrays, before, strict=True)):
        assert k in WRITTEN[name] or (array == old).all()


@needs_kernels
@pytest.mark.parametrize(("name", "k"), EACH_ARRAY)
def test_a_wrong_array_is_an_error(name, k):
    good, numbers = arguments(name)
    array = good[k]
    other_type = np.zeros(array.shape, {1: np.uint8, 8: np.float32}.get(array.itemsize, float))
    bad = [
        other_type,
        array.byteswap().view(array.dtype.newbyteorder()),
        array[:-1],
        np.concatenate([array, array]),
        np.concatenate([array, array])[::2],
        twice_as_wide(array),
        array[0],
        array.tolist(),
        b"",
        None,
    ]
    if array.itemsize >= 8:
        bad.append(misaligned(array))
    if (name, k) in FREE:
        del bad[2:4]
    if array.itemsize == 1 or array.dtype.names:
        bad.pop(1)  # bytes have no order, and rows are known by their size
    if k in WRITTEN[name]:
        locked = array.copy()
        locked.setflags(write=False)
        bad.append(locked)
    for value in bad:
        given_arrays = [value if j == k else other.copy() for j, other in enumerate(good)]
        with pytest.raises((TypeError, ValueError, BufferError)):
            call(name, given_arrays, numbers)


@needs_kernels
@pytest.mark.parametrize(("name", "k"), [(name, k) for name in INDICES for k in INDICES[name]])
def test_a_row_that_does_not_exist_is_an_error(name, k):
    for row in (-2, 2, 2**62, -(2**63)):
        arrays, numbers = arguments(name)
        arrays[k][0] = row
        with pytest.raises(IndexError, match="is not a row"):
            call(name, arrays, numbers)


@needs_kernels
@pytest.mark.parametrize("name", WRITTEN)
def test_numbers_and_counts_are_checked(name):
    arrays, numbers = arguments(name)
    bad = [[*numbers, 1.0], *([numbers[:-1], [*numbers[:-1], "x"]] if numbers else [])]
    for given_numbers in bad:
        with pytest.raises(TypeError):
            call(name, arrays, given_numbers)


@needs_kernels
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
def test_numbers_that_are_none_do_no_harm(value):
    for name in WRITTEN:
        arrays, numbers = arguments(name)
        for array in arrays:
            if array.dtype == np.float64:
                array[...] = value
        call(name, arrays, numbers)


@needs_kernels
@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("spoilt", [False, True])
def test_buffers_are_given_back(name, spoilt):
    """A buffer that is not released holds a reference to its array."""
    arrays, numbers = arguments(name)
    if spoilt:
        arrays[-1] = arrays[-1][:-1]
    before = [sys.getrefcount(array) for array in arrays]
    for _ in range(3):
        try:
            call(name, arrays, numbers)
        except ValueError:
            assert spoilt
    assert [sys.getrefcount(array) for array in arrays] == before
