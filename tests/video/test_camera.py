import time

import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.video.camera import CameraSource
from tracker.video.sources import open_source


class FakeCapture:
    """Behaves like cv2.VideoCapture: BGR pictures, some milliseconds apart, then unplugged."""

    def __init__(self, pictures=5, opened=True):
        self.left, self.opened, self.released = pictures, opened, False

    def isOpened(self):
        return self.opened

    def set(self, key, value):
        return True

    def get(self, key):
        return 0.0

    def read(self):
        if self.left == 0:
            return False, None
        self.left -= 1
        time.sleep(0.005)
        return True, np.full((8, 10, 3), (0, 0, 200), np.uint8)

    def release(self):
        self.released = True


def test_frames_are_timed_by_arrival():
    capture = FakeCapture()
    with CameraSource(0, capture=capture) as source:
        assert source.live
        assert (source.name, source.width, source.height, source.fps) == ("camera 0", 10, 8, None)
        frames = list(source)
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert frames[0].timestamp_s == 0.0
    assert np.diff([f.timestamp_s for f in frames]).min() > 0.004
    assert frames[0].image[0, 0].tolist() == [200, 0, 0]
    assert [d.reason for d in source.damage] == ["ended"]
    assert capture.released


def test_no_picture_and_not_open():
    with pytest.raises(SourceError, match="gives no picture"):
        CameraSource(0, capture=FakeCapture(0))
    with pytest.raises(SourceError, match="is it connected"):
        CameraSource(0, capture=FakeCapture(opened=False))


@pytest.mark.parametrize("spec", [987, "987", "/dev/video987"])
def test_missing_camera(spec):
    with pytest.raises(SourceError, match=r"/dev/video987 does not exist|cannot open"):
        open_source(spec)
