"""Matching against hand-worked cases, and against a plain reading of its rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import InputError
from tracker.evaluation.matching import BoxCounts, TrackCounts, match_boxes

# Two boxes 10 wide and 10 high, shifted by d along x, share (10 - d) / (10 + d):
# shift 1: 9/11 = 0.818, 2: 0.667, 3: 0.538, 4: 0.429.
BASE = [0.0, 0.0, 10.0, 10.0]


def shifted(d: float) -> list[float]:
    return [d, 0.0, 10.0 + d, 10.0]


def test_the_best_overlap_wins_not_the_first() -> None:
    verdict = match_boxes([BASE], [0.3], [shifted(3), shifted(1)])
    assert verdict.truth_row.tolist() == [1]
    assert verdict.iou.tolist() == pytest.approx([9 / 11])
    assert verdict.missed.tolist() == [0]


def test_the_higher_score_chooses_first_and_the_other_takes_what_is_left() -> None:
    truth = [BASE, shifted(3)]
    # Both boxes prefer truth 0; the second has the higher score and gets it.
    verdict = match_boxes([shifted(1), shifted(-1)], [0.4, 0.9], truth)
    assert verdict.truth_row.tolist() == [1, 0]
    # Without a second object the weaker box is a double: wrong.
    alone = match_boxes([shifted(1), shifted(-1)], [0.4, 0.9], truth[:1])
    assert alone.truth_row.tolist() == [-1, 0]
    assert alone.false.tolist() == [True, False]


def test_the_threshold_is_inclusive() -> None:
    half = [[0.0, 0.0, 10.0, 20.0]]  # contains BASE exactly twice: IoU 0.5
    assert match_boxes([BASE], [1.0], half).matched.all()
    assert not match_boxes([BASE], [1.0], half, min_iou=0.51).matched.any()
    assert not match_boxes([shifted(4)], [1.0], [BASE]).matched.any()


def test_a_box_on_something_unjudged_is_neither_right_nor_wrong() -> None:
    verdict = match_boxes(
        [shifted(1), shifted(100), shifted(200)],
        [0.9, 0.8, 0.7],
        [BASE],
        ignore_xyxy=[shifted(101), BASE],
    )
    assert verdict.matched.tolist() == [True, False, False]  # truth comes before ignore
    assert verdict.ignored.tolist() == [False, True, False]
    assert verdict.false.tolist() == [False, False, True]


@pytest.mark.parametrize(("boxes", "truth"), [(0, 0), (0, 2), (2, 0)])
def test_empty_sides(boxes: int, truth: int) -> None:
    verdict = match_boxes([BASE] * boxes, [0.5] * boxes, [shifted(50)] * truth)
    counts = BoxCounts()
    counts.add(verdict)
    assert (counts.true, counts.false, counts.missed) == (0, boxes, truth)
    assert len(verdict.missed) == truth
    assert math.isnan(counts.precision) == (boxes == 0)
    assert math.isnan(counts.recall) == (truth == 0)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match=r"truth_xyxy must have shape \(N, 4\), got \(1, 3\)"):
        match_boxes([BASE], [0.5], [[1, 2, 3]])
    with pytest.raises(InputError, match=r"score must have shape \(1,\)"):
        match_boxes([BASE], [0.5, 0.5], [BASE])
    with pytest.raises(InputError, match="min_iou"):
        match_boxes([BASE], [0.5], [BASE], min_iou=0.0)


def test_counts_add_up_over_frames() -> None:
    counts = BoxCounts()
    counts.add(match_boxes([BASE, shifted(50)], [0.9, 0.8], [BASE, shifted(100)]))  # 1 t, 1 f, 1 m
    counts.add(match_boxes([BASE], [0.9], [BASE]))  # 1 t
    assert (counts.true, counts.false, counts.missed) == (2, 1, 1)
    assert counts.precision == pytest.approx(2 / 3)
    assert counts.recall == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(2 / 3)


def test_a_track_is_false_below_half_of_its_judged_frames() -> None:
    tracks = TrackCounts()
    away = shifted(50)
    # Track 1 is right in 2 of 4 frames (real), track 2 in 1 of 3 (false), track 3 only ignored.
    for one, two in ((BASE, away), (BASE, away), (away, shifted(100)), (away, shifted(100))):
        verdict = match_boxes([one, two], [0.9, 0.8], [BASE], ignore_xyxy=[shifted(100)])
        tracks.add([1, 2], [7], verdict)
    verdict = match_boxes([shifted(100)], [0.9], [BASE], ignore_xyxy=[shifted(100)])
    tracks.add([3], [7], verdict)
    verdict = match_boxes([BASE], [0.9], [BASE])
    tracks.add([2], [8], verdict)
    assert tracks.real_tracks == [1]
    assert tracks.false_tracks == [2]
    assert tracks.objects_found == [7, 8]
    with pytest.raises(InputError, match="expected 1 track ids and 1 truth ids, got 2 and 1"):
        tracks.add([1, 2], [7], verdict)


def by_hand(boxes, scores, truth, min_iou):  # type: ignore[no-untyped-def]
    """The rule read aloud, one pair at a time."""
    taken: dict[int, int] = {}
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        best, best_iou = -1, 0.0
        for j, t in enumerate(truth):
            w = min(boxes[i][2], t[2]) - max(boxes[i][0], t[0])
            h = min(boxes[i][3], t[3]) - max(boxes[i][1], t[1])
            inter = max(w, 0) * max(h, 0)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], t)]
            iou = inter / (sum(areas) - inter)
            if j not in taken.values() and iou >= min_iou and iou > best_iou:
                best, best_iou = j, iou
        if best >= 0:
            taken[i] = best
    return [taken.get(i, -1) for i in range(len(boxes))]


@st.composite
def frames(draw):  # type: ignore[no-untyped-def]
    def box():  # type: ignore[no-untyped-def]
        x, y = draw(st.integers(0, 12)), draw(st.integers(0, 6))
        return [x, y, x + draw(st.integers(3, 9)), y + draw(st.integers(3, 9))]

    boxes = [box() for _ in range(draw(st.integers(0, 6)))]
    truth = [box() for _ in range(draw(st.integers(0, 6)))]
    scores = [draw(st.integers(0, 4)) / 4 for _ in boxes]
    return boxes, scores, truth


@given(frames(), st.sampled_from([0.25, 0.5, 0.75]))
@settings(max_examples=150, deadline=None)
def test_equals_the_rule_read_aloud(frame, min_iou) -> None:  # type: ignore[no-untyped-def]
    boxes, scores, truth = frame
    verdict = match_boxes(boxes, scores, truth, min_iou=min_iou)
    assert verdict.truth_row.tolist() == by_hand(boxes, scores, truth, min_iou)
    used = verdict.truth_row[verdict.matched]
    assert len(np.unique(used)) == len(used)
