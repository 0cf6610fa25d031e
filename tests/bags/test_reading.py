"""A topic of a bag as frames: headers to the nanosecond, order, damage, detections, copies."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracker.bags import (
    BagFrame,
    BagSource,
    MessageDetector,
    choose_topic,
    open_container,
    read_labels,
    use_of,
)
from tracker.errors import InputError, SourceError
from tracker.frames import Frame

Kit = SimpleNamespace
CAMERA = "/camera/image_raw"


def source(path: Path, topic: str = CAMERA, **more: Any) -> BagSource:
    with ExitStack() as stack:
        bag = stack.enter_context(open_container(path))
        chosen = bag.topics[topic]
        if use_of(chosen) == "detections":
            more["labels"], more["vectors"] = read_labels(bag, chosen)
        opened = BagSource(bag, chosen, **more)
        stack.pop_all()  # from here on the source closes it
        return opened


def frames(path: Path, topic: str = CAMERA, **more: Any) -> tuple[list[BagFrame], BagSource]:
    with source(path, topic, **more) as opened:
        got = list(opened)
    assert all(isinstance(frame, BagFrame) for frame in got)
    return got, opened  # type: ignore[return-value]


def test_only_the_chosen_topic_with_its_headers(kit: Kit, drive: Path) -> None:
    got, opened = frames(drive)
    assert (opened.width, opened.height, opened.frame_count) == (kit.WIDTH, kit.HEIGHT, 20)
    assert opened.fps == pytest.approx(10, rel=0.05)
    assert opened.damage == []
    for i, frame in enumerate(got):
        assert frame.header.stamp_ns == kit.START_NS + i * kit.PERIOD_NS
        assert frame.header.frame_id == "camera_optical"
        assert frame.log_ns == frame.header.stamp_ns + 3_000_000
        assert frame.index == i
        assert round(frame.timestamp_s * 1e9) == i * kit.PERIOD_NS
        np.testing.assert_array_equal(frame.image, kit.picture(i))
        assert frame.size == (kit.WIDTH, kit.HEIGHT)
    assert len(frames(drive, "/other/image_raw")[0]) == 20


def test_compressed_images(kit: Kit, tmp_path: Path) -> None:
    entries = [kit.compressed_entry(i) for i in range(6)]
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    got, _ = frames(path, "/camera/image_raw/compressed")
    np.testing.assert_array_equal(got[1].image, kit.picture(1))  # PNG
    assert np.abs(got[0].image[30:70, 15:30].astype(int) - (200, 120, 40)).mean() < 5  # JPEG


def test_a_part_of_the_bag(drive: Path) -> None:
    got, opened = frames(drive, start_s=0.5, stop_s=1.5, every=2)
    assert [frame.index for frame in got] == [5, 7, 9, 11, 13]
    assert opened.frame_count is None


def test_messages_out_of_order_are_sorted_by_their_headers(
    kit: Kit, entries: Any, tmp_path: Path
) -> None:
    mixed = []
    for i in (0, 2, 1, 3, 5, 4, 6, 7):
        order = len(mixed)
        mixed.append(kit.image_entry(i, log_ns=kit.START_NS + order * kit.PERIOD_NS))
    got, opened = frames(kit.write_mcap(tmp_path / "a.mcap", mixed))
    assert [f.header.stamp_ns for f in got] == [kit.START_NS + i * kit.PERIOD_NS for i in range(8)]
    assert opened.damage == []
    np.testing.assert_array_equal(got[1].image, kit.picture(1))


def test_doubles_and_late_messages_are_left_out_and_counted(kit: Kit, tmp_path: Path) -> None:
    stamps = [*range(12), 11, 0]
    mixed = [
        kit.image_entry(i, log_ns=kit.START_NS + n * kit.PERIOD_NS) for n, i in enumerate(stamps)
    ]
    got, opened = frames(kit.write_mcap(tmp_path / "a.mcap", mixed))
    assert len(got) == 12
    (damage,) = opened.damage
    assert (damage.reason, damage.count) == ("timestamps", 2)
    assert "came too late" in damage.detail


def test_a_header_without_time_is_replaced_by_the_log_time_and_said_once(
    kit: Kit, tmp_path: Path
) -> None:
    mixed = [
        kit.image_entry(i, stamp_ns=0, log_ns=kit.START_NS + i * kit.PERIOD_NS) for i in range(5)
    ]
    got, opened = frames(kit.write_mcap(tmp_path / "a.mcap", mixed))
    assert [f.header.stamp_ns for f in got] == [kit.START_NS + i * kit.PERIOD_NS for i in range(5)]
    assert all(f.header.frame_id == "camera_optical" for f in got)
    (damage,) = opened.damage
    assert (damage.reason, damage.count) == ("timestamps", 5)
    assert "log time" in damage.detail


def test_a_clock_that_is_set_back(kit: Kit, tmp_path: Path) -> None:
    mixed = [kit.image_entry(i) for i in range(12)]
    again = kit.START_NS - 500 * 10**9
    mixed += [
        kit.image_entry(
            i, stamp_ns=again + i * kit.PERIOD_NS, log_ns=kit.START_NS + (12 + i) * kit.PERIOD_NS
        )
        for i in range(10)
    ]
    got, opened = frames(kit.write_mcap(tmp_path / "a.mcap", mixed))
    assert len(got) == 22
    assert [f.index for f in got] == list(range(22))
    assert opened.restarts == 1
    assert got[12].timestamp_s == pytest.approx(-500)
    assert opened.covered_s == pytest.approx(2.0)
    (damage,) = opened.damage
    assert "set back" in damage.detail


def test_a_damaged_image_is_left_out(kit: Kit, tmp_path: Path) -> None:
    mixed = [kit.compressed_entry(i) for i in range(6)]
    mixed[0].fields["data"] = np.zeros(0, np.uint8)  # also the very first
    mixed[3].fields["data"] = mixed[3].fields["data"][:40]
    path = kit.write_mcap(tmp_path / "a.mcap", mixed)
    got, opened = frames(path, "/camera/image_raw/compressed")
    assert [f.index for f in got] == [1, 2, 4, 5]
    assert [d.reason for d in opened.damage] == ["unreadable", "unreadable"]
    assert opened.errors_skipped == 2


def test_an_encoding_that_is_not_read_is_said_before_the_run(kit: Kit, tmp_path: Path) -> None:
    entry = kit.image_entry(0)
    entry.fields["encoding"] = "16UC1"
    path = kit.write_mcap(tmp_path / "a.mcap", [entry])
    with pytest.raises(InputError, match="'16UC1' are not read"):
        source(path)


def test_a_topic_of_nothing_but_damage(kit: Kit, tmp_path: Path) -> None:
    mixed = [kit.compressed_entry(i) for i in range(30)]
    for entry in mixed:
        entry.fields["data"] = np.zeros(0, np.uint8)
    path = kit.write_mcap(tmp_path / "a.mcap", mixed)
    with pytest.raises(SourceError, match="no message can be read: a compressed image without"):
        source(path, "/camera/image_raw/compressed")


def test_a_bag_that_is_cut_off_keeps_what_came_before(
    kit: Kit, entries: Any, tmp_path: Path
) -> None:
    path = kit.write_mcap(tmp_path / "a.mcap", entries, chunk_size=50_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    got, opened = frames(path)
    assert 7 <= len(got) <= 10
    assert opened.damage[-1].reason == "truncated"
    assert opened.damage[-1].timestamp_s == got[-1].timestamp_s
    np.testing.assert_array_equal(got[-1].image, kit.picture(len(got) - 1))


def test_every_message_is_offered_for_copying_in_order(entries: Any, drive: Path) -> None:
    seen: list[tuple[str, int]] = []
    got, _ = frames(drive, on_raw=lambda raw: seen.append((raw.topic.name, raw.log_ns)))
    assert len(got) == 20
    assert seen == sorted(((e.topic, e.log_ns) for e in entries), key=lambda x: x[1])


# ---- topics --------------------------------------------------------------------------------


def test_choosing_a_topic(kit: Kit, drive: Path, tmp_path: Path) -> None:
    with open_container(drive) as bag:
        assert choose_topic(bag, CAMERA).name == CAMERA
        assert choose_topic(bag, "camera/image_raw").name == CAMERA
        with pytest.raises(SourceError, match=r"has no topic /camera; it has /rosout_text \(std_m"):
            choose_topic(bag, "/camera")
        with pytest.raises(SourceError, match="2 topics of images: choose one with --image-topic"):
            choose_topic(bag, None)
        with pytest.raises(SourceError, match=r"holds std_msgs/msg/String, not images; .* /camera"):
            choose_topic(bag, "/rosout_text")
        with pytest.raises(SourceError, match="not detections; of detections there are none"):
            choose_topic(bag, CAMERA, detections=True)
    one = kit.write_mcap(tmp_path / "one.mcap", [kit.text_entry(0), kit.image_entry(0)])
    with open_container(one) as bag:
        assert choose_topic(bag, None).name == CAMERA
    none = kit.write_mcap(tmp_path / "none.mcap", [kit.text_entry(0)])
    with open_container(none) as bag, pytest.raises(SourceError, match="has no topic of images"):
        choose_topic(bag, None)


def test_a_topic_without_messages(kit: Kit, entries: Any, tmp_path: Path) -> None:
    folder = kit.write_rosbags2(tmp_path / "bag", entries)
    import sqlite3

    with sqlite3.connect(next(folder.glob("*.db3"))) as database:
        database.execute("DELETE FROM messages WHERE topic_id = 2")
    database.close()
    with pytest.raises(SourceError, match="holds no message"):
        source(folder)


# ---- detections ----------------------------------------------------------------------------


@pytest.fixture
def yolo(kit: Kit, tmp_path: Path) -> Path:
    """Somebody else's detections with numbers for classes, and the names of these."""
    results = (("2", 0.7), ("0", 0.2))
    entries = [kit.detection_entry(i, results=results) for i in range(5)]
    entries[3].fields["detections"] = []
    entries[4].fields["detections"][0]["results"] = []
    names = kit.Entry(
        "/yolo/label_info",
        "vision_msgs/msg/LabelInfo",
        kit.START_NS,
        {
            "header": kit.header(kit.START_NS),
            "class_map": [
                {"class_id": 0, "class_name": "person"},
                {"class_id": 1, "class_name": "bicycle"},
                {"class_id": 2, "class_name": "car"},
            ],
            "threshold": 0.1,
        },
    )
    return kit.write_mcap(tmp_path / "yolo.mcap", [names, *entries])  # type: ignore[no-any-return]


