"""Loads a Faster R-CNN of the user's.

In: a path and what the file does not say itself. Out: a `FasterRcnn`, or an error that says what
was found and what was expected. A file may say about itself (see `weight_files` for where):
`architecture`, a name of `ARCHITECTURES`; `class_names`, without background; how it was trained to
see images, `min_size` and `max_size` in pixels, `image_mean` and `image_std` of three numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torchvision.models import get_model_weights
from torchvision.models.detection import FasterRCNN

from detectors.architectures import ARCHITECTURES, build, fill, shapes, weight_shapes
from detectors.base import LoadOptions
from detectors.catalog import COCO_MODELS
from detectors.faster_rcnn import FasterRcnn
from detectors.weight_files import SIZES, STATISTICS, Checkpoint, read_checkpoint
from tracker.errors import InputError

__all__ = ["apply_metadata", "load_checkpoint", "network_of"]

_CLASS_WEIGHT = "roi_heads.box_predictor.cls_score.weight"
_BACKGROUND = ("background", "__background__")


def load_checkpoint(name: str, options: LoadOptions) -> FasterRcnn:
    """Load a checkpoint.

    Args:
        name: Path of the file.
        options: See `detectors.load`; `class_names` and `architecture` win over the file's own.

    Raises:
        InputError: The file does not fit: other architecture, other number of classes, or it is
            not known which.
        ConftrackError: The file is missing or cannot be read.
    """
    path = Path(name)
    model, architecture, class_names = network_of(path, options)
    return FasterRcnn(
        model,
        name=path.stem,
        class_names=class_names,
        options=replace(options, class_names=None, architecture=None),
        note=f"{path.name} ({architecture}, {len(class_names)} classes)",
    )


def network_of(path: Path, options: LoadOptions) -> tuple[FasterRCNN, str, list[str]]:
    """The network of `load_checkpoint` by itself, to train it on.

    Args:
        path: The file.
        options: Of these `class_names` and `architecture`.

    Returns:
        The network, the name of its architecture, and its classes without background.

    Raises:
        InputError, ConftrackError: As `load_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    state = checkpoint.state
    if _CLASS_WEIGHT not in state:
        some = ", ".join(list(state)[:3])
        raise InputError(
            f"{path} is no torchvision Faster R-CNN: it has no {_CLASS_WEIGHT}; its {len(state)} "
            f"weights begin with {some}"
        )
    outputs = int(state[_CLASS_WEIGHT].shape[0])
    known = next((n for n, m in COCO_MODELS.items() if m.file == path.name), None)
    architecture = (
        options.architecture
        or checkpoint.metadata.get("architecture")
        or known
        or _recognise(path, state, outputs)
    )
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"unknown architecture {architecture!r}: it must be one of {', '.join(ARCHITECTURES)}"
        )
    class_names = _class_names(path, checkpoint, options, outputs, coco=known is not None)
    _compare(path, architecture, state, outputs)
    model = build(architecture, outputs)
    apply_metadata(path, model, checkpoint.metadata)
    fill(model, state, zero_norm_eps=known == "fasterrcnn_resnet50_fpn")
    return model, architecture, class_names


def apply_metadata(path: Path, model: FasterRCNN, metadata: Mapping[str, Any]) -> None:
    """Set how a network sees images to what its file says; what it does not say stays.

    Raises:
        InputError: A value that cannot be one, or sizes in the wrong order.
    """
    transform = model.transform
    try:
        sizes = {k: int(metadata[k]) for k in SIZES if k in metadata}
        statistics = {k: _numbers(metadata[k]) for k in STATISTICS if k in metadata}
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: bad metadata for the size or scale of images ({error})"
        ) from None
    least, most = sizes.get("min_size", transform.min_size[-1]), sizes.get("max_size")
    most = transform.max_size if most is None else most
    if not 1 <= least <= most:
        raise InputError(f"{path}: its metadata has min_size {least} and max_size {most}")
    transform.min_size, transform.max_size = (least,), most
    for key, values in statistics.items():
        setattr(transform, key, values)


def _numbers(value: Any) -> list[float]:
    """Three numbers, as a list or as JSON text."""
    listed = [float(v) for v in (json.loads(value) if isinstance(value, str) else value)]
    if len(listed) != 3:
        raise ValueError(f"expected 3 numbers, got {len(listed)}")
    return listed


def _recognise(path: Path, state: dict[str, Tensor], outputs: int) -> str:
    """Find the architecture whose weights have these names and shapes."""
    found = weight_shapes(state)
    fitting = [name for name in ARCHITECTURES if shapes(name, outputs) == found]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(
            f"{path} does not say what it is, and fits {' and '.join(fitting)}: pass "
            "architecture=... with one of them"
        )
    raise InputError(
        f"{path} fits none of {', '.join(ARCHITECTURES)}; pass architecture=... with the nearest "
        "to see in what it differs"
    )


def _class_names(
    path: Path, checkpoint: Checkpoint, options: LoadOptions, outputs: int, *, coco: bool
) -> list[str]:
    """Names of the output columns without background, from argument or metadata, checked."""
    names: Sequence[str] | None = options.class_names or checkpoint.metadata.get("class_names")
    origin = "class_names" if options.class_names else "its metadata"
    if names == "coco" or (names is None and coco):
        names = get_model_weights("fasterrcnn_resnet50_fpn")["COCO_V1"].meta["categories"]
        origin = "COCO"
    if names is None:
        raise InputError(
            f"{path} has {outputs} outputs, background and {outputs - 1} classes, but does not "
            f"name them: pass class_names=... with {outputs - 1} names, or coco for 91 outputs"
        )
    listed = [str(name) for name in names]
    if listed and listed[0].lower() in _BACKGROUND:
        listed = listed[1:]
    if len(listed) != outputs - 1:
        raise InputError(
            f"{path} has {outputs} outputs, background and {outputs - 1} classes, but {origin} "
            f"gives {len(listed)} names without background"
        )
    return listed


def _compare(path: Path, architecture: str, state: dict[str, Tensor], outputs: int) -> None:
    """Raise unless the weights are those of the architecture."""
    expected, found = shapes(architecture, outputs), weight_shapes(state)
    if expected == found:
        return
    missing = [k for k in expected if k not in found]
    extra = [k for k in found if k not in expected]
    other = [k for k in expected if k in found and expected[k] != found[k]]
    parts = [
        f"{len(keys)} {what} (first: {keys[0]})"
        for what, keys in (("missing", missing), ("unknown", extra))
        if keys
    ]
    if other:
        k = other[0]
        parts.append(
            f"{len(other)} of another shape (first: {k}, {found[k]} instead of {expected[k]})"
        )
    raise InputError(f"{path} is not a {architecture}: of its weights {', '.join(parts)}")
