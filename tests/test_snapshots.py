"""Snapshots: carried on bit for bit, and refused with a clear word when they are damaged."""

import copy
import json
import math

import numpy as np
import pytest

from tests.comparing import assert_same
from tracker import Detections, InputError, Tracker, TrackerConfig
from tracker.filterpy_motion import FilterPyMotion

BOX = np.array([100.0, 100.0, 140.0, 200.0])


@pytest.mark.parametrize("when", [0, 1, 20, 45])
@pytest.mark.parametrize("kind", ["labels", "vectors", "one class"])
def test_a_snapshot_carries_on_bit_for_bit(street, when, kind):
    scene = list(street(7, 70, classes=1 if kind == "one class" else 4, vectors=kind == "vectors"))
    tracker, other = Tracker(), None
    for k, (time, detections) in enumerate(scene):
        if k == when:
            text = json.dumps(tracker.snapshot(), default=lambda a: a.tolist(), allow_nan=False)
            other = Tracker.restore(json.loads(text))
        a = tracker.update(detections, timestamp_s=time)
        if other is not None:
            assert_same(a, other.update(detections, timestamp_s=time))
    for track_id in tracker.predict(timestamp_s=time).track_id.tolist():
        assert repr(tracker.explain(track_id)) == repr(other.explain(track_id))


def test_a_snapshot_between_two_crowds_keeps_the_classes():
    """All tracks gone at the moment of the snapshot, with five classes known."""
    tracker = Tracker()
    tracker.update(Detections([BOX], [0.6], 4), timestamp_s=0.0)
    tracker.update(Detections.empty(), timestamp_s=60.0)
    text = json.dumps(tracker.snapshot(), default=lambda a: a.tolist())
    other = Tracker.restore(json.loads(text))
    for time in (61.0, 61.1):
        again = Detections([BOX], [0.6], 1)
        assert_same(tracker.update(again, timestamp_s=time), other.update(again, timestamp_s=time))


def test_a_snapshot_is_not_touched_by_what_follows(street):
    tracker = Tracker()
    scene = list(street(8, 60))
    for time, detections in scene[:30]:
        tracker.update(detections, timestamp_s=time)
    state = tracker.snapshot()
    text = json.dumps(state, default=lambda a: a.tolist())
    for time, detections in scene[30:]:
        tracker.update(detections, timestamp_s=time)
    assert json.dumps(state, default=lambda a: a.tolist()) == text


# ---- damaged ones --------------------------------------------------------------------------


def as_json(tracker):
    """A snapshot through JSON text and back."""
    return json.loads(json.dumps(tracker.snapshot(), default=lambda a: a.tolist()))


KINDS = [{}, {"max_delay_s": 0.1}, {"fuser": "median"}]


@pytest.fixture(name="state", params=KINDS[:1], ids=str)
def _state(street, request):
    """A snapshot with something in every field that these settings have."""
    tracker = Tracker(TrackerConfig.from_dict({"ledger_updates": 3} | request.param))
    for time, detections in street(7, 40, walkers=4, classes=3):
        tracker.update(detections, timestamp_s=time)
        warp = np.eye(3)
        warp[0, 2] = 1.0
    tracker.update(Detections([BOX], [0.6], 1), timestamp_s=time + 0.04, warp=warp)
    return as_json(tracker)


