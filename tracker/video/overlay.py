"""Makes belief visible: draws the tracks of one frame into its picture.

In come an image and the tracks, out goes a copy with, for each track,

- a box: **solid** and coloured by id when confirmed, **dotted** when coasting (only predicted; it
  fades as the place gets unsure), not at all when lost,
  thin, grey and **dashed** while tentative; the less existence, the more transparent;
- a **bar** at its left side, filled from below up to the existence: half full is 50 %;
- a **label**: id, class, existence in percent (candidates from 10 % on, where there is room);

and at the bottom a strip with the time, the counts of each kind and what the lines mean. All sizes
grow with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.tracks import Tracks, TrackState
from tracker.video.labels import Label, text_size, write_labels, write_text
from tracker.video.palette import TENTATIVE, Colour, colour_of, ink_on, lighter
from tracker.video.strokes import Box, Line, fill, outline

__all__ = ["draw", "percent"]

Image = NDArray[np.uint8]

_DARK: Colour = (18, 18, 20)
# A detector at a low threshold makes dozens of candidates a frame; those that are next to nothing
# get a faint box and no words.
# No video is as long as this; a clock that counts from 1970 is far beyond, s.
_SINCE_1970_S = 1e9
_LEAST_NAMED = 0.1
_LINES: dict[int, Line] = {
    TrackState.TENTATIVE: "dashed",
    TrackState.CONFIRMED: "solid",
    TrackState.COASTING: "dotted",
}


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Everything in pixels that depends on the size of the picture."""

    line: int
    thin: int
    bar: int
    gap: int
    font: float
    small_font: float
    little_room: bool

    @classmethod
    def of(cls, image: Image) -> _Sizes:
        """Sizes for a picture; 576 lines are the measure, small ones shrink less than they do."""
        height, width = image.shape[:2]
        unit = max(0.5, math.sqrt(min(height, width * 3 / 4) / 576))
        unit = min(unit, 2.4)
        return cls(
            line=max(1, round(2 * unit)),
            thin=max(1, round(1.1 * unit)),
            bar=max(3, round(5 * unit)),
            gap=max(1, round(2 * unit)),
            font=max(0.33, 0.42 * unit),
            small_font=max(0.29, 0.34 * unit),
            little_room=unit < 0.8,
        )


def percent(existence: float) -> str:
    """A probability as text; never 0 % or 100 %, which no evidence gives.

    Example:
        >>> percent(0.123), percent(0.9991), percent(0.0004)
        ('12%', '>99%', '<1%')
    """
    if existence > 0.99:
        return ">99%"
    return "<1%" if existence < 0.01 else f"{100 * existence:.0f}%"


def draw(
    image_rgb: Image,
    tracks: Tracks,
    class_names: Sequence[str],
    *,
    show_tentative: bool = True,
    show_labels: bool = True,
    show_status: bool = True,
) -> Image:
    """Draw tracks into a copy of an image.

    Args:
        image_rgb: (H, W, 3) uint8 RGB, not changed.
        tracks: The tracks of this frame.
        class_names: Names by `class_id`; an id beyond them is shown as a number.
        show_tentative: Also draw what is not believed (yet).
        show_labels: Write id, class and existence at each box.
        show_status: Put time, counts and legend at the bottom.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: Not such an image.
        MissingExtraError: OpenCV is not installed.
    """
    if image_rgb.dtype != np.uint8 or image_rgb.ndim != 3 or image_rgb.shape[2] != 3:
        raise InputError(
            f"image_rgb must be uint8 of shape (H, W, 3), got {image_rgb.dtype} {image_rgb.shape}"
        )
    image = np.array(image_rgb, order="C")
    sizes = _Sizes.of(image)
    strip = _strip_height(image, sizes) if show_status else 0
    shown = _visible(tracks[~tracks.lost if show_tentative else tracks.confirmed], image)
    # The least believed first: the others are drawn over it.
    shown = shown[np.lexsort((shown.existence, shown.confirmed))]
    frames = [_draw_box(image, shown, row, sizes) for row in range(len(shown))]
    if show_labels:
        named = np.flatnonzero(shown.confirmed | (shown.existence >= _LEAST_NAMED))
        labels = [_label(shown, row, frames[row], class_names, sizes) for row in named[::-1]]
        write_labels(image, labels, bottom=image.shape[0] - strip)
    if strip:
        _status(image, tracks, strip, sizes)
    return image


