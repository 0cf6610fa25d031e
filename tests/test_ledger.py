import json
import math

import numpy as np
import pytest

from tracker import (
    ClutterConfig,
    Detections,
    Event,
    ExistenceConfig,
    InputError,
    Tracker,
    TrackerConfig,
    existence,
)
from tracker.existence import log_odds_of

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
    assert entries[1].weight > 0 > entries[2].weight == pytest.approx(-0.1 * C.miss_rate)
    assert entries[3].weight == 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_the_ledger_sums_up(street, seed):
    """Existence after each entry = bounded(survived existence before + its weight), exactly.

    Nothing counts as moved here: who has moved and is seen is not asked whether it survived.
    """
    still = ClutterConfig(moved_widths=1e9, weight=0.0)
    tracker = Tracker(TrackerConfig(ledger_updates=1000, clutter=still))
    shown: dict[int, list[float]] = {}
    for time, detections in street(seed, 200):
        tracks = tracker.update(detections, timestamp_s=time)
        for track_id, p in zip(tracks.track_id.tolist(), tracks.existence.tolist(), strict=True):
            shown.setdefault(track_id, []).append(p)
    assert len(shown) > 50
    for track_id, values in shown.items():
        entries = tracker.explain(track_id)
        living = [e for e in entries if e.event != Event.DEAD]
        np.testing.assert_allclose([e.existence for e in living], values, rtol=1e-12)
        log_odds, before = np.array([log_odds_of(C.birth)]), entries[0].timestamp_s
        assert entries[0].event == Event.BIRTH
        for e in entries:
            dt = round(e.timestamp_s - before, 9)  # the tracker counts whole nanoseconds
            log_odds = existence.survive(log_odds, dt, C)
            log_odds = existence.add(log_odds, np.array([e.weight]), C)
            assert e.existence == pytest.approx(float(existence.sigmoid(log_odds)[0]), abs=1e-10)
            before = e.timestamp_s


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
