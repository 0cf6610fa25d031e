"""The recipe that makes many training pictures out of few images.

In: scenes read by `coco.load_scenes` and a random generator. Out: square pictures with boxes of
persons. With some hundred images, a detector learns the images by heart unless persons appear
at all sizes, on all grounds, behind and among things; so pictures are crops with rescaled
persons, mosaics, persons pasted on person-free ground, or rendered streets, with things pasted
and drawn between, then other light and another camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.training.canvas import Canvas, covered_share, log_uniform
from scripts.training.coco import Image, Scene, resized
from scripts.training.photometry import jitter_camera, jitter_light
from tracker.scenes.backdrop import street_background


@dataclass(frozen=True)
class Recipe:
    """Shares of the kinds of pictures (they are normalised) and the sizes of persons.

    Attributes:
        crop: Share of crops out of one image.
        mosaic: Share of four crops in one picture.
        ground: Share of person-free pictures on which persons may be pasted.
        rendered: Share of streets drawn by `tracker.scenes`.
        min_person: Smallest height a person is rescaled to, pixels.
        max_person: Largest height, as a multiple of the picture's side.
    """

    crop: float = 0.55
    mosaic: float = 0.18
    ground: float = 0.17
    rendered: float = 0.10
    min_person: float = 26.0
    max_person: float = 1.3


class Augmenter:
    """Draws pictures from scenes by a recipe; holds no state that a picture changes."""

    def __init__(self, scenes: Sequence[Scene], recipe: Recipe | None = None) -> None:
        """Sorts the scenes by what they can give.

        Raises:
            ValueError: No scene has a person.
        """
        self.recipe = recipe or Recipe()
        self.scenes = list(scenes)
        self.peopled = [scene for scene in scenes if len(scene.persons)]
        self.empty = [scene for scene in scenes if not len(scene.persons)]
        self.cutouts = [cutout for scene in scenes for cutout in scene.cutouts]
        self.things = [
            thing for scene in scenes for thing in _clean_things(scene) if min(thing.shape[:2]) > 15
        ]
        if not self.peopled:
            raise ValueError("no image with a person in the training data")

    def picture(self, rng: np.random.Generator, side: int) -> Canvas:
        """Makes one picture of `side` x `side` pixels."""
        shares = np.array(
            [self.recipe.crop, self.recipe.mosaic, self.recipe.ground, self.recipe.rendered]
        )
        kind = int(rng.choice(4, p=shares / shares.sum()))
        if kind == 0:
            canvas = self._crop(rng, side, side)
        elif kind == 1:
            canvas = self._mosaic(rng, side)
        elif kind == 2:
            canvas = self._ground(rng, side, side)
        else:
            canvas = self._rendered(rng, side)
        if kind != 3:
            self._populate(canvas, rng, many=kind == 2)
        canvas.image = jitter_camera(jitter_light(canvas.image, rng), rng)
        if rng.random() < 0.5:
            canvas.flip()
        return canvas

    def _crop(self, rng: np.random.Generator, width: int, height: int) -> Canvas:
        """One person of one scene at a random size and place; the ground shows where it ends."""
        scene = self.peopled[rng.integers(len(self.peopled))]
        focus = scene.persons[rng.integers(len(scene.persons))]
        tall = log_uniform(rng, self.recipe.min_person, self.recipe.max_person * max(width, height))
        scale_y = float(np.clip(tall / max(focus[3] - focus[1], 1.0), 0.08, 3.0))
        scale = (scale_y * rng.uniform(0.87, 1.15), scale_y)
        origin = [0.0, 0.0]
        for axis, size in enumerate((width, height)):
            centre = (focus[axis] + focus[axis + 2]) / 2 * scale[axis]
            whole = scene.image.shape[1 - axis] * scale[axis]
            start = centre - rng.uniform(0.1, 0.9) * size
            # A window inside the image where it fits; else the image somewhere in the window.
            low, high = sorted((0.0, whole - size))
            origin[axis] = float(np.clip(start, low, high))
        fits = scene.image.shape[1] * scale[0] >= width and (
            scene.image.shape[0] * scale[1] >= height
        )
        canvas = (
            Canvas(np.zeros((height, width, 3), np.uint8))
            if fits
            else self._ground(rng, width, height)
        )
        canvas.place(scene, scale, (origin[0], origin[1]))
        return canvas

    def _mosaic(self, rng: np.random.Generator, side: int) -> Canvas:
        whole = Canvas(np.zeros((side, side, 3), np.uint8))
        x, y = (int(value) for value in rng.uniform(0.3, 0.7, 2) * side)
        for left, top, right, bottom in (
            (0, 0, x, y),
            (x, 0, side, y),
            (0, y, x, side),
            (x, y, side, side),
        ):
            part = self._crop(rng, right - left, bottom - top)
            whole.image[top:bottom, left:right] = part.image
            shift = np.array([left, top, left, top], np.float32)
            whole.boxes = np.concatenate([whole.boxes, part.boxes + shift])
        return whole

    def _ground(self, rng: np.random.Generator, width: int, height: int) -> Canvas:
        """A person-free picture: a part of an empty scene, of a peopled one, or a drawn street."""
        for _ in range(4):
            pool = self.empty if self.empty and rng.random() < 0.6 else self.peopled
            scene = pool[rng.integers(len(pool))]
            rows, columns = scene.image.shape[:2]
            scale = max(width / columns, height / rows) * log_uniform(rng, 1.0, 2.2)
            w, h = width / scale, height / scale
            x, y = rng.uniform(0, columns - w), rng.uniform(0, rows - h)
            window = np.array([x, y, x + w, y + h], np.float32)
            if not (covered_share(scene.persons, window) > 0.02).any():
                part = scene.image[int(y) : int(y + h) + 1, int(x) : int(x + w) + 1]
                return Canvas(resized(part, width, height))
        return Canvas(street_background(width, height, int(rng.integers(2**31))))

    def _rendered(self, rng: np.random.Generator, side: int) -> Canvas:
        canvas = Canvas(street_background(side, side, int(rng.integers(2**31))))
        near = log_uniform(rng, 60, 0.9 * side)
        feet = np.sort(rng.uniform(0.35, 1.05, int(rng.integers(3, 12))))
        for foot in feet:  # far ones first; size grows towards the camera
            if rng.random() < 0.6:
                height = max(near * foot * rng.uniform(0.8, 1.1), 34.0)
                canvas.walker(rng, foot * side, height)
            else:
                height = max(near * foot * rng.uniform(0.3, 1.2), 14.0)
                canvas.clutter(rng, foot * side, height)
        return canvas

    def _populate(self, canvas: Canvas, rng: np.random.Generator, *, many: bool) -> None:
        """Pastes persons and things, draws a few more."""
        side = canvas.width
        if self.things and rng.random() < 0.35:
            for _ in range(rng.integers(1, 4)):
                thing = self.things[rng.integers(len(self.things))]
                tall = log_uniform(rng, 24, 0.5 * side)
                x, y = rng.uniform(-0.1, 0.9, 2) * side
                canvas.paste(thing, tall, x, y, person=False)
        if self.cutouts and rng.random() < (0.6 if many else 0.3):
            top = log_uniform(rng, 40, 0.95 * side)
            for _ in range(rng.integers(1, 6 if many else 4)):
                cutout = _vary(self.cutouts[rng.integers(len(self.cutouts))], rng)
                tall = max(top * rng.uniform(0.6, 1.0), self.recipe.min_person)
                x = rng.uniform(-0.05, 0.95) * side
                y = rng.uniform(-0.1 * tall, side - 0.75 * tall)
                canvas.paste(cutout, tall, x, y, person=True)
        if rng.random() < 0.25:
            for _ in range(rng.integers(1, 4)):
                canvas.clutter(rng, rng.uniform(0.3, 1.1) * side, log_uniform(rng, 20, 0.6 * side))
        if rng.random() < 0.05:
            canvas.walker(rng, rng.uniform(0.4, 1.05) * side, log_uniform(rng, 36, 0.7 * side))


def _clean_things(scene: Scene) -> list[Image]:
    """Opaque RGBA cut-outs of the labelled things that no person overlaps."""
    things = []
    for box in scene.others:
        if not (covered_share(scene.persons, box) > 0.02).any():
            x0, y0, x1, y1 = np.round(box).astype(int).clip(0)
            part = scene.image[y0:y1, x0:x1]
            if part.size:
                things.append(np.dstack([part, np.full(part.shape[:2], 255, np.uint8)]))
    return things


def _vary(cutout: Image, rng: np.random.Generator) -> Image:
    """Mirrors, narrows and recolours a cut-out, so that the same person is not the same."""
    if rng.random() < 0.5:
        cutout = cutout[:, ::-1]
    width = max(round(cutout.shape[1] * rng.uniform(0.85, 1.15)), 2)
    cutout = resized(np.ascontiguousarray(cutout), width, cutout.shape[0])
    gains = rng.uniform(0.65, 1.25) * rng.uniform(0.9, 1.1, 3)
    colours = np.clip(cutout[..., :3] * gains + rng.uniform(-15, 15), 0, 255)
    return np.dstack([colours.astype(np.uint8), cutout[..., 3]])
