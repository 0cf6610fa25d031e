"""Smoothing of a whole recording: every frame as it is seen when all frames are known.

```
records ──▶ both ends of every track ──▶ tracks that are one object joined
   │                                              │
   └──▶ forward, from the first frame to the last ◀┘      tracker.smoothing.forward
                    │ states at every 256th frame
                    ▼
        backward, from the last frame to the first        tracker.smoothing.backward
                    │ 86 bytes a track and frame
                    ▼
        a `Tracks` for each frame, made when it is asked for
```

The states of all frames would take much memory, so that the forward pass keeps every 256th only
and runs once more over each stretch when the backward pass comes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.calibration import Afterwards, Calibration
from tracker.config import TrackerConfig
from tracker.existence import sigmoid
from tracker.motion import VEL, ConstantVelocity
from tracker.smoothing import evidence
from tracker.smoothing.backward import Known, stepped_back
from tracker.smoothing.evidence import Looks
from tracker.smoothing.forward import Filtered, Found, advanced
from tracker.smoothing.recording import Recorder, Records
from tracker.smoothing.result import Packed, Smoothed, packed
from tracker.smoothing.stitching import joined
from tracker.warp import inverse

__all__ = ["look_seconds", "smooth"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Frames between two states that are kept.
_BLOCK = 256
# What the look at the first frame stands for: nothing says when the one before it would have been.
_FIRST_LOOK_S = 1 / 30


def smooth(
    recorded: Recorder | Records,
    config: TrackerConfig | None = None,
    *,
    calibration: Calibration | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Smoothed:
    """All frames of a recording, each given what came before and after it.

    Args:
        recorded: The updates of one tracker.
        config: Its settings; those of `smoothing` and `motion` are used, and the thresholds.
        calibration: Its calibration: how existence and score are told afterwards.
        on_progress: Called now and then with the frames done and those to do; an error that it
            raises ends the work.

    Returns:
        A sequence with the `Tracks` of each frame. Tracks that were joined have the id of the
        first part.

    Raises:
        InputError: The settings are of another fuser than `"evidence"`.

    Example:
        A flicker is not believed even in its own frame, an object is from its first:

        >>> from tracker import Detections, Tracker
        >>> tracker, recorder = Tracker(), Recorder()
        >>> for k in range(60):
        ...     boxes = [[10 + k, 20, 50 + k, 120]] + ([[300, 20, 340, 120]] if k == 30 else [])
        ...     detections = Detections(boxes, [0.7] * len(boxes))
        ...     recorder.add(detections, tracker.update(detections, timestamp_s=k / 30))
        >>> frames = smooth(recorder)
        >>> frames[0].existence.round(1).tolist(), frames[30].existence.round(1).tolist()
        ([1.0], [1.0, 0.1])
    """
    config = config or TrackerConfig()
    evidence.check_fuser(config)
    calibration = calibration or Calibration()
    afterwards, agreement = calibration.afterwards, calibration.agreement(config.score)
    records = recorded.records() if isinstance(recorded, Recorder) else recorded
    work = _Progress(4 * len(records), on_progress)
    look_s = look_seconds(records.now_s, records.looked, config.existence.longest_look_s)
    looks = Looks(records.now_s, look_s, config.smoothing)
    raw = np.searchsorted(records.track_id, records.hits["track_id"])
    part_of = np.arange(len(records.track_id))
    if config.smoothing.stitch_gap_s > 0.0:
        ahead = _Pass(records, raw, looks, config, agreement, reverse=False)
        back = _Pass(records, raw, looks, config, agreement, reverse=True)
        end, begin = ahead.final_states(work), back.final_states(work)
        begin[:, VEL] *= -1.0  # seen backwards in time
        part_of = joined(
            ahead.first, ahead.last, begin, end, records.now_s, records.warps, config.smoothing
        )
    # Thresholds are on what is told; inside, they are where that is told.
    inside = afterwards.inside(config)
    run = _Pass(records, part_of[raw], looks, inside, agreement, reverse=False)
    blocks = run.blocks(work, afterwards)
    first_s = records.now_s[np.minimum(run.begin, len(records) - 1)]
    told = replace(config.score, consistent=agreement is not None)
    config = replace(config, score=told)
    return Smoothed(records, blocks, _BLOCK, run.names(part_of), first_s, config)


def look_seconds(now_s: FloatArray, looked: NDArray[np.bool_], longest_s: float) -> FloatArray:
    """(F,) seconds that the look at each frame stands for: those since the last one, up to a limit.

    Example:
        >>> look_seconds(np.array([0.0, 0.1, 9.0, 9.1]), np.array([1, 1, 1, 0], bool), 0.2)[1:]
        array([0.1, 0.2, 0. ])
    """
    step = np.diff(now_s, prepend=now_s[:1] - _FIRST_LOOK_S)
    out: FloatArray = np.where(looked, np.minimum(step, longest_s), 0.0)
    return out


@dataclass(slots=True)
class _Progress:
    """Frames done, told now and then."""

    total: int
    tell: Callable[[int, int], None] | None
    done: int = 0

    def step(self) -> None:
        self.done += 1
        if self.tell is not None and (self.done % 64 == 0 or self.done == self.total):
            self.tell(self.done, self.total)


class _Pass:
    """The frames of a recording in one direction of time, with tracks numbered as they come up."""

    def __init__(
        self,
        records: Records,
        track: IntArray,
        looks: Looks,
        config: TrackerConfig,
        agreement: float | None,
        *,
        reverse: bool,
    ) -> None:
        self.records, self.looks, self.agreement = records, looks, agreement
        self.settings, self.config = config, config.smoothing
        self.model = ConstantVelocity(config.motion)
        self.reverse = reverse
        count = len(records.track_id)
        frame = records.hits["frame"].astype(np.int64)
        # Frame of the first and last hit of each track of the recording; those without one (the
        # later parts of joined tracks) never come up.
        self.first = np.full(count, len(records))
        self.last = np.full(count, -1)
        np.minimum.at(self.first, track, frame)
        np.maximum.at(self.last, track, frame)
        begin = -self.last if reverse else self.first
        self.order = np.lexsort((np.arange(count), begin))
        number = np.empty(count, np.int64)
        number[self.order] = np.arange(count)
        self.begin = self.first[self.order]
        self.end = self.last[self.order]
        self.track = number[track]
        self.rows = np.lexsort((self.track, frame))
        self.last_s = records.now_s[np.maximum(self.first if reverse else self.last, 0)][self.order]
        self.until_s = self.last_s.copy()

    def names(self, part_of: IntArray) -> tuple[IntArray, NDArray[np.float32]]:
        """Ids and class posteriors by number of the track."""
        records = self.records
        hits = np.bincount(
            np.searchsorted(records.track_id, records.hits["track_id"]),
            minlength=len(records.track_id),
        ).astype(np.float32)
        total = np.zeros_like(records.class_probabilities)
        np.add.at(total, part_of, records.class_probabilities * hits[:, None])
        weight = np.maximum(np.bincount(part_of, hits, len(hits)), 1.0).astype(np.float32)
        return records.track_id[self.order], (total / weight[:, None])[self.order]

    def found(self, k: int) -> Found:
        """The detections of frame `k`."""
        at = self.rows[self.records.bounds[k] : self.records.bounds[k + 1]]
        return Found.of(self.records.hits[at], self.track[at], self.config, self.agreement)

    def step(self, before: Filtered, k: int) -> Filtered:
        """The tracks of frame `k`, from those of the frame before it in this direction."""
        now, warps = self.records.now_s, self.records.warps
        from_k = k + 1 if self.reverse else k - 1
        inside = 0 <= from_k < len(now)
        warp = warps.get(max(k, from_k)) if inside else None
        if warp is not None and self.reverse:
            warp = inverse(warp)
        until = self.until_s[before.rows["track"]]
        past = self.looks.before(k, np.array([now[k] - self.config.margin_s]))
        return advanced(
            self._settled(before),
            self.found(k),
            keep=until <= now[k] if self.reverse else until >= now[k],
            model=self.model,
            config=self.config,
            now_s=float(now[k]),
            dt_s=abs(float(now[k] - now[from_k])) if inside else 0.0,
            look_s=float(self.looks.look_s[k]),
            past_s=float(past[0]),
            warp=warp,
        )

    def _settled(self, before: Filtered) -> Filtered:
        """What is over keeps its size: one that goes on to shrink or grow unseen is no help."""
        over = (before.rows["last_s"] == self.last_s[before.rows["track"]]).nonzero()[0]
        if not len(over):
            return before
        state = before.state.copy()
        state[over, VEL, 2:] = 0.0
        return Filtered(before.rows, state)

    def final_states(self, work: _Progress) -> FloatArray:
        """(T, 6, 4) states of all tracks where they end in this direction."""
        out = np.zeros((len(self.first), 6, 4))
        tracks = Filtered.nothing()
        frames = range(len(self.records))
        ends = self.begin if self.reverse else self.end
        for k in reversed(frames) if self.reverse else frames:
            tracks = self.step(tracks, k)
            here = (ends[tracks.rows["track"]] == k).nonzero()[0]
            out[self.order[tracks.rows["track"][here]]] = tracks.state[here]
            work.step()
        return out

    def blocks(self, work: _Progress, afterwards: Afterwards) -> list[Packed]:
        """All frames given everything, in blocks of `_BLOCK`."""
        frames = len(self.records)
        tracks, kept = Filtered.nothing(), []
        for k in range(frames):
            if k % _BLOCK == 0:
                kept.append(tracks)
            tracks = self.step(tracks, k)
            self._reach_out(tracks, k)
            work.step()
        out = []
        known = Known.nothing()
        for number in reversed(range(len(kept))):
            stretch = range(number * _BLOCK, min((number + 1) * _BLOCK, frames))
            filtered = list(self._again(kept.pop(), stretch))
            done = []
            for k in reversed(stretch):
                known = self._back(filtered.pop(), known, k)
                done.append(known)
                work.step()
            out.append(packed(done[::-1], afterwards))
        return out[::-1]

    def _again(self, tracks: Filtered, stretch: range) -> Iterator[Filtered]:
        for k in stretch:
            tracks = self.step(tracks, k)
            yield tracks

    def _reach_out(self, tracks: Filtered, k: int) -> None:
        """Decide how long the tracks that are seen for the last time go on."""
        last = (self.end[tracks.rows["track"]] == k).nonzero()[0]
        if not len(last):
            return
        rows, now_s = tracks.rows[last], float(self.records.now_s[k])
        ahead = self.looks.after(k, np.full(len(last), now_s + self.config.margin_s))
        level = evidence.level(rows["support"], rows["looked_s"] + ahead, self.config)
        reach = self.config.reach_s * sigmoid(evidence.existence(level, self.config))
        self.until_s[rows["track"]] = now_s + reach

    def _back(self, filtered: Filtered, known: Known, k: int) -> Known:
        now, after = self.records.now_s, k + 1 < len(self.records)
        return stepped_back(
            filtered,
            known,
            k,
            self.looks,
            model=self.model,
            config=self.settings,
            dt_s=float(now[k + 1] - now[k]) if after else 0.0,
            warp=self.records.warps.get(k + 1) if after else None,
            final=True,
        )
