"""What `import tracker` promises: its names, and that it stays light."""

import subprocess
import sys
from importlib.resources import files

import tracker

HEAVY = ["torch", "torchvision", "cv2", "av", "filterpy", "matplotlib", "typer", "rich"]


def test_the_public_names():
    assert tracker.__all__ == [
        "AssociationConfig",
        "BusyError",
        "Calibration",
        "ClassConfig",
        "ClutterConfig",
        "ConfigError",
        "ConftrackError",
        "ConstantVelocity",
        "Detections",
        "DoublesConfig",
        "Entry",
        "Event",
        "ExistenceConfig",
        "ExistenceFilter",
        "Frame",
        "GroundConfig",
        "InputError",
        "MissingExtraError",
        "MotionConfig",
        "MotionModel",
        "Projection",
        "ScoreConfig",
        "SmoothingConfig",
        "SourceError",
        "TimeError",
        "TrackState",
        "Tracker",
        "TrackerConfig",
        "Tracks",
    ]
    assert all(hasattr(tracker, name) for name in tracker.__all__)


def test_the_import_stays_light():
    code = (
        f"import sys, tracker, tracker.filterpy_motion; print(*(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_evaluation_imports_its_heavy_parts_when_they_are_needed():
    heavy = [*HEAVY, "trackeval", "pycocotools", "sklearn"]
    code = f"import sys, tracker.evaluation; print(*(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_import_is_quick():
    """Of the processor's time, the best of three: a busy machine makes it no slower."""
    code = "import time; import tracker; print(time.process_time())"
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(3)
    ]
    assert min(times) < 0.7


def test_the_types_come_with_it():
    assert files("tracker").joinpath("py.typed").is_file()
