"""Recorded detections as a `Detector`: track again without running a network.

In: MOT text, COCO results JSON or the detections JSONL of a run. Out: for each frame the detections
recorded for its `index`. It can also be used without a video: iterating over it gives the recorded
frames.

| file | frame |
|---|---|
| MOT text (.txt) | frame number in the file = index + 1; a frame without lines had no detections |
| COCO results (.json) | see `load_replay`; a frame without results had no detections, one that \
a list of images leaves out was not looked at |
| detections JSONL (.jsonl) | its `frame`; one that is not there was not looked at |

A recording may have been interrupted, or made of a part or of every Nth frame: for a frame it does
not have the answer is None, "not looked at", and the first such frame is logged. A recording that
clearly is of another video is an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.base import REPLAY_PREFIX, LoadOptions
from detectors.classes import class_mask
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.formats.records import RawFrame, map_scores, read_record
from tracker.frames import Frame

__all__ = ["RecordedFrame", "ReplayDetector", "ScoreMap", "load_replay"]

FloatArray = NDArray[np.float64]
ScoreMap = Literal["sigmoid", "minmax"] | Callable[[FloatArray], FloatArray]

_MAP_OPTION = "?score_map="
# A frame whose time is further from the recorded one is a frame of another video, s. Copies of a
# video may begin a frame or two earlier or later.
_SAME_TIME_S = 0.25

_log = logging.getLogger("conftrack")


@dataclass(frozen=True, slots=True, eq=False)
class RecordedFrame:
    """One frame of a record: its index, its time where the record has it, its detections."""

    index: int
    timestamp_s: float | None
    detections: Detections


class ReplayDetector:
    """Gives back recorded detections by frame index.

    Args:
        path: The record: .txt or .csv (MOT text), .json (COCO results), .jsonl (ours).
        score_map: Maps scores that are not in [0, 1] onto it: "sigmoid" for logits and margins,
            "minmax" from the record's least and greatest score, or a function on arrays.
        score_threshold: Leave out detections that do not score above it; 0 keeps all.
        classes: Keep only these classes, by name or id.
        max_detections: Keep the best of each frame; None keeps all.
        class_names: Names of the classes; the record's own where it has them. "coco" for COCO
            results of the 80 classes. MOT text has no classes: one name, default "object".
        images: COCO only: the data set's JSON, or the `.images.json` that our writer puts beside
            its results (which is found by itself).

    Attributes:
        name: "replay:PATH".
        class_names: As given or found.
        device: "cpu".
        note: What was read.
        source: Name of the recorded video, "" where the record does not say.
        check_times: Whether frames must have the times of the record. Images have no times of their
            own: set it to False where they may be played at another rate.
        batch_size: 1.

    Raises:
        InputError: A record that cannot be read, scores outside [0, 1] without a `score_map`.
        OSError: The file is missing.
    """

    batch_size = 1
    device = "cpu"

    def __init__(
        self,
        path: str | Path,
        *,
        score_map: ScoreMap | None = None,
        score_threshold: float = 0.0,
        classes: Sequence[str | int] | None = None,
        max_detections: int | None = None,
        class_names: Sequence[str] | Literal["coco"] | None = None,
        images: str | Path | None = None,
    ) -> None:
        """Read the whole record."""
        self._path = Path(path)
        record = read_record(self._path, class_names=class_names, images=images)
        self._threshold, self._limit = score_threshold, max_detections
        self.class_names = record.class_names
        self._complete, self._times = record.complete, record.times
        self.source, self.check_times = record.source, True
        self._said = self._found = False
        self._frames = self._mapped(record.frames, score_map)
        self._wanted = None if classes is None else class_mask(classes, self.class_names)
        count = sum(len(d) for d in self._frames.values())
        self.name, self.model = f"{REPLAY_PREFIX}{self._path}", record.model
        self.note = f"replay of {count} recorded detections, frames up to {self.last_index}"
        if record.truncated_lines:
            self.note += "; the record's last line is cut off and was left out"

    @property
    def first_index(self) -> int:
        """Index of the first frame in the record, 0 if it is empty."""
        return min(self._frames, default=0)

    @property
    def last_index(self) -> int:
        """Index of the last frame in the record, -1 if it is empty."""
        return max(self._frames, default=-1)

    def __repr__(self) -> str:
        """Show the file and its size."""
        return f"ReplayDetector({str(self._path)!r}, frames up to {self.last_index})"

    def __iter__(self) -> Iterator[RecordedFrame]:
        """Yield every frame from the first to the last recorded one, without a video.

        Where the format leaves out frames without detections they are yielded, empty; frames that
        were not looked at (JSONL) are not.
        """
        indices = sorted(self._frames) if self._complete else range(self.last_index + 1)
        for index in indices:
            yield RecordedFrame(index, self._times.get(index), self._of(index))

    def detect(self, frames: Sequence[Frame]) -> list[Detections | None]:
        """Look the frames up by their `index`.

        Returns:
            One answer a frame: None for one that is not in a record of all that was looked at.

        Raises:
            InputError: The record is of another video: a frame has another time than in the record,
                boxes lie outside the picture, or the first frame comes after the last recorded one.
        """
        return [self._answer(frame) for frame in frames]

    def _answer(self, frame: Frame) -> Detections | None:
        """What is recorded of a frame, with doubts about whether it is of this video."""
        found = self._frames.get(frame.index)
        if found is not None:
            self._found = True
            self._compare(frame, found)
        elif self._complete:
            self._tell_missing(frame.index)
            return None
        return self._of(frame.index)

    def _compare(self, frame: Frame, found: Detections) -> None:
        """Raise if a recorded frame clearly is not this frame."""
        recorded_s = self._times.get(frame.index) if self.check_times else None
        if recorded_s is not None and abs(recorded_s - frame.timestamp_s) > _SAME_TIME_S:
            raise InputError(
                f"{self._path} is of another video: it has frame {frame.index} at "
                f"{recorded_s:.3f} s, here it is at {frame.timestamp_s:.3f} s"
            )
        height, width = frame.image.shape[:2]
        beyond = (found.xyxy[:, 0] >= width) | (found.xyxy[:, 1] >= height)
        if self._complete and len(found) and beyond.all():
            raise InputError(
                f"{self._path} is of another video: in frame {frame.index} its boxes, such as "
                f"{found.xyxy[0].round().tolist()}, lie outside the picture of {width}x{height}"
            )

    def _tell_missing(self, index: int) -> None:
        """Log the first frame that was not recorded; raise if none ever can be."""
        record = f"{self._path}, which has {len(self._frames)} frames"
        if self._frames:
            record += f" from {self.first_index} to {self.last_index}"
        if not self._found and index > self.last_index:
            raise InputError(
                f"frame {index} is not in {record}: it is of another video, or of an earlier part"
            )
        if not self._said:
            self._said = True
            _log.warning(
                "frame %d is not in %s: frames that were not recorded count as not looked at",
                index,
                record,
            )

    def _of(self, index: int) -> Detections:
        """Filtered detections of one frame, none for a frame that is not there."""
        found = self._frames.get(index)
        if found is None:
            return Detections.empty(self._width)
        keep = found.confidence > self._threshold if self._threshold > 0 else None
        if self._wanted is not None:
            wanted = self._wanted[found.class_id]
            keep = wanted if keep is None else keep & wanted
        if keep is not None:
            found = found[keep]
        if self._limit is not None and len(found) > self._limit:
            found = found[np.sort(np.argsort(-found.confidence, kind="stable")[: self._limit])]
        return found

    def _mapped(
        self, frames: dict[int, RawFrame], score_map: ScoreMap | None
    ) -> dict[int, Detections]:
        """Bring scores into [0, 1] and check everything once."""
        scores = np.concatenate([raw.score for raw in frames.values()] or [np.zeros(0)])
        mapped = scores
        if score_map == "sigmoid" or score_map == "minmax":
            mapped = map_scores(scores, score_map)
        elif callable(score_map):
            mapped = np.asarray(score_map(scores), np.float64)
            if mapped.shape != scores.shape:
                raise InputError(f"score_map gave {mapped.shape} for scores {scores.shape}")
        elif score_map is not None:
            raise InputError(
                f'score_map must be "sigmoid", "minmax" or a function, got {score_map!r}'
            )
        if not ((mapped >= 0) & (mapped <= 1)).all():  # also NaN
            if score_map is not None:
                raise InputError(
                    f"score_map gave values outside [0, 1] for {self._path}: "
                    f"{mapped.min():.4g} to {mapped.max():.4g}"
                )
            raise InputError(
                f"{self._path} has scores from {scores.min():.4g} to {scores.max():.4g}, "
                f'outside [0, 1]: map them with "{REPLAY_PREFIX}{self._path}{_MAP_OPTION}sigmoid" '
                '(for logits and margins) or "…minmax" (in Python also with a function, as '
                "ReplayDetector's score_map)"
            )
        # As a network does, an empty frame has as many class columns as the others.
        self._width = max((r.probabilities.shape[1] for r in frames.values()), default=0)
        out, start = {}, 0
        for index, raw in frames.items():
            part = mapped[start : start + len(raw.score)]
            start += len(raw.score)
            if raw.class_id.max(initial=0) >= len(self.class_names):
                raise InputError(
                    f"{self._path}, frame {index}: class_id {raw.class_id.max()} found, but there "
                    f"are {len(self.class_names)} class names"
                )
            vectors = raw.probabilities if len(raw.score) else np.zeros((0, self._width))
            try:
                out[index] = Detections(raw.xyxy, part, raw.class_id, vectors)
            except InputError as error:
                raise InputError(f"{self._path}, frame {index}: {error}") from None
        return out


def load_replay(name: str, options: LoadOptions) -> ReplayDetector:
    """Load "replay:PATH" or "replay:PATH?score_map=sigmoid".

    COCO results: with the data set's JSON (or the `.images.json` of our writer) an image's frame is
    its `frame_index`, or `frame_id`, or its place in the order of ids; without one, `image_id` is
    the frame's index + 1.

    Raises:
        InputError: As `ReplayDetector`, or an option that only networks have.
        OSError: The file is missing.
    """
    for field in ("short_side", "architecture"):
        if getattr(options, field) is not None:
            raise InputError(f"{field} does not apply to recorded detections")
    path, _, how = name.removeprefix(REPLAY_PREFIX).partition(_MAP_OPTION)
    score_map: Any = how or None
    return ReplayDetector(
        path,
        score_map=score_map,
        score_threshold=options.score_threshold or 0.0,
        classes=options.classes,
        max_detections=options.max_detections,
        class_names=options.class_names,
    )