def put(state, path, value):
    *before, last = path
    for step in before:
        state = state[step]
    state[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["version"], 99, "version must be 3, got 99"),
        (["version"], None, "version must be 3, got None"),
        (["config", "speed"], 1, "unknown key"),
        (["next_id"], 1, r"field rows.track_id must be below next_id 1"),
        (["next_id"], -4, r"field next_id must be at least 1, got -4"),
        (["next_id"], 1.5, r"field next_id must be a whole number, got 1.5"),
        (["rows"], [], r"field rows must be a table"),
        (["rows", "speed"], [], r"field rows must have the columns of a track, not \['speed'\]"),
        (["rows", "track_id", 0], -1, r"field rows.track_id must be at least 1, got -1"),
        (["rows", "track_id", 1], 1, r"field rows.track_id must ascend"),
        (
            ["rows", "log_odds", 0],
            math.nan,
            r"rows.log_odds must hold finite numbers, got nan",
        ),
        (["rows", "log_odds", 0], "high", r"field rows.log_odds must hold finite numbers, got <U"),
        (["rows", "hits"], [], r"field rows.hits must have shape \(\d+\), got \(0,\)"),
        (["rows", "hits", 0], 2.5, r"field rows.hits must hold whole numbers, got float64"),
        (["rows", "hits", 0], -2, r"field rows.hits must be at least 0, got -2"),
        (["rows", "moved", 0], 7, r"field rows.moved must hold truth values, got int64"),
        (["rows", "start", 0], [1.0], r"field rows.start must have shape"),
        (["motion", 0, 2, 0], -1.0, r"field motion must hold variances above 0"),
        (["motion", 0, 0, 0], math.inf, r"field motion must hold finite numbers, got inf"),
        (["motion"], [], r"field motion must have shape \(\d+, 6, 4\)"),
        (["class_count"], 0, r"field class_count must be at least 1"),
        (["class_count"], 2, r"field classes must have shape \(\d+, 2\)"),
        (["classes", 0, 0], 3.0, r"field classes must be at most"),
        (["classes", 0, 0], -9.0, r"probabilities that add up to 1"),
        (["clutter", "place"], [-1], r"field clutter.place must be at least 0, got -1"),
        (["clutter", "place"], [65536], r"field clutter.place must be at most 65535"),
        (["clutter", "place"], [3, 5, 7, 9], r"field clutter.value must have shape"),
        (["clutter", "factor"], 0, r"field clutter.factor must be above 0"),
        (["clutter", "view"], [[0.0] * 3] * 3, r"field clutter.view must have an inverse"),
        (["ground", "n"], [-1.0], r"field ground.n must be at least 0"),
        (["clock", "looks"], -1, r"field clock.looks must be at least 0, got -1"),
        (["clock", "now_s"], math.nan, r"field clock.now_s must be a finite number, got nan"),
        (["clock", "timestamp_ns"], 2**70, r"field clock.timestamp_ns must be at most"),
        (["ledger"], 5, r"field ledger must be a list"),
        (["ledger", 0, 0, "match", 0], 99, r"field ledger\[0\].match must be at most"),
        (["ledger", 0, 0, "rows", "hits", 0], -1, r"field rows.hits must be at least 0, got -1"),
        (["ledger", 0, 0, "living"], [True], r"field ledger\[0\].living must have shape"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_damaged_snapshot_is_refused_and_the_field_named(state, path, value, message):
    put(state, path, value)
    with pytest.raises(InputError, match=message):
        Tracker.restore(state)


@pytest.mark.parametrize("state", KINDS, ids=str, indirect=True)
def test_a_field_that_is_missing_is_named(state):
    for name in state:
        without = {key: value for key, value in state.items() if key != name}
        with pytest.raises(InputError, match=name):
            Tracker.restore(without)


def places(value, path=()):
    """The path of every field, list and first entry of a list of a snapshot."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from places(inside, (*path, key))
    elif isinstance(value, list):
        for i, inside in enumerate(value[:1]):
            yield from places(inside, (*path, i))


@pytest.mark.parametrize(
    "junk", [None, math.nan, -math.inf, -1, 2**80, "x", [], [[]], {}, True, 0.5], ids=repr
)
@pytest.mark.parametrize("state", KINDS, ids=str, indirect=True)
def test_junk_anywhere_is_refused_or_harmless(state, junk):
    """Whatever one value is replaced by: a clear error, or a tracker that goes on."""
    refused = 0
    for path in places(state):
        if path[0] == "config":  # has tests of its own
            continue
        damaged = copy.deepcopy(state)
        put(damaged, path, junk)
        try:
            tracker = Tracker.restore(damaged)
        except InputError:
            refused += 1
            continue
        now_s = tracker.predict(timestamp_s=1e6).timestamp_s
        tracks = tracker.update(Detections([BOX], [0.5]), timestamp_s=now_s)
        assert np.isfinite(tracks.xyxy).all(), path
        assert np.isfinite(tracks.existence).all(), path
    assert refused > 60


def test_states_of_another_model_are_its_own_to_check(street):
    tracker = Tracker(motion=FilterPyMotion.constant_velocity())
    for time, detections in street(7, 5):
        tracker.update(detections, timestamp_s=time)
    state = as_json(tracker)
    Tracker.restore(state, motion=FilterPyMotion.constant_velocity())
    state["motion"][0][0] = math.nan
    with pytest.raises(InputError, match="field motion must hold finite numbers"):
        Tracker.restore(state, motion=FilterPyMotion.constant_velocity())
