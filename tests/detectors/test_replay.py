from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import detectors
from detectors.replay import ReplayDetector
from tracker import Detections
from tracker.errors import InputError
from tracker.formats.coco import CocoWriter, images_path
from tracker.formats.jsonl import DetectionsJsonlWriter
from tracker.frames import Frame
from tracker.tracks import Tracks

NAMES = ("person", "car")


def frame(index: int) -> Frame:
    return Frame(np.zeros((48, 64, 3), np.uint8), index / 10, index)


@pytest.fixture
def mot_file(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("4,-1,10,20,30,40,0.9\n1,-1,1,2,3,4,0.2\n1,-1,5,6,7,8,0.03\n")
    return path


@pytest.fixture
def jsonl_file(tmp_path):
    path = tmp_path / "detections.jsonl"
    with DetectionsJsonlWriter(path, class_names=NAMES) as writer:
        for index in (0, 2, 4):
            boxes = [[index, 0, 9, 9]] * (index // 2)
            found = Detections(
                np.reshape(boxes, (-1, 4)),
                [0.5] * len(boxes),
                [1] * len(boxes),
                np.tile([0.1, 0.5], (len(boxes), 1)),
            )
            writer.write(SimpleNamespace(index=index, timestamp_s=index / 10), found)
    return path


@pytest.fixture
def coco_file(tmp_path):
    path = tmp_path / "r.json"
    result = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    path.write_text(json.dumps([{**result, "image_id": i} for i in (30, 10, 30)]))
    return path


def test_mot_frames_count_from_one(mot_file):
    detector = detectors.load(f"replay:{mot_file}")
    assert isinstance(detector, detectors.Detector)
    assert detector.class_names == ("object",)
    assert detector.name == f"replay:{mot_file}"
    assert "3 recorded detections" in detector.note
    first, second, fourth, late = detector.detect([frame(0), frame(1), frame(3), frame(99)])
    assert first.confidence.tolist() == [0.2, 0.03]
    np.testing.assert_allclose(first.xyxy[0], [1, 2, 4, 6])
    assert len(second) == len(late) == 0
    np.testing.assert_allclose(fourth.xyxy, [[10, 20, 40, 60]])


def test_frames_in_any_order_and_batch(mot_file):
    detector = detectors.load(f"replay:{mot_file}")
    assert [len(d) for d in detector.detect([frame(3), frame(0), frame(3)])] == [1, 2, 1]
    assert detector.detect([]) == []


def test_without_a_video(mot_file, jsonl_file):
    assert [(f.index, f.timestamp_s, len(f.detections)) for f in ReplayDetector(mot_file)] == [
        (0, None, 2),
        (1, None, 0),
        (2, None, 0),
        (3, None, 1),
    ]
    recorded = [(f.index, f.timestamp_s, len(f.detections)) for f in ReplayDetector(jsonl_file)]
    assert recorded == [(0, 0.0, 0), (2, 0.2, 1), (4, 0.4, 2)]


def test_filters(mot_file, jsonl_file):
    strong = detectors.load(f"replay:{mot_file}", score_threshold=0.1).detect([frame(0)])[0]
    assert strong.confidence.tolist() == [0.2]
    best = detectors.load(f"replay:{mot_file}", max_detections=1).detect([frame(0)])[0]
    assert best.confidence.tolist() == [0.2]
    none = detectors.load(f"replay:{jsonl_file}", classes=["person"]).detect([frame(2)])[0]
    assert len(none) == 0
    cars = detectors.load(f"replay:{jsonl_file}", classes=["car"]).detect([frame(2)])[0]
    np.testing.assert_allclose(cars.class_probabilities, [[0.1, 0.5]])
    with pytest.raises(InputError, match="unknown class 'bus'"):
        detectors.load(f"replay:{jsonl_file}", classes=["bus"])


def test_jsonl_keeps_class_vectors_also_of_empty_frames(jsonl_file):
    detector = detectors.load(f"replay:{jsonl_file}")
    assert detector.class_names == NAMES
    empty, one = detector.detect([frame(0), frame(2)])
    assert empty.class_probabilities.shape == (0, 2)
    assert one.class_probabilities.tolist() == [[0.1, 0.5]]


def test_frames_that_were_not_recorded_were_not_looked_at(jsonl_file, caplog):
    """The record has frames 0, 2 and 4; it was interrupted there, and made with --every 2."""
    detector = detectors.load(f"replay:{jsonl_file}")
    answers = detector.detect([frame(i) for i in range(7)])
    assert [None if d is None else len(d) for d in answers] == [0, None, 1, None, 2, None, None]
    assert [r.getMessage() for r in caplog.records] == [
        f"frame 1 is not in {jsonl_file}, which has 3 frames from 0 to 4:"
        " frames that were not recorded count as not looked at"
    ]


def test_a_list_of_images_says_what_was_looked_at(tmp_path):
    with CocoWriter(tmp_path / "r.json", class_names=["car"]) as out:
        for index in (0, 2):
            out.write(frame(index), Tracks.empty(index / 10))
    answers = detectors.load(f"replay:{tmp_path / 'r.json'}").detect([frame(i) for i in range(4)])
    assert [None if d is None else len(d) for d in answers] == [0, None, 0, None]


def test_a_record_of_another_rate_is_of_another_video(jsonl_file):
    detector = detectors.load(f"replay:{jsonl_file}")
    image = np.zeros((480, 640, 3), np.uint8)
    assert detector.detect([Frame(image, 0.4, 2)])[0] is not None  # a copy, two frames later
    with pytest.raises(InputError, match=r"of another video: it has frame 4 at 0\.400 s, here it"):
        detector.detect([Frame(image, 4 / 2.5, 4)])
    detector.check_times = False
    assert len(detector.detect([Frame(image, 4 / 2.5, 4)])[0]) == 2


def test_a_record_of_another_part(jsonl_file):
    detector = detectors.load(f"replay:{jsonl_file}")
    with pytest.raises(InputError, match=r"frame 5 is not in .* from 0 to 4: it is of another"):
        detector.detect([frame(5)])


def test_boxes_outside_the_picture_are_of_another_video(tmp_path):
    path = tmp_path / "d.jsonl"
    with DetectionsJsonlWriter(path, class_names=["car"]) as out:
        far = [[700.0, 10, 800, 60], [10, 480, 50, 500]]
        out.write(frame(0), Detections([[5.0, 5, 9, 9], *far], [0.5] * 3))
        out.write(frame(1), Detections(far, [0.5] * 2))
    detector = detectors.load(f"replay:{path}")
    image = np.zeros((480, 640, 3), np.uint8)
    assert len(detector.detect([Frame(image, 0.0, 0)])[0]) == 3  # one of them is in it
    with pytest.raises(InputError, match=r"in frame 1 its boxes.* outside the picture of 640x480"):
        detector.detect([Frame(image, 0.1, 1)])


def test_a_cut_off_record_says_so(jsonl_file):
    jsonl_file.write_text(jsonl_file.read_text()[:-20])
    detector = detectors.load(f"replay:{jsonl_file}")
    assert "last line is cut off and was left out" in detector.note
    assert detector.last_index == 2


def test_scores_outside_the_unit_interval_say_how_to_map_them(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,1,2,3,4,-1\n1,-1,1,2,3,4,0\n2,-1,1,2,3,4,3\n")
    with pytest.raises(InputError, match=r"scores from -1 to 3.*\?score_map=sigmoid"):
        detectors.load(f"replay:{path}")

    def scores(detector) -> list[float]:
        return [s for f in detector for s in f.detections.confidence.tolist()]

    by_sigmoid = scores(detectors.load(f"replay:{path}?score_map=sigmoid"))
    np.testing.assert_allclose(by_sigmoid, 1 / (1 + np.exp([1.0, 0.0, -3.0])))
    assert scores(detectors.load(f"replay:{path}?score_map=minmax")) == [0, 0.25, 1]
    assert scores(ReplayDetector(path, score_map=lambda s: (s + 1) / 10)) == [0, 0.1, 0.4]
    with pytest.raises(InputError, match="score_map gave values outside"):
        ReplayDetector(path, score_map=lambda s: s * 2)
    with pytest.raises(InputError, match="score_map gave \\(1,\\)"):
        ReplayDetector(path, score_map=lambda s: s[:1])
    with pytest.raises(InputError, match='must be "sigmoid", "minmax" or a function'):
        detectors.load(f"replay:{path}?score_map=softmax")


def test_nan_scores_are_refused(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]')
    with pytest.raises(InputError):
        detectors.load(f"replay:{path}")


def test_minmax_of_equal_scores(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,1,2,3,4,7\n")
    detector = detectors.load(f"replay:{path}?score_map=minmax")
    assert detector.detect([frame(0)])[0].confidence.tolist() == [1]


def test_coco_without_a_list_of_images_counts_from_one(coco_file):
    detector = detectors.load(f"replay:{coco_file}")
    assert detector.class_names == ("category_3",)
    assert [len(d) for d in detector.detect([frame(9), frame(29), frame(30)])] == [1, 2, 0]
    coco_file.write_text('[{"image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]')
    with pytest.raises(InputError, match="image_id 0 found"):
        detectors.load(f"replay:{coco_file}")


def test_coco_names(coco_file):
    detector = detectors.load(f"replay:{coco_file}", class_names="coco")
    assert len(detector.class_names) == 80
    assert detector.detect([frame(9)])[0].class_id.tolist() == [2]
    detector = detectors.load(f"replay:{coco_file}", class_names=["a", "b", "c"])
    assert detector.detect([frame(9)])[0].class_id.tolist() == [2]
    with pytest.raises(InputError, match="category_id 3, which is not among the 2"):
        detectors.load(f"replay:{coco_file}", class_names=["a", "b"])


def test_coco_with_the_data_sets_json(coco_file, tmp_path):
    data = {
        "images": [{"id": 30, "timestamp_s": 0.5}, {"id": 10}, {"id": 20}],
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
    }
    beside = tmp_path / "instances.json"
    beside.write_text(json.dumps(data))
    detector = ReplayDetector(coco_file, images=beside)
    assert detector.class_names == ("person", "car")
    assert [len(f.detections) for f in detector] == [1, 0, 2]
    assert [f.timestamp_s for f in detector] == [None, None, 0.5]
    # The file our own writer puts there is found by itself, and frame_index wins over the order.
    data["images"] = [{"id": i, "frame_index": i // 10} for i in (10, 20, 30)]
    images_path(coco_file).write_text(json.dumps(data))
    listed = detectors.load(f"replay:{coco_file}")
    assert [(f.index, len(f.detections)) for f in listed] == [(1, 1), (2, 0), (3, 2)]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "images must have a whole id"),
        ({"images": [{}]}, "images must have a whole id"),
        ({"images": [{"id": 10}]}, "image_id 30, which is not among the 1"),
        ({"images": [{"id": 10, "frame_id": 1}, {"id": 30, "frame_id": 1}]}, "the same frame"),
    ],
)
def test_bad_lists_of_images(coco_file, tmp_path, data, problem):
    beside = tmp_path / "instances.json"
    beside.write_text(json.dumps(data))
    with pytest.raises(InputError, match=problem):
        ReplayDetector(coco_file, images=beside)


@pytest.mark.parametrize("name", ["e.txt", "e.json", "e.jsonl"])
def test_empty_records(tmp_path, name):
    path = tmp_path / name
    if name == "e.jsonl":
        with DetectionsJsonlWriter(path, class_names=NAMES):
            pass
    else:
        path.write_text("[]" if name == "e.json" else "")
    detector = detectors.load(f"replay:{path}", class_names="coco" if name == "e.json" else None)
    assert list(detector) == []
    assert detector.last_index == -1


def test_what_does_not_apply(mot_file, tmp_path):
    with pytest.raises(InputError, match="short_side does not apply"):
        detectors.load(f"replay:{mot_file}", short_side=320)
    with pytest.raises(InputError, match="images belongs to COCO"):
        ReplayDetector(mot_file, images=mot_file)
    with pytest.raises(InputError, match=r"must be \.txt"):
        ReplayDetector(tmp_path / "x.xml")
    with pytest.raises(InputError, match="has 1 class"):
        detectors.load(f"replay:{mot_file}", class_names=["a", "b"])
    assert detectors.load(f"replay:{mot_file}", class_names=["person"]).class_names == ("person",)
    with pytest.raises(FileNotFoundError):
        detectors.load(f"replay:{tmp_path / 'none.txt'}")


def test_a_class_id_without_a_name(jsonl_file):
    jsonl_file.write_text(jsonl_file.read_text().replace('"class_id":1', '"class_id":5'))
    with pytest.raises(InputError, match="class_id 5 found, but there are 2 class names"):
        detectors.load(f"replay:{jsonl_file}")


def test_replaying_needs_no_torch(mot_file):
    import subprocess
    import sys

    code = (
        f"import sys, detectors; detectors.load({f'replay:{mot_file}'!r}); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
