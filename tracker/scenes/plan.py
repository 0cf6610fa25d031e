"""The plan of a synthetic street: who comes past when and where, and what stands in the way.

In: a random generator and the size of the picture. Out: walkers, each of which knows where it is
at any time, and things that never move. Nothing is drawn here; `world` does that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tracker.scenes.things import ClutterKind

__all__ = ["Place", "Thing", "Walker", "plan_things", "plan_walker"]

# Where the ground would meet the sky, and how tall a person stands, in shares of the frame height
# and of the distance from that line: what makes near people large.
_HORIZON = 0.26
_PERSON = 0.60
_NEAREST, _FARTHEST = 0.97, 0.55
# A person walks about 0.78 body heights a second; two steps are about 0.85 body heights.
_PACE, _GAIT = 0.78, 0.85
# Kinds of things and their least and greatest height against a person at the same place.
_THINGS: tuple[tuple[ClutterKind, float, float], ...] = (
    ("car", 0.75, 0.90),
    ("pole", 1.9, 2.6),
    ("bin", 0.50, 0.70),
    ("sign", 1.05, 1.25),
    ("bollard", 0.50, 0.65),
    ("tree", 1.3, 1.6),
    ("box", 0.35, 0.55),
    ("cone", 0.35, 0.50),
    ("bin", 0.75, 0.95),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walker is at one time.

    Attributes:
        x: Centre, pixels.
        y_foot: Ground line under the feet, pixels.
        tall: Height of the figure, pixels.
        phase: Phase of the gait, radians.
    """

    x: float
    y_foot: float
    tall: float
    phase: float


@dataclass(frozen=True, slots=True)
class Walker:
    """Someone who comes past.

    Attributes:
        seed: Decides the looks.
        frame_height: Height of the picture, pixels.
        middle_s: Time at which `middle_x` and `middle_y` are reached, seconds.
        middle_x: Pixels.
        middle_y: Ground line then, pixels.
        speed: px/s, negative to the left.
        approach: Growth of the distance below the horizon, 1/s; 0 walks across the picture.
        pause_s: Begin and end of a stop, seconds; infinite for none.
    """

    seed: int
    frame_height: int
    middle_s: float
    middle_x: float
    middle_y: float
    speed: float
    approach: float
    pause_s: tuple[float, float]

    def at(self, time_s: float) -> Place:
        """Give the place at a time."""
        begin, end = self.pause_s
        walked = time_s - self.middle_s - min(max(time_s - begin, 0.0), end - begin)
        horizon = _HORIZON * self.frame_height
        y = horizon + (self.middle_y - horizon) * math.exp(self.approach * walked)
        tall = person_height(y, self.frame_height)
        pace = abs(self.speed) + abs(self.approach) * 6.0 * tall
        phase = 2.0 * math.pi * pace * walked / (_GAIT * tall)
        return Place(self.middle_x + self.speed * walked, y, tall, phase)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that stands there: its kind, foot point and height in pixels, and its looks."""

    kind: ClutterKind
    x: float
    y_foot: float
    tall: float
    seed: int


def person_height(y_foot: float, frame_height: int) -> float:
    """Height in pixels of a person whose feet are at `y_foot`."""
    return _PERSON * (y_foot - _HORIZON * frame_height)


def plan_walker(
    rng: np.random.Generator, number: int, width: int, height: int, duration_s: float
) -> Walker:
    """Plan someone who is inside the picture at some time between the first and the last frame.

    Args:
        rng: Decides.
        number: Of the walker; every fourth stops for a while, every fifth comes nearer or leaves.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        duration_s: Length of the video, seconds.
    """
    # Above 1: more people far away than near, as on a real street.
    y_foot = height * (_FARTHEST + (_NEAREST - _FARTHEST) * rng.random() ** 1.6)
    speed = float(_PACE * person_height(y_foot, height) * rng.uniform(0.75, 1.3))
    middle_s = float(duration_s * rng.uniform(0.12, 0.88))
    pause = (math.inf, math.inf)
    if number % 4 == 1:
        pause = (middle_s, middle_s + float(rng.uniform(1.5, 4.0)))
    approach = 0.0
    if number % 5 == 3:
        approach = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.05, 0.09))
        speed *= 0.12
    return Walker(
        seed=int(rng.integers(2**31)),
        frame_height=height,
        middle_s=middle_s,
        middle_x=float(width * rng.uniform(0.12, 0.88)),
        middle_y=y_foot,
        speed=speed * float(rng.choice([-1.0, 1.0])),
        approach=approach,
        pause_s=pause,
    )


def plan_things(rng: np.random.Generator, width: int, height: int) -> list[Thing]:
    """Plan things that stand in people's way or look like people, far ones first."""
    spots = rng.permutation(len(_THINGS))
    things = []
    for number, (kind, low, high) in enumerate(_THINGS):
        y_foot = height * rng.uniform(_FARTHEST - 0.04, 0.78)
        x = width * (spots[number] + rng.uniform(0.2, 0.8)) / len(_THINGS)
        tall = person_height(y_foot, height) * rng.uniform(low, high)
        things.append(Thing(kind, x, y_foot, tall, int(rng.integers(2**31))))
    return sorted(things, key=lambda thing: thing.y_foot)
