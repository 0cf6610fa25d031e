"""The sqlite3 files of rosbag2: two tables, and for newer bags one of message definitions.

In: the path of a .db3 file. Out: its topics and messages. Python's own sqlite3 reads them; a file
that is cut off is read in the order of its rows up to the first that is missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracker.bags.container import Container, RawMessage, Topic
from tracker.errors import SourceError

__all__ = ["SqliteContainer"]


class SqliteContainer(Container):
    """One sqlite3 file of rosbag2.

    Args:
        path: The file.

    Raises:
        SourceError: It holds no bag.
    """

    def __init__(self, path: Path) -> None:
        """Open it and read its topics."""
        self.path = path
        self._cut_off = _cut_off(path)
        self._database = _connect(path)
        try:
            self._topics = self._read_topics()
            self._count()
        except sqlite3.DatabaseError as error:
            self.close()
            raise SourceError(f"{path} is no bag of rosbag2: {error}") from error
        except BaseException:
            self.close()
            raise
        self.topics = {}
        for topic in self._topics.values():
            self.topics.setdefault(topic.name, topic)

    def _read_topics(self) -> dict[int, Topic]:
        rows = self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
        if not {"topics", "messages"} <= tables:
            raise SourceError(f"{self.path} is an sqlite3 file, but no bag of rosbag2")
        known = {row[1] for row in self._rows("PRAGMA table_info(topics)")}
        definitions: dict[str, tuple[str, str]] = {}
        if "message_definitions" in tables:
            definitions = {
                type_: (text, encoding)
                for type_, encoding, text in self._rows(
                    "SELECT topic_type, encoding, encoded_message_definition"
                    " FROM message_definitions"
                )
            }
        noted = [
            name for name in ("offered_qos_profiles", "type_description_hash") if name in known
        ]
        columns = ", ".join(["id", "name", "type", "serialization_format", *noted])
        topics = {}
        for number, name, type_, encoding, *values in self._rows(
            f"SELECT {columns} FROM topics ORDER BY id"
        ):
            metadata = dict(zip(noted, values, strict=True))
            if digest := metadata.pop("type_description_hash", ""):
                metadata["topic_type_hash"] = digest
            text, form = definitions.get(type_, ("", ""))
            topics[number] = Topic(name, type_, encoding, text, form, metadata)
        return topics

    def _count(self) -> None:
        """Count messages and find their times, unless the file is cut off: then nobody knows."""
        if self._cut_off:
            self.broken = "it is cut off: a part of the file is missing"
            return
        found = self._rows(
            "SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages"
            " GROUP BY topic_id"
        )
        by_topic = {number: rest for number, *rest in found}
        for number, topic in self._topics.items():
            count = by_topic[number][0] if number in by_topic else 0
            self._topics[number] = replace(topic, count=count)
        if by_topic:
            self.start_ns = min(first for _, first, _ in by_topic.values())
            self.end_ns = max(last for _, _, last in by_topic.values())

    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield messages; see `Container`."""
        numbers = [n for n, t in self._topics.items() if names is None or t.name in names]
        # The index lies at the end of the file: where that is missing, only rows in order work.
        order = "id" if self._cut_off else "timestamp, id"
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks})"
        try:
            for number, log_ns, data in self._database.execute(
                f"{query} ORDER BY {order}", numbers
            ):
                yield RawMessage(self._topics[number], log_ns, log_ns, data)
        except sqlite3.DatabaseError as error:
            self.broken = self.broken or f"it is damaged: {error}"

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._database.execute(query).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Open read-only; also without write access to the folder, and also when pages are missing."""
    # Messages are read in another thread than the one that opens; never in two at a time.
    for mode in ("mode=ro", "immutable=1"):
        database = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False
        )
        try:
            # Without this, sqlite refuses a file that is shorter than its header says.
            database.execute("PRAGMA writable_schema = ON")
            database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:  # a journal beside it that cannot be opened
            database.close()
            problem: Exception = error
            continue
        except sqlite3.DatabaseError as error:
            database.close()
            raise SourceError(f"{path} cannot be read as sqlite3: {error}") from error
        return database
    raise SourceError(f"{path} cannot be opened: {problem}") from problem


def _cut_off(path: Path) -> bool:
    """Whether the file is shorter than its own header says."""
    with open(path, "rb") as file:
        head = file.read(100)
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # A bag that is still being written has its newest pages in the journal beside it.
    journal = path.with_name(path.name + "-wal")
    if journal.exists() and journal.stat().st_size > 0:
        return False
    return path.stat().st_size < (65536 if page == 1 else page) * pages
