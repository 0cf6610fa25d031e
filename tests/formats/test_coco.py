from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest

from tracker.errors import InputError
from tracker.formats import coco
from tracker.formats.coco import CocoWriter, category_ids, images_path


def test_round_trip_and_the_file_beside(tmp_path, frame, tracks):
    path = tmp_path / "r.json"
    t = tracks(4)
    with CocoWriter(path, class_names=("person", "truck")) as writer:
        writer.write(frame(0), t)
        writer.write(frame(1), t[:0])
        writer.write(frame(5), t[:1])
    results = coco.read(path)
    assert results.image_id.tolist() == [1, 1, 1, 1, 6]
    assert set(results.category_id.tolist()) <= {1, 8}
    np.testing.assert_allclose(results.xyxy[:4], t.xyxy, atol=0.011)
    np.testing.assert_allclose(results.score[:4], t.score, atol=1e-6)
    images = json.loads(images_path(path).read_text())
    assert [i["frame_index"] for i in images["images"]] == [0, 1, 5]
    assert images["categories"] == [{"id": 1, "name": "person"}, {"id": 8, "name": "truck"}]


def test_pycocotools_reads_it(tmp_path, frame, tracks):
    cocotools = pytest.importorskip("pycocotools.coco")
    path = tmp_path / "r.json"
    with CocoWriter(path, class_names=("person", "truck")) as writer:
        writer.write(frame(0), tracks(4))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = cocotools.COCO()
        truth.dataset = {**json.loads(images_path(path).read_text()), "info": {}}
        truth.createIndex()
        loaded = truth.loadRes(str(path))
    assert len(loaded.anns) == 4


def test_nothing_under_the_name_until_it_is_whole(tmp_path, frame, tracks):
    path = tmp_path / "r.json"
    path.write_text("[]")
    with CocoWriter(path, class_names=("a", "b")) as writer:
        writer.write(frame(0), tracks(2))
        assert path.read_text() == "[]"
        # What a crash of the machine would leave lacks only the brackets.
        partial = tmp_path / "r.json.partial"
        assert len(json.loads(partial.read_text() + "]")) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.images.json", "r.json"]
    assert len(json.loads(path.read_text())) == 2


def test_categories():
    assert category_ids(list(coco.COCO_CATEGORIES))[-1] == 90
    assert len(coco.COCO_CATEGORIES) == 80
    assert category_ids(["person", "robot"]) == [1, 2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[{", r"not valid JSON \(.*line 1 column"),
        ('{"annotations": []}', "expected a JSON list of results, got a data set"),
        ("3", "expected a JSON list"),
        ('[{"image_id": 1}]', "entry 0 must have image_id.*KeyError"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 1}]', "entry 0"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, -3, 4], "score": 1}]', "entry 0"),
        ('[{"image_id": 1.5, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]', "entry 0"),
        ('[{"image_id": "a", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]', "entry 0"),
        ("[7]", "entry 0"),
    ],
)
def test_errors(tmp_path, content, problem):
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(InputError, match=problem):
        coco.read(path)
