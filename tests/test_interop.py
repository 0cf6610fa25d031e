"""Boxes from and for other libraries: their real objects where installed, their fields anywhere."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tracker import Detections, InputError, MissingExtraError, Tracker

BOXES = [[10.0, 20.0, 50.0, 120.0], [200.0, 30.0, 260.0, 90.0]]
SCORES, LABELS = [0.5, 0.25], [2, 0]


def assert_found(d: Detections) -> None:
    np.testing.assert_array_equal(d.xyxy, BOXES)
    np.testing.assert_array_equal(d.confidence, SCORES)
    np.testing.assert_array_equal(d.class_id, LABELS)


class Tensor:
    """On a device, on a graph: an array only after detach().cpu().numpy(), as torch has it."""

    def __init__(self, values, steps=("detach", "cpu")):
        self.values, self.steps = np.asarray(values), steps

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def detach(self):
        return Tensor(self.values, [s for s in self.steps if s != "detach"])

    def cpu(self):
        return Tensor(self.values, [s for s in self.steps if s != "cpu"])

    def numpy(self):
        assert not self.steps
        return self.values


@pytest.fixture
def tracks():
    tracker = Tracker()
    for k in range(12):
        boxes = np.array(BOXES)[: 2 if k < 11 else 1] + k
        found = Detections(boxes, [0.9, 0.8][: len(boxes)], LABELS[: len(boxes)])
        tracks = tracker.update(found, timestamp_s=k / 10)
    return tracks


# ---- supervision ---------------------------------------------------------------------------


def test_from_supervision_itself():
    sv = pytest.importorskip("supervision")
    found = sv.Detections(np.array(BOXES), confidence=np.array(SCORES), class_id=np.array(LABELS))
    assert_found(Detections.from_supervision(found))
    assert len(Detections.from_supervision(sv.Detections.empty())) == 0


def test_to_supervision_itself(tracks):
    sv = pytest.importorskip("supervision")
    found = tracks.to_supervision()
    assert isinstance(found, sv.Detections)
    np.testing.assert_array_equal(found.xyxy, tracks.xyxy)
    np.testing.assert_array_equal(found.confidence, tracks.score)
    np.testing.assert_array_equal(found.tracker_id, tracks.track_id)
    assert found["state"].tolist() == tracks.state_names
    assert tracks.state_names[0] == "confirmed"
    seen = found[found["existence"] > tracks.existence.min()]  # its own masks work on ours
    assert len(seen) == 1
    back = Detections.from_supervision(found)
    np.testing.assert_array_equal(back.class_id, tracks.class_id)
    assert len(tracks[:0].to_supervision()) == 0


def test_to_supervision_where_it_is_not_installed(tracks, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r'supervision is not .* "\.\[interop\]"'):
        tracks.to_supervision()


def test_anything_with_its_fields_will_do():
    found = SimpleNamespace(xyxy=BOXES, confidence=SCORES, class_id=LABELS)
    assert_found(Detections.from_supervision(found))
    unlabelled = SimpleNamespace(xyxy=BOXES, confidence=SCORES, class_id=None)
    assert Detections.from_supervision(unlabelled).class_id.tolist() == [0, 0]
    with pytest.raises(InputError, match="have no confidence"):
        Detections.from_supervision(SimpleNamespace(xyxy=BOXES, confidence=None))
    with pytest.raises(InputError, match=r"confidence must have shape \(2,\)"):
        Detections.from_supervision(SimpleNamespace(xyxy=BOXES, confidence=[0.5]))


# ---- torchvision ---------------------------------------------------------------------------


def test_from_torchvision_tensors():
    torch = pytest.importorskip("torch")
    found = {
        "boxes": torch.tensor(BOXES, requires_grad=True),
        "scores": torch.tensor(SCORES),
        "labels": torch.tensor(LABELS),
    }
    assert_found(Detections.from_torchvision(found))
    nothing = {
        "boxes": torch.zeros(0, 4),
        "scores": torch.zeros(0),
        "labels": torch.zeros(0).long(),
    }
    assert len(Detections.from_torchvision(nothing)) == 0


def test_tensors_on_a_device_come_down():
    found = {"boxes": Tensor(BOXES), "scores": Tensor(SCORES), "labels": Tensor(LABELS)}
    assert_found(Detections.from_torchvision(found))


def test_a_dict_of_something_else():
    with pytest.raises(InputError, match=r"lacks 'scores' and has \['boxes', 'labels'\]"):
        Detections.from_torchvision({"boxes": BOXES, "labels": LABELS})


def test_bad_rows_are_as_elsewhere():
    found = {"boxes": [[5, 5, 1, 1], BOXES[0]], "scores": [0.5, 0.5], "labels": [0, 0]}
    with pytest.raises(InputError, match=r"xyxy\[0\] must be"):
        Detections.from_torchvision(found)
    kept = Detections.from_torchvision(found, on_bad="drop")
    assert (len(kept), kept.dropped) == (1, 1)


# ---- Ultralytics ---------------------------------------------------------------------------


def test_from_ultralytics():
    boxes = SimpleNamespace(xyxy=Tensor(BOXES), conf=Tensor(SCORES), cls=Tensor([2.0, 0.0]))
    assert_found(Detections.from_ultralytics(SimpleNamespace(boxes=boxes, obb=None)))
    assert_found(Detections.from_ultralytics(SimpleNamespace(boxes=None, obb=boxes)))
    assert_found(Detections.from_ultralytics(boxes))
    rows = [[*b, s, c] for b, s, c in zip(BOXES, SCORES, LABELS, strict=True)]
    assert_found(Detections.from_ultralytics(rows))
    tracked = [[*b, 17, s, c] for b, s, c in zip(BOXES, SCORES, LABELS, strict=True)]
    assert_found(Detections.from_ultralytics(Tensor(tracked)))
    assert len(Detections.from_ultralytics(SimpleNamespace(boxes=None, masks=None))) == 0
    assert len(Detections.from_ultralytics(np.zeros((0, 6)))) == 0
    with pytest.raises(InputError, match=r"\(N, 6\).* got \(2, 4\)"):
        Detections.from_ultralytics(BOXES)


# ---- COCO ----------------------------------------------------------------------------------


def results(image_id=1):
    return [
        {"image_id": image_id, "category_id": k, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": s}
        for (x1, y1, x2, y2), s, k in zip(BOXES, SCORES, LABELS, strict=True)
    ]


def test_from_coco():
    assert_found(Detections.from_coco(results()))
    both = results(1) + results("b")[:1]
    assert len(Detections.from_coco(both, image_id="b")) == 1
    assert len(Detections.from_coco([], image_id=3)) == 0
    assert Detections.from_coco(results(), categories=[0, 7, 2]).class_id.tolist() == [2, 0]
    with pytest.raises(InputError, match="of 2 images: say which"):
        Detections.from_coco(both)
    with pytest.raises(InputError, match=r"category_id 2 is not among categories \[0, 1\]"):
        Detections.from_coco(results(), categories=[0, 1])
    with pytest.raises(InputError, match="KeyError: 'score'"):
        Detections.from_coco([{"bbox": [0, 0, 1, 1], "category_id": 1}])


def test_to_coco_and_back(tracks):
    rows = json.loads(json.dumps(tracks.to_coco(5, categories=[1, 2, 44])))
    assert [row["category_id"] for row in rows] == [44, 1]
    assert [row["track_id"] for row in rows] == tracks.track_id.tolist()
    back = Detections.from_coco(rows, image_id=5, categories=[1, 2, 44])
    np.testing.assert_allclose(back.xyxy, tracks.xyxy, rtol=1e-12)
    np.testing.assert_array_equal(back.confidence, tracks.score)
    np.testing.assert_array_equal(back.class_id, tracks.class_id)
    assert tracks[:0].to_coco(5) == []
    assert tracks.to_coco(5)[0]["category_id"] == 2
    with pytest.raises(InputError, match="class 2 has no place in 2 categories"):
        tracks.to_coco(5, categories=[1, 2])
