"""The written file: whole or not there, latched names, QoS for rosbag2, copies as they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader

from tracker import Detections, Tracker
from tracker.bags import BagFrame, BagWriter, Labels, RawMessage, Topic
from tracker.bags.messages import Header
from tracker.errors import InputError
from tracker.frames import Frame

Kit = SimpleNamespace
PICTURE = np.zeros((1, 1, 3), np.uint8)


def frame(i: int) -> BagFrame:
    return BagFrame(PICTURE, i / 10, i, Header(10**18 + i, "cam"), 2 * 10**18 + i)


def write_some(writer: BagWriter, n: int = 3) -> None:
    tracker = Tracker()
    for i in range(n):
        seen = Detections([[10, 10, 30, 60], [100, 10, 130, 70]], [0.9, 0.1])
        writer.write(frame(i), seen, tracker.update(seen, timestamp_s=i / 10))


def test_the_name_appears_when_the_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.mcap"
    with BagWriter(path, labels=Labels.of(["person"]), method="net") as writer:
        write_some(writer)
        assert not path.exists()
    assert path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out.mcap"]
    writer.close()


def test_names_are_latched_and_qos_is_read_by_rosbags(tmp_path: Path) -> None:
    from rosbags.interfaces import QosDurability, QosReliability
    from rosbags.rosbag2 import Reader

    path = tmp_path / "out.mcap"
    with BagWriter(path, labels=Labels.of(["person"]), method="net", prefix="a/b/") as writer:
        write_some(writer)
    with Reader(path) as reader:
        qos = {c.topic: c.ext.offered_qos_profiles[0] for c in reader.connections}
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts == {
        "/a/b/detections": 3, "/a/b/tracks": 3, "/a/b/annotations": 3, "/a/b/label_info": 1,
        "/a/b/vision_info": 1,
    }  # fmt: skip
    assert counts == writer.counts
    for topic, profile in qos.items():
        latched = topic.endswith("_info")
        assert profile.reliability is QosReliability.RELIABLE
        assert profile.durability is (
            QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
        )
        assert profile.depth == (1 if latched else 10)


def test_tracks_hardly_believed_can_be_left_out(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "out.mcap"
    with BagWriter(path, labels=Labels.of(["person"]), method="net", least_existence=0.3) as writer:
        write_some(writer, 10)
    for topic, field in (("/conftrack/detections", "detections"), ("/conftrack/tracks", "tracks")):
        last = [r for r in kit.read_mcap_ros2(path) if r.topic == topic][-1]
        assert [int(t.id) for t in getattr(last.message, field)] == [1]


def test_only_frames_of_bags_are_taken(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "out.mcap", labels=Labels(), method="net") as writer:
        tracks = Tracker().update(None, timestamp_s=0)
        with pytest.raises(InputError, match="frames of a BagSource"):
            writer.write(Frame(PICTURE, 0.0, 0), None, tracks)


@pytest.mark.parametrize("prefix", ["", "/", "/1a", "/a b", "/a//b", "/ä"])
def test_prefixes_must_be_names_of_ros(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match="must be a name of ROS"):
        BagWriter(tmp_path / "out.mcap", labels=Labels(), method="net", prefix=prefix)
    assert not any(tmp_path.iterdir())


def test_a_copied_topic_must_not_have_our_name(tmp_path: Path) -> None:
    topic = Topic("/conftrack/tracks", "std_msgs/msg/String", "cdr")
    with pytest.raises(InputError, match="has /conftrack/tracks already: choose another --prefix"):
        BagWriter(tmp_path / "o.mcap", labels=Labels(), method="net", copied={topic.name: topic})


def test_copies_are_the_same_bytes(tmp_path: Path) -> None:
    strings = "- history: keep_last\n  depth: 5\n  reliability: best_effort\n  durability: volatile"
    topic = Topic(
        "/words", "acme/msg/Thing", "cdr", "string data", "ros2msg",
        {"offered_qos_profiles": strings, "topic_type_hash": "RIHS01_x"},
    )  # fmt: skip
    path = tmp_path / "out.mcap"
    with BagWriter(path, labels=Labels(), method="net", copied={topic.name: topic}) as writer:
        for i in range(4):
            writer.copy(RawMessage(topic, 100 + i, 90 + i, bytes([i])))
    writer.copy(RawMessage(topic, 200, 200, b"too late"))  # after the end: nothing happens
    with path.open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        got = list(reader.iter_messages(topics=["/words"]))
    assert [(m.log_time, m.publish_time, m.data, m.sequence) for _, _, m in got] == [
        (100 + i, 90 + i, bytes([i]), i) for i in range(4)
    ]
    schema, channel, _ = got[0]
    assert (schema.name, schema.encoding, schema.data) == (
        "acme/msg/Thing",
        "ros2msg",
        b"string data",
    )
    assert channel.metadata["offered_qos_profiles"] == (
        "- history: 1\n  depth: 5\n  reliability: 2\n  durability: 2"
    )
    assert channel.metadata["topic_type_hash"] == "RIHS01_x"


def test_copies_of_ros1_stay_ros1_and_of_old_bags_get_definitions(tmp_path: Path) -> None:
    one = Topic("/one", "std_msgs/String", "ros1", "string data\n", "ros1msg", {"latching": "1"})
    old = Topic("/old", "std_msgs/msg/String", "cdr")
    unknown = Topic("/unknown", "acme_msgs/msg/Thing", "cdr")
    path = tmp_path / "out.mcap"
    copied = {topic.name: topic for topic in (one, old, unknown)}
    with BagWriter(path, labels=Labels(), method="net", copied=copied) as writer:
        for topic in copied.values():
            writer.copy(RawMessage(topic, 1, 1, b"x"))
    with path.open("rb") as file:
        reader = make_reader(file)
        # Not all of it is ROS 2: a profile would promise that.
        assert reader.get_header().profile == ""
        schemas = {c.topic: (s.name, s.encoding, s.data) for s, c, _ in reader.iter_messages()}
    assert schemas == {
        "/one": ("std_msgs/String", "ros1msg", b"string data\n"),
        "/old": ("std_msgs/msg/String", "ros2msg", b"string data\n"),
        "/unknown": ("acme_msgs/msg/Thing", "", b""),
    }


def test_the_file_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "out.mcap"
    with BagWriter(path, labels=Labels(), method="net", notes={"input": "drive.mcap"}):
        pass
    with path.open("rb") as file:
        notes: dict[str, Any] = {m.name: m.metadata for m in make_reader(file).iter_metadata()}
    assert notes["conftrack"] == {"topics": "/conftrack", "input": "drive.mcap"}
    # This record without more makes recent versions of rosbag2 read policies as numbers.
    assert "serialized_metadata" not in notes["rosbag2"]
