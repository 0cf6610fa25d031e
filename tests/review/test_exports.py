"""Every export is read back by the tool it is for, or by an independent reader of its format."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.review.kit import Row, run_of
from tracker import InputError
from tracker.formats import coco_dataset
from tracker.review.exports import EXPORTS
from tracker.review.labels import LabelledImage, prelabel

NAMES = ("person", "traffic cone")
# Corners in px of the boxes of the first picture, which is 200 × 100.
BOXES = np.array([[10.0, 20.0, 50.0, 80.0], [100.0, 0.0, 200.0, 40.5]])


def picture(name: str, xyxy: np.ndarray, class_id: list[int], frame: int) -> LabelledImage:
    n = len(xyxy)
    return LabelledImage(
        file_name=name,
        width=200,
        height=100,
        video="street",
        frame=frame,
        timestamp_s=frame / 10,
        xyxy=xyxy,
        class_id=np.array(class_id, np.int64),
        track_id=np.arange(7, 7 + n),
        score=np.full(n, 0.75),
        existence=np.full(n, 0.875),
        seen=np.arange(n) % 2 == 0,
    )


IMAGES = (
    picture("street-000003.jpg", BOXES, [0, 1], 3),
    picture("street-000009.jpg", BOXES[:0], [], 9),
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with all exports and pictures of the right size."""
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "images").mkdir()
    for image in IMAGES:
        cv2.imwrite(str(tmp_path / "images" / image.file_name), np.zeros((100, 200, 3), np.uint8))
    for kind, write in EXPORTS.items():
        for path in write(tmp_path, IMAGES, NAMES):
            assert path.exists(), kind
    return tmp_path


def test_coco_by_pycocotools(out: Path) -> None:
    tool = pytest.importorskip("pycocotools.coco")
    data = tool.COCO(str(out / "coco.json"))
    assert [image["file_name"] for image in data.loadImgs(data.getImgIds())] == [
        image.file_name for image in IMAGES
    ]
    first, second = data.loadAnns(data.getAnnIds(imgIds=[1]))
    assert first["bbox"] == [10.0, 20.0, 40.0, 60.0]
    assert first["area"] == 2400.0
    assert data.loadCats([second["category_id"]])[0]["name"] == "traffic cone"
    assert data.getAnnIds(imgIds=[2]) == []


def test_coco_by_our_own_reader_keeps_frames_and_tracks(out: Path) -> None:
    data = coco_dataset.read(out / "coco.json")
    assert data.videos == ("street",)
    assert data.labelled(0).tolist() == [3, 9]
    assert data.object_id.tolist() == [7, 8]
    np.testing.assert_array_equal(data.xyxy, BOXES)


def boxes_by_labelformat(source: object) -> dict[str, list[tuple[str, list[float]]]]:
    return {
        Path(label.image.filename).name: [
            (one.category.name, [one.box.xmin, one.box.ymin, one.box.xmax, one.box.ymax])
            for one in label.objects
        ]
        for label in source.get_labels()  # type: ignore[attr-defined]
    }


def assert_both_boxes(found: dict[str, list[tuple[str, list[float]]]]) -> None:
    boxes = found["street-000003.jpg"]
    assert [name for name, _ in boxes] == list(NAMES)
    for (_, box), expected in zip(boxes, BOXES.tolist(), strict=True):
        assert box == pytest.approx(expected, abs=0.01)
    assert found.get("street-000009.jpg", []) == []


def test_coco_yolo_and_cvat_by_labelformat(out: Path) -> None:
    formats = pytest.importorskip("labelformat.formats")
    for source in (
        formats.COCOObjectDetectionInput(input_file=out / "coco.json"),
        formats.YOLOv8ObjectDetectionInput(input_file=out / "data.yaml", input_split="train"),
        formats.CVATObjectDetectionInput(input_file=out / "cvat.xml"),
    ):
        assert_both_boxes(boxes_by_labelformat(source))


def test_yolo_by_supervision(out: Path) -> None:
    supervision = pytest.importorskip("supervision")
    data = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(out / "images"),
        annotations_directory_path=str(out / "labels"),
        data_yaml_path=str(out / "data.yaml"),
    )
    assert data.classes == list(NAMES)
    found = {Path(path).name: boxes for path, _, boxes in data}
    assert found["street-000003.jpg"].xyxy == pytest.approx(BOXES, abs=0.01)
    assert found["street-000003.jpg"].class_id.tolist() == [0, 1]
    assert len(found["street-000009.jpg"]) == 0


def test_cvat_marks_predicted_boxes_and_declares_its_attributes(out: Path) -> None:
    root = ElementTree.parse(out / "cvat.xml").getroot()
    assert root.findtext("version") == "1.1"
    label = root.find("meta/task/labels/label")
    assert label is not None
    declared = [one.findtext("name") for one in label.findall("attributes/attribute")]
    first, second = root.findall("image/box")
    assert (first.get("occluded"), second.get("occluded")) == ("0", "1")
    assert [one.get("name") for one in first] == declared
    assert first[0].text == "7"


