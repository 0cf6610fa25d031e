"""The ROS 2 node, driven through a stand-in for rclpy.

What ROS itself does with it cannot be tested here. What can: that messages are accepted by classes
that check types as those of rosidl do, what is published with which quality of service, and what
happens in which state.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.bags.fake_ros import FAILURE, SUCCESS, LifecycleNode, message_classes

Kit = SimpleNamespace


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """rclpy and the message packages as modules, and the node imported against them."""
    classes = message_classes()
    spun: list[Any] = []
    modules: dict[str, ModuleType] = {}

    def module(name: str, **content: Any) -> None:
        modules[name] = ModuleType(name)
        modules[name].__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, modules[name])

    module("rclpy", init=lambda args: None, spin=spun.append, try_shutdown=lambda: None)
    module("rclpy.clock", JumpThreshold=SimpleNamespace)
    module("rclpy.duration", Duration=SimpleNamespace)
    module("rclpy.executors", ExternalShutdownException=type("Stop", (Exception,), {}))
    module(
        "rclpy.lifecycle",
        LifecycleNode=LifecycleNode,
        TransitionCallbackReturn=SimpleNamespace(SUCCESS=SUCCESS, FAILURE=FAILURE),
    )
    module(
        "rclpy.qos",
        QoSProfile=SimpleNamespace,
        DurabilityPolicy=SimpleNamespace(TRANSIENT_LOCAL="transient_local", VOLATILE="volatile"),
        HistoryPolicy=SimpleNamespace(KEEP_LAST="keep_last"),
        ReliabilityPolicy=SimpleNamespace(RELIABLE="reliable", BEST_EFFORT="best_effort"),
    )
    for package in {name.split("/")[0] for name in classes}:
        module(package)
        content = {
            name.rsplit("/", 1)[1]: cls
            for name, cls in classes.items()
            if name.startswith(f"{package}/msg/")
        }
        module(f"{package}.msg", **content)
    path = Path(__file__).parents[2] / "scripts" / "ros2_node.py"
    spec = importlib.util.spec_from_file_location("ros2_node", path)
    assert spec is not None
    assert spec.loader is not None
    node_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(node_module)
    nodes: list[Any] = []

    def node(**parameters: Any) -> Any:
        monkeypatch.setattr(LifecycleNode, "overrides", parameters)
        nodes.append(node_module.TrackerNode())
        return nodes[-1]

    yield SimpleNamespace(
        node=node, module=node_module, classes=classes, spun=spun, modules=modules
    )
    for one in nodes:
        one.destroy_node()
    assert not [h for h in logging.getLogger("conftrack").handlers if "_ToRos" in repr(type(h))]


def published(node: Any) -> dict[str, list[Any]]:
    return {p.topic.removeprefix("~/"): p.published for p in node.publishers}


def send(kit: Kit, ros: SimpleNamespace, node: Any, entry: Any) -> None:
    """Deliver a message to the subscription, as the class that rclpy would give."""

    def build(type_name: str, values: Any) -> Any:
        from tracker.bags.types import _own_types

        made = {}
        for name, (kind, detail) in _own_types().fielddefs[type_name][1]:
            value = values[name]
            if kind == 2:
                value = build(detail, value)
            elif kind in (3, 4) and detail[0][0] == 2:
                value = [build(detail[0][1], item) for item in value]
            made[name] = value
        return ros.classes[type_name](**made)

    (subscription,) = node.subscriptions
    assert subscription.cls is ros.classes[entry.type]
    subscription.callback(build(entry.type, entry.fields))


def test_detections_in_tracks_out(kit: Kit, ros: SimpleNamespace) -> None:
    node = ros.node(input="detections")
    assert node.on_configure(None) == SUCCESS
    assert node.subscriptions == []
    assert node.on_activate(None) == SUCCESS
    (subscription,) = node.subscriptions
    assert (subscription.topic, subscription.qos.reliability) == ("detections", "best_effort")
    assert subscription.qos.durability == "volatile"
    for i in range(kit.FRAMES):
        send(kit, ros, node, kit.detection_entry(i))
    got = published(node)
    assert {key: len(messages) for key, messages in got.items()} == {
        "detections": 20, "tracks": 20, "annotations": 20, "label_info": 1, "vision_info": 1,
    }  # fmt: skip
    (info,) = got["label_info"]
    assert [(c.class_id, c.class_name) for c in info.class_map] == [(0, "person")]
    assert got["vision_info"][0].database_location == "/conftrack/label_info"
    last = got["detections"][-1]
    assert last.header.stamp.sec * 10**9 + last.header.stamp.nanosec == (
        kit.START_NS + 19 * kit.PERIOD_NS
    )
    assert last.detections[0].id == "1"
    assert last.detections[0].results[0].hypothesis.score > 0.9
    assert got["tracks"][-1].tracks[0].state == 1
    for publisher in node.publishers:
        latched = publisher.topic.endswith("_info")
        want = ("reliable", "transient_local") if latched else ("reliable", "volatile")
        assert (publisher.qos.reliability, publisher.qos.durability) == want


@pytest.mark.parametrize("use", ["image", "compressed"])
def test_images_in_tracks_out(
    kit: Kit, ros: SimpleNamespace, replay: str, tmp_path: Path, use: str
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[existence]\nbirth = 0.4\n")
    node = ros.node(input=use, model=replay, config=str(config), classes="person")
    assert node.trigger_configure() == SUCCESS
    assert ("info", f"replay of 21 recorded detections, frames up to {kit.FRAMES - 1}") in (
        node.log.lines
    )
    assert node.trigger_activate() == SUCCESS
    for i in range(8):
        entry = kit.image_entry(i) if use == "image" else kit.compressed_entry(i)
        if use == "image":
            entry.fields["data"] = entry.fields["data"].tobytes()
        send(kit, ros, node, entry)
    arrays = published(node)["tracks"]
    assert [len(array.tracks) for array in arrays] == [1] * 8
    # The setting of the file: at the first look already well believed.
    assert arrays[0].tracks[0].existence > 0.3
    assert node.subscriptions[0].qos.depth == 1


def test_the_states(kit: Kit, ros: SimpleNamespace) -> None:
    node = ros.node(input="detections")
    node.on_configure(None)
    node.on_activate(None)
    for i in range(3):
        send(kit, ros, node, kit.detection_entry(i))
    callback = node.subscriptions[0].callback
    assert node.on_deactivate(None) == SUCCESS
    assert (node.subscriptions, node.jumps) == ([], [])
    assert node.on_activate(None) == SUCCESS
    send(kit, ros, node, kit.detection_entry(3))
    # The pause ended the tracks: a new one, of a new id.
    assert [t.id for t in published(node)["tracks"][-1].tracks] == [2]
    node.on_deactivate(None)
    assert node.on_cleanup(None) == SUCCESS
    assert node.publishers == []
    callback(None)  # a message that was still under way finds nobody
    assert node.on_configure(None) == SUCCESS
    assert node.on_activate(None) == SUCCESS
    send(kit, ros, node, kit.detection_entry(4))
    assert [t.id for t in published(node)["tracks"][-1].tracks] == [1]
    assert node.on_shutdown(None) == SUCCESS
    assert (node.publishers, node.subscriptions, node.jumps) == ([], [], [])


def test_simulated_time_that_jumps_back_resets(kit: Kit, ros: SimpleNamespace) -> None:
    node = ros.node(input="detections")
    node.on_configure(None)
    node.on_activate(None)
    for i in range(5):
        send(kit, ros, node, kit.detection_entry(i))
    (jump,) = node.jumps
    assert jump.threshold.min_forward is None
    assert jump.threshold.min_backward.nanoseconds < 0
    jump.callback(SimpleNamespace(delta=-1))
    send(kit, ros, node, kit.detection_entry(2))
    assert [t.id for t in published(node)["tracks"][-1].tracks] == [2]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"input": "video"}, "input must be one of image, compressed, detections"),
        ({"input": "detections", "config": "missing.toml"}, "missing.toml"),
        ({"model": "nonsense"}, "unknown detector"),
    ],
)
def test_what_cannot_be_configured(
    ros: SimpleNamespace, parameters: dict[str, Any], said: str
) -> None:
    node = ros.node(**parameters)
    assert node.on_configure(None) == FAILURE
    ((level, text),) = node.log.lines
    assert level == "error"
    assert said in text
    assert node.publishers == []


def test_missing_packages(kit: Kit, ros: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("conftrack_msgs", "foxglove_msgs"):
        monkeypatch.setitem(sys.modules, f"{package}.msg", None)
    node = ros.node(input="detections")
    assert node.on_configure(None) == SUCCESS
    assert [text.split(":")[0] for level, text in node.log.lines] == [
        "no topic tracks", "no topic annotations",
    ]  # fmt: skip
    node.on_activate(None)
    send(kit, ros, node, kit.detection_entry(0))
    assert {key: len(m) for key, m in published(node).items()} == {
        "detections": 1, "label_info": 1, "vision_info": 1,
    }  # fmt: skip
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    ros.module.message_class.cache_clear()
    other = ros.node(input="detections")
    assert other.on_configure(None) == FAILURE
    assert "install the ROS package vision_msgs" in other.log.lines[-1][1]


def test_an_encoding_that_is_not_read_is_logged_and_survived(
    kit: Kit, ros: SimpleNamespace, replay: str
) -> None:
    node = ros.node(model=replay)
    node.on_configure(None)
    node.on_activate(None)
    bad = kit.image_entry(0)
    bad.fields["encoding"] = "16UC1"
    send(kit, ros, node, bad)
    assert node.log.lines[-1][0] == "error"
    assert "'16UC1' are not read" in node.log.lines[-1][1]
    send(kit, ros, node, kit.image_entry(1))
    assert len(published(node)["tracks"]) == 1


def test_main_starts_by_itself_or_waits_for_a_manager(
    ros: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LifecycleNode, "overrides", {"input": "detections"})
    assert ros.module.main(["node"]) == 0
    (node,) = ros.spun
    assert len(node.subscriptions) == 1
    assert node.destroyed
    assert ros.module.main(["node", "--managed"]) == 0
    assert ros.spun[1].subscriptions == ros.spun[1].publishers == []
    monkeypatch.setattr(LifecycleNode, "overrides", {"input": "nonsense"})
    assert ros.module.main(["node"]) == 1
    assert len(ros.spun) == 2
