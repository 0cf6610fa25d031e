"""The threads and channels behind `pipeline.run`; see there for the picture and the rules.

In come the parts of one run; out goes its summary, or the first error with a note about where it
came from. It stands apart so that `pipeline` is only what a caller reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tracker.channels import Channel
from tracker.detections import Detections
from tracker.errors import InputError, told
from tracker.frames import Frame
from tracker.roles import (
    CameraFollower,
    FrameDetector,
    FrameTracker,
    Progress,
    Sink,
    WarpingTracker,
)
from tracker.summary import Distribution, RunSummary, Stopwatch, TrackCounter
from tracker.tracks import Tracks

__all__ = ["Engine"]

STAGES = ("decode", "detect", "track", "write")
# How often the caller's thread looks up: progress is reported at most this often.
_WATCH_S = 0.1
# A decoder that hangs in a dead stream is left behind after this; its time limit ends it.
_PATIENCE_S = 1.0


@dataclass(slots=True)
class _Work:
    """One frame on its way, with what the stages found."""

    frame: Frame
    decoded_at: float
    detections: Detections | None = None
    tracks: Tracks | None = None


class Engine:
    """The threads and channels of one run."""

    def __init__(
        self,
        source: Iterable[Frame],
        detector: FrameDetector,
        tracker: FrameTracker,
        sinks: Sequence[Sink],
        batch_size: int,
        queue_size: int,
        drop: bool,
        on_progress: Callable[[Progress], None] | None,
        stop_event: threading.Event | None,
        camera_motion: CameraFollower | None = None,
    ) -> None:
        """Lay out channels and counters; the arguments are those of `pipeline.run`."""
        self.source, self.detector, self.tracker = source, detector, tracker
        self.sinks = list(sinks)
        self.camera_motion = camera_motion
        self.batch_size = batch_size
        self.drop = drop
        self.on_progress = on_progress
        self.stop_event = stop_event
        self.stopping = threading.Event()
        # A live frame that waits gets old: room for one more than the next batch, as two frames
        # often come at once.
        waiting = batch_size + 1 if drop else max(queue_size, batch_size)
        self.decoded: Channel[_Work] = Channel(waiting, drop_oldest=drop)
        self.detected: Channel[_Work] = Channel(max(queue_size, batch_size))
        self.tracked: Channel[_Work] = Channel(queue_size)
        self.watches = {name: Stopwatch() for name in STAGES}
        self.errors: list[BaseException] = []
        self.finished = threading.Event()
        self.source_ended = False
        self.interrupted = False
        self.counter = TrackCounter()
        self.latency = Distribution()
        self.not_looked = 0
        self.first: Frame | None = None
        self.last: Frame | None = None
        self.first_done_at = self.last_done_at = 0.0
        self.began_at = 0.0

    def _asked_to_stop(self) -> bool:
        return self.stopping.is_set() or (self.stop_event is not None and self.stop_event.is_set())

    # -- the stages, each in its own thread --------------------------------------------------

    def _decode(self) -> None:
        watch = self.watches["decode"]
        frames = iter(self.source)
        while not self._asked_to_stop():
            watch.start(watch.at)
            frame = next(frames, None)
            if frame is None:
                self.source_ended = True
                return
            watch.stop()
            watch.at = frame
            if not self.decoded.put(_Work(frame, time.perf_counter())):
                return
        self.interrupted = True

    def _detect(self) -> None:
        watch = self.watches["detect"]
        while batch := self.decoded.take(self.batch_size, fill=not self.drop):
            if self._asked_to_stop():
                self.interrupted = True
                return
            watch.start(batch[0].frame)
            answers = self.detector.detect([work.frame for work in batch])
            watch.stop(len(batch))
            if len(answers) != len(batch):
                raise InputError(
                    f"detect must answer for each of {len(batch)} frames, got {len(answers)}"
                )
            for work, answer in zip(batch, answers, strict=True):
                work.detections = answer
                if not self.detected.put(work):
                    return

    def _track(self) -> None:
        watch = self.watches["track"]
        while batch := self.detected.take():
            (work,) = batch
            watch.start(work.frame)
            work.tracks = self._update(work)
            self.counter.update(work.tracks, work.detections)
            watch.stop()
            if not self.tracked.put(work):
                return

    def _update(self, work: _Work) -> Tracks:
        """One update of the tracker, told how the camera moved if somebody follows it."""
        at, size, motion = work.frame.timestamp_s, work.frame.size, self.camera_motion
        if motion is None:
            return self.tracker.update(work.detections, timestamp_s=at, image_size=size)
        tracker = cast(WarpingTracker, self.tracker)
        warp = motion.estimate(work.frame)
        tracks = tracker.update(work.detections, timestamp_s=at, image_size=size, warp=warp)
        motion.hide(tracks.xyxy)
        return tracks

    def _write(self) -> None:
        watch = self.watches["write"]
        while batch := self.tracked.take():
            (work,) = batch
            assert work.tracks is not None
            watch.start(work.frame)
            for sink in self.sinks:
                try:
                    sink.write(work.frame, work.detections, work.tracks)
                except BaseException as error:
                    error.add_note(f"while writing {_name(sink)}")
                    raise
            watch.stop()
            now = time.perf_counter()
            self.latency.add(now - work.decoded_at)
            self.not_looked += work.detections is None
            if self.first is None:
                self.first, self.first_done_at = work.frame, now
            self.last, self.last_done_at = work.frame, now

    # -- starting, watching, ending ----------------------------------------------------------

    def _stage(
        self,
        name: str,
        work: Callable[[], None],
        before: Channel[_Work] | None,
        after: Channel[_Work] | None,
    ) -> None:
        """Run one stage to its end and pass the end on in both directions."""
        try:
            work()
        except BaseException as error:
            at = self.watches[name].at
            place = f", frame {at.index} at {at.timestamp_s:.3f} s" if at is not None else ""
            place = place.replace(", ", ", after ", 1) if name == "decode" else place
            error.add_note(f"in the stage {name!r} of the pipeline{place}")
            self.errors.append(error)
        finally:
            if before is not None:
                before.cancel()
            if after is not None:
                after.close()

    def _write_and_close(self) -> None:
        """Run the last stage, then close every sink, also when it or another sink failed."""
        try:
            self._stage("write", self._write, self.tracked, None)
            for sink in self.sinks:
                try:
                    sink.close()
                except BaseException as error:
                    error.add_note(f"while closing {_name(sink)}")
                    self.errors.append(error)
        finally:
            self.finished.set()

    def go(self, on_end: Callable[[RunSummary], None] | None = None) -> RunSummary:
        """Start the stages, watch them, and sum up; `on_end` as in `pipeline.run`."""
        self.began_at = time.perf_counter()
        jobs: dict[str, Callable[[], Any]] = {
            "decode": lambda: self._stage("decode", self._decode, None, self.decoded),
            "detect": lambda: self._stage("detect", self._detect, self.decoded, self.detected),
            "track": lambda: self._stage("track", self._track, self.detected, self.tracked),
            "write": self._write_and_close,
        }
        threads = [
            threading.Thread(target=job, name=f"conftrack-{name}", daemon=True)
            for name, job in jobs.items()
        ]
        presses = 0
        started = False
        while not self.finished.is_set():
            try:
                if not started:
                    started = True
                    for thread in threads:
                        thread.start()
                self._watch()
            except KeyboardInterrupt:
                presses += 1
                self._stop()
                if presses == 2:
                    self.interrupted = True
                    self._abandon()
                if presses > 2:
                    raise
            except BaseException as error:
                # on_progress failed: that is the caller's own error, but the sinks come first.
                self.on_progress = None
                self.errors.append(error)
                self._stop()
                if threads[-1].ident is None:  # no thread to be had: nothing would ever finish
                    self._abandon()
                    raise
        threads[0].join(_PATIENCE_S)
        for thread in threads[1:]:
            thread.join()
        if self.errors:
            first, *more = self.errors
            for later in more:
                first.add_note(f"after it: {told(later)}")
            if on_end is not None:
                on_end(self._summary(f"error: {told(first)}"))
            raise first
        if self.on_progress is not None:
            self.on_progress(self._progress())
        summary = self._summary("interrupted" if self.interrupted else "complete")
        if on_end is not None:
            on_end(summary)
        return summary

    def _watch(self) -> None:
        """Wait for the end, report progress, pass a stop on."""
        reported = -1
        while not self.finished.wait(_WATCH_S):
            if self._asked_to_stop():
                self._stop()
            done = self.watches["write"].frames
            if self.on_progress is not None and done != reported:
                reported = done
                self.on_progress(self._progress())

    def _stop(self) -> None:
        """Take no more frames; the decoder may hang in a dead stream, so do not wait for it."""
        self.stopping.set()
        if not self.source_ended:
            self.interrupted = True
        self.decoded.close()

    def _abandon(self) -> None:
        """Drop what is on its way too; only the sinks are still closed."""
        for channel in (self.decoded, self.detected, self.tracked):
            channel.cancel()

    # -- numbers -----------------------------------------------------------------------------

    def _progress(self) -> Progress:
        now = time.perf_counter()
        frames = self.watches["write"].frames
        span = self.last_done_at - self.first_done_at
        fps = (frames - 1) / span if frames > 1 and span > 0 else 0.0
        count = getattr(self.source, "frame_count", None)
        left = None if count is None or fps == 0 else max(0, count - frames) / fps
        return Progress(
            frames=frames,
            frame_count=count,
            timestamp_s=0.0 if self.last is None else self.last.timestamp_s,
            wall_s=now - self.began_at,
            fps=fps,
            eta_s=left,
            confirmed=self.counter.confirmed_now,
            lost=self.counter.lost_now,
            tentative=self.counter.tentative_now,
            objects=self.counter.objects,
            frames_dropped=self.decoded.dropped,
        )

    def _summary(self, ended: str) -> RunSummary:
        wall = time.perf_counter() - self.began_at
        frames = self.watches["write"].frames
        start = 0.0 if self.first is None else self.first.timestamp_s
        end = 0.0 if self.last is None else self.last.timestamp_s
        if frames > 1:
            last_frame_s = (end - start) / (frames - 1)
        else:
            last_frame_s = frames / (getattr(self.source, "fps", None) or float("inf"))
        return RunSummary(
            source=str(getattr(self.source, "name", type(self.source).__name__)),
            frames=frames,
            frames_dropped=self.decoded.dropped,
            frames_not_looked=self.not_looked,
            start_s=start,
            end_s=end,
            duration_s=end - start + last_frame_s,
            wall_s=wall,
            fps=frames / wall if wall > 0 else 0.0,
            stages={n: w.time for n, w in self.watches.items()},
            latency_s=self.latency.spread(),
            **self.counter.results(self.detector.class_names),
            damage=list(getattr(self.source, "damage", ())),
            errors_skipped=int(getattr(self.source, "errors_skipped", 0)),
            interrupted=self.interrupted,
            ended=ended,
        )


def _name(sink: Sink) -> str:
    """What a sink is called in errors."""
    return str(getattr(sink, "name", None) or type(sink).__name__)
