"""COCO data sets: the labels of one video or many, as annotation tools write them.

In: the path of a JSON with `images`, `annotations` and `categories`. Out: a `CocoDataset` with the
videos, the images in them and the annotations as columns. `tracker.formats.coco` has results lists.

| what | is taken from |
|---|---|
| the video of an image | `video_id`, with names from `videos`; without it all are one video |
| the frame of an image | `frame_index` (from 0), `frame_id` (from 0, or from 1 if no video has a 0), else its place in the order of ids |
| the identity of an object | `track_id`, `instance_id`, or `attributes.track_id`, as CVAT writes |
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.formats.coco import load_json

__all__ = ["CocoDataset", "is_dataset", "read"]


@dataclass(frozen=True, slots=True, eq=False)
class CocoDataset:
    """A data set as columns.

    Attributes:
        videos: Names of the videos.
        fps: Frames a second of each, None where the file does not say.
        category_names: Category id -> name.
        place: Image id -> number of its video and its frame there, from 0.
        image_id: (N,) of each annotation.
        category_id: (N,)
        object_id: (N,) identity in its video, -1 without one.
        xyxy: (N, 4) corners in pixels.
        crowd: (N,) a region of many objects.
        ignore: (N,) marked as not to be judged.
    """

    videos: tuple[str, ...]
    fps: tuple[float | None, ...]
    category_names: dict[int, str]
    place: dict[int, tuple[int, int]]
    image_id: NDArray[np.int64]
    category_id: NDArray[np.int64]
    object_id: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]

    def labelled(self, video: int) -> NDArray[np.int64]:
        """Frames of a video that have an image, ascending."""
        return np.array(sorted(f for v, f in self.place.values() if v == video), np.int64)


def is_dataset(data: Any) -> bool:
    """Whether parsed JSON is a data set rather than a results list."""
    return isinstance(data, dict) and "images" in data and "annotations" in data


def read(path: str | PathLike[str]) -> CocoDataset:
    """Read a data set.

    Raises:
        InputError: If it is none, or an entry lacks something; the message says which.
        OSError: If the file cannot be read.
    """
    data = load_json(path)
    if not is_dataset(data):
        raise InputError(
            f"{path}: expected a COCO data set (a JSON object with images, annotations and"
            " categories)"
        )
    try:
        names, rates, place = _videos(data, Path(path).stem)
        categories = {int(c["id"]): str(c["name"]) for c in data.get("categories", ())}
        rows = [_annotation(entry) for entry in data["annotations"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: images need id; annotations image_id, category_id, bbox; categories id and"
            f" name ({error!r})"
        ) from None
    table = np.array(rows, np.float64).reshape(-1, 9)
    ids = table[:, :3].astype(np.int64)
    for what, column, known in (
        ("image_id", ids[:, 0], place.keys()),
        ("category_id", ids[:, 1], categories.keys()),
    ):
        unknown = set(column.tolist()) - set(known)
        if unknown:
            raise InputError(
                f"{path}: an annotation has {what} {min(unknown)}, which is not listed"
            )
    return CocoDataset(
        names,
        rates,
        categories,
        place,
        ids[:, 0],
        ids[:, 1],
        ids[:, 2],
        table[:, 3:7],
        table[:, 7] > 0,
        table[:, 8] > 0,
    )


def _annotation(entry: dict[str, Any]) -> tuple[float, ...]:
    x, y, w, h = (float(v) for v in entry["bbox"])
    if not (np.isfinite([x, y, w, h]).all() and w >= 0 and h >= 0):
        raise ValueError(f"bbox must be x, y, width, height, got {entry['bbox']}")
    identity = entry.get("track_id", entry.get("instance_id"))
    if identity is None:
        identity = (entry.get("attributes") or {}).get("track_id", -1)
    return (
        int(entry["image_id"]),
        int(entry["category_id"]),
        int(identity),
        x,
        y,
        x + w,
        y + h,
        int(entry.get("iscrowd", 0)),
        int(entry.get("ignore", 0)),
    )


def _videos(
    data: dict[str, Any], stem: str
) -> tuple[tuple[str, ...], tuple[float | None, ...], dict[int, tuple[int, int]]]:
    """Names and frame rates of the videos, and where each image stands."""
    listed = {int(v["id"]): v for v in data.get("videos", ())}
    images = sorted(data["images"], key=lambda image: int(image["id"]))
    numbers = sorted({int(image.get("video_id", 0)) for image in images})
    from_one = all(int(i.get("frame_id", 0)) > 0 for i in images)
    names, rates = [], []
    place: dict[int, tuple[int, int]] = {}
    for k, number in enumerate(numbers):
        video = listed.get(number, {})
        fallback = stem if len(numbers) == 1 else f"{stem}-{number}"
        names.append(Path(str(video.get("name", video.get("file_name", fallback)))).stem)
        rates.append(float(video["fps"]) if "fps" in video else None)
        mine = [image for image in images if int(image.get("video_id", 0)) == number]
        for position, image in enumerate(mine):
            if "frame_index" in image:
                frame = int(image["frame_index"])
            elif "frame_id" in image:
                frame = int(image["frame_id"]) - from_one
            else:
                frame = position
            place[int(image["id"])] = (k, frame)
        frames = [place[int(image["id"])][1] for image in mine]
        if len(set(frames)) < len(frames):
            raise InputError(f"two images of video {names[-1]!r} have the same frame")
    return tuple(names), tuple(rates), place
