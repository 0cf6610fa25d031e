r"""Measure a detector on a video with ground truth in MOT17's layout.

Example:
    python -m scripts.evaluate_detector vtest.avi gt.txt --detector bundled --threads 2
    python -m scripts.evaluate_detector vtest.avi gt.txt --detector best.safetensors --start 44

Prints AP at IoU 0.5 and 0.7, recall and false boxes a frame at scores of 0.05, 0.1 and 0.5, and
milliseconds a frame (resizing, network and box selection; decoding not counted; the median, so
that the first frame and other programs weigh little). In the ground truth, rows with flag 1 and
class 1 (or no class) are asked for; other rows are ignored: a box on one counts neither way. An
empty file of ground truth says that no one is there: every box is false.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import detectors
from tracker.errors import ConftrackError
from tracker.evaluation.curves import CurveBuilder
from tracker.evaluation.matching import match_boxes
from tracker.formats import mot
from tracker.video.sources import open_source

SCORES = (0.05, 0.1, 0.5)
PERSON = 1


def asked_for(truth: mot.MotRows) -> NDArray[np.bool_]:
    """(N,) mask of the ground-truth rows that a detector must find."""
    wanted: NDArray[np.bool_] = truth.score == 1
    if truth.extra.shape[1]:
        wanted &= truth.extra[:, 0] == PERSON
    return wanted


def evaluate(
    detector: detectors.Detector,
    video: str,
    truth: mot.MotRows,
    *,
    start_s: float | None = None,
    stop_s: float | None = None,
    every: int = 1,
) -> dict[str, float | int]:
    """Runs a detector over a video.

    Args:
        detector: Anything that `detectors.load` returns.
        video: What `open_source` takes.
        truth: Its ground truth; frames count from 1.
        start_s: As in `open_source`.
        stop_s: As in `open_source`.
        every: As in `open_source`.

    Returns:
        The numbers of the model card by name.
    """
    wanted = asked_for(truth)
    loose, tight = CurveBuilder(), CurveBuilder()
    seconds = []
    with open_source(video, start_s=start_s, stop_s=stop_s, every=every) as source:
        for frame in source:
            start = time.perf_counter()
            found = detector.detect([frame])[0]
            seconds.append(time.perf_counter() - start)
            if found is None:
                raise SystemExit(f"{detector.name} did not look at frame {frame.index}")
            here = truth.frame == frame.index + 1
            asked, spared = truth.xyxy[here & wanted], truth.xyxy[here & ~wanted]
            for gathered, min_iou in ((loose, 0.5), (tight, 0.7)):
                verdict = match_boxes(
                    found.xyxy, found.confidence, asked, ignore_xyxy=spared, min_iou=min_iou
                )
                gathered.add(found.confidence, verdict)
    curve = loose.curve()
    result: dict[str, float | int] = {
        "frames": len(seconds),
        "ap50": curve.average_precision,
        "ap70": tight.curve().average_precision,
    }
    for score in SCORES:
        result[f"recall@{score}"] = curve.recall_at(score)
        result[f"false_per_frame@{score}"] = curve.at(score)[1] / max(len(seconds), 1)
    return result | {"ms_per_frame": 1000 * float(np.median(seconds))}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.evaluate_detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("video", help="a video file or a folder of images")
    result.add_argument("truth", type=Path, help="ground truth, MOT text")
    result.add_argument("--detector", default="bundled", help="name or checkpoint (%(default)s)")
    result.add_argument("--start", type=float, help="begin at this second of the video")
    result.add_argument("--stop", type=float, help="end before this second")
    result.add_argument("--every", type=int, default=1, help="every Nth frame (%(default)s)")
    result.add_argument("--short-side", type=int, help="pixels; default: the model's own")
    result.add_argument("--classes", nargs="+", help="keep these classes, such as person")
    result.add_argument("--device", default="cpu", help="(default: %(default)s)")
    result.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its choice")
    result.add_argument("--json", action="store_true", help="print JSON, all digits")
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = parser().parse_args(argv)
    try:
        detector = detectors.load(
            args.detector, device=args.device, short_side=args.short_side, classes=args.classes
        )
        if args.threads:
            import torch

            torch.set_num_threads(args.threads)
        result = evaluate(
            detector,
            args.video,
            mot.read(args.truth),
            start_s=args.start,
            stop_s=args.stop,
            every=args.every,
        )
    except (ConftrackError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:22s} {value:.3f}" if isinstance(value, float) else f"{name:22s} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
