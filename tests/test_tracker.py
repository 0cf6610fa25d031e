"""The tracker as its user meets it, with the default settings unless a test says otherwise."""

import itertools
import json
import math
import tracemalloc

import numpy as np
import pytest

from tracker import (
    AssociationConfig,
    ClutterConfig,
    Detections,
    Event,
    ExistenceConfig,
    InputError,
    TimeError,
    Tracker,
    TrackerConfig,
    Tracks,
    TrackState,
)

BOX = np.array([100.0, 100.0, 140.0, 200.0])
STREET_HZ = 30.0


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


def assert_same(a: Tracks, b: Tracks, *, but: tuple[str, ...] = ()) -> None:
    """Bit for bit."""
    for name in Tracks.__dataclass_fields__:
        if name not in but:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


# ---- what the evidence model must do, with the defaults ------------------------------------


@pytest.mark.parametrize("speed", [0.0, 60.0])
@pytest.mark.parametrize("hz", [25.0, 30.0])
def test_many_weak_hits_beat_few_strong_ones(hz, speed):
    """20 hits of 30 at 0.3 end higher than 2 hits of 30 at 0.7, also than their last belief."""
    many = follow([0.3, 0.3, None] * 10, hz, speed)
    few = follow([0.7, 0.7] + [None] * 28, hz, speed)
    assert {int(t.track_id[0]) for t in many} == {1}
    assert belief(many[-1]) > belief(few[-1])
    assert belief(many[-1]) > belief([t for t in few if len(t)][-1])


@pytest.mark.parametrize("hz", [10.0, 30.0])
@pytest.mark.parametrize("confidence", [0.9, 0.999, 1.0])
def test_one_sure_frame_alone_confirms_nothing(confidence, hz):
    for tracks in follow([confidence] + [None] * 60, hz):
        assert not tracks.confirmed.any()


@pytest.mark.parametrize("confidence", [0.3, 0.5, 0.7, 0.8, 0.9])
def test_a_flicker_of_three_frames_stays_tentative(confidence):
    for tracks in follow([confidence] * 3 + [None] * 60):
        assert not tracks.confirmed.any()


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


def test_a_steady_object_at_04_is_confirmed_within_two_seconds():
    assert follow([0.4] * 60)[-1].confirmed.all()


def test_birth_by_hand():
    config = TrackerConfig(
        existence=ExistenceConfig(
            birth=0.1, first_look_s=0.2, hit_rate=2.0, neutral_confidence=0.25
        )
    )
    tracks = Tracker(config).update(Detections([BOX, BOX + 500], [0.5, 0.25]), timestamp_s=0.0)
    surer = math.log(1 / 9) + 0.2 * 2.0 * math.log(3)
    np.testing.assert_allclose(tracks.existence, [1 / (1 + math.exp(-surer)), 0.1])


