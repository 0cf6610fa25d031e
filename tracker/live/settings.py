"""What can be set about live cameras, as dataclasses and as TOML.

In comes a settings file: tables of the tracker as in configs/default.toml and, beside them,
`[live]` for all cameras, a `[cameras.NAME]` for each, `[events]` and `[outlets]`. Out go
`LiveSettings` and the `TrackerConfig`. What the file does not say about the tracker is as in the
packaged settings `camera`. A key that does not exist is an error with the nearest one that does.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tracker import presets
from tracker.checked import POSITIVE, Checked, from_table, setting
from tracker.config import TrackerConfig
from tracker.errors import ConfigError, InputError
from tracker.video.redact import is_url

__all__ = [
    "CameraSettings",
    "EventSettings",
    "LiveSettings",
    "OutletSettings",
    "expanded",
    "named_sources",
    "read_settings",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class CameraSettings(Checked):
    """One camera; in `[live]` the same keys are the defaults of all.

    Attributes:
        source: Address, device, file or folder, as for `conftrack run`. `${NAME}` stands for a
            variable of the environment, where passwords belong.
        transport: How RTSP sends its pictures: `"tcp"` loses none, `"udp"` does not wait for lost
            ones.
        policy: `"newest"`: a frame that is overtaken by a newer one is dropped, so that results
            are never late. `"every"`: none is dropped, the source waits; only for what can wait.
            `"auto"`: every frame of a file that is not played in real time, else the newest.
        realtime: Play files at their own pace, as if they were cameras.
        timeout_s: A camera that sends nothing for this long hangs, and is connected again, s.
        retry_first_s: Wait before the first new try, s; it doubles from try to try.
        retry_most_s: The longest wait, s.
        retries: Give a camera up after so many tries without a picture; 0: never.
        frozen_s: A picture that stays the same byte for byte for longer is frozen, s: longer than
            from one key frame to the next.
        frozen_reconnect_s: A camera frozen for longer is connected again, s; 0: never.
        max_fps: Look at so many frames a second at most; 0: as many as the detector can.
        calibration: Of the score of this camera's detections, see `TrackerConfig`; "" takes that
            of the tracker's settings.
    """

    source: str = ""
    transport: Literal["tcp", "udp"] = "tcp"
    policy: Literal["auto", "newest", "every"] = "auto"
    realtime: bool = False
    timeout_s: float = setting(10.0, POSITIVE)
    retry_first_s: float = setting(0.5, POSITIVE)
    retry_most_s: float = setting(30.0, POSITIVE)
    retries: int = setting(0, 0)
    frozen_s: float = setting(12.0, POSITIVE)
    frozen_reconnect_s: float = setting(60.0, 0.0)
    max_fps: float = setting(0.0, 0.0)
    calibration: str = ""

    def __post_init__(self) -> None:
        """Check ranges and what contradicts itself."""
        super().__post_init__()
        if self.retry_first_s > self.retry_most_s:
            raise ConfigError(
                f"retry_first_s must not be above retry_most_s, got {self.retry_first_s} >"
                f" {self.retry_most_s}"
            )


@dataclass(frozen=True)
class EventSettings(Checked):
    """When something is worth an event; all times are of looking, not of waiting for a picture.

    Attributes:
        confirm_for_s: A track is told of when it has been confirmed for this long, s.
        lost_for_s: One that was told of is lost when it has been unseen or doubted for so long, s.
        class_for_s: Its class has changed when another has been the likelier for so long, s,
        class_least: and is at least this probable.
        snapshot_px: Longer side of the picture in an event; 0: no picture.
        snapshot_margin: What it shows around the box, in sizes of the box.
    """

    confirm_for_s: float = setting(0.2, 0.0)
    lost_for_s: float = setting(2.0, 0.0)
    class_for_s: float = setting(1.0, 0.0)
    class_least: float = setting(0.6, 0.0, 1.0)
    snapshot_px: int = setting(256, 0, 4096)
    snapshot_margin: float = setting(0.15, 0.0, 5.0)


@dataclass(frozen=True)
class OutletSettings(Checked):
    """Where events go, and what happens when that fails.

    Attributes:
        queue: Events that wait for an outlet at most; when there are more the oldest are dropped,
            and counted.
        retry_first_s: Wait after the first failure, s; it doubles from failure to failure.
        retry_most_s: The longest wait, s.
        timeout_s: Limit for one delivery over a network, s.
        drain_s: How long an outlet may take to deliver the rest when the program ends, s.
        file_mb: An events file is put aside as `.1` when it is this large, MB.
        files: So many of those put aside are kept.
        webhook: Address that every event is POSTed to, as JSON; "" for none.
        mqtt: Broker to publish at, such as `mqtt://user:password@host:1883/topic`; "" for none.
        record: Write a video of what is before and after each event.
        record_before_s: How long before, s.
        record_after_s: How long after, s.
        record_most_s: No video is longer, s.
        record_keep_mb: When the videos are larger in all, the oldest are removed, MB.
    """

    queue: int = setting(1000, 1)
    retry_first_s: float = setting(0.5, POSITIVE)
    retry_most_s: float = setting(30.0, POSITIVE)
    timeout_s: float = setting(5.0, POSITIVE)
    drain_s: float = setting(3.0, 0.0)
    file_mb: float = setting(64.0, POSITIVE)
    files: int = setting(8, 1)
    webhook: str = ""
    mqtt: str = ""
    record: bool = False
    record_before_s: float = setting(4.0, 0.0, 60.0)
    record_after_s: float = setting(4.0, 0.0, 600.0)
    record_most_s: float = setting(60.0, 1.0)
    record_keep_mb: float = setting(2000.0, POSITIVE)


@dataclass(frozen=True)
class LiveSettings(Checked):
    """All cameras and what they share.

    Attributes:
        cameras: By name.
        common: What cameras have that are not in the file.
        latency_budget_s: A frame may wait this long, from its arrival to its result, for frames of
            other cameras that the detector then looks at together with it, s.
        tick_s: Without a frame to look at, time passes for the tracks of a camera in such steps, s.
        events: When something is told.
        outlets: Where it goes.
    """

    cameras: Mapping[str, CameraSettings] = field(default_factory=dict)
    common: CameraSettings = field(default_factory=CameraSettings)
    latency_budget_s: float = setting(0.1, 0.0)
    tick_s: float = setting(0.5, POSITIVE)
    events: EventSettings = field(default_factory=EventSettings)
    outlets: OutletSettings = field(default_factory=OutletSettings)


_OF_ALL = ("latency_budget_s", "tick_s")


def read_settings(config: str | Path | None = None) -> tuple[LiveSettings, TrackerConfig]:
    """Read a settings file.

    Args:
        config: Name of packaged settings or path of a file; None takes the packaged `camera`.

    Returns:
        The live settings, with the cameras the file has, and those of the tracker.

    Raises:
        ConfigError: Not TOML, an unknown key, a value outside its range, a variable that is not
            set.
        OSError: The file cannot be read.
    """
    if config is None or str(config) in presets.NAMES:
        return LiveSettings(), presets.load(config or "camera")
    path = Path(config)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        ours = {key: table.pop(key, {}) for key in ("live", "cameras", "events", "outlets")}
        for key, value in ours.items():
            if not isinstance(value, Mapping):
                raise ConfigError(f'"{key}" must be a table, got {value!r}')
        theirs = _merged(tomllib.loads(presets.text("camera")), table)
        tracker = TrackerConfig.from_dict(theirs)
        settings = _from_tables(ours["live"], ours["cameras"], ours["events"], ours["outlets"])
    except (InputError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    cameras = {
        name: replace(camera, calibration=_beside(path, camera.calibration))
        for name, camera in settings.cameras.items()
    }
    settings = replace(settings, cameras=cameras)
    return settings, replace(tracker, calibration=_beside(path, tracker.calibration))


def _beside(path: Path, calibration: str) -> str:
    """A calibration as seen from its settings; names of packaged ones have no suffix."""
    return str(path.parent / calibration) if Path(calibration).suffix else calibration


def _from_tables(
    live: Mapping[str, Any],
    cameras: Mapping[str, Any],
    events: Mapping[str, Any],
    outlets: Mapping[str, Any],
) -> LiveSettings:
    of_all = {key: live[key] for key in _OF_ALL if key in live}
    common = {key: value for key, value in live.items() if key not in _OF_ALL}
    if "source" in common:
        raise ConfigError('"live.source" belongs into a [cameras.NAME]')
    of_others = from_table(CameraSettings, common, "live.")
    each = {}
    for name, own in cameras.items():
        if isinstance(own, str):
            own = {"source": own}
        if not isinstance(own, Mapping):
            raise ConfigError(f'"cameras.{name}" must be a source or a table')
        where = f"cameras.{name}."
        camera = from_table(CameraSettings, {**common, **own}, where)
        if not camera.source:
            raise ConfigError(f'"{where}source" is missing: the address, device or file')
        each[checked_name(name)] = replace(camera, source=expanded(camera.source))
    outlet = from_table(OutletSettings, outlets, "outlets.")
    return LiveSettings(
        cameras=each,
        common=of_others,
        events=from_table(EventSettings, events, "events."),
        outlets=replace(outlet, webhook=expanded(outlet.webhook), mqtt=expanded(outlet.mqtt)),
        **of_all,
    )


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `over` put over it, table by table."""
    merged = dict(base)
    for key, value in over.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, Mapping)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]
    return merged


