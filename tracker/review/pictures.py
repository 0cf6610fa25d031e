"""Pictures of a run's frames, from the video it was made of.

In: a `Run`, the video and positions. Out: the frames there, one after the other as the video is
read through, or small descriptors of them. A video whose times or size are not those of the run is
refused: boxes of one video on pictures of another would teach a detector nonsense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import iglob
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError, SourceError
from tracker.frames import Frame
from tracker.review.diversity import GREY
from tracker.review.runs import Run

__all__ = ["frames_at", "grey_levels", "video_of"]

FloatArray = NDArray[np.float64]


def video_of(run: Run) -> str | None:
    """The video that a run was made of, if it is still where it was; None otherwise.

    Live sources are never: what they showed is gone.
    """
    from tracker.video.images import is_glob

    if not run.source:
        return None
    path = Path(run.source).expanduser()
    if path.exists():
        return str(path)
    found = is_glob(run.source) and any(iglob(run.source, recursive=True))
    return run.source if found else None


def frames_at(run: Run, video: str, positions: Iterable[int]) -> Iterator[tuple[int, Frame]]:
    """Yield frames of a run with their pictures, in the order of time.

    Args:
        run: The run.
        video: Path of the video, folder or glob of images that it was made of.
        positions: Which of its frames, in any order; each once.

    Yields:
        Position and frame. A frame that does not decode is left out.

    Raises:
        SourceError: The video cannot be read.
        InputError: It is live, or its times or the size of its pictures are not those of the run.
        MissingExtraError: The extra `video` is not installed.
    """
    from tracker.video.sources import open_source

    wanted = {int(run.frame[p]): int(p) for p in positions}
    if not wanted:
        return
    last, size = max(wanted), run.image_size
    with open_source(video) as source:
        if source.live:
            raise InputError(f"{video} is live: its pictures cannot be seen again")
        half = max(run.period_s, 1e-3) / 2
        for frame in source:
            if frame.index > last:
                return
            position = wanted.get(frame.index)
            if position is None:
                continue
            told = float(run.timestamp_s[position])
            if source.own_times and abs(frame.timestamp_s - told) > half:
                raise InputError(
                    f"{video} has its frame {frame.index} at {frame.timestamp_s:.3f} s, the run"
                    f" {run.name} at {told:.3f} s: it was made of another video"
                )
            height, width = frame.image.shape[:2]
            if size is not None and size != (width, height):
                raise InputError(
                    f"{video} has pictures of {width}x{height}, the run {run.name} was made of"
                    f" {size[0]}x{size[1]}: its boxes lie elsewhere in them"
                )
            size = None  # that of the first is enough: a stream may change it
            yield position, frame


def grey_levels(run: Run, video: str, positions: Iterable[int]) -> FloatArray:
    """(K, D) descriptors of pictures for `tracker.review.diversity`, in the order given.

    Raises:
        SourceError: A picture cannot be had; otherwise as `frames_at`.
    """
    from tracker.video.optional import import_cv2

    cv2 = import_cv2()
    wanted = list(positions)
    found: dict[int, FloatArray] = {}
    for position, frame in frames_at(run, video, wanted):
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, GREY, interpolation=cv2.INTER_AREA)
        found[position] = small.reshape(-1).astype(np.float64) / 255.0
    missing = [p for p in wanted if p not in found]
    if missing:
        raise SourceError(
            f"{video} has no picture for frame {int(run.frame[missing[0]])} of run {run.name}"
            f" ({len(missing)} are missing)"
        )
    return np.array([found[p] for p in wanted]).reshape(len(wanted), GREY[0] * GREY[1])
