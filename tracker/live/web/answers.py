"""What the page is told: cameras, tracks with their belief over time, why, and what would be.

In comes a running system; out go plain values and JPEGs, without secrets. Each is worked out once
for all who ask within a moment, so that many browsers cost what one does.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from tracker.errors import InputError
from tracker.ledger import Entry
from tracker.live.events import evidence_of
from tracker.live.view import Moment, crop_of, jpeg_of
from tracker.tracks import Tracks, TrackState

if TYPE_CHECKING:
    from tracker.live.camera import LiveCamera
    from tracker.live.system import LiveSystem

__all__ = ["Answers", "Shared", "bars"]

_PICTURE_PX, _CROP_PX = 960, 256
# Each is worked out again at most this often, s.
_STATE_S, _PICTURE_S, _TRACK_S, _WHAT_IF_S = 0.25, 0.1, 0.5, 2.0
_HOUR_S = 3600.0
_MOST_OBJECTS = 40
_BARS, _BARS_OF_ONE = 48, 160
_LEAST_SPAN_S = 5.0
_MOST_LINES = 200
_STRONGER = {"hit": 3, "miss": 2, "wait": 1}


class Shared:
    """Values that are worked out at most so often, whoever asks, and one at a time.

    Args:
        now: A clock that runs forward, s.
        most: How many are kept.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic, most: int = 64) -> None:
        """Begin with nothing."""
        self._now, self._most = now, most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, key: Hashable, every_s: float, make: Callable[[], Any]) -> Any:
        """What `make` gave, now or less than `every_s` ago."""
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is None or self._now() >= kept[0] + every_s:
                value = make()
                kept = self._now(), value
            self._kept[key] = kept
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return kept[1]


class Answers:
    """All that can be asked.

    Args:
        system: What runs.
        log_out: Whether there is something to log out of.
    """

    def __init__(self, system: LiveSystem, *, log_out: bool = False) -> None:
        """Nothing is worked out before somebody asks."""
        self._system, self._log_out = system, log_out
        self._cameras = list(system.cameras.values())
        self._shared = Shared()
        self._of_pictures = [Shared() for _ in self._cameras]
        self._tags = [(0, b"") for _ in self._cameras]

    def state(self) -> bytes:
        """How everything is, as JSON."""
        answer: bytes = self._shared.get("state", _STATE_S, lambda: _json(self._state()))
        return answer

    def what_if(self) -> bytes:
        """The tracks of the last hour with the highest existence their state went by, as JSON."""
        answer: bytes = self._shared.get("what if", _WHAT_IF_S, lambda: _json(self._what_if()))
        return answer

    def track(self, number: int, track_id: int) -> bytes | None:
        """One track with its evidence, as JSON; None if it is not remembered."""

        def make() -> bytes | None:
            found = self._track(self._cameras[number], track_id)
            return None if found is None else _json(found)

        if not 0 <= number < len(self._cameras):
            return None
        answer: bytes | None = self._shared.get((number, track_id), _TRACK_S, make)
        return answer

    def picture(self, number: int) -> tuple[str, bytes, float | None] | None:
        """The newest picture with its tracks drawn in.

        Returns:
            A tag that changes with it, the JPEG, and its age in s: None where the frames of a file
            wait for the detector. None before the first picture.
        """
        if not 0 <= number < len(self._cameras):
            return None

        def make() -> tuple[str, bytes, float] | None:
            picture = self._cameras[number].view.annotated(most_px=_PICTURE_PX, quality=75)
            count, before = self._tags[number]
            if picture is None:
                return None
            if picture.jpeg is not before:
                count += 1
                self._tags[number] = count, picture.jpeg
            return f'"{self._system.run_name}-{count}"', picture.jpeg, picture.captured_s

        found = self._of_pictures[number].get("", _PICTURE_S, make)
        if found is None:
            return None
        tag, jpeg, captured_s = found
        if self._cameras[number].settings.policy != "newest":
            return tag, jpeg, None
        return tag, jpeg, max(0.0, self._system.timeline.now() - captured_s)

    def crop(self, number: int, track_id: int, *, now: bool = False) -> bytes | None:
        """A track's best picture, or how it looks now; None without one."""
        if not 0 <= number < len(self._cameras):
            return None
        view = self._cameras[number].view
        if not now:
            life = view.life(track_id)
            return None if life is None else life.crop or None
        camera = self._cameras[number]
        found: bytes | None = self._shared.get(
            (number, track_id, "now"), _TRACK_S, lambda: _crop_now(camera, track_id)
        )
        return found

    def _state(self) -> dict[str, Any]:
        system = self._system
        health, existence = system.health(), system.config.existence
        told = ("run", "time", "alive", "well", "detector")
        return {key: health[key] for key in told} | {
            "log_out": self._log_out,
            "confirm_at": existence.confirm_at,
            "release_at": existence.release_at,
            "cameras": [
                {"number": number} | of | self._objects(camera)
                for number, (camera, of) in enumerate(
                    zip(self._cameras, health["cameras"], strict=True)
                )
            ],
            "outlets": health["outlets"],
        }

    def _objects(self, camera: LiveCamera) -> dict[str, Any]:
        """The living tracks of a camera, those that are believed most."""
        tracks = camera.view.tracks
        rows = sorted(range(len(tracks)), key=lambda row: -float(tracks.existence[row]))
        lives = {life.track_id: life for life in camera.view.lives(since_s=tracks.timestamp_s)}
        objects = []
        for row in sorted(rows[:_MOST_OBJECTS], key=lambda row: int(tracks.track_id[row])):
            track_id, class_id = int(tracks.track_id[row]), int(tracks.class_id[row])
            one = tracks[row : row + 1]
            life = lives.get(track_id)
            objects.append(
                {
                    "id": track_id,
                    "class": _class_name(camera, class_id),
                    "existence": round(float(tracks.existence[row]), 3),
                    "score": round(float(tracks.score[row]), 3),
                    "state": _state_name(one),
                    "hits": int(tracks.hits[row]),
                    "misses": int(tracks.misses[row]),
                    "age_s": round(float(tracks.age_s[row]), 1),
                    "gap_s": round(float(tracks.gap_s[row]), 1),
                    "bars": bars([] if life is None else life.moments, tracks.timestamp_s, _BARS),
                }
            )
        return {"objects": objects, "more": len(tracks) - len(objects)}

    def _what_if(self) -> dict[str, Any]:
        since = self._system.timeline.now() - _HOUR_S
        tracks = []
        for number, camera in enumerate(self._cameras):
            for life in camera.view.lives(since_s=since):
                tracks.append(
                    {
                        "camera": number,
                        "id": life.track_id,
                        "class": _class_name(camera, life.class_id),
                        "peak": round(life.peak, 4),
                        "crop": bool(life.crop),
                    }
                )
        return {"confirm_at": self._system.config.existence.confirm_at, "tracks": tracks}

    def _track(self, camera: LiveCamera, track_id: int) -> dict[str, Any] | None:
        life = camera.view.life(track_id)
        tracks = camera.view.tracks
        now = tracks[tracks.track_id == track_id]
        try:
            entries = camera.explain(track_id)
        except InputError:  # it is older than what the ledger keeps
            entries = []
        if life is None and not entries:
            return None
        wall = self._system.timeline.wall_iso
        found: dict[str, Any] = {
            "id": track_id,
            "camera": camera.name,
            "alive": bool(len(now)),
            "ledger": [_line(entry) for entry in entries[: -_MOST_LINES - 1 : -1]],
            "evidence": evidence_of(entries),
        }
        if life is not None:
            end = tracks.timestamp_s if len(now) else life.last_s
            found |= {
                "class": _class_name(camera, life.class_id),
                "peak": round(life.peak, 4),
                "first": wall(life.first_s),
                "last": wall(life.last_s),
                "crop": bool(life.crop),
                "bars": bars(life.moments, end, _BARS_OF_ONE),
            }
        if len(now):
            found |= {
                "state": _state_name(now),
                "existence": round(float(now.existence[0]), 4),
                "score": round(float(now.score[0]), 4),
                "classes": {
                    _class_name(camera, i): round(p, 3)
                    for i, p in enumerate(now.class_probabilities[0].tolist())
                    if p >= 0.02
                },
            }
        return found


