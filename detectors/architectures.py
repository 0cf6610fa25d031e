"""The networks by name, empty: what weights are put into.

In: the name of an architecture and a number of classes. Out: a torchvision `FasterRCNN` with random
weights, or the names and shapes of its weights without building it in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection import FasterRCNN

from detectors import lite_fasterrcnn
from detectors.catalog import BUNDLED, COCO_MODELS
from tracker.errors import InputError

__all__ = ["ARCHITECTURES", "build", "fill", "shapes", "weight_shapes"]

ARCHITECTURES: tuple[str, ...] = (*COCO_MODELS, BUNDLED)

# Present or not depending on how batch norm was frozen in training; inference does not use it.
_NOT_COMPARED = "num_batches_tracked"


def build(name: str, num_classes: int) -> FasterRCNN:
    """Build a network with random weights, without any download.

    Args:
        name: One of `ARCHITECTURES`.
        num_classes: Classes **with** background, as torchvision counts them.

    Raises:
        InputError: Unknown name.
    """
    if name == BUNDLED:
        return lite_fasterrcnn.build(num_classes)
    if name not in COCO_MODELS:
        raise InputError(
            f"unknown architecture {name!r}: it must be one of {', '.join(ARCHITECTURES)}"
        )
    builder: Callable[..., FasterRCNN] = getattr(detection, name)
    return builder(weights=None, weights_backbone=None, num_classes=num_classes)


def shapes(name: str, num_classes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an architecture's weights."""
    with torch.device("meta"):
        model = build(name, num_classes)
    return weight_shapes(model.state_dict())


def weight_shapes(state: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a state dict, without what inference does not use."""
    return {k: tuple(v.shape) for k, v in state.items() if not k.endswith(_NOT_COMPARED)}


def fill(model: FasterRCNN, state: dict[str, Tensor], *, zero_norm_eps: bool = False) -> None:
    """Put weights into a network whose names and shapes were compared before.

    Args:
        model: The network.
        state: Its weights; half precision is widened.
        zero_norm_eps: torchvision's `fasterrcnn_resnet50_fpn` COCO weights were trained with a
            batch norm whose epsilon is 0 in the trunk.
    """
    norms = {k: v for k, v in state.items() if not k.endswith(_NOT_COMPARED)}
    counters = {k: v for k, v in model.state_dict().items() if k.endswith(_NOT_COMPARED)}
    model.load_state_dict({**norms, **counters})
    if zero_norm_eps:
        for module in model.backbone.body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0
