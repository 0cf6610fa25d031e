"""What was fitted to a detector and a camera: confidences that are true, and so are the results.

    from tracker import Tracker
    from tracker.calibration import Calibration, load

    tracker = Tracker(calibration="street.toml")        # a file, or the name of a packaged one
    load("street.toml").confidence.calibrated([0.3])    # P(a detection of 0.3 is right)

Importing this needs NumPy and SciPy only.

| module | does |
|---|---|
| `log_odds_map` | bends one probability into another: what `existence` and `score` are told as |
| `afterwards` | the same where `tracker.smoothing` has seen the future |
| `score_model` | confidence of a detection -> P(it is right), and what evidence it is |
| `scene` | what a fixed camera has learned of its scene |
| `model` | `Calibration`: all of it in one file, with where it comes from |
| `packaged` | by name or by path |
"""

from tracker.calibration.afterwards import Afterwards
from tracker.calibration.log_odds_map import LogOddsMap
from tracker.calibration.model import About, Calibration, Constants
from tracker.calibration.packaged import load, names
from tracker.calibration.scene import Scene
from tracker.calibration.score_model import ScoreModel

__all__ = [
    "About",
    "Afterwards",
    "Calibration",
    "Constants",
    "LogOddsMap",
    "Scene",
    "ScoreModel",
    "load",
    "names",
]
