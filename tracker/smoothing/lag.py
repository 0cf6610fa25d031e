"""Smoothing of a stream: every frame as it is seen some time later.

In come the updates of a tracker as they happen; out go their frames, each given all that was seen
until `lag_s` after it. Memory holds the frames of the lag and no more, however long the stream.
It is the forward and the backward pass of a whole recording, the second over the lag only, at
every frame; tracks are not joined, since what was given out cannot be renamed, and they live and
end as they do in the tracker.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.boxes import cxcywh_to_xyxy
from tracker.calibration import Calibration
from tracker.config import TrackerConfig
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.existence import log_odds_of
from tracker.motion import POS, ConstantVelocity
from tracker.smoothing.backward import Known, stepped_back
from tracker.smoothing.evidence import Looks, check_fuser
from tracker.smoothing.forward import Filtered, Found, advanced
from tracker.smoothing.recording import hits_of
from tracker.smoothing.result import described
from tracker.smoothing.whole import look_seconds
from tracker.tracks import Tracks
from tracker.warp import homography

__all__ = ["LagSmoother"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NS = 1_000_000_000
# Room for rounding when a frame is as old as the lag, at most half of the lag.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A frame that is not given out yet."""

    online: Tracks
    filtered: Filtered
    dt_s: float
    warp: FloatArray | None


