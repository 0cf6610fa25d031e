"""What other settings than the defaults give, figure by figure: a table of attempts.

    python scripts/benchmark_attempts.py DATA [DATA ...] [--peer-results FILE]
        [--recorded NAME DETECTIONS TRUTH] [--config NAME FILE]

Arguments as in scripts/benchmark_oracle.py; --config (repeatable) adds the settings of a TOML file
to those below, so that an idea is one line. Each cell is of the tracks at once, as in
scripts/benchmark_oracle.py (gain in AP / false boxes / HOTA / IDF1 / false tracks), and after the
semicolon of the smoothed ones (gain in AP / false boxes).
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.benchmark_oracle import boxes_of, cell, commit, recorded
from scripts.quality import scores
from scripts.quality.running import sets_in
from scripts.track_detections import Recording
from tracker import (
    AssociationConfig,
    ClutterConfig,
    ConftrackError,
    ExistenceConfig,
    MotionConfig,
    Tracker,
    TrackerConfig,
)
from tracker.evaluation import BoxSequence
from tracker.smoothing import Recorder, smooth

__all__ = ["ATTEMPTS", "attempted", "main"]

ATTEMPTS: dict[str, TrackerConfig] = {
    "the default": TrackerConfig(),
    "sizes wander as centres do": TrackerConfig(motion=MotionConfig(size_acceleration_ratio=1.0)),
    "… a third": TrackerConfig(motion=MotionConfig(size_acceleration_ratio=0.33)),
    "… a twentieth": TrackerConfig(motion=MotionConfig(size_acceleration_ratio=0.05)),
    "boxes are trusted less": TrackerConfig(motion=MotionConfig(measurement_noise=0.085)),
    "new tracks are slower": TrackerConfig(motion=MotionConfig(initial_velocity=0.6)),
    "a wider gate": TrackerConfig(association=AssociationConfig(mahalanobis2=80.0)),
    "only surer tracks choose first": TrackerConfig(
        association=AssociationConfig(believed_existence=0.3)
    ),
    "a stronger map of clutter": TrackerConfig(clutter=ClutterConfig(weight=1.0, most=3.0)),
    "belief comes later": TrackerConfig(existence=ExistenceConfig(birth=0.02)),
}


def attempted(recording: Recording, config: TrackerConfig) -> tuple[BoxSequence, BoxSequence]:
    """The boxes of a sequence under some settings, at once and smoothed."""
    tracker, recorder, at_once = Tracker(config), Recorder(), []
    for k, detections in enumerate(recording.frames):
        tracks = tracker.update(
            detections, timestamp_s=k / recording.rate, image_size=recording.image_size
        )
        recorder.add(detections, tracks)
        at_once.append(tracks)
    return boxes_of(recording, at_once), boxes_of(recording, smooth(recorder, config))


def told(data: scores.SetData, config: TrackerConfig, peers: Mapping[str, Any]) -> str:
    """The cell of one attempt on one set."""
    both = [attempted(recording, config) for recording in data.recordings]
    at_once = cell(data, [one for one, _ in both], peers)
    smoothed = cell(data, [one for _, one in both], peers).split(" / ")
    return f"{at_once}; {smoothed[0]} / {smoothed[1]}"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="*", help="sets, or folders of sets")
    parser.add_argument("--peer-results", type=Path, help="results.json of benchmark_quality.py")
    parser.add_argument(
        "--recorded", nargs=3, metavar=("NAME", "DETECTIONS", "TRUTH"), action="append",
        default=[], help="a set of what `conftrack run --save all` left",
    )  # fmt: skip
    parser.add_argument(
        "--config", nargs=2, metavar=("NAME", "FILE"), action="append", default=[],
        help="one more attempt",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        more = {name: TrackerConfig.from_toml(path) for name, path in options.config}
        sets = [scores.load(folder) for folder in sets_in(options.data)]
        peers: dict[str, Any] = {one.name: {} for one in sets}
        if options.peer_results is not None:
            known = json.loads(options.peer_results.read_text(encoding="utf-8"))["sets"]
            peers = {one.name: known[one.name]["peers"] for one in sets}
        sets += [recorded(*three) for three in options.recorded]
    except (ConftrackError, OSError, json.JSONDecodeError, KeyError) as error:
        print(f"benchmark_attempts: {error}", file=sys.stderr)
        return 2
    print(f"commit {commit()}\n\n| | {' | '.join(one.name for one in sets)} |")
    print("|---|" + "---|" * len(sets), flush=True)
    for name, config in {**ATTEMPTS, **more}.items():
        cells = [told(one, config, peers.get(one.name, {})) for one in sets]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
