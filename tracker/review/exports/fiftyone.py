"""Labels as FiftyOne's `FiftyOneImageDetectionDataset`, which needs no FiftyOne to be written.

    import fiftyone as fo
    dataset = fo.Dataset.from_dir(
        dataset_dir="OUT", dataset_type=fo.types.FiftyOneImageDetectionDataset,
        data_path="images", labels_path="fiftyone.json",
    )

Places are shares of the picture: x, y, width, height.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker.files import write_whole
from tracker.formats.base import label, probability
from tracker.review.labels import LabelledImage

__all__ = ["write_fiftyone"]


def write_fiftyone(
    folder: Path, images: Sequence[LabelledImage], class_names: Sequence[str]
) -> list[Path]:
    """Write `fiftyone.json`.

    Raises:
        InputError: A class has no name.
        OSError: It cannot be written.
    """
    # Labels by name, so there are no `classes` to look ids up in.
    labels = {Path(image.file_name).stem: _boxes(image, class_names) for image in images}
    path = folder / "fiftyone.json"
    write_whole(path, json.dumps({"labels": labels}, ensure_ascii=False, indent=1) + "\n")
    return [path]


def _boxes(image: LabelledImage, class_names: Sequence[str]) -> list[dict[str, Any]]:
    size = np.array([image.width, image.height], np.float64)
    corner = image.xyxy[:, :2] / size
    shares = np.hstack([corner, (image.xyxy[:, 2:] - image.xyxy[:, :2]) / size]).round(6)
    rows = zip(
        image.class_id.tolist(),
        shares.tolist(),
        probability(image.score),
        probability(image.existence),
        image.track_id.tolist(),
        image.seen.tolist(),
        strict=True,
    )
    return [
        {
            "label": label(class_names, c),
            "bounding_box": box,
            "confidence": score,
            "attributes": {
                "track_id": track,
                "existence": existence,
                "predicted": not seen,
                "video": image.video,
                "frame": image.frame,
            },
        }
        for c, box, score, existence, track, seen in rows
    ]
