"""Boxes from and for other libraries, without depending on any of them.

In come the result objects of a detector's library; out go `Detections`. In come `Tracks`; out go
what other tools read. Objects are taken by their documented fields and not by their type: whatever
has them will do, tensors on any device included, and nothing is imported for it. Every array is
checked as `Detections` checks it.

| from | fields, shapes |
|---|---|
| supervision | `xyxy` (N, 4), `confidence` (N,), `class_id` (N,) or None |
| torchvision | a dict: `boxes` (N, 4) corners, `scores` (N,), `labels` (N,) |
| Ultralytics | `boxes` (or `obb`) with `xyxy` (N, 4), `conf` (N,), `cls` (N,); or an array (N, 6) |
| COCO | results: `bbox` (x, y, w, h), `score`, `category_id`, `image_id` |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from tracker.detections import Detections
    from tracker.tracks import Tracks

__all__ = [
    "OnBad",
    "from_coco",
    "from_supervision",
    "from_torchvision",
    "from_ultralytics",
    "to_coco",
    "to_supervision",
]

OnBad = Literal["raise", "drop"]


def from_supervision(cls: type[Detections], found: Any, on_bad: OnBad) -> Detections:
    """See `Detections.from_supervision`."""
    confidence = getattr(found, "confidence", None)
    if len(found.xyxy) and confidence is None:
        raise InputError("the detections have no confidence: nothing could be believed or doubted")
    class_id = getattr(found, "class_id", None)
    sure = np.zeros(0) if confidence is None else _array(confidence)
    return cls(_array(found.xyxy), sure, 0 if class_id is None else _array(class_id), on_bad=on_bad)


def from_torchvision(cls: type[Detections], found: Mapping[str, Any], on_bad: OnBad) -> Detections:
    """See `Detections.from_torchvision`."""
    for name in ("boxes", "scores", "labels"):
        if name not in found:
            raise InputError(
                f"a torchvision result has boxes, scores and labels; this lacks {name!r}"
                f" and has {sorted(found)}"
            )
    boxes, scores, labels = (_array(found[name]) for name in ("boxes", "scores", "labels"))
    return cls(boxes, scores, labels, on_bad=on_bad)


def from_ultralytics(cls: type[Detections], found: Any, on_bad: OnBad) -> Detections:
    """See `Detections.from_ultralytics`."""
    boxes = found
    for name in ("obb", "boxes"):  # results of oriented boxes have both, and `boxes` is None
        if getattr(found, name, None) is not None:
            boxes = getattr(found, name)
            break
    else:
        if hasattr(found, "boxes"):
            return cls.empty()
    if hasattr(boxes, "xyxy"):
        columns = (_array(boxes.xyxy), _array(boxes.conf), _array(boxes.cls))
        return cls(*columns, on_bad=on_bad)
    rows = _array(boxes)
    if rows.ndim != 2 or rows.shape[1] not in (6, 7):
        raise InputError(
            "rows of Ultralytics are (N, 6): x1, y1, x2, y2, conf, cls; or (N, 7) with an id before"
            f" conf; got {rows.shape}"
        )
    return cls(rows[:, :4], rows[:, -2], rows[:, -1], on_bad=on_bad)


def from_coco(
    cls: type[Detections],
    results: Sequence[Mapping[str, Any]],
    image_id: int | str | None,
    categories: Sequence[int] | None,
    on_bad: OnBad,
) -> Detections:
    """See `Detections.from_coco`."""
    images = {result.get("image_id") for result in results}
    if image_id is None and len(images) > 1:
        raise InputError(f"the results are of {len(images)} images: say which by image_id=")
    rows = [r for r in results if image_id is None or r.get("image_id") == image_id]
    try:
        box = np.array([r["bbox"] for r in rows], np.float64).reshape(len(rows), 4)
        score = [float(r["score"]) for r in rows]
        category = [int(r["category_id"]) for r in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"COCO results have bbox, score and category_id: {type(error).__name__}: {error}"
        ) from error
    if categories is not None:
        index = {c: i for i, c in enumerate(categories)}
        unknown = sorted(set(category) - set(index))
        if unknown:
            raise InputError(f"category_id {unknown[0]} is not among categories {list(categories)}")
        category = [index[c] for c in category]
    corners = np.hstack([box[:, :2], box[:, :2] + box[:, 2:]])
    return cls(corners, score, np.array(category, np.int64), on_bad=on_bad)


def to_supervision(tracks: Tracks) -> Any:
    """See `Tracks.to_supervision`."""
    try:
        import supervision
    except ImportError as error:
        raise MissingExtraError("supervision", "interop") from error
    return supervision.Detections(
        xyxy=tracks.xyxy.copy(),
        confidence=tracks.score.copy(),
        class_id=tracks.class_id.copy(),
        tracker_id=tracks.track_id.copy(),
        data={
            "existence": tracks.existence.copy(),
            "state": np.array(tracks.state_names, str),
            "velocity": tracks.velocity.copy(),
        },
    )


def to_coco(
    tracks: Tracks, image_id: int | str, categories: Sequence[int] | None
) -> list[dict[str, Any]]:
    """See `Tracks.to_coco`."""
    class_id = tracks.class_id.tolist()
    if categories is not None:
        beyond = [c for c in class_id if c >= len(categories)]
        if beyond:
            raise InputError(f"class {beyond[0]} has no place in {len(categories)} categories")
        class_id = [categories[c] for c in class_id]
    box = np.hstack([tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]])
    columns = zip(
        class_id,
        box.tolist(),
        tracks.score.tolist(),
        tracks.track_id.tolist(),
        tracks.existence.tolist(),
        strict=True,
    )
    return [
        {
            "image_id": image_id,
            "category_id": category,
            "bbox": bbox,
            "score": score,
            "track_id": track_id,
            "existence": existence,
        }
        for category, bbox, score, track_id, existence in columns
    ]


def _array(values: Any) -> NDArray[Any]:
    """Anything like an array; a tensor is taken off its graph and its device first."""
    for step in ("detach", "cpu", "numpy"):
        if hasattr(values, step):
            values = getattr(values, step)()
    return np.asarray(values)
