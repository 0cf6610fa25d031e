"""What following the camera does, on a real video from a fixed camera that is made to move.

    python scripts/benchmark_camera_motion.py VIDEO SEQUENCE OUT

SEQUENCE is a folder in MOTChallenge layout (`seqinfo.ini`, `gt.txt`, `det_prob.txt` or `det.txt`)
with the truth and recorded detections of VIDEO, frame by frame. For each motion a smaller picture
is cut out of every frame by a window that pans, zooms, shakes or does all of it; truth and
detections move with it, and what leaves the window is gone. Each is tracked three times: without
the motion, with that of `tracker.video.camera_motion` from the pictures, and with the true one.
OUT gets the cut sequences and the tracks as MOT files; the table is printed.
"""

from __future__ import annotations

import argparse
import configparser
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker import Detections, Frame, Tracker
from tracker.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from tracker.evaluation import evaluate
from tracker.formats import mot
from tracker.video.camera_motion import CameraMotion
from tracker.video.sources import open_source
from tracker.warp import move_boxes

FloatArray = NDArray[np.float64]

# The window, as a share of the picture, and how much of a box must be in it.
SHARE, VISIBLE, SEEN = 0.625, 0.5, 0.3
MOTIONS = ("still", "pan", "zoom", "shake", "all")
WAYS = ("without", "pictures", "true motion")


@dataclass(frozen=True)
class _Stamp:
    index: int
    timestamp_s: float


def views(motion: str, frames: int, fps: float, size: tuple[int, int]) -> Iterator[FloatArray]:
    """(3, 3) pixels of each full frame to pixels of the window."""
    rng = np.random.default_rng(0)
    width, height = size
    shake = np.zeros(4)
    for k in range(frames):
        t = k / fps
        x = y = 0.5
        zoom, turn = 1.0, 0.0
        if motion in ("pan", "all"):  # there and back in 8 and 13 s, as far as the picture goes
            x += (0.5 - 0.5 * SHARE) * 0.9 * np.sin(2 * np.pi * t / 8)
            y += (0.5 - 0.5 * SHARE) * 0.6 * np.sin(2 * np.pi * t / 13)
        if motion in ("zoom", "all"):
            zoom = 1.35 + 0.35 * np.sin(2 * np.pi * t / 6)
        if motion in ("shake", "all"):  # a hand: 1.5 % of the picture and half a degree, 0.3 s
            keep = np.exp(-1 / fps / 0.3)
            shake = keep * shake + np.sqrt(1 - keep**2) * rng.normal(0, 1, 4)
            x, y = x + 0.015 * shake[0], y + 0.015 * shake[1]
            turn, zoom = np.radians(0.5) * shake[2], zoom * (1 + 0.01 * shake[3])
        c, s = zoom * np.cos(turn), zoom * np.sin(turn)
        linear = np.array([[c, -s], [s, c]])
        shift = np.array([width, height]) * SHARE / 2 - linear @ np.array([x * width, y * height])
        yield np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


