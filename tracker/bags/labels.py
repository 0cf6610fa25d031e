"""Class names as ROS has them: a number in each message, its name once for all.

In: names of a detector, or the `class_id` strings of a detection topic as they come. Out: for each
of our class indices the number that messages carry and the name that `LabelInfo` gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracker.errors import InputError

__all__ = ["Labels"]

# LabelInfo keeps 65535 for "unlabeled".
_MOST = 65535


class Labels:
    """Numbers and names of classes; ours are the indices 0, 1, 2 …, in order of appearance.

    A `class_id` that is a number keeps it, so that a consumer of the original topic finds the same
    classes in the tracks. One that is a name gets the first number that is free.

    Args:
        known: Names by number, for instance of a recorded `LabelInfo`.

    Attributes:
        numbers: Number of each class, as messages carry it.
        names: Name of each class.

    Example:
        >>> labels = Labels({7: "truck"})
        >>> labels.index("7"), labels.index("person"), labels.index("7")
        (0, 1, 0)
        >>> labels.numbers, labels.names
        ([7, 0], ['truck', 'person'])
    """

    def __init__(self, known: Mapping[int, str] | None = None) -> None:
        """Start without classes."""
        self._known = dict(known or {})
        self._index: dict[str, int] = {}
        self.numbers: list[int] = []
        self.names: list[str] = []

    @classmethod
    def of(cls, names: Iterable[str]) -> Labels:
        """The classes of a detector: numbers are its class ids."""
        labels = cls()
        for number, name in enumerate(names):
            labels._add(str(number), number, name)
        return labels

    def index(self, class_id: str | int) -> int:
        """Our index of a class as a message names it; a new one is added.

        Raises:
            InputError: There are more classes than numbers.
        """
        text = str(class_id)
        if text in self._index:
            return self._index[text]
        number = int(text) if text.isascii() and text.isdecimal() else -1
        if not 0 <= number < _MOST or number in self.numbers:
            taken = set(self.numbers)
            number = next((free for free in range(_MOST) if free not in taken), -1)
            if number < 0:
                raise InputError(f"there are more than {_MOST} classes, the last one {text!r}")
            return self._add(text, number, text)
        return self._add(text, number, self._known.get(number, text))

    def _add(self, text: str, number: int, name: str) -> int:
        self._index[text] = len(self.numbers)
        self.numbers.append(number)
        self.names.append(name)
        return self._index[text]

    def __len__(self) -> int:
        """Number of classes so far."""
        return len(self.numbers)
