"""Between ROS messages and the columns of the tracker; pure functions, no ROS, no bag.

In: messages as objects with attributes, whoever made them: a library that reads bags, or rclpy. Out:
`Header`, `Detections`. The other way round: tracks in; out come messages that `make` builds, a
function that takes a type name and fields. So bags and live nodes share every line of this.

| message | what stands in it |
|---|---|
| `vision_msgs/Detection2DArray` | a detection a track; `id` its number; a result a class, whose `score` is P(exists) · P(class) |
| `conftrack_msgs/TrackArray` | existence, score, state, velocity, covariance and counts of each track |
| `vision_msgs/LabelInfo`, `VisionInfo` | class names and the model, once |
"""  # noqa: E501 - a table

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tracker.bags.definitions import DETECTIONS, LABEL_INFO, TRACKS, VISION_INFO
from tracker.bags.labels import Labels
from tracker.detections import Detections
from tracker.tracks import Tracks

__all__ = [
    "Header",
    "MessageMaker",
    "detection_array",
    "detections_of",
    "header_of",
    "hypotheses_of",
    "label_info",
    "stamp",
    "track_array",
    "vision_info",
]

# Classes less probable than this are left out of the results, as in our other outputs.
_LEAST_PROBABILITY = 0.01
_SECOND = 1_000_000_000


class MessageMaker(Protocol):
    """Builds a message: `types.new` for bags, `ros2_node.make` for rclpy."""

    def __call__(self, type_name: str, /, **fields: Any) -> Any:
        """Give a message of a type such as "vision_msgs/msg/Point2D" with these fields."""


@dataclass(frozen=True, slots=True)
class Header:
    """When and where an image was taken.

    Attributes:
        stamp_ns: Acquisition time in integer nanoseconds; 0 says that nobody set it.
        frame_id: Coordinate frame of the camera.
    """

    stamp_ns: int
    frame_id: str


def header_of(message: Any) -> Header:
    """The header of a message, its time as one integer.

    Example:
        >>> from types import SimpleNamespace as Message
        >>> time = Message(sec=1700000000, nanosec=123456789)
        >>> header_of(Message(header=Message(stamp=time, frame_id="camera")))
        Header(stamp_ns=1700000000123456789, frame_id='camera')
    """
    time = message.header.stamp
    return Header(int(time.sec) * _SECOND + int(time.nanosec), str(message.header.frame_id))


def hypotheses_of(detection: Any) -> list[tuple[str, float]]:
    """The class names and scores of a `Detection2D`, of 4.x or of an older form."""
    found = []
    for result in detection.results:
        hypothesis = getattr(result, "hypothesis", result)
        name = hypothesis.class_id if hasattr(hypothesis, "class_id") else hypothesis.id
        found.append((str(name), float(hypothesis.score)))
    return found


def detections_of(message: Any, labels: Labels, *, vectors: bool = False) -> tuple[Detections, int]:
    """Read a `vision_msgs/Detection2DArray` of 4.x, or of the older forms of ROS 1 and Foxy.

    A box that is turned by `theta` is replaced by the upright one around it. The confidence is the
    best score of the results. Left out are: detections without results, as nothing says how sure
    they are, and those with a score outside [0, 1] or a box that is none.

    Args:
        message: The array.
        labels: Classes known so far; new ones are added.
        vectors: Use all results of a detection as its class vector; else only the best counts.

    Returns:
        The detections, and how many were left out.
    """
    boxes: list[tuple[float, float, float, float]] = []
    confidence: list[float] = []
    class_id: list[int] = []
    scores: list[dict[int, float]] = []
    empty = 0
    for detection in message.detections:
        found = {labels.index(name): score for name, score in hypotheses_of(detection)}
        if not found:
            empty += 1
            continue
        best = max(found, key=lambda index: found[index])
        boxes.append(_corners(detection.bbox))
        confidence.append(found[best])
        class_id.append(best)
        scores.append(found)
    likely = None
    if vectors:
        likely = np.zeros((len(boxes), len(labels)))
        for row, found in enumerate(scores):
            likely[row, list(found)] = list(found.values())
    detections = Detections(boxes, confidence, class_id or 0, likely, on_bad="drop")
    return detections, empty + detections.dropped


def _corners(box: Any) -> tuple[float, float, float, float]:
    """The upright box around a `BoundingBox2D`, x1, y1, x2, y2."""
    centre = getattr(box.center, "position", box.center)
    width, height, theta = float(box.size_x), float(box.size_y), float(box.center.theta)
    if theta and math.isfinite(theta):
        c, s = abs(math.cos(theta)), abs(math.sin(theta))
        width, height = width * c + height * s, width * s + height * c
    x, y = float(centre.x), float(centre.y)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def stamp(make: MessageMaker, stamp_ns: int) -> Any:
    """A `builtin_interfaces/Time` of integer nanoseconds."""
    seconds, nanoseconds = divmod(stamp_ns, _SECOND)
    return make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)


