"""What the tracker knows of a frame, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.review.kit import Row, run_of
from tracker import TrackState
from tracker.review.lives import lives_of
from tracker.review.runs import Run
from tracker.review.signals import SIGNALS, reasons, signal

SEEN, COASTING, LOST = TrackState.CONFIRMED, TrackState.COASTING, TrackState.LOST
FAR = (300.0, 10.0, 320.0, 60.0)
NEAR = (20.0, 10.0, 40.0, 60.0)


def told(run: Run, name: str) -> list[float]:
    return signal(name, run, lives_of(run)).tolist()


def test_disagreement_is_the_expected_number_of_mistakes() -> None:
    run = run_of(
        [
            [Row(1, score=0.8, confidence=0.3), Row(2, score=0.2, box=FAR, confidence=0.75)],
            [Row(1, score=1.0, confidence=0.9, state=SEEN)],
            [Row(1, score=0.6, seen=False, state=COASTING)],
            None,
        ]
    )
    # P of track 1 is (0.8 + 1.0 + 0.6) / 3 = 0.8, of track 2 its 0.2.
    assert told(run, "track-disagreement") == pytest.approx(
        [
            0.8 + (1 - 0.2),  # weak on what is real; strong on what dies
            1 - 0.8,  # strong, and probably real
            0.6,  # a miss of a track: no more than its score then
            0.0,  # nobody looked
        ]
    )


def test_without_a_recording_a_score_stands_for_the_confidence() -> None:
    rows = [[Row(1, score=0.75, confidence=0.1)], [Row(1, score=0.25, confidence=0.9)]]
    bare = run_of(rows, recorded=False)
    assert told(bare, "track-disagreement") == [1 - 0.5, 0.5]
    assert told(run_of(rows), "track-disagreement") == [0.5, 1 - 0.5]


def test_existence_entropy_adds_up_over_tracks() -> None:
    run = run_of([[Row(1, existence=0.5), Row(2, existence=0.25, box=FAR)], []])
    assert told(run, "existence-entropy") == pytest.approx(
        [1.0 + 0.25 * 2 + 0.75 * np.log2(4 / 3), 0.0]
    )


def test_what_is_certain_has_no_entropy() -> None:
    run = run_of([[Row(1, existence=1.0), Row(2, existence=0.0, box=FAR)]])
    assert told(run, "existence-entropy") == pytest.approx([0.0], abs=1e-9)


def test_hard_positives_are_the_weak_begin_of_a_track_that_is_confirmed() -> None:
    run = run_of(
        [
            [Row(1, score=0.6, confidence=0.2), Row(2, box=FAR, confidence=0.2)],
            [Row(1, score=0.6, seen=False)],  # no detection
            [Row(1, score=0.6, confidence=0.2, state=SEEN)],
            [Row(1, score=0.6, confidence=0.9)],  # strong
            [Row(1, score=0.6, confidence=0.2, state=SEEN)],  # weak again
        ]
    )
    assert told(run, "hard-positives") == pytest.approx([0.6, 0, 0.6, 0, 0])


def test_hard_negatives_were_suppressed_for_a_second() -> None:
    long = [[Row(1, score=0.25, confidence=0.5), *extra] for extra in [[]] * 11]
    long[0] = [*long[0], Row(2, box=FAR, confidence=0.9)]  # a flicker is no clutter
    assert told(run_of(long), "hard-negatives") == pytest.approx([0.5 * 0.75] * 11)
    assert told(run_of(long[:10]), "hard-negatives") == [0.0] * 10
    long[5] = [Row(1, score=0.25, confidence=0.5, state=SEEN)]
    assert told(run_of(long), "hard-negatives") == [0.0] * 11


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            [
                [Row(1, state=SEEN)],
                [Row(1, state=COASTING, seen=False), Row(2, box=NEAR)],
                [Row(2, box=NEAR, state=SEEN)],
            ],
            [0, 1, 0],
            id="begins where another coasts",
        ),
        pytest.param(
            [[Row(1, state=SEEN)], [], [Row(2, box=NEAR, state=SEEN)]],
            [0, 0, 1],
            id="begins where another ended",
        ),
        pytest.param(
            [[Row(1, state=SEEN)], [Row(1, state=SEEN), Row(2, box=NEAR, state=SEEN)]],
            [0, 0],
            id="the other is still seen",
        ),
        pytest.param([[Row(1, state=SEEN)], [Row(2, box=FAR, state=SEEN)]], [0, 0], id="far away"),
        pytest.param(
            [[Row(1, state=SEEN)], *[[]] * 20, [Row(2, box=NEAR, state=SEEN)]],
            [0] * 22,
            id="long after",
        ),
        pytest.param([[Row(1)], [Row(2, box=NEAR, state=SEEN)]], [0, 0], id="never believed"),
        pytest.param(
            [
                [Row(1, state=COASTING, seen=False), Row(2, state=COASTING, seen=False, box=FAR)],
                [Row(1, state=SEEN), Row(2, state=COASTING, seen=False, box=NEAR)],
                [Row(2, box=NEAR, state=SEEN)],
            ],
            [0, 0, 1],
            id="smoothed tracks have boxes before their first detection",
        ),
        pytest.param(
            [
                [Row(1, class_id=0)],
                [Row(1, class_id=1, state=SEEN)],
                [Row(1, class_id=0, state=SEEN)],
                [Row(1, class_id=0, state=LOST, seen=False)],
            ],
            [0, 0, 1, 0],
            id="changes its class when believed",
        ),
    ],
)
def test_switches(rows: list[list[Row]], expected: list[float]) -> None:
    assert told(run_of(rows), "switches") == expected


def test_reasons_name_the_tracks() -> None:
    run = run_of(
        [
            [Row(1, score=0.9, confidence=0.3), Row(2, score=0.2, box=FAR, confidence=0.75)],
            [Row(1, score=0.9, confidence=0.9, state=SEEN)],
            None,
        ]
    )
    first, second, third = reasons(run, lives_of(run), [0, 1, 2])
    assert first.missed == (1,)
    assert first.doubtful == (2,)
    assert first.hard_positives == (1,)
    assert (second.missed, second.doubtful, second.hard_positives) == ((), (), ())
    assert (third.missed, third.doubtful, third.switches) == ((), (), ())


@pytest.mark.parametrize("name", SIGNALS)
def test_a_run_without_tracks(name: str) -> None:
    assert told(run_of([[], None]), name) == [0.0, 0.0]
    assert told(run_of([]), name) == []
