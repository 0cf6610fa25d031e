"""The message types that are written are those that ROS and Foxglove know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from tracker.bags.definitions import ANNOTATIONS, DEFINITIONS
from tracker.bags.types import definition_of, new, serialize, type_hash

# As ROS 2 itself generates them from vision_msgs 4.x (rosidl, Iron and later).
OFFICIAL = {
    "vision_msgs/msg/Detection2DArray": (
        "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968"
    ),
    "vision_msgs/msg/LabelInfo": (
        "3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783"
    ),
    "vision_msgs/msg/VisionClass": (
        "1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a"
    ),
    "vision_msgs/msg/VisionInfo": (
        "95d3116a17484ad91c9a2686e1d54890bbfc3ff6c6a2de137738c4950d45d284"
    ),
}


@pytest.mark.parametrize(("name", "digest"), OFFICIAL.items())
def test_vision_msgs_have_the_hashes_of_ros(name: str, digest: str) -> None:
    assert type_hash(name) == f"RIHS01_{digest}"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_is_complete(name: str) -> None:
    """A reader with nothing but the schema of the file must find every type in it."""
    from rosbags.typesys import get_types_from_msg

    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition_of(name), name))
    store.get_msgdef(name)


def test_annotations_follow_the_official_schema() -> None:
    """Field for field and number for number as in Foxglove's own package of schemas."""
    pb2 = pytest.importorskip("foxglove_schemas_protobuf.ImageAnnotations_pb2")
    store = get_typestore(Stores.ROS2_HUMBLE)
    numbers = {"float64": 1, "string": 9, "uint8": 14}  # descriptor.TYPE_DOUBLE, _STRING, _ENUM

    def compare(ours: str, official: Any) -> None:
        from tracker.bags.types import _own_types

        fields = _own_types().fielddefs[ours][1]
        for field, (kind, detail) in fields:
            theirs = official.fields_by_name[field]
            if kind == 4:  # a sequence
                assert theirs.is_repeated
                kind, detail = detail[0]
            else:
                assert not theirs.is_repeated
            if kind == 1:
                assert theirs.type == numbers[detail[0]], field
            elif detail == "builtin_interfaces/msg/Time":
                assert theirs.message_type.full_name == "google.protobuf.Timestamp"
            else:
                assert theirs.message_type.full_name == "foxglove." + detail.rsplit("/", 1)[1]
                compare(detail, theirs.message_type)

    compare(ANNOTATIONS, pb2.DESCRIPTOR.message_types_by_name["ImageAnnotations"])
    points = pb2.DESCRIPTOR.message_types_by_name["ImageAnnotations"].fields_by_name["points"]
    kinds = {v.name: v.number for v in points.message_type.enum_types_by_name["Type"].values}
    cls = new(
        "foxglove_msgs/msg/PointsAnnotation",
        timestamp=None, type=0, points=[], outline_color=None, outline_colors=[], fill_color=None,
        thickness=1.0,
    )  # fmt: skip
    assert kinds == {name: getattr(cls, name) for name in kinds}
    assert store.fielddefs["builtin_interfaces/msg/Time"][1][0][0] == "sec"


def test_the_interface_package_builds_the_same_types() -> None:
    folder = Path(__file__).parents[2] / "scripts" / "conftrack_msgs"
    built = {path.stem: path.read_text() for path in (folder / "msg").glob("*.msg")}
    ours = {
        name.rsplit("/", 1)[1]: text
        for name, text in DEFINITIONS.items()
        if name.startswith("conftrack_msgs/")
    }
    assert built == ours
    listed = (folder / "CMakeLists.txt").read_text()
    assert all(f'"msg/{name}.msg"' in listed for name in ours)


def test_a_type_nobody_knows_has_no_definition() -> None:
    assert definition_of("acme_msgs/msg/Thing") == ""


def test_serialized_bytes_are_cdr() -> None:
    data = serialize(new("vision_msgs/msg/Point2D", x=1.0, y=-2.0))
    assert data == b"\x00\x01\x00\x00" + np.array([1.0, -2.0]).tobytes()
