"""Fit the calibrations that come with the package, each to a labelled set of one detector.

    python scripts/make_calibrations.py DATA [NAME ...]

DATA holds a folder for each set, with a folder for each sequence (`seqinfo.ini`, `gt.txt` and
detections), as scripts/benchmark_quality.py takes them. Writes
tracker/presets/calibrations/NAME.toml: all whose set is there, or those named. What they are worth
on footage that was not fitted on: scripts/benchmark_calibration.py, docs/calibration.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tracker import ConftrackError, InputError, TrackerConfig, __version__
from tracker.calibration.fitting import by_truth, check, fit, read_recordings, track

__all__ = ["main"]

_PETS = "PETS09-S2L1 (vtest.avi of OpenCV), labels of MOT15"
_MOTCHALLENGE = "footage and labels CC BY-NC-SA 3.0; here are fitted constants only"


@dataclass(frozen=True)
class _Source:
    """What a packaged calibration is fitted to."""

    folder: str
    detector: str
    data: str
    licence: str
    note: str


SOURCES = {
    "yolox-x-mot17": _Source(
        "mot17",
        "YOLOX-X of ByteTrack, trained on CrowdHuman and the first halves of MOT17",
        "second halves of MOT17-02, -04, -09 and -11; persons",
        _MOTCHALLENGE,
        "Detections from 0.01. For crowds of walkers seen from streets and squares.",
    ),
    "acf-mot15": _Source(
        "mot15_acf",
        "ACF, the public detections of MOT15, scores as 1 / (1 + exp(-(s - 20) / 12))",
        "PETS09-S2L1, TUD-Stadtmitte, KITTI-17 and Venice-2 of MOT15; persons",
        _MOTCHALLENGE,
        "Four sequences that differ much: expect it to be true within 0.04 for score only.",
    ),
    "pointrcnn-kitti-pedestrian": _Source(
        "kitti_ped_pointrcnn",
        "PointRCNN, pedestrians, 3-D boxes projected, scores as 1 / (1 + exp(-s))",
        "drives 0001, 0007, 0010, 0012, 0015, 0016 and 0017 of KITTI tracking",
        _MOTCHALLENGE,
        "From a car, 10 frames a second. The detector has seen some of these drives in training.",
    ),
    "ssdlite-vtest": _Source(
        "vtest_ssdlite",
        "SSDLite, TensorFlow's weights for COCO",
        _PETS,
        _MOTCHALLENGE,
        "Detections from 0.01. One fixed camera, 80 s.",
    ),
    "fastestdet-vtest": _Source(
        "vtest_fastestdet",
        "FastestDet",
        _PETS,
        _MOTCHALLENGE,
        "Detections from 0.05, the 60 best of a frame. One fixed camera, 80 s.",
    ),
    "bundled-vtest": _Source(
        "vtest_bundled",
        "fasterrcnn_lite0_fpn_person, the model that comes with this package (--model bundled)",
        _PETS,
        _MOTCHALLENGE,
        "One fixed camera, 80 s; fitted to these weights: other weights need another one.",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sets")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(SOURCES)}")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parents[1] / "tracker" / "presets" / "calibrations",
        help="folder for the files (default: that of the package)",
    )
    options = parser.parse_args(given)
    command = shlex.join(["python", "scripts/make_calibrations.py", options.data.name])
    try:
        strange = [name for name in options.names if name not in SOURCES]
        if strange:
            raise InputError(f"no {strange[0]!r}; known are {', '.join(SOURCES)}")
        wanted = options.names or [
            n for n, s in SOURCES.items() if (options.data / s.folder).is_dir()
        ]
        if not wanted:
            raise InputError(f"{options.data} has no folder of any of the sets")
        options.out.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            counted = _make(options.data, name, options.out / f"{name}.toml", command)
            print(f"{name}: counts as {counted:g} independent tracks")
    except (ConftrackError, OSError) as error:
        print(f"make_calibrations: {error}", file=sys.stderr)
        return 2
    return 0


def _make(data: Path, name: str, out: Path, command: str) -> float:
    """Fit one and write it; returns how many tracks its data is worth."""
    source, config, label = SOURCES[name], TrackerConfig(), by_truth()
    recordings, _ = read_recordings(None, data / source.folder)
    first = track(recordings, label, config)
    check(first)
    found = fit(recordings, label, config, first=first)
    about = replace(
        found.about,
        detector=source.detector,
        data=source.data,
        licence=source.licence,
        note=source.note,
        method="labelled",
        version=__version__,
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
        command=f"{command} {name}",
    )
    replace(found, about=about).save(out)
    return about.counted_as


if __name__ == "__main__":
    sys.exit(main())
