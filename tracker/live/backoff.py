"""How long to wait before the next try: longer each time, never in step with others, never over.

In come tries that failed or did not hold; out go seconds. Cameras that lost the same network must
not all come back in the same instant, hence the jitter.
"""

from __future__ import annotations

import random

from tracker.errors import InputError

__all__ = ["Backoff"]


class Backoff:
    """Exponential waits with jitter.

    Args:
        first_s: The first wait, seconds.
        most_s: No wait is longer.
        rng: Where the jitter comes from: each wait is drawn from its upper half.

    Raises:
        InputError: `first_s` not above 0, or above `most_s`.

    Example:
        >>> backoff = Backoff(1.0, 5.0, random.Random(0))
        >>> [round(backoff.next_s(), 1) for _ in range(5)]
        [0.9, 1.8, 2.8, 3.1, 3.8]
    """

    def __init__(self, first_s: float, most_s: float, rng: random.Random | None = None) -> None:
        """Begin at the first wait."""
        if not 0 < first_s <= most_s:
            raise InputError(
                f"first_s must be above 0 and at most most_s, got {first_s} and {most_s}"
            )
        self._first_s, self._most_s = first_s, most_s
        self._rng = rng or random.Random()
        self._full_s = first_s
        self._waited_s = 0.0

    def next_s(self) -> float:
        """Seconds to wait now."""
        self._waited_s = self._full_s * self._rng.uniform(0.5, 1.0)
        self._full_s = min(2 * self._full_s, self._most_s)
        return self._waited_s

    def held_for(self, seconds: float) -> None:
        """Tell how long a try held: one that outlived the wait before it earns a fresh start."""
        if seconds > self._waited_s:
            self._full_s = self._first_s
