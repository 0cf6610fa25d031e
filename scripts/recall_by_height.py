r"""Measure at which sizes a detector finds persons: recall on images rescaled to given heights.

Example:
    python -m scripts.recall_by_height pf-val.json PennFudanPed/PNGImages --threads 2

Each image is scaled so that the median height of its persons is the asked one, and goes through
the network at that size. Prints, for each height, the number of persons, recall at scores of 0.1
and 0.5 (IoU 0.5), recall at a score of 0.1 with IoU 0.7, and false boxes an image at 0.5. Images
that would have a shorter side of more than 900 pixels are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from detectors.catalog import BUNDLED_PATH
from detectors.lite_fasterrcnn import build, load_weights
from scripts.training.coco import Scene, load_scenes, resized
from tracker.evaluation.curves import Curve, CurveBuilder
from tracker.evaluation.matching import match_boxes

HEIGHTS = (30, 45, 70, 110, 170, 260, 380, 480)
LARGEST_SIDE = 900


def at_height(scene: Scene, height: float) -> Scene:
    """The scene scaled so that its persons have a median height of `height` pixels."""
    factor = float(height / np.median(scene.persons[:, 3] - scene.persons[:, 1]))
    width, rows = (max(round(side * factor), 1) for side in scene.image.shape[1::-1])
    return Scene(resized(scene.image, width, rows), scene.persons * factor, scene.others, ())


def measure(model: FasterRCNN, scenes: Sequence[Scene]) -> tuple[Curve, Curve]:
    """Runs the model on scenes at their own size; returns the curves at IoU 0.5 and 0.7."""
    loose, tight = CurveBuilder(), CurveBuilder()
    for scene in scenes:
        # The transform resizes to the shorter side it is given: the image's own.
        model.transform.min_size = (min(scene.image.shape[:2]),)
        pixels = np.ascontiguousarray(scene.image.transpose(2, 0, 1))
        with torch.inference_mode():
            output = model([torch.from_numpy(pixels).float() / 255])[0]
        boxes, scores = output["boxes"].double().numpy(), output["scores"].double().numpy()
        loose.add(scores, match_boxes(boxes, scores, scene.persons))
        tight.add(scores, match_boxes(boxes, scores, scene.persons, min_iou=0.7))
    return loose.curve(), tight.curve()


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.recall_by_height",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", type=Path, help="COCO JSON")
    parser.add_argument("images", type=Path, help="its image folder")
    parser.add_argument("--weights", type=Path, default=BUNDLED_PATH, help=".safetensors")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its choice")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    model = build(max_size=10 * LARGEST_SIDE).eval()
    try:
        load_weights(model, args.weights)
        scenes = [scene for scene in load_scenes(args.labels, args.images) if len(scene.persons)]
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("height persons recall@0.1 recall@0.5 recall@0.1/IoU0.7 false@0.5")
    for height in HEIGHTS:
        scaled = [at_height(scene, height) for scene in scenes]
        chosen = [scene for scene in scaled if min(scene.image.shape[:2]) <= LARGEST_SIDE]
        loose, tight = measure(model, chosen)
        print(
            f"{height:6d} {sum(len(scene.persons) for scene in chosen):7d} "
            f"{loose.recall_at(0.1):10.2f} {loose.recall_at(0.5):10.2f} "
            f"{tight.recall_at(0.1):17.2f} {loose.at(0.5)[1] / max(len(chosen), 1):9.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
