"""The bundled detector's network: torchvision's Faster R-CNN on a small trunk.

In: sizes and thresholds. Out: a `torchvision.models.detection.FasterRCNN` that takes RGB images
as float tensors in [0, 1], like any other of torchvision's detectors, because normalisation and
resizing are part of the model. It stands here, apart from the generic wrapper, so that the
wrapper knows nothing of this one architecture and the training script builds exactly what runs.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from detectors.catalog import BUNDLED_CLASS_NAMES
from detectors.efficientnet_lite import OUT_CHANNELS, EfficientNetLite0

# Square root of the anchor's area in pixels of the resized image, for strides 8, 16, 32 and 64.
# With heights of once to three times the width they cover figures of 20 to 700 pixels.
ANCHOR_SIZES = ((20, 34), (54, 84), (130, 200), (300, 420))
ANCHOR_RATIOS = (1.0, 2.0, 3.0)
IMAGE_MEAN = 127 / 255
IMAGE_STD = 128 / 255
PYRAMID_CHANNELS = 96
BOX_HEAD_CHANNELS = 256
DEFAULT_MIN_SIZE = 480
DEFAULT_MAX_SIZE = 853


class LitePyramid(nn.Module):
    """EfficientNet-Lite0 with a feature pyramid: what `FasterRCNN` calls the backbone."""

    def __init__(self, *, frozen_norm: bool = False) -> None:
        """Lays out trunk and pyramid; `frozen_norm` as in `EfficientNetLite0`."""
        super().__init__()
        self.trunk = EfficientNetLite0(frozen_norm=frozen_norm)
        self.pyramid = FeaturePyramidNetwork(
            list(OUT_CHANNELS), PYRAMID_CHANNELS, extra_blocks=LastLevelMaxPool()
        )
        self.out_channels = PYRAMID_CHANNELS

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> maps "0", "1", "2" and "pool" at strides 8, 16, 32 and 64."""
        maps = OrderedDict((str(i), features) for i, features in enumerate(self.trunk(x)))
        pyramid: dict[str, Tensor] = self.pyramid(maps)
        return pyramid


def build(
    num_classes: int = 1 + len(BUNDLED_CLASS_NAMES),
    *,
    min_size: int = DEFAULT_MIN_SIZE,
    max_size: int = DEFAULT_MAX_SIZE,
    score_thresh: float = 0.05,
    nms_thresh: float = 0.5,
    detections_per_img: int = 100,
    frozen_norm: bool = False,
) -> FasterRCNN:
    """Builds the network with random weights.

    Args:
        num_classes: Classes including the background (index 0).
        min_size: Shorter side that images are resized to, pixels.
        max_size: Longest side after resizing, pixels; it wins over `min_size`.
        score_thresh: Detections below this class probability are not returned.
        nms_thresh: Of two boxes of a class that overlap more than this IoU one is dropped.
        detections_per_img: At most this many boxes are returned for an image.
        frozen_norm: True gives the form to train from ImageNet weights; the default is the
            folded form that the shipped weights have.

    Returns:
        The model in training mode, as torchvision's builders return it.

    Raises:
        ValueError: Fewer than two classes.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes is {num_classes}, at least 2 (background and one class)")
    anchors = AnchorGenerator(ANCHOR_SIZES, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES))
    pool = MultiScaleRoIAlign(featmap_names=["0", "1", "2"], output_size=7, sampling_ratio=2)
    model = FasterRCNN(
        LitePyramid(frozen_norm=frozen_norm),
        min_size=min_size,
        max_size=max_size,
        image_mean=[IMAGE_MEAN] * 3,
        image_std=[IMAGE_STD] * 3,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=600,
        # Few, so that the second stage learns from the proposals that look most like persons.
        rpn_post_nms_top_n_train=150,
        rpn_pre_nms_top_n_test=600,
        rpn_post_nms_top_n_test=300,
        rpn_batch_size_per_image=128,
        box_roi_pool=pool,
        box_head=TwoMLPHead(PYRAMID_CHANNELS * 7 * 7, BOX_HEAD_CHANNELS),
        box_predictor=FastRCNNPredictor(BOX_HEAD_CHANNELS, num_classes),
        box_score_thresh=score_thresh,
        box_nms_thresh=nms_thresh,
        box_detections_per_img=detections_per_img,
        # On a CPU the backward pass of RoIAlign runs on one thread and dominates at 128 or more.
        # The share of persons is near that at run time: a larger one inflates the scores.
        box_batch_size_per_image=96,
        box_positive_fraction=0.2,
    )
    # Depthwise convolutions on a CPU run up to twice as fast with channels stored last.
    return model.to(memory_format=torch.channels_last)


def load_weights(model: nn.Module, path: str | os.PathLike[str]) -> dict[str, str]:
    """Fills `model` from a safetensors file; half precision widens on the way in.

    Args:
        model: A network from `build` with the file's number of classes.
        path: The file.

    Returns:
        The file's metadata: class names, sizes, training command and so on.

    Raises:
        FileNotFoundError: No such file.
        RuntimeError: Names or shapes differ from the model's.
    """
    from safetensors import safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {os.fspath(path)}")
    with safe_open(os.fspath(path), framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata: dict[str, str] = file.metadata() or {}
    model.load_state_dict(state)
    return metadata
