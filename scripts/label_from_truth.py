r"""Label the frames of `conftrack rank --export coco` by known truth, in place of a person.

Examples:
    python -m scripts.label_from_truth runs/street-rank gt.txt
    python -m scripts.label_from_truth runs/everything gt.txt --random 24 --seed 1

For measuring what labelling is worth where the truth is known anyway. Reads coco.json of the folder
and writes labels.json beside it: in each picture the true boxes in place of the tracks' ones, and
the picture reviewed. The truth is MOT text with frames of the same video, counted from 1, one file
for each video of the export. Rows that are not judged (flag 0, or no persons) become crowd regions,
which `scripts.train_detector` passes over. --random labels that many pictures by lot and leaves the
others unreviewed: what labelling is worth without a ranking.

A person would be slower and less exact. What would have been to do is printed: boxes that could
stay (IoU of at least 0.9 with the truth), to be moved (0.5), to be removed and to be drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.evaluate_detector import asked_for
from scripts.training.sets import LABELS
from tracker.boxes import clip
from tracker.errors import ConftrackError
from tracker.evaluation.matching import match_boxes
from tracker.files import write_whole
from tracker.formats import mot

GOOD = 0.9  # IoU from which a box needs no correction
LEAST_SIDE = 1.0  # pixels; less of a box in the picture is no label
Coco = dict[str, Any]


def relabel(
    export: Coco,
    truths: list[mot.MotRows],
    *,
    category: str = "person",
    chosen: NDArray[np.bool_] | None = None,
) -> tuple[Coco, dict[str, int]]:
    """Puts the truth in place of the labels that the tracks gave.

    Args:
        export: What `conftrack rank --export coco` wrote.
        truths: The truth of each of its videos, in their order.
        category: What the truth shows.
        chosen: Which of its images are labelled, in its order; None for all.

    Returns:
        The corrected labels, and how many boxes stayed, were moved, removed and drawn.

    Raises:
        ValueError: The export is none, or has another number of videos.
    """
    try:
        videos = [video["id"] for video in export["videos"]]
        number = next(c["id"] for c in export["categories"] if c["name"] == category)
        images = export["images"]
    except (KeyError, TypeError, StopIteration) as error:
        raise ValueError(
            f"it is no COCO export of `conftrack rank` with {category!r} among its classes"
        ) from error
    if len(videos) != len(truths):
        raise ValueError(f"it shows {len(videos)} videos, but {len(truths)} truths were given")
    work = dict.fromkeys(("pictures", "stayed", "moved", "removed", "drawn"), 0)
    new: list[dict[str, Any]] = []
    kept = []
    for place, image in enumerate(images):
        old = [a for a in export["annotations"] if a["image_id"] == image["id"]]
        if chosen is not None and not chosen[place]:
            new += old
            kept.append(image)
            continue
        truth = truths[videos.index(image["video_id"])]
        rows = np.flatnonzero(truth.frame == image["frame_index"] + 1)
        boxes = clip(truth.xyxy[rows], image["width"], image["height"])
        inside = (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE).all(axis=1)
        rows, boxes = rows[inside], boxes[inside]
        wanted = asked_for(truth)[rows]
        mine = [a for a in old if a["category_id"] == number]
        for key, count in _work(mine, boxes[wanted]).items():
            work[key] += count
        work["pictures"] += 1
        for row, (x1, y1, x2, y2), judged in zip(
            rows.tolist(), boxes.round(2).tolist(), wanted.tolist(), strict=True
        ):
            width, height = round(x2 - x1, 2), round(y2 - y1, 2)
            new.append(
                {
                    "image_id": image["id"],
                    "category_id": number,
                    "bbox": [x1, y1, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": int(not judged),
                    "segmentation": [],
                    "track_id": int(truth.track_id[row]),
                }
            )
        # Other classes: the truth is silent about them, so their labels stay as they are.
        new += [a for a in old if a["category_id"] != number]
        kept.append(image | {"reviewed": True})
    numbered = [annotation | {"id": i} for i, annotation in enumerate(new, 1)]
    return export | {"images": kept, "annotations": numbered}, work


def _work(old: list[dict[str, Any]], truth: NDArray[np.float64]) -> dict[str, int]:
    """What a person would have had to do to the boxes of one picture."""
    boxes = np.array([a["bbox"] for a in old], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    found = match_boxes(boxes, [a.get("score", 1.0) for a in old], truth)
    good = int(np.count_nonzero(found.iou >= GOOD))
    matched = int(np.count_nonzero(found.matched))
    return {
        "stayed": good,
        "moved": matched - good,
        "removed": len(old) - matched,
        "drawn": len(truth) - matched,
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.label_from_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("export", type=Path, help="folder of `conftrack rank --export coco`")
    result.add_argument("truth", type=Path, nargs="+", help="MOT text, one a video of the export")
    result.add_argument("--category", default="person", help="(default: %(default)s)")
    result.add_argument("--random", type=int, metavar="N", help="label N pictures by lot")
    result.add_argument("--seed", type=int, default=0, help="of the lot (default: %(default)s)")
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = parser().parse_args(argv)
    corrected, written = LABELS
    source = args.export / written
    try:
        export = json.loads(source.read_text(encoding="utf-8"))
        chosen = None
        if args.random is not None:
            count = len(export["images"])
            if not 1 <= args.random <= count:
                raise ValueError(f"--random must be from 1 to {count}, its number of pictures")
            lot = np.random.default_rng(args.seed).permutation(count)[: args.random]
            chosen = np.isin(np.arange(count), lot)
        truths = [mot.read(path) for path in args.truth]
        labels, work = relabel(export, truths, category=args.category, chosen=chosen)
        path = args.export / corrected
        write_whole(path, json.dumps(labels, ensure_ascii=False, indent=1) + "\n")
    except (ConftrackError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {source}: {error}", file=sys.stderr)
        return 1
    print(f"{path}: " + ", ".join(f"{count} {what}" for what, count in work.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
