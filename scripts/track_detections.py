"""Track recorded detections in MOTChallenge layout, without any video.

    python scripts/track_detections.py DATA OUT [--config FILE] [--detections NAME] [--smooth]

DATA holds a folder for each sequence with `seqinfo.ini` (frameRate, seqLength) and detections as
MOT text. OUT gets SEQUENCE.txt: MOT text with `score` and `existence` of every track in every
frame, coasted boxes included, as evaluation tools read it.

    python scripts/track_detections.py MOT17/train out/
    python scripts/track_detections.py MOT17/train out/ --detections det/det.txt --config my.toml

--smooth sees every frame with the whole sequence known, --lag 0.5 with so much of its future, s.

Where somebody has recorded how the camera moved, --warps DIR takes it from SEQUENCE.txt in DIR: a
line a frame, `frame a b c d e f`, frames from 0, for the affine matrix [[a, b, c], [d, e, f]] that
maps pixels of the frame before to pixels of this one (the "GMC" files of several trackers).
"""

from __future__ import annotations

import argparse
import configparser
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker import ConftrackError, Detections, InputError, Tracker, TrackerConfig, Tracks
from tracker.formats import mot
from tracker.smoothing import LagSmoother, Recorder, smooth

__all__ = ["Recording", "main", "read_recording", "read_warps", "track_sequence"]

# Detections in the order they are looked for. det_prob.txt: scores mapped to [0, 1] by the data.
NAMES = ("det_prob.txt", "det.txt", "det/det.txt")


@dataclass(frozen=True)
class _Stamp:
    """What a writer needs to know of a frame."""

    index: int
    timestamp_s: float


@dataclass(frozen=True)
class Recording:
    """What a detector saw in one sequence.

    Attributes:
        name: Of the sequence's folder.
        frames: The detections of every frame, empty ones too.
        rate: Frames a second.
        image_size: Width and height of the pictures in px, None where seqinfo.ini has none.
    """

    name: str
    frames: list[Detections]
    rate: float
    image_size: tuple[int, int] | None = None


def read_recording(folder: Path, name: str | None = None) -> Recording:
    """Read the detections of one sequence.

    Args:
        folder: With seqinfo.ini and detections.
        name: Detections inside `folder`; by default the first of `NAMES` that is there.

    Raises:
        InputError: No detections, a score outside [0, 1], or a damaged seqinfo.ini.
    """
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    try:
        length = info.getint("Sequence", "seqLength")
        rate = info.getfloat("Sequence", "frameRate")
        sides = [info.getint("Sequence", key, fallback=0) for key in ("imWidth", "imHeight")]
    except (configparser.Error, ValueError) as error:
        raise InputError(f"{folder / 'seqinfo.ini'}: {error}") from error
    found = [folder / n for n in ([name] if name else NAMES) if (folder / n).is_file()]
    if not found:
        raise InputError(f"{folder} holds none of {name or ', '.join(NAMES)}")
    rows = mot.read(found[0])
    if len(rows) and not (rows.score.min() >= 0 and rows.score.max() <= 1):
        raise InputError(
            f"{found[0]}: scores are {rows.score.min():g} to {rows.score.max():g}, not"
            " probabilities; map them to [0, 1] first"
        )
    order = np.argsort(rows.frame, kind="stable")
    bounds = np.searchsorted(rows.frame[order], np.arange(1, length + 2))
    frames = [
        Detections(rows.xyxy[here], rows.score[here])
        for here in (order[bounds[k] : bounds[k + 1]] for k in range(length))
    ]
    return Recording(folder.name, frames, rate, (sides[0], sides[1]) if min(sides) > 0 else None)


