"""Reads files of weights: state dicts (.pth, .pt) and .safetensors.

In: a path. Out: weights by name and what the file says about itself: the metadata of safetensors
(text, lists as JSON), or what stands beside the state dict of a .pth file (`{"model": state_dict,
"class_names": [...], "architecture": "..."}`). Nothing in a file is ever executed: pickles are read
with `weights_only=True`.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tracker.errors import ConftrackError, InputError

__all__ = ["SIZES", "STATISTICS", "Checkpoint", "read_checkpoint", "reason"]

SIZES, STATISTICS = ("min_size", "max_size"), ("image_mean", "image_std")
_METADATA = ("class_names", "architecture", *SIZES, *STATISTICS)
_STATE_KEYS = ("model", "state_dict", "model_state_dict")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is in a file.

    Attributes:
        state: Weights by name.
        metadata: What the file says about itself.
    """

    state: dict[str, Tensor]
    metadata: dict[str, Any]


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
            metadata = {k: v for k, v in content.items() if k in _METADATA}
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
