"""Which topic of a bag to read, and what its messages are.

In: an opened `Container` and what the user named. Out: a topic that can be used, or an error that
lists what there is; and for a topic of detections, its classes.
"""

from __future__ import annotations

from typing import Literal

from tracker.bags.container import Container, Topic
from tracker.bags.labels import Labels
from tracker.bags.messages import hypotheses_of
from tracker.bags.types import decoder
from tracker.errors import SourceError

__all__ = ["Use", "choose_topic", "read_labels", "use_of"]

Use = Literal["image", "compressed", "detections", ""]

_USES: dict[str, Use] = {
    "sensor_msgs/msg/Image": "image",
    "sensor_msgs/msg/CompressedImage": "compressed",
    "vision_msgs/msg/Detection2DArray": "detections",
}
_LABEL_INFO = "vision_msgs/msg/LabelInfo"


def use_of(topic: Topic) -> Use:
    """What a topic can be used for, "" for nothing."""
    return _USES.get(topic.ros_type, "") if topic.encoding in ("cdr", "ros1") else ""


def choose_topic(container: Container, name: str | None, *, detections: bool = False) -> Topic:
    """Find the topic to read.

    Args:
        container: The bag.
        name: As the user gave it; a missing "/" in front is forgiven. None takes the only image
            topic there is.
        detections: It is to be a topic of detections, not of images.

    Raises:
        SourceError: It is not there or of another type, or without a name there is a choice; the
            message lists what there is.
    """
    topics = container.topics
    wanted = ("detections",) if detections else ("image", "compressed")
    usable = [topic.name for topic in topics.values() if use_of(topic) in wanted]
    what = "detections" if detections else "images"
    if name is None:
        if len(usable) == 1:
            return topics[usable[0]]
        if usable:
            raise SourceError(
                f"{container.path} has {len(usable)} topics of images: choose one with"
                f" --image-topic: {', '.join(usable)}"
            )
        raise SourceError(f"{container.path} has no topic of images; it has {_listed(topics)}")
    topic = topics.get(name) or topics.get(f"/{name}")
    if topic is None:
        raise SourceError(f"{container.path} has no topic {name}; it has {_listed(topics)}")
    if topic.name not in usable:
        raise SourceError(
            f"{topic.name} holds {topic.type or 'no known type'}, not {what}; of {what} there"
            f" {'is' if len(usable) == 1 else 'are'} {', '.join(usable) or 'none'}"
        )
    return topic


def _listed(topics: dict[str, Topic]) -> str:
    listed = ", ".join(f"{topic.name} ({topic.type or '?'})" for topic in topics.values())
    return listed or "none at all"


def read_labels(container: Container, topic: Topic) -> tuple[Labels, bool]:
    """Go through a topic of detections once for its classes.

    Names come from the bag's `LabelInfo`, if it has exactly one topic of those.

    Returns:
        The classes, in the order of their numbers or else of appearance, and whether detections
        have several results, that is, class vectors.

    Raises:
        SourceError: The messages do not fit their definition.
    """
    infos = [t for t in container.topics.values() if t.ros_type == _LABEL_INFO]
    known: dict[int, str] = {}
    if len(infos) == 1:
        decode = decoder(infos[0])
        for raw in container.messages([infos[0].name]):
            for entry in decode(raw.data).class_map:
                known[int(entry.class_id)] = str(entry.class_name)
    decode = decoder(topic)
    found: dict[str, None] = {}
    several = False
    for raw in container.messages([topic.name]):
        for detection in decode(raw.data).detections:
            names = [name for name, _ in hypotheses_of(detection)]
            found.update(dict.fromkeys(names))
            several = several or len(names) > 1
    labels = Labels(known)
    numbers = sorted((name for name in found if name.isascii() and name.isdecimal()), key=int)
    for name in (*numbers, *(name for name in found if name not in numbers)):
        labels.index(name)
    return labels, several
