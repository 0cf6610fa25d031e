"""The tracker: detections and times in, tracks with existence probabilities out.

`Tracker._advance` is the whole algorithm, top to bottom; only `Tracker` holds state, every step it
calls is a function on arrays.

```
detections, timestamp
   │ predict      motion, warp        where every track should be now, also if the camera moved
   │ associate    association         which detection continues which track
   │ give birth                       every detection left over starts a track
   │ judge        clutter, ground …   what speaks against a detection, and what a miss tells
   │ believe      belief              what hits and misses weigh
   │ correct      motion, classes     boxes and classes of the tracks that were seen
   │ bury         existence           tracks not found for longer than their belief allows
   ▼
tracks
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from tracker import association, belief, calibration, classes, existence
from tracker.births import born
from tracker.calibration import Calibration
from tracker.clock import Clock, Instant, instant
from tracker.clutter import ClutterMap
from tracker.config import MotionConfig, TrackerConfig
from tracker.detections import Detections
from tracker.doubles import against_doubles
from tracker.errors import ConfigError, InputError, TimeError
from tracker.fusers import Fused, fuse
from tracker.ground import GroundModel
from tracker.ledger import Entry, Ledger, Page
from tracker.motion import ConstantVelocity, MotionModel, correct_matched
from tracker.observation import Observation, observe
from tracker.output import describe
from tracker.replay_buffer import Given, Memory, ReplayBuffer
from tracker.snapshots import check
from tracker.state import ROW, State, copied, extended, from_columns, to_columns
from tracker.threads import Turn, one_thread
from tracker.tracks import Tracks
from tracker.visibility import Visibility, visibility
from tracker.warp import homography, move_tracks

__all__ = ["Tracker"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_SNAPSHOT_VERSION = 3
_NOTHING = Detections.empty()
_NO_TRACKS = np.zeros(0, ROW)
# With less of its predicted box in the picture, a track that was not found has left.
_LEAST_INSIDE = 0.1


class Tracker:
    """Links detections over time and says how much each track is to be believed.

    Ids come from the instance, increase and are never reused. The same input gives the same
    output, bit for bit, in whatever order the detections of a frame come. One tracker belongs to
    one thread at a time, and says so if two use it at once; two trackers share nothing.

    Args:
        config: All settings; the defaults are measured on pedestrians and cars.
        motion: Another motion model, for instance `tracker.filterpy_motion.FilterPyMotion`. Where
            it has noise levels (`motion.config`), they must be those of `config.motion`.
        calibration: What was fitted to the detector and the camera: a `Calibration`, its file, or
            the name of one that comes with the package. Its constants take the place of those of
            `config`. None takes the one that `config` names, if any.

    Raises:
        ConfigError: The motion model was made with other settings than those of `config`, or the
            calibration is none or does not fit them.
        OSError: The file of the calibration cannot be read.

    Example:
        >>> tracker = Tracker()
        >>> for k in range(30):
        ...     tracks = tracker.update(
        ...         Detections([[10 + k, 20, 50 + k, 120]], [0.5]), timestamp_s=k / 30
        ...     )
        >>> tracks.track_id.tolist(), bool(tracks.existence[0] > 0.5)
        ([1], True)
    """

    def __init__(
        self,
        config: TrackerConfig | None = None,
        *,
        motion: MotionModel | None = None,
        calibration: Calibration | str | Path | None = None,
    ) -> None:
        """Start without tracks."""
        self._turn = Turn()
        self.calibration = _calibration(config, calibration)
        self.config = self.calibration.applied(config or TrackerConfig())
        # Thresholds are on what is told; inside, they are where that is told.
        self._inside = self.calibration.inside(self.config)
        self._motion = motion or ConstantVelocity(self.config.motion)
        self._check_motion(self._motion)
        self._clutter = ClutterMap(self.config.clutter)
        self._ground = GroundModel(self.config.ground)
        self.calibration.scene.begin(self._clutter, self._ground)
        self._ledger = Ledger(self.config.ledger_updates)
        self._clock = Clock()
        self._next_id = 1
        self._replay = ReplayBuffer(late_s) if (late_s := self.config.max_delay_s) > 0 else None
        self._state = self._without_tracks()
        self._fused = Fused.nothing()

    @classmethod
    def from_toml(cls, path: str | Path) -> Tracker:
        """A tracker with the settings of a TOML file, see `TrackerConfig.from_toml`."""
        return cls(TrackerConfig.from_toml(path))

    # ---- the algorithm -------------------------------------------------------------------

    @one_thread
    def update(
        self,
        detections: Detections | None,
        *,
        timestamp_s: float | None = None,
        timestamp_ns: int | None = None,
        warp: ArrayLike | None = None,
        image_size: tuple[int, int] | None = None,
    ) -> Tracks:
        """Advance to the time of a frame and take in what the detector saw there.

        Args:
            detections: The detections of the frame; an empty one says "looked and saw nothing".
                None says "not looked" (a dropped or frozen frame): time passes, and no belief is
                lowered by a miss.
            timestamp_s: Time of the frame in seconds, on any clock that runs forward.
            timestamp_ns: The same in whole nanoseconds, as robots have it; one of the two.
            warp: How the camera moved: a (2, 3) affine matrix or (3, 3) homography that maps pixels
                of the frame of the last update to pixels of this one. None: it did not move.
                For a late measurement: from the frame before it in time.
            image_size: Width and height of the picture in px. With it, tracks end when they have
                left the picture, and a miss of what is half outside counts half.

        Returns:
            All living tracks, ordered by id. After a late measurement (`max_delay_s`) those at
            the latest time there was, with rows of the detections given for that.

        Raises:
            TimeError: Not one of the two times is given, it is not finite, or not after the last
                one, or late by more than `max_delay_s`, while `on_backward_time` is `"error"`.
            BusyError: Another thread is in a method of this tracker.
            InputError: `detections` are none, a class_id is beyond their class vectors or far
                beyond any detector's classes, or `warp` is no such matrix or the motion model
                knows no warps, or `image_size` is none.

        An error, also one of a motion model that was brought along, leaves the tracker unchanged.
        """
        if not isinstance(detections, Detections | None):
            raise InputError(f"detections must be Detections or None, got {type(detections)}")
        at = instant(timestamp_s, timestamp_ns)
        given = Given(detections, at, self._checked_warp(warp), _checked_size(image_size))
        return self._advance(given) if self._replay is None else self._replay.update(self, given)

    def _advance(self, given: Given) -> Tracks:
        """One update, from top to bottom."""
        detections, at, move = given.detections, given.at, given.move
        image_size = given.image_size
        if self._runs_back(at):
            return self._afresh(lambda: self._advance(given))
        frame = self._observed(_NOTHING if detections is None else detections)
        width = self._class_width(frame)
        dt = self._clock.step_to(at)
        # A frame stands for the time since the last one, if somebody looked at all.
        looked = detections is not None
        look_s = min(dt, self.config.existence.longest_look_s) if looked else 0.0
        clock = self._clock.advanced(at, min(dt, existence.LONGEST_SEARCH_S) if looked else None)

        tracks, ended = self._moved(clock, dt, width, move)
        match = association.associate(tracks, frame, self._motion, self.config.association)
        new = frame.unmatched(match)
        tracks = self._with_newborn(tracks, new, frame, width, clock)
        match = np.concatenate([match, new])
        old = len(match) - len(new)
        against = self._against(frame, dt, move)
        view = self._visibility(tracks, match[:old], frame, image_size)
        weight, standing = belief.believe(
            tracks.rows, match, old, frame, against, view,
            dt_s=dt, look_s=look_s, clock=clock,
            config=self._inside.existence, clutter=self.config.clutter,
        )  # fmt: skip
        self._correct(
            tracks, match[:old], frame, min(dt, existence.LONGEST_SEARCH_S) if looked else 0.0
        )
        rows, config = tracks.rows, self.config.existence
        living = existence.living(rows["log_odds"], rows["found_s"], clock.looked_s, config)
        if image_size is not None:
            living[:old] &= view.inside > _LEAST_INSIDE
        state = tracks.kept(living)
        described = self._describe(state, clock, frame, match[living], against)
        fused, shown = self._fuse(self._told(described), detections, dt)

        # Everything above worked on copies; from here on nothing can fail.
        self._state, self._clock, self._fused = state, clock, fused
        self._next_id += len(new)
        self._learn(frame, standing, match[living], described, dt, look_s, move, image_size)
        page = Page(at.s, looked, tracks.rows, match, weight, living, len(new), frame.confidence)
        self._ledger.write(*([Page.of_ended(at.s, ended)] if len(ended) else ()), page)
        return shown

    @one_thread
    def predict(
        self,
        *,
        timestamp_s: float | None = None,
        timestamp_ns: int | None = None,
        warp: ArrayLike | None = None,
    ) -> Tracks:
        """Where the tracks will be if nobody looks, and the camera moves by `warp`.

        Arguments as in `update`; nothing is changed.

        Raises:
            TimeError: Not one of the two times is given, it is not finite, or before the last
                update.
            InputError: `warp` is no such matrix, or the motion model knows no warps.
            BusyError: Another thread is in a method of this tracker.
        """
        at = instant(timestamp_s, timestamp_ns)
        dt = self._clock.step_to(at)
        if dt < 0:
            raise TimeError(
                f"cannot predict to {at.s} s: the last update was at {self._clock.timestamp_s} s"
            )
        then = self._clock.advanced(at, None)
        move = self._checked_warp(warp)
        state, _ = self._moved(then, dt, self._state.classes.shape[1], move)
        belief.wait(state.rows, dt, self.config.existence)
        unseen = np.full(len(state), -1, np.int64)
        described = self._describe(state, then, observe(_NOTHING), unseen, np.zeros(0))
        tracks = self._fuse(self._told(described), None, dt)[1]
        return tracks if self._replay is None else self._replay.named(tracks)

    @one_thread
    def explain(self, track_id: int) -> list[Entry]:
        """The evidence ledger of a track: each look, what it weighed and the existence after it.

        Covers the last `ledger_updates` updates, also of a track that has died in them.

        Raises:
            InputError: No track of this id was alive in those updates.
        """
        inside = track_id if self._replay is None else self._replay.known_as(track_id)
        entries = self._ledger.read(inside)
        if not entries:
            next_id = self._next_id if self._replay is None else self._replay.name_of(self._next_id)
            raise InputError(
                f"track {track_id} was not alive in the last {self.config.ledger_updates} updates"
                f" (ids given so far: 1 to {next_id - 1})"
            )
        told = self.calibration.existence
        if not told.is_identity:
            believed = told.of_probability(np.array([entry.existence for entry in entries]))
            entries = [
                replace(entry, existence=p)
                for entry, p in zip(entries, believed.tolist(), strict=True)
            ]
        return entries

    @one_thread
    def reset(self) -> None:
        """Drop all tracks, the ledger and the clock; ids go on; clutter map and ground stay."""
        self._drop_tracks()
        self._ledger = Ledger(self.config.ledger_updates)
        if self._replay is not None:
            self._replay.clear()

    def _check_motion(self, motion: MotionModel) -> None:
        """Two sets of noise levels in one tracker are a mistake that nobody would see."""
        theirs, ours = getattr(motion, "config", None), self.config.motion
        if isinstance(theirs, MotionConfig) and theirs != ours:
            name = next(f for f in asdict(ours) if getattr(theirs, f) != getattr(ours, f))
            raise ConfigError(
                f"the motion model was made with {name} = {getattr(theirs, name)}, but"
                f" config.motion has {getattr(ours, name)}: make it with that of the tracker"
            )

    # ---- the steps of an update ----------------------------------------------------------

    def _runs_back(self, at: Instant) -> bool:
        """Whether a time is not after the last update's; an error where that is one."""
        last = self._clock
        if last.timestamp_ns is None or last.step_to(at) > 0:
            return False
        if self.config.on_backward_time == "error":
            raise TimeError(
                f"timestamp_s must increase: got {at.s} s after {last.timestamp_s} s"
                f" ({at.ns} ns after {last.timestamp_ns} ns)."
                ' If the clock may restart, set on_backward_time = "reset"'
            )
        return True

    def _afresh(self, update: Callable[[], Tracks]) -> Tracks:
        """Run an update without the tracks and the clock from before; they are back if it fails.

        Ids go on, the clutter map stays, and so does the ledger: tracks from before can be
        explained for as long as it has them.
        """
        before = self._state, self._fused, self._clock
        self._drop_tracks()
        try:
            return update()
        except BaseException:
            self._state, self._fused, self._clock = before
            raise

    def _drop_tracks(self) -> None:
        """Without tracks, at no time."""
        self._state = self._without_tracks()
        self._fused = Fused.nothing()
        self._clock = Clock()

    def _class_width(self, frame: Observation) -> int:
        """Number of classes known once this frame is taken in."""
        given = frame.probabilities.shape[1]
        highest = int(np.maximum.reduce(frame.class_id, initial=0)) + 1
        if given and highest > given:
            raise InputError(
                f"class_id {highest - 1} has no column in class_probabilities of {given} classes"
            )
        return classes.checked_width(max(self._state.classes.shape[1], given, highest))

    def _checked_warp(self, warp: ArrayLike | None) -> FloatArray | None:
        """The move of the camera as a (3, 3) homography, None where it stood still."""
        if warp is None:
            return None
        if not hasattr(self._motion, "warp"):
            raise InputError(f"{type(self._motion).__name__} has no method warp: see MotionModel")
        return homography(warp)

    def _moved(
        self, then: Clock, dt: float, width: int, move: FloatArray | None
    ) -> tuple[State, NDArray[np.void]]:
        """A copy of the tracks where they should be `dt` seconds later, and rows that ended.

        A track ends here when it was not seen for too long, looked or not, or when the camera's
        move takes it out of the world.
        """
        state, ended = self._state, _NO_TRACKS
        earliest = then.now_s - self.config.existence.max_gap_s - existence.TIME_ROUNDING_S
        recent = state.rows["seen_s"] >= earliest
        if np.count_nonzero(recent) < len(state):
            state, ended = state.kept(recent), state.rows[~recent]
        moved = State(
            copied(state.rows),
            self._motion.predict(state.motion, dt),
            classes.widened(state.classes, width, self.config.classes),
        )
        if move is not None:
            moved, lost = move_tracks(moved, self._motion, move)
            if len(lost):
                ended = extended(ended, lost)
                ended = ended[np.argsort(ended["track_id"])]
        return moved, ended

    def _with_newborn(
        self, tracks: State, new: IntArray, frame: Observation, width: int, clock: Clock
    ) -> State:
        """The tracks, and one for each detection that is left over."""
        posterior = np.zeros((len(new), width))
        if width > 1:
            posterior = classes.normalised(self._class_evidence(frame, new, width))
        strong = self.config.association.strong_confidence
        return born(
            tracks, new, frame, posterior, self._motion,
            next_id=self._next_id, clock=clock, strong_confidence=strong,
        )  # fmt: skip

    def _against(self, frame: Observation, dt: float, move: FloatArray | None) -> FloatArray:
        """(M,) log-odds that speak against each detection: its place, its height, its double."""
        against = against_doubles(frame, self.config.doubles)
        if self.config.clutter.enabled:
            self._clutter.against(frame.xyxy, dt, move, against)
        if self.config.ground.enabled:
            self._ground.against(frame.xyxy, frame.class_id, against)
        return against

    def _learn(
        self,
        frame: Observation,
        standing: BoolArray,
        detection: IntArray,
        tracks: Tracks,
        dt: float,
        look_s: float,
        move: FloatArray | None,
        image_size: tuple[int, int] | None,
    ) -> None:
        """Let what is known of the scene age, and add what this frame shows of it."""
        self._clutter.fade(dt)
        if move is not None:
            self._clutter.warp(move)
            self._ground.warp(move)
        if np.count_nonzero(standing):
            self._clutter.add(frame.xyxy[standing], look_s)
        if self.config.ground.enabled:
            seen = (detection >= 0).nonzero()[0]
            d = detection[seen]
            self._ground.learn(
                frame.xyxy[d], frame.class_id[d], tracks.score[seen],
                look_s=look_s, dt_s=dt, image_size=image_size,
            )  # fmt: skip

    def _visibility(
        self,
        tracks: State,
        match: IntArray,
        frame: Observation,
        image_size: tuple[int, int] | None,
    ) -> Visibility:
        """How the tracks that were there before could have been seen."""
        config = self.config.existence
        return visibility(tracks, match, frame, self._motion, config, image_size)

    def _correct(self, tracks: State, match: IntArray, frame: Observation, look_s: float) -> None:
        """Move the tracks that were seen again to their measurements, and fuse their classes."""
        correct_matched(self._motion, tracks.motion, match, frame.cxcywh, frame.confidence)
        width = tracks.classes.shape[1]
        if width > 1:
            hit = (match >= 0).nonzero()[0]
            d = match[hit]
            evidence = self._class_evidence(frame, d, width)
            tracks.classes[hit] = classes.fuse(
                tracks.classes[hit], evidence, look_s, self.config.classes
            )

    def _class_evidence(self, frame: Observation, d: IntArray, width: int) -> FloatArray:
        """(K, C) log-likelihood of each class for some detections."""
        return classes.evidence(
            frame.class_id[d],
            frame.confidence[d],
            frame.probabilities[d],
            width,
            self.config.classes,
        )

    def _describe(
        self,
        state: State,
        clock: Clock,
        frame: Observation,
        detection: IntArray,
        against: FloatArray,
    ) -> Tracks:
        """The public columns of all tracks."""
        return describe(
            state,
            self._motion,
            self._inside.score,
            clock=clock,
            frame=frame,
            detection=detection,
            against=against,
        )

    def _observed(self, detections: Detections) -> Observation:
        """The detections of a frame, with what their confidences are worth."""
        score_model = self.calibration.confidence
        if score_model.is_identity:
            return observe(detections)
        return observe(detections, score_model.evidence)

    def _told(self, tracks: Tracks) -> Tracks:
        """Tracks with existence and score as the calibration tells them."""
        told = self.calibration
        if told.tells_as_is or not len(tracks):
            return tracks
        seen, coasted = told.score_seen, told.score_coasted
        score = coasted.of_probability(tracks.score)
        score[tracks.seen] = seen.of_probability(tracks.score[tracks.seen])
        earned = told.existence.of_probability(tracks.earned)
        believed = earned.copy()
        agreement = told.agreement(self.config.score)
        over = (score > earned).nonzero()[0] if agreement is not None else ()
        if len(over):
            assert agreement is not None
            odds = special.logit(earned[over]), special.logit(score[over])
            # A fit knows what an unseen box is worth, too.
            met = existence.agreed(*odds, told.consistent | tracks.seen[over], agreement)[0]
            believed[over] = score[over] = np.maximum(existence.sigmoid(met), earned[over])
        return replace(tracks, existence=believed, score=score, earned=earned)

    def _fuse(
        self, tracks: Tracks, detections: Detections | None, dt: float
    ) -> tuple[Fused, Tracks]:
        """What another fuser than the evidence makes of the tracks, and what it remembers."""
        config = self.config
        return fuse(
            config.fuser, self._fused, tracks, detections, dt,
            config.existence, config.score.lost_below,
        )  # fmt: skip

    # ---- carrying on elsewhere -----------------------------------------------------------

    @one_thread
    def snapshot(self) -> dict[str, Any]:
        """Everything this tracker knows, as plain arrays and JSON-able values.

        `Tracker.restore` continues from it bit for bit.
        """
        if self._replay is None:
            return self._dump() | {"late": None}
        base, late = self._replay.dump(self)
        return base | {"late": late}

    def _dump(self) -> dict[str, Any]:
        """The snapshot without the updates that may run again."""
        return {
            "version": _SNAPSHOT_VERSION,
            "config": self.config.to_dict(),
            "calibration": self.calibration.to_dict(),
            "clock": asdict(self._clock),
            "next_id": self._next_id,
            "rows": to_columns(self._state.rows),
            "motion": self._motion.dump(self._state.motion),
            "class_count": self._state.classes.shape[1],
            "classes": self._state.classes.copy(),
            "fused": self._fused.dump(),
            "clutter": self._clutter.dump(),
            "ground": self._ground.dump(),
            "ledger": self._ledger.dump(),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], *, motion: MotionModel | None = None) -> Tracker:
        """A tracker that continues where `snapshot` was taken.

        Args:
            state: What `snapshot` gave; lists in place of arrays are fine (after JSON).
            motion: The motion model, if the tracker had another than the default.

        Raises:
            InputError: The snapshot is of another version, lacks a field, or holds what no tracker
                would have written; the message names the field.
        """
        version = state.get("version") if isinstance(state, Mapping) else type(state)
        if version != _SNAPSHOT_VERSION:
            raise InputError(f"snapshot version must be {_SNAPSHOT_VERSION}, got {version!r}")
        try:
            check(state, default_motion=motion is None)
            tracker = cls(
                TrackerConfig.from_dict(state["config"]),
                motion=motion,
                calibration=Calibration.from_dict(state["calibration"]),
            )
            rows = from_columns(state["rows"])
            width = int(state["class_count"])
            tracks = State(
                rows,
                tracker._motion.load(np.asarray(state["motion"], np.float64)),
                np.array(state["classes"], np.float64).reshape(len(rows), width),
            )
            if len(tracks.motion) != len(rows):
                raise InputError(f"the snapshot has {len(tracks.motion)} motions of {len(rows)}")
            tracker._state = tracks.kept(np.ones(len(rows), np.bool_))
            tracker._fused = Fused.load(state["fused"])
            tracker._clutter.load(state["clutter"])
            tracker._ground.load(state["ground"])
            tracker._ledger.load(state["ledger"])
            tracker._clock = Clock(**state["clock"])
            tracker._next_id = int(state["next_id"])
            if tracker._replay is not None:
                tracker._replay.load(tracker, state["late"])
        except InputError:
            raise
        except KeyError as error:
            raise InputError(f"the snapshot lacks the field {error}") from error
        except (IndexError, TypeError, ValueError) as error:
            raise InputError(f"the snapshot is damaged: {type(error).__name__}: {error}") from error
        return tracker

    def _remember(self) -> Memory:
        """What `_rewind` goes back to."""
        return Memory(
            self._state, self._clock, self._fused, self._next_id,
            self._clutter.mark(), self._ground.learned, self._ledger.written,
        )  # fmt: skip

    def _rewind(self, memory: Memory) -> None:
        """Go back to what was remembered, exactly; later memories are void."""
        self._state, self._clock, self._fused = memory.state, memory.clock, memory.fused
        self._next_id = memory.next_id
        self._clutter.rewind(memory.clutter)
        self._ground.learned = memory.ground
        self._ledger.rewind(memory.updates)

    def _without_tracks(self) -> State:
        return State(
            np.zeros(0, ROW), self._motion.birth(np.zeros((0, 4)), np.zeros(0)), np.zeros((0, 1))
        )


def _calibration(
    config: TrackerConfig | None, given: Calibration | str | Path | None
) -> Calibration:
    """The calibration that was given, or that the settings name."""
    named = config.calibration if config is not None else ""
    if given is None:
        return calibration.load(named) if named else Calibration()
    return given if isinstance(given, Calibration) else calibration.load(given)


def _checked_size(image_size: tuple[int, int] | None) -> tuple[int, int] | None:
    """The size of a picture in px, two positive numbers."""
    if image_size is None:
        return None
    try:
        width, height = (int(side) for side in image_size)
    except (TypeError, ValueError) as error:
        raise InputError(f"image_size must be (width, height), got {image_size!r}") from error
    if width <= 0 or height <= 0:
        raise InputError(f"image_size must be (width, height) above 0, got {image_size!r}")
    return width, height
