"""What a live node does with each message: the same as a bag run, one message at a time.

In: an image or an array of detections, as an object with the message's attributes, and the node's
clock. Out: the messages to publish. Nothing of ROS is imported: scripts/ros2_node.py is the shell
that has the subscriptions and publishers.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

import numpy as np

from tracker.bags.annotations import image_annotations
from tracker.bags.images import UnreadableImage, compressed_to_rgb, image_to_rgb
from tracker.bags.labels import Labels
from tracker.bags.messages import (
    Header,
    MessageMaker,
    detection_array,
    detections_of,
    header_of,
    label_info,
    track_array,
    vision_info,
)
from tracker.bags.order import RESTART_NS
from tracker.bags.topics import Use
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.frames import Frame
from tracker.roles import CameraFollower, FrameDetector
from tracker.tracker import Tracker

__all__ = ["LiveTracker"]

_log = logging.getLogger("conftrack")


class LiveTracker:
    """Tracks what one topic says, message by message; belongs to one thread.

    Messages that come late, or twice at one time, are left out, unless the settings of the tracker
    have a `max_delay_s`: then late ones count too, but have no answer of their own. A time that
    falls by a second or more is a clock that was set back: all tracks end, ids go on.

    Args:
        make: Builds messages.
        tracker: The tracker.
        use: What the messages are: "image", "compressed" or "detections".
        detector: Looks at images; none for detections.
        classes: Of a topic of detections keep only these, by name or number; None keeps all.
        score_threshold: Of a topic of detections leave out what does not score above it.
        least_existence: Leave out tracks believed less than this.
        outputs: Which messages to build, of `writing.TOPICS`.
        location: Name of the topic of the class names, for `VisionInfo`.
        camera_motion: Tells from images how the camera moved; None for one that stands.

    Attributes:
        late: Messages left out so far.
        restarts: How often the clock was set back so far.

    Raises:
        InputError: Images without a detector, or detections with one.
    """

    def __init__(
        self,
        make: MessageMaker,
        tracker: Tracker,
        *,
        use: Use,
        detector: FrameDetector | None = None,
        classes: Collection[str] | None = None,
        score_threshold: float = 0.0,
        least_existence: float = 0.0,
        outputs: Collection[str] = ("detections", "tracks", "annotations"),
        location: str = "label_info",
        camera_motion: CameraFollower | None = None,
    ) -> None:
        """Start without tracks."""
        if use not in ("image", "compressed", "detections"):
            raise InputError(f'use must be "image", "compressed" or "detections", got {use!r}')
        if (detector is None) != (use == "detections"):
            raise InputError("images need a detector, and detections must not have one")
        if camera_motion is not None and use == "detections":
            raise InputError("the camera can be followed in images only")
        self._make, self._tracker, self._use = make, tracker, use
        self._detector, self._outputs, self._location = detector, frozenset(outputs), location
        self._classes = None if classes is None else frozenset(classes)
        self._threshold, self._least = score_threshold, least_existence
        self._follower = camera_motion
        self._labels = Labels() if detector is None else Labels.of(detector.class_names)
        self._named = 0
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._index = 0
        self._said: set[str] = set()
        self.late = 0
        self.restarts = 0

    def take(self, message: Any, *, now_ns: int) -> dict[str, Any]:
        """Take in one message.

        Args:
            message: A `sensor_msgs/Image`, `CompressedImage` or `vision_msgs/Detection2DArray`.
            now_ns: Time of the node's clock in nanoseconds, for headers without a time.

        Returns:
            Messages to publish by key of `writing.TOPICS`; none for a message that was left out
            or came late.
            `label_info` and `vision_info` come first and whenever there are new classes.

        Raises:
            InputError: An encoding of images that is not read.
        """
        header = header_of(message)
        if header.stamp_ns == 0:
            self._say("messages have no time in their headers: the node's clock stands in")
            header = Header(now_ns, header.frame_id)
        delay_ns = 0 if self._last_ns is None else self._last_ns - header.stamp_ns
        # With `max_delay_s` the tracker takes what is late, and the next answer knows of it. A late
        # image says nothing about a moving camera: the warp of the next one begins before it.
        late = self._follower is None and 0 < delay_ns <= self._tracker.config.max_delay_s * 1e9
        if self._last_ns is not None and delay_ns >= 0 and not late:
            if delay_ns < RESTART_NS:
                self.late += 1
                self._say("a message came too late, or twice at one time, and was left out")
                return {}
            self.reset()
        warp = size = None
        detections: Detections | None
        try:
            if self._detector is None:
                detections = self._read(message)
            else:
                frame = self._frame(message, header)
                size = frame.size
                detections = self._detector.detect([frame])[0]
                if self._follower is not None:
                    warp = self._follower.estimate(frame)
        except UnreadableImage as error:
            self._say(f"an image cannot be read and is left out: {error}")
            return {}
        tracks = self._tracker.update(
            detections, timestamp_ns=header.stamp_ns, warp=warp, image_size=size
        )
        if self._follower is not None:
            self._follower.hide(tracks.xyxy)
        if late:
            return {}
        self._last_ns = header.stamp_ns
        if self._least > 0:
            tracks = tracks[tracks.existence >= self._least]
        out: dict[str, Any] = {}
        make, labels = self._make, self._labels
        if not self._named or self._named != len(labels):
            self._named = len(labels)
            out["label_info"] = label_info(make, header, labels)
            method = getattr(self._detector, "name", "detections of a topic")
            out["vision_info"] = vision_info(make, header, method=method, location=self._location)
        if "detections" in self._outputs:
            out["detections"] = detection_array(make, header, tracks, labels)
        if "tracks" in self._outputs:
            looked = detections is not None
            out["tracks"] = track_array(make, header, tracks, labels, looked=looked)
        if "annotations" in self._outputs:
            out["annotations"] = image_annotations(make, header, tracks, labels)
        return out

    def reset(self) -> None:
        """End all tracks: the clock was set back."""
        if self._last_ns is None:
            return
        self._last_ns = None
        self.restarts += 1
        self._tracker.reset()

    def _frame(self, message: Any, header: Header) -> Frame:
        image = image_to_rgb(message) if self._use == "image" else compressed_to_rgb(message)
        if self._first_ns is None:
            self._first_ns = header.stamp_ns
        self._index += 1
        # Seconds since the first image, as in a bag: a float of seconds since 1970 is a coarse one.
        return Frame(image, (header.stamp_ns - self._first_ns) / 1e9, self._index - 1)

    def _read(self, message: Any) -> Detections:
        found, left_out = detections_of(message, self._labels)
        if left_out:
            self._say("detections without a valid box and score are left out")
        return self._chosen(found)

    def _chosen(self, found: Detections) -> Detections:
        """Those of the wanted classes and above the threshold."""
        keep = np.ones(len(found), np.bool_)
        if self._threshold > 0:
            keep &= found.confidence > self._threshold
        if self._classes is not None:
            labels = self._labels
            wanted = [
                index
                for index, (name, number) in enumerate(
                    zip(labels.names, labels.numbers, strict=True)
                )
                if name in self._classes or str(number) in self._classes
            ]
            keep &= np.isin(found.class_id, wanted)
        return found[keep]

    def _say(self, text: str) -> None:
        """Warn once for each text."""
        if text not in self._said and len(self._said) < 100:
            self._said.add(text)
            _log.warning(text)
