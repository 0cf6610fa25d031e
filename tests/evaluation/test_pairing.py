"""Which classes and frames are judged, and AP as COCO has it."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.kit import FAR, A, B, boxes, corners, truth
from tracker.errors import InputError
from tracker.evaluation import BoxSequence, Role, TruthSequence, evaluate
from tracker.evaluation.pairing import LADDER, pair_up


def of_classes(
    names: tuple[str, ...], rows: list[tuple[int, str]], **more: object
) -> TruthSequence:
    """Truth of one frame: object and class of each row, in places of their own."""
    there = truth([(0, i, (100.0 * k, 0, 10, 10)) for k, (i, _) in enumerate(rows)], 1)
    return replace(
        there,
        class_names=names,
        class_id=np.array([names.index(name) for _, name in rows], np.int64),
        **more,  # type: ignore[arg-type]
    )


def found_as(names: tuple[str, ...], classes: list[int]) -> BoxSequence:
    rows = [(0, k, (100.0 * k, 0, 10, 10), 0.9) for k in range(len(classes))]
    return boxes(rows, class_names=names, class_id=np.array(classes, np.int64))


THERE = of_classes(("person", "car"), [(1, "person"), (2, "car")])


def test_boxes_are_matched_within_their_class() -> None:
    result = evaluate(truth=THERE, tracks=found_as(("car", "person"), [1, 1]))
    people, cars = (result.by_class[name].tracks for name in ("person", "car"))
    assert people is not None
    assert cars is not None
    assert (people.boxes.true, people.boxes.false, cars.boxes.true) == (1, 1, 0)
    # AP over classes is the mean of 0.5 and 0; counts are sums.
    assert result.tracks.boxes.ap == 0.25
    assert (result.tracks.boxes.objects, result.tracks.boxes.false) == (2, 1)


def test_classes_that_the_tracks_do_not_know_are_left_out_and_said() -> None:
    result = evaluate(truth=THERE, tracks=found_as(("person",), [0]))
    assert list(result.by_class) == ["person"]
    assert result.notes == ("not judged: car, which the tracks do not know",)
    both = evaluate(truth=THERE, tracks=found_as(("person",), [0]), classes=["person", "Car"])
    assert list(both.by_class) == ["person", "car"]
    assert both.tracks.boxes.missed == 1


def test_one_class_under_two_names() -> None:
    there = of_classes(("person",), [(1, "person")])
    result = evaluate(truth=there, tracks=found_as(("object",), [0]))
    assert result.tracks.boxes.true == 1
    assert result.notes == ("tracks of class 'object' are judged as 'person'",)


def test_boxes_without_classes_need_one_to_be_named() -> None:
    with pytest.raises(InputError, match="the tracks have no classes, the truth has person, car"):
        evaluate(truth=THERE, tracks=found_as((), [0, 0]))
    result = evaluate(truth=THERE, tracks=found_as((), [0, 0]), classes=["pedestrian"])
    assert (result.tracks.boxes.true, result.tracks.boxes.false) == (1, 1)


def test_names_that_do_not_meet() -> None:
    with pytest.raises(InputError, match="the truth has no class dog; it has car, person"):
        evaluate(truth=THERE, tracks=found_as((), [0]), classes=["dog"])
    with pytest.raises(InputError, match="no name is in both"):
        evaluate(truth=THERE, tracks=found_as(("cow", "dog"), [0]))


def test_only_classes_that_are_asked_for_and_there() -> None:
    asked = replace(THERE, class_names=("person", "car", "dog"), asked=("dog", "person"))
    assert list(evaluate(truth=asked, tracks=found_as((), [0, 0])).by_class) == ["person"]


def test_an_area_for_every_class() -> None:
    there = replace(
        THERE,
        class_id=np.array([0, -1], np.int64),
        role=np.array([Role.JUDGED, Role.IGNORE_AREA], np.int8),
    )
    result = evaluate(
        truth=there, tracks=found_as(("person", "car"), [0, 1]), classes=["person", "car"]
    )
    assert (result.tracks.boxes.true, result.tracks.boxes.ignored) == (1, 1)


def test_frames_that_were_not_labelled_do_not_count() -> None:
    there = replace(truth([(0, 1, A), (4, 1, A)]), labelled=np.array([0, 4]))
    rows = [(f, 1, A, 0.9) for f in range(6)]
    parts, notes = pair_up([there], [boxes(rows)], None)
    assert parts[0].frames.tolist() == [0, 4]
    assert notes == ["seq: only 2 of 6 frames are judged, those labelled"]
    assert evaluate(truth=there, tracks=boxes(rows)).tracks.boxes.precision == 1.0


def test_low_boxes_by_the_users_rule() -> None:
    tracks = boxes([(0, 1, A, 0.9), (0, 2, FAR, 0.8)])
    assert evaluate(truth=truth([(0, 1, A)]), tracks=tracks).tracks.boxes.false == 1
    spared = evaluate(truth=truth([(0, 1, A)]), tracks=tracks, least_height=10.0).tracks.boxes
    assert (spared.true, spared.false, spared.ignored) == (1, 0, 1)
    strict = truth([(0, 1, A)], least_height=10.0)
    assert evaluate(truth=strict, tracks=tracks, least_height=0.0).tracks.boxes.false == 1


def test_ap_is_that_of_coco() -> None:
    """With distinct scores and nothing ignored; COCO reads the curve at 101 recalls."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    rng = np.random.default_rng(3)
    there, found = [], []
    for frame in range(25):
        places = rng.uniform(0, 300, (6, 2))
        for k, (x, y) in enumerate(places):
            there.append((frame, k, (x, y, 40.0, 60.0)))
            for _ in range(int(rng.integers(0, 3))):
                moved = (x + rng.normal(0, 6), y + rng.normal(0, 6), 40.0, 60.0)
                found.append((frame, -1, moved, float(rng.random())))
        found.append((frame, -1, (*rng.uniform(0, 300, 2), 40.0, 60.0), float(rng.random())))

    def xywh(box: object) -> list[float]:
        x1, y1, x2, y2 = corners([box])[0].tolist()  # type: ignore[list-item]
        return [x1, y1, x2 - x1, y2 - y1]

    with contextlib.redirect_stdout(io.StringIO()):
        labels = coco.COCO()
        labels.dataset = {
            "images": [{"id": f} for f in range(25)],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [
                {
                    "id": n + 1,
                    "image_id": f,
                    "category_id": 1,
                    "bbox": xywh(b),
                    "area": b[2] * b[3],
                    "iscrowd": 0,
                }
                for n, (f, _, b) in enumerate(there)
            ],
        }
        labels.createIndex()
        results = labels.loadRes(
            [{"image_id": f, "category_id": 1, "bbox": xywh(b), "score": s} for f, _, b, s in found]
        )
        theirs = cocoeval.COCOeval(labels, results, "bbox")
        theirs.evaluate()
        theirs.accumulate()
    result = evaluate(truth=truth(there), detections=boxes(found), track_metrics=False)
    part = result.parts[0].detections
    assert part is not None
    for step, (right, counts) in enumerate(part.ladder):
        order = np.argsort(-part.judged.boxes.score[counts], kind="stable")
        hits = np.cumsum(right[counts][order])
        precision = hits / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        first = np.searchsorted(hits / len(there), np.linspace(0, 1, 101), side="left")
        sampled = np.append(envelope, 0.0)[np.minimum(first, len(envelope))].mean()
        assert sampled == pytest.approx(theirs.eval["precision"][step, :, 0, 0, 2].mean()), LADDER
    coarse = theirs.eval["precision"][:, :, 0, 0, 2].mean()
    assert result.detections.boxes.ap_50_95 == pytest.approx(coarse, abs=0.01)
    assert 0.2 < result.detections.boxes.ap_50_95 < result.detections.boxes.ap < 1.0


def test_b_is_used() -> None:
    assert evaluate(truth=truth([(0, 1, B)]), tracks=boxes([(0, 1, B, 0.5)])).tracks.boxes.ap == 1
