"""Ground truth from files: what each benchmark judges, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.evaluation.kit import write
from tracker.errors import InputError
from tracker.evaluation import Role, TruthSequence, read_truth
from tracker.formats import coco_dataset, kitti

JUDGED, BOX, AREA = Role.JUDGED, Role.IGNORE_BOX, Role.IGNORE_AREA
INFO = ["[Sequence]", "frameRate=25", "seqLength=9"]


def rows(truth: TruthSequence, name: str = "person") -> list[tuple[int, int, Role]]:
    """Frame, object and role of what is about a class."""
    mine = truth.of_class(name)
    return [(f, i, Role(r)) for f, i, r in zip(mine.frame, mine.object_id, mine.role, strict=True)]


def test_mot17(tmp_path: Path) -> None:
    lines = [
        "3,1,10,20,30,40,1,1,0.5",
        "1,1,10,20,30,40,1,1,1",
        "1,2,0,0,9,9,0,1,1",  # a person that is not judged
        "1,3,0,0,9,9,0,2,1",  # on a vehicle
        "1,4,0,0,9,9,0,7,1",  # static
        "1,5,0,0,9,9,0,8,0.3",  # distractor
        "1,6,0,0,9,9,0,12,1",  # reflection
        "1,7,0,0,99,99,0,8,-1",  # an area
        "1,8,0,0,9,9,0,3,1",  # a car: nothing to do with persons
        "1,9,0,0,9,9,0,11,1",  # an occluder
    ]
    write(tmp_path / "seq" / "gt.txt", lines)
    write(tmp_path / "seq" / "seqinfo.ini", INFO)
    (truth,) = read_truth(tmp_path / "seq" / "gt.txt")
    assert (truth.name, truth.frame_count, truth.fps) == ("seq", 9, 25.0)
    assert rows(truth) == [
        (0, 1, JUDGED),
        *[(0, k, BOX) for k in (2, 3, 4, 5, 6)],
        (0, 7, AREA),
        (2, 1, JUDGED),
    ]
    assert truth.xyxy[0].tolist() == [10.0, 20.0, 40.0, 60.0]
    assert truth.asked == ("person",)


def test_mot20_also_ignores_what_people_ride(tmp_path: Path) -> None:
    for name, role in (("MOT20-01", [(0, 1, BOX)]), ("MOT17-02", [])):
        write(tmp_path / name / "gt" / "gt.txt", ["1,1,0,0,9,9,0,6,1"])
        (truth,) = read_truth(tmp_path / name)
        assert truth.name == name
        assert rows(truth) == role


def test_other_classes_can_be_judged_where_the_file_has_some(tmp_path: Path) -> None:
    write(tmp_path / "gt.txt", ["1,1,0,0,9,9,1,3,1", "1,2,0,0,9,9,0,3,1", "1,3,0,0,9,9,1,1,1"])
    (truth,) = read_truth(tmp_path)
    assert rows(truth, "car") == [(0, 1, JUDGED), (0, 2, BOX)]
    assert rows(truth) == [(0, 3, JUDGED)]
    assert truth.asked == ("person",)


def test_mot15_drops_what_is_not_flagged(tmp_path: Path) -> None:
    lines = ["1,1,0,0,9,9,1,2.5,3,0", "1,2,0,0,9,9,0,7,8,0"]
    (truth,) = read_truth(write(tmp_path / "gt.txt", lines))
    assert rows(truth) == [(0, 1, JUDGED)]


def test_without_classes_a_flag_of_0_ignores(tmp_path: Path) -> None:
    (truth,) = read_truth(write(tmp_path / "mine.txt", ["1,1,0,0,9,9,1", "1,2,0,0,9,9,0"]))
    assert truth.name == "mine"
    assert rows(truth) == [(0, 1, JUDGED), (0, 2, BOX)]


def test_labels_name_the_classes(tmp_path: Path) -> None:
    write(tmp_path / "gt" / "gt.txt", ["1,1,0,0,9,9,1,2,1", "1,2,0,0,9,9,0,1,1"])
    write(tmp_path / "gt" / "labels.txt", ["Pedestrian", "Forklift"])
    (truth,) = read_truth(tmp_path)
    assert truth.class_names == truth.asked == ("person", "forklift")
    assert rows(truth, "forklift") == [(0, 1, JUDGED)]
    assert rows(truth) == [(0, 2, BOX)]
    write(tmp_path / "gt" / "labels.txt", ["Pedestrian"])
    with pytest.raises(InputError, match=r"classes 1 to 2, but .*labels.txt names 1"):
        read_truth(tmp_path)


def test_kitti(tmp_path: Path) -> None:
    tail = "0 10 20 30 70 1 1 1 0 0 9 0"
    lines = [
        f"0 1 Pedestrian 0 0 {tail}",
        f"0 2 Pedestrian 1 0 {tail}",  # truncated
        f"0 3 Pedestrian 0 3 {tail}",  # occluded beyond 2
        f"0 4 Person 0 0 {tail}",  # sitting, as the labels have it
        f"0 5 Cyclist 0 0 {tail}",
        f"0 6 Car 0 2 {tail}",
        f"0 7 Van 0 0 {tail}",
        f"1 -1 DontCare -1 -1 {tail}",
    ]
    write(tmp_path / "0001.txt", lines)
    (truth,) = read_truth(tmp_path)
    assert (truth.name, truth.least_height, truth.fps) == ("0001", 25.0, 10.0)
    assert truth.asked == ("person", "car")
    assert rows(truth) == [(0, 1, JUDGED), *[(0, k, BOX) for k in (2, 3, 4, 5)], (1, -1, AREA)]
    assert rows(truth, "car") == [(0, 6, JUDGED), (0, 7, BOX), (1, -1, AREA)]
    assert rows(truth, "person sitting") == [(0, 4, JUDGED), (1, -1, AREA)]
    assert rows(truth, "van") == [(0, 7, JUDGED), (1, -1, AREA)]
    assert rows(truth, "cyclist") == [(0, 5, JUDGED), (1, -1, AREA)]
    assert truth.xyxy[0].tolist() == [10.0, 20.0, 30.0, 70.0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 1 Car 0 0 0 10 20 30", "at least 10 fields, got 9"),
        ("0 1 Car 0 0 0 30 20 10 70", "left, top, right, bottom"),
        ("-1 1 Car 0 0 0 10 20 30 70", "frame must be at least 0"),
        ("0 1 Car x 0 0 10 20 30 70", "could not convert"),
    ],
)
def test_bad_kitti_lines_have_their_number(tmp_path: Path, line: str, words: str) -> None:
    path = write(tmp_path / "0.txt", ["0 1 Car 0 0 0 10 20 30 70", "", line])
    with pytest.raises(InputError, match=rf"0\.txt:3: .*{words}"):
        kitti.read(path)


def dataset(**more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 5}, {"id": 7}, {"id": 9}],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "Car"}],
        "annotations": [
            {"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], "track_id": 4},
            {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "track_id": 5, "iscrowd": 1},
            {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "track_id": 6, "ignore": 1},
        ],
        **more,
    }


def test_coco(tmp_path: Path) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(dataset()))
    (truth,) = read_truth(path)
    assert (truth.name, truth.class_names) == ("val", ("person", "car"))
    assert rows(truth, "car") == [(0, 4, JUDGED)]
    assert rows(truth) == [(2, 5, AREA), (2, 6, BOX)]
    assert truth.labelled is not None
    assert truth.labelled.tolist() == [0, 1, 2]


def test_coco_videos(tmp_path: Path) -> None:
    images = [
        {"id": 5, "video_id": 1, "frame_id": 1},
        {"id": 7, "video_id": 2, "frame_id": 1},
        {"id": 9, "video_id": 2, "frame_id": 4},
    ]
    videos = [{"id": 1, "name": "a/one.mp4", "fps": 10}, {"id": 2, "file_name": "two.mp4"}]
    path = tmp_path / "val.json"
    path.write_text(json.dumps(dataset(images=images, videos=videos)))
    one, two = read_truth(path)
    assert (one.name, one.fps, two.name, two.fps) == ("one", 10.0, "two", None)
    assert (rows(one, "car"), rows(two)) == ([(0, 4, JUDGED)], [(3, 5, AREA), (3, 6, BOX)])
    assert two.labelled is not None
    assert two.labelled.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"annotations": [{"image_id": 5, "bbox": [1, 2, 3, 4]}]}, "category_id"),
        ({"annotations": [{"image_id": 6, "category_id": 1, "bbox": [1, 2, 3, 4]}]}, "image_id 6"),
        ({"annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 2, -3, 4]}]}, "bbox"),
        ({"images": [{"id": 1, "frame_index": 0}, {"id": 2, "frame_index": 0}]}, "same frame"),
    ],
)
def test_bad_data_sets_say_what_is_wrong(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(dataset(**change)))
    with pytest.raises(InputError, match=words):
        coco_dataset.read(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="expected a COCO data set"):
        coco_dataset.read(path)


def test_folders_of_sequences(tmp_path: Path) -> None:
    line = ["1,1,0,0,9,9,1,1,1"]
    write(tmp_path / "a" / "gt.txt", line)
    write(tmp_path / "b" / "gt" / "gt.txt", line)
    write(tmp_path / "demo" / "truth.txt", line)
    write(tmp_path / "notes" / "readme.txt", ["hello"])
    assert [truth.name for truth in read_truth(tmp_path)] == ["a", "b", "demo"]
    assert [truth.name for truth in read_truth(tmp_path / "b")] == ["b"]
    assert [truth.name for truth in read_truth(tmp_path / "b" / "gt" / "gt.txt")] == ["b"]


def test_nothing_there_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no ground truth: expected gt\.txt"):
        read_truth(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_truth(tmp_path / "missing")
    write(tmp_path / "s" / "gt.txt", ["1,1,0,0,9,9,1,1,1"])
    write(tmp_path / "s" / "seqinfo.ini", ["[Sequence]", "seqLength=many"])
    with pytest.raises(InputError, match=r"seqinfo\.ini"):
        read_truth(tmp_path / "s")


def test_an_object_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="object 1 stands twice in frame 0"):
        read_truth(write(tmp_path / "gt.txt", ["1,1,0,0,9,9,1", "1,1,5,5,9,9,1"]))


def test_an_empty_file_is_a_sequence_with_nobody(tmp_path: Path) -> None:
    (truth,) = read_truth(write(tmp_path / "gt.txt", []))
    assert len(truth) == 0
    assert np.asarray(truth.xyxy).shape == (0, 4)
