"""Crops and clips show the track, from a video whose pixels are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.review.kit import Row, run_of
from tracker import InputError, SourceError
from tracker.review.clips import show_tracks, stretch
from tracker.review.lives import lives_of
from tracker.review.pictures import frames_at, grey_levels, video_of

cv2 = pytest.importorskip("cv2")
pytest.importorskip("av")

FRAMES, WIDTH, HEIGHT = 12, 160, 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames as PNG: dark, with a bright square of 20 px that walks by 8 px a frame."""
    folder = tmp_path_factory.mktemp("shots")
    for k in range(FRAMES):
        image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
        image[40:60, 8 * k + 10 : 8 * k + 30] = (200, 220, 240)
        cv2.imwrite(str(folder / f"{k:03d}.png"), image[..., ::-1])
    return folder


def walk(frames: int = FRAMES, seen: int = 0) -> list[list[Row]]:
    box = [(8.0 * k + 10, 40.0, 8.0 * k + 30, 60.0) for k in range(frames)]
    return [[Row(4, box=b, seen=k >= seen)] for k, b in enumerate(box)]


def test_frames_come_with_their_positions(folder: Path) -> None:
    run = run_of(walk())
    found = dict(frames_at(run, str(folder), [7, 2]))
    assert list(found) == [2, 7]
    assert found[7].image[50, 8 * 7 + 20].tolist() == [200, 220, 240]
    assert dict(frames_at(run, str(folder), [])) == {}


def test_grey_levels_are_of_the_frames_asked_for(folder: Path) -> None:
    run = run_of(walk())
    levels = grey_levels(run, str(folder), [9, 0])
    assert levels.shape == (2, 32 * 24)
    left = levels.reshape(2, 24, 32)[:, :, :8].max(axis=(1, 2))
    assert left[0] < 0.2 < left[1]  # in frame 9 the square has left the left quarter
    with pytest.raises(SourceError, match="no picture for frame 14"):
        grey_levels(run_of(walk(15)), str(folder), [14])


def test_the_strip_and_the_clip_show_the_square(folder: Path, tmp_path: Path) -> None:
    from tracker.video.sources import open_source

    run = run_of(walk())
    (view,) = show_tracks(run, lives_of(run), [0], str(folder), tmp_path).values()
    assert (view.crops, view.clip, view.still) == ("crops/4.jpg", "clips/4.mp4", "clips/4.jpg")
    strip = cv2.imread(str(tmp_path / view.crops))
    height, width = strip.shape[:2]
    assert height == 144
    assert width == 6 * 144 + 5 * 3
    # Two thirds of each crop's height are the square: it has a quarter of its side around it.
    middle = strip[height // 2, 72 + 147 * np.arange(6)].mean(axis=1)
    assert (middle > 180).all()
    with open_source(str(tmp_path / view.clip)) as source:
        shots = list(source)
    assert len(shots) == FRAMES
    assert shots[1].timestamp_s == pytest.approx(1 / 30, abs=0.001)
    bright = [np.argmax(shot.image[shot.image.shape[0] // 2].mean(axis=1) > 150) for shot in shots]
    assert (np.diff(bright) > 0).all()  # it walks, the picture stands


def test_a_clip_has_no_more_than_twelve_frames_a_second(folder: Path, tmp_path: Path) -> None:
    from tracker.video.sources import open_source

    run = run_of(walk(), period_s=1 / 48)
    (view,) = show_tracks(run, lives_of(run), [0], str(folder), tmp_path).values()
    with open_source(str(tmp_path / view.clip)) as source:
        assert len(list(source)) == 3


def test_a_box_outside_of_the_picture_is_no_error(folder: Path, tmp_path: Path) -> None:
    run = run_of([[Row(1, box=(500.0, 500.0, 520.0, 560.0))]] * 3)
    (view,) = show_tracks(run, lives_of(run), [0], str(folder), tmp_path).values()
    assert (tmp_path / view.crops).is_file()
    assert (tmp_path / view.clip).is_file()


def test_the_stretch_is_where_most_was_seen() -> None:
    frames: list[list[Row]] = [[Row(1, score=0.2)] for _ in range(100)]
    frames[60:80] = [[Row(1, score=0.9)] for _ in range(20)]
    run = run_of(frames)
    first, last = stretch(run, lives_of(run), 0, seconds=2.0)
    assert 57 <= first <= 62
    assert 78 <= last <= 83
    lone = run_of([[], [], [Row(1)], [], []])
    assert stretch(lone, lives_of(lone), 0) == (0, 4)  # 0.6 s around it, as far as there is any


def test_where_the_video_is(folder: Path, tmp_path: Path) -> None:
    run = run_of([[]])
    assert video_of(run) is None
    assert video_of(replace(run, source=str(folder))) == str(folder)
    assert video_of(replace(run, source=str(folder / "*.png"))) == str(folder / "*.png")
    assert video_of(replace(run, source=str(tmp_path / "gone.mp4"))) is None
    assert video_of(replace(run, source=str(tmp_path / "*.png"))) is None
    assert video_of(replace(run, source="rtsp://camera/1")) is None


def test_a_video_of_other_times_is_refused(tmp_path: Path) -> None:
    from tracker.video.writer import VideoWriter

    with VideoWriter(tmp_path / "a.mp4", fps=25) as video:
        for k in range(6):
            video.write(np.full((48, 64, 3), 9 * k, np.uint8), k / 25)
    with pytest.raises(InputError, match="made of another video"):
        list(frames_at(run_of([[]] * 6), str(tmp_path / "a.mp4"), [5]))
    run = run_of([[]] * 6, period_s=0.04)
    assert len(list(frames_at(run, str(tmp_path / "a.mp4"), [5]))) == 1
    same, half = replace(run, image_size=(64, 48)), replace(run, image_size=(128, 96))
    assert len(list(frames_at(same, str(tmp_path / "a.mp4"), [5]))) == 1
    with pytest.raises(InputError, match=r"pictures of 64x48, the run .* was made of 128x96"):
        list(frames_at(half, str(tmp_path / "a.mp4"), [5]))
