"""What can be seen of one camera at any moment: the newest picture, its tracks, what was before.

In come pictures as they arrive, from the thread of the connection, and the results of each look,
from the thread that looks; out go copies for whoever watches, from any thread: a page, a terminal,
a test. Nothing is converted, drawn or encoded before somebody asks, and memory is bounded however
long it runs: the newest picture, an hour of tracks, and no more than so many.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tracker.frames import Frame
from tracker.live.shots import Shot
from tracker.tracks import Tracks, TrackState

__all__ = [
    "CameraView",
    "Life",
    "Moment",
    "Picture",
    "crop_of",
    "from_jpeg",
    "jpeg_of",
    "scaled",
    "shrunk",
]

Image = NDArray[np.uint8]

_KEPT_S = 3600.0
_MOST_LIVES = 1000
_MOST_MOMENTS = 240
_MOST_MOMENTS_GONE = 60
_FORGET_EVERY_S = 1.0
# Below this a candidate is noise that no threshold would confirm.
_LEAST_PEAK = 0.05


@dataclass(frozen=True, slots=True)
class Moment:
    """A track at one update.

    Attributes:
        timestamp_s: When.
        existence: Its existence then.
        earned: What of it was earned by evidence over time: what its state went by.
        look: `"hit"`, `"miss"`, or `"wait"` where nobody looked.
    """

    timestamp_s: float
    existence: float
    earned: float
    look: str


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of a camera with its tracks drawn in.

    Attributes:
        jpeg: The picture.
        captured_s: When it was captured, on the time line of the process.
        tracks: What is drawn: as the look at it found them, or moved to its time by prediction.
    """

    jpeg: bytes
    captured_s: float
    tracks: Tracks


@dataclass(slots=True)
class Life:
    """What is remembered of one track, living or gone.

    Attributes:
        track_id: Its id.
        class_id: Its last class.
        first_s: Time of its first update.
        last_s: Time of its last.
        peak: The largest existence its state went by: at a confirm threshold above it, it would
            never have been confirmed.
        moments: Its updates, thinned out evenly as they get many.
        crop: JPEG, the picture of it with the best score; empty before there is one.
        crop_score: That score.
        stride: Of so many updates one is remembered.
        skipped: Updates since the last that was.
    """

    track_id: int
    class_id: int
    first_s: float
    last_s: float
    peak: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    crop: bytes = b""
    crop_score: float = 0.0
    stride: int = 1
    skipped: int = 0

    def add(self, moment: Moment) -> None:
        """Remember an update; every second of the old ones is forgotten when there are many."""
        self.skipped += 1
        if self.skipped < self.stride:
            return
        self.skipped = 0
        self.moments.append(moment)
        if len(self.moments) > _MOST_MOMENTS:
            self.thin_out()

    def thin_out(self) -> None:
        """Forget every second update."""
        del self.moments[::2]
        self.stride *= 2


