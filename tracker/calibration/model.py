"""A calibration: what was fitted to a detector and a camera, in one small file.

In comes a TOML file, or what a fit found; out goes a `Calibration`, which a `Tracker` takes. Four
parts: what a confidence is worth (`ScoreModel`), constants of the belief, how existence and score
are told (`LogOddsMap`), and what a fixed camera knows of its scene; and where all of it comes from.
Each part may be missing. The first two change what the tracker believes; how it is told changes
numbers and states, and neither ids nor boxes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from os import PathLike
from typing import Any

from tracker.calibration.afterwards import Afterwards
from tracker.calibration.log_odds_map import LogOddsMap
from tracker.calibration.scene import Scene
from tracker.calibration.score_model import ScoreModel
from tracker.calibration.toml import to_toml
from tracker.checked import from_table
from tracker.config import ExistenceConfig, ScoreConfig, TrackerConfig
from tracker.errors import ConfigError
from tracker.files import write_whole

__all__ = ["About", "Calibration", "Constants"]

_VERSION = 1
_HEADER = """\
# A calibration of conftrack: how probable it is that this detector's boxes are right, and how what
# the tracker believes is told, so that it is true.
#
#     conftrack run VIDEO --calibration THIS          or          Tracker(calibration="THIS")
"""


@dataclass(frozen=True)
class About:
    """Where a calibration comes from.

    Attributes:
        detector: Name of the detector, "" if nobody said.
        data: What it was fitted on, in words.
        licence: Of that data.
        note: Anything a user should know.
        method: `"labelled"`, `"unlabelled"`, or `"answers"` (of reviewers to some tracks).
        sequences: Names of the sequences.
        frames: How many frames.
        real_tracks: Tracks of real objects among those it was fitted on (without
            labels: expected).
        false_tracks: The others.
        counted_as: Number of independent tracks that these are worth, the boxes of one being alike.
        version: Of this program.
        created: When, in ISO 8601.
        command: How to make it again.
    """

    detector: str = ""
    data: str = ""
    licence: str = ""
    note: str = ""
    method: str = ""
    sequences: tuple[str, ...] = ()
    frames: int = 0
    real_tracks: float = 0.0
    false_tracks: float = 0.0
    counted_as: float = 0.0
    version: str = ""
    created: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        """Check types.

        Raises:
            ConfigError: A value of another type.
        """
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "sequences":
                if isinstance(value, str) or not all(isinstance(name, str) for name in value):
                    raise ConfigError(f"about.sequences must be a list of names, got {value!r}")
                object.__setattr__(self, "sequences", tuple(value))
            elif isinstance(f.default, str):
                if not isinstance(value, str):
                    raise ConfigError(f"about.{f.name} must be text, got {value!r}")
            elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ConfigError(f"about.{f.name} must be a number, got {value!r}")


@dataclass(frozen=True)
class Constants:
    """Constants of `ExistenceConfig` that were fitted; None leaves the one of the settings.

    Attributes:
        birth, neutral_confidence, gain, correlation, miss, moved: As there; what hits and misses
            tell.
        memory_s, coast_most_s, max_gap_s: As there; how long what is unseen survives.
    """

    birth: float | None = None
    neutral_confidence: float | None = None
    gain: float | None = None
    correlation: float | None = None
    miss: float | None = None
    moved: float | None = None
    memory_s: float | None = None
    coast_most_s: float | None = None
    max_gap_s: float | None = None

    def __post_init__(self) -> None:
        """Check ranges, as the settings do.

        Raises:
            ConfigError: A value outside its range.
        """
        ExistenceConfig(**self.given)

    @property
    def given(self) -> dict[str, float]:
        """Those that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Calibration:
    """Everything that was fitted; without arguments it changes nothing.

    Attributes:
        confidence: What a confidence is worth.
        constants: Of the belief.
        existence: How existence is told.
        score_seen: How the score of a box that was seen is told.
        score_coasted: How the score of a predicted box is told.
        consistent: Whether existence is told as at least score, as it must be if both are true: a
            box can only be right if its object exists. Goes with the maps; states follow what the
            track has earned by itself.
        meet_at: Where those two meet that would contradict each other, if `consistent`: from
            existence (0) to score (1), in log-odds, as `ScoreConfig.agreement`.
        afterwards: How both are told where `tracker.smoothing` has seen the future.
        scene: What is known of the scene.
        about: Where it comes from.

    Example:
        >>> from tracker import Detections, Tracker
        >>> timid = Calibration(existence=LogOddsMap(offset=-2.0))
        >>> told = []
        >>> for calibration in (None, timid):
        ...     tracker = Tracker(calibration=calibration)
        ...     tracks = tracker.update(Detections([[10, 20, 50, 120]], [0.9]), timestamp_s=0.0)
        ...     told.append(float(tracks.existence[0]))
        >>> told[1] < told[0]
        True
    """

    confidence: ScoreModel = field(default_factory=ScoreModel)
    constants: Constants = field(default_factory=Constants)
    existence: LogOddsMap = field(default_factory=LogOddsMap)
    score_seen: LogOddsMap = field(default_factory=LogOddsMap)
    score_coasted: LogOddsMap = field(default_factory=LogOddsMap)
    consistent: bool = False
    meet_at: float = 1.0
    afterwards: Afterwards = field(default_factory=Afterwards)
    scene: Scene = field(default_factory=Scene)
    about: About = field(default_factory=About)

    def __post_init__(self) -> None:
        """Check what is no part of its own.

        Raises:
            ConfigError: `consistent` is no truth value, or `meet_at` no number in [0, 1].
        """
        if not isinstance(self.consistent, bool):
            raise ConfigError(f"consistent must be true or false, got {self.consistent!r}")
        number = isinstance(self.meet_at, int | float) and not isinstance(self.meet_at, bool)
        if not number or not 0.0 <= self.meet_at <= 1.0:
            raise ConfigError(f"meet_at must be a number in [0, 1], got {self.meet_at!r}")

    @property
    def is_identity(self) -> bool:
        """Whether a tracker is the same with it and without."""
        return (
            self.confidence.is_identity
            and not self.constants.given
            and self.tells_as_is
            and self.scene.is_empty
        )

    @property
    def tells_as_is(self) -> bool:
        """Whether existence and score are told as the tracker has them."""
        maps = (self.existence, self.score_seen, self.score_coasted)
        return not self.consistent and all(told.is_identity for told in maps)

    def agreement(self, config: ScoreConfig) -> float | None:
        """Where existence and score meet that would contradict each other; None: they may."""
        if self.consistent:
            return self.meet_at
        return config.agreement if config.consistent else None

    def applied(self, config: TrackerConfig) -> TrackerConfig:
        """Settings with the fitted constants in place of their own.

        Raises:
            ConfigError: The constants do not fit the other settings.
        """
        if not self.constants.given:
            return config
        return replace(config, existence=replace(config.existence, **self.constants.given))

    def inside(self, config: TrackerConfig) -> TrackerConfig:
        """Settings with thresholds on what the tracker has; the user's are on what is told.

        A track of the largest existence there is counts as confirmed, even if a calibration never
        tells as much as `confirm_at`.
        """
        if self.tells_as_is:
            return config
        e = config.existence
        confirm, release = (
            min(self.existence.before(p), e.ceiling) for p in (e.confirm_at, e.release_at)
        )
        lost = self.score_coasted.before(config.score.lost_below)
        return replace(
            config,
            existence=replace(e, confirm_at=confirm, release_at=release),
            score=replace(
                config.score, lost_below=lost, consistent=False
            ),  # maps take what is earned
        )

    # ---- files ---------------------------------------------------------------------------

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Calibration:
        """Read a calibration from nested tables, as `to_dict` gives them.

        Raises:
            ConfigError: An unknown key, another version, or values that are none.
        """
        rest = dict(table)
        version = rest.pop("version", None)
        if version != _VERSION:
            raise ConfigError(f"version must be {_VERSION}, got {version!r}: is it a calibration?")
        calibration: Calibration = from_table(cls, rest)
        return calibration

    def to_dict(self) -> dict[str, Any]:
        """Everything that is not as it is without a fit, as nested tables of plain values."""
        table: dict[str, Any] = {"version": _VERSION}
        if self.consistent:
            table["consistent"] = True
            if self.meet_at != 1.0:
                table["meet_at"] = self.meet_at
        about = {f.name: getattr(self.about, f.name) for f in fields(self.about)}
        about["sequences"] = list(self.about.sequences)
        table["about"] = {name: value for name, value in about.items() if value}
        if not self.confidence.is_identity:
            table["confidence"] = self.confidence.to_table()
        if self.constants.given:
            table["constants"] = self.constants.given
        for name in ("existence", "score_seen", "score_coasted"):
            told: LogOddsMap = getattr(self, name)
            if not told.is_identity:
                table[name] = {"offset": told.offset, "low": told.low, "high": told.high}
        if not self.afterwards.is_identity:
            table["afterwards"] = self.afterwards.to_table()
        if not self.scene.is_empty:
            table["scene"] = self.scene.to_table()
        return table

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Calibration:
        """Read a calibration from a TOML file.

        Raises:
            ConfigError: Not TOML, an unknown key, or values that are none.
            OSError: The file cannot be read.
        """
        with open(path, "rb") as file:
            try:
                table = tomllib.load(file)
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}: not valid TOML: {error}") from error
        try:
            return cls.from_dict(table)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def to_toml(self) -> str:
        """The text of a TOML file; reading it gives the same calibration."""
        return _HEADER + "\n" + to_toml(self.to_dict())

    def save(self, path: str | PathLike[str]) -> None:
        """Write a TOML file that is complete or not there.

        Raises:
            OSError: It cannot be written.
        """
        write_whole(path, self.to_toml())
