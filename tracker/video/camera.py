"""A camera of this computer through OpenCV, its frames timed by their arrival.

In comes a number or a device path, out go frames. The driver's own buffer is kept at one frame
so that a slow reader sees the present rather than the past.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import SourceError
from tracker.video.base import Picture, Source
from tracker.video.optional import import_cv2
from tracker.video.timestamps import ArrivalTimes

__all__ = ["CameraSource"]


class CameraSource(Source):
    """A camera. Arguments and attributes: see `open_source` and `Source`.

    Args:
        device: Camera number or device path.
        start_s: See `open_source`; seconds since the first frame.
        stop_s: See `open_source`.
        every: See `open_source`.
        capture: An open `cv2.VideoCapture` (or what behaves like one) to use instead.

    Raises:
        SourceError: No such camera, in use, or it gives no picture.
    """

    def __init__(
        self,
        device: int | str,
        *,
        start_s: float | None = None,
        stop_s: float | None = None,
        every: int = 1,
        capture: Any = None,
    ) -> None:
        """Open the camera and wait for its first picture."""
        super().__init__(start_s=start_s, stop_s=stop_s, every=every)
        self._cv2 = import_cv2()
        self.name = f"camera {device}"
        self.live = True
        if capture is None and sys.platform == "linux":
            # OpenCV would try every backend and write each failure on the terminal.
            node = Path(f"/dev/video{device}" if isinstance(device, int) else device)
            if not node.exists():
                there = ", ".join(sorted(str(p) for p in Path("/dev").glob("video*")))
                raise SourceError(f"{node} does not exist; cameras here: {there or 'none'}")
        self._capture = self._cv2.VideoCapture(device) if capture is None else capture
        if not self._capture.isOpened():
            raise SourceError(
                f"cannot open {self.name}: is it connected, free and allowed for this user?"
                " On Linux see `ls /dev/video*` and the group `video`"
            )
        self._capture.set(self._cv2.CAP_PROP_BUFFERSIZE, 1)
        rate = self._capture.get(self._cv2.CAP_PROP_FPS)
        self.fps = float(rate) if 0 < rate <= 1000 else None
        good, image = self._capture.read()
        if not good:
            self._capture.release()
            raise SourceError(f"{self.name} opens but gives no picture: is another program on it?")
        self._first = (image, time.monotonic())
        self.height, self.width = image.shape[:2]
        if stop_s is not None:
            self.duration_s = stop_s - (start_s or 0.0)

    def _pictures(self) -> Iterator[Picture]:
        """Yield what the camera gives until it gives no more."""
        times = ArrivalTimes(trust_stream=False)
        image, arrived = self._first
        index = 0
        while True:
            now, _ = times.time(None, arrived_s=arrived)
            yield Picture(now, index, partial(self._to_rgb, image))
            good, image = self._capture.read()
            arrived = time.monotonic()
            if not good:
                self.note(now, "ended", "the camera stopped delivering")
                return
            index += 1

    def _to_rgb(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        code = self._cv2.COLOR_GRAY2RGB if image.ndim == 2 else self._cv2.COLOR_BGR2RGB
        rgb: NDArray[np.uint8] = self._cv2.cvtColor(image, code)
        return rgb

    def _release(self) -> None:
        self._capture.release()
