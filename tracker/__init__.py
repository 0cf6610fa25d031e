"""Tracking whose confidence is a probability.

Repeated weak detections of one object add up, flicker does not, and the result is a number that is
meant to be true. `import tracker` needs NumPy and SciPy only.

Example:
    >>> from tracker import Detections, Tracker
    >>> tracker = Tracker()
    >>> tracks = tracker.update(Detections([[10, 20, 50, 120]], [0.4]), timestamp_s=0.0)
    >>> tracks.tentative.tolist()
    [True]
"""

from tracker.calibration import Calibration
from tracker.config import (
    AssociationConfig,
    ClassConfig,
    ClutterConfig,
    DoublesConfig,
    ExistenceConfig,
    GroundConfig,
    MotionConfig,
    ScoreConfig,
    SmoothingConfig,
    TrackerConfig,
)
from tracker.detections import Detections
from tracker.errors import (
    BusyError,
    ConfigError,
    ConftrackError,
    InputError,
    MissingExtraError,
    SourceError,
    TimeError,
)
from tracker.existence_filter import ExistenceFilter
from tracker.frames import Frame
from tracker.ledger import Entry, Event
from tracker.motion import ConstantVelocity, MotionModel, Projection
from tracker.tracker import Tracker
from tracker.tracks import Tracks, TrackState
from tracker.version import VERSION

__all__ = [
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

__version__ = VERSION
