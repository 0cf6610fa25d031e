"""What the tracker believes, and why: hits, misses, time, all with the default settings."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from tracker import (
    ClutterConfig,
    Detections,
    ExistenceConfig,
    GroundConfig,
    ScoreConfig,
    Tracker,
    TrackerConfig,
    Tracks,
    TrackState,
)
from tracker.calibration import Calibration, LogOddsMap
from tracker.smoothing import LagSmoother, Recorder, smooth

BOX = np.array([100.0, 100.0, 140.0, 200.0])
STREET_HZ = 30.0
EARNED = ScoreConfig(consistent=False)  # numbers as they are inside, not as they are told


def follow(confidences, hz=STREET_HZ, speed=60.0, config=None):
    """One object, seen at these confidences (None: looked and missed); what each update gave."""
    tracker = Tracker(config)
    seen = []
    for k, confidence in enumerate(confidences):
        box = BOX + np.array([1.0, 0, 1.0, 0]) * speed * k / hz
        found = Detections.empty() if confidence is None else Detections([box], [confidence])
        seen.append(tracker.update(found, timestamp_s=k / hz))
    return seen


def belief(tracks: Tracks) -> float:
    """Existence of the only track, 0 when there is none any more."""
    assert len(tracks) <= 1
    return float(tracks.existence[0]) if len(tracks) else 0.0


# ---- what the evidence model must do, with the defaults ------------------------------------


RATES = pytest.mark.parametrize("hz", [5.0, 10.0, 25.0, 30.0])
SPEEDS = pytest.mark.parametrize("speed", [0.0, 60.0])


@RATES
@SPEEDS
def test_many_weak_hits_beat_few_strong_ones(hz, speed):
    """20 hits of 30 at 0.3 end higher than 2 hits of 30 at 0.7.

    Within a second, or of what moves, they are even believed more than those were when they ended;
    what stands for seconds and stays weak is clutter on the way.
    """
    many = follow([0.3, 0.3, None] * 10, hz, speed)
    few = follow([0.7, 0.7] + [None] * 28, hz, speed)
    assert {int(t.track_id[0]) for t in many} == {1}
    assert belief(many[-1]) > belief(few[-1])
    if hz >= 25 or speed:
        assert belief(many[-1]) > belief([t for t in few if len(t)][-1])


@RATES
@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.999, 1.0])
def test_one_sure_frame_alone_confirms_nothing(confidence, hz):
    for tracks in follow([confidence] + [None] * 60, hz):
        assert not tracks.believed.any()


@RATES
@SPEEDS
@pytest.mark.parametrize("confidence", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_a_flicker_of_three_frames_stays_tentative(confidence, hz, speed):
    for tracks in follow([confidence] * 3 + [None] * 60, hz, speed):
        assert not tracks.believed.any()


@pytest.mark.parametrize("hz", [10.0, 25.0, 30.0])
@pytest.mark.parametrize("confidence", [0.15, 0.2, 0.3, 0.4])
def test_a_weak_detection_starts_a_track(confidence, hz):
    tracks = follow([confidence] * int(4 * hz), hz)
    assert all(t.track_id.tolist() == [1] for t in tracks)


@pytest.mark.parametrize("hz", [10.0, 25.0, 30.0])
@pytest.mark.parametrize("confidence", [0.25, 0.3, 0.4])
def test_repeated_weak_hits_raise_the_belief(confidence, hz):
    values = [belief(t) for t in follow([confidence] * int(4 * hz), hz)]
    ceiling = Tracker().config.existence.ceiling
    assert all(b > a for a, b in itertools.pairwise(values) if b < ceiling - 1e-9)
    assert values[-1] > 2 * values[0]


def test_a_steady_walker_at_05_is_confirmed_within_two_seconds():
    assert follow([0.5] * 60)[-1].confirmed.all()


def test_birth_by_hand():
    config = TrackerConfig(
        existence=ExistenceConfig(
            birth=0.1, look_s=0.2, first_look_s=0.1, gain=0.5, neutral_confidence=0.25
        ),
        score=EARNED,
    )
    tracks = Tracker(config).update(Detections([BOX, BOX + 500], [0.5, 0.25]), timestamp_s=0.0)
    surer = math.log(1 / 9) + 0.5 * 0.5 * math.log(3)  # half a look
    np.testing.assert_allclose(tracks.existence, [1 / (1 + math.exp(-surer)), 0.1])


def test_existence_is_told_as_at_least_score(street):
    """Where a seen box shows more than was earned, both are told at 0.85 of the way between."""
    fixed = TrackerConfig(ground=GroundConfig(enabled=False))  # it learns from what is told
    told, earned = (Tracker(replace(fixed, score=score)) for score in (ScoreConfig(), EARNED))
    met = np.zeros(2)
    for time, detections in street(4, 300):
        a, b = (t.update(detections, timestamp_s=time) for t in (told, earned))
        for column in ("track_id", "state", "xyxy"):
            np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
        assert (a.existence >= a.score).all()
        np.testing.assert_array_equal(a.earned, b.existence)
        over = b.score > b.existence
        for column in ("existence", "score"):
            np.testing.assert_array_equal(getattr(a, column)[~over], getattr(b, column)[~over])
        # Of what was not seen nothing new is known: its existence stays, its score is cut.
        np.testing.assert_array_equal(a.existence[~a.seen], a.earned[~a.seen])
        np.testing.assert_array_equal(a.score[over], a.existence[over])
        seen = over & a.seen
        low, high = (np.log(p[seen] / (1 - p[seen])) for p in (b.existence, b.score))
        between = 1 / (1 + np.exp(-(low + 0.85 * (high - low))))
        np.testing.assert_allclose(a.existence[seen], between, rtol=1e-9)
        met += seen.sum(), over.sum()
    assert (met > 100).all()


@pytest.mark.parametrize("pattern", [[0.6], [0.5, 0.5, None], [0.35, 0.7, None, 0.4, 0.4, 0.5]])
def test_the_frame_rate_does_not_change_the_belief(pattern):
    """What is to be seen changes every 0.2 s. At the same times of 6 s, existence at 10 and at 30
    frames a second is equal within 0.01 (without the map), also through misses."""
    config = TrackerConfig(clutter=ClutterConfig(enabled=False))
    ends = []
    for each in (1, 3):  # frames in 0.1 s; a frame stands for the time before it
        slots = [math.ceil(k / each) for k in range(60 * each + 1)]
        frames = [pattern[(slot + 1) // 2 % len(pattern)] for slot in slots]
        ends.append([belief(t) for t in follow(frames, 10.0 * each, config=config)][::each])
    np.testing.assert_allclose(ends[0], ends[1], atol=0.01)
    assert max(ends[0]) > 0.5


def test_score_falls_while_coasting_and_belief_falls_slower():
    tracks = follow([0.8] * 60 + [None] * 30)
    unseen = tracks[60:]
    assert all(t.believed.all() for t in unseen)
    scores = [float(t.score[0]) for t in unseen]
    assert all(b < a for a, b in itertools.pairwise(scores))
    assert scores[0] < float(tracks[59].score[0])
    assert belief(unseen[0]) > 0.9
    assert belief(unseen[-1]) > 0.5


def test_a_believed_track_coasts_and_then_is_lost():
    """Lost from the score `lost_below` on: no more box to rely on, but believed and of one id."""
    tracks = follow([0.8] * 60 + [None] * 30 + [0.8])
    states = [TrackState(int(t.state[0])) for t in tracks[59:]]
    below = [bool(t.score[0] < Tracker().config.score.lost_below) for t in tracks[59:]]
    last = below.index(True)
    assert last > 3
    assert states[0] == TrackState.CONFIRMED
    assert states[1:last] == [TrackState.COASTING] * (last - 1)
    assert states[last:-1] == [TrackState.LOST] * (len(states) - 1 - last)
    assert [bool(t.confirmed[0]) for t in tracks[60:-1]] == [not b for b in below[1:-1]]
    assert [bool(t.lost[0]) for t in tracks[60:-1]] == below[1:-1]
    assert tracks[-1].track_id.tolist() == [1]
    assert states[-1] == TrackState.CONFIRMED


def test_who_is_hidden_keeps_belief_and_score():
    """Of two missed ones, the one behind a believed object in front is believed more."""
    tracker, wall = Tracker(), BOX + np.array([200.0, -10.0, 210.0, 20.0])
    behind = BOX + np.array([205.0, 0.0, 205.0, 0.0])
    for k in range(60):
        # The wall comes from the right, and stands before one of them in the end.
        near = wall + np.array([1.0, 0, 1.0, 0]) * 3.0 * (60 - k)
        found = [BOX, near, behind] if k < 45 else [near]
        tracks = tracker.update(Detections(found, [0.8] * len(found)), timestamp_s=k / 30)
    assert len(tracks) == 3
    place = {round(float(x)): k for k, x in enumerate(tracks.xyxy[:, 0])}
    open_, covered = place[100], place[305]
    assert not tracks.seen[[open_, covered]].any()
    assert tracks.existence[covered] > tracks.existence[open_]
    assert tracks.score[covered] > tracks.score[open_]


def test_hysteresis_does_not_flap():
    """At every second frame a hit near the neutral confidence: one change of state at most."""
    confidences = [0.7] * 30 + [0.24, 0.3, None, 0.35, None] * 40
    states = [bool(t.believed[0]) for t in follow(confidences)]
    assert sum(a != b for a, b in itertools.pairwise(states)) <= 2


def test_a_place_that_keeps_firing_is_believed_less_than_what_moves():
    standing, moving = (follow([0.4] * 150, speed=s)[-1] for s in (0.0, 60.0))
    assert belief(standing) < belief(moving)
    off = TrackerConfig(
        clutter=ClutterConfig(enabled=False),
        ground=GroundConfig(enabled=False),
        existence=ExistenceConfig(moved=0.0),
    )
    assert belief(follow([0.4] * 150, speed=0.0, config=off)[-1]) == pytest.approx(
        belief(follow([0.4] * 150, config=off)[-1])
    )


# ---- not looked ----------------------------------------------------------------------------


def test_frames_not_looked_at_take_no_belief_but_time():
    """n and S fade alike however the time is split; belief goes back towards the prior."""
    config = TrackerConfig(existence=ExistenceConfig(memory_s=5.0, max_gap_s=4.0))
    tracker, once = Tracker(config), Tracker(config)
    for k in range(31):
        for each in (tracker, once):
            before = each.update(Detections([BOX], [0.6]), timestamp_s=k / 30)
    last = belief(before)
    for k in range(1, 31):
        after = tracker.update(None, timestamp_s=1.0 + k / 10)
        assert belief(after) < last
        last = belief(after)
    assert belief(once.update(None, timestamp_s=4.0)) == pytest.approx(last, rel=1e-9)
    assert belief(once.predict(timestamp_s=4.0)) == pytest.approx(last, rel=1e-9)
    assert last > config.existence.birth
    assert after.misses.tolist() == before.misses.tolist() == [0]
    assert after.gap_s == pytest.approx([3.0])
    assert not after.seen.any()
    assert len(tracker.update(None, timestamp_s=6.0)) == 0  # beyond max_gap_s


def test_looking_and_missing_costs_more_than_not_looking():
    looked, blind = Tracker(), Tracker()
    for k in range(30):
        for tracker in (looked, blind):
            tracker.update(Detections([BOX], [0.6]), timestamp_s=k / 30)
    a = looked.update(Detections.empty(), timestamp_s=1.1)
    b = blind.update(None, timestamp_s=1.1)
    assert belief(a) < belief(b)
    assert (a.misses.tolist(), b.misses.tolist()) == ([1], [0])


def test_the_first_frame_may_be_one_not_looked_at():
    tracker = Tracker()
    assert len(tracker.update(None, timestamp_s=5.0)) == 0
    assert len(tracker.update(Detections([BOX], [0.6]), timestamp_s=5.1)) == 1


# ---- belief that lasts ---------------------------------------------------------------------


def test_who_has_walked_and_stands_in_view_is_believed_for_ever():
    tracker = Tracker()
    for k in range(3100):  # ten seconds of walking, five minutes of standing
        x = 6.0 * min(k, 100)
        tracks = tracker.update(Detections([[x, 10, x + 40, 110]], [0.6]), timestamp_s=k / 10)
    assert tracks.existence[0] > 0.95
    assert tracks.track_id.tolist() == [1]


def test_a_sure_object_that_never_moved_is_believed_for_ever():
    tracker = Tracker()
    for k in range(3000):
        tracks = tracker.update(Detections([[10, 10, 50, 110]], [0.8]), timestamp_s=k / 10)
        assert k < 40 or tracks.confirmed.all()
    assert tracks.existence[0] > 0.6


def test_what_never_moved_and_stays_weak_is_taken_for_clutter():
    tracker, values = Tracker(), []
    for k in range(3000):
        tracks = tracker.update(Detections([[10, 10, 50, 110]], [0.4]), timestamp_s=k / 10)
        values.append(float(tracks.existence[0]))
    assert max(values) == max(values[:100]) > 0.5
    assert values[-1] < 0.2


MAPS = {"existence": LogOddsMap(-2.0), "score_seen": LogOddsMap(1.0)}


@pytest.mark.parametrize("fuser", ["evidence", "raw", "ema", "ipda"])
@pytest.mark.parametrize(
    ("calibration", "consistent"),
    [
        (None, True),
        (Calibration(**MAPS), True),
        (Calibration(**MAPS, consistent=True), True),
        (Calibration(**MAPS, consistent=True), False),
    ],
    ids=["plain", "maps", "both", "calibration"],
)
def test_no_box_is_likelier_than_its_object(street, fuser, calibration, consistent):
    """In what is told at once, of later, again after a snapshot, late and afterwards."""
    config = TrackerConfig(fuser=fuser, score=ScoreConfig(consistent=consistent))
    tracker, recorder = Tracker(config, calibration=calibration), Recorder()
    smooths = fuser == "evidence"
    if smooths:
        smoother = LagSmoother(config, lag_s=0.3, calibration=calibration)
    told = []
    for time, detections in street(5, 120):
        tracks = tracker.update(detections, timestamp_s=time)
        told += [tracks, tracker.predict(timestamp_s=time + 0.01)]
        if smooths:
            recorder.add(detections, tracks)
            told += smoother.add(detections, tracks)
    told.append(Tracker.restore(tracker.snapshot()).predict(timestamp_s=time + 0.01))
    if smooths:
        told += [*smoother.flush(), *smooth(recorder, config, calibration=calibration)]
    assert sum(map(len, told)) > 500
    for tracks in told:
        assert (tracks.score <= tracks.existence).all()
        assert (tracks.earned <= tracks.existence).all()
