"""Tasks of Label Studio with the tracks' boxes as predictions, and the interface they need.

Label Studio takes predictions only if their names are those of the project's labelling interface,
so that comes with them. The pictures are named as its local storage names them: relative to
`LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`, which must be the folder of the export.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from tracker.files import write_whole
from tracker.formats.base import label, probability
from tracker.review.labels import LabelledImage

__all__ = ["write_label_studio"]

_FROM, _TO = "label", "image"


def write_label_studio(
    folder: Path, images: Sequence[LabelledImage], class_names: Sequence[str]
) -> list[Path]:
    """Write `label_studio.json` and `label_studio.xml`.

    Raises:
        InputError: A class has no name.
        OSError: They cannot be written.
    """
    tasks, interface = folder / "label_studio.json", folder / "label_studio.xml"
    text = json.dumps([_task(image, class_names) for image in images], ensure_ascii=False, indent=1)
    write_whole(tasks, text + "\n")
    names = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in class_names)
    write_whole(
        interface,
        f'<View>\n  <Image name="{_TO}" value="$image" zoom="true"/>\n'
        f'  <RectangleLabels name="{_FROM}" toName="{_TO}">\n{names}  </RectangleLabels>\n'
        "</View>\n",
    )
    return [tasks, interface]


def _task(image: LabelledImage, class_names: Sequence[str]) -> dict[str, Any]:
    score = probability(image.score)
    return {
        "data": {
            "image": f"/data/local-files/?d=images/{quote(image.file_name)}",
            "video": image.video,
            "frame": image.frame,
            "timestamp_s": round(image.timestamp_s, 6),
        },
        "predictions": [
            {
                "model_version": "conftrack",
                # Of a task: how sure the least sure of its boxes is.
                "score": min(score, default=1.0),
                "result": [_region(image, k, score[k], class_names) for k in range(len(image))],
            }
        ],
    }


def _region(
    image: LabelledImage, k: int, score: float, class_names: Sequence[str]
) -> dict[str, Any]:
    """One box; places are percents of the picture."""
    x1, y1, x2, y2 = image.xyxy[k].tolist()
    wide, high = 100.0 / image.width, 100.0 / image.height
    return {
        "id": f"track-{int(image.track_id[k])}",
        "from_name": _FROM,
        "to_name": _TO,
        "type": "rectanglelabels",
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
        "score": score,
        "value": {
            "x": round(x1 * wide, 6),
            "y": round(y1 * high, 6),
            "width": round((x2 - x1) * wide, 6),
            "height": round((y2 - y1) * high, 6),
            "rotation": 0,
            "rectanglelabels": [label(class_names, int(image.class_id[k]))],
        },
    }
