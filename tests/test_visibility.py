import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ConstantVelocity, Detections, ExistenceConfig, Tracker
from tracker.boxes import cxcywh_to_xyxy
from tracker.observation import observe
from tracker.state import ROW, State
from tracker.visibility import visibility as judge

MODEL = ConstantVelocity()
CONFIG = ExistenceConfig(hidden=0.5, small_px=20.0)
BOX = np.array([100.0, 100.0, 140.0, 200.0])


def state_of(xyxy, log_odds):
    """Tracks whose boxes are these."""
    xyxy = np.asarray(xyxy, float).reshape(-1, 4)
    rows = np.zeros(len(xyxy), ROW)
    rows["log_odds"] = log_odds
    frame = observe(Detections(xyxy, np.linspace(0.9, 0.1, len(xyxy))))
    return State(rows, MODEL.birth(frame.cxcywh, frame.confidence), np.zeros((len(xyxy), 1)))


def views(missed, in_front, image_size=None, config=CONFIG, log_odds=1.0):
    """What is known of tracks that were missed while others were seen."""
    missed, in_front = (np.asarray(b, float).reshape(-1, 4) for b in (missed, in_front))
    n, m = len(missed), len(in_front)
    tracks = state_of(np.vstack([missed, in_front]), log_odds)
    frame = observe(Detections(in_front, np.linspace(0.9, 0.1, m)))
    match = np.concatenate([np.full(n, -1), np.arange(m)])
    view = judge(tracks, match, frame, MODEL, config, image_size)
    assert (view.hidden[n:] == 0).all()
    assert (view.inside[n:] == 1).all()
    assert (view.telling[n:] == 1).all()
    return view.hidden[:n], view.inside[:n], view.telling[:n]


def part_of(a, b):
    """Share of box a that box b covers."""
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1])
    return min(1.0, wide * high / max(area, 1e-9))


def test_in_plain_view_a_miss_is_a_miss():
    assert [v.tolist() for v in views([BOX], [])] == [[0.0], [1.0], [1.0]]
    assert [v.tolist() for v in views([BOX], [BOX + 500])] == [[0.0], [1.0], [1.0]]


def test_by_hand():
    """Half covered: hidden 0.5 takes a quarter. Half outside: half. 10 px of 20 high: half."""
    half = BOX + np.array([20.0, 0, 20.0, 0])
    hidden, inside, telling = views([BOX], [half])
    assert (hidden, inside, telling) == (pytest.approx([0.5]), [1.0], pytest.approx([0.75]))
    hidden, inside, telling = views([BOX], [], (120, 480))
    assert (hidden, inside, telling) == ([0.0], pytest.approx([0.5]), pytest.approx([0.5]))
    hidden, inside, telling = views([[0, 0, 5, 10]], [])
    assert (hidden, inside, telling) == ([0.0], [1.0], pytest.approx([0.5]))


def test_those_in_front_do_not_add_up():
    left, right = BOX - np.array([20.0, 0, 20.0, 0]), BOX + np.array([30.0, 0, 30.0, 0])
    assert views([BOX], [left, right])[0] == pytest.approx([0.5])


def test_who_is_not_believed_hides_nobody():
    assert views([BOX], [BOX], log_odds=-0.1)[0].tolist() == [0.0]
    assert views([BOX], [BOX], log_odds=0.1)[0].tolist() == [1.0]


corner = st.tuples(st.integers(-3, 8), st.integers(-3, 8), st.integers(0, 5), st.integers(0, 5))
boxes = st.lists(corner, max_size=6).map(
    lambda rows: np.array([[x, y, x + w, y + h] for x, y, w, h in rows], float).reshape(-1, 4) * 10
)


