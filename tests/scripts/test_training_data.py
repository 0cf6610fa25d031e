"""What the training sees: conversion to COCO, and pictures whose boxes fit their pixels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts import prepare_training_data
from scripts.training.augment import Augmenter, Recipe
from scripts.training.canvas import Canvas, covered_share, inside
from scripts.training.coco import Scene, load_scenes


def test_yolo_folders_become_coco(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(images / f"{name}.jpg"), np.zeros((50, 100, 3), np.uint8))
    (labels / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n7 0.1 0.1 0.2 0.2\n")
    out = tmp_path / "coco.json"
    assert prepare_training_data.main(["yolo", str(images), str(labels), str(out)]) == 0
    person, other = json.loads(out.read_text())["annotations"]
    assert (person["category_id"], person["bbox"]) == (1, [40.0, 15.0, 20.0, 20.0])
    assert (other["category_id"], other["bbox"]) == (2, [0.0, 0.0, 20.0, 10.0])
    with_person, empty = load_scenes(out, images)
    np.testing.assert_allclose(with_person.persons, [[40, 15, 60, 35]])
    np.testing.assert_allclose(with_person.others, [[0, 0, 20, 10]])
    assert empty.persons.shape == (0, 4)


def test_pennfudan_masks_become_boxes_and_cutouts(tmp_path: Path) -> None:
    (tmp_path / "PNGImages").mkdir()
    (tmp_path / "PedMasks").mkdir()
    image, mask = np.full((60, 80, 3), 90, np.uint8), np.zeros((60, 80), np.uint8)
    mask[10:40, 20:30], mask[5:50, 50:60] = 1, 2
    cv2.imwrite(str(tmp_path / "PNGImages" / "x.png"), image)
    cv2.imwrite(str(tmp_path / "PedMasks" / "x_mask.png"), mask)
    out = tmp_path / "coco.json"
    prepare_training_data.main(["pennfudan", str(tmp_path), str(out)])
    (scene,) = load_scenes(out, tmp_path / "PNGImages")
    np.testing.assert_allclose(scene.persons, [[20, 10, 30, 40], [50, 5, 60, 50]])
    assert [cutout.shape for cutout in scene.cutouts] == [(30, 10, 4), (45, 10, 4)]
    assert all((cutout[..., 3] == 255).all() for cutout in scene.cutouts)


def test_split_deals_every_nth_image(streets: tuple[Path, Path], tmp_path: Path) -> None:
    train, val = tmp_path / "train.json", tmp_path / "val.json"
    command = ["split", str(streets[0]), str(train), str(val), "--every", "3"]
    prepare_training_data.main(command)
    kept, held = (json.loads(path.read_text()) for path in (train, val))
    assert [image["id"] for image in held["images"]] == [2, 5]
    assert {a["image_id"] for a in held["annotations"]} == {2, 5}
    assert len(kept["images"]) == 4
    assert {a["image_id"] for a in kept["annotations"]} == {0, 1, 3, 4}


def test_missing_folder_and_bad_line_end_with_a_message(tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    with pytest.raises(SystemExit, match="no images in"):
        prepare_training_data.main(["yolo", str(tmp_path), str(tmp_path), out])
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "a.txt").write_text("0 0.5 0.5\n")
    with pytest.raises(SystemExit, match=r"a\.txt:1: 5 fields expected, got 3"):
        prepare_training_data.main(["yolo", str(tmp_path), str(tmp_path), out])


def test_boxes_are_clipped_and_slivers_dropped() -> None:
    boxes = np.array([[-10, 0, 30, 40], [-30, 0, 6, 40], [5, 5, 9, 40]], np.float32)
    np.testing.assert_allclose(inside(boxes, 50, 30), [[0, 0, 30, 30]])


def test_covered_share() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(covered_share(boxes, np.array([5, 0, 50, 10])), [0.5, 0.0])


def test_placed_scene_keeps_box_on_pixels() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:80, 40:60] = 255
    boxes = np.array([[40, 20, 60, 80]], np.float32)
    scene = Scene(image, boxes, np.zeros((0, 4), np.float32), ())
    for scale, origin in (((0.5, 0.6), (-8.0, -3.0)), ((2.0, 1.5), (30.0, 10.0))):
        canvas = Canvas(np.zeros((90, 110, 3), np.uint8))
        canvas.place(scene, scale, origin)
        ys, xs = np.nonzero(canvas.image[..., 0] > 127)
        seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        np.testing.assert_allclose(canvas.boxes[0], seen, atol=1.5)


def test_flip_mirrors_boxes_with_pixels() -> None:
    canvas = Canvas(np.zeros((40, 50, 3), np.uint8), np.array([[5, 10, 15, 30]], np.float32))
    canvas.image[10:30, 5:15] = 255
    canvas.flip()
    np.testing.assert_allclose(canvas.boxes, [[35, 10, 45, 30]])
    assert canvas.image[20, 35:45].all()
    assert not canvas.image[20, :35].any()


def test_person_behind_a_pasted_thing_is_forgotten() -> None:
    canvas = Canvas(np.zeros((60, 60, 3), np.uint8), np.array([[10, 10, 20, 40]], np.float32))
    thing = np.full((40, 20, 4), 255, np.uint8)
    canvas.paste(thing, 40, 30, 5, person=False)
    assert len(canvas.boxes) == 1
    canvas.paste(thing, 40, 5, 5, person=False)
    assert len(canvas.boxes) == 0


@pytest.mark.parametrize("kind", ["crop", "mosaic", "ground", "rendered"])
def test_pictures_of_every_kind(streets: tuple[Path, Path], kind: str) -> None:
    shares = {name: float(name == kind) for name in ("crop", "mosaic", "ground", "rendered")}
    augmenter = Augmenter(load_scenes(*streets), Recipe(**shares))
    found = 0
    for seed in range(6):
        first = augmenter.picture(np.random.default_rng(seed), 128)
        again = augmenter.picture(np.random.default_rng(seed), 128)
        assert first.image.shape == (128, 128, 3)
        assert first.image.dtype == np.uint8
        assert first.boxes.dtype == np.float32
        assert (first.boxes[:, :2] < first.boxes[:, 2:]).all()
        assert (first.boxes >= 0).all()
        assert (first.boxes <= 128).all()
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.boxes, again.boxes)
        found += len(first.boxes)
    assert found > 0


def test_no_person_at_all_is_an_error() -> None:
    empty = Scene(np.zeros((9, 9, 3), np.uint8), *(np.zeros((0, 4), np.float32),) * 2, ())
    with pytest.raises(ValueError, match="no image with a person"):
        Augmenter([empty])
