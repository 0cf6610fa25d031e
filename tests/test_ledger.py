import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tracker import (
    ClutterConfig,
    Detections,
    DoublesConfig,
    Event,
    ExistenceConfig,
    GroundConfig,
    InputError,
    ScoreConfig,
    Tracker,
    TrackerConfig,
    existence,
)

BOX = [[10.0, 20.0, 50.0, 120.0]]
C = ExistenceConfig()


def moved(k: int, confidence: float) -> Detections:
    return Detections(np.array(BOX) + 2.0 * k, [confidence])


def test_every_kind_of_event():
    tracker = Tracker()
    tracker.update(moved(0, 0.4), timestamp_s=0.0)
    tracker.update(moved(1, 0.6), timestamp_s=0.1)
    tracker.update(Detections.empty(), timestamp_s=0.2)
    tracker.update(None, timestamp_s=0.3)
    tracks = tracker.update(None, timestamp_s=0.3 + C.max_gap_s)
    assert len(tracks) == 0
    entries = tracker.explain(1)
    assert [e.event for e in entries] == [
        Event.BIRTH, Event.HIT, Event.MISS, Event.NOT_LOOKED, Event.DEAD,
    ]  # fmt: skip
    assert [e.timestamp_s for e in entries] == [0.0, 0.1, 0.2, 0.3, 0.3 + C.max_gap_s]
    assert [e.confidence for e in entries[:2]] == [0.4, 0.6]
    assert all(math.isnan(e.confidence) for e in entries[2:])
    assert entries[1].weight > 0 > entries[2].weight
    assert entries[3].weight == 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_the_ledger_sums_up(street, seed):
    """Weight and existence of each entry, worked out anew from its kind, time and confidence.

    Nothing speaks against a place, nothing counts as moved and every miss counts in full here.
    """
    config = replace(C, hidden=0.0, small_px=1e-6)
    plain = TrackerConfig(
        existence=config,
        clutter=ClutterConfig(moved_widths=1e9, weight=0.0),
        ground=GroundConfig(enabled=False),
        doubles=DoublesConfig(weight=0.0),
        score=ScoreConfig(consistent=False),
        ledger_updates=1000,
    )
    tracker, times = Tracker(plain), []
    shown: dict[int, list[float]] = {}
    for time, detections in street(seed, 200):
        times.append(time)
        tracks = tracker.update(detections, timestamp_s=time)
        for track_id, p in zip(tracks.track_id.tolist(), tracks.existence.tolist(), strict=True):
            shown.setdefault(track_id, []).append(p)
    # The tracker counts whole nanoseconds.
    whole = np.round(1e9 * np.array(times))
    gap = dict(zip(times, np.diff(whole, prepend=whole[0]) / 1e9, strict=True))
    still = np.array([False])
    assert len(shown) > 50
    for track_id, values in shown.items():
        entries = tracker.explain(track_id)
        living = [e for e in entries if e.event != Event.DEAD]
        np.testing.assert_allclose([e.existence for e in living], values, rtol=1e-12)
        assert entries[0].event == Event.BIRTH
        looks, support = np.zeros(1), np.zeros(1)
        for e in entries:
            fade = existence.faded(gap[e.timestamp_s], config)
            looks, support = looks * fade, support * fade
            before = existence.log_odds(looks, support, still, config)
            share = existence.look_share(min(gap[e.timestamp_s], C.longest_look_s), config)
            x = np.full(1, -C.miss)
            if not math.isnan(e.confidence):
                seen = existence.bounded_evidence(existence.logit(np.array([e.confidence])), config)
                x = existence.hit_evidence(seen, np.zeros(1), config)
            if e.event == Event.BIRTH:
                share = existence.look_share(C.first_look_s, config)
            elif e.event == Event.NOT_LOOKED or (e.event == Event.DEAD and e.weight == 0.0):
                share = 0.0
            looks, support = looks + share, support + share * x
            after = existence.log_odds(looks, support, still, config)
            assert e.weight == pytest.approx(float((after - before)[0]), abs=1e-9)
            assert e.existence == pytest.approx(float(existence.sigmoid(after)[0]), abs=1e-9)


def test_only_the_last_updates_are_kept():
    tracker = Tracker(TrackerConfig(ledger_updates=5))
    for k in range(20):
        tracker.update(moved(k, 0.6), timestamp_s=k / 10)
    assert [e.timestamp_s for e in tracker.explain(1)] == [1.5, 1.6, 1.7, 1.8, 1.9]


def test_a_track_nobody_knows():
    tracker = Tracker(TrackerConfig(ledger_updates=5))
    for bad in (0, 1, -3):
        with pytest.raises(InputError, match=rf"track {bad} was not alive in the last 5 updates"):
            tracker.explain(bad)


def test_a_tracker_without_a_ledger():
    tracker = Tracker(TrackerConfig(ledger_updates=0))
    tracker.update(moved(0, 0.6), timestamp_s=0.0)
    with pytest.raises(InputError, match="not alive in the last 0 updates"):
        tracker.explain(1)


def test_explaining_after_restoring(street):
    tracker = Tracker()
    for time, detections in street(5, 60):
        tracker.update(detections, timestamp_s=time)
    text = json.dumps(tracker.snapshot(), default=lambda a: a.tolist())
    other = Tracker.restore(json.loads(text))
    last = int(tracker.predict(timestamp_s=time).track_id[-1])
    for track_id in range(1, last + 1):
        assert repr(other.explain(track_id)) == repr(tracker.explain(track_id))


@pytest.mark.parametrize("config", [TrackerConfig(), TrackerConfig(max_delay_s=1.0)])
def test_what_was_earned_is_the_last_line_of_each_ledger_and_what_states_go_by(street, config):
    tracker = Tracker(config)
    for time, detections in street(3, 80):
        tracks = tracker.update(detections, timestamp_s=time)
        for i, earned in zip(tracks.track_id.tolist(), tracks.earned.tolist(), strict=True):
            assert earned == pytest.approx(tracker.explain(i)[-1].existence, abs=1e-12)
        assert (tracks.earned <= tracks.existence).all()
        assert tracks.believed[tracks.earned >= config.existence.confirm_at].all()
