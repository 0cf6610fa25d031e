"""MCAP files: through their index where they have one, else record by record up to the break.

In: the path of an .mcap file. Out: its topics and messages. A recorder that was killed leaves no
index, and often half a chunk: what was compressed into that half before the break is read too.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from tracker.bags.container import Container, RawMessage, Topic
from tracker.bags.optional import import_mcap

__all__ = ["McapContainer"]

_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END, _FOOTER = 0x03, 0x04, 0x05, 0x06, 0x0F, 0x02
# Bytes before the data of a chunk, its name of compression not counted.
_CHUNK_HEAD = struct.Struct("<QQQII")


class _Break(Exception):
    """Where a file cannot be read further, and why."""


class McapContainer(Container):
    """One MCAP file.

    Args:
        path: The file.

    Raises:
        MissingExtraError: The library `mcap` is not installed.
    """

    def __init__(self, path: Path) -> None:
        """Open it; without an index all of it is read once for its topics."""
        self._reader = import_mcap("mcap.reader")
        self._records = import_mcap("mcap.records")
        self._data_stream = import_mcap("mcap.data_stream")
        self.path = path
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 - closed by close
        self._topics: dict[int, Topic] = {}
        summary = self._summary()
        self._indexed = summary is not None
        try:
            if summary is not None:
                self._by_index(summary)
            else:
                self._by_reading()
        except BaseException:
            self.close()
            raise
        self.topics = {}
        for topic in self._topics.values():
            self.topics.setdefault(topic.name, topic)

    def _summary(self) -> Any:
        """The summary of a file that is whole and can be read through it, else None."""
        try:
            self._file.seek(-len(_MAGIC), io.SEEK_END)
            if self._file.read() != _MAGIC:
                return None
            self._file.seek(0)
            summary = self._reader.SeekingReader(self._file).get_summary()
        except Exception:  # whatever is at the end, it is no summary
            return None
        whole = summary is not None and summary.statistics is not None and summary.channels
        return summary if whole and summary.chunk_indexes else None

    def _by_index(self, summary: Any) -> None:
        statistics = summary.statistics
        for number, channel in summary.channels.items():
            schema = summary.schemas.get(channel.schema_id)
            count = statistics.channel_message_counts.get(number, 0)
            self._topics[number] = replace(_topic(channel, schema), count=count)
        if statistics.message_count:
            self.start_ns = statistics.message_start_time
            self.end_ns = statistics.message_end_time

    def _by_reading(self) -> None:
        counts: Counter[int] = Counter()
        for channel_id, message in self._walk():
            counts[channel_id] += 1
            first, last = self.start_ns, self.end_ns
            self.start_ns = message.log_ns if first is None else min(first, message.log_ns)
            self.end_ns = message.log_ns if last is None else max(last, message.log_ns)
        for number, topic in self._topics.items():
            self._topics[number] = replace(topic, count=counts[number])

    def messages(self, names: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield messages; see `Container`."""
        if not self._indexed:
            for _, message in self._walk():
                if names is None or message.topic.name in names:
                    yield message
            return
        self._file.seek(0)
        reader = self._reader.SeekingReader(self._file, validate_crcs=True)
        wanted = None if names is None else list(names)
        try:
            for _, channel, message in reader.iter_messages(topics=wanted):
                yield RawMessage(
                    self._topics[channel.id], message.log_time, message.publish_time, message.data
                )
        except Exception as error:  # struct, zstd, lz4, checksums: each with errors of its own
            self.broken = f"a chunk cannot be read: {error or type(error).__name__}"

    # ---- without an index ------------------------------------------------------------------

    def _walk(self) -> Iterator[tuple[int, RawMessage]]:
        """Yield channel number and message, in the order of the file, up to a break."""
        schemas: dict[int, Any] = {}
        # Two channels of one topic are rare but allowed: the number tells them apart.
        try:
            for opcode, content in self._flat(len(_MAGIC)):
                if opcode == _SCHEMA:
                    schema = self._parsed("Schema", content)
                    schemas[schema.id] = schema
                elif opcode == _CHANNEL:
                    channel = self._parsed("Channel", content)
                    topic = _topic(channel, schemas.get(channel.schema_id))
                    self._topics.setdefault(channel.id, topic)
                elif opcode == _MESSAGE:
                    number, _, log_ns, publish_ns = struct.unpack_from("<HIQQ", content)
                    topic = self._topics[number]
                    yield number, RawMessage(topic, log_ns, publish_ns, content[22:])
        except _Break as error:
            self.broken = str(error)
        except (KeyError, ValueError, struct.error, UnicodeDecodeError) as error:
            self.broken = f"a record cannot be read: {error}"

    def _flat(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield opcode and content of every whole record, those inside chunks too."""
        position = start
        self._file.seek(0, io.SEEK_END)
        end = self._file.tell()
        while True:
            # Whoever reads may have moved the file since: several iterations share it.
            self._file.seek(position)
            head = self._file.read(9)
            if len(head) < 9:
                break
            opcode, length = struct.unpack("<BQ", head)
            position += 9 + length
            content = self._file.read(min(length, end))
            whole = len(content) == length
            if opcode == _CHUNK:
                yield from self._inside(content, whole)
            elif whole and opcode == _FOOTER:
                return
            elif whole:
                yield opcode, content
            if not whole:
                break
        raise _Break("it is cut off: a recorder that was killed leaves such files")

    def _inside(self, content: bytes, whole: bool) -> Iterator[tuple[int, bytes]]:
        """Yield the records of a chunk, of half a chunk those before the break."""
        if len(content) < _CHUNK_HEAD.size:
            return
        size = _CHUNK_HEAD.unpack_from(content)[2]
        compression_end = _CHUNK_HEAD.size + _CHUNK_HEAD.unpack_from(content)[4]
        compression = content[_CHUNK_HEAD.size : compression_end]
        try:
            data = _decompressor(compression)(content[compression_end + 8 :])
        except Exception as error:  # zstd and lz4 have errors of their own
            raise _Break(f"a chunk cannot be decompressed: {error}") from error
        if whole and len(data) != size:
            raise _Break(f"a chunk holds {len(data)} bytes in place of {size}")
        position = 0
        while position + 9 <= len(data):
            opcode, length = struct.unpack_from("<BQ", data, position)
            position += 9 + length
            if position > len(data):
                return
            yield opcode, data[position - length : position]

    def _parsed(self, kind: str, content: bytes) -> Any:
        stream = self._data_stream.ReadDataStream(io.BytesIO(content))
        return getattr(self._records, kind).read(stream)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _topic(channel: Any, schema: Any) -> Topic:
    """A channel and its schema as a topic; without a schema it has no type."""
    if schema is None:
        return Topic(channel.topic, "", channel.message_encoding, metadata=dict(channel.metadata))
    return Topic(
        channel.topic,
        schema.name,
        channel.message_encoding,
        schema.data.decode("utf-8", "replace"),
        schema.encoding,
        dict(channel.metadata),
    )


def _decompressor(name: bytes) -> Callable[[bytes], bytes]:
    """A function that decompresses a whole frame, or what there is of a broken one."""
    decompress: Callable[[bytes], bytes]
    if name == b"zstd":
        decompress = import_mcap("zstandard").ZstdDecompressor().decompressobj().decompress
    elif name == b"lz4":
        decompress = import_mcap("lz4.frame").LZ4FrameDecompressor().decompress
    elif name == b"":
        decompress = bytes
    else:
        raise ValueError(f"unknown compression {name!r}")
    return decompress
