"""A ROS 2 node: images or detections in, tracks with probabilities out.

```bash
python scripts/ros2_node.py --ros-args -r image:=/camera/image_raw -p config:=configs/camera.toml
```

This is the shell around `tracker.bags.live`: parameters, subscriptions, publishers and the states
of a managed (lifecycle) node. All that is done with a message is in the package and tested there.
Run it where ROS 2 is set up and `conftrack[detect,robotics]` is installed. docs/bags.md describes
topics, parameters and quality of service.
"""

from __future__ import annotations

import importlib
import logging
import sys
from functools import cache
from typing import Any

import rclpy
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from tracker import presets
from tracker.bags.live import LiveTracker
from tracker.bags.writing import TOPICS
from tracker.errors import ConftrackError
from tracker.tracker import Tracker

# Subscribed topic, message type and how many may wait. Of images only the newest is worth looking
# at; detections are small, and each one is evidence.
INPUTS = {
    "image": ("image", "sensor_msgs/msg/Image", 1),
    "compressed": ("image/compressed", "sensor_msgs/msg/CompressedImage", 1),
    "detections": ("detections", "vision_msgs/msg/Detection2DArray", 10),
}
LATCHED = ("label_info", "vision_info")
# Of another package than ROS itself: without it a topic is missing, not the node.
OPTIONAL = {
    "tracks": "build the interface package scripts/conftrack_msgs with colcon",
    "annotations": "install the ROS package foxglove_msgs",
}


@cache
def message_class(type_name: str) -> Any:
    """The class of "package/msg/Name".

    Raises:
        ImportError: The package is not installed.
    """
    package, _, name = type_name.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), name)


def make(type_name: str, /, **fields: Any) -> Any:
    """Build a message of rclpy."""
    return message_class(type_name)(**fields)


def quality(depth: int, *, reliable: bool, latched: bool = False) -> QoSProfile:
    """Sensor data is best effort and volatile; results are reliable; names wait for all."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


class _ToRos(logging.Handler):
    """What the package logs goes to the node's log."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        self._logger.warning(record.getMessage())


class TrackerNode(LifecycleNode):
    """Unconfigured: nothing. Inactive: model loaded, topics advertised. Active: tracking."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__("conftrack")
        for name, default in (
            ("config", "camera"),
            ("input", "image"),
            ("model", "auto"),
            ("device", "auto"),
            ("threshold", -1.0),
            ("classes", ""),
            ("camera_motion", False),
            ("min_existence", 0.0),
        ):
            self.declare_parameter(name, default)
        self._live: LiveTracker | None = None
        self._publishers_by_key: dict[str, Any] = {}
        self._subscription: Any = None
        self._jump: Any = None
        self._handler = _ToRos(self.get_logger())
        logging.getLogger("conftrack").addHandler(self._handler)

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        """Read settings, load the model, advertise the results."""
        try:
            self._configure()
        except (ConftrackError, OSError) as error:
            self.get_logger().error(f"cannot be configured: {error}")
            self._forget()
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        use = self._value("input")
        if use not in INPUTS:
            raise ConftrackError(f"input must be one of {', '.join(INPUTS)}, got {use!r}")
        tracker = Tracker(presets.load(self._value("config")))
        threshold = self._value("threshold")
        named = [name.strip() for name in self._value("classes").split(",") if name.strip()]
        detector = None
        if use != "detections":
            import detectors

            detector = detectors.load(
                self._value("model"),
                device=self._value("device"),
                score_threshold=threshold if threshold >= 0 else None,
                classes=named or None,
            )
            note = getattr(detector, "note", "") or f"{detector.name} on {detector.device}"
            self.get_logger().info(note)
        follower = None
        if self._value("camera_motion"):
            from tracker.video.camera_motion import CameraMotion

            follower = CameraMotion()
        for key, type_name in TOPICS.items():
            try:
                cls = message_class(type_name)
            except ImportError:
                if key not in OPTIONAL:
                    raise ConftrackError(
                        f"{type_name} is not there: install the ROS package"
                        f" {type_name.split('/')[0]}"
                    ) from None
                self.get_logger().warning(f"no topic {key}: for it, {OPTIONAL[key]}")
                continue
            latched = key in LATCHED
            profile = quality(1 if latched else 10, reliable=True, latched=latched)
            self._publishers_by_key[key] = self.create_lifecycle_publisher(cls, f"~/{key}", profile)
        self._live = LiveTracker(
            make,
            tracker,
            use=use,
            detector=detector,
            classes=named or None,
            score_threshold=max(threshold, 0.0),
            least_existence=self._value("min_existence"),
            outputs=[key for key in self._publishers_by_key if key not in LATCHED],
            location=f"{self.get_fully_qualified_name()}/label_info",
            camera_motion=follower,
        )

    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        """Begin to listen."""
        answer = super().on_activate(state)
        topic, type_name, depth = INPUTS[self._value("input")]
        self._subscription = self.create_subscription(
            message_class(type_name), topic, self._on_message, quality(depth, reliable=False)
        )
        # use_sim_time: a simulation that starts again sets the clock back.
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
            ),
            post_callback=self._on_jump,
        )
        return answer

    def on_deactivate(self, state: Any) -> TransitionCallbackReturn:
        """Stop listening; the tracks end, as nobody knows how long it takes."""
        self._stop_listening()
        if self._live is not None:
            self._live.reset()
        return super().on_deactivate(state)

    def on_cleanup(self, state: Any) -> TransitionCallbackReturn:
        """Forget model, tracker and topics."""
        self._forget()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: Any) -> TransitionCallbackReturn:
        """Forget everything, in whatever state."""
        self._forget()
        return TransitionCallbackReturn.SUCCESS

    def _stop_listening(self) -> None:
        if self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None
        if self._jump is not None:
            self._jump.unregister()
            self._jump = None

    def _forget(self) -> None:
        self._stop_listening()
        for publisher in self._publishers_by_key.values():
            self.destroy_lifecycle_publisher(publisher)
        self._publishers_by_key.clear()
        self._live = None

    def _on_message(self, message: Any) -> None:
        if self._live is None:
            return
        now_ns = self.get_clock().now().nanoseconds
        try:
            results = self._live.take(message, now_ns=now_ns)
        except ConftrackError as error:
            # Another camera setting may come; the node lives on.
            self.get_logger().error(str(error), throttle_duration_sec=10.0)
            return
        for key, result in results.items():
            if key in self._publishers_by_key:
                self._publishers_by_key[key].publish(result)

    def _on_jump(self, jump: Any) -> None:
        if self._live is not None:
            self._live.reset()

    def destroy_node(self) -> Any:
        """Give the log back too."""
        logging.getLogger("conftrack").removeHandler(self._handler)
        return super().destroy_node()


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is stopped; without a lifecycle manager it starts by itself.

    `--managed` leaves configure and activate to a manager, such as that of Nav2 or a launch file.

    Returns:
        0, or 1 if it cannot be configured.
    """
    given = sys.argv if arguments is None else arguments
    managed = "--managed" in given
    rclpy.init(args=[argument for argument in given if argument != "--managed"])
    node = TrackerNode()
    try:
        if not managed:
            success = TransitionCallbackReturn.SUCCESS
            if node.trigger_configure() != success or node.trigger_activate() != success:
                return 1
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
