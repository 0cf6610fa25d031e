from fractions import Fraction

import numpy as np
import pytest

from tracker import Detections, InputError

GOOD = [[0.0, 0.0, 10.0, 20.0], [5.0, 5.0, 8.0, 9.0], [1.0, 2.0, 3.0, 4.0]]
NAN, INF = float("nan"), float("inf")


def boxes_with(row):
    return [GOOD[0], GOOD[1], row]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"xyxy": boxes_with([0, 0, NAN, 1])}, r"xyxy\[2\] must be finite"),
        ({"xyxy": boxes_with([0, 0, INF, 1])}, r"xyxy\[2\] must be finite"),
        ({"xyxy": boxes_with([-INF, 0, 5, 1])}, r"xyxy\[2\] must be finite"),
        ({"xyxy": boxes_with([INF, 0, INF, 1])}, r"xyxy\[2\] must be finite"),
        ({"xyxy": boxes_with([5, 0, 4, 1])}, r"xyxy\[2\] must be x1 <= x2"),
        ({"xyxy": boxes_with([5, 2, 6, 1])}, r"xyxy\[2\] must be x1 <= x2"),
        ({"confidence": [0.1, 1.2, 0.3]}, r"confidence\[1\] must be in \[0, 1\], got 1.2"),
        ({"confidence": [0.1, 0.2, -0.1]}, r"confidence\[2\] must be in"),
        ({"confidence": [NAN, 0.2, 0.1]}, r"confidence\[0\] must be in"),
        ({"confidence": [0.1, 0.2, INF]}, r"confidence\[2\] must be in"),
        ({"class_id": [0, -1, 0]}, r"class_id\[1\] must be >= 0, got -1"),
        ({"class_id": [0, 0.5, 0]}, r"class_id must hold whole numbers, got 0.5"),
        ({"class_id": [0, NAN, 0]}, r"class_id"),
        ({"class_id": np.array([0, NAN, 0])}, r"class_id"),
        ({"class_id": np.array([0, INF, 0])}, r"class_id"),
        ({"class_id": [0, 2**70, 0]}, r"class_id cannot be turned into int64"),
        ({"class_id": ["cat", "dog", "cat"]}, r"class_id must hold numbers, got text"),
        ({"class_probabilities": [[0.5, 0.5], [1.1, 0.0], [0, 0]]}, r"class_probabilities\[1\]"),
        ({"class_probabilities": [[0.5, 0.5], [NAN, 0.0], [0, 0]]}, r"class_probabilities\[1\]"),
    ],
)
def test_a_bad_row_is_named(arguments, message):
    columns = {"xyxy": GOOD, "confidence": [0.1, 0.2, 0.3], **arguments}
    with pytest.raises(InputError, match=message) as caught:
        Detections(**columns)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"xyxy": np.zeros((3, 5))}, r"xyxy must have shape \(N, 4\), got \(3, 5\)"),
        ({"xyxy": np.zeros(4)}, r"xyxy must have shape"),
        ({"xyxy": np.zeros((0, 5))}, r"xyxy must have shape"),
        ({"xyxy": [[0, 0, 1, 1], [0, 0, 1]]}, r"xyxy cannot be turned"),
        ({"xyxy": None}, r"xyxy"),
        ({"confidence": [0.1, 0.2]}, r"confidence must have shape \(3,\).*got \(2,\)"),
        ({"confidence": [[0.1], [0.2], [0.3]]}, r"confidence must have shape"),
        ({"confidence": 0.5}, r"confidence must have shape"),
        ({"class_id": [0, 1]}, r"class_id must have shape"),
        ({"class_probabilities": [0.1, 0.2, 0.7]}, r"class_probabilities must have shape \(3, C\)"),
        ({"class_probabilities": np.zeros((2, 4))}, r"class_probabilities must have shape"),
        ({"on_bad": "ignore"}, r"on_bad must be"),
    ],
)
def test_a_wrong_shape_is_named_and_never_dropped(arguments, message):
    columns = {"xyxy": GOOD, "confidence": [0.1, 0.2, 0.3], "on_bad": "drop", **arguments}
    with pytest.raises(InputError, match=message):
        Detections(**columns)