def track_sequence(
    folder: Path,
    out: Path,
    config: TrackerConfig,
    name: str | None = None,
    *,
    image_size: bool | None = None,
    warps: Path | None = None,
    smoothed: bool = False,
    lag_s: float | None = None,
) -> tuple[int, float]:
    """Track one sequence.

    Args:
        folder: With seqinfo.ini and detections.
        out: MOT file to write.
        config: Settings of the tracker.
        name: Detections inside `folder`; see `read_recording`.
        image_size: Whether the tracker is told how large the pictures are, as `conftrack run`
            tells it; None: where seqinfo.ini says it.
        warps: File with the motion of the camera; None: it stands, or nobody knows.
        smoothed: See every frame given the whole sequence.
        lag_s: See every frame given so much of its future, s; None: none.

    Returns:
        Number of frames, and CPU seconds spent in the tracker and in smoothing.

    Raises:
        InputError: As `read_recording`, or the size of the pictures is wanted and not there, or a
            lag that is none.
    """
    recording = read_recording(folder, name)
    size = None if image_size is False else recording.image_size
    if image_size and size is None:
        raise InputError(f"{folder / 'seqinfo.ini'} has no imWidth and imHeight above 0")
    moves = {} if warps is None else read_warps(warps)
    tracker, spent, written = Tracker(config), 0.0, 0
    recorder = Recorder() if smoothed else None
    late = None if lag_s is None else LagSmoother(config, lag_s=lag_s)
    with mot.MotWriter(out) as writer:

        def write(done: Sequence[Tracks]) -> None:
            nonlocal written
            for tracks in done:
                writer.write(_Stamp(written, written / recording.rate), tracks)
                written += 1

        for k, detections in enumerate(recording.frames):
            begin = time.process_time()
            warp = moves.get(k)
            tracks = tracker.update(
                detections, timestamp_s=k / recording.rate, image_size=size, warp=warp
            )
            done = [tracks]
            if recorder is not None:
                recorder.add(detections, tracks, warp=warp)
                done = []
            elif late is not None:
                done = late.add(detections, tracks, warp=warp)
            spent += time.process_time() - begin
            write(done)
        begin = time.process_time()
        rest: Sequence[Tracks] = ()
        if recorder is not None:
            rest = smooth(recorder, config)
        elif late is not None:
            rest = late.flush()
        spent += time.process_time() - begin
        write(rest)
    return len(recording.frames), spent


def read_warps(path: Path) -> dict[int, np.ndarray]:
    """Read how a camera moved: for each frame but the first the (2, 3) matrix from the one before.

    Raises:
        InputError: Not seven numbers a line.
    """
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if rows.shape[1] != 7:
        raise InputError(f"{path}: a line must be `frame a b c d e f`, got {rows.shape[1]} numbers")
    return {int(row[0]): row[1:].reshape(2, 3) for row in rows if row[0] > 0}


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sequences")
    parser.add_argument("out", type=Path, help="folder for the MOT files")
    parser.add_argument("--config", type=Path, help="settings of the tracker (TOML)")
    parser.add_argument("--detections", help="file inside each sequence's folder")
    parser.add_argument(
        "--image-size",
        action=argparse.BooleanOptionalAction,
        help="whether the tracker is told how large the pictures are (imWidth and imHeight of"
        " seqinfo.ini); without either: where they are there",
    )
    parser.add_argument("--warps", type=Path, help="folder of recorded camera motion, see above")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--smooth", action="store_true", help="given the whole sequence")
    seen.add_argument("--lag", type=float, metavar="SECONDS", help="given so much of the future")
    options = parser.parse_args(arguments)
    try:
        config = TrackerConfig.from_toml(options.config) if options.config else TrackerConfig()
        folders = sorted(p.parent for p in options.data.glob("*/seqinfo.ini"))
        if not folders:
            raise InputError(f"{options.data} holds no SEQUENCE/seqinfo.ini")
        options.out.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            out = options.out / f"{folder.name}.txt"
            warps = options.warps / f"{folder.name}.txt" if options.warps else None
            frames, spent = track_sequence(
                folder,
                out,
                config,
                options.detections,
                image_size=options.image_size,
                warps=warps,
                smoothed=options.smooth,
                lag_s=options.lag,
            )
            print(f"{out}: {frames} frames, {1e3 * spent / max(frames, 1):.2f} ms each")
    except (ConftrackError, OSError) as error:
        print(f"track_detections: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
