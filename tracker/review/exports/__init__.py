"""Labels as annotation tools and trainers read them; docs/review.md says how to import each.

All exports of a folder share its pictures in `images/`:

| name | files | read by |
|---|---|---|
| `coco` | `coco.json` | whatever reads COCO data sets, `conftrack evaluate --truth` too |
| `yolo` | `data.yaml`, `labels/NAME.txt` | YOLO trainers |
| `label-studio` | `label_studio.json`, `label_studio.xml` | Label Studio: tasks with predictions, and their labelling interface |
| `cvat` | `cvat.xml` | CVAT: "CVAT 1.1", for images |
| `fiftyone` | `fiftyone.json` | FiftyOne: `FiftyOneImageDetectionDataset` |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tracker.review.exports.coco import write_coco
from tracker.review.exports.cvat import write_cvat
from tracker.review.exports.fiftyone import write_fiftyone
from tracker.review.exports.label_studio import write_label_studio
from tracker.review.exports.yolo import write_yolo
from tracker.review.labels import LabelledImage

__all__ = ["EXPORTS", "IMAGES", "Writer"]

IMAGES = "images"
# Folder, pictures with labels, class names -> the files that were written.
Writer = Callable[[Path, Sequence[LabelledImage], Sequence[str]], list[Path]]

EXPORTS: dict[str, Writer] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "label-studio": write_label_studio,
    "cvat": write_cvat,
    "fiftyone": write_fiftyone,
}