def test_detections_as_frames(kit: Kit, yolo: Path) -> None:
    with open_container(yolo) as bag:
        labels, vectors = read_labels(bag, bag.topics["/yolo/detections"])
    assert (labels.numbers, labels.names, vectors) == ([0, 2], ["person", "car"], True)
    got, opened = frames(yolo, "/yolo/detections")
    assert {frame.size for frame in got} == {None}
    assert (opened.width, opened.height) == (0, 0)
    assert opened.detections_left_out == 1
    detector = MessageDetector("/yolo/detections", labels)
    assert detector.class_names == ("person", "car")
    found = detector.detect(got)
    assert [len(d) for d in found if d is not None] == [1, 1, 1, 0, 0]
    first = found[0]
    assert first is not None
    x, y, width, height = kit.box(0)
    np.testing.assert_allclose(
        first.xyxy, [[x - width / 2, y - height / 2, x + width / 2, y + height / 2]]
    )
    assert first.class_probabilities.tolist() == [[0.2, 0.7]]
    assert first.class_id.tolist() == [1]


def test_the_message_detector_filters(yolo: Path) -> None:
    with open_container(yolo) as bag:
        labels, _ = read_labels(bag, bag.topics["/yolo/detections"])
    got, _ = frames(yolo, "/yolo/detections")

    def counts(**more: Any) -> list[int]:
        detector = MessageDetector("/yolo/detections", labels, **more)
        return [len(d) for d in detector.detect(got) if d is not None]

    assert counts(classes=["car"]) == counts(classes=["2"]) == [1, 1, 1, 0, 0]
    assert counts(classes=["person"]) == [0] * 5
    assert counts(score_threshold=0.7) == [0] * 5
    assert counts(score_threshold=0.69) == [1, 1, 1, 0, 0]
    with pytest.raises(InputError, match="no class 'dog'; it has person, car"):
        counts(classes=["dog"])
    # A frame of another source carries no detections: nobody looked.
    other = Frame(np.zeros((1, 1, 3), np.uint8), 0.0, 0)
    assert MessageDetector("/x", labels).detect([other]) == [None]


def test_names_for_classes_and_single_results(kit: Kit, tmp_path: Path) -> None:
    entries = [kit.detection_entry(i, results=((name, 0.5),)) for i, name in enumerate("bab")]
    path = kit.write_mcap(tmp_path / "a.mcap", entries)
    with open_container(path) as bag:
        labels, vectors = read_labels(bag, bag.topics["/yolo/detections"])
    assert (labels.numbers, labels.names, vectors) == ([0, 1], ["b", "a"], False)
    got, _ = frames(path, "/yolo/detections")
    assert got[0].detections is not None
    assert got[0].detections.class_probabilities.shape == (1, 0)


def test_detections_of_ros1(kit: Kit, tmp_path: Path) -> None:
    path = kit.write_ros1(tmp_path / "a.bag", [kit.detection_entry(i) for i in range(3)])
    got, _ = frames(path, "/yolo/detections")
    assert [len(f.detections) for f in got if f.detections is not None] == [1, 1, 1]
    assert got[2].header.stamp_ns == kit.START_NS + 2 * kit.PERIOD_NS
