"""What a training run remembers: averaged weights, checkpoints, the exported model.

In: the model and optimiser. Out: files. A checkpoint resumes the run exactly; the exported file
is what the detector loads: averaged weights, norms folded, half precision, with metadata.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN

from detectors.efficientnet_lite import fold_norms
from tracker.files import put_in_place, unfinished


class Average:
    """Exponential moving average of the trained parameters.

    Args:
        model: Source of names and first values.
        decay: Share of the old value kept at each step, once enough steps were made.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Starts from the model's present values."""
        self.decay = decay
        self.values = {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Moves towards the model; early on faster, or the random start would linger."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            if name in self.values:
                self.values[name].lerp_(parameter.detach(), 1.0 - decay)

    def model(self, model: FasterRCNN) -> FasterRCNN:
        """Returns a copy of `model` with averaged weights, folded, in evaluation mode."""
        averaged = copy.deepcopy(model)
        averaged.load_state_dict(self.values, strict=False)
        fold_norms(averaged)
        return averaged.eval()


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint so that an interruption never leaves half a file."""
    partial = unfinished(path)
    torch.save(state, partial)
    put_in_place(partial, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running code from it.

    Raises:
        FileNotFoundError: No such file.
    """
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def export(path: Path, model: FasterRCNN, metadata: dict[str, str]) -> None:
    """Writes a model in half precision as safetensors; norms that are not folded stay exact."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {
        name: tensor.detach().to("cpu", _kept_as(name, tensor)).contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, path, metadata)


def _kept_as(name: str, tensor: Tensor) -> torch.dtype:
    # Variances can be too small for half precision, and a network divides by their roots.
    exact = not tensor.is_floating_point() or name.endswith(("running_mean", "running_var"))
    return tensor.dtype if exact else torch.float16
