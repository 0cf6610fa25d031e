"""ROS 1 bags: through their index where they have one, else chunk by chunk up to the break.

In: the path of a .bag file of version 2.0. Out: its topics and messages. A bag of a recorder that
was killed (.bag.active) has no index; it is read in the order of the file.
"""

from __future__ import annotations

import bz2
import io
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from tracker.bags.container import Container, RawMessage, Topic
from tracker.bags.optional import import_rosbags

__all__ = ["Ros1Container"]

_MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _CHUNK, _CONNECTION, _CHUNK_INFO = 2, 5, 7, 6


class Ros1Container(Container):
    """One ROS 1 bag.

    Args:
        path: The file.

    Raises:
        MissingExtraError: The library `rosbags` is not installed.
    """

    def __init__(self, path: Path) -> None:
        """Open it; without an index all of it is read once for its topics."""
        self.path = path
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 - closed by close
        self._topics: dict[int, Topic] = {}
        self._reader: Any = None
        reader = import_rosbags("rosbags.rosbag1").Reader(path)
        try:
            reader.open()
        except Exception:  # no index, or one that points to where nothing is
            self._by_reading()
        else:
            self._reader = reader
            self._by_index()
        self.topics = {}
        for topic in self._topics.values():
            before = self.topics.get(topic.name)
            # ROS 1 has a connection for each publisher of a topic.
            count = (topic.count or 0) + (0 if before is None else before.count or 0)
            self.topics[topic.name] = replace(before or topic, count=count)

    def _by_index(self) -> None:
        for connection in self._reader.connections:
            metadata = {"md5sum": connection.digest}
            if connection.ext.latching:
                metadata["latching"] = "1"
            self._topics[connection.id] = Topic(
                connection.topic,
                connection.msgtype.replace("/msg/", "/"),
                "ros1",
                connection.msgdef.data,
                "ros1msg",
                metadata,
                connection.msgcount,
            )
        if self._reader.message_count:
            self.start_ns = self._reader.start_time
            self.end_ns = self._reader.end_time - 1  # the library's end is the one after

    def _by_reading(self) -> None:
        counts: Counter[int] = Counter()
        for number, message in self._walk():
            counts[number] += 1
            first, last = self.start_ns, self.end_ns
            self.start_ns = message.log_ns if first is None else min(first, message.log_ns)
            self.end_ns = message.log_ns if last is None else max(last, message.log_ns)
        for number, topic in self._topics.items():
            self._topics[number] = replace(topic, count=counts[number])

    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield messages; see `Container`."""
        if self._reader is None:
            for _, message in self._walk():
                if names is None or message.topic.name in names:
                    yield message
            return
        wanted = [c for c in self._reader.connections if names is None or c.topic in names]
        if not wanted:  # an empty list would mean all
            return
        try:
            for connection, log_ns, data in self._reader.messages(connections=wanted):
                yield RawMessage(self._topics[connection.id], log_ns, log_ns, data)
        except Exception as error:  # decompressors and the library have errors of their own
            self.broken = f"a chunk cannot be read: {error or type(error).__name__}"

    # ---- without an index ------------------------------------------------------------------

    def _walk(self) -> Iterator[tuple[int, RawMessage]]:
        """Yield connection number and message, in the order of the file, up to a break."""
        indexed = False
        try:
            for header, data in self._flat():
                operation = header["op"][0]
                if operation == _CONNECTION:
                    number = struct.unpack("<I", header["conn"])[0]
                    self._topics.setdefault(number, _topic(header, _fields(data)))
                elif operation == _MESSAGE:
                    number = struct.unpack("<I", header["conn"])[0]
                    seconds, nanoseconds = struct.unpack("<II", header["time"])
                    log_ns = seconds * 1_000_000_000 + nanoseconds
                    yield number, RawMessage(self._topics[number], log_ns, log_ns, data)
                elif operation == _CHUNK_INFO:
                    indexed = True
        except (KeyError, IndexError, struct.error, ValueError, OSError, RuntimeError) as error:
            self.broken = f"a record cannot be read: {error!r}"
        if not indexed and not self.broken:
            self.broken = "it has no index: a recorder that was killed leaves such files"

    def _flat(self) -> Iterator[tuple[dict[str, bytes], bytes]]:
        """Yield header and data of every whole record, those inside chunks too."""
        position = len(_MAGIC)
        while True:
            # Whoever reads may have moved the file since: several iterations share it.
            self._file.seek(position)
            head, data, whole = _record(self._file)
            position = self._file.tell()
            if head is None:
                if data:
                    self.broken = "it is cut off: the last record is not whole"
                return
            if head["op"][0] == _CHUNK:
                inside = io.BytesIO(_decompressor(head["compression"])(data))
                while True:
                    inner, content, inner_whole = _record(inside)
                    if inner is None or not inner_whole:
                        break
                    yield inner, content
            elif whole:
                yield head, data
            if not whole:
                self.broken = "it is cut off: the last record is not whole"
                return

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._reader is not None:
            self._reader, reader = None, self._reader
            reader.close()


def _record(file: BinaryIO) -> tuple[dict[str, bytes] | None, bytes, bool]:
    """Header, data and whether all of it is there; no header at the end or in a broken one."""
    size = file.read(4)
    if len(size) < 4:
        return None, size, False
    length = struct.unpack("<I", size)[0]
    header = file.read(length)
    size = file.read(4)
    if len(header) < length or len(size) < 4:
        return None, header or size, False
    length = struct.unpack("<I", size)[0]
    data = file.read(length)
    return _fields(header), data, len(data) == length


def _fields(data: bytes) -> dict[str, bytes]:
    """The fields `name=value` of a header."""
    fields, position = {}, 0
    while position < len(data):
        length = struct.unpack_from("<I", data, position)[0]
        name, _, value = data[position + 4 : position + 4 + length].partition(b"=")
        fields[name.decode("ascii", "replace")] = value
        position += 4 + length
    return fields


def _topic(header: dict[str, bytes], described: dict[str, bytes]) -> Topic:
    metadata = {"md5sum": described.get("md5sum", b"").decode()}
    if described.get("latching") == b"1":
        metadata["latching"] = "1"
    return Topic(
        header["topic"].decode(),
        described["type"].decode(),
        "ros1",
        described["message_definition"].decode("utf-8", "replace"),
        "ros1msg",
        metadata,
    )


def _decompressor(name: bytes) -> Callable[[bytes], bytes]:
    """A function that decompresses a whole chunk, or what there is of a broken one."""
    decompress: Callable[[bytes], bytes]
    if name == b"bz2":
        decompress = bz2.BZ2Decompressor().decompress
    elif name == b"lz4":
        decompress = import_rosbags("lz4.frame").LZ4FrameDecompressor().decompress
    elif name == b"none":
        decompress = bytes
    else:
        raise ValueError(f"unknown compression {name!r}")
    return decompress