class LagSmoother:
    """Gives out the frames of a stream smoothed, `lag_s` seconds late.

    Args:
        config: Settings of the tracker; those of `smoothing` and `motion` are used, and the
            thresholds.
        lag_s: How much of the future a frame waits for, s.
        calibration: Of the tracker: how existence and score are told afterwards.

    Raises:
        InputError: `lag_s` is not above 0, or the settings are of another fuser than `"evidence"`.

    Example:
        >>> from tracker import Detections, Tracker
        >>> tracker, smoother = Tracker(), LagSmoother(lag_s=0.5)
        >>> given = []
        >>> for k in range(30):
        ...     detections = Detections([[10 + k, 20, 50 + k, 120]], [0.7])
        ...     tracks = tracker.update(detections, timestamp_s=k / 10)
        ...     given += smoother.add(detections, tracks)
        >>> len(given), len(smoother.flush())
        (25, 5)
    """

    def __init__(
        self,
        config: TrackerConfig | None = None,
        *,
        lag_s: float = 0.5,
        calibration: Calibration | None = None,
    ) -> None:
        """Start without frames."""
        if not 0.0 < lag_s < float("inf"):
            raise InputError(f"lag_s must be above 0, got {lag_s}")
        self.config, self.lag_s = config or TrackerConfig(), lag_s
        check_fuser(self.config)
        self._old_s = lag_s - min(_ROUNDING_S, 0.5 * lag_s)
        calibration = calibration or Calibration()
        self._afterwards = calibration.afterwards
        self._agreement = calibration.agreement(self.config.score)
        self._told = replace(self.config.score, consistent=self._agreement is not None)
        # Thresholds are on what is told; inside, they are where that is told.
        self._inside = self._afterwards.inside(self.config)
        self._model = ConstantVelocity(self.config.motion)
        self._last_ns: int | None = None
        self._waiting: deque[_Waiting] = deque()
        self._restart()

    def __len__(self) -> int:
        """Number of frames that wait."""
        return len(self._waiting)

    def add(
        self, detections: Detections | None, tracks: Tracks, *, warp: ArrayLike | None = None
    ) -> list[Tracks]:
        """Take in an update, and give out the frames that are old enough.

        Args:
            detections: What `Tracker.update` was given.
            tracks: What it returned. A time that is not after the last one begins anew; the
                frames before it are given out.
            warp: The warp that it was given.

        Returns:
            Frames in order; mostly one.

        Raises:
            InputError: The tracks are not those of these detections, or a warp is none.
        """
        rows = hits_of(detections, tracks, 0)
        move = None if warp is None else homography(warp)
        out = []
        step_s = 0.0
        if self._last_ns is not None:
            step_s = (tracks.timestamp_ns - self._last_ns) / _NS
            if step_s <= 0.0:
                out = self.flush()
        before = self._waiting[-1].filtered if self._waiting else self._gone
        if self._last_ns is None:
            step_s, move = 0.0, None
        now_s = self._now[-1] + step_s if len(self._now) else 0.0
        self._note(now_s, detections is not None)
        k = len(self._now) - 1
        config = self.config.smoothing
        filtered = advanced(
            before,
            Found.of(rows, rows["track_id"], config, self._agreement),
            keep=np.isin(before.rows["track"], tracks.track_id, assume_unique=True),
            model=self._model,
            config=config,
            now_s=now_s,
            dt_s=step_s,
            look_s=float(self._look[k]),
            past_s=float(self._looks().before(k, np.array([now_s - config.margin_s]))[0]),
            warp=move,
        )
        self._waiting.append(_Waiting(tracks, filtered, step_s, move))
        self._last_ns = tracks.timestamp_ns
        while now_s - self._now[-len(self._waiting)] >= self._old_s:
            out.append(self._release())
        return out

    def flush(self) -> list[Tracks]:
        """Give out all frames that wait, and begin anew."""
        out = [self._release(final=True) for _ in range(len(self._waiting))]
        self._restart()
        return out

    def _restart(self) -> None:
        """Forget all frames."""
        self._waiting.clear()
        self._gone = Filtered.nothing()  # the newest frame that was given out
        self._now = self._look = np.zeros(0)
        self._believed: IntArray = np.zeros(0, np.int64)
        self._last_ns = None

    def _note(self, now_s: float, looked: bool) -> None:
        """Keep the time of a frame, and forget those that no look around a frame reaches."""
        oldest = self._now[-len(self._waiting)] if self._waiting else now_s
        kept = self._now >= oldest - self.config.smoothing.margin_s - _ROUNDING_S
        now = np.append(self._now[kept], now_s)
        look = look_seconds(
            now[-2:], np.array([looked, looked])[-len(now) :], self.config.existence.longest_look_s
        )
        self._now, self._look = now, np.append(self._look[kept], look[-1])

    def _looks(self) -> Looks:
        return Looks(self._now, self._look, self.config.smoothing)

    def _release(self, *, final: bool = False) -> Tracks:
        """The oldest frame that waits, given all that is known by now, or ever will be."""
        known, looks = Known.nothing(), self._looks()
        first = len(self._now) - len(self._waiting)
        dt_s, warp = 0.0, None
        for i in reversed(range(len(self._waiting))):
            frame = self._waiting[i]
            known = stepped_back(
                frame.filtered, known, first + i, looks,
                model=self._model, config=self._inside, dt_s=dt_s, warp=warp, final=final,
            )  # fmt: skip
            dt_s, warp = frame.dt_s, frame.warp
        rows, state = known.rows, known.state
        release = log_odds_of(self._inside.existence.release_at)
        rows["believed"] |= np.isin(rows["track"], self._believed) & (rows["existence"] >= release)
        self._believed = rows["track"][rows["believed"]]
        rows["existence"], rows["score"] = self._afterwards.told(
            rows["existence"], rows["score"], rows["detection"] >= 0
        )
        online = self._waiting[0].online
        tracks = described(
            timestamp_s=online.timestamp_s,
            timestamp_ns=online.timestamp_ns,
            track_id=rows["track"],
            xyxy=cxcywh_to_xyxy(state[:, POS]),
            velocity=self._model.velocity(state).copy(),
            covariance=self._model.covariance(state),
            class_probabilities=self._classes(rows["track"]),
            age_s=np.maximum(self._now[first] - rows["first_s"], 0.0),
            rows=rows,
            config=self._told,
        )
        self._gone = self._waiting.popleft().filtered
        return tracks

    def _classes(self, track: IntArray) -> FloatArray:
        """(N, C) class posterior of tracks, the newest there is."""
        width = max(frame.online.class_probabilities.shape[1] for frame in self._waiting)
        out, open_ = np.zeros((len(track), width)), np.ones(len(track), np.bool_)
        for frame in reversed(self._waiting):
            online = frame.online
            at = np.searchsorted(online.track_id, track)
            there = open_ & (at < len(online))
            there[there] = online.track_id[at[there]] == track[there]
            posterior = online.class_probabilities
            out[there, : posterior.shape[1]] = posterior[at[there]]
            open_ &= ~there
            if not open_.any():
                break
        return out