def test_bad_rows_are_dropped_and_counted():
    d = Detections(
        [GOOD[0], [INF, 0, INF, 1], [4, 0, 3, 1], GOOD[1], GOOD[2], [NAN] * 4],
        [0.1, 0.2, 0.3, 1.5, 0.5, NAN],
        [0, 1, 2, 3, 4, 5],
        on_bad="drop",
    )
    assert d.dropped == 4
    assert d.class_id.tolist() == [0, 4]
    assert d.xyxy.tolist() == [GOOD[0], GOOD[2]]
    assert Detections(GOOD, [0.1, 0.2, 0.3], on_bad="drop").dropped == 0


def test_all_bad_is_empty():
    d = Detections([[NAN] * 4], [0.5], on_bad="drop")
    assert (len(d), d.dropped) == (0, 1)


@pytest.mark.parametrize(
    "nothing", [Detections.empty(), Detections([], []), Detections([], [], [])]
)
def test_no_detections(nothing):
    assert len(nothing) == 0
    assert nothing.xyxy.shape == (0, 4)
    assert nothing.class_id.dtype == np.int64
    assert "0 boxes" in repr(nothing)
    assert Detections.empty(classes=3).class_probabilities.shape == (0, 3)


def test_one_class_for_all_rows():
    assert Detections(GOOD, [0.1, 0.2, 0.3], 7).class_id.tolist() == [7, 7, 7]


def test_columns_are_copies_and_read_only():
    xyxy = np.array(GOOD)
    d = Detections(xyxy, np.array([0.1, 0.2, 0.3], np.float32))
    xyxy[:] = 0
    assert d.xyxy.tolist() == GOOD
    assert d.confidence.dtype == np.float64
    for column in (d.xyxy, d.confidence, d.class_id, d.class_probabilities):
        with pytest.raises(ValueError, match="read-only"):
            column[...] = 0


def test_empty_boxes_and_probabilities_that_sum_to_less_are_fine():
    d = Detections([[5, 5, 5, 5]], [0.0], class_probabilities=[[0.1, 0.2, 1e-9]])
    assert len(d) == 1


def test_rounding_of_a_softmax_is_fine():
    assert len(Detections(GOOD[:1], [0.5], 0, [[1 + 1e-7, -1e-7]])) == 1


def test_selecting():
    d = Detections(GOOD, [0.1, 0.2, 0.3], [4, 5, 6], np.eye(3))
    assert d[d.confidence > 0.15].class_id.tolist() == [5, 6]
    assert d[::-1].class_id.tolist() == [6, 5, 4]
    assert d[[2, 0]].class_id.tolist() == [6, 4]
    assert d[1].xyxy.tolist() == [GOOD[1]]
    assert d[np.int64(1)].class_probabilities.tolist() == [[0, 1, 0]]
    assert len(d[[]]) == 0
    assert [len(one) for one in d] == [1, 1, 1]
    with pytest.raises(IndexError):
        d[3]


ONE = {"xyxy": [[0.0, 0.0, 4.0, 4.0]], "confidence": [0.5], "class_id": [1]}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("xyxy", np.array([[0, 0, 4, 4]], complex), "complex numbers"),
        ("xyxy", [["0", "0", "4", "4"]], "text"),
        ("xyxy", np.ones((1, 4), bool), "truth values"),
        ("xyxy", [[0, None, 4, 4]], "NoneType"),
        ("confidence", [0.5 + 0j], "complex numbers"),
        ("confidence", ["0.5"], "text"),
        ("confidence", [b"0.5"], "text"),
        ("confidence", [True], "truth values"),
        ("confidence", np.array([0], "m8[s]"), "timedelta64"),
        ("confidence", np.array(["0.5"], object), "str"),
        ("class_id", [True], "truth values"),
        ("class_id", True, "truth values"),
        ("class_id", "1", "text"),
        ("class_id", np.array([True], object), "bool"),
        ("class_probabilities", [[True, False]], "truth values"),
    ],
)
@pytest.mark.parametrize("on_bad", ["raise", "drop"])
def test_what_is_no_number_is_never_taken_for_one(field, value, kind, on_bad):
    with pytest.raises(InputError, match=rf"^{field} must hold numbers, got {kind}"):
        Detections(**ONE | {field: value}, on_bad=on_bad)


def test_objects_that_are_numbers_are_fine():
    found = Detections(
        np.array([[0, np.float32(0), 4, 4.0]], object),
        np.array([Fraction(1, 2)], object),
        np.array([np.int16(3)], object),
    )
    assert (found.confidence.tolist(), found.class_id.tolist()) == ([0.5], [3])
