"""From bytes to messages and back, by message definitions: no ROS installation is needed.

In: the topic of a bag, which carries its definition (or does not: then the types of ROS 2 Humble
and ours stand in), or a message that `new` built. Out: a function that decodes, or CDR bytes.
Every topic is decoded with its own definitions, so that bags of any age and mixture can be read.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tracker.bags.container import Topic
from tracker.bags.definitions import DEFINITIONS
from tracker.bags.optional import import_rosbags
from tracker.errors import SourceError

__all__ = ["decoder", "definition_of", "new", "serialize", "type_hash"]

_IDL_SEPARATOR = "=" * 80 + "\n"


@functools.cache
def _own_types() -> Any:
    """The types of ROS 2 Humble and those of `definitions`."""
    typesys = import_rosbags("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for name, text in DEFINITIONS.items():
        types.update(typesys.get_types_from_msg(text, name))
    store.register(types)
    return store


def new(type_name: str, /, **fields: Any) -> Any:
    """Build a message, for instance `new("builtin_interfaces/msg/Time", sec=1, nanosec=0)`.

    Raises:
        MissingExtraError: The extra `robotics` is not installed.
    """
    return _own_types().types[type_name](**fields)


def serialize(message: Any) -> bytes:
    """The CDR bytes of a message that `new` built."""
    return bytes(_own_types().serialize_cdr(message, message.__msgtype__, little_endian=True))


def definition_of(type_name: str) -> str:
    """Definition of a type and of all it is made of, in the form `ros2msg` of MCAP.

    Returns:
        The text; "" for a type that is neither of ROS 2 Humble nor ours.
    """
    if type_name not in _own_types().types:
        return ""
    text: str = _own_types().generate_msgdef(type_name, ros_version=2)[0]
    return text


def type_hash(type_name: str) -> str:
    """The hash by which ROS 2 (Iron and later) tells whether two definitions are the same."""
    digest: str = _own_types().hash_rihs01(type_name)
    return digest


def decoder(topic: Topic) -> Callable[[bytes], Any]:
    """Give the function that turns the bytes of this topic's messages into objects.

    Raises:
        SourceError: Its definition cannot be understood, or it has none and is no type of ROS 2
            Humble or ours; the function raises it for bytes that do not fit the definition.
    """
    store = _types_of(topic)
    serde = import_rosbags("rosbags.serde")
    decode = store.deserialize_ros1 if topic.encoding == "ros1" else store.deserialize_cdr

    def decoded(data: bytes) -> Any:
        try:
            return decode(data, topic.ros_type)
        except (serde.SerdeError, AssertionError, IndexError, ValueError) as error:
            raise SourceError(
                f"a message of {topic.name} does not fit the definition of {topic.type}"
                f" {'in the bag' if topic.definition else 'of ROS 2 Humble'}: {error}"
            ) from error

    return decoded


def _types_of(topic: Topic) -> Any:
    """A store with the type of this topic and all it is made of."""
    if topic.encoding not in ("cdr", "ros1"):
        raise SourceError(
            f"{topic.name} is encoded as {topic.encoding or 'nothing known'}: ROS messages are"
            " cdr (ROS 2) or ros1"
        )
    if not topic.definition:
        if topic.ros_type not in _own_types().types:
            raise SourceError(
                f"the bag has no definition of {topic.type} ({topic.name}), and it is none of the"
                " types of ROS 2 Humble"
            )
        return _own_types()
    typesys = import_rosbags("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.EMPTY)
    try:
        types: dict[str, Any] = {}
        if topic.definition_format in ("ros2idl", "omgidl"):
            for part in topic.definition.split(_IDL_SEPARATOR):
                if part.strip():
                    text = part.split("\n", 1)[1] if part.startswith("IDL: ") else part
                    types.update(typesys.get_types_from_idl(text))
        else:
            types = typesys.get_types_from_msg(topic.definition, topic.ros_type)
        store.register(types)
    except Exception as error:  # the parser raises what it likes
        raise SourceError(
            f"the definition of {topic.type} in the bag cannot be understood: {error}"
        ) from error
    return store
