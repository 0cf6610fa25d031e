"""The message types that are written, as ROS 2 message definitions.

Out: the text of each type that no ROS installation of ours provides. `vision_msgs` is that of the
4.x series (ROS 2 Humble and later): its type hashes are those that ROS 2 computes. `foxglove_msgs`
is the form that all releases since 3.0 can read. `conftrack_msgs` is this project's own; the
interface package in scripts/conftrack_msgs builds the same for live nodes. Types of `std_msgs`,
`geometry_msgs` and `builtin_interfaces` come with the library `rosbags`.
"""

from __future__ import annotations

__all__ = [
    "ANNOTATIONS",
    "DEFINITIONS",
    "DETECTIONS",
    "LABEL_INFO",
    "TRACKS",
    "VISION_INFO",
]

DETECTIONS = "vision_msgs/msg/Detection2DArray"
LABEL_INFO = "vision_msgs/msg/LabelInfo"
VISION_INFO = "vision_msgs/msg/VisionInfo"
ANNOTATIONS = "foxglove_msgs/msg/ImageAnnotations"
TRACKS = "conftrack_msgs/msg/TrackArray"

DEFINITIONS: dict[str, str] = {
    "vision_msgs/msg/Point2D": """\
float64 x
float64 y
""",
    "vision_msgs/msg/Pose2D": """\
vision_msgs/Point2D position
float64 theta
""",
    "vision_msgs/msg/BoundingBox2D": """\
vision_msgs/Pose2D center
float64 size_x
float64 size_y
""",
    "vision_msgs/msg/ObjectHypothesis": """\
string class_id
float64 score
""",
    "vision_msgs/msg/ObjectHypothesisWithPose": """\
vision_msgs/ObjectHypothesis hypothesis
geometry_msgs/PoseWithCovariance pose
""",
    "vision_msgs/msg/Detection2D": """\
std_msgs/Header header
vision_msgs/ObjectHypothesisWithPose[] results
vision_msgs/BoundingBox2D bbox
string id
""",
    DETECTIONS: """\
std_msgs/Header header
vision_msgs/Detection2D[] detections
""",
    "vision_msgs/msg/VisionClass": """\
uint16 class_id
string class_name
""",
    LABEL_INFO: """\
std_msgs/Header header
vision_msgs/VisionClass[] class_map
float32 threshold
""",
    VISION_INFO: """\
std_msgs/Header header
string method
string database_location
int32 database_version
""",
    "foxglove_msgs/msg/Point2": """\
float64 x
float64 y
""",
    "foxglove_msgs/msg/Color": """\
float64 r
float64 g
float64 b
float64 a
""",
    "foxglove_msgs/msg/CircleAnnotation": """\
builtin_interfaces/Time timestamp
foxglove_msgs/Point2 position
float64 diameter
float64 thickness
foxglove_msgs/Color fill_color
foxglove_msgs/Color outline_color
""",
    "foxglove_msgs/msg/PointsAnnotation": """\
builtin_interfaces/Time timestamp
uint8 UNKNOWN=0
uint8 POINTS=1
uint8 LINE_LOOP=2
uint8 LINE_STRIP=3
uint8 LINE_LIST=4
uint8 type
foxglove_msgs/Point2[] points
foxglove_msgs/Color outline_color
foxglove_msgs/Color[] outline_colors
foxglove_msgs/Color fill_color
float64 thickness
""",
    "foxglove_msgs/msg/TextAnnotation": """\
builtin_interfaces/Time timestamp
foxglove_msgs/Point2 position
string text
float64 font_size
foxglove_msgs/Color text_color
foxglove_msgs/Color background_color
""",
    ANNOTATIONS: """\
foxglove_msgs/CircleAnnotation[] circles
foxglove_msgs/PointsAnnotation[] points
foxglove_msgs/TextAnnotation[] texts
""",
    "conftrack_msgs/msg/Track": """\
# One track at one time. Lengths are pixels of the image, velocities pixels per second.

# Unique in this run, increasing, never reused; Detection2D.id is the same number as text.
uint64 id

uint8 TENTATIVE=0
uint8 CONFIRMED=1
uint8 COASTING=2
uint8 LOST=4
# TENTATIVE: not believed (yet); CONFIRMED: believed and seen; COASTING: believed, not seen now;
# LOST: believed, but its box is a guess.
uint8 state

# P(the object is real), slow, from the whole history.
float64 existence
# P(a real object is in this box in this image); it falls while the track is not seen.
float64 score

# The box: centre and size, and the velocity of its centre.
float64 x
float64 y
float64 width
float64 height
float64 velocity_x
float64 velocity_y
# Row-major 8x8 covariance of (x, y, width, height) and of their velocities in the same order.
float64[64] covariance

# Number of the most probable class in LabelInfo.
uint16 class_id
# Updates with a detection, and updates in which it was looked for and not found.
uint32 hits
uint32 misses
# Seconds since the first and since the last detection.
float64 age_s
float64 gap_s
# Whether it has a detection in this image.
bool detected
""",
    TRACKS: """\
# All living tracks after one image, ordered by id.

# That of the image: acquisition time and frame.
std_msgs/Header header
# False: no detector looked at this image, only time has passed.
bool looked
conftrack_msgs/Track[] tracks
""",
}
