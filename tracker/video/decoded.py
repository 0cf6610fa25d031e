"""What files and streams have in common: both read through a `Decoder` and note what it could not.

In come decoded frames with the times they were given; out go pictures whose conversion is put off
until they are chosen. It stands between `base`, which knows of no decoder, and the two kinds of
source, which differ in where they begin, how they number and whose times they believe.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.video.base import Picture, Source
from tracker.video.decoding import Decoder, reason_of

__all__ = ["DecodedSource"]


class DecodedSource(Source):
    """A source with a decoder; subclasses set `_decoder` before they read from it."""

    _decoder: Decoder

    def _picture(self, frame: Any, index: int, time_s: float, trouble: str) -> Picture:
        """Make a picture of a decoded frame and note what is wrong with it.

        Args:
            frame: As the decoder gave it.
            index: Its number in the source.
            time_s: Its time, repaired.
            trouble: What had to be repaired about the time, "" for nothing.
        """
        if trouble:
            self.note(time_s, "timestamps", trouble)
        if frame.is_corrupt:
            self.note(time_s, "corrupt", "the decoder marks the picture as damaged")
        return Picture(time_s, index, partial(self._to_rgb, frame, time_s))

    def _to_rgb(self, frame: Any, time_s: float) -> NDArray[np.uint8] | None:
        try:
            return self._decoder.to_rgb(frame)
        except self._decoder.errors as error:
            self.errors_skipped += 1
            self.note(time_s, "corrupt", reason_of(error))
            return None

    def _skip_error(self, reason: str) -> None:
        """Count a packet that could not be read or decoded."""
        self.errors_skipped += 1
        self.note(None, "corrupt", reason)

    def _release(self) -> None:
        self._decoder.close()
