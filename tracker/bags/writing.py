"""Tracks into an MCAP file of ROS 2 that explains itself: every type carries its definition.

In: the frames of a bag with their results, from the pipeline's writing thread; also whole messages
of the input, to be copied. Out: a file that has its name once it is complete. Each message has the
log time of the image it belongs to, so that players show both together.

| topic under the prefix | type | when |
|---|---|---|
| `detections` | `vision_msgs/msg/Detection2DArray` | every frame |
| `tracks` | `conftrack_msgs/msg/TrackArray` | every frame |
| `annotations` | `foxglove_msgs/msg/ImageAnnotations` | every frame |
| `label_info`, `vision_info` | `vision_msgs/msg/LabelInfo`, `VisionInfo` | once, latched |
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tracker.bags.annotations import image_annotations
from tracker.bags.container import RawMessage, Topic
from tracker.bags.definitions import ANNOTATIONS, DETECTIONS, LABEL_INFO, TRACKS, VISION_INFO
from tracker.bags.labels import Labels
from tracker.bags.messages import detection_array, label_info, track_array, vision_info
from tracker.bags.optional import import_mcap
from tracker.bags.reading import BagFrame
from tracker.bags.types import definition_of, new, serialize, type_hash
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.files import Closing, put_in_place, unfinished
from tracker.frames import Frame
from tracker.tracks import Tracks

__all__ = ["TOPICS", "BagWriter"]

TOPICS = {
    "detections": DETECTIONS,
    "tracks": TRACKS,
    "annotations": ANNOTATIONS,
    "label_info": LABEL_INFO,
    "vision_info": VISION_INFO,
}
_LATCHED = ("label_info", "vision_info")
# The policies of rmw as numbers: the form of rosbag2's metadata up to version 8, see `_qos`.
_POLICIES = {
    "history": ("system_default", "keep_last", "keep_all", "unknown"),
    "reliability": ("system_default", "reliable", "best_effort", "unknown", "best_available"),
    "durability": (
        "system_default", "transient_local", "volatile", "unknown", "best_available",
    ),
    "liveliness": (
        "system_default", "automatic", "manual_by_node", "manual_by_topic", "unknown",
        "best_available",
    ),
}  # fmt: skip
_PROFILE = """\
- history: 1
  depth: {depth}
  reliability: 1
  durability: {durability}
  deadline: {{sec: 9223372036, nsec: 854775807}}
  lifespan: {{sec: 9223372036, nsec: 854775807}}
  liveliness: 1
  liveliness_lease_duration: {{sec: 9223372036, nsec: 854775807}}
  avoid_ros_namespace_conventions: false
