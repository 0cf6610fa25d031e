"""What lies over the picture: raw detections, and the tracks by how far they are believed.

In come picture, detections and tracks of one frame; out go entities under `/camera`, in pixels of
the original picture. Each kind of track is an entity of its own, so that the viewer can switch it
off, and is told apart by its lines: a thin frame for candidates, a thick one where a track is
confirmed, only the corners where it is coasting and its box is predicted. The colour says how much
a track is believed. A lost track has no box: where it is is a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detections import Detections
from tracker.tracks import Tracks, TrackState
from tracker.video.optional import import_cv2
from tracker.video.overlay import percent
from tracker.viewer.changes import name_of
from tracker.viewer.colours import belief_colours
from tracker.viewer.stream import Stream

__all__ = ["Layers", "brackets"]

FloatArray = NDArray[np.float64]

PICTURE, DETECTIONS = "camera/picture", "camera/detections"
_PATHS = {
    TrackState.TENTATIVE: "camera/tracks/tentative",
    TrackState.CONFIRMED: "camera/tracks/confirmed",
    TrackState.COASTING: "camera/tracks/coasting",
}
# Widths of lines; below zero they are points of the screen at any zoom.
_THICK, _MIDDLE, _THIN, _HAIR = -2.0, -1.5, -0.8, -0.4
_DETECTION_COLOUR = (150, 190, 255)
# Candidates believed less than this have no words: there are dozens.
_LEAST_NAMED = 0.1
# Share of each side that a corner of a coasting box takes.
_CORNER = 0.25


class Layers:
    """Writes the layers.

    Args:
        stream: The recording.
        class_names: Names by `class_id`.
        jpeg_quality: Of the pictures, 1 to 100.
        longest_side: Larger pictures are made smaller, to this many pixels; boxes stay where
            they are.
    """

    def __init__(
        self, stream: Stream, class_names: Sequence[str], *, jpeg_quality: int, longest_side: int
    ) -> None:
        """Start with nothing drawn."""
        self._stream, self._names = stream, tuple(class_names)
        self._quality, self._longest = jpeg_quality, longest_side
        self._scale: tuple[float, float] | None = None
        self._drawn: set[str] = set()

    def write(
        self, picture: NDArray[np.uint8] | None, detections: Detections | None, tracks: Tracks
    ) -> None:
        """Write one frame at the stream's present time; without a picture the last one stays."""
        if picture is not None and picture.size:
            self._picture(picture)
        self._detections(detections)
        for state in _PATHS:
            self._tracks(state, tracks[tracks.state == state])

    def _picture(self, picture: NDArray[np.uint8]) -> None:
        """Write the picture as JPEG, scaled down, and how to scale it up again."""
        cv2, rerun = import_cv2(), self._stream.rerun
        height, width = picture.shape[:2]
        shrink = min(1.0, self._longest / max(height, width))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        if shrink < 1.0:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        scale = width / size[0], height / size[1]
        if scale != self._scale:
            self._scale = scale
            self._stream.log(PICTURE, rerun.Transform3D(scale=[*scale, 1.0]))
        image = rerun.EncodedImage(contents=jpeg.tobytes(), media_type="image/jpeg")
        self._stream.log(PICTURE, image)

    def _detections(self, detections: Detections | None) -> None:
        """Write what the detector said; nothing where nobody looked."""
        if detections is None or not len(detections):
            self._clear(DETECTIONS)
            return
        rerun = self._stream.rerun
        labels = [
            f"{name_of(class_id, self._names)} {confidence:.2f}"
            for class_id, confidence in zip(
                detections.class_id.tolist(), detections.confidence.tolist(), strict=True
            )
        ]
        self._put(
            DETECTIONS,
            _boxes(
                rerun,
                detections.xyxy,
                radii=_HAIR,
                colors=_DETECTION_COLOUR,
                labels=labels,
                show_labels=False,
            ),
            rerun.AnyValues(confidence=detections.confidence, class_id=detections.class_id),
        )

    def _tracks(self, state: TrackState, tracks: Tracks) -> None:
        """Write the tracks of one state."""
        path = _PATHS[state]
        if not len(tracks):
            self._clear(path)
            return
        rerun = self._stream.rerun
        colours = belief_colours(tracks.existence)
        labels = [self._label(tracks, row) for row in range(len(tracks))]
        shapes: Any
        if state == TrackState.COASTING:
            shapes = rerun.LineStrips2D(
                brackets(tracks.xyxy).reshape(-1, 3, 2),
                radii=_MIDDLE,
                colors=np.repeat(colours, 4, axis=0),
                # The words of a track stand at the first of its four corners.
                labels=[text for label in labels for text in (label, "", "", "")],
                show_labels=True,
            )
        else:
            shapes = _boxes(
                rerun,
                tracks.xyxy,
                radii=_THIN if state == TrackState.TENTATIVE else _THICK,
                colors=colours,
                labels=labels,
                show_labels=True,
            )
        values = rerun.AnyValues(
            track_id=tracks.track_id,
            existence=tracks.existence,
            score=tracks.score,
            class_id=tracks.class_id,
            xyxy=tracks.xyxy.ravel(),
        )
        self._put(path, shapes, values)

    def _label(self, tracks: Tracks, row: int) -> str:
        existence = float(tracks.existence[row])
        if tracks.state[row] == TrackState.TENTATIVE and existence < _LEAST_NAMED:
            return ""
        name = name_of(int(tracks.class_id[row]), self._names)
        return f"{int(tracks.track_id[row])} {name} {percent(existence)}"

    def _put(self, path: str, *what: Any) -> None:
        self._drawn.add(path)
        self._stream.log(path, *what)

    def _clear(self, path: str) -> None:
        """Take away what the last frame had there."""
        if path in self._drawn:
            self._drawn.discard(path)
            self._stream.log(path, self._stream.rerun.Clear(recursive=False))


def _boxes(rerun: Any, xyxy: FloatArray, **drawn: Any) -> Any:
    return rerun.Boxes2D(array=xyxy, array_format=rerun.Box2DFormat.XYXY, **drawn)


def brackets(xyxy: FloatArray) -> FloatArray:
    """(N, 4, 3, 2) points of the corners of N boxes: three points, x and y, make one corner.

    Example:
        >>> brackets(np.array([[0.0, 0.0, 8.0, 16.0]]))[0, 0].tolist()
        [[2.0, 0.0], [0.0, 0.0], [0.0, 4.0]]
    """
    x1, y1, x2, y2 = xyxy.T
    out = np.empty((len(xyxy), 4, 3, 2))
    for corner, (x, y, other_x, other_y) in enumerate(
        ((x1, y1, x2, y2), (x2, y1, x1, y2), (x2, y2, x1, y1), (x1, y2, x2, y1))
    ):
        out[:, corner, :, 0] = np.column_stack([x + _CORNER * (other_x - x), x, x])
        out[:, corner, :, 1] = np.column_stack([y, y, y + _CORNER * (other_y - y)])
    return out