def _visible(tracks: Tracks, image: Image) -> Tracks:
    """Leave out boxes that do not touch the picture."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = tracks.xyxy.T
    return tracks[(x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)]


def _draw_box(image: Image, tracks: Tracks, row: int, sizes: _Sizes) -> Box:
    """Draw box and belief bar of one track; give the rectangle both take up."""
    height, width = image.shape[:2]
    # Far outside is as good as just outside, and stays a small integer.
    low, high = (-50, -50), (width + 50, height + 50)
    left, top = np.clip(np.floor(tracks.xyxy[row, :2]), low, high).astype(int).tolist()
    right, bottom = np.clip(np.ceil(tracks.xyxy[row, 2:]), low, high).astype(int).tolist()
    right, bottom = max(right, left + 2), max(bottom, top + 2)
    state = int(tracks.state[row])
    existence = float(tracks.existence[row])
    tentative = state == TrackState.TENTATIVE
    colour = TENTATIVE if tentative else colour_of(int(tracks.track_id[row]))
    # A predicted box fades as it gets unsure where the object is, however real that is.
    shown = float(tracks.score[row]) if state == TrackState.COASTING else existence
    opacity = (0.2 + 0.6 * shown) if tentative else (0.35 + 0.65 * shown)
    outline(
        image,
        (left, top, right, bottom),
        colour,
        opacity,
        width=sizes.thin if tentative else sizes.line,
        line=_LINES[state],
    )
    bar = max(2, sizes.bar - 2) if tentative else sizes.bar
    x1 = left - sizes.gap - bar
    if x1 < 0:  # no room at the left: inside the box
        x1 = max(left, 0) + sizes.line + sizes.gap
    y1, y2 = max(top, 0), min(bottom, height)
    level = y2 - round((y2 - y1) * existence)
    fill(image, (x1, y1, x1 + bar, y2), _DARK, 0.15 + 0.3 * existence if tentative else 0.65)
    fill(image, (x1, level, x1 + bar, y2), colour, 0.7 if tentative else 1.0)
    return min(left, x1), top, right, bottom


def _label(tracks: Tracks, row: int, box: Box, class_names: Sequence[str], sizes: _Sizes) -> Label:
    """Label of one track; a candidate's is left out where there is little room."""
    track_id, class_id = int(tracks.track_id[row]), int(tracks.class_id[row])
    name = class_names[class_id] if 0 <= class_id < len(class_names) else f"class {class_id}"
    belief = percent(float(tracks.existence[row]))
    text = f"{track_id} {name} {belief}"
    if tracks.state[row] == TrackState.TENTATIVE:
        text = f"{track_id} {belief}" if sizes.little_room else text
        return Label(text, box, sizes.small_font, _DARK, TENTATIVE, 0.45, optional=True)
    bold = not sizes.little_room
    colour = colour_of(track_id)
    if tracks.state[row] == TrackState.COASTING:
        ink = lighter(colour)
        return Label(text, box, sizes.font, _DARK, ink, 0.7, bold)
    return Label(text, box, sizes.font, colour, ink_on(colour), 0.85, bold)


def _time(timestamp_s: float) -> tuple[str, str]:
    """A time in words, and the widest it will get in this hour, so that the rest stands still.

    Live cameras count from 1970: theirs is the time of day.
    """
    if timestamp_s < _SINCE_1970_S:
        return f"{timestamp_s:.2f} s", "0000.00 s"
    at = datetime.fromtimestamp(timestamp_s, tz=UTC)
    return f"{at:%H:%M:%S} UTC", "00:00:00 UTC"


def _strip_height(image: Image, sizes: _Sizes) -> int:
    """Height of the status strip; none on pictures too small to spare it."""
    _, above, below = text_size("0", sizes.font)
    high = round(1.25 * (above + below)) + 2 * sizes.gap
    return high if high * 6 <= image.shape[0] else 0


def _status(image: Image, tracks: Tracks, strip: int, sizes: _Sizes) -> None:
    """Write time and counts with the line each kind is drawn with; what does not fit is left."""
    height, width = image.shape[:2]
    top = height - strip
    fill(image, (0, top, width, height), _DARK, 0.72)
    _, above, below = text_size("0", sizes.font)
    base = top + (strip + above - below) // 2 + 1
    seen = int(np.count_nonzero(tracks.confirmed)) - int(np.count_nonzero(tracks.coasting))
    kinds: tuple[tuple[str, int, Line | None, Colour], ...] = (
        ("confirmed", seen, "solid", (240, 240, 240)),
        ("coasting", int(np.count_nonzero(tracks.coasting)), "dotted", (240, 240, 240)),
        ("tentative", int(np.count_nonzero(tracks.tentative)), "dashed", (170, 170, 170)),
        ("lost", int(np.count_nonzero(tracks.lost)), None, (170, 170, 170)),
    )
    space = 4 * sizes.gap
    x = space
    time_text, widest = _time(tracks.timestamp_s)
    write_text(image, time_text, x, base, sizes.font, (255, 255, 255), bold=True)
    x += text_size(widest, sizes.font, bold=True)[0] + space
    for word, count, line, ink in kinds:
        text = f"{count} {word}"
        sample = 7 * max(3, sizes.line * 2) + 2 * sizes.gap if line else 0
        wide = sample + text_size(f"00 {word}", sizes.font)[0]
        if x + wide > width:
            return
        if line:
            thick = sizes.thin if line == "dashed" else sizes.line
            middle = base - above // 2
            _sample(image, x, middle, sample - 2 * sizes.gap, thick, line, ink)
        write_text(image, text, x + sample, base, sizes.font, ink)
        x += wide + 2 * space


def _sample(image: Image, x: int, y: int, length: int, thick: int, line: Line, ink: Colour) -> None:
    """Draw a piece of line as the boxes have it."""
    outline(image, (x, y, x + length, y + thick), ink, 1.0, width=thick, line=line, halo=0)
