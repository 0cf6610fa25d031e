"""Loads a Faster R-CNN of the user's: a state dict (.pth, .pt) or a .safetensors file.

In: a path and what the file does not say itself. Out: a `FasterRcnn`, or an error that says what
was found and what was expected. Nothing in a file is ever executed: pickles are read with
`weights_only=True`.

A file may say about itself, in the metadata of safetensors (as text, lists as JSON) or beside the
state dict of a .pth file (`{"model": state_dict, "class_names": [...], "architecture": "..."}`):
`architecture`, a name of `ARCHITECTURES`, and `class_names`, without background.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import get_model_weights

from detectors.architectures import ARCHITECTURES, build, fill, shapes, weight_shapes
from detectors.base import LoadOptions
from detectors.catalog import COCO_MODELS
from detectors.faster_rcnn import FasterRcnn
from tracker.errors import ConftrackError, InputError

__all__ = ["Checkpoint", "load_checkpoint", "read_checkpoint", "reason"]

_CLASS_WEIGHT = "roi_heads.box_predictor.cls_score.weight"
_STATE_KEYS = ("model", "state_dict", "model_state_dict")
_BACKGROUND = ("background", "__background__")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is in a file.

    Attributes:
        state: Weights by name.
        metadata: What the file says about itself.
    """

    state: dict[str, Tensor]
    metadata: dict[str, Any]


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
    fill(model, state, zero_norm_eps=known == "fasterrcnn_resnet50_fpn")
    return FasterRcnn(
        model,
        name=path.stem,
        class_names=class_names,
        options=replace(options, class_names=None, architecture=None),
        note=f"{path.name} ({architecture}, {len(class_names)} classes)",
    )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read weights and metadata from a file, executing nothing in it.

    Raises:
        InputError: It holds no state dict.
        ConftrackError: It is missing, damaged, or holds pickled Python objects.
    """
    if not path.is_file():
        raise ConftrackError(f"no checkpoint at {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConftrackError(
            f"{path} cannot be read safely: it holds Python objects besides tensors, or is "
            f"damaged ({reason(error)}). Save the state dict alone: "
            "torch.save(model.state_dict(), path)"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ConftrackError(f"{path} is damaged or no checkpoint ({reason(error)})") from error
    metadata: dict[str, Any] = {}
    if isinstance(content, Mapping):
        inner = next((content[k] for k in _STATE_KEYS if isinstance(content.get(k), Mapping)), None)
        if inner is not None:
            metadata = {k: v for k, v in content.items() if k in ("class_names", "architecture")}
            content = inner
    if not isinstance(content, Mapping) or not content or not all(
        isinstance(v, Tensor) for v in content.values()
    ):  # fmt: skip
        raise InputError(
            f"{path} holds no state dict (names with tensors), but {type(content).__name__}: save "
            "it with torch.save(model.state_dict(), path)"
        )
    # Training on several GPUs puts this before every name.
    return Checkpoint({k.removeprefix("module."): v for k, v in content.items()}, metadata)


def reason(error: Exception) -> str:
    r"""Cut torch's errors down to what is wrong, one line without its advice to load unsafely.

    >>> reason(ValueError("Weights only load failed.\nWeightsUnpickler error: \n\nBad byte\n"))
    'Bad byte'
    """
    lines = str(error).rpartition("WeightsUnpickler error:")[2].strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _read_safetensors(path: Path) -> Checkpoint:
    """Read a safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata: dict[str, Any] = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ConftrackError(f"{path} is damaged or no safetensors file ({error})") from error
    if "class_names" in metadata:
        try:
            metadata["class_names"] = json.loads(metadata["class_names"])
        except ValueError:
            metadata["class_names"] = [n.strip() for n in metadata["class_names"].split(",")]
    return Checkpoint({k.removeprefix("module."): v for k, v in state.items()}, metadata)


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
            f'name them: pass class_names=[...] with {outputs - 1} names, or "coco" for 91 outputs'
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
