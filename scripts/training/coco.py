"""Reads COCO-format labels into memory: what the augmentation and the validation work on.

In: pairs of a JSON file and its image folder. Out: `Scene`s with the decoded image, the boxes of
persons and of other things, and cut-outs where outlines are given. Images are decoded once,
because with two processor cores decoding in each iteration would cost as much as the training.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger("train_detector")
Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """One labelled image.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        persons: (N, 4) float32 `xyxy` pixels.
        others: (M, 4) float32 `xyxy` pixels, labelled things that are no persons.
        cutouts: RGBA cut-outs of persons, (h, w, 4) uint8 each, tight around the outline.
    """

    image: Image
    persons: Boxes
    others: Boxes
    cutouts: tuple[Image, ...]


def resized(image: Image, width: int, height: int) -> Image:
    """Scales an image of any number of channels: averaged where it shrinks, else interpolated."""
    shrinks = width < image.shape[1] or height < image.shape[0]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=mode), np.uint8)


def _cut_out(image: Image, polygons: Sequence[Sequence[float]]) -> Image:
    mask = np.zeros(image.shape[:2], np.uint8)
    shapes = [np.round(np.reshape(p, (-1, 2))).astype(np.int32) for p in polygons]
    cv2.fillPoly(mask, shapes, (255,))
    ys, xs = np.nonzero(mask)
    rows = slice(int(ys.min()), int(ys.max()) + 1)
    columns = slice(int(xs.min()), int(xs.max()) + 1)
    return np.ascontiguousarray(np.dstack([image[rows, columns], mask[rows, columns]]))


def _xyxy(annotations: list[dict[str, Any]]) -> Boxes:
    boxes = np.array([a["bbox"] for a in annotations], np.float32).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        raise ValueError("it is not finite")
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def load_scenes(
    labels: Path,
    images: Path,
    *,
    category: str = "person",
    max_side: int = 900,
    all_reviewed: bool = False,
) -> list[Scene]:
    """Reads one COCO file with its images.

    Args:
        labels: COCO JSON; annotations of crowds are left out.
        images: Folder that the file names are relative to.
        category: Name of the category that is to be found. The other categories are things
            that are not to be found.
        max_side: Larger images are reduced to this longest side, pixels.
        all_reviewed: Read also images whose `reviewed` is false: those of `conftrack rank` whose
            boxes are what the tracks said, and no person has corrected. Images that say nothing
            of it are read.

    Returns:
        One scene an image, in the file's order.

    Raises:
        ValueError: The file is not COCO JSON, has no such category, no reviewed image, or a box
            that is none.
        FileNotFoundError: An image is missing or not readable.
    """
    try:
        coco = json.loads(labels.read_text())
        names = {c["id"]: c["name"] for c in coco["categories"]}
        entries, annotations = list(coco["images"]), list(coco["annotations"])
        known = {entry["id"] for entry in entries}
        lost = sum(annotation["image_id"] not in known for annotation in annotations)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{labels} is not COCO-format JSON: {error!r}") from error
    if lost:
        log.warning("%s: %d annotations are of images that it lacks, left out", labels, lost)
    wanted = {key for key, name in names.items() if name == category}
    if not wanted:
        listed = ", ".join(sorted(map(str, names.values())))
        raise ValueError(f"{labels} has no category named {category!r}, only: {listed}")
    by_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        if not annotation.get("iscrowd"):
            by_image.setdefault(annotation["image_id"], []).append(annotation)
    chosen = [e for e in entries if all_reviewed or e.get("reviewed", True)]
    if entries and not chosen:
        raise ValueError(
            f"no image in {labels} has been reviewed: its boxes are what the tracks said, and a "
            'detector learns nothing from its own mistakes. Correct them and set "reviewed": true '
            "of each image that you went through, or pass --all-reviewed"
        )
    if len(chosen) < len(entries):
        log.info("%s: %d images not reviewed, left out", labels, len(entries) - len(chosen))
    scenes = []
    for entry in chosen:
        path = images / entry["file_name"]
        raw = cv2.imread(str(path))
        if raw is None:
            raise FileNotFoundError(f"cannot read image {path}, named in {labels}")
        image = np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), np.uint8)
        own = by_image.get(entry["id"], [])
        persons = [a for a in own if a["category_id"] in wanted]
        polygons = [a["segmentation"] for a in persons if isinstance(a.get("segmentation"), list)]
        cutouts = [_cut_out(image, shape) for shape in polygons if shape]
        said = entry.get("width", image.shape[1]), entry.get("height", image.shape[0])
        if said != image.shape[1::-1]:
            log.warning("%s is %dx%d, not %sx%s as %s says: are its boxes right?", path,
                        *image.shape[1::-1], *said, labels)  # fmt: skip
        factor = min(1.0, max_side / max(image.shape[:2]))
        try:
            boxes, others = (
                _xyxy(persons),
                _xyxy([a for a in own if a["category_id"] not in wanted]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{labels}: a box of image {entry['file_name']} is none: {error!r}"
            ) from None
        if factor < 1.0:
            width, height = (round(side * factor) for side in image.shape[1::-1])
            image = resized(image, width, height)
        scenes.append(Scene(image, boxes * factor, others * factor, tuple(cutouts)))
    return scenes
