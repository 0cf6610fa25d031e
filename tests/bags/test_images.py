"""Images of every encoding arrive as the RGB picture that was encoded."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.bags.images import ENCODINGS, UnreadableImage, compressed_to_rgb, image_to_rgb
from tracker.errors import InputError

RGB = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype(np.uint8)


def image(pixels: np.ndarray[Any, Any], encoding: str, pad: int = 0, **more: Any) -> Any:
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, pad)), constant_values=77)
    fields = {
        "height": height, "width": width, "encoding": encoding, "step": rows.shape[1],
        "is_bigendian": 0, "data": rows.tobytes(),
    }  # fmt: skip
    return SimpleNamespace(**(fields | more))


@pytest.mark.parametrize("big", [0, 1])
@pytest.mark.parametrize("pad", [0, 5])
def test_colours_and_padding(pad: int, big: int) -> None:
    alpha = np.full((6, 8, 1), 9, np.uint8)
    for encoding, pixels in {
        "rgb8": RGB,
        "bgr8": RGB[..., ::-1],
        "rgba8": np.concatenate([RGB, alpha], axis=2),
        "bgra8": np.concatenate([RGB[..., ::-1], alpha], axis=2),
    }.items():
        got = image_to_rgb(image(pixels, encoding, pad, is_bigendian=big))
        np.testing.assert_array_equal(got, RGB, err_msg=encoding)
        assert got.flags.c_contiguous
        assert got.flags.owndata
    grey = RGB[..., 0]
    for encoding in ("mono8", "8UC1"):
        np.testing.assert_array_equal(
            image_to_rgb(image(grey, encoding, pad, is_bigendian=big)),
            np.repeat(grey[:, :, None], 3, axis=2),
        )


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (30, 90, 200)])
@pytest.mark.parametrize(
    ("encoding", "pattern"),
    [
        ("bayer_rggb8", "RGGB"),
        ("bayer_bggr8", "BGGR"),
        ("bayer_gbrg8", "GBRG"),
        ("bayer_grbg8", "GRBG"),
    ],
)
def test_bayer_patterns_give_back_the_colour(
    encoding: str, pattern: str, colour: tuple[int, int, int]
) -> None:
    """A plain surface: every sample is the channel of its colour filter."""
    mosaic = np.zeros((8, 10), np.uint8)
    for place, letter in enumerate(pattern):
        mosaic[place // 2 :: 2, place % 2 :: 2] = colour["RGB".index(letter)]
    got = image_to_rgb(image(mosaic, encoding, 3))
    np.testing.assert_array_equal(got, np.broadcast_to(np.uint8(colour), (8, 10, 3)))


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
def test_packed_yuv(encoding: str) -> None:
    """Blue is luma 41, U 240, V 110 in BT.601."""
    luma, u, v = 41, 240, 110
    pair = [u, luma, v, luma] if encoding in ("yuv422", "uyvy") else [luma, u, luma, v]
    packed = np.tile(np.array(pair, np.uint8), (4, 3)).reshape(4, 6, 2)
    got = image_to_rgb(image(packed, encoding, 2)).astype(int)
    assert got.shape == (4, 6, 3)
    assert np.abs(got - [0, 0, 255]).max() <= 3


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("mono16", "8 bits a sample"),
        ("16UC1", "8 bits a sample"),
        ("32FC1", "8 bits a sample"),
        ("bayer_rggb16", "8 bits a sample"),
        ("8UC3", "RGB or BGR"),
        ("nv12", "'nv12' are not read"),
        ("", "'' are not read"),
    ],
)
def test_other_encodings_are_refused_with_a_list(encoding: str, said: str) -> None:
    with pytest.raises(InputError, match=r"These are: rgb8, .*bayer_rggb8") as caught:
        image_to_rgb(image(RGB, encoding))
    assert said in str(caught.value)
    assert not isinstance(caught.value, UnreadableImage)


def test_sizes_that_do_not_fit_are_damage() -> None:
    good = image(RGB, "rgb8", 4)
    with pytest.raises(UnreadableImage, match="step is 20 bytes, but a row of 8 pixels rgb8 tak"):
        image_to_rgb(image(RGB, "rgb8", step=20))
    with pytest.raises(UnreadableImage, match="no pixels"):
        image_to_rgb(image(RGB, "rgb8", height=0))
    with pytest.raises(UnreadableImage, match="6 rows of 28"):
        image_to_rgb(image(RGB, "rgb8", 4, data=good.data[:-5]))
    # The padding of the last row alone may be missing.
    np.testing.assert_array_equal(image_to_rgb(image(RGB, "rgb8", 4, data=good.data[:-4])), RGB)


@given(
    height=st.integers(0, 5), width=st.integers(0, 5), step=st.integers(0, 40),
    size=st.integers(0, 200), encoding=st.sampled_from(ENCODINGS),
)  # fmt: skip
def test_no_message_crashes(height: int, width: int, step: int, size: int, encoding: str) -> None:
    message = SimpleNamespace(
        height=height, width=width, step=step, data=bytes(size), encoding=encoding, is_bigendian=0
    )
    with contextlib.suppress(UnreadableImage):
        assert image_to_rgb(message).shape == (height, width, 3)


def packed(suffix: str, pixels: np.ndarray[Any, Any], form: str) -> Any:
    ok, data = cv2.imencode(suffix, pixels)
    assert ok
    return SimpleNamespace(format=form, data=np.asarray(data).ravel())


def test_compressed_images() -> None:
    bgr = np.ascontiguousarray(RGB[..., ::-1])
    for form in ("png", "bgr8; png compressed bgr8", "PNG", ""):
        np.testing.assert_array_equal(compressed_to_rgb(packed(".png", bgr, form)), RGB)
    plain = np.full((16, 16, 3), (20, 120, 220), np.uint8)
    got = compressed_to_rgb(packed(".jpg", plain, "rgb8; jpeg compressed bgr8")).astype(int)
    assert np.abs(got - [220, 120, 20]).max() <= 4
    grey = compressed_to_rgb(packed(".png", plain[..., 0], "mono8; png compressed mono8"))
    assert grey.shape == (16, 16, 3)
    assert (grey == 20).all()


def test_compressed_images_that_are_not_read() -> None:
    deep = np.full((4, 4), 3000, np.uint16)
    with pytest.raises(InputError, match="8 bits a sample") as caught:
        compressed_to_rgb(packed(".png", deep, "16UC1; png"))
    assert not isinstance(caught.value, UnreadableImage)
    for form in ("16UC1; compressedDepth png", "h264", "webp"):
        with pytest.raises(InputError, match="JPEG and PNG are") as caught:
            compressed_to_rgb(SimpleNamespace(format=form, data=b"\x00\x01\x02\x03"))
        assert not isinstance(caught.value, UnreadableImage)
    whole = packed(".png", RGB, "png").data
    for data in (b"", b"garbage", whole[:30].tobytes()):
        with pytest.raises(UnreadableImage):
            compressed_to_rgb(SimpleNamespace(format="png", data=data))


def test_pixels_stay_where_the_sensor_has_them() -> None:
    """An orientation noted in the file must not turn the picture: boxes are in its pixels."""
    wide = np.zeros((16, 32, 3), np.uint8)
    data = packed(".jpg", wide, "jpeg").data.tobytes()
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06"
    exif += b"\x00\x00\x00\x00\x00\x00"
    turned = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), 1).shape == (32, 16, 3)
    got = compressed_to_rgb(SimpleNamespace(format="jpeg", data=turned))
    assert got.shape == (16, 32, 3)
