"""Yes, maybe, no: by hand, by brute force, and what becomes of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.review.kit import Row, run_of
from tracker import InputError, TrackState
from tracker.review.decisions import Costs, Thresholds, expected, value_of_look, verdicts
from tracker.review.page import belief_chart, page
from tracker.review.triage import to_json, triage

FAR = (300.0, 10.0, 320.0, 60.0)
COST = st.floats(0.01, 100.0)


@given(COST, COST, COST, st.floats(0.0, 1.0))
def test_costs_decide_as_the_cheapest_of_three_ways(
    miss: float, false: float, review: float, p: float
) -> None:
    costs = Costs(miss, false, review)
    prices = {"yes": (1 - p) * false, "no": p * miss, "maybe": review}
    (told,) = verdicts(np.array([p]), costs.thresholds())
    assert prices[told] <= min(prices.values()) + 1e-9 * max(prices.values())


@given(COST, COST, COST)
def test_maybe_is_where_a_look_is_worth_it(miss: float, false: float, review: float) -> None:
    costs = Costs(miss, false, review)
    p = np.linspace(0, 1, 101)
    worth = value_of_look(p, costs)
    told = np.array(verdicts(p, costs.thresholds())) == "maybe"
    assert (worth[told] > -1e-9 * max(miss, false)).all()
    assert (worth[~told] < 1e-9 * max(miss, false)).all()


@given(st.floats(0.001, 0.49), st.floats(0.51, 0.999))
def test_thresholds_and_their_costs_are_one(no: float, yes: float) -> None:
    back = Thresholds(yes=yes, no=no).costs().thresholds()
    assert (back.yes, back.no) == pytest.approx((yes, no))


def test_expected_by_hand() -> None:
    p = np.array([0.9, 0.95, 0.5, 0.2])
    told = expected(p, Thresholds(yes=0.9, no=0.3), Costs(miss=4.0, false=10.0, review=1.0))
    assert (told.yes, told.maybe, told.no) == (2, 1, 1)
    assert told.false == pytest.approx(0.15)
    assert told.false_spread == pytest.approx(np.sqrt(0.09 + 0.0475))
    assert told.missed == pytest.approx(0.2)
    assert told.missed_spread == pytest.approx(0.4)
    assert told.cost == pytest.approx(0.15 * 10 + 0.2 * 4 + 1)
    assert told.cost_unseen == pytest.approx(1.0 + 0.5 + 2.0 + 0.8)


def test_no_tracks() -> None:
    result = triage(run_of([[], None]))
    assert result.verdict == ()
    assert result.expected.cost == 0.0
    assert to_json(result)["tracks"] == []
    assert "No track is in doubt" in page(result, {}, Path())


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Thresholds(yes=0.1, no=0.9),
        lambda: Thresholds(yes=1.1, no=0.9),
        lambda: Costs(miss=0.0, false=1.0, review=1.0),
        lambda: Costs(miss=1.0, false=1.0, review=float("nan")),
    ],
)
def test_what_cannot_be(bad: object) -> None:
    with pytest.raises(InputError, match="must be"):
        bad()  # type: ignore[operator]


def rows(p1: float, p2: float, p3: float) -> list[Row]:
    return [
        Row(3, score=p1, confidence=0.9, state=TrackState.CONFIRMED),
        Row(5, score=p2, box=FAR),
        Row(8, score=p3, box=(100.0, 200.0, 120.0, 260.0)),
    ]


def test_the_queue_begins_with_the_most_valuable_look(tmp_path: Path) -> None:
    result = triage(run_of([rows(0.95, 0.85, 0.5), rows(0.95, 0.85, 0.5)]))
    assert result.verdict == ("yes", "maybe", "maybe")
    assert result.queue == (2, 1)
    told = to_json(result, created="now")
    json.dumps(told, allow_nan=False)
    assert (told["schema"], told["version"]) == ("conftrack.triage", 1)
    assert told["probability"] == "mean score"
    assert [one["queue"] for one in told["tracks"]] == [None, 2, 1]
    assert [one["id"] for one in told["tracks"]] == [3, 5, 8]
    assert told["tracks"][0]["confidence"] == 0.9
    assert told["tracks"][1]["value"] == pytest.approx(0.15 * 10 - 1)
    assert told["expected"]["false"] == pytest.approx(0.05)


def test_smoothed_tracks_are_judged_by_their_existence() -> None:
    run = run_of([[Row(1, score=0.2, existence=0.95)]], smoothing="whole")
    result = triage(run)
    assert result.verdict == ("yes",)
    assert to_json(result)["probability"] == "mean existence"


def test_costs_take_the_place_of_thresholds() -> None:
    run = run_of([rows(0.95, 0.85, 0.5)])
    result = triage(run, costs=Costs(miss=1.0, false=1.0, review=10.0))
    assert result.verdict == ("yes", "yes", "yes")  # no look is worth 10, and 0.5 is even
    assert result.given
    assert not triage(run, thresholds=Thresholds(yes=0.9, no=0.1)).given


def test_a_chart_of_belief() -> None:
    run = run_of(
        [
            [Row(1, existence=0.25, score=0.5, confidence=0.375)],
            [Row(1, existence=0.5, score=0.25, seen=False)],
            None,
        ]
    )
    chart = belief_chart(triage(run), 0)
    existence, score, confidence = chart.lines
    assert existence.y.tolist() == [0.25, 0.5]
    assert score.y.tolist() == [0.5, 0.25]
    assert confidence.y[0] == 0.375
    assert np.isnan(confidence.y[1])
    (missed,) = chart.bands
    assert (missed.start, missed.stop) == pytest.approx((0.05, 0.15))


def test_the_page_names_no_confidence_that_was_not_recorded() -> None:
    from tracker.review.clips import View

    for named in (True, False):
        run = run_of([[Row(1, score=0.5, confidence=0.375)]] * 2, recorded=named)
        if not named:
            run = replace(run, tracks=replace(run.tracks, confidence=np.full(2, np.nan)))
        text = page(triage(run), {1: View("", "", "")}, Path())
        assert text.count('<article class="track"') == 1
        assert ('<span class="dot">confidence</span>' in text) == named
        assert ("confidence at most 0.38" in text) == named
        assert ("confidence not recorded: run with --save all" in text) == (not named)


def test_the_page_holds_everything_it_shows(tmp_path: Path) -> None:
    from tracker.review.clips import View

    (tmp_path / "a.mp4").write_bytes(b"clip")
    (tmp_path / "a.jpg").write_bytes(b"still")
    run = run_of([rows(0.95, 0.85, 0.5)], name='<b>&"odd"')
    text = page(triage(run), {2: View("a.jpg", "a.mp4", "a.jpg")}, tmp_path, version="1")
    assert "<h1>Triage of &lt;b&gt;&amp;&quot;odd&quot;</h1>" in text
    assert text.index('id="track-8"') < text.index('id="track-5"')
    assert 'id="track-3"' not in text  # a yes is in the list only
    assert "data:video/mp4;base64,Y2xpcA==" in text
    # Nothing is fetched: no address but those that hold what they name.
    for address in re.findall(r'(?:src|href|poster)="([^"]*)"', text):
        assert address.startswith("data:")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