def _header(make: MessageMaker, header: Header) -> Any:
    return make("std_msgs/msg/Header", stamp=stamp(make, header.stamp_ns), frame_id=header.frame_id)


def detection_array(make: MessageMaker, header: Header, tracks: Tracks, labels: Labels) -> Any:
    """All tracks as a `vision_msgs/Detection2DArray`.

    The scores of one detection sum to its existence (but for classes under 1 %, which are left
    out): the probability that there is an object of this class, whether it was seen now or not. So
    a threshold on `score` is one on probability.

    Args:
        make: Builds messages.
        header: Of the image.
        tracks: Of the image.
        labels: Numbers by class index.
    """
    head = _header(make, header)
    pose = _no_pose(make)
    detections = []
    for row, (x, y, width, height) in enumerate(_centred(tracks)):
        posterior = tracks.class_probabilities[row]
        existence = float(tracks.existence[row])
        # A tracker that knows one class only is sure of it.
        likely = dict(enumerate(posterior.tolist())) or {int(tracks.class_id[row]): 1.0}
        shown = sorted(
            (index for index, p in likely.items() if p >= _LEAST_PROBABILITY),
            key=lambda index: (-likely[index], index),
        )
        detections.append(
            make(
                "vision_msgs/msg/Detection2D",
                header=head,
                results=[
                    make(
                        "vision_msgs/msg/ObjectHypothesisWithPose",
                        hypothesis=make(
                            "vision_msgs/msg/ObjectHypothesis",
                            class_id=str(_number(labels, index)),
                            score=existence * likely[index],
                        ),
                        pose=pose,
                    )
                    for index in shown
                ],
                bbox=make(
                    "vision_msgs/msg/BoundingBox2D",
                    center=make(
                        "vision_msgs/msg/Pose2D",
                        position=make("vision_msgs/msg/Point2D", x=x, y=y),
                        theta=0.0,
                    ),
                    size_x=width,
                    size_y=height,
                ),
                id=str(int(tracks.track_id[row])),
            )
        )
    return make(DETECTIONS, header=head, detections=detections)


def _no_pose(make: MessageMaker) -> Any:
    """The pose of a result: nothing is known about it in 3-D, so it stays at its defaults."""
    return make(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=make(
            "geometry_msgs/msg/Pose",
            position=make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
            orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        ),
        covariance=np.zeros(36),
    )


def _centred(tracks: Tracks) -> list[list[float]]:
    """Centre and size of each box, as Python numbers."""
    corner, opposite = tracks.xyxy[:, :2], tracks.xyxy[:, 2:]
    boxes: list[list[float]] = np.hstack([(corner + opposite) / 2, opposite - corner]).tolist()
    return boxes


def _number(labels: Labels, index: int) -> int:
    """Number of a class; one that nobody named keeps its index."""
    return labels.numbers[index] if index < len(labels) else index


def track_array(
    make: MessageMaker, header: Header, tracks: Tracks, labels: Labels, *, looked: bool
) -> Any:
    """All that is known about the tracks, as a `conftrack_msgs/TrackArray`.

    Args:
        make: Builds messages.
        header: Of the image.
        tracks: Of the image.
        labels: Numbers by class index.
        looked: Whether a detector looked at the image.
    """
    seen = tracks.seen.tolist()
    return make(
        TRACKS,
        header=_header(make, header),
        looked=looked,
        tracks=[
            make(
                "conftrack_msgs/msg/Track",
                id=int(tracks.track_id[row]),
                state=int(tracks.state[row]),
                existence=float(tracks.existence[row]),
                score=float(tracks.score[row]),
                x=x,
                y=y,
                width=width,
                height=height,
                velocity_x=float(tracks.velocity[row, 0]),
                velocity_y=float(tracks.velocity[row, 1]),
                covariance=np.array(tracks.covariance[row], np.float64).ravel(),
                class_id=_number(labels, int(tracks.class_id[row])),
                hits=int(tracks.hits[row]),
                misses=int(tracks.misses[row]),
                age_s=float(tracks.age_s[row]),
                gap_s=float(tracks.gap_s[row]),
                detected=seen[row],
            )
            for row, (x, y, width, height) in enumerate(_centred(tracks))
        ],
    )


def label_info(
    make: MessageMaker, header: Header, labels: Labels, *, threshold: float = 0.0
) -> Any:
    """The class names, as a `vision_msgs/LabelInfo`; nothing was left out below `threshold`."""
    return make(
        LABEL_INFO,
        header=_header(make, header),
        class_map=[
            make("vision_msgs/msg/VisionClass", class_id=number, class_name=name)
            for number, name in zip(labels.numbers, labels.names, strict=True)
        ],
        threshold=float(threshold),
    )


def vision_info(make: MessageMaker, header: Header, *, method: str, location: str) -> Any:
    """What found the objects, and the topic of the class names, as a `vision_msgs/VisionInfo`."""
    return make(
        VISION_INFO,
        header=_header(make, header),
        method=method,
        database_location=location,
        database_version=0,
    )
