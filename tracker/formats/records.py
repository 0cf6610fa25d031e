"""Reads recorded detections of three formats into one form.

In: the path of MOT text, COCO results JSON or detections JSONL. Out: a `Record`: columns by frame
index, scores as they stand in the file. It stands apart from `replay` so that formats and replaying
do not mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.formats import coco, jsonl, mot

__all__ = ["RawFrame", "Record", "map_scores", "read_record"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOT_CLASS_NAMES = ("object",)


@dataclass(frozen=True, slots=True, eq=False)
class RawFrame:
    """One frame: boxes (N, 4) in pixels, scores (N,) as in the file, ids (N,), vectors (N, C)."""

    xyxy: FloatArray
    score: FloatArray
    class_id: IntArray
    probabilities: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A recording.

    Attributes:
        class_names: Names of its classes.
        frames: Frame index (from 0) -> its detections.
        times: Frame index -> seconds, where the file has times.
        complete: Every frame that was looked at is in `frames`: JSONL, and COCO results with their
            list of images. Else frames that are not there had no detections.
        truncated_lines: 1 if the end of the file is cut off, else 0.
        source: Name of the video as the file has it, "" where it has none.
        image_size: Width and height of its pictures in px, None where the file does not say.
        model: Name of the detector as the file has it, "" where it has none.
    """

    class_names: tuple[str, ...]
    frames: dict[int, RawFrame]
    times: dict[int, float] = field(default_factory=dict)
    complete: bool = False
    truncated_lines: int = 0
    source: str = ""
    image_size: tuple[int, int] | None = None
    model: str = ""


def map_scores(score: FloatArray, how: Literal["sigmoid", "minmax"]) -> FloatArray:
    """Make numbers in [0, 1] of raw scores.

    Args:
        score: (N,) any finite numbers.
        how: "sigmoid", 1 / (1 + exp(−score)), for logits and margins; "minmax" by the least and
            the greatest of them.

    Raises:
        InputError: Another way.

    Example:
        >>> map_scores(np.array([-2.0, 0.0, 2.0]), "minmax").tolist()
        [0.0, 0.5, 1.0]
    """
    if how == "sigmoid":
        flat: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * score))
        return flat
    if how != "minmax":
        raise InputError(f'scores can be mapped by "sigmoid" or "minmax", got {how!r}')
    span = np.ptp(score) if len(score) else 0.0
    return (score - score.min()) / span if span > 0 else np.ones_like(score)


def read_record(
    path: Path, *, class_names: Sequence[str] | None = None, images: str | Path | None = None
) -> Record:
    """Read a record; its suffix says the format.

    Args:
        path: .txt or .csv (MOT text), .json (COCO results), .jsonl (ours).
        class_names: Names in place of the record's own, in the order of its ids; "coco" for COCO
            results of the 80 classes.
        images: COCO only: JSON with `images` and `categories`. None takes the `.images.json`
            beside the results if there is one.

    Raises:
        InputError: An unknown format, a file that does not follow it, names that do not fit.
        OSError: The file is missing.
    """
    if images is not None and path.suffix != ".json":
        raise InputError(f"images belongs to COCO results (.json), not to {path}")
    if path.suffix == ".jsonl":
        record = _read_jsonl(path)
    elif path.suffix == ".json":
        return _read_coco(path, class_names, images)
    elif path.suffix in (".txt", ".csv"):
        record = _read_mot(path)
    else:
        raise InputError(f"{path}: a record must be .txt (MOT), .json (COCO results) or .jsonl")
    if class_names is None:
        return record
    if len(class_names) != len(record.class_names) or class_names == "coco":
        raise InputError(
            f"{path} has {len(record.class_names)} class(es), not those of "
            f"class_names {class_names!r}"
        )
    return replace(record, class_names=tuple(class_names))


def _read_jsonl(path: Path) -> Record:
    file = jsonl.read_detections(path)
    frames, times = {}, {}
    for line in file:
        d = line.detections
        frames[line.index] = RawFrame(d.xyxy, d.confidence, d.class_id, d.class_probabilities)
        times[line.index] = line.timestamp_s
    source = str(file.header.get("source") or "")
    model, lost = str(file.header.get("model") or ""), file.truncated_lines
    return Record(file.class_names, frames, times, True, lost, source, _image_size(file), model)


