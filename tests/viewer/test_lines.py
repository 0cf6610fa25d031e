"""Lines are bounded in number and never belong to two tracks at the same time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import InputError
from tracker.viewer.lines import Lines


@given(
    own=st.integers(0, 5),
    shared=st.integers(0, 4),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=60),
)
def test_no_line_has_two_tracks(own: int, shared: int, steps: list[tuple[bool, int]]) -> None:
    lines = Lines(own=own, shared=shared)
    holds: dict[int, str] = {}
    ended: dict[str, int] = {}
    names = set()
    for now, (begin, track_id) in enumerate(steps):
        if begin and track_id not in holds:
            line = lines.take(track_id)
            if line is None:
                assert len([n for n in holds.values() if n.startswith("later")]) == shared
                continue
            assert line.name not in holds.values()
            assert line.free_since_ns == ended.get(line.name)
            holds[track_id] = line.name
            names.add(line.name)
        elif not begin:
            free = lines.release(track_id, now_ns=now)
            name = holds.pop(track_id, None)
            assert (free is not None) == (name is not None and name.startswith("later"))
            if free is not None:
                ended[free.name] = now
    assert len(names) <= own + shared


def test_bad_numbers() -> None:
    with pytest.raises(InputError, match="own must be a number of lines >= 0, got -1"):
        Lines(own=-1, shared=0)
