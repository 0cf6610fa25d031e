"""What a fixed camera has learned of its scene: where clutter stands, how tall objects are.

In comes a tracker that has watched for a while; out goes a `Scene` that another tracker of the same
camera begins with. Clutter is the mean of the clutter map over the recording, and it lasts: it does
not fade with the map's half-life, for a post that fired all day will fire tomorrow. A recording is
no whole day, and who stood there for all of it is clutter to it; so the mean counts by how long was
watched. The ground only begins where it ended, and goes on learning.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.clutter import ClutterMap
from tracker.errors import ConfigError, InputError
from tracker.ground import GroundModel
from tracker.snapshots import check_ground

__all__ = ["Scene"]

# A recording of this length has half of its say, s.
_ENOUGH_S = 60.0
# Cells with less than this, in seconds of standing hits, are not kept.
_LEAST_S = 0.02


@dataclass(frozen=True)
class Scene:
    """A scene, as plain values.

    Attributes:
        watched_s: Length of the recording, s; 0: no scene.
        cell_px: Side of the cells, px.
        place: Numbers of the cells that hold clutter.
        seconds: What each of them holds, in seconds of standing hits.
        ground: What `GroundModel.dump` gave, as lists.
    """

    watched_s: float = 0.0
    cell_px: float = 24.0
    place: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    ground: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check, by doing what a tracker will do with it.

        Raises:
            ConfigError: Values that are no scene.
        """
        for name in ("watched_s", "cell_px"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ConfigError(f"scene.{name} must be a number of at least 0, got {value!r}")
        try:
            place, seconds = np.array(self.place, np.int64), np.array(self.seconds, np.float64)
            object.__setattr__(self, "place", tuple(place.tolist()))
            object.__setattr__(self, "seconds", tuple(seconds.tolist()))
            ClutterMap().begin_with(place, seconds)
            if self.ground:
                _check_ground(self.ground)
        except ConfigError:
            raise
        except InputError as error:
            raise ConfigError(f"scene: {error}") from error
        except (TypeError, ValueError) as error:
            raise ConfigError(f"scene: {error}") from error

    @classmethod
    def learned(
        cls,
        mean_seconds: np.ndarray[Any, np.dtype[np.float64]],
        cell_px: float,
        ground: GroundModel,
        watched_s: float,
    ) -> Scene:
        """The scene that a tracker has seen.

        Args:
            mean_seconds: (256, 256) mean of `ClutterMap.seconds` over the time.
            cell_px: Side of its cells, px.
            ground: What it knows of the ground.
            watched_s: How long it watched, s.
        """
        lasting = mean_seconds.ravel() * (watched_s / (watched_s + _ENOUGH_S))
        place = np.flatnonzero(lasting >= _LEAST_S)
        dumped = {name: _short(values) for name, values in ground.dump().items()}
        return cls(
            round(watched_s, 3),
            cell_px,
            tuple(place.tolist()),
            tuple(np.round(lasting[place], 4).tolist()),
            dumped if np.size(dumped["n"]) else {},
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not self.place and not self.ground

    def begin(self, clutter: ClutterMap, ground: GroundModel) -> None:
        """Let a new tracker begin with it.

        Raises:
            ConfigError: The map has cells of another size.
        """
        if self.place:
            if clutter.config.cell_px != self.cell_px:
                raise ConfigError(
                    f"the scene was learned with cells of {self.cell_px:g} px, but"
                    f" clutter.cell_px is {clutter.config.cell_px:g}"
                )
            clutter.begin_with(np.array(self.place, np.int64), np.array(self.seconds))
        if self.ground:
            ground.load(self.ground)

    def to_table(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "watched_s": self.watched_s,
            "cell_px": self.cell_px,
            "place": list(self.place),
            "seconds": list(self.seconds),
            "ground": dict(self.ground),
        }


def _short(values: Any) -> Any:
    """Nested lists of numbers with eight digits."""
    array = np.asarray(values, np.float64)
    return np.array([float(f"{v:.8g}") for v in array.ravel()]).reshape(array.shape).tolist()


def _check_ground(table: Mapping[str, Any]) -> None:
    """Raise `InputError` unless these are the sums of a `GroundModel`."""
    expected = GroundModel().dump().keys()
    for name in table:
        if name not in expected:
            near = difflib.get_close_matches(name, expected, n=1) or [", ".join(expected)]
            raise ConfigError(f'unknown key "scene.ground.{name}"; did you mean "{near[0]}"?')
    missing = expected - table.keys()
    if missing:
        raise ConfigError(f"scene.ground lacks {min(missing)}")
    check_ground(table)
