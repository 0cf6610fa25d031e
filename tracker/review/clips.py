"""What a person needs to see of a track: a strip of crops over its life, and a short clip.

In: a `Run`, its `Lives`, the video and tracks. Out: `crops/ID.jpg`, `clips/ID.mp4` and a still of
the clip, `clips/ID.jpg`; if wanted the whole picture it is cut from, `places/ID.jpg`. The video is
read through once; pictures are cut as they pass. A clip shows the stretch of a life in which most
was seen, on a still piece of the picture, with the box drawn in: thick where it was detected, thin
where it is predicted; large clips have grey corners where it was before or will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.review.lives import Lives
from tracker.review.pictures import frames_at
from tracker.review.runs import Run

__all__ = ["CLIPS", "CROPS", "PLACES", "View", "cut_tracks", "show_tracks", "stretch", "view_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Image = NDArray[np.uint8]

CROPS, CLIPS, PLACES = "crops", "clips", "places"
_CROPS = 6
_STRIP_HEIGHT = 144
_SIDE, _LARGE_SIDE = 288, 512  # longer side of a clip, px
_PLACE_SIDE = 640  # of the whole picture
_CLIP_FPS = 12.0
_CONTEXT_S = 0.6  # shown before and after a short life
# Space around the box, in shares of its longer side; around the boxes of a clip.
_CROP_MARGIN, _CLIP_MARGIN = 0.25, 0.6
_LEAST_SIDE = 48.0
_COLOUR, _OUTSIDE = (255, 205, 40), (170, 170, 170)


@dataclass(frozen=True, slots=True)
class View:
    """The files of one track, relative to the folder, "" for one that could not be made.

    `still` is what a clip shows before it plays; `place` the whole picture of that moment.
    """

    crops: str
    clip: str
    still: str
    place: str = ""


def view_of(number: int) -> View:
    """How the files of a track are called, whether or not they are there.

    >>> view_of(3).clip
    'clips/3.mp4'
    """
    jpeg = f"{number}.jpg"
    return View(f"{CROPS}/{jpeg}", f"{CLIPS}/{number}.mp4", f"{CLIPS}/{jpeg}", f"{PLACES}/{jpeg}")


@dataclass(slots=True)
class _Plan:
    """Which frames of a track are cut, and what was cut of them."""

    track: int
    boxes: dict[int, tuple[FloatArray, bool]]
    crops_at: list[int]
    clip_at: list[int]
    region: FloatArray
    crops: list[Image] = field(default_factory=list)
    clip: list[tuple[float, Image]] = field(default_factory=list)
    still: Image | None = None
    place: Image | None = None

    @property
    def last(self) -> int:
        """Position of the last frame that is cut."""
        return max(*self.crops_at, *self.clip_at)


def stretch(run: Run, lives: Lives, k: int, *, seconds: float = 3.0) -> tuple[int, int]:
    """First and last frame position of the stretch of a life in which most was seen.

    Args:
        run: The run.
        lives: Of the run.
        k: Row of the track.
        seconds: Length of the stretch; a shorter life is shown with what was before and after.
    """
    rows = lives.rows(k)
    seen = rows[run.tracks.seen[rows]]
    seen = rows if not len(seen) else seen
    times = run.timestamp_s[run.tracks.frame[seen]]
    worth = np.append(0.0, np.cumsum(run.tracks.score[seen]))
    until = np.searchsorted(times, times + seconds, side="right")
    first = int(np.argmax(worth[until] - worth[:-1]))
    begin, end = float(times[first]), float(times[until[first] - 1])
    pad = min(_CONTEXT_S, (seconds - (end - begin)) / 2)
    a = int(np.searchsorted(run.timestamp_s, begin - pad, side="left"))
    b = int(np.searchsorted(run.timestamp_s, end + pad, side="right")) - 1
    return a, b


def show_tracks(
    run: Run,
    lives: Lives,
    tracks: Sequence[int],
    video: str,
    folder: Path,
    *,
    seconds: float = 3.0,
) -> dict[int, View]:
    """Write crops and clips of some tracks.

    Args:
        run: The run.
        lives: Of the run.
        tracks: Rows of `lives`.
        video: What the run was made of.
        folder: An existing folder; it gets `crops` and `clips`.
        seconds: Length of a clip.

    Returns:
        The files of each track.

    Raises:
        SourceError: The video cannot be read, or a clip not be written.
        InputError: The video is not that of the run.
        MissingExtraError: The extra `video` is not installed.
    """
    return dict(cut_tracks(run, lives, tracks, video, folder, seconds=seconds))


def cut_tracks(
    run: Run,
    lives: Lives,
    tracks: Sequence[int],
    video: str,
    folder: Path,
    *,
    seconds: float = 3.0,
    large: bool = False,
) -> Iterator[tuple[int, View]]:
    """Write crops and clips of some tracks, and tell of each as soon as its files are complete.

    Args:
        run: The run.
        lives: Of the run.
        tracks: Rows of `lives`.
        video: What the run was made of.
        folder: An existing folder; it gets `crops` and `clips`.
        seconds: Length of a clip.
        large: For looking at one track at a time: larger clips that show more beside a narrow
            track, and whole pictures too, into `places`.

    Yields:
        Row and files of a track, in the order in which they are seen whole.

    Raises:
        SourceError, InputError, MissingExtraError: As `show_tracks`.
    """
    from tracker.video.optional import import_cv2

    cv2 = import_cv2()
    for name in (CROPS, CLIPS, PLACES) if large else (CROPS, CLIPS):
        (folder / name).mkdir(exist_ok=True)
    left = {k: _plan(run, lives, k, seconds) for k in tracks}
    wanted: dict[int, list[_Plan]] = {}
    side = _LARGE_SIDE if large else _SIDE
    for plan in left.values():
        if large:
            plan.region = _squarer(plan.region)
        for position in {*plan.crops_at, *plan.clip_at}:
            wanted.setdefault(position, []).append(plan)
    for position, frame in frames_at(run, video, wanted):
        for plan in wanted.pop(position):
            box = plan.boxes.get(position)
            if position in plan.crops_at and box is not None:
                plan.crops.append(_crop(cv2, frame.image, box[0]))
            if position in plan.clip_at:
                shot = _shot(cv2, frame.image, plan.region, box, side)
                if large and box is None:
                    _mark(cv2, shot, frame.image, plan, position)
                plan.clip.append((frame.timestamp_s, shot))
                if plan.still is None and position >= plan.clip_at[len(plan.clip_at) // 2]:
                    plan.still = shot
                    plan.place = _place(cv2, frame.image, plan.region) if large else None
                if position == plan.clip_at[-1]:
                    # At once: clips of all tracks would not fit in memory.
                    _write_clip(plan, int(lives.track_id[plan.track]), folder)
            if position == plan.last:
                yield plan.track, _finished(cv2, plan, int(lives.track_id[plan.track]), folder)
                del left[plan.track]
    for plan in left.values():  # its last frame did not decode
        yield plan.track, _finished(cv2, plan, int(lives.track_id[plan.track]), folder)


def _finished(cv2: Any, plan: _Plan, number: int, folder: Path) -> View:
    """Write what is left to write of a track."""
    if plan.clip:
        _write_clip(plan, number, folder)
    jpeg = f"{number}.jpg"
    pictures = {
        f"{CROPS}/{jpeg}": _strip(plan.crops) if plan.crops else None,
        f"{CLIPS}/{jpeg}": plan.still,
        f"{PLACES}/{jpeg}": plan.place,
    }
    for name, image in pictures.items():
        if image is not None:
            _write_jpeg(cv2, folder / name, image)
    plan.crops.clear()
    plan.still = plan.place = None
    names = astuple(view_of(number))
    return View(*(name if (folder / name).is_file() else "" for name in names))


def _plan(run: Run, lives: Lives, k: int, seconds: float) -> _Plan:
    """What to cut of one track."""
    table = run.tracks
    rows = lives.rows(k)
    boxes = {
        frame: (table.xyxy[row], bool(table.seen[row]))
        for frame, row in zip(table.frame[rows].tolist(), rows.tolist(), strict=True)
    }
    seen = table.frame[rows[table.seen[rows]]]
    seen = table.frame[rows] if not len(seen) else seen
    picks = np.unique(np.linspace(0, len(seen) - 1, _CROPS).round().astype(np.int64))
    first, last = stretch(run, lives, k, seconds=seconds)
    step = max(1, round(1.0 / (_CLIP_FPS * run.period_s))) if run.period_s > 0 else 1
    shown = list(range(first, last + 1, step))
    inside = [boxes[p][0] for p in range(first, last + 1) if p in boxes]
    corners = np.array(inside or [table.xyxy[rows[0]]])
    size = max(float(np.median(corners[:, 2:] - corners[:, :2], axis=0).max()), _LEAST_SIDE)
    region = np.append(corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0))
    region += np.array([-1, -1, 1, 1]) * _CLIP_MARGIN * size
    return _Plan(k, boxes, seen[picks].tolist(), shown, region)


def _squarer(region: FloatArray) -> FloatArray:
    """A region as wide as it is high, or as high as it is wide."""
    size = region[2:] - region[:2]
    grow = (size.max() - size) / 2
    wider: FloatArray = region + np.append(-grow, grow)
    return wider


def _cut(image: Image, region: FloatArray) -> tuple[Image, int, int]:
    """The part of a picture, and its upper left corner there; never empty."""
    height, width = image.shape[:2]
    x1 = int(np.clip(np.floor(region[0]), 0, width - 1))
    y1 = int(np.clip(np.floor(region[1]), 0, height - 1))
    x2 = int(np.clip(np.ceil(region[2]), x1 + 1, width))
    y2 = int(np.clip(np.ceil(region[3]), y1 + 1, height))
    return image[y1:y2, x1:x2], x1, y1


def _crop(cv2: Any, image: Image, box: FloatArray) -> Image:
    """One crop, as high as the strip."""
    margin = _CROP_MARGIN * float((box[2:] - box[:2]).max())
    part, _, _ = _cut(image, box + np.array([-1, -1, 1, 1]) * margin)
    scale = _STRIP_HEIGHT / part.shape[0]
    width = int(np.clip(round(part.shape[1] * scale), 16, 2 * _STRIP_HEIGHT))
    small: Image = cv2.resize(part, (width, _STRIP_HEIGHT), interpolation=_way(cv2, scale))
    return small


def _shot(
    cv2: Any, image: Image, region: FloatArray, box: tuple[FloatArray, bool] | None, side: int
) -> Image:
    """One frame of a clip."""
    part, left, top = _cut(image, region)
    scale = side / max(part.shape[:2])
    size = (max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale)))
    shot: Image = cv2.resize(part, size, interpolation=_way(cv2, scale))
    if box is not None:
        corners = (box[0] - np.array([left, top, left, top])) * scale
        x1, y1, x2, y2 = np.clip(corners.round(), -9999, 9999).astype(int).tolist()
        # Around what it is about, not over it.
        cv2.rectangle(shot, (x1 - 2, y1 - 2), (x2 + 2, y2 + 2), _COLOUR, 2 if box[1] else 1)
    return shot


def _mark(cv2: Any, shot: Image, image: Image, plan: _Plan, position: int) -> None:
    """Corners where the track was or will be, in a frame in which it is not."""
    near = min(plan.boxes, key=lambda frame: abs(frame - position))
    part, left, top = _cut(image, plan.region)
    scale = np.array([shot.shape[1] / part.shape[1], shot.shape[0] / part.shape[0]] * 2)
    corners = (plan.boxes[near][0] - np.array([left, top, left, top])) * scale
    x1, y1, x2, y2 = np.clip(corners.round(), -9999, 9999).astype(int).tolist()
    arm = max(3, min(x2 - x1, y2 - y1) // 5)
    for x, y, dx, dy in ((x1, y1, 1, 1), (x2, y1, -1, 1), (x1, y2, 1, -1), (x2, y2, -1, -1)):
        cv2.line(shot, (x, y), (x + dx * arm, y), _OUTSIDE, 1)
        cv2.line(shot, (x, y), (x, y + dy * arm), _OUTSIDE, 1)


def _place(cv2: Any, image: Image, region: FloatArray) -> Image:
    """The whole picture, and where in it the clip is from."""
    scale = min(1.0, _PLACE_SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small: Image = cv2.resize(image, size, interpolation=_way(cv2, scale))
    x1, y1, x2, y2 = np.clip((region * scale).round(), -9999, 9999).astype(int).tolist()
    cv2.rectangle(small, (x1, y1), (x2, y2), _COLOUR, 2)
    return small


def _way(cv2: Any, scale: float) -> int:
    return int(cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def _strip(crops: Sequence[Image]) -> Image:
    """Crops side by side."""
    gap = np.full((_STRIP_HEIGHT, 3, 3), 255, np.uint8)
    parts = [part for crop in crops for part in (crop, gap)]
    return np.hstack(parts[:-1])


def _write_jpeg(cv2: Any, path: Path, image: Image) -> None:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    path.write_bytes(data.tobytes())


def _write_clip(plan: _Plan, number: int, folder: Path) -> None:
    from tracker.video.writer import VideoWriter

    with VideoWriter(folder / CLIPS / f"{number}.mp4", fps=_CLIP_FPS, crf=27) as video:
        for timestamp_s, image in plan.clip:
            video.write(image, timestamp_s)
    plan.clip.clear()