@pytest.mark.parametrize("pattern", [[0.6], [0.5, 0.5, None], [0.35, 0.7, None, 0.4, 0.4, 0.5]])
def test_the_frame_rate_does_not_change_the_belief(pattern):
    """What is to be seen changes every 0.2 s. At the same times of 6 s, existence at 10 and at 30
    frames a second is equal within 0.005 (without the map), also through misses."""
    config = TrackerConfig(clutter=ClutterConfig(enabled=False))
    ends = []
    for each in (1, 3):  # frames in 0.1 s; a frame stands for the time before it
        slots = [math.ceil(k / each) for k in range(60 * each + 1)]
        frames = [pattern[(slot + 1) // 2 % len(pattern)] for slot in slots]
        ends.append([belief(t) for t in follow(frames, 10.0 * each, config=config)][::each])
    np.testing.assert_allclose(ends[0], ends[1], atol=0.005)
    assert max(ends[0]) > 0.5


def test_score_falls_while_coasting_and_belief_falls_slower():
    tracks = follow([0.8] * 60 + [None] * 20)
    coasting = tracks[60:]
    assert all(t.state.tolist() == [TrackState.COASTING] for t in coasting)
    scores = [float(t.score[0]) for t in coasting]
    assert all(b < a for a, b in itertools.pairwise(scores))
    assert scores[0] < float(tracks[59].score[0])
    assert belief(coasting[0]) > 0.9


def test_hysteresis_does_not_flap():
    """At every second frame a hit near the neutral confidence: one change of state at most."""
    confidences = [0.7] * 30 + [0.24, 0.3, None, 0.35, None] * 40
    states = [bool(t.confirmed[0]) for t in follow(confidences)]
    assert sum(a != b for a, b in itertools.pairwise(states)) <= 2


def test_a_place_that_keeps_firing_is_believed_less_than_what_moves():
    standing, moving = (follow([0.4] * 150, speed=s)[-1] for s in (0.0, 60.0))
    assert belief(standing) < belief(moving)
    off = TrackerConfig(clutter=ClutterConfig(enabled=False))
    assert belief(follow([0.4] * 150, speed=0.0, config=off)[-1]) == pytest.approx(
        belief(follow([0.4] * 150, config=off)[-1])
    )


# ---- not looked ----------------------------------------------------------------------------


def test_frames_not_looked_at_take_no_belief_but_time():
    config = TrackerConfig(existence=ExistenceConfig(lifetime_s=50.0, max_gap_s=4.0))
    tracker = Tracker(config)
    for k in range(31):
        before = tracker.update(Detections([BOX], [0.6]), timestamp_s=k / 30)
    for k in range(1, 31):
        after = tracker.update(None, timestamp_s=1.0 + k / 10)
        expected = belief(before) * math.exp(-(k / 10) / 50.0)
        assert belief(after) == pytest.approx(expected, rel=1e-9)
    assert after.misses.tolist() == before.misses.tolist() == [0]
    assert after.gap_s == pytest.approx([3.0])
    assert after.coasting.all()
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


# ---- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0.5, 1.0, -3.0, math.nan, math.inf])
def test_a_bad_time_leaves_the_tracker_as_it_was(street, bad):
    scene = list(street(1, 30))
    one, two = Tracker(), Tracker()
    times = [t - scene[14][0] + 1.0 for t, _ in scene]  # frame 14 is at 1.0 s
    for k, (_, detections) in enumerate(scene):
        a = one.update(detections, timestamp_s=times[k])
        if k == 14:
            with pytest.raises(TimeError, match=r"timestamp_s must"):
                one.update(Detections([BOX], [0.9]), timestamp_s=bad)
        assert_same(a, two.update(detections, timestamp_s=times[k]))


def test_a_reset_drops_the_tracks_and_keeps_the_ids_going():
    tracker = Tracker(TrackerConfig(on_backward_time="reset"))
    for k in range(30):
        before = tracker.update(Detections([BOX], [0.8]), timestamp_s=100 + k / 30)
    after = tracker.update(Detections([BOX], [0.8]), timestamp_s=0.0)
    assert (before.track_id.tolist(), after.track_id.tolist()) == ([1], [2])
    assert after.age_s.tolist() == [0.0]
    assert after.hits.tolist() == [1]
    with pytest.raises(InputError, match="not alive"):
        tracker.explain(1)
    with pytest.raises(TimeError):
        tracker.update(None, timestamp_s=math.nan)
    assert tracker.update(Detections([BOX], [0.8]), timestamp_s=0.1).track_id.tolist() == [2]


@pytest.mark.parametrize("start", [0.0, 1.7e9])
def test_any_clock_will_do(start):
    """Seconds since 1970 have rounding of 2e-7 s; nothing may depend on it."""
    tracker = Tracker()
    for k in range(90):
        tracks = tracker.update(
            Detections([BOX + k], [0.5 if k % 3 else 0.9]), timestamp_s=start + k / 30
        )
    assert tracks.track_id.tolist() == [1]
    assert tracks.age_s == pytest.approx([89 / 30], abs=1e-6)
    np.testing.assert_allclose(tracks.velocity, [[30.0, 30.0]], atol=1.5)


EPOCH_NS = 1_795_325_445_123_456_789  # since 1970; as float64 seconds 200 ns are lost


def test_a_time_since_1970_in_nanoseconds_loses_nothing(street):
    """The same scene at two starts, bit for bit; and in seconds, where they can hold it."""
    trackers = [Tracker(), Tracker(), Tracker()]
    for time, detections in street(3, 120):
        ns = round(time * 1e9)
        a, b, c = (
            t.update(detections, **when)
            for t, when in zip(
                trackers,
                ({"timestamp_ns": ns}, {"timestamp_ns": EPOCH_NS + ns}, {"timestamp_s": ns / 1e9}),
                strict=True,
            )
        )
        assert_same(a, b, but=("timestamp_s", "timestamp_ns"))
        assert_same(a, c)
        assert b.timestamp_ns == EPOCH_NS + ns
        assert trackers[1].predict(timestamp_ns=EPOCH_NS + ns + 1).timestamp_ns == EPOCH_NS + ns + 1
    with pytest.raises(TimeError, match="timestamp_s must increase"):
        trackers[1].update(None, timestamp_ns=EPOCH_NS + ns)


def test_one_nanosecond_is_a_step():
    tracker = Tracker()
    for k in range(3):
        tracks = tracker.update(Detections([BOX], [0.9]), timestamp_ns=EPOCH_NS + k)
    assert tracks.age_s.tolist() == [2e-9]
    other = Tracker.restore(
        json.loads(json.dumps(tracker.snapshot(), default=lambda a: a.tolist()))
    )
    assert other.update(None, timestamp_ns=EPOCH_NS + 3).gap_s == pytest.approx([1e-9], rel=1e-9)


def test_exactly_one_time():
    with pytest.raises(TimeError, match="timestamp_s must be given, in seconds, or timestamp_ns"):
        Tracker().update(None)
    with pytest.raises(TimeError, match="must not be given beside"):
        Tracker().predict(timestamp_s=1.0, timestamp_ns=10**9)


def test_after_a_very_long_gap_it_is_somebody_else():
    tracker = Tracker()
    tracker.update(Detections([BOX], [0.9]), timestamp_s=0.0)
    assert len(tracker.predict(timestamp_s=3600.0)) == 0
    tracks = tracker.update(Detections([BOX], [0.9]), timestamp_s=1e9)
    assert tracks.track_id.tolist() == [2]
    assert tracker.explain(1)[-1].event == Event.DEAD
    assert np.isfinite(tracks.covariance).all()
    assert np.isfinite(tracks.xyxy).all()
    later = tracker.predict(timestamp_s=3e9)
    assert ((later.existence > 0) & (later.existence < 1)).all()


# ---- predict -------------------------------------------------------------------------------


def test_predict_changes_nothing(street):
    asked, left = Tracker(), Tracker()
    for time, detections in street(2, 80):
        a = asked.update(detections, timestamp_s=time)
        for ahead in (0.0, 0.3, 7.0):
            asked.predict(timestamp_s=time + ahead)
        assert_same(a, left.update(detections, timestamp_s=time))


def test_predicted_boxes_move_on_and_are_less_certain():
    tracker = Tracker()
    for k in range(60):
        now = tracker.update(Detections([BOX + k], [0.8]), timestamp_s=k / 30)
    at_once, later, latest = (tracker.predict(timestamp_s=59 / 30 + d) for d in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(at_once.xyxy, now.xyxy)
    np.testing.assert_allclose(latest.xyxy, now.xyxy + np.tile(now.velocity, 2), atol=1e-9)
    for a, b in itertools.pairwise([at_once, later, latest]):
        grown = b.covariance[0] - a.covariance[0]
        assert np.linalg.eigvalsh(grown[:4, :4]).min() > 0
        assert b.existence < a.existence
        assert b.score < a.score
    assert later.detection.tolist() == [-1]
    assert later.timestamp_s == 59 / 30 + 0.5
    with pytest.raises(TimeError, match="cannot predict"):
        tracker.predict(timestamp_s=1.0)


def test_predict_before_the_first_update():
    assert len(Tracker().predict(timestamp_s=3.0)) == 0


# ---- crowds, silence, memory ---------------------------------------------------------------


def test_nothing_seen_for_hours():
    tracker = Tracker()
    tracker.update(Detections([BOX], [0.9]), timestamp_s=0.0)
    for k in range(1, 10_001):
        tracks = tracker.update(Detections.empty(), timestamp_s=float(k))
    assert len(tracks) == 0
    assert tracks.covariance.shape == (0, 8, 8)
    born = tracker.update(Detections([BOX], [0.9]), timestamp_s=10_001.0)
    assert born.track_id.tolist() == [2]


def test_five_thousand_detections_in_a_frame():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 4000, (5000, 2))
    boxes = np.hstack([corner, corner + rng.uniform(10, 60, (5000, 2))])
    tracker = Tracker()
    first = tracker.update(Detections(boxes, rng.random(5000)), timestamp_s=0.0)
    second = tracker.update(Detections(boxes, rng.random(5000)), timestamp_s=1 / 30)
    assert len(first) == 5000
    assert len(second) == second.track_id[-1]
    assert (second.hits[:5000] == 2).mean() > 0.9


def test_identical_and_empty_boxes():
    same = Detections([BOX, BOX, BOX, [5, 5, 5, 5], [7, 7, 7, 30]], [0.5] * 5)
    tracker = Tracker()
    for k in range(20):
        tracks = tracker.update(same, timestamp_s=k / 30)
    assert np.isfinite(tracks.xyxy).all()
    assert np.isfinite(tracks.score).all()
    assert (tracks.hits[:3] == 20).all()


def test_memory_stays_flat():
    """5,000 updates with births and deaths: no growth with frames or dead tracks."""
    rng = np.random.default_rng(0)
    tracker = Tracker()

    def run(first: int, last: int) -> None:
        for k in range(first, last):
            corner = rng.uniform(0, 2000, (4, 2))
            tracker.update(
                Detections(np.hstack([corner, corner + 40]), rng.random(4)), timestamp_s=k / 10
            )

    run(0, 2000)
    tracemalloc.start()
    run(2000, 3500)
    half = tracemalloc.get_traced_memory()[0]
    run(3500, 5000)
    end = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert tracker.predict(timestamp_s=500.0).track_id[-1] > 15_000
    assert end < half + 200_000


# ---- classes -------------------------------------------------------------------------------


def classified(labels, confidence=0.7, vectors=None):
    tracker, out = Tracker(), []
    for k, label in enumerate(labels):
        full = None if vectors is None else [vectors[k]]
        out.append(
            tracker.update(Detections([BOX + k], [confidence], label, full), timestamp_s=k / 30)
        )
    return out


def test_a_label_does_not_flip_on_one_frame():
    tracks = classified([1] * 30 + [2] + [1] * 5 + [2, 2] + [1] * 5)
    assert all(t.class_id.tolist() == [1] for t in tracks)


def test_a_lasting_change_is_followed():
    tracks = classified([1] * 60 + [2] * 150)
    assert tracks[62].class_id.tolist() == [1]
    assert tracks[-1].class_id.tolist() == [2]
    assert tracks[-1].track_id.tolist() == [1]


def test_full_vectors_tell_more_than_labels():
    """The label alternates; the vectors say that it is class 0 all along."""
    vectors = [[0.45, 0.40, 0.0] if k % 2 else [0.30, 0.31, 0.3] for k in range(60)]
    tracks = classified([int(np.argmax(v)) for v in vectors], vectors=vectors)[-1]
    assert tracks.class_id.tolist() == [0]
    assert tracks.class_probabilities.shape == (1, 3)
    np.testing.assert_allclose(tracks.class_probabilities.sum(axis=1), 1.0)


def test_new_classes_may_turn_up_later():
    tracks = classified([0, 0, 3])
    assert [t.class_probabilities.shape for t in tracks] == [(1, 1), (1, 1), (1, 4)]


def test_a_class_without_a_column_changes_nothing():
    tracker = Tracker()
    with pytest.raises(InputError, match=r"class_id 2 has no column in class_probabilities of 2"):
        tracker.update(Detections([BOX], [0.5], 2, [[0.5, 0.5]]), timestamp_s=9.0)
    with pytest.raises(InputError, match=r"class_id 999999 is too large"):
        tracker.update(Detections([BOX], [0.5], 999_999), timestamp_s=9.0)
    assert len(tracker.update(Detections([BOX], [0.5]), timestamp_s=0.0)) == 1


@pytest.mark.parametrize(("per_class", "ids"), [(False, [1]), (True, [1, 2])])
def test_a_detection_of_another_class(per_class, ids):
    tracker = Tracker(TrackerConfig(association=AssociationConfig(per_class=per_class)))
    for k in range(10):
        tracker.update(Detections([BOX], [0.6], 1), timestamp_s=k / 30)
    assert tracker.update(Detections([BOX], [0.6], 2), timestamp_s=0.4).track_id.tolist() == ids


# ---- snapshots -----------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(version=99), "version must be 2, got 99"),
        (lambda s: s.pop("version"), "version must be 2, got None"),
        (lambda s: s.pop("rows"), "lacks the field 'rows'"),
        (lambda s: s["config"].update(speed=1), "unknown key"),
    ],
)
def test_a_broken_snapshot_is_refused(change, message):
    state = Tracker().snapshot()
    change(state)
    with pytest.raises(InputError, match=message):
        Tracker.restore(state)


