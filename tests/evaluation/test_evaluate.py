"""`evaluate` against cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evaluation.kit import FAR, A, B, boxes, truth
from tracker.errors import InputError
from tracker.evaluation import Role, evaluate, judge

trackeval = pytest.importorskip("trackeval")


def verdicts(found, there):  # type: ignore[no-untyped-def]
    """1 right, 0 wrong, -1 not judged."""
    judged = judge(boxes([(0, i, b, s) for i, (b, s) in enumerate(found)]), there)
    return np.where(judged.ignored, -1, judged.true.astype(int)).tolist()


def test_a_double_is_wrong_and_the_higher_score_wins() -> None:
    there = truth([(0, 1, A)])
    assert verdicts([(A, 0.6), (A, 0.9)], there) == [0, 1]
    assert verdicts([((0, 0, 10, 8), 0.9), (A, 0.8)], there) == [1, 0]  # though it fits worse
    assert verdicts([((0, 0, 10, 5), 0.9)], there) == [1]  # exactly half
    assert verdicts([((0, 0, 10, 4.9), 0.9)], there) == [0]


def test_a_box_left_over_is_not_judged_where_nobody_asks() -> None:
    there = truth([(0, 1, A), (0, 2, B, Role.IGNORE_BOX)])
    assert verdicts([(A, 0.9), (B, 0.8), (B, 0.7), (FAR, 0.6)], there) == [1, -1, -1, 0]
    both = truth([(0, 1, A), (0, 2, A, Role.IGNORE_BOX)])
    assert verdicts([(A, 0.9), (A, 0.8)], both) == [1, -1]  # the object comes first


def test_half_inside_an_area_is_enough() -> None:
    big = (0.0, 0.0, 100.0, 100.0)
    assert verdicts([(A, 0.9)], truth([(0, 1, big, Role.IGNORE_BOX)])) == [0]
    area = truth([(0, 1, big, Role.IGNORE_AREA)])
    assert verdicts([((95, 0, 10, 10), 0.9), ((96, 0, 10, 10), 0.8)], area) == [-1, 0]


def test_low_boxes_are_spared_only_where_they_match_nothing() -> None:
    there = truth([(0, 1, A)], least_height=10.0)
    assert verdicts([(A, 0.9), (FAR, 0.8), ((500, 500, 10, 10.5), 0.7)], there) == [1, -1, 0]


def test_perfect_tracks_and_an_id_switch() -> None:
    there = truth([(f, 7, A) for f in range(4)], 5)
    perfect = evaluate(truth=there, tracks=boxes([(f, 1, A, 0.9) for f in range(4)])).tracks
    assert perfect.boxes.ap == perfect.boxes.ap_50_95 == perfect.boxes.f1 == 1.0
    tracks = perfect.tracks
    assert tracks is not None
    assert (tracks.hota, tracks.idf1, tracks.mota, tracks.id_switches) == (1.0, 1.0, 1.0, 0)
    switched = evaluate(
        truth=there, tracks=boxes([(f, 1 + (f > 1), A, 0.9) for f in range(4)])
    ).tracks.tracks
    assert switched is not None
    assert (switched.mota, switched.id_switches, switched.idf1) == (0.75, 1, 0.5)
    assert (switched.deta, switched.assa) == (1.0, 0.5)
    assert switched.hota == pytest.approx(math.sqrt(0.5))


def test_below_the_threshold_nothing_is_output_but_ap_stays() -> None:
    there = truth([(f, 7, A) for f in range(4)], 5)
    result = evaluate(truth=there, tracks=boxes([(f, 1, A, 0.4) for f in range(4)])).tracks
    assert result.boxes.ap == 1.0
    assert (result.boxes.true, result.boxes.missed) == (0, 4)
    assert math.isnan(result.boxes.precision)
    assert result.tracks is not None
    assert (result.tracks.hota, result.tracks.mota, result.tracks.tracks) == (0.0, 0.0, 0)


def test_ap_at_stricter_overlaps() -> None:
    # IoU 0.8: right at 0.5 … 0.8, which is 7 of the 10 steps.
    result = evaluate(truth=truth([(0, 1, A)]), tracks=boxes([(0, 1, (0, 0, 10, 8), 0.9)]))
    assert result.tracks.boxes.ap == 1.0
    assert result.tracks.boxes.ap_50_95 == pytest.approx(0.7)
    strict = evaluate(
        truth=truth([(0, 1, A)]), tracks=boxes([(0, 1, (0, 0, 10, 8), 0.9)]), min_iou=0.85
    )
    assert (strict.tracks.boxes.ap, strict.tracks.boxes.false) == (0.0, 1)
    assert strict.tracks.boxes.ap_50_95 == pytest.approx(0.7)


def test_false_tracks() -> None:
    there = truth([(f, 1, A) for f in range(3)] + [(2, 2, B, Role.IGNORE_BOX)], 3)
    rows = [
        *[(0, 1, A, 0.9), (1, 1, FAR, 0.9)],  # right in half of its boxes: real
        (0, 2, FAR, 0.9),  # never: false
        *[(2, 3, A, 0.9), (0, 3, FAR, 0.6), (1, 3, FAR, 0.6)],  # one of three: false
        (2, 4, FAR, 0.4),  # below the threshold: no track
        (2, 5, B, 0.9),  # never judged: not counted
    ]
    found = evaluate(truth=there, tracks=boxes(rows)).tracks.tracks
    assert found is not None
    assert (found.tracks, found.false_tracks) == (3, 2)
    assert found.false_tracks_per_1000 == pytest.approx(2000 / 3)
    low = evaluate(truth=there, tracks=boxes(rows), threshold=0.3).tracks.tracks
    assert low is not None
    assert low.false_tracks == 3


def test_confirming_and_weak_objects() -> None:
    there = truth(
        [(f, 1, A) for f in range(4)] + [(f, 2, B) for f in range(2)] + [(0, 3, FAR)], 4, fps=10.0
    )
    raw = boxes([(1, -1, A, 0.6), (2, -1, A, 0.3), (0, -1, B, 0.4), (1, -1, B, 0.5)])
    rows = [(1, 1, A, 0.2), (3, 1, A, 0.7), (1, 2, B, 0.5)]
    found = evaluate(truth=there, tracks=boxes(rows), detections=raw).tracks.tracks
    assert found is not None
    # Object 1 is there from frame 1, found in 3; object 2 from 0, found in 1; 3 is never seen.
    assert (found.objects, found.confirm_frames, found.never_confirmed) == (2, 1.0, 0.0)
    assert found.confirm_s == pytest.approx(0.1)
    # Object 2 never exceeds 0.5; every box but that of object 1 in frame 1 is low.
    assert (found.weak_boxes, found.weak_recall, found.weak_raw_recall) == (2, 0.5, 1.0)
    assert (found.low_boxes, found.low_recall) == (6, pytest.approx(2 / 6))
    # Without detections, time runs from an object's first frame, and nothing is known as weak.
    alone = evaluate(truth=there, tracks=boxes(rows)).tracks.tracks
    assert alone is not None
    assert (alone.objects, alone.confirm_frames, alone.weak_boxes) == (3, 3.0, 0)
    assert alone.never_confirmed == pytest.approx(1 / 3)
    assert math.isnan(alone.weak_recall)


def test_most_objects_never_found_is_infinite() -> None:
    there = truth([(0, 1, A), (0, 2, B)], 1)
    found = evaluate(truth=there, tracks=boxes([(0, 1, FAR, 0.9)])).tracks.tracks
    assert found is not None
    assert (found.confirm_frames, found.never_confirmed) == (math.inf, 1.0)


def test_existence_is_judged_by_whole_tracks() -> None:
    there = truth([(f, 1, A) for f in range(2)], 2)
    rows = [(0, 1, A, 0.9, 0.8), (1, 1, A, 0.6, 0.7), (0, 2, FAR, 0.5, 0.2), (1, 2, FAR, 0.5, 0.4)]
    existence = evaluate(truth=there, tracks=boxes(rows)).tracks.existence
    assert existence is not None
    assert existence.brier == pytest.approx((0.2**2 + 0.3**2 + 0.2**2 + 0.4**2) / 4)
    assert evaluate(truth=there, tracks=boxes([(0, 1, A, 0.9)])).tracks.existence is None


def test_the_operating_point_by_existence() -> None:
    there = truth([(0, 1, A), (1, 1, A)], 2)
    tracks = boxes([(0, 1, A, 0.4, 0.9), (1, 1, A, 0.9, 0.3)])
    by_score = evaluate(truth=there, tracks=tracks)
    by_existence = evaluate(truth=there, tracks=tracks, by="existence")
    assert by_score.tracks.boxes.true == by_existence.tracks.boxes.true == 1
    assert by_score.tracks.tracks is not None
    assert by_existence.tracks.tracks is not None
    assert by_score.tracks.tracks.confirm_frames == 1.0
    assert by_existence.tracks.tracks.confirm_frames == 0.0
    with pytest.raises(InputError, match="no existence"):
        evaluate(truth=there, tracks=boxes([(0, 1, A, 0.4)]), by="existence")


def test_sequences_are_pooled() -> None:
    there = [truth([(0, 1, A)], 1, name="one"), truth([(0, 1, A)], 1, name="two")]
    found = [boxes([(0, 1, FAR, 0.9)], name="two"), boxes([(0, 1, A, 0.9)], name="one")]
    result = evaluate(truth=there, tracks=found)
    assert result.by_sequence["one"].tracks.boxes.ap == 1.0  # type: ignore[union-attr]
    assert result.tracks.boxes.ap == 0.25
    assert result.tracks.tracks is not None
    assert result.tracks.tracks.hota == pytest.approx(math.sqrt(1 / 3))


def test_nothing_found_and_nothing_there() -> None:
    empty = evaluate(truth=truth([(0, 1, A)], 3), tracks=boxes([]), detections=boxes([])).tracks
    assert (empty.boxes.ap, empty.boxes.true, empty.boxes.recall, empty.boxes.missed) == (
        0,
        0,
        0,
        1,
    )
    assert math.isnan(empty.score.ece)
    nobody = evaluate(truth=truth([], 3), tracks=boxes([(1, 1, A, 0.9)]))
    assert math.isnan(nobody.tracks.boxes.ap)
    assert (nobody.tracks.boxes.false, nobody.tracks.score.ece) == (1, pytest.approx(0.9))
    assert nobody.tracks.tracks is not None
    assert nobody.tracks.tracks.false_tracks == 1


def test_only_frames_that_were_looked_at_count() -> None:
    there = truth([(f, 1, A) for f in range(4)], 4)
    looked = np.array([0, 2])
    result = evaluate(truth=there, tracks=boxes([(0, 1, A, 0.9), (2, 1, A, 0.9)], looked=looked))
    assert (result.tracks.boxes.recall, result.parts[0].frames.tolist()) == (1.0, [0, 2])
    assert result.notes == ("seq: only 2 of 4 frames are judged, those looked at by the tracks",)


def test_what_does_not_fit_is_refused() -> None:
    there = truth([(0, 1, A)], 1)
    for tracks, words in (
        (lambda: boxes([(0, 1, A, 1.2)]), "score must be a probability, got 1.2"),
        (lambda: boxes([(0, 1, A, 0.9), (0, 1, B, 0.9)]), "track 1 stands twice in frame 0"),
        (lambda: boxes([(3, 1, A, 0.9)]), "reach frame 3 .* has 1 frames"),
        (lambda: boxes([(0, 1, A, 0.9)], name="other"), "no tracks of sequence seq"),
    ):
        with pytest.raises(InputError, match=words):
            evaluate(truth=there, tracks=tracks())
    with pytest.raises(InputError, match="give tracks, detections, or both"):
        evaluate(truth=there)
    with pytest.raises(InputError, match="min_iou"):
        evaluate(truth=there, tracks=boxes([]), min_iou=0.0)