def expanded(text: str) -> str:
    """The text with `${NAME}` replaced by variables of the environment.

    Raises:
        ConfigError: There is no such variable.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ConfigError(f"the environment has no variable {found[1]}")
        return os.environ[found[1]]

    return _VARIABLE.sub(value, text)


def checked_name(name: str) -> str:
    """A name of a camera that can stand in files, topics and measures.

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"a camera's name must be letters, digits, '_', '-' or '.', at most 64, got {name!r}"
        )
    return name


def named_sources(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    """The sources of a command line by name: `name=source`, or a name made for it.

    Raises:
        InputError: A name that cannot be one, or twice the same.

    Example:
        >>> named_sources(["front=rtsp://10.0.0.5/1?a=b", "street.mp4", "0", "rtsp://u:p@h/x?a=b"])
        {'front': 'rtsp://10.0.0.5/1?a=b', 'street': 'street.mp4', 'camera-0': '0', 'h-x': \
'rtsp://u:p@h/x?a=b'}
    """
    sources: dict[str, str] = {}
    for word in words:
        name, equals, source = word.partition("=")
        # An address or a path that has a "=" somewhere has no name in front of it.
        if not equals or is_url(word) or "/" in name or Path(word).exists():
            name, source = _name_for(word, sources), word
        if not source:
            raise InputError(f"{name}= has no source: give {name}=rtsp://… or the like")
        if checked_name(name) in sources:
            raise InputError(f"two cameras are called {name!r}: names must differ")
        sources[name] = source
    return sources


def _name_for(source: str, taken: Mapping[str, str]) -> str:
    """A short name that is not taken; nothing secret is in it."""
    from tracker.video.redact import redact

    shown = redact(source).replace("***@", "")
    if is_url(shown):
        shown = shown.split("://", 1)[1].split("?", 1)[0]
    else:
        shown = f"camera-{source}" if source.isdecimal() else Path(source).stem
    base = re.sub(r"[^A-Za-z0-9_.]+", "-", shown).strip("-._")[:40] or "camera"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name
