import cv2
import numpy as np
import pytest

from tracker.errors import InputError, SourceError
from tracker.video.sources import open_source


@pytest.fixture
def folder(tmp_path, picture):
    for number in (1, 2, 9, 10, 11, 100):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), picture(number)[:, :, ::-1])
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def numbers(source, number):
    with source:
        return [number(frame.image) for frame in source]


def test_natural_order_and_rate(folder, number):
    with open_source(folder) as source:
        assert (source.width, source.height, source.fps) == (64, 48, 30.0)
        assert source.frame_count == 6
        assert source.duration_s == pytest.approx(0.2)
        frames = list(source)
    assert [number(f.image) for f in frames] == [1, 2, 9, 10, 11, 100]
    assert [f.timestamp_s for f in frames] == pytest.approx([i / 30 for i in range(6)])
    assert [f.index for f in frames] == list(range(6))


def test_glob_and_single_image(folder, number):
    assert numbers(open_source(str(folder / "img1*.png")), number) == [1, 10, 11, 100]
    assert numbers(open_source(folder / "img9.png"), number) == [9]


def test_start_stop_every_and_rate(folder, number):
    chosen = open_source(folder, start_s=1.0, stop_s=5.0, every=2, image_fps=1.0)
    assert chosen.frame_count == 2
    assert numbers(chosen, number) == [2, 10]


def test_unreadable_images_keep_their_place(folder, number):
    (folder / "img9.png").write_bytes(b"\x89PNG broken")
    (folder / "img10.png").write_bytes(b"")
    with open_source(folder, image_fps=10) as source:
        frames = list(source)
        assert [number(f.image) for f in frames] == [1, 2, 11, 100]
        assert [f.index for f in frames] == [0, 1, 4, 5]
        assert [(d.timestamp_s, d.reason, d.detail) for d in source.damage] == [
            (pytest.approx(0.2), "unreadable", "img9.png: not an image"),
            (pytest.approx(0.3), "unreadable", "img10.png: empty file"),
        ]
        assert source.errors_skipped == 2


def test_cut_jpeg_is_unreadable(tmp_path, picture):
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(tmp_path / name), noise)
    data = (tmp_path / "b.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(data[: len(data) // 2])
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
        assert source.damage[0].detail == "b.jpg: cut off"


def test_sizes_may_differ_and_grey_becomes_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.full((20, 30), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((40, 50, 4), 99, np.uint8))
    with open_source(tmp_path) as source:
        assert [f.image.shape for f in source] == [(20, 30, 3), (40, 50, 3)]


def test_colours_are_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.full((4, 4, 3), (0, 0, 255), np.uint8))
    with open_source(tmp_path) as source:
        assert next(iter(source)).image[0, 0].tolist() == [255, 0, 0]


def test_errors_say_what_to_do(tmp_path, folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="has no images; known suffixes"):
        open_source(empty)
    (empty / "a.mp4").touch()
    with pytest.raises(SourceError, match=r"give one of them, such as .*a\.mp4"):
        open_source(empty)
    with pytest.raises(SourceError, match="no image matches"):
        open_source(str(folder / "photo*.png"))
    with pytest.raises(InputError, match="above 0"):
        open_source(folder, image_fps=0)
    for name in folder.glob("*.png"):
        name.write_bytes(b"x")
    with pytest.raises(SourceError, match="none of the 6 images"):
        open_source(folder)
