"""Turn folders of labelled images into COCO JSON for `scripts.train_detector`.

    python -m scripts.prepare_training_data pennfudan PennFudanPed pf.json
    python -m scripts.prepare_training_data yolo images/val2017 labels/val2017 coco.json
    python -m scripts.prepare_training_data split pf.json pf-train.json pf-val.json --every 8

`pennfudan` reads PNGImages and PedMasks and keeps the outline of each person, which the
training cuts out and pastes elsewhere. `yolo` reads one text file an image, `class cx cy w h`
relative to the image. `split` deals every n-th image to the validation file. Classes listed in
`--persons` become category 1; the others category 2, "other": the training pastes these as
things that are not to be found.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "other"}]
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}
Coco = dict[str, list[dict[str, Any]]]


def _images(folder: Path) -> list[Path]:
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise SystemExit(f"no images in {folder}")
    return paths


def _shape(path: Path) -> tuple[int, int]:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"cannot read image {path}")
    return image.shape[0], image.shape[1]


def _add(coco: Coco, category: int, xywh: list[float], polygons: list[list[int]]) -> None:
    coco["annotations"].append(
        {
            "id": len(coco["annotations"]) + 1,
            "image_id": len(coco["images"]),
            "category_id": category,
            "bbox": [round(value, 2) for value in xywh],
            "area": round(xywh[2] * xywh[3], 2),
            "segmentation": polygons,
            "iscrowd": 0,
        }
    )


def _open_image(coco: Coco, path: Path) -> tuple[int, int]:
    height, width = _shape(path)
    image = {"id": len(coco["images"]) + 1, "file_name": path.name}
    coco["images"].append(image | {"height": height, "width": width})
    return height, width


def outline(mask: NDArray[np.bool_]) -> tuple[list[float], list[list[int]]]:
    """Returns the tight `xywh` box and the outer polygons of a (H, W) mask."""
    ys, xs = np.nonzero(mask)
    x, y = int(xs.min()), int(ys.min())
    box = [float(x), float(y), float(xs.max() + 1 - x), float(ys.max() + 1 - y)]
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
    return box, [[int(v) for v in contour.flat] for contour in found if len(contour) > 2]


def from_pennfudan(root: Path) -> Coco:
    """Reads the Penn-Fudan layout: `PNGImages/X.png` with `PedMasks/X_mask.png`."""
    coco: Coco = {"images": [], "annotations": [], "categories": CATEGORIES}
    for path in _images(root / "PNGImages"):
        mask_path = root / "PedMasks" / f"{path.stem}_mask.png"
        masks = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if masks is None:
            raise SystemExit(f"cannot read mask {mask_path}")
        _open_image(coco, path)
        for value in np.unique(masks[masks > 0]):
            _add(coco, 1, *outline(masks == value))
    return coco


def from_yolo(images: Path, labels: Path, persons: set[int]) -> Coco:
    """Reads YOLO text labels; an image without a file has no objects."""
    coco: Coco = {"images": [], "annotations": [], "categories": CATEGORIES}
    for path in _images(images):
        height, width = _open_image(coco, path)
        label = labels / f"{path.stem}.txt"
        for number, line in enumerate(label.read_text().splitlines() if label.exists() else []):
            fields = line.split()
            if len(fields) != 5:
                raise SystemExit(f"{label}:{number + 1}: 5 fields expected, got {len(fields)}")
            cx, cy, w, h = (float(field) for field in fields[1:])
            box = [(cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height]
            _add(coco, 1 if int(fields[0]) in persons else 2, box, [])
    return coco


def split(coco: Coco, every: int) -> tuple[Coco, Coco]:
    """Deals every `every`-th image, with its annotations, to the second part."""
    held = {image["id"] for image in coco["images"][every - 1 :: every]}
    parts: list[Coco] = []
    for inside in (False, True):
        parts.append(
            {
                "images": [i for i in coco["images"] if (i["id"] in held) is inside],
                "annotations": [
                    a for a in coco["annotations"] if (a["image_id"] in held) is inside
                ],
                "categories": coco["categories"],
            }
        )
    return parts[0], parts[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.prepare_training_data",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    penn = commands.add_parser("pennfudan", help="the Penn-Fudan pedestrian layout")
    penn.add_argument("root", type=Path, help="folder that holds PNGImages and PedMasks")
    penn.add_argument("out", type=Path)
    yolo = commands.add_parser("yolo", help="YOLO text labels")
    yolo.add_argument("images", type=Path)
    yolo.add_argument("labels", type=Path)
    yolo.add_argument("out", type=Path)
    yolo.add_argument("--persons", type=int, nargs="+", default=[0], help="ids of the persons")
    part = commands.add_parser("split", help="hold out every n-th image for validation")
    part.add_argument("source", type=Path)
    part.add_argument("train", type=Path)
    part.add_argument("val", type=Path)
    part.add_argument("--every", type=int, default=8)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = _parser().parse_args(argv)
    if args.command == "pennfudan":
        written = {args.out: from_pennfudan(args.root)}
    elif args.command == "yolo":
        written = {args.out: from_yolo(args.images, args.labels, set(args.persons))}
    else:
        train, val = split(json.loads(args.source.read_text()), args.every)
        written = {args.train: train, args.val: val}
    for path, coco in written.items():
        path.write_text(json.dumps(coco))
        print(f"{path}: {len(coco['images'])} images, {len(coco['annotations'])} boxes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
