"""How existence and score are told where they are seen afterwards (`tracker.smoothing`).

In come log-odds that a smoother found from what the tracker told; out go log-odds to be told. The
maps of what is told at once are in what goes in already; what a smoother makes of it is of another
kind, and has maps of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.calibration.log_odds_map import LogOddsMap
from tracker.config import TrackerConfig

__all__ = ["Afterwards"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Afterwards:
    """Maps of what is told with the future known; without arguments they change nothing.

    Attributes:
        existence: How existence is told, where `score` does not raise it (`ScoreConfig`).
        score_seen: How the score of a box that was seen is told.
        score_unseen: How that of the others is told.
    """

    existence: LogOddsMap = field(default_factory=LogOddsMap)
    score_seen: LogOddsMap = field(default_factory=LogOddsMap)
    score_unseen: LogOddsMap = field(default_factory=LogOddsMap)

    @property
    def is_identity(self) -> bool:
        """Whether they change nothing."""
        maps = (self.existence, self.score_seen, self.score_unseen)
        return all(one.is_identity for one in maps)

    def told(
        self, existence: FloatArray, score: FloatArray, seen: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """(N,) existence and score to be told, in log-odds.

        Example:
            >>> timid = Afterwards(score_seen=LogOddsMap(offset=-1.0))
            >>> z, seen = np.zeros(2), np.array([True, False])
            >>> [column.tolist() for column in timid.told(z, z, seen)]
            [[0.0, 0.0], [-1.0, 0.0]]
        """
        if self.is_identity:
            return existence, score
        told = np.where(seen, self.score_seen(score), self.score_unseen(score))
        return self.existence(existence), told

    def inside(self, config: TrackerConfig) -> TrackerConfig:
        """Settings with thresholds of belief on what goes in; the user's are on what is told.

        A map that never tells as much as `confirm_at` believes what has the largest existence
        there is, as `Calibration.inside` does.
        """
        if self.existence.is_identity:
            return config
        e = config.existence
        confirm, release = (
            min(self.existence.before(p), e.ceiling) for p in (e.confirm_at, e.release_at)
        )
        return replace(config, existence=replace(e, confirm_at=confirm, release_at=release))

    def to_table(self) -> dict[str, Any]:
        """The maps that change something, as nested tables of plain values."""
        return {
            name: {"offset": told.offset, "low": told.low, "high": told.high}
            for name in ("existence", "score_seen", "score_unseen")
            if not (told := getattr(self, name)).is_identity
        }
