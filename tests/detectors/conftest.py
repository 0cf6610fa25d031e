from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

from detectors.base import LoadOptions
from detectors.faster_rcnn import FasterRcnn

CLASS_NAMES = ("person", "car", "truck", "dog")


class TinyTrunk(nn.Module):
    """Two strided convolutions: the whole detector runs in milliseconds."""

    out_channels = 16

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(16, 16, 5, 4, 2)
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return OrderedDict([("0", self.layers(x))])


def make_tiny(classes: int = len(CLASS_NAMES), *, seed: int = 0, **options: object) -> FasterRCNN:
    """A random Faster R-CNN whose class scores and boxes differ from proposal to proposal.

    Torch's own initialisation gives almost equal logits everywhere, which would test nothing.
    """
    torch.manual_seed(seed)
    model = FasterRCNN(
        TinyTrunk(),
        rpn_anchor_generator=AnchorGenerator(((32, 64, 128),), ((0.5, 1.0, 2.0),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 7, 2),
        box_head=TwoMLPHead(16 * 7 * 7, 64),
        box_predictor=FastRCNNPredictor(64, classes + 1),
        **{
            "min_size": 160,
            "max_size": 320,
            "rpn_pre_nms_top_n_test": 400,
            "rpn_post_nms_top_n_test": 200,
            "box_score_thresh": 0.05,
            **options,
        },
    ).eval()
    heads = model.roi_heads
    taken: list[torch.Tensor] = []
    hook = heads.box_head.register_forward_hook(lambda m, i, out: taken.append(out))
    with torch.no_grad():
        model.rpn.head.cls_logits.weight.mul_(30)
        model([torch.from_numpy(noise_image()).permute(2, 0, 1) / 255])
        hook.remove()
        for layer, spread in (
            (heads.box_predictor.cls_score, 1.5),
            (heads.box_predictor.bbox_pred, 1.0),
        ):
            raw = taken[0] @ layer.weight.T
            scale = spread / raw.std(0).clamp(min=1e-6)
            layer.weight.mul_(scale[:, None])
            layer.bias.copy_(-(raw * scale).mean(0))
    return model


def noise_image(height: int = 120, width: int = 200, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with coarse and fine structure."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 200, (height // 10 + 1, width // 10 + 1, 3))
    coarse = coarse.repeat(10, 0).repeat(10, 1)[:height, :width]
    return (coarse + rng.integers(0, 56, (height, width, 3))).astype(np.uint8)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., FasterRCNN]:
    return make_tiny


@pytest.fixture
def tiny() -> Callable[..., FasterRcnn]:
    """Build a detector on the tiny network: `tiny(score_threshold=0.2)`."""

    def build(model: FasterRCNN | None = None, **options: object) -> FasterRcnn:
        return FasterRcnn(
            model or make_tiny(),
            name="tiny",
            class_names=CLASS_NAMES,
            options=LoadOptions(**options),
        )

    return build


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    return noise_image


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty torch cache; any attempt to open a connection is an error."""
    import torch.hub

    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    return tmp_path / "torch" / "hub" / "checkpoints"
