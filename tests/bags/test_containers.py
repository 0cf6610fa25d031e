"""Every kind of bag gives the same messages, whole or cut off."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracker.bags import open_container
from tracker.bags.types import decoder
from tracker.errors import SourceError

Kit = SimpleNamespace
CAMERA = "/camera/image_raw"


def write(kit: Kit, folder: Path, kind: str, entries: Any) -> Path:
    if kind.startswith("mcap"):
        name = kind.removeprefix("mcap").strip("-") or "zstd"
        return kit.write_mcap(
            folder / "a.mcap", entries, compression=name.upper(), chunk_size=99_000
        )
    if kind == "folder-sqlite3":
        return kit.write_rosbags2(folder / "bag", entries)
    if kind == "folder-mcap":
        return kit.write_rosbags2(folder / "bag", entries, "mcap")
    if kind == "db3":
        return next(kit.write_rosbags2(folder / "bag", entries).glob("*.db3"))
    compression = kind.removeprefix("ros1").strip("-").upper() or None
    return kit.write_ros1(folder / "a.bag", entries, compression)


KINDS = [
    "mcap-zstd", "mcap-lz4", "mcap-none", "folder-mcap", "folder-sqlite3", "db3", "ros1",
    "ros1-bz2", "ros1-lz4",
]  # fmt: skip


def contents(path: Path, names: list[str] | None = None) -> list[tuple[str, int, Any]]:
    with open_container(path) as bag:
        decode: dict[str, Callable[[bytes], Any]] = {
            name: decoder(topic) for name, topic in bag.topics.items()
        }
        return [
            (raw.topic.name, raw.log_ns, decode[raw.topic.name](raw.data))
            for raw in bag.messages(names)
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_give_what_was_recorded(
    kit: Kit, entries: Any, tmp_path: Path, kind: str
) -> None:
    path = write(kit, tmp_path, kind, entries)
    with open_container(path) as bag:
        assert {t.name: (t.ros_type, t.count) for t in bag.topics.values()} == {
            "/rosout_text": ("std_msgs/msg/String", 20),
            CAMERA: ("sensor_msgs/msg/Image", 20),
            "/other/image_raw": ("sensor_msgs/msg/Image", 20),
        }
        assert bag.start_ns == min(e.log_ns for e in entries)
        assert bag.end_ns == max(e.log_ns for e in entries)
        assert bag.broken == ""
        assert getattr(bag, "_indexed", True)  # of MCAP: not read from end to end
    got = contents(path)
    want = sorted(entries, key=lambda e: e.log_ns)
    assert [(topic, log_ns) for topic, log_ns, _ in got] == [(e.topic, e.log_ns) for e in want]
    for (_, _, message), entry in zip(got, want, strict=True):
        if entry.type == "std_msgs/msg/String":
            assert message.data == entry.fields["data"]
        else:
            assert message.header.stamp.nanosec == entry.fields["header"]["stamp"]["nanosec"]
            assert bytes(message.data) == bytes(entry.fields["data"])
            assert message.encoding == entry.fields["encoding"]
    some = contents(path, [CAMERA])
    assert [(t, ns) for t, ns, _ in some] == [(t, ns) for t, ns, _ in got if t == CAMERA]
    assert contents(path, []) == contents(path, ["/nothing"]) == []


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        *itertools.product(
            ("mcap-zstd", "mcap-lz4", "mcap-none", "db3", "ros1"), (0.05, 0.5, 0.9, 0.999)
        ),
        ("ros1-bz2", 0.6),
    ],
)
def test_what_came_before_the_break_is_kept(
    kit: Kit, entries: Any, tmp_path: Path, kind: str, share: float
) -> None:
    path = write(kit, tmp_path, kind, entries)
    whole = [(topic, log_ns) for topic, log_ns, _ in contents(path)]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with open_container(path) as bag:
        got = [(raw.topic.name, raw.log_ns) for raw in bag.messages()]
        assert bag.broken
    assert sorted(got) == sorted(whole[: len(got)])
    if kind != "ros1-bz2":  # of half a bz2 chunk little can be had
        assert len(got) >= (share - 0.08) * len(whole) - 2
    assert len(contents(path)) == len(got)


@pytest.mark.parametrize("kind", ["mcap-none", "ros1"])
def test_a_break_anywhere_is_survived(kit: Kit, tmp_path: Path, kind: str) -> None:
    entries = [kit.text_entry(i) for i in range(12)]
    path = write(kit, tmp_path, kind, entries)
    data, last = path.read_bytes(), 0
    for size in range(20, len(data), 61):
        path.write_bytes(data[:size])
        with open_container(path) as bag:
            count = len(list(bag.messages()))
            assert count >= last
            assert bag.broken or count == 12
            last = count
    assert last == 12


def test_a_damaged_chunk_ends_an_indexed_file(kit: Kit, entries: Any, tmp_path: Path) -> None:
    path = write(kit, tmp_path, "mcap-none", entries)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF  # a pixel, or whatever is there: the checksum knows
    path.write_bytes(data)
    with open_container(path) as bag:
        assert bag._indexed
        got = list(bag.messages())
        assert "crc" in bag.broken
    assert 0 < len(got) < len(entries)


def test_mcap_without_chunks_or_summary(kit: Kit, tmp_path: Path) -> None:
    """What the preset "fastwrite" of rosbag2 leaves."""
    from mcap.writer import IndexType, Writer

    path = tmp_path / "plain.mcap"
    with path.open("wb") as file:
        writer = Writer(
            file, use_chunking=False, index_types=IndexType.NONE, use_statistics=False,
            repeat_channels=False, repeat_schemas=False, use_summary_offsets=False,
        )  # fmt: skip
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        channel = writer.register_channel("/words", "cdr", schema, {"note": "kept"})
        for i in range(5):
            data = b"\x00\x01\x00\x00\x02\x00\x00\x00" + str(i).encode() + b"\x00"
            writer.add_message(channel, 100 + i, data, 200 + i)
        writer.finish()
    assert [m.data for _, _, m in contents(path)] == ["0", "1", "2", "3", "4"]
    with open_container(path) as bag:
        assert (bag.broken, bag.start_ns, bag.end_ns) == ("", 100, 104)
        (topic,) = bag.topics.values()
        assert (topic.count, topic.metadata) == (5, {"note": "kept"})
        assert [raw.publish_ns for raw in bag.messages()] == [200, 201, 202, 203, 204]


def test_mcap_topics_that_are_not_ros_are_listed(tmp_path: Path) -> None:
    from mcap.writer import Writer

    path = tmp_path / "json.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        channel = writer.register_channel("/json", "json", 0)
        writer.add_message(channel, 1, b"{}", 1)
        writer.finish()
    with open_container(path) as bag:
        topic = bag.topics["/json"]
        assert (topic.type, topic.encoding) == ("", "json")
        with pytest.raises(SourceError, match="/json is encoded as json"):
            decoder(topic)


def test_ros1_messages_in_mcap(kit: Kit, tmp_path: Path) -> None:
    """What `mcap convert` makes of a ROS 1 bag: each message in ROS 1 encoding."""
    from mcap.writer import Writer

    path = tmp_path / "one.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("ros1")
        schema = writer.register_schema("std_msgs/String", "ros1msg", b"string data\n")
        channel = writer.register_channel("/words", "ros1", schema)
        writer.add_message(channel, 1, b"\x02\x00\x00\x00hi", 1)
        writer.finish()
    assert [(t, m.data) for t, _, m in contents(path)] == [("/words", "hi")]


def test_a_folder_without_metadata_and_with_several_files(
    kit: Kit, entries: Any, tmp_path: Path
) -> None:
    """A recorder that was killed writes no metadata.yaml; a long recording has many files."""
    folder = tmp_path / "bag"
    folder.mkdir()
    for part in range(12):
        kit.write_mcap(folder / f"bag_{part}.mcap", entries[part * 5 : part * 5 + 5])
    with open_container(folder) as bag:
        assert bag.topics[CAMERA].count == 20
        got = [raw.log_ns for raw in bag.messages([CAMERA])]
    assert got == [e.log_ns for e in entries if e.topic == CAMERA]
    last = folder / "bag_11.mcap"
    last.write_bytes(last.read_bytes()[:-40])
    with open_container(folder) as bag:
        assert len(list(bag.messages())) == 60
        assert bag.broken.startswith("bag_11.mcap: it is cut off")


@pytest.mark.parametrize("mode", ["FILE", "MESSAGE"])
def test_compressed_folders(kit: Kit, entries: Any, tmp_path: Path, mode: str) -> None:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, Writer

    store = kit._store()
    writer = Writer(tmp_path / "bag", version=9)
    writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(CAMERA, "sensor_msgs/msg/Image", typestore=store)
        for e in entries:
            if e.topic == CAMERA:
                data = store.serialize_cdr(kit.built(store, e.type, e.fields), e.type)
                writer.write(connection, e.log_ns, data)
    got = contents(tmp_path / "bag")
    assert [log_ns for _, log_ns, _ in got] == [e.log_ns for e in entries if e.topic == CAMERA]
    with open_container(tmp_path / "bag") as bag:
        assert bag.topics[CAMERA].count == 20


def test_old_sqlite_bags_without_definitions(kit: Kit, entries: Any, tmp_path: Path) -> None:
    """Humble and older have two tables only; the types of Humble stand in."""
    path = write(kit, tmp_path, "db3", entries)
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE message_definitions")
        database.execute("DROP TABLE schema")
        database.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
        database.execute("UPDATE topics SET type = 'acme/msg/Thing' WHERE name = '/rosout_text'")
    database.close()
    assert len(contents_of(path, CAMERA)) == 20
    with open_container(path) as bag, pytest.raises(SourceError, match="no definition of acme"):
        decoder(bag.topics["/rosout_text"])


def contents_of(path: Path, topic: str) -> list[Any]:
    with open_container(path) as bag:
        decode = decoder(bag.topics[topic])
        return [decode(raw.data) for raw in bag.messages([topic])]


def test_a_sqlite_bag_whose_recorder_still_had_a_journal(
    kit: Kit, entries: Any, tmp_path: Path
) -> None:
    path = write(kit, tmp_path, "db3", entries)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("INSERT INTO messages SELECT NULL, topic_id, timestamp, data FROM messages")
    database.commit()
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in path.parent.glob("*.db3*"):
        shutil.copy(file, killed)
    database.close()
    with open_container(killed) as bag:
        assert bag.topics[CAMERA].count == 40
        assert len(list(bag.messages())) == 120


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.mcap", b"this is no bag at all", "is no bag"),
        ("empty.bag", b"", "is no bag"),
        ("old.bag", b"#ROSBAG V1.2\n", "is no bag"),
        ("base.db3", None, "no bag of rosbag2"),
        ("torn.db3", b"SQLite format 3\x00" + bytes(200), "rosbag2|sqlite3"),
    ],
)
def test_what_is_no_bag(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is None:
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE people (name TEXT)")
        database.close()
    else:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=said):
        open_container(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such bag"):
        open_container(tmp_path / "missing.mcap")
    with pytest.raises(SourceError, match=r"holds no \.mcap and no \.db3 file"):
        open_container(tmp_path)
    (tmp_path / "x.bag").write_bytes(b"")
    with pytest.raises(SourceError, match=r"give its path, such as .*x\.bag"):
        open_container(tmp_path)


def test_without_the_libraries_the_error_names_the_extra(
    drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from tracker.errors import MissingExtraError

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r'mcap is not installed: .*"\.\[robotics\]"'):
        open_container(drive)


def test_messages_that_do_not_fit_their_definition(drive: Path) -> None:
    with open_container(drive) as bag:
        decode = decoder(bag.topics[CAMERA])
        for data in (b"", b"\x00\x01\x00\x00short", bytes(1000)):
            with pytest.raises(SourceError, match="does not fit the definition"):
                decode(data)