def _image_size(file: jsonl.JsonlFile[jsonl.DetectionsRecord]) -> tuple[int, int] | None:
    """Width and height in the header, None where it has none."""
    given = [file.header[key] for key in ("width", "height") if key in file.header]
    if not given:
        return None
    if len(given) != 2 or not all(type(side) is int and side > 0 for side in given):
        raise InputError(
            f'{file.path}, line 1: "width" and "height" must both be whole numbers of pixels above'
            f" 0, got {given}"
        )
    return given[0], given[1]


def _read_mot(path: Path) -> Record:
    rows = mot.read(path)
    frames = _grouped(rows.frame - 1, rows.xyxy, rows.score, np.zeros(len(rows), np.int64))
    return Record(MOT_CLASS_NAMES, frames, truncated_lines=rows.truncated_lines)


def _read_coco(path: Path, class_names: Sequence[str] | None, images: str | Path | None) -> Record:
    results = coco.read(path)
    beside = coco.images_path(path)
    if images is None and beside.is_file():
        images = beside
    data = {} if images is None else coco.load_json(images)
    try:
        index_of, times = _image_indices(results.image_id, data.get("images"))
        categories = {int(c["id"]): str(c["name"]) for c in data.get("categories", ())}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{images or path}: images must have a whole id, categories id and name ({error!r})"
        ) from None
    if class_names == "coco":
        categories = {i: name for name, i in coco.COCO_CATEGORIES.items()}
    elif class_names is not None and not categories:
        categories = dict(enumerate(class_names, 1))
    elif class_names is not None:
        if len(class_names) != len(categories):
            raise InputError(
                f"{images} has {len(categories)} categories, but class_names gives "
                f"{len(class_names)} names"
            )
        categories = dict(zip(sorted(categories), class_names, strict=True))
    elif not categories:
        categories = {i: f"category_{i}" for i in np.unique(results.category_id).tolist()}
    column = {number: i for i, number in enumerate(sorted(categories))}
    for what, ids, known in (
        ("category_id", results.category_id, column),
        ("image_id", results.image_id, index_of),
    ):
        unknown = set(ids.tolist()) - known.keys()
        if unknown:
            raise InputError(
                f"{path} has {what} {min(unknown)}, which is not among the {len(known)} of "
                f"{images or 'class_names'}: put the JSON of its data set beside it as "
                f"{beside.name} (in Python also images=PATH)"
            )
    index = np.array([index_of[i] for i in results.image_id.tolist()], np.int64)
    class_id = np.array([column[i] for i in results.category_id.tolist()], np.int64)
    frames = _grouped(index, results.xyxy, results.score, class_id)
    nothing = RawFrame(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros((0, 0)))
    for listed in index_of.values():
        frames.setdefault(listed, nothing)
    names = tuple(categories[i] for i in sorted(categories))
    return Record(names, frames, times, complete="images" in data)


def _image_indices(
    ids: IntArray, images: list[dict[str, Any]] | None
) -> tuple[dict[int, int], dict[int, float]]:
    """Frame index of each image id, and times by frame index, where the images have them."""
    if images is None:
        if len(ids) and ids.min() < 1:
            raise InputError(
                f"image_id {ids.min()} found: without a list of images, image_id is the frame's "
                "index + 1. Put the JSON of the data set beside it, called .images.json (in Python "
                "also images=PATH)"
            )
        return {i: i - 1 for i in np.unique(ids).tolist()}, {}
    order = sorted(images, key=lambda image: int(image["id"]))
    index_of: dict[int, int] = {}
    times: dict[int, float] = {}
    for place, image in enumerate(order):
        index = int(image.get("frame_index", image.get("frame_id", place)))
        index_of[int(image["id"])] = index
        if "timestamp_s" in image:
            times[index] = float(image["timestamp_s"])
    if len(set(index_of.values())) != len(index_of):
        raise InputError("two images of the list have the same frame: it must be of one video")
    return index_of, times


def _grouped(
    index: IntArray, xyxy: FloatArray, score: FloatArray, class_id: IntArray
) -> dict[int, RawFrame]:
    """Columns of all frames -> columns by frame, rows in the order of the file."""
    if len(index) == 0:
        return {}
    order = np.argsort(index, kind="stable")
    frames, starts = np.unique(index[order], return_index=True)
    return {
        int(frame): RawFrame(xyxy[rows], score[rows], class_id[rows], np.zeros((len(rows), 0)))
        for frame, rows in zip(frames.tolist(), np.split(order, starts[1:]), strict=True)
    }
