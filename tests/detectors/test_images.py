from __future__ import annotations

import numpy as np
import pytest

from detectors.images import rgb
from tracker.errors import InputError

RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 10


def test_rgb_passes_through():
    assert np.shares_memory(rgb(RGB), RGB)
    np.testing.assert_array_equal(rgb(RGB), RGB)


def test_bgr_is_swapped_and_alpha_dropped():
    np.testing.assert_array_equal(rgb(RGB[:, :, ::-1], channel_order="bgr"), RGB)
    bgra = np.dstack([RGB[:, :, ::-1], np.full((2, 3), 255, np.uint8)])
    np.testing.assert_array_equal(rgb(bgra, channel_order="bgr"), RGB)
    np.testing.assert_array_equal(rgb(np.dstack([RGB, RGB[:, :, :1]])), RGB)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)])
def test_grey_becomes_three_channels(shape):
    grey = RGB[:, :, 0].reshape(shape)
    for order in ("rgb", "bgr"):
        out = rgb(grey, channel_order=order)
        assert out.shape == (2, 3, 3)
        assert out.flags.c_contiguous
        np.testing.assert_array_equal(out[:, :, 2], RGB[:, :, 0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_the_unit_interval_keep_their_scale(dtype):
    out = rgb((RGB / 255).astype(dtype))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, RGB / 255, atol=1e-3)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (RGB.astype(np.float32), r"must be in \[0, 1\], got \[0, 170\] \(0\.\.255\? cast it"),
        ((RGB / 127.0) - 1, "normalised already"),
        (np.full((2, 3, 3), np.nan), "got \\[nan, nan\\]"),
        (RGB.astype(np.uint16), "divide uint16 by 257"),
        (RGB.astype(np.int64), "got int64"),
        (RGB > 30, "got bool"),
        (np.eye(4, dtype=np.uint8), "only the values 0 and 1"),
        ((RGB / 255).round().astype(np.uint8), "Multiply by 255"),
        (RGB.transpose(2, 0, 1)[:, :, :2].copy(), "channels come last: use image.transpose"),
        (RGB[None], "pass a list of images"),
        (np.zeros((0, 4, 3), np.uint8), r"got \(0, 4, 3\)"),
        (np.zeros((4, 4, 2), np.uint8), r"got \(4, 4, 2\)"),
        ([[1, 2], [3, 4]], "numpy array, got list"),
    ],
)
def test_what_is_refused_says_what_to_do(image, message):
    with pytest.raises(InputError, match=message):
        rgb(image)


def test_unknown_channel_order():
    with pytest.raises(InputError, match='"rgb" or "bgr", got \'gbr\''):
        rgb(RGB, channel_order="gbr")


@pytest.mark.parametrize("value", [0, 1, 2, 255])
def test_flat_images_are_images(value):
    flat = np.full((4, 4, 3), value, np.uint8)
    np.testing.assert_array_equal(rgb(flat), flat)
