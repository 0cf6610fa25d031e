r"""Draw what two detectors say of one frame, side by side, judged by the truth.

Example:
    python -m scripts.make_loop_image street.mp4 truth.txt before/detections.jsonl \
        after/detections.jsonl --out docs/images/loop.jpg

Green boxes are right at IoU 0.5, red ones false, dashed yellow ones are people that were missed,
all at a confidence of --threshold. Without --frame it is the frame in which the second makes least
mistakes compared with the first; how many frames got better and worse is printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import detectors
from scripts.evaluate_detector import asked_for
from tracker.detections import Detections
from tracker.errors import ConftrackError
from tracker.evaluation.matching import FrameMatch, match_boxes
from tracker.formats import mot
from tracker.frames import Frame
from tracker.video.sources import open_source

GREEN, RED, YELLOW, WHITE = (60, 200, 60), (230, 40, 40), (255, 215, 0), (255, 255, 255)
DASH, QUALITY = 6, 85
Image = NDArray[np.uint8]
Said = tuple[Detections, FrameMatch]


def judge(
    detector: detectors.Detector, frame: Frame, truth: mot.MotRows, threshold: float
) -> Said | None:
    """The boxes of a frame from `threshold`, and the verdict on them; None if not looked at."""
    found = detector.detect([frame])[0]
    if found is None:
        return None
    found = found[found.confidence >= threshold]
    here, wanted = truth.frame == frame.index + 1, asked_for(truth)
    verdict = match_boxes(
        found.xyxy,
        found.confidence,
        truth.xyxy[here & wanted],
        ignore_xyxy=truth.xyxy[here & ~wanted],
    )
    return found, verdict


def draw(image: Image, said: Said, missed: NDArray[np.float64], title: str) -> Image:
    """A copy of the picture with the boxes."""
    out = image.copy()
    found, verdict = said
    for box, confidence, right, wrong in zip(
        found.xyxy, found.confidence, verdict.matched, verdict.false, strict=True
    ):
        colour = GREEN if right else RED if wrong else WHITE
        x1, y1, x2, y2 = np.round(box).astype(int).tolist()
        cv2.rectangle(out, (x1, y1), (x2, y2), colour, 2)
        _write(out, f"{confidence:.2f}", (x1, max(y1 - 4, 12)), 0.45, colour)
    for x1, y1, x2, y2 in np.round(missed).astype(int).tolist():
        for x in range(x1, x2, 2 * DASH):
            for y in (y1, y2):
                cv2.line(out, (x, y), (min(x + DASH, x2), y), YELLOW, 2)
        for y in range(y1, y2, 2 * DASH):
            for x in (x1, x2):
                cv2.line(out, (x, y), (x, min(y + DASH, y2)), YELLOW, 2)
    _write(out, title, (10, 26), 0.7, WHITE)
    return out


def _write(
    image: Image, text: str, place: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    for ink, thick in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thick, cv2.LINE_AA)


def mistakes(said: Said) -> int:
    """False boxes and missed people."""
    return int(np.count_nonzero(said[1].false)) + len(said[1].missed)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.make_loop_image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("video")
    result.add_argument("truth", type=Path, help="MOT text")
    result.add_argument("before", type=Path, help="detections.jsonl")
    result.add_argument("after", type=Path, help="detections.jsonl")
    result.add_argument("--frame", type=int, help="default: where most got better")
    result.add_argument("--threshold", type=float, default=0.5, help="(default: %(default)s)")
    result.add_argument("--out", type=Path, required=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = parser().parse_args(argv)
    gains: dict[int, int] = {}
    best: tuple[Frame, Said, Said] | None = None
    try:
        truth = mot.read(args.truth)
        before, after = (detectors.load(f"replay:{p}") for p in (args.before, args.after))
        with open_source(args.video) as source:
            for frame in source:
                first = judge(before, frame, truth, args.threshold)
                second = judge(after, frame, truth, args.threshold)
                if first is None or second is None:
                    continue
                gain = mistakes(first) - mistakes(second)
                chosen = frame.index == args.frame
                if chosen or (args.frame is None and gain > max(gains.values(), default=-1)):
                    best = frame, first, second
                gains[frame.index] = gain
        if best is None:
            raise ConftrackError(f"{args.video} has no frame {args.frame} that both looked at")
    except (ConftrackError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    frame, *both = best
    asked = truth.xyxy[(truth.frame == frame.index + 1) & asked_for(truth)]
    halves = [
        draw(frame.image, said, asked[said[1].missed], title)
        for said, title in zip(both, ("before", "after"), strict=True)
    ]
    picture = np.concatenate(halves, axis=1)
    cv2.imwrite(str(args.out), picture[..., ::-1], [int(cv2.IMWRITE_JPEG_QUALITY), QUALITY])
    values = np.array(list(gains.values()))
    print(
        f"{args.out}: frame {frame.index}, {mistakes(both[0])} mistakes, then {mistakes(both[1])};"
        f" of {len(values)} frames {np.count_nonzero(values > 0)} have fewer than before,"
        f" {np.count_nonzero(values < 0)} more"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