def bars(moments: Sequence[Moment], now_s: float, most: int) -> dict[str, Any]:
    """A track over time, in at most so many bars.

    Args:
        moments: Its updates, oldest first.
        now_s: Where the last bar ends.
        most: Bars of a track that is old enough for all of them.

    Returns:
        `existence` and what of it was `earned`: percent, one a bar, where nothing is remembered
        that of the bar before; `looks`: one letter a bar, `h` with a hit, `m` without one but with
        a miss, `w` where nobody looked, `.` where nothing is remembered; `seconds`: that all cover.

    Example:
        >>> two = [Moment(0.0, 0.2, 0.1, "hit"), Moment(9.0, 0.5, 0.5, "miss")]
        >>> shown = bars(two, 10.0, 4)
        >>> shown["existence"], shown["earned"], shown["looks"], shown["seconds"]
        ([20, 20, 20, 50], [10, 10, 10, 50], 'h..m', 10.0)
    """
    if not moments:
        return {"existence": [], "earned": [], "looks": "", "seconds": 0.0}
    begin = moments[0].timestamp_s
    covered = max(now_s, moments[-1].timestamp_s) - begin
    width = max(covered, _LEAST_SPAN_S) / most
    count = min(most, int(covered / width) + 1)
    existence, earned, looks = [-1] * count, [-1] * count, [""] * count
    for moment in moments:
        place = min(count - 1, int((moment.timestamp_s - begin) / width))
        existence[place] = round(100 * moment.existence)
        earned[place] = round(100 * moment.earned)
        if _STRONGER[moment.look] > _STRONGER.get(looks[place], 0):
            looks[place] = moment.look
    for place in range(1, count):
        if existence[place] < 0:
            existence[place], earned[place] = existence[place - 1], earned[place - 1]
    letters = "".join(look[:1] or "." for look in looks)
    return {
        "existence": existence,
        "earned": earned,
        "looks": letters,
        "seconds": round(covered, 1),
    }


def _line(entry: Entry) -> dict[str, Any]:
    """A line of the ledger as plain values."""
    sure = math.isfinite(entry.confidence)
    return {
        "t": round(entry.timestamp_s, 2),
        "event": entry.event.name.lower(),
        "confidence": round(entry.confidence, 3) if sure else None,
        "weight": round(entry.weight, 3),
        "existence": round(entry.existence, 4),
    }


def _crop_now(camera: LiveCamera, track_id: int) -> bytes | None:
    newest = camera.view.newest()
    if newest is None:
        return None
    frame, tracks = newest
    one = tracks[tracks.track_id == track_id]
    crop = crop_of(frame.image, one.xyxy[0], _CROP_PX, 0.15) if len(one) else None
    return None if crop is None else jpeg_of(crop)


def _state_name(one: Tracks) -> str:
    return TrackState(int(one.state[0])).name.lower()


def _class_name(camera: LiveCamera, class_id: int) -> str:
    names = camera.view.class_names
    return names[class_id] if class_id < len(names) else f"class {class_id}"


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("utf-8")
