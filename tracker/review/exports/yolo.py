"""Labels as YOLO trainers read them: a text file a picture, and `data.yaml`.

A line is `class cx cy w h`, all but the class as shares of the picture's width and height. A
picture without objects has an empty file. `data.yaml` names the same pictures for training and
validation: which are for which is for whoever trains to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tracker.boxes import xyxy_to_cxcywh
from tracker.files import write_whole
from tracker.review.labels import LabelledImage

__all__ = ["write_yolo"]

LABELS = "labels"


def write_yolo(
    folder: Path, images: Sequence[LabelledImage], class_names: Sequence[str]
) -> list[Path]:
    """Write `data.yaml` and `labels/`.

    Raises:
        OSError: They cannot be written.
    """
    labels = folder / LABELS
    labels.mkdir(exist_ok=True)
    for image in images:
        size = np.array([image.width, image.height] * 2, np.float64)
        shares = (xyxy_to_cxcywh(image.xyxy) / size).tolist()
        lines = [
            f"{c} {' '.join(f'{v:.6f}' for v in row)}\n"
            for c, row in zip(image.class_id.tolist(), shares, strict=True)
        ]
        write_whole(labels / f"{Path(image.file_name).stem}.txt", "".join(lines))
    # A JSON string is a YAML one, but for the pairs of escapes that it writes for an emoji. Without
    # a `path` it is the folder of this file.
    names = "".join(
        f"  {k}: {json.dumps(name, ensure_ascii=False)}\n" for k, name in enumerate(class_names)
    )
    path = folder / "data.yaml"
    write_whole(path, f"train: images\nval: images\nnc: {len(class_names)}\nnames:\n{names}")
    return [path, labels]