def cut(xyxy: FloatArray, view: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Boxes in the window, cut at its edge, and which share of each is in it."""
    boxes = cxcywh_to_xyxy(move_boxes(view, xyxy_to_cxcywh(xyxy)).cxcywh)
    inside = clip(boxes, *size)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return inside, np.prod(inside[:, 2:] - inside[:, :2], axis=1) / np.maximum(area, 1e-9)


def run(video: Path, sequence: Path, out: Path, motion: str) -> list[str]:
    """Make one moving video, track it in all ways, and give the rows of the table."""
    info = configparser.ConfigParser()
    info.read(sequence / "seqinfo.ini")
    frames, fps = info.getint("Sequence", "seqLength"), info.getfloat("Sequence", "frameRate")
    source = next(p for n in ("det_prob.txt", "det.txt") if (p := sequence / n).is_file())
    found, truth = mot.read(source), np.loadtxt(sequence / "gt.txt", delimiter=",", ndmin=2)
    folder = out / "data" / motion
    folder.mkdir(parents=True, exist_ok=True)
    trackers, motion_of = [Tracker() for _ in WAYS], CameraMotion()
    for way in WAYS:
        (out / way).mkdir(exist_ok=True)
    writers = [mot.MotWriter(out / way / f"{motion}.txt") for way in WAYS]
    rows: list[str] = []
    raw: list[str] = []
    spent, view_before, apart = 0.0, np.eye(3), []
    with open_source(str(video)) as pictures:
        full = (pictures.width or 0, pictures.height or 0)
        size = (round(full[0] * SHARE), round(full[1] * SHARE))
        all_views = list(views(motion, frames, fps, full))
        for k, (picture, view) in enumerate(zip(pictures, all_views, strict=False)):
            image = cv2.warpAffine(picture.image, view[:2], size, flags=cv2.INTER_AREA)
            begin = time.process_time()
            told = motion_of.estimate(Frame(np.asarray(image, np.uint8), k / fps, k))
            spent += time.process_time() - begin
            step = view @ np.linalg.inv(view_before)
            view_before = view
            if k:
                ends = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]])
                seen = ends[:, :2] if told is None else ends @ told.T
                apart.append(float(np.abs(seen - ends @ step[:2].T).max()))
            here = np.flatnonzero(found.frame == k + 1)
            boxes, share = cut(found.xyxy[here], view, size)
            keep = share >= SEEN
            given = Detections(boxes[keep], found.score[here][keep])
            for box, score in zip(given.xyxy, given.confidence, strict=True):
                x1, y1, x2, y2 = box
                raw.append(f"{k + 1},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f}")
            warps = (None, told, step if k else None)
            for tracker, writer, warp in zip(trackers, writers, warps, strict=True):
                tracks = tracker.update(given, timestamp_s=k / fps, warp=warp)
                writer.write(_Stamp(k, k / fps), tracks)
                if warp is told and writer is writers[1]:
                    motion_of.hide(tracks.xyxy)
            now = truth[truth[:, 0] == k + 1]
            if len(now):
                boxes, share = cut(np.hstack([now[:, 2:4], now[:, 2:4] + now[:, 4:6]]), view, size)
                for row, (x1, y1, x2, y2), part in zip(now, boxes, share, strict=True):
                    if part > 0:  # less than half of a person: found or not, it counts neither way
                        flag, kind = (row[6], row[7]) if part >= VISIBLE else (0, 8)
                        rows.append(
                            f"{k + 1},{row[1]:.0f},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                            f"{flag:.0f},{kind:.0f},1"
                        )
    for writer in writers:
        writer.close()
    (folder / "gt.txt").write_text("\n".join(rows) + "\n")
    (folder / "det.txt").write_text("\n".join(raw) + "\n")
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={motion}\nframeRate={fps:g}\nseqLength={frames}\n"
        f"imWidth={size[0]}\nimHeight={size[1]}\n"
    )
    lines = []
    for way in WAYS:
        result = evaluate(truth=out / "data" / motion, tracks=out / way / f"{motion}.txt").tracks
        assert result.tracks is not None
        assert result.existence is not None
        lines.append(
            f"| {motion} | {way} | {result.boxes.ap:.3f} | {result.tracks.idf1:.3f} |"
            f" {result.tracks.hota:.3f} | {result.score.ece:.3f} | {result.existence.ece:.3f} |"
        )
    counts = motion_of.counts()
    middle, most = np.median(apart), np.quantile(apart, 0.95)
    print(
        f"{motion}: corners of the picture put wrong by {middle:.2f} px in the median,"
        f" {most:.2f} px at 95 %; {counts['moved']} of {counts['frames']} frames moved,"
        f" {counts['failed']} could not be told; {1e3 * spent / counts['frames']:.1f} ms a frame",
        flush=True,
    )
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("sequence", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--motions", nargs="+", choices=MOTIONS, default=MOTIONS)
    options = parser.parse_args(arguments)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [
        x for m in options.motions for x in run(options.video, options.sequence, options.out, m)
    ]
    print(f"\ncommit {commit}, {options.sequence.name} of {options.sequence.parent.name}\n")
    print("| motion | warp | AP | IDF1 | HOTA | ECE of score | ECE of existence |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
