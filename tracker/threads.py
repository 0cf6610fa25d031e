"""One tracker, one thread at a time: the rule, and the guard that says when it is broken.

A tracker holds no lock that anybody waits for: updates have an order, and whoever calls from two
threads has none. The guard is therefore an error and not a queue. It costs a fraction of a
microsecond and finds every overlap of two calls; calls that merely alternate are fine.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from tracker.errors import BusyError

__all__ = ["Turn", "one_thread"]

P = ParamSpec("P")
R = TypeVar("R")


class Turn:
    """Who is in a method now; a copy is nobody's.

    Example:
        >>> turn = Turn()
        >>> turn.take(), turn.take(), turn.give()  # the same thread may go deeper
        (True, True, None)
    """

    __slots__ = ("give", "take")

    def __init__(self) -> None:
        """Begin with nobody in."""
        lock = threading.RLock()
        self.take: Callable[[], bool] = functools.partial(lock.acquire, blocking=False)
        self.give: Callable[[], None] = lock.release

    def __deepcopy__(self, memo: dict[int, Any]) -> Turn:
        """The copy of an object that is in use is not in use."""
        return Turn()


class _Guarded(Protocol):
    _turn: Turn


S = TypeVar("S", bound=_Guarded)


def one_thread(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a method, and all others so marked, run in one thread at a time.

    The object needs a `_turn`. Methods may call each other.

    Raises:
        BusyError: Another thread is in one of them.
    """

    @functools.wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        turn = self._turn
        if not turn.take():
            raise BusyError(
                f"{type(self).__name__}.{method.__name__} was called while another thread is in"
                " this tracker: give each thread its own, or pass its calls through one queue"
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            turn.give()

    return guarded
