"""The camera's motion from pictures: known motions come back, and what cannot be told is not."""

import numpy as np
import pytest

from tracker import Frame, Tracker
from tracker.video.camera_motion import CameraMotion

cv2 = pytest.importorskip("cv2")

WIDTH, HEIGHT = 320, 240


def world(size=(900, 700), seed=0):
    """A picture with structure at all scales, as a street has."""
    rng = np.random.default_rng(seed)
    out = np.zeros((size[1], size[0], 3))
    for step in (4, 16, 64):
        small = rng.uniform(0, 255, (size[1] // step + 1, size[0] // step + 1, 3))
        out += cv2.resize(small, size, interpolation=cv2.INTER_CUBIC) / 3
    return np.clip(out, 0, 255).astype(np.uint8)


WORLD = world()


def view(angle=0.0, zoom=1.0, x=300.0, y=220.0, size=(WIDTH, HEIGHT)):
    """The picture of a camera that looks at (x, y); and world pixels -> its pixels."""
    c, s = zoom * np.cos(np.radians(angle)), zoom * np.sin(np.radians(angle))
    linear = np.array([[c, -s], [s, c]])
    shift = np.array(size) / 2 - linear @ [x, y]
    matrix = np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])
    image = cv2.warpAffine(WORLD, matrix[:2], size, flags=cv2.INTER_AREA)
    return image, matrix


def apart(warp, truth, width=WIDTH, height=HEIGHT):
    """Largest distance that two warps put a corner of the picture, px."""
    ends = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.abs(ends @ np.asarray(warp)[:2].T - ends @ truth[:2].T).max())


@pytest.mark.parametrize(
    ("later", "size"),
    [
        ({"x": 306.3, "y": 217.5}, (WIDTH, HEIGHT)),
        ({"angle": 1.5, "x": 302}, (WIDTH, HEIGHT)),
        ({"zoom": 1.04}, (WIDTH, HEIGHT)),
        ({"zoom": 2.1, "angle": -1, "x": 298}, (800, 600)),  # reduced before it is followed
    ],
)
def test_known_motions_come_back(later, size):
    first = {"zoom": 2.0} if size[0] == 800 else {}
    (a, at_first), (b, at_last) = view(**first, size=size), view(**later, size=size)
    motion = CameraMotion()
    assert motion.estimate(Frame(a, 0.0, 0)) is None
    warp = motion.estimate(Frame(b, 0.1, 1))
    assert apart(warp, at_last @ np.linalg.inv(at_first), *size) < 0.5
    assert (motion.frames, motion.moved, motion.failed) == (2, 1, 0)


def test_a_camera_that_stands_gives_no_warp():
    motion = CameraMotion()
    rng = np.random.default_rng(1)
    for k in range(5):
        noisy = np.clip(view()[0] + rng.normal(0, 2, (HEIGHT, WIDTH, 3)), 0, 255)
        assert motion.estimate(Frame(noisy.astype(np.uint8), k / 10, k)) is None
    assert (motion.moved, motion.failed) == (0, 0)


def test_what_is_hidden_does_not_count():
    """A large bus drives through half of the picture of a camera that stands."""
    a, b = view()[0], view()[0].copy()
    a[40:220, 20:200] = world(seed=7)[:180, :180]
    b[40:220, 32:212] = world(seed=7)[:180, :180]
    motion, blind = CameraMotion(), CameraMotion()
    for m in (motion, blind):
        m.estimate(Frame(a, 0.0, 0))
    motion.hide(np.array([[20.0, 40, 200, 220]]))
    assert motion.estimate(Frame(b, 0.1, 1)) is None
    assert motion.failed == 0
    assert motion._hidden.shape == (0, 4)


@pytest.mark.parametrize(
    "second",
    [
        np.full((HEIGHT, WIDTH, 3), 90, np.uint8),
        world(seed=5)[:HEIGHT, :WIDTH],
        np.random.default_rng(2).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
    ],
    ids=["grey", "a cut", "noise"],
)
def test_what_cannot_be_told_is_not_claimed(second):
    motion = CameraMotion()
    motion.estimate(Frame(view()[0], 0.0, 0))
    assert motion.estimate(Frame(np.ascontiguousarray(second), 0.1, 1)) is None
    assert (motion.moved, motion.failed) == (0, 1)


def test_a_picture_wholly_hidden_cannot_be_told():
    motion = CameraMotion()
    motion.estimate(Frame(view()[0], 0.0, 0))
    motion.hide(np.array([[-50.0, -50, 1000, 1000], [0, 0, 0, 0]]))
    assert motion.estimate(Frame(view(x=310)[0], 0.1, 1)) is None
    assert motion.failed == 1


def test_a_new_frame_size_starts_anew():
    motion = CameraMotion()
    motion.estimate(Frame(view()[0], 0.0, 0))
    motion.hide(np.array([[0.0, 0, 10, 10]]))
    assert motion.estimate(Frame(view(size=(400, 300))[0], 0.1, 1)) is None
    assert motion.failed == 0
    assert motion.estimate(Frame(view(size=(400, 300), x=305)[0], 0.2, 2)) is not None


def test_the_same_frames_give_the_same_warps():
    frames = [Frame(view(angle=k % 3, x=300 + 3 * k)[0], k / 10, k) for k in range(6)]
    runs = []
    for _ in range(2):
        motion = CameraMotion()
        runs.append([motion.estimate(f) for f in frames])
    for a, b in zip(*runs, strict=True):
        assert (a is None and b is None) or np.array_equal(a, b)


def test_the_tracker_takes_it():
    motion, tracker = CameraMotion(), Tracker()
    for k in range(4):
        frame = Frame(view(x=300 + 6 * k)[0], k / 10, k)
        tracks = tracker.update(None, timestamp_s=frame.timestamp_s, warp=motion.estimate(frame))
        motion.hide(tracks.xyxy)
    assert motion.moved == 3
