"""A COCO data set, with what it came from: video, frame and track of everything.

`videos`, `video_id`, `frame_index` and `track_id` are what `tracker.formats.coco_dataset` reads;
other programs pass over them. `score` and `existence` say how sure the tracks were. `reviewed` is
false until a person has gone through the picture; `scripts.train_detector` teaches none before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.files import write_whole
from tracker.formats.base import label, probability
from tracker.formats.coco import category_ids
from tracker.review.labels import LabelledImage

__all__ = ["write_coco"]


def write_coco(
    folder: Path, images: Sequence[LabelledImage], class_names: Sequence[str]
) -> list[Path]:
    """Write `coco.json`; the file names in it are those in `images/`.

    Raises:
        InputError: A class has no name.
        OSError: It cannot be written.
    """
    ids = category_ids(class_names)
    videos = list(dict.fromkeys(image.video for image in images))
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        for k, (x1, y1, x2, y2) in enumerate(image.xyxy.tolist()):
            width, height = round(x2 - x1, 2), round(y2 - y1, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label(ids, int(image.class_id[k])),
                    "bbox": [x1, y1, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "segmentation": [],
                    "track_id": int(image.track_id[k]),
                    "score": probability(image.score)[k],
                    "existence": probability(image.existence)[k],
                }
            )
    data = {
        "info": {"description": "Frames picked and labelled in advance by conftrack"},
        "licenses": [],
        "videos": [{"id": v, "name": name} for v, name in enumerate(videos, 1)],
        "images": [
            {
                "id": number,
                "file_name": image.file_name,
                "width": image.width,
                "height": image.height,
                "video_id": videos.index(image.video) + 1,
                "frame_index": image.frame,
                "timestamp_s": round(image.timestamp_s, 6),
                "reviewed": False,
            }
            for number, image in enumerate(images, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in zip(ids, class_names, strict=True)],
    }
    path = folder / "coco.json"
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    return [path]
