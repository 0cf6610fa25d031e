"""Draw the figures of docs/evidence.md.

Examples:
    python -m scripts.make_evidence_figures docs/images
    python -m scripts.make_evidence_figures docs/images --data labelled/mot17 labelled/mot15_acf

Three figures need nothing but the tracker. The other holds the belief of independent looks
(IPDA) and ours against the truth, over folders of labelled sequences as `conftrack evaluate` takes
them; without --data it is left as it is.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from scripts.quality.methods import run
from scripts.quality.scores import load
from tracker import Detections, Tracker, TrackerConfig, Tracks
from tracker.evaluation import evaluate, read_tracks
from tracker.smoothing import LagSmoother, Recorder, smooth

OURS, OTHER, GREY = "#0072b2", "#d55e00", "#808080"


def existence_over_time(
    hit: Callable[[int], float], *, frames: int = 30, fps: float = 30.0
) -> list[float]:
    """Existence that one walking object has earned; `hit` gives its confidence, NaN a miss."""
    tracker, out = Tracker(), []
    for k in range(frames):
        x = 10 + 2.0 * k
        boxes = [] if math.isnan(hit(k)) else [[x, 10, x + 40, 110]]
        tracks = tracker.update(Detections(boxes, [hit(k)] * len(boxes)), timestamp_s=k / fps)
        out.append(float(tracks.earned[0]) if len(tracks) else 0.0)
    return out


def two_of_three(confidence: float, frame: int) -> float:
    """The confidence in two frames of three, a miss in the third."""
    return math.nan if frame % 3 == 2 else confidence


def seeds(axes: Any) -> None:
    """Weak hits in two frames of three against two sure ones."""
    frames = np.arange(1, 91)
    for confidence, color in ((0.45, "#56b4e9"), (0.3, OURS)):
        seen = existence_over_time(partial(two_of_three, confidence), frames=len(frames))
        axes.plot(frames, seen, color=color, label=f"2 frames of 3 at confidence {confidence:g}")
    sure = existence_over_time(lambda k: 0.7 if k < 2 else math.nan, frames=len(frames))
    axes.plot(frames, sure, color=OTHER, label="2 frames at 0.7, then nothing")
    axes.axhline(TrackerConfig().existence.confirm_at, color=GREY, linestyle=":", label="confirmed")
    axes.set_xlabel("frame (30 a second)")
    axes.set_ylabel("existence")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def worth(axes: Any) -> None:
    """How many independent looks n correlated ones are worth."""
    n = np.geomspace(1, 1000, 100)
    default = TrackerConfig().existence.correlation
    for rho, color in ((0.0, OTHER), (default, OURS), (1.0, GREY)):
        name = "independent" if rho == 0 else "one look is all" if rho == 1 else "default"
        axes.plot(n, n / (1 + rho * (n - 1)), color=color, label=f"ρ = {rho:g}: {name}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("looks n")
    axes.set_ylabel("independent looks they are worth")
    axes.legend(frameon=False)


def reliability(axes: Any, folders: Sequence[Path]) -> None:
    """Belief against truth over labelled sequences: independent looks, and ours."""
    data = [load(folder) for folder in folders]
    for method, name, color in (("fuser ipda", "IPDA", OTHER), ("ours", "ours", OURS)):
        with TemporaryDirectory() as scratch:
            truths, found = [], []
            for of in data:
                out = Path(scratch) / of.name
                out.mkdir()
                for recording in of.recordings:
                    run(method, recording, out / f"{recording.name}.txt")
                truths += [replace(t, name=f"{of.name}/{t.name}") for t in of.truths]
                found += [
                    replace(b, name=f"{of.name}/{b.name}") for b in read_tracks(out, of.truths)
                ]
            result = evaluate(truth=truths, tracks=found, track_metrics=False)
        belief = result.tracks.existence
        axes.plot(
            [b.mean for b in belief.bins],
            [b.true_share for b in belief.bins],
            "o-",
            color=color,
            label=f"{name}: calibration error {belief.ece:.3f}",
        )
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="true")
    axes.set_xlabel("existence")
    axes.set_ylabel("share of boxes whose track is real")
    axes.legend(frameon=False)


def afterwards(axes: Any) -> None:
    """A weak object that is hidden for a second, and a flicker: at once, late, and afterwards."""
    fps, frames = 30, 210
    weak = [frame for frame in range(30, 180) if not 90 <= frame < 120]
    tracker, recorder = Tracker(), Recorder()
    late = LagSmoother(lag_s=0.5)
    told: dict[str, list[Tracks]] = {"at once": [], "0.5 s late": []}
    for k in range(frames):
        boxes = [[10 + 2.0 * k, 10, 50 + 2.0 * k, 110]] if k in weak else []
        confidences = [0.6] * len(boxes)
        if k in (60, 61):
            boxes, confidences = [*boxes, [500, 10, 540, 110]], [*confidences, 0.8]
        detections = Detections(boxes, confidences)
        tracks = tracker.update(detections, timestamp_s=k / fps)
        recorder.add(detections, tracks)
        told["at once"].append(tracks)
        told["0.5 s late"] += late.add(detections, tracks)
    told["0.5 s late"] += late.flush()
    told["afterwards"] = list(smooth(recorder))
    for (name, all_tracks), line in zip(told.items(), (":", "--", "-"), strict=True):
        for track_id, what, color in ((1, "weak object", OURS), (2, "flicker", OTHER)):
            seen = [
                (k / fps, float(tracks.existence[tracks.track_id == track_id][0]))
                for k, tracks in enumerate(all_tracks)
                if track_id in tracks.track_id
            ]
            axes.plot(*zip(*seen, strict=True), line, color=color, label=f"{what}, {name}")
    for start, stop in ((1, 3), (4, 6)):
        axes.axvspan(start, stop, color=GREY, alpha=0.12, lw=0)
    axes.axhline(TrackerConfig().existence.confirm_at, color=GREY, linestyle=":", lw=0.8)
    axes.set_xlabel("time (s); grey: the object is seen, at confidence 0.6")
    axes.set_ylabel("existence")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def draw(path: Path, fill: Callable[[Any], None]) -> None:
    """One picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.6, 3.4), dpi=110)
    fill(axes)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)
    print(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.make_evidence_figures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="labelled sets")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    draw(args.out / "evidence_seeds.png", seeds)
    draw(args.out / "evidence_looks.png", worth)
    draw(args.out / "evidence_afterwards.png", afterwards)
    if args.data:
        draw(args.out / "evidence_truth.png", lambda axes: reliability(axes, args.data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
