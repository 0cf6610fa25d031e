"""The ruler: tracks and raw detections held against the truth, as figures, advice and pictures.

    from tracker.evaluation import evaluate

    result = evaluate(tracks="runs/street", truth="street/gt.txt", detections="street/det.txt")
    result.tracks.boxes.ap          # AP at IoU 0.5; also ap_50_95, true, false, precision, f1 …
    result.tracks.score.ece         # is `score` true? also bins, brier, log_loss, reliability …
    result.tracks.existence.ece     # is `existence` true?
    result.tracks.tracks.hota       # also idf1, mota, false_tracks_per_1000, confirm_s, low_recall
    result.tracks.curve             # what every threshold would give
    result.detections.boxes.ap      # the same for the raw detections
    result.by_sequence["street"].tracks.boxes.recall
    result.parts[0].tracks.judged   # every box with its verdict, by sequence and class

`evaluate` also takes `TruthSequence` and `BoxSequence` in place of paths; `judge` alone gives the
verdicts on the boxes of one class and sequence. Importing this needs NumPy only; figures of whole
tracks need trackeval, pictures matplotlib (`pip install -e ".[evaluate]"`).

| module | does |
|---|---|
| `sequences` | what is compared: `TruthSequence`, `BoxSequence` |
| `truth_files`, `output_files` | read them from files, by each benchmark's rules |
| `matching`, `judging`, `pairing` | which boxes are right, wrong, not judged |
| `curves`, `calibration_error`, `track_metrics` | the figures |
| `result`, `evaluator` | all of them at once |
| `slices`, `timelines` | where a probability is true; the life of single tracks |
| `goals`, `events`, `advice` | which threshold to use, and how sure that is |
| `report` | report.json, report.html, PNG files |
"""

from tracker.evaluation.calibration_error import Calibration, calibration
from tracker.evaluation.curves import Curve, curve, frontier
from tracker.evaluation.evaluator import evaluate
from tracker.evaluation.judging import JudgedBoxes, judge
from tracker.evaluation.output_files import find_detections, read_detections, read_tracks
from tracker.evaluation.result import Comparison, Evaluation, Figures
from tracker.evaluation.sequences import BoxSequence, Role, TruthSequence
from tracker.evaluation.truth_files import read_truth

__all__ = [
    "BoxSequence",
    "Calibration",
    "Comparison",
    "Curve",
    "Evaluation",
    "Figures",
    "JudgedBoxes",
    "Role",
    "TruthSequence",
    "calibration",
    "curve",
    "evaluate",
    "find_detections",
    "frontier",
    "judge",
    "read_detections",
    "read_tracks",
    "read_truth",
]