class CameraView:
    """The newest results of one camera, and the last hour of its tracks.

    Args:
        class_names: Names by `class_id`.
        crop_px: Longer side of the pictures of tracks that are kept; 0 keeps none.
        margin: What they show around the box, in sizes of the box.
        predict: Gives the tracks in a picture that nobody has looked at, from any thread; None
            once its time is behind the last update.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        *,
        crop_px: int = 256,
        margin: float = 0.15,
        predict: Callable[[Frame], Tracks | None] = lambda frame: None,
    ) -> None:
        """Begin with nothing to see."""
        self.class_names = tuple(class_names)
        self._crop_px, self._margin, self._predict = crop_px, margin, predict
        self._lock = threading.Lock()
        # The newest picture, None where that is the frame of the last update; and the tracks of
        # its time, None until an update has come so far.
        self._shot: Shot | None = None
        self._of_picture: Tracks | None = None
        self._frame: Frame | None = None
        self._tracks = Tracks.empty()
        self._lives: OrderedDict[int, Life] = OrderedDict()
        self._drawn: tuple[tuple[int, int, int], Picture] | None = None
        self._changes = 0
        self._forgot_s = -np.inf

    def show(self, shot: Shot) -> None:
        """Take a newer picture, which nobody has looked at: a reference, no copy."""
        with self._lock:
            self._shot, self._of_picture = shot, None
            self._changes += 1

    def update(self, frame: Frame | None, tracks: Tracks, *, looked: bool) -> None:
        """Take in a new state.

        Args:
            frame: What was looked at; None where nothing was.
            tracks: All living tracks.
            looked: Whether the detector looked.
        """
        with self._lock:
            if frame is not None:
                self._frame = frame
            self._tracks = tracks
            self._settle(frame, tracks, looked)
            self._remember(frame if looked else None, tracks, looked)

    def _settle(self, frame: Frame | None, tracks: Tracks, looked: bool) -> None:
        """See what an update means for the picture: what comes after its time is not in it."""
        shot = self._shot
        if frame is not None and (shot is None or frame.timestamp_s >= shot.captured_s):
            self._shot, self._of_picture = None, tracks
        elif shot is None or self._of_picture is not None:
            return
        elif tracks.timestamp_s >= shot.captured_s:
            self._of_picture = tracks
        elif not looked:
            return
        self._changes += 1

    def newest(self) -> tuple[Frame, Tracks] | None:
        """The newest picture that was looked at and the newest tracks, None before the first."""
        with self._lock:
            return None if self._frame is None else (self._frame, self._tracks)

    @property
    def captured_s(self) -> float | None:
        """When the newest picture was captured, on the time line of the process."""
        with self._lock:
            if self._shot is not None:
                return self._shot.captured_s
            return None if self._frame is None else self._frame.timestamp_s

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the pictures in px, None before the first."""
        with self._lock:
            if self._frame is not None:
                return self._frame.size
            # Before the first look; a picture that is to be turned is not yet.
            return None if self._shot is None else self._shot.luma.shape[::-1]

    @property
    def tracks(self) -> Tracks:
        """The newest tracks."""
        with self._lock:
            return self._tracks

    def annotated_jpeg(self, *, most_px: int = 1280, quality: int = 80) -> bytes | None:
        """The JPEG of `annotated`."""
        picture = self.annotated(most_px=most_px, quality=quality)
        return None if picture is None else picture.jpeg

    def annotated(self, *, most_px: int = 1280, quality: int = 80) -> Picture | None:
        """The newest picture with its tracks drawn in; made once, however many ask.

        In one that nobody has looked at yet the tracks are where they should be by then, drawn as
        predicted ones are.

        Args:
            most_px: The longer side is shrunk to it.
            quality: Of the JPEG, up to 100.

        Returns:
            None before the first picture.
        """
        with self._lock:
            shot, frame, tracks = self._shot, self._frame, self._of_picture
            key = self._changes, most_px, quality
            if self._drawn is not None and self._drawn[0] == key:
                return self._drawn[1]
        image = None if shot is None else shot.to_rgb()
        if shot is not None and image is not None:
            frame = Frame(image, shot.captured_s, shot.index)
            tracks = self._predict(frame) if tracks is None else tracks
        if frame is None:
            return None
        if tracks is None:
            tracks = self.tracks
        from tracker.video.overlay import draw

        drawn = draw(shrunk(frame.image, most_px), scaled(tracks, frame, most_px),
                     self.class_names)  # fmt: skip
        picture = Picture(jpeg_of(drawn, quality=quality), frame.timestamp_s, tracks)
        with self._lock:
            self._drawn = key, picture
        return picture

    def lives(self, *, since_s: float = -np.inf) -> list[Life]:
        """Copies of what is remembered of all tracks that lived after a time, oldest first."""
        with self._lock:
            return [_copied(life) for life in self._lives.values() if life.last_s >= since_s]

    def life(self, track_id: int) -> Life | None:
        """A copy of what is remembered of one track."""
        with self._lock:
            life = self._lives.get(track_id)
            return None if life is None else _copied(life)

    def counts(self) -> dict[str, int]:
        """Tracks by state."""
        state = self.tracks.state
        names = (s for s in TrackState if s != TrackState.DEAD)
        return {s.name.lower(): int(np.count_nonzero(state == s)) for s in names}

    def _remember(self, frame: Frame | None, tracks: Tracks, looked: bool) -> None:
        now = tracks.timestamp_s
        for row, track_id in enumerate(tracks.track_id.tolist()):
            life = self._lives.get(track_id)
            if life is None:
                life = Life(track_id, int(tracks.class_id[row]), now, now)
                self._lives[track_id] = life
            existence = float(tracks.existence[row])
            life.last_s, life.class_id = now, int(tracks.class_id[row])
            earned = float(tracks.earned[row])
            life.peak = max(life.peak, earned)
            seen = bool(tracks.detection[row] >= 0)
            look = ("hit" if seen else "miss") if looked else "wait"
            life.add(Moment(now, existence, earned, look))
            score = float(tracks.score[row])
            if frame is not None and seen and existence >= 0.25 and score > life.crop_score + 0.02:
                crop = crop_of(frame.image, tracks.xyxy[row], self._crop_px, self._margin)
                if crop is not None:
                    life.crop, life.crop_score = jpeg_of(crop), score
        if now - self._forgot_s >= _FORGET_EVERY_S:
            self._forgot_s = now
            self._forget(set(tracks.track_id.tolist()), now)

    def _forget(self, alive: set[int], now: float) -> None:
        """Drop what is too old, too faint or too much, and keep less of what is gone."""
        gone = [life for life in self._lives.values() if life.track_id not in alive]
        too_many = len(self._lives) - _MOST_LIVES
        for life in gone:
            if life.peak < _LEAST_PEAK or life.last_s < now - _KEPT_S or too_many > 0:
                del self._lives[life.track_id]
                too_many -= 1
            elif len(life.moments) > _MOST_MOMENTS_GONE:
                life.thin_out()


