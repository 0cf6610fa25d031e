"""Small bags of every kind, written by libraries that the code under test does not read with.

The scene is the moving square of the command line's tests: 20 frames, recorded detections.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

_MISSING = [
    name
    for name in ("rosbags", "mcap", "mcap_ros2", "mcap_ros1", "cv2", "av", "typer", "rich")
    if importlib.util.find_spec(name) is None
]
collect_ignore_glob = ["test_*.py"] if _MISSING else []

# A time of today: as a float of seconds it would be off by a tenth of a microsecond.
START_NS = 1_760_000_000_123_456_789
PERIOD_NS = 100_000_001
FRAMES, WIDTH, HEIGHT = 20, 128, 96
Image = np.ndarray[Any, Any]


def picture(i: int) -> Image:
    """Frame `i`: a bright square on dark noise, with a colour that tells the channels apart."""
    rng = np.random.default_rng(i)
    image = rng.integers(0, 60, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[20:80, 10 + 4 * i : 35 + 4 * i] = (200, 120, 40)
    return image


def box(i: int) -> tuple[float, float, float, float]:
    """Centre and size of the square."""
    return 22.5 + 4 * i, 50.0, 25.0, 60.0


@dataclass(frozen=True)
class Entry:
    """One message to record: plain values, a dict for each message inside."""

    topic: str
    type: str
    log_ns: int
    fields: dict[str, Any] = field(default_factory=dict)


def stamp_of(ns: int) -> dict[str, int]:
    return {"sec": ns // 10**9, "nanosec": ns % 10**9}


def header(ns: int, frame_id: str = "camera_optical") -> dict[str, Any]:
    return {"stamp": stamp_of(ns), "frame_id": frame_id}


def image_entry(
    i: int,
    *,
    topic: str = "/camera/image_raw",
    stamp_ns: int | None = None,
    log_ns: int | None = None,
    encoding: str = "bgr8",
    pad: int = 5,
) -> Entry:
    """Frame `i` as `sensor_msgs/Image` with padded rows, logged 3 ms after it was taken."""
    stamp_ns = START_NS + i * PERIOD_NS if stamp_ns is None else stamp_ns
    image = picture(i)
    if encoding == "bgr8":
        image = image[..., ::-1]
    rows = image.reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, pad)), constant_values=255)
    return Entry(
        topic,
        "sensor_msgs/msg/Image",
        stamp_ns + 3_000_000 if log_ns is None else log_ns,
        {
            "header": header(stamp_ns),
            "height": HEIGHT,
            "width": WIDTH,
            "encoding": encoding,
            "is_bigendian": 0,
            "step": rows.shape[1],
            "data": np.ascontiguousarray(rows).ravel(),
        },
    )


def compressed_entry(i: int, *, topic: str = "/camera/image_raw/compressed") -> Entry:
    import cv2

    stamp_ns = START_NS + i * PERIOD_NS
    ok, data = cv2.imencode(".png" if i % 2 else ".jpg", picture(i)[..., ::-1])
    assert ok
    return Entry(
        topic,
        "sensor_msgs/msg/CompressedImage",
        stamp_ns + 3_000_000,
        {
            "header": header(stamp_ns),
            "format": "png" if i % 2 else "rgb8; jpeg compressed bgr8",
            "data": np.asarray(data).ravel(),
        },
    )


def pose() -> dict[str, Any]:
    zero = {"x": 0.0, "y": 0.0, "z": 0.0}
    return {
        "pose": {"position": zero, "orientation": {**zero, "w": 1.0}},
        "covariance": np.zeros(36),
    }


def detection_entry(
    i: int,
    *,
    results: Sequence[tuple[str, float]] = (("person", 0.7),),
    theta: float = 0.0,
    stamp_ns: int | None = None,
    log_ns: int | None = None,
) -> Entry:
    """The square as somebody else's detector saw it."""
    stamp_ns = START_NS + i * PERIOD_NS if stamp_ns is None else stamp_ns
    x, y, width, height = box(i)
    return Entry(
        "/yolo/detections",
        "vision_msgs/msg/Detection2DArray",
        stamp_ns + 5_000_000 if log_ns is None else log_ns,
        {
            "header": header(stamp_ns),
            "detections": [
                {
                    "header": header(stamp_ns),
                    "results": [
                        {"hypothesis": {"class_id": name, "score": score}, "pose": pose()}
                        for name, score in results
                    ],
                    "bbox": {
                        "center": {"position": {"x": x, "y": y}, "theta": theta},
                        "size_x": width,
                        "size_y": height,
                    },
                    "id": "",
                }
            ],
        },
    )


def text_entry(i: int, topic: str = "/rosout_text") -> Entry:
    log_ns = START_NS + i * PERIOD_NS + 1
    return Entry(topic, "std_msgs/msg/String", log_ns, {"data": f"line {i} é"})


@pytest.fixture(scope="session")
def entries() -> list[Entry]:
    """A recording of a robot: a camera, another one in between, words, in order of recording."""
    found = []
    for i in range(FRAMES):
        found.append(text_entry(i))
        found.append(image_entry(i))
        found.append(
            image_entry(
                FRAMES - 1 - i,
                topic="/other/image_raw",
                stamp_ns=START_NS + i * PERIOD_NS + 41_000_000,
                encoding="rgb8",
            )
        )
    return found


# ---- writers -------------------------------------------------------------------------------