"""


class BagWriter(Closing):
    """Writes tracks, and copies messages; a sink of the pipeline for frames of a `BagSource`.

    Args:
        path: The .mcap file to write.
        labels: Numbers and names of the classes.
        method: Name of the detector.
        prefix: Topics are written under it.
        least_existence: Leave out tracks believed less than this.
        notes: What else the file should say about its origin, as texts.
        copied: Topics that `copy` will be called with.

    Attributes:
        counts: Messages written so far by topic.
        complete: Whether the file is complete and has its name.

    Raises:
        InputError: A prefix that is no name of ROS, or a copied topic of the same name.
        OSError: The file cannot be created.
        MissingExtraError: The extra `robotics` is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        labels: Labels,
        method: str,
        prefix: str = "/conftrack",
        least_existence: float = 0.0,
        notes: Mapping[str, str] | None = None,
        copied: Mapping[str, Topic] | None = None,
    ) -> None:
        """Open the file and declare its topics."""
        prefix = "/" + prefix.strip("/")
        if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", prefix):
            raise InputError(
                f"the prefix must be a name of ROS such as /conftrack or /front/tracks,"
                f" got {prefix!r}"
            )
        self.topics = {key: f"{prefix}/{key}" for key in TOPICS}
        copied = copied or {}
        taken = sorted(set(self.topics.values()) & set(copied))
        if taken:
            raise InputError(
                f"the bag has {', '.join(taken)} already: choose another --prefix, or leave"
                " --copy-input out"
            )
        self.counts: dict[str, int] = {}
        self.complete = False
        self._labels, self._method, self._least = labels, method, least_existence
        self._path, self._partial = Path(path), unfinished(path)
        self._copies: dict[Topic, int] = {}
        # Copies come from the reading thread, results from the writing one.
        self._lock = threading.Lock()
        self._begun = self._closed = False
        writer = import_mcap("mcap.writer")
        self._file = open(self._partial, "wb")  # noqa: SIM115 - closed by close
        try:
            self._writer = writer.Writer(self._file)
            ros2 = all(topic.encoding == "cdr" for topic in copied.values())
            self._writer.start(profile="ros2" if ros2 else "", library=_library())
            # Says to rosbag2 that policies are numbers; otherwise recent ones expect words.
            self._writer.add_metadata("rosbag2", {"ROS_DISTRO": "humble"})
            self._writer.add_metadata("conftrack", {"topics": prefix, **(notes or {})})
            self._channels = {key: self._declare(key) for key in TOPICS}
        except BaseException:
            self._file.close()
            self._partial.unlink(missing_ok=True)
            raise

    def _declare(self, key: str) -> int:
        type_name = TOPICS[key]
        schema = self._writer.register_schema(
            type_name, "ros2msg", definition_of(type_name).encode()
        )
        latched = key in _LATCHED
        profile = _PROFILE.format(depth=1 if latched else 10, durability=1 if latched else 2)
        metadata = {"offered_qos_profiles": profile, "topic_type_hash": type_hash(type_name)}
        channel: int = self._writer.register_channel(self.topics[key], "cdr", schema, metadata)
        return channel

    def write(self, frame: Frame, detections: Detections | None, tracks: Tracks) -> None:
        """Write the messages of one frame.

        Raises:
            InputError: The frame is not from a bag.
            OSError: The disk is full.
        """
        if not isinstance(frame, BagFrame):
            raise InputError("a BagWriter takes the frames of a BagSource, which have a header")
        header = frame.header
        if not self._begun:
            self._begun = True
            self._put("label_info", frame, label_info(new, header, self._labels))
            info = vision_info(new, header, method=self._method, location=self.topics["label_info"])
            self._put("vision_info", frame, info)
        shown = tracks if self._least <= 0 else tracks[tracks.existence >= self._least]
        self._put("detections", frame, detection_array(new, header, shown, self._labels))
        self._put(
            "tracks",
            frame,
            track_array(new, header, shown, self._labels, looked=detections is not None),
        )
        self._put("annotations", frame, image_annotations(new, header, shown, self._labels))

    def _put(self, key: str, frame: BagFrame, message: Any) -> None:
        data = serialize(message)
        with self._lock:
            topic = self.topics[key]
            sequence = self.counts.get(topic, 0)
            self.counts[topic] = sequence + 1
            self._writer.add_message(
                self._channels[key], frame.log_ns, data, frame.log_ns, sequence
            )

    def copy(self, raw: RawMessage) -> None:
        """Copy a message of the input as it is; may be called from another thread.

        Raises:
            OSError: The disk is full.
        """
        with self._lock:
            if self._closed:
                return
            channel = self._copies.get(raw.topic)
            if channel is None:
                channel = self._copies[raw.topic] = self._declare_copy(raw.topic)
            sequence = self.counts.get(raw.topic.name, 0)
            self.counts[raw.topic.name] = sequence + 1
            self._writer.add_message(channel, raw.log_ns, raw.data, raw.publish_ns, sequence)

    def _declare_copy(self, topic: Topic) -> int:
        schema, form, text = 0, topic.definition_format, topic.definition
        if not text and topic.encoding == "cdr":
            # Old sqlite3 bags have no definitions; with the usual ones others can read the copy.
            text = definition_of(topic.ros_type)
            form = "ros2msg" if text else ""
        if topic.type:
            schema = self._writer.register_schema(topic.type, form, text.encode())
        metadata = dict(topic.metadata)
        if "offered_qos_profiles" in metadata:
            metadata["offered_qos_profiles"] = _qos(metadata["offered_qos_profiles"])
        channel: int = self._writer.register_channel(topic.name, topic.encoding, schema, metadata)
        return channel

    def close(self) -> None:
        """Complete the file and give it its name; may be called twice.

        Raises:
            OSError: The disk is full.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._writer.finish()
            finally:
                self._file.close()
        put_in_place(self._partial, self._path)
        self.complete = True


def _qos(profiles: str) -> str:
    r"""QoS profiles with their policies as numbers, whichever way the input has them.

    >>> _qos("- history: keep_last\n  durability: 1\n  reliability: best_effort")
    '- history: 1\n  durability: 1\n  reliability: 2'
    """

    def number(match: re.Match[str]) -> str:
        key, word = match[1], match[2].lower()
        known = _POLICIES[key]
        return f"{key}: {known.index(word) if word in known else known.index('unknown')}"

    return re.sub(
        r"\b(history|reliability|durability|liveliness): *['\"]?([A-Za-z_]+)['\"]?",
        number,
        profiles,
    )


def _library() -> str:
    try:
        return f"conftrack {version('conftrack')}"
    except PackageNotFoundError:
        return "conftrack"
