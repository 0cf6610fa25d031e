"""Scenes and recordings that the tests of smoothing share."""

from collections.abc import Callable, Iterable

import pytest

from tracker import Detections, Tracker, TrackerConfig, Tracks
from tracker.smoothing import Recorder

Scene = Iterable[tuple[float, Detections | None]]
Recorded = tuple[Recorder, list[Tracks]]


@pytest.fixture(name="record")
def _record() -> Callable[..., Recorded]:
    """Track a scene: its recorder, and the tracks as they were told at once."""

    def record(scene: Scene, config: TrackerConfig | None = None) -> Recorded:
        tracker, recorder, online = Tracker(config), Recorder(), []
        for time, detections in scene:
            tracks = tracker.update(detections, timestamp_s=time)
            recorder.add(detections, tracks)
            online.append(tracks)
        return recorder, online

    return record


@pytest.fixture(name="walk")
def _walk() -> Callable[..., Scene]:
    """One walker to the right, 40 px/s, seen in the given frames with a confidence."""

    def walk(
        frames: int = 60,
        *,
        confidence: float = 0.7,
        seen: Callable[[int], bool] = lambda k: True,
        looked: Callable[[int], bool] = lambda k: True,
        flicker: tuple[int, ...] = (),
        fps: float = 30.0,
    ) -> Scene:
        for k in range(frames):
            x = 10 + 40 * k / fps
            rows = [[x, 20, x + 40, 120]] if seen(k) else []
            values = [confidence] * len(rows)
            if k in flicker:
                rows, values = [*rows, [400, 20, 440, 120]], [*values, 0.7]
            yield k / fps, Detections(rows, values) if looked(k) else None

    return walk
