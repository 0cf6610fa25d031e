"""Runs a detector over labelled images and measures it: what checkpoints are chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from scripts.training.coco import Scene
from tracker.evaluation.curves import CurveBuilder
from tracker.evaluation.matching import match_boxes

WEAK = 0.05
ALL = "all"


def validate(
    model: FasterRCNN,
    sets: Mapping[str, Sequence[Scene]],
    *,
    threshold: float = 0.5,
    column: int = 1,
) -> dict[str, dict[str, float]]:
    """Measures AP at IoU 0.5 and 0.7, recall and false boxes.

    Args:
        model: In evaluation mode.
        sets: Held-out images by name.
        threshold: Score at which recall and false boxes are counted, beside 0.05.
        column: The output that is the wanted class; 0 is the background.

    Returns:
        Numbers by name for each set, and for all images together under `ALL`: "ap50", "ap70";
        "recall" and "false_per_image" at a score of 0.05, "recall_strong" and
        "false_per_image_strong" at the threshold; "images"; and "choice", the mean of both APs,
        which ranks checkpoints.
    """
    device = next(model.parameters()).device
    curves = {name: (CurveBuilder(), CurveBuilder()) for name in (*sets, ALL)}
    for name, scenes in sets.items():
        for scene in scenes:
            pixels = np.ascontiguousarray(scene.image.transpose(2, 0, 1))
            with torch.inference_mode():
                output = model([torch.from_numpy(pixels).to(device).float() / 255])[0]
            wanted = output["labels"] == column
            boxes = output["boxes"][wanted].double().cpu().numpy()
            scores = output["scores"][wanted].double().cpu().numpy()
            for level, min_iou in enumerate((0.5, 0.7)):
                verdict = match_boxes(boxes, scores, scene.persons, min_iou=min_iou)
                for gathered in (curves[name], curves[ALL]):
                    gathered[level].add(scores, verdict)
    return {name: _numbers(*pair, threshold) for name, pair in curves.items()}


def _numbers(loose: CurveBuilder, tight: CurveBuilder, threshold: float) -> dict[str, float]:
    curve, images = loose.curve(), max(loose.frames, 1)
    ap50, ap70 = curve.average_precision, tight.curve().average_precision
    return {
        "images": loose.frames,
        "ap50": ap50,
        "ap70": ap70,
        "recall": curve.recall_at(WEAK),
        "false_per_image": curve.at(WEAK)[1] / images,
        "recall_strong": curve.recall_at(threshold),
        "false_per_image_strong": curve.at(threshold)[1] / images,
        "choice": (ap50 + ap70) / 2,
    }


def table(
    before: Mapping[str, Mapping[str, float]] | None,
    after: Mapping[str, Mapping[str, float]],
    threshold: float,
) -> str:
    """Before and after, two lines a set, as text.

    Args:
        before: What `validate` returned of the first weights; None if there was nothing.
        after: The same of the trained ones.
        threshold: That of the strong columns.
    """
    keys = ("ap50", "ap70", "recall_strong", "false_per_image_strong")
    names = [name for name in after if name != ALL]
    if len(names) > 1:
        names.append(ALL)
    wide = max(len(name) for name in (*names, ALL))
    head = ("AP50", "AP70", f"recall at {threshold:g}", f"false/image at {threshold:g}")
    lines = [f"{'images':{wide}}  {'':6}  " + "  ".join(f"{h:>18}" for h in head)]
    for name in names:
        for when, numbers in (("before", before), ("after", after)):
            cells = ["-"] * 4 if numbers is None else [f"{numbers[name][k]:.3f}" for k in keys]
            label = name if when == "before" else f"({int(after[name]['images'])})"
            lines.append(f"{label:{wide}}  {when:6}  " + "  ".join(f"{c:>18}" for c in cells))
    return "\n".join(lines)