@given(boxes, boxes, st.one_of(st.none(), st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_it_is_what_brute_force_gives(missed, in_front, size):
    hidden, inside, telling = views(missed, in_front, size)
    picture = (0, 0, *size) if size else (-1e9, -1e9, 1e9, 1e9)
    for k, box in enumerate(cxcywh_to_xyxy(state_of(missed, 0.0).motion[:, 0])):
        empty = (box[2] - box[0]) * (box[3] - box[1]) <= 0
        expected_hidden = max([part_of(box, other) for other in in_front], default=0.0)
        expected_inside = 1.0 if size is None else part_of(box, picture)
        assert hidden[k] == pytest.approx(expected_hidden, abs=1e-9)
        assert inside[k] == pytest.approx(expected_inside, abs=1e-9)
        small = min((box[3] - box[1]) / CONFIG.small_px, 1.0)
        assert telling[k] == pytest.approx(
            (1 - CONFIG.hidden * expected_hidden) * expected_inside * small, abs=1e-9
        )
        assert 0 <= telling[k] <= 1
        assert not empty or telling[k] in (0.0, small)


def test_no_tracks_and_none_missed():
    assert [len(v) for v in views([], [])] == [0, 0, 0]
    assert [len(v) for v in views([], [BOX])] == [0, 0, 0]


def test_many_are_judged_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 300, (60, 2))
    some = np.hstack([low, low + rng.uniform(5, 80, (60, 2))])
    whole = views(some[:40], some[40:], (250, 250))
    monkeypatch.setattr("tracker.boxes.MOST_AT_ONCE", 50)
    monkeypatch.setattr("tracker.boxes._DENSE_LIMIT", 0)
    for a, b in zip(whole, views(some[:40], some[40:], (250, 250)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert 0 < whole[0].max() < 1


# ---- in the tracker ------------------------------------------------------------------------


def walk(size, speed, frames=60, seen=30):
    """A walker at the right of a picture 400 px wide who is not found any more after a second."""
    tracker = Tracker()
    for k in range(frames):
        box = np.array([250.0, 100, 290, 200]) + np.array([1.0, 0, 1.0, 0]) * speed * k / 30
        found = Detections([box] if k < seen else np.zeros((0, 4)), [0.9] * (k < seen))
        yield tracker.update(found, timestamp_s=k / 30, image_size=size)


def test_who_has_left_the_picture_ends_there():
    """At 150 px/s the right side of the box is at 440 of 400 px after a second."""
    told, untold = list(walk((400, 300), 150.0)), list(walk(None, 150.0))
    gone = [k for k, tracks in enumerate(told) if not len(tracks)]
    assert gone
    assert all(len(tracks) == 1 for tracks in untold)
    last, first = told[gone[0] - 1], untold[gone[0]]
    assert last.xyxy[0, 0] < 396.0 + 150 / 30
    assert first.xyxy[0, 0] > 390
    assert not any(len(tracks) for tracks in told[gone[0] :])


def test_who_stays_in_the_picture_coasts_with_and_without_its_size():
    for a, b in zip(walk((400, 300), 0.0), walk(None, 0.0), strict=True):
        np.testing.assert_allclose(a.existence, b.existence)
        np.testing.assert_array_equal(a.track_id, b.track_id)


def test_a_miss_half_outside_counts_half():
    """It stands at the rim: belief falls slower than where it was in plain view."""
    ends = []
    for size in ((270, 300), None):
        tracks = list(walk(size, 0.0, frames=45))
        ends.append(tracks[-1].existence[0])
    assert ends[0] > ends[1]


@pytest.mark.parametrize("bad", [(0, 10), (10, -1), (10,), (1, 2, 3), "big", 7, (None, 3)])
def test_sizes_that_are_none_are_errors_and_change_nothing(bad):
    tracker = Tracker()
    with pytest.raises(ValueError, match="image_size must be"):
        tracker.update(Detections([BOX], [0.5]), timestamp_s=0.0, image_size=bad)
    assert len(tracker.predict(timestamp_s=0.0)) == 0


def test_misses_of_the_small_tell_less():
    """Of two that vanish alike, the one of 6 px is believed for longer than the one of 60."""
    tracker = Tracker()
    small, tall = [10.0, 10, 14, 16], [100.0, 100, 130, 160]
    for k in range(30):
        tracks = tracker.update(Detections([small, tall], [0.9, 0.9]), timestamp_s=k / 30)
    for k in range(30, 60):
        tracks = tracker.update(Detections.empty(), timestamp_s=k / 30)
        assert tracks.existence[0] >= tracks.existence[1]
    assert tracks.existence[0] > tracks.existence[1] + 0.01
