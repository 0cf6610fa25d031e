"""The training objective: torchvision's Faster R-CNN losses with tighter boxes.

In: the model, a batch and its boxes. Out: named losses. torchvision's own forward would do,
but its box loss (smooth L1 on offsets) leaves boxes loose; here the second stage is trained on
the generalised IoU of the decoded boxes. The model is used part by part from outside, so that
nothing in it is changed and inference stays plain torchvision.

Reference: Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import generalized_box_iou_loss

# The IoU loss is summed over the sampled persons and divided by all samples, of which about a
# tenth are persons: this weight makes it about as large as the classification loss.
BOX_WEIGHT = 8.0


def detection_losses(model: FasterRCNN, images: Tensor, boxes: list[Tensor]) -> dict[str, Tensor]:
    """Computes the four losses of one batch.

    Args:
        model: In training mode.
        images: (B, 3, H, W) float RGB in [0, 1]; H and W multiples of 32. They are normalised
            but not resized.
        boxes: B tensors (N, 4) `xyxy`, the objects of class 1.

    Returns:
        Scalars: "objectness" and "proposal" of the first stage, "class" and "box" of the second.
    """
    transform, heads = model.transform, model.roi_heads
    normalised = torch.stack([transform.normalize(image) for image in images])
    normalised = normalised.contiguous(memory_format=torch.channels_last)
    height, width = images.shape[-2:]
    listed = ImageList(normalised, [(height, width)] * len(images))
    targets = [
        {"boxes": box, "labels": torch.ones(len(box), dtype=torch.int64, device=box.device)}
        for box in boxes
    ]
    features = model.backbone(normalised)
    proposals, first = model.rpn(listed, features, targets)
    proposals, _, labels, offsets = heads.select_training_samples(proposals, targets)
    pooled = heads.box_roi_pool(features, proposals, listed.image_sizes)
    logits, deltas = heads.box_predictor(heads.box_head(pooled))

    label = torch.cat(labels)
    person = torch.nonzero(label > 0).squeeze(1)
    anchor = torch.cat(proposals)[person]
    wanted = heads.box_coder.decode(torch.cat(offsets)[person], [anchor]).reshape(-1, 4)
    got = heads.box_coder.decode(deltas[person], [anchor]).reshape(len(person), logits.shape[1], 4)
    got = got[torch.arange(len(person)), label[person]]
    overlap_loss = generalized_box_iou_loss(got, wanted, reduction="sum")
    return {
        "objectness": first["loss_objectness"],
        "proposal": first["loss_rpn_box_reg"],
        "class": functional.cross_entropy(logits, label),
        "box": BOX_WEIGHT * overlap_loss / max(len(label), 1),
    }
