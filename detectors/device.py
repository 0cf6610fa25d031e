"""Where a network runs and how: device, precision, batch size.

In: what the user asked for. Out: a `Placement`, with a sentence that says what was taken. It stands
here so that every network chooses alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from detectors.base import Precision
from tracker.errors import ConftrackError, InputError

__all__ = ["Placement", "place"]

# A CPU gains nothing from batches (its cores are busy with one frame) and loses latency.
_CPU_BATCH = 1
_GPU_BATCH = 4


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a network runs.

    Attributes:
        device: The device, with its number.
        half: Type that convolutions and matrices are computed in under autocast; None is float32.
        batch_size: Frames at once.
        note: "cuda:0 (NVIDIA T4), half precision" or "cpu (no CUDA device found)".
    """

    device: torch.device
    half: torch.dtype | None
    batch_size: int
    note: str


def place(
    device: str = "auto", *, precision: Precision = "auto", batch_size: int | None = None
) -> Placement:
    """Choose device, precision and batch size.

    Args:
        device: "auto" (CUDA if there, else CPU), "cpu", "cuda", "cuda:N" or "mps". MPS is never
            chosen by itself: some of the operations of a detector fall back to the CPU there.
        precision: "auto" is half on CUDA and float32 elsewhere.
        batch_size: None is 1 on a CPU and 4 on a GPU.

    Raises:
        InputError: Unknown device, or half precision asked for elsewhere than on CUDA.
        ConftrackError: The device asked for is not there.
    """
    why = ""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        why = "" if device == "cuda" else " (no CUDA device found)"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda", "mps"):
        raise InputError(f'device must be "auto", "cpu", "cuda", "cuda:N" or "mps", got {device!r}')
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = chosen.index if chosen.index is not None else 0
        if index >= count:
            raise ConftrackError(
                f"device {device!r} was asked for, but torch {torch.__version__} sees "
                f"{count or 'no'} CUDA device{'s' * (count != 1)}: "
                + ("check the driver and that torch is a CUDA build, or " if not count else "")
                + 'use device="auto"'
            )
        chosen = torch.device("cuda", index)
        why = f" ({torch.cuda.get_device_name(index)})"
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise ConftrackError('device "mps" was asked for, but is not there: use device="auto"')
    if precision == "half" and chosen.type != "cuda":
        raise InputError(f'precision "half" needs CUDA, the device is {chosen}: use "auto"')
    half = torch.float16 if chosen.type == "cuda" and precision != "float32" else None
    return Placement(
        device=chosen,
        half=half,
        batch_size=batch_size or (_CPU_BATCH if chosen.type == "cpu" else _GPU_BATCH),
        note=f"{chosen}{why}" + (", half precision" if half else ""),
    )
