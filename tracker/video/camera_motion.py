"""How the camera moved between two pictures, from the pictures themselves.

In come the frames of a video one after the other, and the boxes of what moves in them by itself;
out goes, for each frame, the warp that `Tracker.update` takes. Corners outside those boxes are
followed by sparse optical flow, and RANSAC finds the shift, turn and zoom that most agree on.

Where too few agree (a dark or blurred picture, a cut, a crowd before a plain wall) nothing is
claimed: the frame counts as one without motion, and is counted, so that a run can say how often it
did not know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.frames import Frame
from tracker.video.optional import import_cv2

__all__ = ["CameraMotion"]

FloatArray = NDArray[np.float64]

# The longer side that pictures are reduced to, px; finer ones are no surer and much slower.
_SIDE = 640
# Corners: how many, how good beside the best, how far apart (px of the reduced picture).
_CORNERS, _QUALITY, _APART = 300, 0.01, 8
# A corner agrees if the common motion takes it this near to where it was found, px.
_NEAR = 1.5
# At least so many corners, and this share of those followed, must agree.
_LEAST_AGREEING, _LEAST_SHARE = 20, 0.4
# What a camera can do between two frames: zoom, and turn in radians.
_MOST_ZOOM, _MOST_TURN = 1.3, 0.35
# A picture whose corners all moved less than this stands still, px.
_STILL = 0.2
# Boxes are hidden with a margin of this share of their size: feet and bags stick out.
_MARGIN = 0.1


class CameraMotion:
    """Follows the camera through a video.

    The same frames give the same warps, bit for bit.

    Attributes:
        frames: Frames looked at, the first included.
        moved: Those in which the camera moved.
        failed: Those whose motion could not be told; they count as frames without.

    Raises:
        MissingExtraError: OpenCV is not installed.

    Example:
        >>> motion = CameraMotion()
        >>> picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
        >>> motion.estimate(Frame(picture, 0.0, 0)) is None
        True
        >>> warp = motion.estimate(Frame(np.roll(picture, 4, axis=1), 0.1, 1))
        >>> np.abs(warp.round(1))
        array([[1., 0., 4.],
               [0., 1., 0.]])
    """

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._cv2: Any = import_cv2()
        self._before: NDArray[np.uint8] | None = None
        self._size = (0, 0)
        self._hidden = np.zeros((0, 4))
        self.frames = self.moved = self.failed = 0

    def estimate(self, frame: Frame) -> FloatArray | None:
        """How the picture moved since the frame before.

        Returns:
            (2, 3) pixels of the frame before to pixels of this one; None where the camera stood,
            for the first frame and one of another size, and where its motion could not be told.
        """
        cv2, height, width = self._cv2, *frame.image.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        before, self._before = self._before, grey
        same_size, self._size = self._size == (height, width), (height, width)
        self.frames += 1
        if before is None or not same_size:
            self._hidden = np.zeros((0, 4))
            return None
        found = self._common_motion(before, grey, self._mask(before, width, height))
        self._hidden = np.zeros((0, 4))
        if found is None:
            self.failed += 1
            return None
        ends = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]]) * [*grey.shape[::-1], 1]
        if np.abs(ends @ found.T - ends[:, :2]).max() < _STILL:
            return None
        self.moved += 1
        # From reduced pixels to those of the frame; their centres lie half a pixel in.
        to_frame = np.array([width / grey.shape[1], height / grey.shape[0]])
        linear = found[:, :2] * to_frame[:, None] / to_frame
        half = 0.5 * (to_frame - 1.0)
        shift = found[:, 2] * to_frame + half - linear @ half
        return np.column_stack([linear, shift])

    def hide(self, xyxy: FloatArray) -> None:
        """Leave out what is in these boxes, (N, 4) pixels of the last frame, for the next one."""
        self._hidden = np.asarray(xyxy, np.float64).reshape(-1, 4)

    def counts(self) -> dict[str, int]:
        """Frames, and of them those with motion and those that could not be told."""
        return {"frames": self.frames, "moved": self.moved, "failed": self.failed}

    def _mask(self, grey: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        """Where corners may be: 255 outside the hidden boxes."""
        mask = np.full(grey.shape, 255, np.uint8)
        margin = _MARGIN * (self._hidden[:, 2:] - self._hidden[:, :2])
        boxes = self._hidden + np.hstack([-margin, margin])
        boxes *= np.tile([grey.shape[1] / width, grey.shape[0] / height], 2)
        limit = np.tile(grey.shape[::-1], 2)
        for x1, y1, x2, y2 in np.clip(boxes, 0, limit).astype(np.int64).tolist():
            mask[y1 : y2 + 1, x1 : x2 + 1] = 0
        return mask

    def _common_motion(
        self, before: NDArray[np.uint8], after: NDArray[np.uint8], mask: NDArray[np.uint8]
    ) -> FloatArray | None:
        """(2, 3) shift, turn and zoom that most corners agree on, None if too few do."""
        cv2 = self._cv2
        corners = cv2.goodFeaturesToTrack(before, _CORNERS, _QUALITY, _APART, mask=mask)
        if corners is None or len(corners) < _LEAST_AGREEING:
            return None
        reached, followed, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
        ok = followed.ravel() == 1
        least = max(_LEAST_AGREEING, round(_LEAST_SHARE * len(corners)))
        if np.count_nonzero(ok) < least:
            return None
        found, agreeing = cv2.estimateAffinePartial2D(
            corners[ok], reached[ok], method=cv2.RANSAC, ransacReprojThreshold=_NEAR
        )
        if found is None or np.count_nonzero(agreeing) < least:
            return None
        zoom = float(np.hypot(found[0, 0], found[1, 0]))
        turn = abs(float(np.arctan2(found[1, 0], found[0, 0])))
        sane = 1 / _MOST_ZOOM <= zoom <= _MOST_ZOOM and turn <= _MOST_TURN
        return np.asarray(found, np.float64) if sane else None
