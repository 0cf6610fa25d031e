"""Generated images with labels: nothing is downloaded, nothing is trained for long."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
pytest.importorskip("torch")
pytest.importorskip("torchvision")
pytest.importorskip("safetensors")

from tracker.scenes.backdrop import street_background  # noqa: E402
from tracker.scenes.things import draw_clutter  # noqa: E402
from tracker.scenes.walker import draw_walker  # noqa: E402


def write_coco(root: Path, count: int, *, first_seed: int = 0) -> tuple[Path, Path]:
    """Writes rendered streets: persons with outlines, bins as "other", every third one empty."""
    folder = root / f"images-{first_seed}"
    folder.mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        seed = first_seed + number
        image = street_background(200, 160, seed)
        boxes = [(2, draw_clutter(image, "bin", 30, 140, 40, seed))]
        if number % 3 != 2:
            boxes.append((1, draw_walker(image, 100, 150, 110, 0.4 * seed, seed)))
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
        images.append({"id": number, "file_name": f"{number}.png", "width": 200, "height": 160})
        for category, (x0, y0, x1, y1) in boxes:
            outline = [[x0, y0, x1, y0, x1, y1, x0, y1]] if category == 1 else []
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": [np.asarray(p).tolist() for p in outline],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "other"}]
    labels = root / f"labels-{first_seed}.json"
    labels.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return labels, folder


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """COCO labels and image folder of six rendered streets."""
    return write_coco(tmp_path_factory.mktemp("streets"), 6)