# ---- belief that lasts ---------------------------------------------------------------------


@pytest.mark.parametrize("hz", [10.0, 30.0])
@pytest.mark.parametrize("confidence", [0.3, 0.5, 0.8, 0.9, 0.99, 1.0])
def test_a_flicker_is_never_confirmed_at_any_confidence(confidence, hz):
    for tracks in follow([confidence] * 3 + [None] * 20, hz):
        assert not tracks.confirmed.any()


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
    assert tracks.existence[0] > 0.95


def test_what_never_moved_and_stays_weak_is_taken_for_clutter():
    tracker, values = Tracker(), []
    for k in range(3000):
        tracks = tracker.update(Detections([[10, 10, 50, 110]], [0.4]), timestamp_s=k / 10)
        values.append(float(tracks.existence[0]))
    assert max(values) == max(values[:100]) > 0.5
    assert values[-1] < 0.2


def test_a_class_elsewhere_changes_no_label():
    """The first detection of class 7 makes the vectors longer, of all tracks."""
    tracker = Tracker()
    near, far = [10, 10, 50, 110], [500, 10, 540, 110]
    for k in range(100):
        tracks = tracker.update(Detections([near], [0.9], [0]), timestamp_s=k / 10)
    tracks = tracker.update(Detections([near, far], [0.9, 0.9], [0, 7]), timestamp_s=10.0)
    assert tracks.class_id.tolist() == [0, 7]
    assert tracks.class_probabilities[0, 0] > 0.95


def test_a_label_of_the_first_class_does_not_flip_on_one_frame():
    labels = [0] * 10 + [1] + [0] * 5
    tracker, seen = Tracker(), []
    for k, label in enumerate(labels):
        tracks = tracker.update(Detections([[10, 10, 50, 110]], [0.6], [label]), timestamp_s=k / 30)
        seen.append(int(tracks.class_id[0]))
    assert seen == [0] * len(labels)
