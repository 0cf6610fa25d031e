"""The folder of a rosbag2 recording: its files one after the other, as one bag.

In: a folder. Out: a `Container`. The files alone say everything, so a folder whose recorder was
killed before it wrote metadata.yaml is read too. Only where rosbag2 compressed whole files or
single messages its metadata is needed, and then the library `rosbags` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tracker.bags.container import Container, RawMessage, Topic, open_file
from tracker.bags.optional import import_rosbags
from tracker.errors import SourceError

__all__ = ["FolderContainer", "open_folder"]


def open_folder(path: Path) -> Container:
    """Open a rosbag2 folder.

    Raises:
        SourceError: It holds no bag file.
        MissingExtraError: The extra `robotics` is not installed.
    """
    metadata = path / "metadata.yaml"
    text = metadata.read_text("utf-8", "replace") if metadata.is_file() else ""
    if re.search(r"^\s*compression_mode:\s*['\"]?(file|message)", text, re.I | re.M):
        return CompressedContainer(path)
    files = sorted((*path.glob("*.mcap"), *path.glob("*.db3")), key=_in_order)
    if not files:
        bags = sorted(path.glob("*.bag"))
        hint = f": for one of its ROS 1 bags give its path, such as {bags[0]}" if bags else ""
        raise SourceError(f"{path} holds no .mcap and no .db3 file{hint}")
    return FolderContainer(path, files)


def _in_order(path: Path) -> tuple[object, ...]:
    """Sort by the numbers in the name: bag_2 comes before bag_10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name))


class FolderContainer(Container):
    """Several bag files that follow each other.

    Args:
        path: The folder.
        files: Its bag files, in order.

    Raises:
        SourceError: One of them is no bag.
    """

    def __init__(self, path: Path, files: list[Path]) -> None:
        """Open all of them."""
        self.path = path
        with ExitStack() as stack:
            self._parts = [stack.enter_context(open_file(file)) for file in files]
            self._stack = stack.pop_all()
        self.topics = {}
        for part in self._parts:
            for topic in part.topics.values():
                before = self.topics.get(topic.name)
                self.topics[topic.name] = topic if before is None else _joined(before, topic)
        starts = [part.start_ns for part in self._parts if part.start_ns is not None]
        ends = [part.end_ns for part in self._parts if part.end_ns is not None]
        self.start_ns, self.end_ns = min(starts, default=None), max(ends, default=None)
        self._say_broken()

    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield messages; see `Container`."""
        for part in self._parts:
            yield from part.messages(names)
        self._say_broken()

    def _say_broken(self) -> None:
        broken = [f"{part.path.name}: {part.broken}" for part in self._parts if part.broken]
        self.broken = "; ".join(broken)

    def close(self) -> None:
        """Close all files."""
        self._stack.close()


def _joined(first: Topic, second: Topic) -> Topic:
    known = first.count is not None and second.count is not None
    return replace(first, count=(first.count or 0) + (second.count or 0) if known else None)


class CompressedContainer(Container):
    """A folder in which rosbag2 compressed whole files or single messages.

    Args:
        path: The folder.

    Raises:
        SourceError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Open it."""
        self.path = path
        module = import_rosbags("rosbags.rosbag2")
        self._reader = module.Reader(path)
        try:
            self._reader.open()
        except (module.ReaderError, OSError, ValueError) as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        formats = {"MSG": "ros2msg", "IDL": "ros2idl"}
        self._topics = {
            connection.id: Topic(
                connection.topic,
                connection.msgtype,
                connection.ext.serialization_format,
                connection.msgdef.data,
                formats.get(connection.msgdef.format.name, ""),
                {},
                connection.msgcount,
            )
            for connection in self._reader.connections
        }
        self.topics = {topic.name: topic for topic in self._topics.values()}
        if self._reader.message_count:
            self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time - 1

    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield messages; see `Container`."""
        wanted = [c for c in self._reader.connections if names is None or c.topic in names]
        if not wanted:  # an empty list would mean all
            return
        try:
            for connection, log_ns, data in self._reader.messages(connections=wanted):
                yield RawMessage(self._topics[connection.id], log_ns, log_ns, data)
        except Exception as error:  # decompressors and the library have errors of their own
            self.broken = f"it cannot be read further: {error or type(error).__name__}"

    def close(self) -> None:
        """Close it; may be called twice."""
        if self._reader.is_open:
            self._reader.close()
