"""Which frames are picked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.review.kit import Row, run_of
from tracker import InputError, TrackState
from tracker.review.diversity import choose, layouts, unlike
from tracker.review.ranking import RANKINGS, rank, values_of
from tracker.review.runs import Run


def lone(confidence: float, x: float = 10.0) -> list[Row]:
    return [Row(1, confidence=confidence, box=(x, 10.0, x + 20.0, 60.0))]


def places(run: Run, by: str, **more: object) -> list[int]:
    return [pick.position for pick in rank([run], by, **more).picks]  # type: ignore[arg-type]


def test_direction_of_each_function() -> None:
    run = run_of([lone(0.9), lone(0.5), lone(0.2), [], None])
    for by in ("entropy", "least-confidence", "margin", "variance"):
        assert places(run, by, top=9) == [1, 2, 0, 3], by  # a frame without boxes comes last
    assert places(run, "mean-object-score", top=9) == [3, 2, 1, 0]


def test_equal_frames_keep_the_order_of_time() -> None:
    run = run_of([lone(0.5)] * 4)
    assert places(run, "entropy", top=3) == [0, 1, 2]


def test_runs_are_ranked_together() -> None:
    one, two = run_of([lone(0.9), lone(0.6)]), run_of([lone(0.5), lone(0.8)])
    picks = rank([one, two], "entropy", top=3).picks
    assert [(pick.run, pick.position) for pick in picks] == [(1, 0), (0, 1), (1, 1)]
    shared = rank([one, two], "entropy", top=3, per_video=1).picks
    assert [(pick.run, pick.position) for pick in shared] == [(1, 0), (0, 1)]


def test_diverse_picks_are_apart_in_time_and_looks() -> None:
    stands = [lone(0.5) for _ in range(30)]
    run = run_of(stands)
    assert places(run, "entropy", top=3, diverse=True, likeness=0.0) == [0, 10, 20]
    # It never moves, so one frame tells it all.
    assert places(run, "entropy", top=3, diverse=True) == [0]
    walks = run_of([lone(0.5, 10.0 + 60 * k) for k in range(30)])
    assert places(walks, "entropy", top=3, diverse=True) == [0, 10, 20]
    few = run_of([lone(0.5, 10.0 + 60 * k) for k in range(5)])
    assert places(few, "entropy", top=3, diverse=True, apart_s=0.0) == [0, 1, 2]


def test_diverse_gives_every_video_its_share() -> None:
    bad = run_of([lone(0.5, 30.0 * k) for k in range(9)])
    good = run_of([lone(0.9, 30.0 * k) for k in range(9)])
    picks = rank([bad, good], "entropy", top=4, diverse=True, apart_s=0.0).picks
    assert [pick.run for pick in picks] == [0, 0, 1, 1]


def test_pictures_and_layouts_must_both_look_the_same() -> None:
    run = run_of([lone(0.5) for _ in range(30)])

    def pictures(number: int, positions: object) -> np.ndarray:
        assert number == 0
        shades = [[1.0 if p >= 10 else 0.0] * 10 for p in positions]  # type: ignore[attr-defined]
        return np.array(shades)

    ranking = rank([run], "entropy", top=9, diverse=True, pictures=pictures)
    assert [pick.position for pick in ranking.picks] == [0, 10]
    assert ranking.looks == ("picture", "layout")
    absent = rank([run], "entropy", top=9, diverse=True, pictures=lambda v, p: None)
    assert absent.looks == ("layout",)


def test_diverse_goes_on_until_the_top_is_filled() -> None:
    # The 300 frames that are least sure lie in 30 s of one video and show two things in turn.
    rows = [lone(0.5, 400.0 * (k // 10 % 2)) for k in range(300)]
    busy = run_of(rows + [lone(0.7, 30.0 * (k % 40)) for k in range(400)])
    calm = run_of([lone(0.8, 30.0 * (k % 40)) for k in range(700)])
    asked: list[tuple[int, int]] = []

    def pictures(number: int, positions: object) -> np.ndarray:
        asked.extend((number, p) for p in positions)  # type: ignore[attr-defined]
        seed = [0 if number == 0 and p < 300 else 1000 * number + p for p in positions]  # type: ignore[attr-defined]
        return np.array([np.random.default_rng(s).random(100) for s in seed])

    def picked(runs: list[Run], top: int) -> list[tuple[int, int]]:
        more: dict[str, object] = {"top": top, "diverse": True, "pictures": pictures}
        found = rank(runs, "entropy", **more).picks  # type: ignore[arg-type]
        return [(pick.run, pick.position) for pick in found]

    alone = picked([busy], 8)
    assert len(alone) == 8
    assert sum(position < 300 for _, position in alone) == 2
    assert len(asked) == len(set(asked)), "none is read twice"
    both = picked([busy, calm], 8)
    assert [run for run, _ in both] == [0] * 4 + [1] * 4
    asked.clear()
    assert len(picked([calm], 1)) == 1
    assert len(asked) == 20, "no more pictures than are needed"


def test_unlike() -> None:
    grey = np.zeros(100)
    moved = grey.copy()
    moved[:5] = 1.0
    assert unlike("picture", grey, np.array([grey, moved])).tolist() == [0.0, 0.5]
    assert unlike("layout", grey, np.array([grey, moved])).tolist() == [0.0, 1.0]


def test_a_layout_by_hand() -> None:
    run = run_of(
        [[Row(1, score=0.5, box=(0, 0, 160, 120))], [Row(1, score=1.0, box=(0, 0, 15, 10))]]
    )
    whole, corner = layouts(run, [0, 1])
    assert whole == pytest.approx(np.full(192, 0.5))
    assert corner[0] == pytest.approx(1.0)
    assert corner[1] == pytest.approx(0.5)  # 10 px a cell: half of the second
    assert corner.sum() == pytest.approx(1.5)


def test_choosing_nothing() -> None:
    none = np.zeros(0, np.int64)
    assert choose(none, np.zeros(0), top=5) == []
    assert rank([run_of([])], "track-disagreement", top=3, diverse=True).picks == ()


def test_reasons_come_with_the_picks() -> None:
    rows = [Row(7, score=0.9, confidence=0.2, state=TrackState.CONFIRMED)]
    (pick,) = rank([run_of([rows])], "track-disagreement", top=1).picks
    assert pick.value == pytest.approx(0.9)
    assert pick.reasons.missed == (7,)


def test_frames_without_the_signal_are_no_picks() -> None:
    early = [Row(1, confidence=0.2)]
    sure = [Row(1, confidence=0.9, state=TrackState.CONFIRMED)]
    assert places(run_of([sure, early, sure]), "hard-positives", top=3) == []
    assert places(run_of([early, sure, sure]), "hard-positives", top=3) == [0]


def test_every_name_ranks() -> None:
    run = run_of([lone(0.5), lone(0.2)])
    for by in RANKINGS:
        assert values_of(run, by).shape == (2,)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"by": "luck"}, "frames can be ranked by entropy"),
        ({"top": 0}, "top must be at least 1"),
        ({"apart_s": -1.0}, "apart_s"),
        ({"per_video": 0}, "per_video"),
        ({"likeness": 2.0}, "likeness"),
        ({"runs": []}, "at least one run"),
        ({"runs": [run_of([]), run_of([], class_names=("cat",))]}, "one detector"),
        ({"runs": [run_of([lone(0.5)], recorded=False)]}, "--save all"),
    ],
)
def test_what_cannot_be_ranked(more: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"runs": [run_of([lone(0.5)])], "by": "entropy", "top": 1}
    given |= more
    with pytest.raises(InputError, match=message):
        rank(given.pop("runs"), given.pop("by"), **given)  # type: ignore[arg-type]
