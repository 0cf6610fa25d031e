"""Every constant of the tracker, with its meaning and unit, as frozen dataclasses.

In comes nothing or a TOML file; out goes a `TrackerConfig`. An unknown key is an error that names
the nearest known one, since a misspelt key that is silently ignored is a setting that was never
made. Rates are per second and never per frame.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tracker.checked import POSITIVE, Checked, from_table, in_order, setting
from tracker.errors import ConfigError

__all__ = [
    "AssociationConfig",
    "ClassConfig",
    "ClutterConfig",
    "DoublesConfig",
    "ExistenceConfig",
    "FuserName",
    "GroundConfig",
    "MotionConfig",
    "ScoreConfig",
    "SmoothingConfig",
    "TrackerConfig",
]


FuserName = Literal[
    "evidence", "raw", "n-of-m", "median", "ema", "noisy-or", "ipda", "kalman-logit"
]


@dataclass(frozen=True)
class MotionConfig(Checked):
    """Noise of the constant-velocity model; lengths are in heights of the box.

    Attributes:
        acceleration_noise: Root of the spectral density of the white acceleration of the centre,
            heights / s^1.5: how fast the velocity wanders.
        position_noise: Root of the density of the random walk of the position itself,
            heights / s^0.5.
        measurement_noise: Standard deviation of a detection with confidence 1, heights.
        weak_noise_factor: The standard deviation is this many times as large at confidence 0.
        initial_velocity: Standard deviation of the velocity of a new track, heights / s.
        size_noise_ratio: All noises of width and height over those of the centre.
        size_acceleration_ratio: The acceleration noise of width and height over what it would be by
            `size_noise_ratio`: a thing keeps its size, and what comes nearer grows steadily.
        least_height_px: Boxes lower than this count as this high, px.
        parallax: Standard deviation of how far a box may be from where `warp` takes it, as a share
            of the way: one matrix cannot be right for near and far. 0: a camera that only turns; 1:
            one that drives.
    """

    acceleration_noise: float = setting(0.6, 0.0)
    position_noise: float = setting(0.085, 0.0)
    measurement_noise: float = setting(0.07, POSITIVE)
    weak_noise_factor: float = setting(3.5, 1.0)
    initial_velocity: float = setting(1.1, POSITIVE)
    size_noise_ratio: float = setting(0.45, POSITIVE)
    size_acceleration_ratio: float = setting(0.1, 0.0)
    least_height_px: float = setting(1.0, POSITIVE)
    parallax: float = setting(0.2, 0.0)


@dataclass(frozen=True)
class AssociationConfig(Checked):
    """Which detections may belong to a track, and who chooses first.

    Attributes:
        strong_confidence: Detections at or above it are matched before the weak ones.
        iou_strong: Least overlap of a strong detection with the predicted box.
        iou_weak: Least overlap of a weak detection with the predicted box.
        mahalanobis2: Largest squared Mahalanobis distance over the four axes of the box. 18.5
            holds 99.9 % of right boxes if they were Gaussian; detectors have heavier tails.
        confidence_offset: Of two detections that overlap alike, the surer one is preferred:
            similarity = IoU · (confidence + this). Large: overlap alone decides.
        believed_existence: Tracks at or above this existence choose before the others.
        young_mahalanobis2: A strong detection that is left over may continue a track that was seen
            three times at most, strongly at first, by distance alone, at most this squared
            Mahalanobis distance: what moves fast for the frame rate overlaps nothing before its
            velocity is known. 0: never.
        per_class: Whether a detection may only continue a track of its own class.
    """

    strong_confidence: float = setting(0.6, 0.0, 1.0)
    iou_strong: float = setting(0.2, POSITIVE, 1.0)
    iou_weak: float = setting(0.3, POSITIVE, 1.0)
    mahalanobis2: float = setting(40.0, POSITIVE)
    confidence_offset: float = setting(0.12, 0.0)
    believed_existence: float = setting(0.15, 0.0, 1.0)
    young_mahalanobis2: float = setting(12.0, 0.0)
    per_class: bool = False


@dataclass(frozen=True)
class ExistenceConfig(Checked):
    """The belief in a track; the model and its symbols are in `tracker.existence`.

    Attributes:
        birth: P(real) of a place where a detector fires, before its confidence is looked at.
        neutral_confidence: A detection at this confidence tells nothing; below it the belief
            falls.
        surest_confidence: A confidence above it counts as this one.
        gain: Log-odds that the first full look adds for each unit of logit(confidence) above the
            neutral confidence.
        correlation: Share of the scatter of looks at one track that is common to all of them.
            0: looks are independent and add up without end; 1: a hundred looks tell no more than
            one.
        look_s: Frames closer together than this repeat each other: it takes this long for one
            look in full, s.
        longest_look_s: A frame stands for the time since the last one, but at most for this, s:
            a single frame is not a look in full, however long ago the last one was.
        first_look_s: What the first detection of a track stands for, s.
        memory_s: Evidence fades with this time constant, looked or not, s.
        miss: A miss in plain view weighs like a detection whose logit(confidence) lies this far
            below the neutral one.
        hidden: Share of a miss that does not count where a believed object in front covers the
            predicted box wholly.
        small_px: A miss of a box lower than this counts in proportion to its height, px.
        moved: Log-odds for a track that has left the place where it began: clutter stands.
        floor: Least existence of a living track.
        ceiling: Largest existence.
        confirm_at: Existence at which a track becomes confirmed.
        release_at: Existence below which a confirmed track becomes tentative again.
        coast_least_s: How long a track of existence 0 is kept unseen, s.
        coast_most_s: How long a track of existence 1 is kept unseen, s.
        max_gap_s: A track that was not seen for this long is dropped even when nobody looked, s.
    """

    birth: float = setting(0.042, POSITIVE, 0.999)
    neutral_confidence: float = setting(0.17, 0.001, 0.999)
    surest_confidence: float = setting(0.95, 0.001, 0.999)
    gain: float = setting(0.75, 0.0)
    correlation: float = setting(0.05, 0.0, 1.0)
    look_s: float = setting(0.2, POSITIVE)
    longest_look_s: float = setting(0.1, POSITIVE)
    first_look_s: float = setting(0.06, 0.0)
    memory_s: float = setting(3.0, POSITIVE)
    miss: float = setting(0.94, 0.0)
    hidden: float = setting(0.22, 0.0, 1.0)
    small_px: float = setting(12.0, POSITIVE)
    moved: float = setting(1.0, 0.0)
    floor: float = setting(0.001, POSITIVE, 0.5)
    ceiling: float = setting(0.999, 0.5, 0.999999)
    confirm_at: float = setting(0.8, 0.0, 1.0)
    release_at: float = setting(0.5, 0.0, 1.0)
    coast_least_s: float = setting(0.35, 0.0)
    coast_most_s: float = setting(4.5, 0.0)
    max_gap_s: float = setting(5.0, POSITIVE)

    def __post_init__(self) -> None:
        """Check ranges, and that the thresholds are in order."""
        super().__post_init__()
        in_order(self, "release_at", "confirm_at")
        in_order(self, "coast_least_s", "coast_most_s")
        in_order(self, "floor", "ceiling")
        in_order(self, "confirm_at", "ceiling")


@dataclass(frozen=True)
class ScoreConfig(Checked):
    """How `score` joins the slow existence with what this frame shows; all in log-odds.

    A seen box:    logit(score) = confidence_weight · logit(confidence) − against
                                  + existence_weight · logit(existence) + bias
    A coasted box: logit(score) = coast_bias + coast_existence_weight · logit(existence)
                                  − coast_uncertainty_weight · (σ of the centre / height)
                                  + coast_hidden_weight · (share covered by an object in front)

    A box can only be right if its object exists. Where a frame shows more than the track has earned
    yet (score above existence: a sure first detection), both are told as one number in between.

    Attributes:
        confidence_weight: Weight of this frame's confidence.
        existence_weight: Weight of the existence for a seen box.
        bias: Added for a seen box.
        coast_existence_weight: Weight of the existence for a coasted box.
        coast_bias: Added for a coasted box.
        coast_uncertainty_weight: Lost for each box height of standard deviation of the centre.
        coast_hidden_weight: Added where the box is covered wholly: who is hidden is still there.
        lost_below: A believed track whose predicted box has a smaller score than this is `lost`
            and no longer `coasting`: its object exists, but where is a guess.
        consistent: Whether existence is told as at least score. States go by what was earned alone.
        agreement: Where on the way from existence (0) to score (1), in log-odds, the two meet that
            would contradict each other.
    """

    confidence_weight: float = setting(0.96, 0.0)
    existence_weight: float = setting(0.55, 0.0)
    bias: float = setting(0.4, -math.inf)
    coast_existence_weight: float = setting(0.27, 0.0)
    coast_bias: float = setting(-1.4, -math.inf)
    coast_uncertainty_weight: float = setting(6.0, 0.0)
    coast_hidden_weight: float = setting(1.0, 0.0)
    lost_below: float = setting(0.1, 0.0, 1.0)
    consistent: bool = True
    agreement: float = setting(0.85, 0.0, 1.0)


@dataclass(frozen=True)
class ClutterConfig(Checked):
    """The map of places that keep firing without ever moving; see `tracker.clutter`.

    Attributes:
        enabled: Whether the map is kept and used.
        weight: Log-odds that a place loses for each e-fold of hits beyond `scale_s`.
        scale_s: Seconds of standing hits at which a place starts to count, s.
        most: No place loses more than this, log-odds.
        half_life_s: Half of what a place has collected is forgotten in this time, s.
        cell_px: Side of a place, px.
        moved_widths: A track counts as moving once it is this many box widths from its start.
        stand_s: Hits count as standing from this age of the track on, s: where people enter a
            scene, every one of them stands at first.
    """

    enabled: bool = True
    weight: float = setting(0.7, 0.0)
    scale_s: float = setting(0.27, POSITIVE)
    most: float = setting(2.0, 0.0)
    half_life_s: float = setting(30.0, POSITIVE)
    cell_px: float = setting(24.0, 1.0)
    moved_widths: float = setting(1.0, 0.0)
    stand_s: float = setting(2.0, 0.0)


@dataclass(frozen=True)
class GroundConfig(Checked):
    """How tall objects are where they stand, learned on the way; see `tracker.ground`.

    Attributes:
        enabled: Whether it is learned and used.
        weight: Log-odds that a box loses for each unit of its squared deviation (in standard
            deviations of what is known) beyond 1.
        most: Squared deviations above this count as this.
        enough_s: Seconds of believed boxes at which the model has half of its say, s.
        half_life_s: Half of what was learned is forgotten in this time, s.
        prior_deviation: Scatter of log height around the model that is expected beforehand.
        prior_s: Seconds of believed boxes that this expectation counts for, s.
    """

    enabled: bool = True
    weight: float = setting(0.18, 0.0)
    most: float = setting(12.0, 1.0)
    enough_s: float = setting(5.7, POSITIVE)
    half_life_s: float = setting(60.0, POSITIVE)
    prior_deviation: float = setting(0.2, 1e-3)
    prior_s: float = setting(3.0, POSITIVE)


@dataclass(frozen=True)
class DoublesConfig(Checked):
    """Boxes that share their place with a surer one of the frame; see `tracker.doubles`.

    Attributes:
        weight: Log-odds that a box loses where it lies wholly on one that is much surer.
        iou: Overlap at which it begins to lose, as IoU.
    """

    weight: float = setting(2.0, 0.0)
    iou: float = setting(0.2, 0.0, 0.99)


@dataclass(frozen=True)
class ClassConfig(Checked):
    """How the class posterior of a track is fused; see `tracker.classes`.

    Attributes:
        rate: Weight per second of new class evidence (1 = a look in full).
        memory_s: Past class evidence fades with this time constant, s.
        least_probability: Every class keeps at least this likelihood in each look, so that no
            single look can rule one out.
    """

    rate: float = setting(3.0, 0.0)
    memory_s: float = setting(5.0, POSITIVE)
    least_probability: float = setting(0.02, 1e-6, 0.5)


@dataclass(frozen=True)
class SmoothingConfig(Checked):
    """How tracks are seen afterwards, when their future is known; see `tracker.smoothing`.

    Every look at a track has a value in log-odds: a detection that of its `score`, without what
    the past had said, a miss that of `miss_score`. Their mean over the time around a frame, as
    far as it lies above that of `neutral_score`, is the evidence L there:

    logit(existence) = existence_bias + existence_gain · L
    A seen box:   logit(score) = seen_bias + score_gain · L
                                 + look_weight · (logit(score online) − logit(neutral_score))
    An unseen box: logit(score) = unseen_bias + score_gain · L
                                  − uncertainty_weight · (σ of the centre / height)
                                  − outside, before the first and after the last detection

    Attributes:
        window_s: Looks further away in time weigh less, with this time constant to both sides, s.
        margin_s: Not having been found for this long before the first and after the last detection
            speaks against a track, s.
        repeat_s: Looking for this long is worth half of looking for ever: looks repeat each
            other, s.
        miss_score: A look that did not find the track counts like a box of this score.
        neutral_score: A look of this score tells nothing.
        history: Share of logit(existence) that is taken out of the score of a look: what the past
            had said is counted by the looks themselves.
        existence_gain: Log-odds of existence for each unit of evidence.
        existence_bias: Log-odds of existence without evidence.
        score_gain: Log-odds of score for each unit of evidence.
        seen_bias: Added for a seen box.
        look_weight: Weight of what this very frame says for a seen box.
        unseen_bias: Added for an unseen box.
        uncertainty_weight: Lost for each box height of standard deviation of the centre.
        outside: Lost by boxes before the first and after the last detection.
        reach_s: How long before its first and after its last detection a track of existence 1
            has boxes, s; one of existence 0 has none.
        stitch_gap_s: Longest time without any box over which two tracks can be joined, s; 0
            joins none.
        stitch_distance: Largest distance between where one track should be by its velocity and
            where the other is, seen from both ends, heights.
        stitch_size: Largest difference of log width and log height of the two.
        stitch_margin: No second candidate may lie within this many times the distance of the
            first, for either track: what is ambiguous stays apart.
    """

    window_s: float = setting(2.2, POSITIVE)
    margin_s: float = setting(0.6, 0.0)
    repeat_s: float = setting(0.12, POSITIVE)
    miss_score: float = setting(0.03, POSITIVE, 0.999)
    neutral_score: float = setting(0.22, 0.001, 0.999)
    history: float = setting(0.35, 0.0, 1.0)
    existence_gain: float = setting(1.4, 0.0)
    existence_bias: float = setting(-0.6, -math.inf)
    score_gain: float = setting(0.83, 0.0)
    seen_bias: float = setting(-1.0, -math.inf)
    look_weight: float = setting(0.25, 0.0)
    unseen_bias: float = setting(-0.7, -math.inf)
    uncertainty_weight: float = setting(2.6, 0.0)
    outside: float = setting(1.4, 0.0)
    reach_s: float = setting(2.0, 0.0)
    stitch_gap_s: float = setting(3.0, 0.0)
    stitch_distance: float = setting(0.8, 0.0)
    stitch_size: float = setting(0.35, 0.0)
    stitch_margin: float = setting(1.5, 1.0)


@dataclass(frozen=True)
class TrackerConfig(Checked):
    """All settings of a `Tracker`.

    Attributes:
        motion: Noise of the motion model.
        association: Gates and tiers.
        existence: Rates and thresholds of the belief.
        score: How belief and frame are joined.
        clutter: The map of standing clutter.
        ground: How tall objects are where they stand.
        doubles: Boxes on a surer box.
        classes: The class posterior.
        smoothing: How tracks are seen afterwards; `Tracker` itself does not use it.
        fuser: What turns the history of a track into `existence`, `score` and `state`:
            `"evidence"` is this project's model; the others are well-known rules to compare with
            on the same tracks, see `tracker.fusers`.
        calibration: What was fitted to the detector and the camera: a calibration file (in a
            settings file: relative to that file), or the name of one that comes with the package,
            see `tracker.calibration`. Empty: none.
        on_backward_time: What a timestamp that stands still or goes backwards does: `"error"`
            raises `TimeError` and changes nothing; `"reset"` drops all tracks and starts anew at
            that time (ids go on). What merely comes late is `max_delay_s`'s.
        max_delay_s: How late a measurement may come, s. One that is older than the last update by
            no more than this is put in where it belongs and what came after it runs again, see
            `tracker.replay_buffer`; a time further back is up to `on_backward_time`. 0: none may.
            The updates of this time are kept in memory.
        ledger_updates: How many updates `Tracker.explain` can look back.

    Example:
        >>> TrackerConfig(existence=ExistenceConfig(confirm_at=0.7)).existence.confirm_at
        0.7
    """

    motion: MotionConfig = field(default_factory=MotionConfig)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    existence: ExistenceConfig = field(default_factory=ExistenceConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    clutter: ClutterConfig = field(default_factory=ClutterConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    doubles: DoublesConfig = field(default_factory=DoublesConfig)
    classes: ClassConfig = field(default_factory=ClassConfig)
    smoothing: SmoothingConfig = field(default_factory=SmoothingConfig)
    fuser: FuserName = "evidence"
    calibration: str = ""
    on_backward_time: Literal["error", "reset"] = "error"
    max_delay_s: float = setting(0.0, 0.0, 3600.0)
    ledger_updates: int = setting(300, 0)

    @classmethod
    def from_toml(cls, path: str | Path) -> TrackerConfig:
        """Read settings from the TOML file at `path`; what it leaves out keeps its default.

        Raises:
            ConfigError: Not TOML, an unknown key, a value outside its range.
            OSError: The file cannot be read.
        """
        with open(path, "rb") as file:
            try:
                table = tomllib.load(file)
            except tomllib.TOMLDecodeError as error:
                raise ConfigError(f"{path}: not valid TOML: {error}") from error
        try:
            config = cls.from_dict(table)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
        # A calibration is named as seen from its settings; names of packaged ones have no suffix.
        if not Path(config.calibration).suffix:
            return config
        return replace(config, calibration=str(Path(path).parent / config.calibration))

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> TrackerConfig:
        """Read settings from nested tables, as TOML or JSON give them."""
        config: TrackerConfig = from_table(cls, table)
        return config

    def to_dict(self) -> dict[str, Any]:
        """All settings as nested tables of plain values."""
        return asdict(self)
