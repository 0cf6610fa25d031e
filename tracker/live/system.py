"""Everything live in one object: cameras, the thread that looks, outlets, and what to see of it.

In come a detector, settings and outlets; it runs until it is stopped or all its files are through.
`LiveSystem` is what a page, a measure or a test holds on to: `cameras` by name with their `view`,
`health()`, `explain()`.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from tracker.config import TrackerConfig
from tracker.errors import InputError
from tracker.ledger import Entry
from tracker.live.camera import LiveCamera, Result
from tracker.live.clocks import Timeline
from tracker.live.connections import connect
from tracker.live.events import Event
from tracker.live.health import health_of, outlet_of
from tracker.live.heap import give_large_blocks_back
from tracker.live.looker import Looker
from tracker.live.outlets.base import Outlet
from tracker.live.reader import Opener
from tracker.live.settings import LiveSettings
from tracker.roles import FrameDetector
from tracker.tracker import Tracker

__all__ = ["LiveSystem", "ResultSink"]

# How often connections are looked after, s.
_TEND_EVERY_S = 0.05
# How long the looking thread waits for a frame before it lets time pass, s.
_PATIENCE_S = 0.1
# How long is waited for the looking thread at the end: a detector may be at work, s.
_LAST_LOOK_S = 30.0
# The looking thread is stuck when it gives no sign for this long, s.
_STUCK_S = 120.0


class ResultSink(Protocol):
    """What wants every result and not events only, such as a recording."""

    def put(self, item: Result) -> None:
        """Take a result; must not wait."""


class LiveSystem:
    """Cameras that are looked at until somebody says stop.

    Args:
        detector: Shared by all cameras.
        settings: With at least one camera.
        config: Settings of the trackers, one for each camera.
        outlets: Where events go; started and closed here.
        results: Who wants every result; those that are outlets are started and closed too.
        timeline: What time it is.
        batch_size: Frames the detector gets at once; None takes what the detector says.
        opener: How to connect to a camera.
        run: Name of the run, part of the ids of events; None makes one.
        rng: Of the jitter of reconnecting.

    Attributes:
        cameras: By name.
        config: Settings of the trackers.
        outlets: As given, those of `results` too.
        timeline: As given.
        run_name: Name of the run.

    Raises:
        InputError: No camera.
        ConfigError: A calibration that does not fit.
    """

    def __init__(
        self,
        detector: FrameDetector,
        settings: LiveSettings,
        config: TrackerConfig | None = None,
        *,
        outlets: Sequence[Outlet[Event]] = (),
        results: Sequence[ResultSink] = (),
        timeline: Timeline | None = None,
        batch_size: int | None = None,
        opener: Opener = connect,
        run: str | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Put the parts together; nothing happens before `run`."""
        if not settings.cameras:
            raise InputError("no camera: name a source, or a file with [cameras.NAME] tables")
        config = config or TrackerConfig()
        self.timeline = timeline or Timeline()
        self.run_name = run or secrets.token_hex(4)
        self.settings, self.config, self.detector = settings, config, detector
        self._event_outlets, self._results = list(outlets), list(results)
        also = [sink for sink in results if isinstance(sink, Outlet)]
        self.outlets: list[Outlet[Any]] = [*outlets, *also]
        bell = threading.Condition()
        self.cameras = {
            name: LiveCamera(
                name,
                camera,
                Tracker(
                    replace(config, calibration=camera.calibration)
                    if camera.calibration
                    else config
                ),
                detector.class_names,
                timeline=self.timeline,
                bell=bell,
                events=settings.events,
                tell=self._tell,
                run=self.run_name,
                opener=opener,
                rng=rng,
            )
            for name, camera in settings.cameras.items()
        }
        self.looker = Looker(
            detector,
            list(self.cameras.values()),
            timeline=self.timeline,
            bell=bell,
            batch_size=batch_size or int(getattr(detector, "batch_size", 1)),
            budget_s=settings.latency_budget_s,
            tick_s=settings.tick_s,
        )
        self._bell = bell
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._looked_s = self.timeline.clock.monotonic()

    def run(
        self,
        stop: threading.Event,
        *,
        for_s: float | None = None,
        on_status: Callable[[], None] | None = None,
        status_every_s: float = 0.5,
    ) -> None:
        """Look until `stop` is set, the time is up, or all cameras have ended.

        Args:
            stop: Set it from anywhere.
            for_s: End after so many seconds.
            on_status: Called from the caller's thread, now and then.
            status_every_s: How often.

        Raises:
            Exception: What the looking thread failed with; cameras and outlets are closed.
        """
        give_large_blocks_back()
        clock = self.timeline.clock
        end = None if for_s is None else clock.monotonic() + for_s
        status_at = clock.monotonic()
        for outlet in self.outlets:
            outlet.start()
        looking = threading.Thread(target=self._look, name="look", daemon=True)
        looking.start()
        try:
            while not stop.is_set() and self._failure is None and not self._all_ended():
                self.tend()
                now = clock.monotonic()
                if on_status is not None and now >= status_at:
                    status_at = now + status_every_s
                    on_status()
                if end is not None and now >= end:
                    break
                clock.wait(stop, _TEND_EVERY_S)
        finally:
            self._stopping.set()
            for camera in self.cameras.values():
                camera.stop()
            looking.join(_LAST_LOOK_S)
            for outlet in self.outlets:
                outlet.close()
            if on_status is not None:
                on_status()
        if self._failure is not None:
            raise self._failure

    def tend(self) -> None:
        """Look after all connections; never waits."""
        for camera in self.cameras.values():
            camera.tend()

    def health(self) -> dict[str, Any]:
        """How everything is, as plain values without secrets."""
        now = self.timeline.now()
        cameras = [health_of(camera, now) for camera in self.cameras.values()]
        busy = self.looker.busy_s
        return {
            "run": self.run_name,
            "time": self.timeline.wall_iso(now),
            "alive": self._alive(),
            "well": self._alive() and all(c["well"] for c in cameras),
            "detector": {
                "name": str(getattr(self.detector, "name", type(self.detector).__name__)),
                "ms_per_frame": round(1000 * busy, 2),
                "calls": self.looker.batches,
                "failures": self.looker.failures,
            },
            "cameras": cameras,
            "outlets": [outlet_of(outlet) for outlet in self.outlets],
        }

    def explain(self, camera: str, track_id: int) -> list[Entry]:
        """Why a track is believed or not, from any thread.

        Raises:
            InputError: No such camera, or no such track in what is remembered.
        """
        if camera not in self.cameras:
            raise InputError(
                f"no camera is called {camera!r}; there are: {', '.join(self.cameras)}"
            )
        return self.cameras[camera].explain(track_id)

    def why_nothing(self) -> str:
        """Why nothing came of a run whose sources all ended without a picture, "" if one did."""
        cameras = self.cameras.values()
        if any(c.counts.received for c in cameras):
            return ""
        return "; ".join(f"{c.name} ({c.reader.shown}): {c.reader.why}" for c in cameras)

    def _alive(self) -> bool:
        """Whether looking goes on; a detector that takes this long will not come back."""
        waited = self.timeline.clock.monotonic() - self._looked_s
        return self._failure is None and waited < _STUCK_S

    def _tell(self, result: Result) -> None:
        for event in result.events:
            for outlet in self._event_outlets:
                outlet.put(event)
        for sink in self._results:
            sink.put(result)

    def _all_ended(self) -> bool:
        ended = all(c.reader.state == "ended" for c in self.cameras.values())
        return ended and self.looker.idle

    def _look(self) -> None:
        try:
            while not self._stopping.is_set():
                self.looker.step(_PATIENCE_S)
                self._looked_s = self.timeline.clock.monotonic()
        except BaseException as error:
            self._failure = error