def crop_of(image: Image, xyxy: NDArray[np.float64], most_px: int, margin: float) -> Image | None:
    """A copy of a part of a picture, shrunk to `most_px`; None where there is nothing of it."""
    if most_px < 1:
        return None
    height, width = image.shape[:2]
    x1, y1, x2, y2 = xyxy.tolist()
    more_x, more_y = margin * (x2 - x1), margin * (y2 - y1)
    left, right = max(0, int(x1 - more_x)), min(width, int(np.ceil(x2 + more_x)))
    top, bottom = max(0, int(y1 - more_y)), min(height, int(np.ceil(y2 + more_y)))
    if right - left < 2 or bottom - top < 2:
        return None
    return shrunk(image[top:bottom, left:right], most_px).copy()


def jpeg_of(image_rgb: Image, *, quality: int = 80) -> bytes:
    """Encode a picture."""
    from tracker.video.optional import import_cv2

    cv2 = import_cv2()
    _, data = cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def from_jpeg(data: bytes) -> Image:
    """Decode a picture of `jpeg_of`."""
    from tracker.video.optional import import_cv2

    cv2 = import_cv2()
    image: Image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    return image


def _scale(image: Image, most_px: int) -> float:
    return float(min(1.0, most_px / max(image.shape[:2])))


def shrunk(image: Image, most_px: int) -> Image:
    """The picture with its longer side at most so long; itself if it is short enough."""
    scale = _scale(image, most_px)
    if scale == 1.0:
        return image
    from tracker.video.optional import import_cv2

    cv2 = import_cv2()
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    smaller: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return smaller


def scaled(tracks: Tracks, frame: Frame, most_px: int) -> Tracks:
    """The tracks in pixels of the shrunk picture, for drawing."""
    scale = _scale(frame.image, most_px)
    if scale == 1.0:
        return tracks
    return replace(tracks, xyxy=tracks.xyxy * scale, covariance=tracks.covariance * scale**2)


def _copied(life: Life) -> Life:
    return replace(life, moments=list(life.moments))
