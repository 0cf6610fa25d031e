"""Events: what lasts is told, once; what flickers is not; what nobody looked at changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.made import made_tracks
from tracker import Detections, Tracker
from tracker.ledger import Entry
from tracker.ledger import Event as Look
from tracker.live.events import Narrator, evidence_of
from tracker.live.settings import EventSettings
from tracker.tracks import TrackState

NAMES = ("person", "car")
T, C, COASTS, L = (
    TrackState.TENTATIVE,
    TrackState.CONFIRMED,
    TrackState.COASTING,
    TrackState.LOST,
)


def tracks(at_s, *rows):
    """Tracks of (id, state, probability of the second class)."""
    second = np.array([row[2] if len(row) > 2 else 0.0 for row in rows])
    return made_tracks(
        [row[0] for row in rows],
        timestamp_s=at_s,
        state=[row[1] for row in rows],
        xyxy=np.tile([1.0, 2.0, 3.0, 4.0], (len(rows), 1)),
        existence=0.9,
        score=0.8,
        class_id=second > 0.5,
        class_probabilities=np.column_stack([1 - second, second]),
    )


def told(states, *, looked=None, step=0.1, **settings):
    """The events of one track that has these states at equal steps; None: it is gone."""
    narrator = Narrator("front", NAMES, EventSettings(**settings))
    found = []
    for i, state in enumerate(states):
        rows = () if state is None else ((1, *state) if isinstance(state, tuple) else (1, state),)
        was = True if looked is None else looked[i]
        found += [(i, e.event, e) for e in narrator.update(tracks(i * step, *rows), looked=was)]
    return found


def short(found):
    return [(i, kind) for i, kind, _ in found]


def test_confirmed_once_it_has_lasted():
    assert short(told([T, T, C, C, C, C, C, COASTS, C], confirm_for_s=0.2)) == [(4, "confirmed")]
    assert short(told([C], confirm_for_s=0.0)) == [(0, "confirmed")]


def test_what_flickers_is_not_told():
    assert told([C, T, C, T, C, T] * 20, confirm_for_s=0.2) == []


def test_lost_when_unseen_or_doubted_for_long_and_told_again_when_it_is_back():
    states = [C] * 5 + [L] * 25 + [C] * 5
    found = told(states, lost_for_s=2.0)
    assert [kind for _, kind, _ in found] == ["confirmed", "lost", "confirmed"]
    assert found[1][0] == 5 + 19
    assert found[1][2].reason == "unseen"
    assert found[2][2].again
    assert not found[0][2].again
    assert told([C] * 5 + [T] * 30, lost_for_s=2.0)[1][2].reason == "doubted"


def test_a_short_gap_is_no_event():
    assert short(told([C] * 5 + ([L] * 10 + [C] * 2) * 20, lost_for_s=2.0)) == [(2, "confirmed")]


def test_a_track_that_died_is_lost_at_once_with_its_last_box():
    found = told([C] * 5 + [None, None])
    assert short(found) == [(2, "confirmed"), (5, "lost")]
    event = found[1][2]
    assert event.reason == "ended"
    assert event.timestamp_s == pytest.approx(0.5)
    assert event.xyxy == (1.0, 2.0, 3.0, 4.0)


def test_a_candidate_that_died_is_no_event():
    assert told([T, T, T, None]) == []


def test_time_without_looking_neither_confirms_nor_loses():
    dark = [False] * 100
    assert told([C] * 100, looked=dark) == []
    found = told([C] * 5 + [L] * 100, looked=[True] * 5 + dark, lost_for_s=2.0)
    assert short(found) == [(2, "confirmed")]
    assert short(told([C] * 5 + [None], looked=[True] * 5 + [False])) == [
        (2, "confirmed"),
        (5, "lost"),
    ]


def test_a_class_has_changed_when_another_is_likelier_for_long():
    car, unsure = (C, 0.9), (C, 0.55)
    found = told([(C, 0.1)] * 5 + [car] * 20)
    assert short(found) == [(2, "confirmed"), (15, "class_changed")]
    assert (found[1][2].class_name, found[1][2].class_before) == ("car", "person")
    assert short(told([(C, 0.1)] * 5 + [unsure] * 30)) == [(2, "confirmed")]
    flapping = [(C, 0.1)] * 5 + [car, car, (C, 0.1)] * 20
    assert short(told(flapping)) == [(2, "confirmed")]


def test_events_are_numbered_and_say_what_they_are():
    found = told([(C, 0.1)] * 5 + [(C, 0.9)] * 20 + [None])
    assert [event.number for _, _, event in found] == [1, 2, 3]
    rows = [replace(e, run="ab", time="T", snapshot=b"jpeg").to_dict() for _, _, e in found]
    assert [row["id"] for row in rows] == ["ab/front/1", "ab/front/2", "ab/front/3"]
    assert rows[0]["again"] is False
    assert rows[1]["class_before"] == "person"
    assert rows[2]["reason"] == "ended"
    assert rows[0]["snapshot_jpeg"] == "anBlZw=="
    assert "snapshot_jpeg" not in found[0][2].to_dict(snapshot=False)


def test_the_evidence_is_that_of_the_ledger():
    tracker = Tracker()
    for i in range(20):
        hit = Detections([[10.0, 10, 50, 90]], [0.5 + i / 100]) if i % 4 else Detections([], [])
        tracker.update(None if i == 10 else hit, timestamp_s=i / 10)
    entries = tracker.explain(1)
    short = evidence_of(entries)
    assert short["hits"] == sum(e.event in (Look.BIRTH, Look.HIT) for e in entries)
    assert short["misses"] == sum(e.event == Look.MISS for e in entries) > 0
    assert short["not_looked"] == 1
    assert short["looks"] == short["hits"] + short["misses"]
    assert short["best_confidence"] == 0.69
    assert short["hits_weight"] > 0 > short["misses_weight"]
    assert short["seconds"] == pytest.approx(1.8)
    peak = max(e.existence for e in entries)
    assert short["existence_peak"] == round(peak, 6)
    assert evidence_of(entries, peak / 2)["existence_peak"] == round(peak, 6)
    assert evidence_of(entries, 0.999999)["existence_peak"] == 0.999999


def test_no_evidence_is_no_error():
    assert evidence_of([])["looks"] == 0
    one = Entry(1.0, Look.BIRTH, 0.5, 0.3, 0.2)
    assert evidence_of([one])["best_confidence"] == 0.5
