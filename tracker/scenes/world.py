"""A seeded street with its ground truth: who walks where, who hides whom, what the camera adds.

In: a seed, a size, a length. Out: frame by frame the picture and the `Truth` of it. The figures are
drawn by `walker` and `things`, their paths planned by `plan`; this module lets them pass behind
each other and behind things, and adds what makes real footage hard: a dark place under a flickering
lamp, a focus that hunts, sensor noise, and things that look like a person to a weak detector. It
stands here for `conftrack demo`, which needs footage whose truth is known, and for tests.

A frame depends only on the seed and its index: frames can be drawn in any order, and twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import clip
from tracker.errors import InputError
from tracker.frames import Frame
from tracker.scenes.backdrop import street_background
from tracker.scenes.patch import Image
from tracker.scenes.plan import Place, Thing, plan_things, plan_walker
from tracker.scenes.things import draw_clutter
from tracker.scenes.walker import draw_walker

__all__ = ["StreetWorld", "Truth"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


# Light in the dark place from frame to frame, in shares of that in the open.
_LAMP = (0.30, 0.65)
# Share of the frames that are out of focus, and how far, in pixels.
_BLUR_SHARE, _BLUR = 0.10, (1.5, 3.0)
# Sensor noise in grey levels.
_NOISE = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is really in one frame of the street.

    Attributes:
        object_id: (N,) who it is, the same number all the time; ascending.
        xyxy: (N, 4) tight boxes of whole figures, cut at the frame's border, pixels.
        visibility: (N,) share of each figure that can be seen, in [0, 1].
        judged: (N,) whether a detector is asked for this figure: enough of it can be seen.
    """

    object_id: IntArray
    xyxy: FloatArray
    visibility: FloatArray
    judged: NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of figures, judged or not."""
        return len(self.object_id)


@dataclass(frozen=True, slots=True)
class _Sprite:
    """A thing that never moves, drawn once and then only laid over."""

    y_foot: float
    rows: slice
    columns: slice
    mask: NDArray[np.bool_]
    pixels: Image


class StreetWorld:
    """A synthetic street, drawn frame by frame with its ground truth.

    Args:
        seed: Decides everything.
        width: Frame width in pixels, at least 160.
        height: Frame height in pixels, at least 120.
        fps: Frames per second.
        duration_s: Length in seconds.
        walkers: Number of people who come past.
        least_visibility: Share of a figure that must be seen for it to be judged, in [0, 1].

    Raises:
        InputError: A size, rate, length or count outside its range.

    Example:
        >>> world = StreetWorld(seed=3, width=320, height=240, duration_s=1.0)
        >>> frame, truth = world.render(5)
        >>> len(world), frame.image.shape, len(truth) <= 10
        (10, (240, 320, 3), True)
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        width: int = 640,
        height: int = 480,
        fps: float = 10.0,
        duration_s: float = 14.0,
        walkers: int = 10,
        least_visibility: float = 0.35,
    ) -> None:
        """Plan the street; nothing is drawn but its background."""
        for name, value, least in (
            ("width", width, 160),
            ("height", height, 120),
            ("walkers", walkers, 0),
        ):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        if not (math.isfinite(fps) and fps > 0 and math.isfinite(duration_s)):
            raise InputError(f"fps must be above 0 and duration_s finite, got {fps}, {duration_s}")
        if duration_s * fps < 1:
            raise InputError(f"duration_s must hold at least one frame, got {duration_s} s")
        self.seed, self.width, self.height = seed, width, height
        self.fps, self.duration_s = fps, duration_s
        self.least_visibility = least_visibility
        rng = np.random.default_rng([seed, 0])
        self._walkers = [plan_walker(rng, i, width, height, duration_s) for i in range(walkers)]
        self._background = street_background(width, height, int(rng.integers(2**31)))
        self._things = [self._cut_out(thing) for thing in plan_things(rng, width, height)]
        self._shade = self._plan_shade(rng)

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.duration_s * self.fps + 1e-6)

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        """Draw all frames in order."""
        return (self.render(i) for i in range(len(self)))

    def render(self, index: int) -> tuple[Frame, Truth]:
        """Draw one frame.

        Args:
            index: From 0 to `len(world) - 1`.

        Returns:
            The frame, timed `index / fps`, and what is in it.

        Raises:
            InputError: `index` is outside the world.
        """
        if not 0 <= index < len(self):
            raise InputError(f"index must be in 0..{len(self) - 1}, got {index}")
        time_s = index / self.fps
        image = self._background.copy()
        owner = np.full(image.shape[:2], -1, np.int16)
        boxes: dict[int, FloatArray] = {}
        drawn: dict[int, int] = {}
        places = [walker.at(time_s) for walker in self._walkers]
        queue: list[tuple[float, int]] = [(p.y_foot, number) for number, p in enumerate(places)]
        queue += [(thing.y_foot, ~number) for number, thing in enumerate(self._things)]
        for _, number in sorted(queue):  # from far to near: the near one covers the far one
            if number < 0:
                thing = self._things[~number]
                image[thing.rows, thing.columns][thing.mask] = thing.pixels[thing.mask]
                owner[thing.rows, thing.columns][thing.mask] = -1
                continue
            box, pixels = self._draw(image, owner, number, places[number])
            if pixels:
                boxes[number], drawn[number] = box, pixels
        truth = self._truth(boxes, drawn, owner)
        return Frame(self._photograph(image, index), time_s, index), truth

    # Drawing: what stands there, the figures, then what a camera makes of them.

    def _cut_out(self, thing: Thing) -> _Sprite:
        image = self._background.copy()
        draw_clutter(image, thing.kind, thing.x, thing.y_foot, thing.tall, thing.seed)
        mask = (image != self._background).any(axis=2)
        rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        return _Sprite(thing.y_foot, *window, mask[window], image[window])

    def _plan_shade(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """(H, W) in [0, 1], how dark each place is: a shadow on the street with soft edges."""
        centre, half = self.width * rng.uniform(0.3, 0.7), self.width * rng.uniform(0.12, 0.18)
        rows, columns = np.mgrid[: self.height, : self.width]
        slant = 0.25 * (rows - 0.7 * self.height)  # it falls from one side
        across = (half - np.abs(columns - centre - slant)) / (0.3 * half)
        down = (rows - 0.36 * self.height) / (0.08 * self.height)
        return np.asarray(np.clip(np.minimum(across, down), 0.0, 1.0), np.float32)

    def _draw(
        self, image: Image, owner: NDArray[np.int16], number: int, place: Place
    ) -> tuple[FloatArray, int]:
        """Draw one walker; return its tight box and how many of its pixels are in the frame."""
        walker, x, y, tall = self._walkers[number], place.x, place.y_foot, place.tall
        reach = 0.5 * tall
        if not (-reach < x < self.width + reach and y - tall < self.height):
            return np.zeros(4), 0
        rows = slice(max(int(y - 1.1 * tall), 0), int(y + 2))
        columns = slice(max(int(x - reach), 0), max(int(x + reach) + 1, 0))
        before = image[rows, columns].astype(np.int16)
        facing: Literal[-1, 0, 1] = 0 if walker.approach else (1 if walker.speed > 0 else -1)
        box = draw_walker(image, x, y, tall, place.phase, walker.seed, facing=facing)
        # The soft shadow on the ground is not part of the figure.
        changed = np.abs(image[rows, columns] - before).max(axis=2) > 24
        owner[rows, columns][changed] = number
        return box, int(np.count_nonzero(changed))

    def _truth(
        self, boxes: dict[int, FloatArray], drawn: dict[int, int], owner: NDArray[np.int16]
    ) -> Truth:
        numbers = sorted(boxes)
        whole = np.array([boxes[n] for n in numbers]).reshape(-1, 4)
        cut = clip(whole, self.width, self.height)
        size, cut_size = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (whole, cut))
        left = np.bincount(owner[owner >= 0], minlength=max(numbers, default=0) + 1)
        uncovered = np.array([left[n] / drawn[n] for n in numbers])
        visibility = np.clip(uncovered * cut_size / np.maximum(size, 1e-9), 0.0, 1.0)
        inside = cut_size > 0
        return Truth(
            object_id=np.array(numbers, np.int64)[inside],
            xyxy=cut[inside],
            visibility=visibility[inside],
            judged=(visibility >= self.least_visibility)[inside],
        )

    def _photograph(self, image: Image, index: int) -> Image:
        """Light, focus and sensor: all that changes from frame to frame without anything moving."""
        import cv2

        rng = np.random.default_rng([self.seed, 1, index])
        lamp = rng.uniform(*_LAMP)
        light = (1.0 - self._shade * np.float32(1.0 - lamp)) * np.float32(rng.normal(1.0, 0.02))
        picture = image * light[..., None]
        if rng.random() < _BLUR_SHARE:  # the focus hunts for a frame
            picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(*_BLUR)))
        picture += rng.normal(0.0, _NOISE, (*image.shape[:2], 1)).astype(np.float32)
        return np.clip(picture, 0, 255).astype(np.uint8)
