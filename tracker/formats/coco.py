"""COCO results JSON, as pycocotools and its kin read it, and what it needs beside it.

In: `Tracks`, or files' paths. Out: `PATH` with one list of results, and `PATH` with the ending
`.images.json`, which says which image is which frame and which category is which class: a results
list alone does not. Both are written under temporary names and put in their place, whole, when
the writer is closed, also by an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.files import Closing, WholePieces, put_in_place, unfinished
from tracker.formats.base import FrameLike, label, probability
from tracker.tracks import Tracks

__all__ = ["COCO_CATEGORIES", "CocoResults", "CocoWriter", "category_ids", "images_path", "read"]

# The 80 classes of COCO in the order of their category ids, which have gaps.
_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,,"
    "backpack,umbrella,,,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,"
    "baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,"
    "cake,chair,couch,potted plant,bed,,dining table,,,toilet,,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
COCO_CATEGORIES: dict[str, int] = {
    name: number for number, name in enumerate(_NAMES.split(","), 1) if name
}


def category_ids(class_names: Sequence[str]) -> list[int]:
    """Category ids for classes: COCO's own where all names are COCO's, else numbered from 1.

    >>> category_ids(["person", "truck"]), category_ids(["cow", "robot"])
    ([1, 8], [1, 2])
    """
    if all(name in COCO_CATEGORIES for name in class_names):
        return [COCO_CATEGORIES[name] for name in class_names]
    return list(range(1, len(class_names) + 1))


def images_path(path: str | PathLike[str]) -> Path:
    """Where the images and categories of a results file stand: `x.json` -> `x.images.json`."""
    return Path(path).with_suffix(".images.json")


class _JsonList:
    """A JSON list written item by item under a temporary name; memory stays flat."""

    def __init__(self, path: Path, head: str, tail: str) -> None:
        self._path, self._tail = path, tail
        self._partial = unfinished(path)
        self._file = WholePieces(self._partial, path)
        self._file.append(head)
        self._separator = "\n"
        self._closed = False

    def add(self, items: Sequence[Mapping[str, Any]]) -> None:
        if items:
            self._file.append(self._separator + ",\n".join(json.dumps(item) for item in items))
            self._separator = ",\n"

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._file.broken:  # the error was raised already; what there is stays aside
                return
            self._file.append(self._tail)
        finally:
            self._file.close()
        put_in_place(self._partial, self._path)


class CocoWriter(Closing):
    """Writes tracks as COCO results: `image_id` is the frame's index + 1.

    Each result also has `track_id` and `existence`; readers of COCO results ignore them.

    Args:
        path: Results file to create or replace; `images_path(path)` is written too.
        class_names: Names of the classes.

    Raises:
        OSError: If a file cannot be created.
    """

    def __init__(self, path: str | PathLike[str], *, class_names: Sequence[str]) -> None:
        """Open both files under temporary names."""
        self._ids = category_ids(class_names)
        categories = [
            {"id": i, "name": name} for i, name in zip(self._ids, class_names, strict=True)
        ]
        self._results = _JsonList(Path(path), "[", "\n]\n")
        self._images = _JsonList(
            images_path(path), '{"images": [', f'\n],\n"categories": {json.dumps(categories)}}}\n'
        )

    def write(self, frame: FrameLike, tracks: Tracks, *, looked: bool = True) -> None:
        """Append the tracks of one frame (`looked` has no place in this format)."""
        xywh = np.hstack([tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]])
        image_id = frame.index + 1
        rows = zip(
            tracks.class_id.tolist(),
            xywh.round(2).tolist(),
            probability(tracks.score),
            tracks.track_id.tolist(),
            probability(tracks.existence),
            strict=True,
        )
        self._results.add(
            [
                {
                    "image_id": image_id,
                    "category_id": label(self._ids, c),
                    "bbox": box,
                    "score": score,
                    "track_id": i,
                    "existence": existence,
                }
                for c, box, score, i, existence in rows
            ]
        )
        time = round(float(frame.timestamp_s), 6)
        self._images.add([{"id": image_id, "frame_index": frame.index, "timestamp_s": time}])

    def close(self) -> None:
        """Finish both files and put them in their places; may be called twice."""
        try:
            self._results.close()
        finally:
            self._images.close()


@dataclass(frozen=True, slots=True, eq=False)
class CocoResults:
    """COCO results as columns, in the order of the file.

    Attributes:
        image_id: (N,) as in the file.
        category_id: (N,) as in the file.
        xyxy: (N, 4) corners in pixels.
        score: (N,) as in the file.
    """

    image_id: NDArray[np.int64]
    category_id: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of results."""
        return len(self.image_id)


def read(path: str | PathLike[str]) -> CocoResults:
    """Read a COCO results file.

    Raises:
        InputError: If it is no JSON list of results; the message has the entry's number.
        OSError: If the file cannot be read.
    """
    data = load_json(path)
    if not isinstance(data, list):
        what = "a data set" if isinstance(data, dict) and "annotations" in data else type(data)
        raise InputError(f"{path}: expected a JSON list of results, got {what}")
    rows = []
    for number, entry in enumerate(data):
        try:
            x, y, w, h = (float(v) for v in entry["bbox"])
            image, category = entry["image_id"], entry["category_id"]
            rows.append((int(image), int(category), x, y, x + w, y + h, float(entry["score"])))
            if not (w >= 0 and h >= 0) or rows[-1][:2] != (image, category):
                raise ValueError(f"bad value in {entry}")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: entry {number} must have image_id, category_id (whole numbers), "
                f"bbox [x, y, w, h] and score: {error!r}"
            ) from None
    table = np.array(rows, np.float64).reshape(-1, 7)
    ids = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return CocoResults(ids[:, 0], ids[:, 1], table[:, 2:6], table[:, 6])


def load_json(path: str | PathLike[str]) -> Any:
    """Parse a JSON file; a damaged one is an error with file, line and column."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
