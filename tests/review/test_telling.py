"""What is told of a track: points, and reasons in words."""

from __future__ import annotations

import json

import pytest

from tests.review.kit import Row, run_of
from tracker import TrackState
from tracker.review.telling import reasons, series, told
from tracker.review.triage import triage


def texts(frames: list[list[Row] | None], k: int = 0, **more: bool) -> dict[str, str]:
    return {text: sign for sign, text in reasons(triage(run_of(frames, **more)), k)}  # type: ignore[arg-type]


def test_a_short_life_is_told_frame_by_frame() -> None:
    result = triage(run_of([[Row(1, score=0.5, existence=0.25, confidence=0.375)],
                            [Row(1, score=0.25, existence=0.5, seen=False)],
                            None, [Row(1)]]))  # fmt: skip
    assert series(result, 0) == {
        "t": [0.0, 0.1, 0.3],
        "existence": [0.25, 0.5, 0.5],
        "score": [0.5, 0.25, 0.5],
        "confidence": [0.375, None, 0.4],
        "looks": "hmh",
    }
    plain = told(result, 0, seconds=1.0)
    json.dumps(plain, allow_nan=False)
    assert (plain["id"], plain["class"], plain["first_s"], plain["last_s"]) == (1, "person", 0, 0.3)
    assert plain["clip_s"] == [0.0, 0.3]


def test_frames_nobody_looked_at_are_no_misses() -> None:
    unseen = [Row(1, seen=False)]
    run = run_of([[Row(1)], unseen, [Row(1)]])
    looked = run.looked.copy()
    looked[1] = False
    from dataclasses import replace

    result = triage(replace(run, looked=looked))
    assert series(result, 0)["looks"] == "hnh"
    assert ("", "detected in 2 of 2 looks (100%)") in reasons(result, 0), "too few for a sign"


def test_a_long_life_has_few_points_and_keeps_hits_and_the_last_belief() -> None:
    frames = [[Row(1, score=0.4, seen=k % 5 == 0, existence=k / 2000)] for k in range(2000)]
    got = series(triage(run_of(frames)), 0)
    assert len(got["t"]) == len(got["looks"]) == len(got["confidence"]) == 320
    assert got["t"][-1] == pytest.approx(199.9)
    assert got["existence"][-1] == pytest.approx(1999 / 2000, abs=1e-4)
    assert set(got["looks"]) == {"h"}


def test_what_speaks_for_an_object() -> None:
    frames: list[list[Row] | None] = [
        [Row(1, confidence=0.9, state=TrackState.CONFIRMED, box=(10.0 + 5 * k, 10, 30 + 5 * k, 60))]
        for k in range(40)
    ]
    assert texts(frames) == {
        "detected in 40 of 40 looks (100%)": "+",
        "confidence 0.90 at best, 0.90 usually": "+",
        "seen over 3.9 s": "+",
        "confirmed from 0.0 s on": "+",
        "moved by 3.9 of its heights": "+",
    }


def test_what_speaks_against_one() -> None:
    frames: list[list[Row] | None] = [
        [Row(1, confidence=0.2, seen=k in (0, 39))] for k in range(40)
    ]
    assert texts(frames) == {
        "detected in 2 of 40 looks (5%)": "-",
        "confidence 0.20 at best, 0.20 usually": "-",
        "seen over 3.9 s": "+",
        "once not detected for 3.9 s": "-",
        "never confirmed": "-",
        "stood still for 3.9 s": "",
    }


def test_one_flicker() -> None:
    assert texts([[], [Row(1, confidence=0.2)], [Row(1, seen=False)]]) == {
        "seen in one frame only": "-",
        "confidence 0.20": "-",
        "never confirmed": "-",
    }
    assert texts([[Row(1, seen=False)]])["never detected here"] == "-"


def test_a_box_inside_that_of_a_better_track() -> None:
    inside = (12.0, 12.0, 28.0, 40.0)
    both: list[list[Row] | None] = [[Row(1, score=0.95), Row(2, score=0.5, box=inside)]] * 4
    assert "lies inside track 1 in 100% of its frames" in texts(both, 1)
    assert not [text for text in texts(both, 0) if "inside" in text]
    apart: list[list[Row] | None] = [[Row(1, score=0.95), Row(2, box=inside)], *[[Row(2)]] * 4]
    assert not [text for text in texts(apart, 1) if "inside" in text]


def test_classes_that_change_are_told_and_no_confidence_where_none_was_recorded() -> None:
    frames: list[list[Row] | None] = [[Row(1, class_id=int(k == 0))] for k in range(4)]
    got = texts(frames)
    assert got["called person 75%, car 25%"] == ""
    from dataclasses import replace

    import numpy as np

    run = run_of(frames, recorded=False)
    run = replace(run, tracks=replace(run.tracks, confidence=np.full(4, np.nan)))
    assert not [text for _, text in reasons(triage(run), 0) if "confidence" in text]
