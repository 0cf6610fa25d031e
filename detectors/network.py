"""Runs a torchvision Faster R-CNN up to its class vectors, part by part.

In: image tensors. Out: for each image every proposal's class probabilities and the box for its most
probable class. All parts are torchvision's own modules, called in the order of its `forward`, so
that nothing of torchvision has to be patched to keep what its last step throws away. In half
precision only convolutions and matrix products are half: boxes, anchors and probabilities stay
float32, because float16 knows only whole pixels beyond 1024.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import concat_box_prediction_layers

__all__ = ["Candidates", "NotFiniteError", "candidates"]


class NotFiniteError(Exception):
    """The network gave NaN or an infinite value; `image` is the number in the batch."""

    def __init__(self, image: int) -> None:
        """Keep the number."""
        super().__init__(f"image {image}")
        self.image = image


@dataclass(frozen=True, slots=True)
class Candidates:
    """The R proposals of one image after the box head.

    Attributes:
        probabilities: (R, C) softmax over background and all classes, the C wanted columns.
        boxes: (R, 4) box of each proposal's most probable class, in pixels of the resized image,
            not clipped.
        size: Height and width of the resized image.
    """

    probabilities: Tensor
    boxes: Tensor
    size: tuple[int, int]


def candidates(
    model: FasterRCNN, images: list[Tensor], columns: Tensor, *, half: torch.dtype | None = None
) -> list[Candidates]:
    """Run the network on a batch.

    Args:
        model: In evaluation mode.
        images: B tensors (3, H, W), RGB in [0, 1], on the model's device; sizes may differ.
        columns: (C,) the output columns that are classes.
        half: Type to compute in where that is safe; None is float32.

    Returns:
        The candidates of each image.

    Raises:
        NotFiniteError: NaN or infinite values in the outputs.
    """

    # cudnn.benchmark stays off: it chooses algorithms by timing, which makes two runs differ in
    # the last bits, and it starts anew for every image size.
    def autocast() -> contextlib.AbstractContextManager[object]:
        if half is None:
            return contextlib.nullcontext()
        return torch.autocast(images[0].device.type, dtype=half)

    heads = model.roi_heads
    batch, _ = model.transform(images)
    batch.tensors = batch.tensors.contiguous(memory_format=torch.channels_last)
    with autocast():
        features = model.backbone(batch.tensors)
        if isinstance(features, Tensor):  # a trunk without a pyramid
            features = {"0": features}
        objectness, anchor_deltas = model.rpn.head(list(features.values()))
    proposals = _proposals(model, batch, list(features.values()), objectness, anchor_deltas)
    counts = [len(p) for p in proposals]
    if sum(counts) == 0:
        logits = images[0].new_zeros(0, model.roi_heads.box_predictor.cls_score.out_features)
        deltas = images[0].new_zeros(0, 4 * logits.shape[1])
    else:
        pooled = heads.box_roi_pool(
            {name: f.float() for name, f in features.items()}, proposals, batch.image_sizes
        )
        with autocast():
            logits, deltas = heads.box_predictor(heads.box_head(pooled))
        logits, deltas = logits.float(), deltas.float()
    finite = torch.isfinite(logits).all(1) & torch.isfinite(deltas).all(1)
    _check_finite(torch.stack([part.all() for part in torch.split(finite, counts)]))
    probabilities = logits.softmax(-1)[:, columns]
    # Decode one box a proposal, that of its best class, and not all of them as torchvision does.
    rows = torch.arange(len(logits), device=logits.device)
    best = deltas.reshape(len(deltas), logits.shape[1], 4)[rows, columns[probabilities.argmax(1)]]
    boxes = heads.box_coder.decode(best, proposals).reshape(-1, 4)
    return [
        Candidates(p, b, (int(h), int(w)))
        for p, b, (h, w) in zip(
            torch.split(probabilities, counts),
            torch.split(boxes, counts),
            batch.image_sizes,
            strict=True,
        )
    ]


def _proposals(
    model: FasterRCNN,
    batch: ImageList,
    features: list[Tensor],
    objectness: list[Tensor],
    deltas: list[Tensor],
) -> list[Tensor]:
    """Do what the rest of `RegionProposalNetwork.forward` does, in float32 throughout."""
    rpn = model.rpn
    # NaN proposals would be removed without a word: an empty street.
    _check_finite(
        torch.stack([torch.isfinite(x).flatten(1).all(1) for x in (*objectness, *deltas)]).all(0)
    )
    # The anchors take their type from the features; a view of one number costs no memory.
    shapes = [f.new_zeros((), dtype=torch.float32).expand(f.shape) for f in features]
    anchors = rpn.anchor_generator(batch, shapes)
    per_level = [o[0].numel() for o in objectness]
    scores, flat = concat_box_prediction_layers(
        [o.float() for o in objectness], [d.float() for d in deltas]
    )
    boxes = rpn.box_coder.decode(flat, anchors).reshape(len(anchors), -1, 4)
    proposals: list[Tensor] = rpn.filter_proposals(boxes, scores, batch.image_sizes, per_level)[0]
    return proposals


def _check_finite(good: Tensor) -> None:
    """Raise unless every image's flag is true; waits for the GPU once."""
    flags = good.tolist()
    if not all(flags):
        raise NotFiniteError(flags.index(False))
