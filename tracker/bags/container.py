"""What every kind of bag file is: topics, and raw messages with their times in nanoseconds.

In: a path. Out: a `Container`, opened, whose messages are bytes; what they mean is for `types` and
`messages`. A container that breaks off gives what came before, and says in `broken` how it ended.

```
open_container(path) ─┬─ McapContainer      mcap_file.py     .mcap, indexed or record by record
                      ├─ SqliteContainer    sqlite_file.py   .db3, also cut off
                      ├─ Ros1Container      ros1_file.py     .bag, also without index
                      └─ FolderContainer    folder.py        a rosbag2 folder of those
```
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tracker.errors import SourceError
from tracker.files import Closing

__all__ = ["Container", "RawMessage", "Topic", "open_container"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: Such as "/camera/image_raw".
        type: Its message type, as the bag writes it.
        encoding: "cdr" (ROS 2), "ros1", or what else the bag says.
        definition: Text of the message definition, "" if the bag has none.
        definition_format: "ros2msg", "ros2idl", "ros1msg", or what else the bag says.
        metadata: What the bag notes about it, such as "offered_qos_profiles".
        count: Messages, None when unknown.
    """

    name: str
    type: str
    encoding: str
    definition: str = ""
    definition_format: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)
    count: int | None = field(default=None, compare=False)

    @property
    def ros_type(self) -> str:
        """The type as ROS 2 writes it.

        >>> Topic("/a", "sensor_msgs/Image", "ros1").ros_type
        'sensor_msgs/msg/Image'
        """
        package, _, name = self.type.rpartition("/")
        return self.type if package.endswith("/msg") else f"{package}/msg/{name}"


class RawMessage(NamedTuple):
    """One message as it lies in the bag; both times in nanoseconds."""

    topic: Topic
    log_ns: int
    publish_ns: int
    data: bytes


class Container(Closing):
    """An opened bag; its messages can be gone through any number of times, one after the other.

    Attributes:
        path: The file or folder.
        topics: By name, in the order of the bag.
        start_ns: Log time of the first message in nanoseconds, None when unknown.
        end_ns: Log time of the last message, None when unknown.
        broken: How the bag ends before its end, "" as long as nothing is known to be wrong.
    """

    path: Path
    topics: dict[str, Topic]
    start_ns: int | None = None
    end_ns: int | None = None
    broken: str = ""

    @abstractmethod
    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield the messages of these topics (None: of all), by log time where there is an index.

        A bag that is cut off ends the iteration early and sets `broken`.
        """


def open_container(path: str | Path) -> Container:
    """Open a bag of ROS 2 (MCAP, sqlite3, or their folder) or ROS 1.

    Raises:
        SourceError: It does not exist or is no bag.
        MissingExtraError: The extra `robotics` is not installed.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        from tracker.bags.folder import open_folder

        return open_folder(path)
    if not path.is_file():
        raise SourceError(f"no such bag: {path}: give an .mcap, .db3 or .bag file, or a folder")
    return open_file(path)


def open_file(path: Path) -> Container:
    """Open one bag file; its first bytes tell the kind, whatever its name.

    Raises:
        SourceError: It is no bag.
        MissingExtraError: The extra `robotics` is not installed.
    """
    with open(path, "rb") as file:
        magic = file.read(16)
    if magic.startswith(b"\x89MCAP0\r\n"):
        from tracker.bags.mcap_file import McapContainer

        return McapContainer(path)
    if magic.startswith(b"SQLite format 3"):
        from tracker.bags.sqlite_file import SqliteContainer

        return SqliteContainer(path)
    if re.match(rb"#ROSBAG V2\.0\n", magic):
        from tracker.bags.ros1_file import Ros1Container

        return Ros1Container(path)
    raise SourceError(
        f"{path} is no bag: it begins neither as MCAP, nor as sqlite3, nor as a ROS 1 bag 2.0"
    )