def _store(ros1: bool = False) -> Any:
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    from tracker.bags.definitions import DEFINITIONS

    store = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for name, text in DEFINITIONS.items():
        if not ros1 or name.startswith("vision_msgs/"):
            types.update(get_types_from_msg(text, name))
    store.register(types)
    return store


def built(store: Any, type_name: str, values: dict[str, Any]) -> Any:
    """A message of rosbags from plain values."""
    from rosbags.interfaces import Nodetype

    made: dict[str, Any] = {}
    for name, (kind, detail) in store.fielddefs[type_name][1]:
        value = values.get(name, 0) if name == "seq" else values[name]
        if kind == Nodetype.NAME:
            value = built(store, detail, value)
        elif kind in (Nodetype.SEQUENCE, Nodetype.ARRAY) and detail[0][0] == Nodetype.NAME:
            value = [built(store, detail[0][1], item) for item in value]
        made[name] = value
    return store.types[type_name](**made)


def write_rosbags2(path: Path, entries: Sequence[Entry], storage: str = "sqlite3") -> Path:
    """A rosbag2 folder, by the library rosbags."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    store = _store()
    plugin = StoragePlugin.SQLITE3 if storage == "sqlite3" else StoragePlugin.MCAP
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {
            (e.topic, e.type): writer.add_connection(e.topic, e.type, typestore=store)
            for e in {(e.topic, e.type): e for e in entries}.values()
        }
        for e in entries:
            data = store.serialize_cdr(built(store, e.type, e.fields), e.type)
            writer.write(connections[e.topic, e.type], e.log_ns, data)
    return path


def write_ros1(path: Path, entries: Sequence[Entry], compression: str | None = None) -> Path:
    """A ROS 1 bag, by the library rosbags."""
    from rosbags.rosbag1 import Writer

    store = _store(ros1=True)
    bag = Writer(path)
    if compression is not None:
        bag.set_compression(Writer.CompressionFormat[compression])
    with bag as writer:
        connections = {
            (e.topic, e.type): writer.add_connection(e.topic, e.type, typestore=store)
            for e in {(e.topic, e.type): e for e in entries}.values()
        }
        for e in entries:
            data = store.serialize_ros1(built(store, e.type, e.fields), e.type)
            writer.write(connections[e.topic, e.type], e.log_ns, data)
    return path


def _plain(value: Any) -> Any:
    """Arrays as bytes or lists: what the writer of mcap-ros2-support takes."""
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype == np.uint8 else value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def write_mcap(
    path: Path,
    entries: Sequence[Entry],
    *,
    chunk_size: int = 1024 * 1024,
    compression: str = "ZSTD",
    ros1: bool = False,
) -> Path:
    """An MCAP file, by mcap-ros2-support, which has a serializer of its own."""
    from mcap.writer import CompressionType
    from mcap_ros2.writer import Writer

    store = _store()
    with open(path, "wb") as file:
        writer = Writer(file, chunk_size=chunk_size, compression=CompressionType[compression])
        schemas = {
            type_name: writer.register_msgdef(
                type_name.replace("/msg/", "/") if ros1 else type_name,
                store.generate_msgdef(type_name, ros_version=2)[0],
            )
            for type_name in dict.fromkeys(e.type for e in entries)
        }
        for e in entries:
            writer.write_message(e.topic, schemas[e.type], _plain(e.fields), e.log_ns, e.log_ns)
        writer.finish()
    return path


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> Path:
    """The recording as one MCAP file."""
    return write_mcap(tmp_path_factory.mktemp("drive") / "drive.mcap", entries)


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Recorded detections for the pictures, as a model for the command line."""
    from tracker.detections import Detections
    from tracker.formats import DetectionsJsonlWriter
    from tracker.frames import Frame

    path = tmp_path_factory.mktemp("model") / "detections.jsonl"
    with DetectionsJsonlWriter(path, class_names=["person", "car"]) as writer:
        for i in range(FRAMES):
            x, y, width, height = box(i)
            boxes = [[x - width / 2, y - height / 2, x + width / 2, y + height / 2]]
            scores, vectors = [0.7], [[0.6, 0.1]]
            if i == 5:  # one flicker of noise
                boxes.append([90.0, 5.0, 100.0, 30.0])
                scores.append(0.2)
                vectors.append([0.05, 0.2])
            ids = [0, 1][: len(boxes)]
            writer.write(Frame(picture(i), i / 10, i), Detections(boxes, scores, ids, vectors))
    return f"replay:{path}"


# ---- readers, not those of the code under test ---------------------------------------------


@dataclass(frozen=True)
class Read:
    """One message as another library reads it."""

    topic: str
    type: str
    log_ns: int
    publish_ns: int
    message: Any


def read_mcap_ros2(path: Path) -> list[Read]:
    """All messages by mcap-ros2-support."""
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    with open(path, "rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        return [
            Read(c.topic, s.name, m.log_time, m.publish_time, decoded)
            for s, c, m, decoded in reader.iter_decoded_messages()
            if s is not None
        ]


def read_rosbags(path: Path) -> list[Read]:
    """All messages by rosbags, which reads MCAP with code of its own and checks type hashes."""
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        return [
            Read(c.topic, c.msgtype, time, time, reader.deserialize(data, c.msgtype))
            for c, time, data in reader.messages()
        ]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the program in this process, in an empty folder."""
    from typer.testing import CliRunner

    from tracker.cli.app import app

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="conftrack")

    return call


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """All of this module, for tests that write and read bags of their own."""
    return SimpleNamespace(**globals())
