"""What Foxglove draws over the image: `foxglove.ImageAnnotations` of the tracks.

In: tracks of an image. Out: a message that says by its lines what the overlay of our videos says:
a thick frame in the colour of the id where a track is confirmed, only the corners of it while it is
coasting (predicted), a thin grey one for candidates; the less belief, the more transparent. Lost
tracks are left out: nobody knows where they are.

Foxglove knows the schema by its name. Of the encodings it reads, ROS 2's own (CDR,
`foxglove_msgs/msg/ImageAnnotations`) is the one that keeps a bag a ROS 2 bag: `ros2 bag` can play
it, and a live node publishes the very same message.
"""

from __future__ import annotations

from typing import Any

from tracker.bags.definitions import ANNOTATIONS
from tracker.bags.labels import Labels
from tracker.bags.messages import Header, MessageMaker, stamp
from tracker.tracks import Tracks, TrackState
from tracker.video.overlay import percent
from tracker.video.palette import TENTATIVE, Colour, colour_of, ink_on

__all__ = ["image_annotations"]

_LINE_LOOP, _LINE_LIST = 2, 4
# Candidates believed less than this are not drawn: there are dozens.
_LEAST_DRAWN = 0.1
# Share of each side that a corner of a coasting box takes.
_CORNER = 0.25
_THICK, _THIN, _FONT = 3.0, 1.0, 14.0


def image_annotations(make: MessageMaker, header: Header, tracks: Tracks, labels: Labels) -> Any:
    """Draw the tracks of one image.

    Args:
        make: Builds messages.
        header: Of the image; its time is what Foxglove matches image and drawing by.
        tracks: Of the image.
        labels: Names by class index.
    """
    time = stamp(make, header.stamp_ns)
    shown = tracks[~tracks.lost & (tracks.confirmed | (tracks.existence >= _LEAST_DRAWN))]
    points, texts = [], []
    for row in range(len(shown)):
        x1, y1, x2, y2 = shown.xyxy[row].tolist()
        track_id, state = int(shown.track_id[row]), int(shown.state[row])
        existence, index = float(shown.existence[row]), int(shown.class_id[row])
        tentative, coasting = state == TrackState.TENTATIVE, state == TrackState.COASTING
        colour = TENTATIVE if tentative else colour_of(track_id)
        believed = float(shown.score[row]) if coasting else existence
        opacity = 0.2 + 0.6 * believed if tentative else 0.35 + 0.65 * believed
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        points.append(
            make(
                "foxglove_msgs/msg/PointsAnnotation",
                timestamp=time,
                type=_LINE_LIST if coasting else _LINE_LOOP,
                points=[
                    _point(make, x, y) for x, y in (_brackets(corners) if coasting else corners)
                ],
                outline_color=_colour(make, colour, opacity),
                outline_colors=[],
                fill_color=_colour(make, colour, 0.0),
                thickness=_THIN if tentative else _THICK,
            )
        )
        name = labels.names[index] if index < len(labels) else f"class {index}"
        texts.append(
            make(
                "foxglove_msgs/msg/TextAnnotation",
                timestamp=time,
                position=_point(make, x1, y1),
                text=f"{track_id} {name} {percent(existence)}",
                font_size=_FONT,
                text_color=_colour(make, ink_on(colour), 1.0),
                background_color=_colour(make, colour, opacity),
            )
        )
    return make(ANNOTATIONS, circles=[], points=points, texts=texts)


def _brackets(corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ends of eight short lines, two from each corner along the sides."""
    ends = []
    for i, (x, y) in enumerate(corners):
        for other_x, other_y in (corners[i - 1], corners[(i + 1) % 4]):
            ends += [(x, y), (x + _CORNER * (other_x - x), y + _CORNER * (other_y - y))]
    return ends


def _point(make: MessageMaker, x: float, y: float) -> Any:
    return make("foxglove_msgs/msg/Point2", x=x, y=y)


def _colour(make: MessageMaker, colour: Colour, opacity: float) -> Any:
    red, green, blue = (part / 255 for part in colour)
    return make("foxglove_msgs/msg/Color", r=red, g=green, b=blue, a=opacity)
