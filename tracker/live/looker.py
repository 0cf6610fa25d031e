"""The one thread that looks: frames of all cameras through one detector, each to its own tracker.

In come the slots of the cameras; out go updates of their trackers. Who was looked at longest ago is
looked at next. So no camera can crowd out another, one that sends few frames has all of them looked
at, and when the detector cannot manage all, each of the others has every Nth looked at, the newest
there is at that moment: evenly in time, and never late by more than one round. Where the detector
likes batches, a frame waits for those of other cameras for as long as the latency budget allows and
only for cameras whose next frame is due; one that hangs is not waited for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from tracker.detections import Detections
from tracker.errors import InputError, told
from tracker.frames import Frame
from tracker.live.camera import LiveCamera
from tracker.live.clocks import Timeline
from tracker.live.shots import Shot
from tracker.roles import FrameDetector

__all__ = ["Looker"]

_log = logging.getLogger("conftrack")
# How fast the measure of work follows: of each new value.
_FOLLOW = 0.1
# A detector that fails so many times in a row will not recover by itself.
_MOST_FAILURES = 20


class Looker:
    """Looks at frames of several cameras with one detector.

    Args:
        detector: Shared by all cameras.
        cameras: Theirs are the slots.
        timeline: What time it is.
        bell: Rung when a frame waits.
        batch_size: Frames the detector gets at once.
        budget_s: How long a frame may take from arrival to result when it waits for others, s.
        tick_s: See `LiveSettings`.

    Attributes:
        busy_s: Seconds of work a frame, lately; 0 before the first.
        batches: Calls of the detector.
        failures: Calls of the detector that failed.
    """

    def __init__(
        self,
        detector: FrameDetector,
        cameras: Sequence[LiveCamera],
        *,
        timeline: Timeline,
        bell: threading.Condition,
        batch_size: int = 1,
        budget_s: float = 0.1,
        tick_s: float = 0.5,
    ) -> None:
        """Prepare; nothing happens before `step`."""
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        self._detector, self._cameras = detector, list(cameras)
        self._timeline, self._bell = timeline, bell
        self._batch_size, self._budget_s, self._tick_s = batch_size, budget_s, tick_s
        self._turn = dict.fromkeys((c.name for c in cameras), 0)
        self._turns = 0
        self._failed_in_a_row = 0
        self.busy_s = 0.0
        self.batches = self.failures = 0

    @property
    def idle(self) -> bool:
        """Whether no frame waits."""
        return not self._waiting()

    def step(self, patience_s: float = 0.0) -> int:
        """Look at the frames that wait, if any, and let time pass for the other cameras.

        Args:
            patience_s: How long to wait for a first frame.

        Returns:
            How many frames were taken.

        Raises:
            Exception: What the detector raised, when it failed too often in a row.
        """
        with self._bell:
            if not self._waiting() and patience_s > 0:
                self._bell.wait(patience_s)
            self._gather()
        taken = [(c, shot) for c in self._next() if (shot := c.take()) is not None]
        if taken:
            self._look(taken)
        for camera in self._cameras:
            camera.pass_time(self._tick_s)
        return len(taken)

    def _waiting(self) -> list[LiveCamera]:
        return [c for c in self._cameras if c.slot.waiting_since() is not None]

    def _next(self) -> list[LiveCamera]:
        """Whose turn it is: who waits, longest not looked at first."""
        waiting = sorted(self._waiting(), key=lambda c: self._turn[c.name])
        chosen = waiting[: self._batch_size]
        for camera in chosen:
            self._turns += 1
            self._turn[camera.name] = self._turns
        return chosen

    def _gather(self) -> None:
        """Wait for frames that are due soon, so that the detector gets them together."""
        while True:
            waiting = self._waiting()
            if not waiting or len(waiting) >= min(self._batch_size, len(self._cameras)):
                return
            since = min(s for c in waiting if (s := c.slot.waiting_since()) is not None)
            latest = since + self._budget_s - self.busy_s * (len(waiting) + 1)
            left = latest - self._timeline.now()
            if left <= 0 or not any(self._due(c, latest) for c in self._cameras):
                return
            if not self._bell.wait(left):
                return

    def _due(self, camera: LiveCamera, latest_s: float) -> bool:
        """Whether a camera that has nothing waiting is likely to bring something by then."""
        arriving = camera.counts.arriving
        last = arriving.last_s
        if last is None or camera.state != "up" or camera.slot.waiting_since() is not None:
            return False
        now = self._timeline.now()
        rate = arriving.rate(now)
        period = 1.0 / rate if rate > 0 else float("inf")
        return last + period <= latest_s and now - last < 2 * period

    def _look(self, taken: list[tuple[LiveCamera, Shot]]) -> None:
        """Convert, detect, hand over."""
        began = self._timeline.clock.monotonic()
        work: list[tuple[LiveCamera, Shot, Frame]] = []
        for camera, shot in taken:
            if shot.verdict != "new":
                camera.not_worth_a_look(shot)
                continue
            image = shot.to_rgb()
            if image is None:
                camera.counts.unreadable += 1
                continue
            work.append((camera, shot, Frame(image, shot.captured_s, shot.index)))
        if not work:
            return
        answers = self._detect(work)
        for (camera, shot, frame), answer in zip(work, answers, strict=True):
            camera.looked(shot, frame, answer)
        each = (self._timeline.clock.monotonic() - began) / len(work)
        self.busy_s += (_FOLLOW if self.busy_s else 1.0) * (each - self.busy_s)

    def _detect(self, work: list[tuple[LiveCamera, Shot, Frame]]) -> Sequence[Detections | None]:
        """The detector's answers; where it fails, frame by frame, so that one spoils no other."""
        try:
            return self._answers([frame for _, _, frame in work])
        except Exception as error:
            self._failed(error, work if len(work) == 1 else [])
        if len(work) == 1:
            return [None]
        return [answer for one in work for answer in self._detect([one])]

    def _answers(self, frames: list[Frame]) -> Sequence[Detections | None]:
        self.batches += 1
        answers = self._detector.detect(frames)
        if len(answers) != len(frames):
            raise InputError(
                f"detect must answer for each of {len(frames)} frames, got {len(answers)}"
            )
        self._failed_in_a_row = 0
        return answers

    def _failed(self, error: Exception, lost: Sequence[tuple[LiveCamera, Shot, Frame]]) -> None:
        self.failures += 1
        self._failed_in_a_row += 1
        for camera, _, _ in lost:
            camera.counts.detector_errors += 1
        if self._failed_in_a_row >= _MOST_FAILURES:
            error.add_note(f"the detector failed {_MOST_FAILURES} times in a row")
            raise error
        _log.warning("the detector failed: %s", told(error))
