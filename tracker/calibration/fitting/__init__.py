"""How a calibration is fitted.

    from tracker import TrackerConfig
    from tracker.calibration.fitting import by_truth, fit, read_recordings

    recordings, _ = read_recordings("street/detections.jsonl", "street/gt.txt")
    fit(recordings, by_truth(), TrackerConfig()).save("street.toml")

| module | does |
|---|---|
| `files` | recordings from files |
| `recording` | recorded detections, with or without truth, and their parts |
| `trace` | what the tracker computes on them |
| `labels` | what turned out, from truth |
| `mixture` | what probably did, without truth |
| `answers` | what probably did, from answers about some tracks |
| `logistic` | regression that starts from what is known |
| `confidences`, `belief`, `survival`, `maps` | the fits |
| `fit` | all of them, in order |
| `held_out` | what that is worth where it was not fitted |
"""

from tracker.calibration.fitting.answers import Answered, by_answers
from tracker.calibration.fitting.files import read_recordings
from tracker.calibration.fitting.fit import PASSES, check, fit, track
from tracker.calibration.fitting.held_out import HeldOut, compare, figures, fit_apart, work
from tracker.calibration.fitting.labels import Labels, by_truth, label
from tracker.calibration.fitting.mixture import by_mixture
from tracker.calibration.fitting.recording import Recording, folds, paired, scenes
from tracker.calibration.fitting.trace import Trace, trace

__all__ = [
    "PASSES",
    "Answered",
    "HeldOut",
    "Labels",
    "Recording",
    "Trace",
    "by_answers",
    "by_mixture",
    "by_truth",
    "check",
    "compare",
    "figures",
    "fit",
    "fit_apart",
    "folds",
    "label",
    "paired",
    "read_recordings",
    "scenes",
    "trace",
    "track",
    "work",
]
