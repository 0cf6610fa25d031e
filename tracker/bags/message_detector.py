"""The detections of a topic as a detector of the pipeline: no network looks at anything.

In: the frames of a `BagSource` that reads a topic of detections. Out: what their messages say, of
the wanted classes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from tracker.bags.labels import Labels
from tracker.bags.reading import BagFrame
from tracker.detections import Detections
from tracker.errors import InputError
from tracker.frames import Frame

__all__ = ["MessageDetector"]


class MessageDetector:
    """Hands on what the messages of a detection topic say; a detector that looks at nothing.

    Args:
        topic: Name of the topic.
        labels: Its classes.
        score_threshold: Leave out detections that do not score above it; 0 keeps all.
        classes: Keep only these classes, by name or by the number they have in the messages.

    Attributes:
        name: "topic NAME".
        class_names: Names of the classes.
        device: "none": nothing runs.
        note: Where the detections come from.
        batch_size: 1.

    Raises:
        InputError: A class that the topic does not have.
    """

    device = "none"
    batch_size = 1

    def __init__(
        self,
        topic: str,
        labels: Labels,
        *,
        score_threshold: float = 0.0,
        classes: Collection[str] | None = None,
    ) -> None:
        """Check the classes."""
        self.name = f"topic {topic}"
        self.class_names = tuple(labels.names)
        self.note = f"the detections of {topic}: no detector runs"
        self._threshold = score_threshold
        self._wanted: list[int] | None = None
        if classes is not None:
            numbers = [str(number) for number in labels.numbers]
            for wanted in classes:
                if wanted not in labels.names and wanted not in numbers:
                    raise InputError(
                        f"{topic} has no class {wanted!r}; it has {', '.join(labels.names)}"
                    )
            self._wanted = [
                index
                for index, (name, number) in enumerate(zip(labels.names, numbers, strict=True))
                if name in classes or number in classes
            ]

    def detect(self, frames: Sequence[Frame]) -> list[Detections | None]:
        """Give the detections that the frames carry."""
        return [self._of(frame) for frame in frames]

    def _of(self, frame: Frame) -> Detections | None:
        found = frame.detections if isinstance(frame, BagFrame) else None
        if found is None:
            return None
        keep = np.ones(len(found), np.bool_)
        if self._threshold > 0:
            keep &= found.confidence > self._threshold
        if self._wanted is not None:
            keep &= np.isin(found.class_id, self._wanted)
        return found[keep]