def test_label_studio_by_its_own_interface(out: Path) -> None:
    tool = pytest.importorskip("label_studio_sdk.label_interface")
    interface = tool.LabelInterface((out / "label_studio.xml").read_text())
    interface.validate()
    for task in json.loads((out / "label_studio.json").read_text()):
        predictions = task.pop("predictions")  # validate_task trips over them (SDK 2.1)
        assert interface.validate_task(task) is True
        for prediction in predictions:
            assert interface.validate_prediction(prediction) is True


def test_label_studio_by_its_documented_format(out: Path) -> None:
    """Names that must agree between tasks and interface, percents, one prediction a task."""
    view = ElementTree.parse(out / "label_studio.xml").getroot()
    control, image = view.find("RectangleLabels"), view.find("Image")
    assert control is not None
    assert image is not None
    known = [label.get("value") for label in control.findall("Label")]
    assert known == list(NAMES)
    first, second = json.loads((out / "label_studio.json").read_text())
    assert f"${next(iter(first['data']))}" == image.get("value") == "$image"
    assert first["data"]["image"] == "/data/local-files/?d=images/street-000003.jpg"
    one, two = first["predictions"][0]["result"]
    for region in (one, two):
        assert region["type"] == "rectanglelabels"
        assert (region["from_name"], region["to_name"]) == (control.get("name"), image.get("name"))
        assert control.get("toName") == image.get("name")
        assert (region["original_width"], region["original_height"]) == (200, 100)
        assert set(region["value"]["rectanglelabels"]) <= set(known)
    assert [one["value"][k] for k in ("x", "y", "width", "height")] == [5.0, 20.0, 20.0, 60.0]
    assert one["id"] != two["id"]
    assert second["predictions"][0]["result"] == []


def test_fiftyone_by_its_documented_format(out: Path) -> None:
    data = json.loads((out / "fiftyone.json").read_text())
    assert data["labels"]["street-000009"] == []
    one, two = data["labels"]["street-000003"]
    assert one["label"] == "person"
    assert one["bounding_box"] == [0.05, 0.2, 0.2, 0.6]
    assert two["bounding_box"] == [0.5, 0.0, 0.5, 0.405]
    assert one["attributes"]["track_id"] == 7
    assert two["attributes"]["predicted"] is True


def test_fiftyone_by_its_own_importer(out: Path) -> None:
    data = pytest.importorskip("fiftyone.utils.data")
    importer = data.FiftyOneImageDetectionDatasetImporter(
        dataset_dir=str(out), data_path="images", labels_path="fiftyone.json"
    )
    importer.setup()
    found = {Path(path).name: detections for path, _, detections in importer}
    assert set(found) == {image.file_name for image in IMAGES}
    one, two = found["street-000003.jpg"].detections
    assert one.bounding_box == [0.05, 0.2, 0.2, 0.6]
    assert two.label == "traffic cone"


def test_odd_names_of_classes_survive(tmp_path: Path) -> None:
    names = ('a "b" <c> & é: #1', "🚲 自行车")
    for write in EXPORTS.values():
        write(tmp_path, IMAGES, names)
    assert json.loads((tmp_path / "coco.json").read_text())["categories"][0]["name"] == names[0]
    view = ElementTree.parse(tmp_path / "label_studio.xml").getroot()
    assert view.findall(".//Label")[0].get("value") == names[0]
    assert ElementTree.parse(tmp_path / "cvat.xml").findtext(".//label/name") == names[0]
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load((tmp_path / "data.yaml").read_text("utf-8"))["names"] == dict(
        enumerate(names)
    )


def test_prelabels_are_probable_and_inside_the_picture() -> None:
    run = run_of(
        [
            [
                Row(1, score=0.75, box=(-10.0, 10.0, 30.0, 60.0)),
                Row(2, score=0.25),
                Row(3, score=0.5, seen=False, class_id=1),
                Row(4, score=0.9, box=(199.5, 10.0, 260.0, 60.0)),  # half a pixel is left of it
            ]
        ]
    )
    image = prelabel(run, 0, file_name="a.jpg", width=200, height=100)
    assert image.track_id.tolist() == [1, 3]
    assert image.xyxy[0].tolist() == [0.0, 10.0, 30.0, 60.0]
    assert image.seen.tolist() == [True, False]
    assert image.class_id.tolist() == [0, 1]
    assert len(prelabel(run, 0, file_name="a.jpg", width=200, height=100, least=0.2)) == 3


def test_a_class_without_a_name_is_an_error(tmp_path: Path) -> None:
    for kind in ("coco", "label-studio", "cvat", "fiftyone"):
        with pytest.raises(InputError, match="class 1 has no name"):
            EXPORTS[kind](tmp_path, IMAGES, NAMES[:1])
