"""Runs a detector over labelled images and measures it: what checkpoints are chosen by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from scripts.training.coco import Scene
from tracker.evaluation.curves import CurveBuilder
from tracker.evaluation.matching import match_boxes


def validate(model: FasterRCNN, scenes: Sequence[Scene]) -> dict[str, float]:
    """Measures AP at IoU 0.5 and 0.7, and recall and false boxes at a score of 0.05.

    Args:
        model: In evaluation mode.
        scenes: Held-out images.

    Returns:
        Numbers by name; "choice", the mean of both APs, is what ranks checkpoints.
    """
    device = next(model.parameters()).device
    loose, tight = CurveBuilder(), CurveBuilder()
    for scene in scenes:
        pixels = np.ascontiguousarray(scene.image.transpose(2, 0, 1))
        with torch.inference_mode():
            output = model([torch.from_numpy(pixels).to(device).float() / 255])[0]
        boxes = output["boxes"].double().cpu().numpy()
        scores = output["scores"].double().cpu().numpy()
        for gathered, min_iou in ((loose, 0.5), (tight, 0.7)):
            gathered.add(scores, match_boxes(boxes, scores, scene.persons, min_iou=min_iou))
    curve = loose.curve()
    ap50, ap70 = curve.average_precision, tight.curve().average_precision
    return {
        "ap50": ap50,
        "ap70": ap70,
        "recall": curve.recall_at(0.05),
        "false_per_image": curve.at(0.05)[1] / max(loose.frames, 1),
        "choice": (ap50 + ap70) / 2,
    }
