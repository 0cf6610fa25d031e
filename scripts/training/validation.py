"""Runs a detector over labelled images and measures it: what checkpoints are chosen by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from scripts.detection_metrics import ImageResult, match
from scripts.training.coco import Scene


def detect(model: FasterRCNN, scene: Scene) -> ImageResult:
    """Runs the model in evaluation mode on one scene."""
    device = next(model.parameters()).device
    pixels = np.ascontiguousarray(scene.image.transpose(2, 0, 1))
    image = torch.from_numpy(pixels).to(device).float() / 255
    with torch.inference_mode():
        output = model([image])[0]
    boxes = output["boxes"].double().cpu().numpy()
    scores = output["scores"].double().cpu().numpy()
    return ImageResult(boxes, scores, scene.persons.astype(float), np.zeros((0, 4)))


def validate(model: FasterRCNN, scenes: Sequence[Scene]) -> dict[str, float]:
    """Measures AP at IoU 0.5 and 0.7, and recall and false boxes at a score of 0.05.

    Returns:
        Numbers by name; "choice", the mean of both APs, is what ranks checkpoints.
    """
    results = [detect(model, scene) for scene in scenes]
    loose, tight = match(results), match(results, iou_threshold=0.7)
    ap50, ap70 = loose.average_precision(), tight.average_precision()
    return {
        "ap50": ap50,
        "ap70": ap70,
        "recall": loose.recall(0.05),
        "false_per_image": loose.false_per_image(0.05),
        "choice": (ap50 + ap70) / 2,
    }
