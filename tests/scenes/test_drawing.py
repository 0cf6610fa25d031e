"""The drawn street: boxes fit the drawn pixels, the same seed draws the same picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("cv2")

from tracker.scenes.backdrop import street_background
from tracker.scenes.things import CLUTTER_KINDS, draw_clutter
from tracker.scenes.walker import draw_walker


def blank() -> np.ndarray:
    return np.full((240, 320, 3), 128, np.uint8)


@pytest.mark.parametrize("facing", [-1, 0, 1])
@pytest.mark.parametrize("height", [40.0, 97.5, 180.0])
def test_walker_fills_its_box(facing, height: float) -> None:
    image = blank()
    box = draw_walker(image, 160.4, 220.0, height, 1.1, 3, facing=facing)
    assert box.shape == (4,)
    assert box.dtype == np.float64
    assert 0.9 * height < box[3] - box[1] < 1.1 * height
    assert abs(box[3] - 220.0) < 0.05 * height + 2
    assert abs((box[0] + box[2]) / 2 - 160.4) < 0.25 * height
    # Above the feet there is no shadow: what changed there is the figure, inside its box.
    changed = np.any(image[: int(220 - 0.1 * height)] != 128, axis=2)
    ys, xs = np.nonzero(changed)
    assert xs.min() >= box[0] - 1
    assert xs.max() <= box[2] + 1
    assert ys.min() >= box[1] - 1


@pytest.mark.parametrize("kind", CLUTTER_KINDS)
def test_clutter_fills_its_box(kind) -> None:
    image = blank()
    box = draw_clutter(image, kind, 160.0, 200.0, 70.0, 5)
    assert 0.8 * 70 < box[3] - box[1] < 1.15 * 70
    x0, y0, x1, y1 = box.astype(int)
    assert np.any(image[y0:y1, x0:x1] != 128)


def test_same_seed_same_picture_other_seed_other_person() -> None:
    pictures = []
    for seed in (4, 4, 5):
        image = street_background(320, 240, 9)
        draw_walker(image, 100.0, 200.0, 120.0, 0.5, seed)
        pictures.append(image)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert np.any(pictures[0] != pictures[2])
    assert np.any(street_background(320, 240, 9) != street_background(320, 240, 10))


def test_gait_moves_the_legs_but_not_the_head() -> None:
    boxes, heads = [], []
    for phase in (0.0, np.pi / 2):
        image = blank()
        boxes.append(draw_walker(image, 160.0, 220.0, 150.0, phase, 1))
        heads.append(np.nonzero(np.any(image[60:90] != 128, axis=(0, 2)))[0].mean())
    widths = [box[2] - box[0] for box in boxes]
    assert widths[1] > 1.3 * widths[0]
    assert abs(heads[0] - heads[1]) < 3


def test_fraction_of_a_pixel_moves_the_picture() -> None:
    whole, shifted = blank(), blank()
    draw_walker(whole, 160.0, 220.0, 100.0, 0.5, 1)
    draw_walker(shifted, 160.5, 220.0, 100.0, 0.5, 1)
    assert np.any(whole != shifted)


@pytest.mark.parametrize(("x", "y"), [(-500.0, 100.0), (0.0, 60.0), (320.0, 300.0), (160.0, -50.0)])
def test_figures_may_leave_the_image(x: float, y: float) -> None:
    image = blank()
    box = draw_walker(image, x, y, 100.0, 0.2, 2)
    draw_clutter(image, "car", x, y, 100.0, 2)
    assert abs(box[3] - y) < 10
    assert image.shape == (240, 320, 3)


def test_background_has_the_asked_size() -> None:
    for width, height in ((1, 1), (64, 48), (641, 359)):
        image = street_background(width, height, 0)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8
    with pytest.raises(ValueError, match="at least 1, got 0 x 5"):
        street_background(0, 5, 0)


def test_unknown_kind_lists_the_known() -> None:
    with pytest.raises(ValueError, match="kind is 'cat', allowed: pole, cone"):
        draw_clutter(blank(), "cat", 1.0, 1.0, 10.0, 0)


def test_import_is_light() -> None:
    code = "import sys, tracker.scenes.world; assert 'cv2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
