"""What can be loaded by name: a table that can be read without torch, and what of it is on disk.

In: nothing. Out: file names, sizes and measured accuracy of the COCO weights, the place torch keeps
them in, and the bundled weights. The figures are torchvision's own (a test compares them with the
installed torchvision); they stand here because asking torchvision costs seconds of imports.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from detectors.base import ModelInfo

__all__ = [
    "BUNDLED",
    "BUNDLED_CLASS_NAMES",
    "BUNDLED_PATH",
    "COCO_MODELS",
    "CocoModel",
    "cache_dir",
    "cached",
    "infos",
]

_MIB = 2**20
BUNDLED = "fasterrcnn_lite0_fpn_person"
BUNDLED_PATH = Path(__file__).parent / "weights" / f"{BUNDLED}.safetensors"
BUNDLED_CLASS_NAMES = ("person",)  # without background, which is index 0 of the outputs


@dataclass(frozen=True, slots=True)
class CocoModel:
    """A torchvision Faster R-CNN with COCO weights.

    Attributes:
        file: Name of the weights file, in the cache and at the end of the URL.
        size_mib: Its size in MiB.
        box_map: AP@[.5:.95] on COCO val2017 in percent.
        note: What it is good for.
    """

    file: str
    size_mib: float
    box_map: float
    note: str

    @property
    def url(self) -> str:
        """Where torchvision downloads it from."""
        return f"https://download.pytorch.org/models/{self.file}"


COCO_MODELS: dict[str, CocoModel] = {
    "fasterrcnn_resnet50_fpn_v2": CocoModel(
        "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", 167.104, 46.7, "most accurate; for GPUs"
    ),
    "fasterrcnn_resnet50_fpn": CocoModel(
        "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", 159.743, 37.0, "for GPUs"
    ),
    "fasterrcnn_mobilenet_v3_large_fpn": CocoModel(
        "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", 74.239, 32.8, "runs on CPUs"
    ),
    "fasterrcnn_mobilenet_v3_large_320_fpn": CocoModel(
        "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth",
        74.239,
        22.8,
        "fastest of the COCO models on CPUs; misses small objects",
    ),
}


def cache_dir() -> Path:
    """The directory torch keeps downloaded weights in, as `torch.hub` finds it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return Path(torch.hub.get_dir()) / "checkpoints"
    home = os.environ.get("TORCH_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch"
    )
    return Path(home).expanduser() / "hub" / "checkpoints"


def cached(name: str) -> Path | None:
    """The weights file of a COCO model if it is on disk (torch puts only whole files there)."""
    path = cache_dir() / COCO_MODELS[name].file
    return path if path.is_file() else None


def infos() -> list[ModelInfo]:
    """The bundled model and the COCO models, with what is on disk now."""
    there = BUNDLED_PATH.is_file()
    lines = [
        ModelInfo(
            name=BUNDLED,
            classes=len(BUNDLED_CLASS_NAMES),
            weights=BUNDLED_PATH.name,
            size_bytes=BUNDLED_PATH.stat().st_size if there else 0,
            cached=there,
            note='"bundled": persons only, small, offline' if there else "weights file is missing",
        )
    ]
    for name, model in COCO_MODELS.items():
        path = cached(name)
        lines.append(
            ModelInfo(
                name=name,
                classes=80,
                weights="COCO_V1",
                size_bytes=path.stat().st_size if path else round(model.size_mib * _MIB),
                cached=path is not None,
                note=model.note,
                box_map=model.box_map,
            )
        )
    return lines
