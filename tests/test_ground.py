import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import Detections, GroundConfig, Tracker, TrackerConfig
from tracker.ground import CLASS, GroundModel, Learned

SIZE = (1000, 800)
CONFIG = GroundConfig(weight=0.5, most=9.0, enough_s=2.0, half_life_s=20.0)


def scene(rng, n, scatter=0.05, class_id=0, slope=(2.0, 0.3)):
    """Boxes on one ground: log height = 3.5 + slope · (y, x) of the foot in 1,000 px."""
    x, y = rng.uniform(200, 800, n), rng.uniform(400, 780, n)
    height = np.exp(3.5 + slope[0] * y / 1000 + slope[1] * x / 1000 + rng.normal(0, scatter, n))
    wide = 0.4 * height
    boxes = np.column_stack([x - wide / 2, y - height, x + wide / 2, y])
    return boxes, np.full(n, class_id)


def taught(frames=200, scatter=0.05, config=CONFIG, seed=0, class_id=0, **more):
    rng, ground = np.random.default_rng(seed), GroundModel(config)
    for _ in range(frames):
        boxes, labels = scene(rng, 3, scatter, class_id)
        ground.learn(boxes, labels, np.ones(3), look_s=0.1, dt_s=0.1, image_size=SIZE, **more)
    return ground


def expected(x, y, slope=(2.0, 0.3)):
    return math.exp(3.5 + slope[0] * y / 1000 + slope[1] * x / 1000)


def upright(height, x=500.0, y=600.0):
    return np.array([[x - 15, y - height, x + 15, y]])


def against(ground, height, class_id=0, **at):
    return float(ground.against(upright(height, **at), np.array([class_id]))[0])


# ---- the fit -------------------------------------------------------------------------------


def test_it_finds_the_ground():
    ground = taught()
    for x, y in [(300, 450), (500, 600), (700, 750)]:
        assert ground.height(x, y) == pytest.approx(expected(x, y), rel=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_weighted_least_squares_fit(seed):
    """By `lstsq` over all boxes with the weights they have in the end, prior rows included."""
    rng, ground = np.random.default_rng(seed), GroundModel(CONFIG)
    rows, heights, weights = [], [], []
    for k in range(60):
        dt, look = rng.uniform(0.03, 0.2, 2)
        # Nothing is so far off that it counts less.
        boxes, labels = scene(rng, 40 if k == 0 else 4, scatter=0.005)
        score = rng.uniform(0.55, 1.0, len(boxes))
        ground.learn(boxes, labels, score, look_s=look, dt_s=dt, image_size=SIZE)
        weights = [w * 0.5 ** (dt / CONFIG.half_life_s) for w in weights]
        for (x1, y1, x2, y2), s in zip(boxes, score, strict=True):
            rows.append([1.0, y2 / 1000, (x1 + x2) / 2000])
            heights.append(math.log(y2 - y1))
            weights.append(look * s)
    prior = np.diag([1e-6, 0.03, 0.03])
    root = np.sqrt(weights)
    a = np.vstack([root[:, None] * np.array(rows), np.sqrt(prior)])
    b = np.concatenate([root * np.array(heights), np.zeros(3)])
    beta = np.linalg.lstsq(a, b, rcond=None)[0]
    np.testing.assert_allclose(ground.learned.classes["beta"][0], beta, rtol=1e-6)
    assert ground.learned.classes["n"][0] == pytest.approx(sum(weights))


def test_the_scatter_is_learned():
    wide, narrow = (math.sqrt(taught(400, s).learned.classes["variance"][0]) for s in (0.3, 0.05))
    assert wide == pytest.approx(0.3, rel=0.25)
    assert narrow < 0.1


# ---- what it says --------------------------------------------------------------------------


def test_what_does_not_fit_its_place_is_doubted_by_how_far_it_is_off():
    ground, fits = taught(), expected(500, 600)
    assert against(ground, fits) == 0.0
    falls = [against(ground, fits * factor) for factor in (1.0, 1.3, 1.6, 3.0)]
    rises = [against(ground, fits / factor) for factor in (1.0, 1.3, 1.6, 3.0)]
    for values in (falls, rises):
        assert values == sorted(values)
        assert values[-1] > 1.0
    most = CONFIG.weight * (CONFIG.most - 1.0)
    assert max(*falls, *rises) <= most


def test_by_hand():
    """Variance v, leverage h, deviation d: weight · (d² / v (1 + h) · n / (n + enough) − 1)."""
    ground = taught(50)
    known, at = ground.learned, np.array([1.0, 0.6, 0.5])
    height = ground.height(500, 600) * math.exp(0.4)
    variance = known.classes["variance"][0] * (1 + at @ known.classes["inverse"][0] @ at)
    told = known.classes["n"][0] / (known.classes["n"][0] + CONFIG.enough_s)
    z2 = min(0.4**2 / variance, CONFIG.most) * told
    assert against(ground, height) == pytest.approx(CONFIG.weight * (z2 - 1.0), rel=1e-9)


def test_who_has_seen_nothing_says_nothing():
    assert against(GroundModel(CONFIG), 300.0) == 0.0
    assert math.isnan(GroundModel(CONFIG).height(1.0, 2.0))
    assert against(taught(1), 5 * expected(500, 600)) < against(taught(), 5 * expected(500, 600))


def test_where_heights_scatter_it_falls_silent():
    """No ground: what is 1.6 times as tall as expected is nothing special there."""
    values = []
    for scatter in (0.05, 0.2, 0.3, 0.5, 0.8):
        ground = taught(300, scatter)
        values.append(against(ground, 1.6 * ground.height(500, 600)))
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.0 > values[-1] == 0.0


def test_each_class_has_its_own():
    rng, ground = np.random.default_rng(0), GroundModel(CONFIG)
    for _ in range(200):
        one, a = scene(rng, 3, class_id=0)
        two, b = scene(rng, 3, class_id=2)
        two[:, 1] = two[:, 3] - 0.5 * (two[:, 3] - two[:, 1])  # half as tall
        ground.learn(
            np.vstack([one, two]), np.concatenate([a, b]), np.ones(6),
            look_s=0.1, dt_s=0.1, image_size=SIZE,
        )  # fmt: skip
    tall = expected(500, 600)
    assert against(ground, tall, 0) == 0.0 == against(ground, tall / 2, 2)
    assert against(ground, tall / 2, 0) > 0.5 < against(ground, tall, 2)
    assert against(ground, tall, 1) == 0.0, "a class that was never seen"
    assert against(ground, tall, 9) == 0.0, "a class beyond all"
    assert math.isnan(ground.height(500, 600, 1))
    assert math.isnan(ground.height(500, 600, 9))


@given(st.floats(1.0, 900.0), st.floats(0, 1000), st.floats(0, 800))
def test_it_never_speaks_for_a_box_and_never_more_than_allowed(height, x, y):
    value = against(GROUND, height, x=x, y=y)
    assert 0.0 <= value <= CONFIG.weight * (CONFIG.most - 1.0)


GROUND = taught(50)


# ---- what it learns from -------------------------------------------------------------------


def same(a: Learned, b: Learned) -> bool:
    return np.array_equal(a.classes, b.classes) and np.array_equal(a.seen, b.seen)


def learned_from(boxes, score, size=SIZE, class_id=0):
    ground = taught(20)
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    ground.learn(
        boxes, np.full(len(boxes), class_id), np.full(len(boxes), score),
        look_s=0.1, dt_s=0.0, image_size=size,
    )  # fmt: skip
    return ground.learned


@pytest.mark.parametrize(
    "box", [[0, 500, 50, 600], [950, 500, 1000, 600], [500, 0, 550, 90], [500, 700, 550, 800]]
)
def test_boxes_at_the_rim_teach_nothing(box):
    before, after = taught(20).learned, learned_from([box], 1.0)
    np.testing.assert_array_equal(before.classes, after.classes)
    inner = np.array(box) + np.array([0, 0, 0, 0]) + (np.array(box) == 0) * 5.0
    inner -= (inner == np.array([0, 0, *SIZE])) * 5.0
    assert learned_from([inner], 1.0).classes["n"][0] > before.classes["n"][0]


def test_without_a_size_the_rim_is_what_was_seen():
    """Only what lies inside all boxes so far can be whole."""
    ground, wide = GroundModel(CONFIG), [[0, 0, 10, 10], [990, 790, 1000, 800]]
    inside = np.array([*wide, [500, 300, 540, 400]], float)
    ground.learn(inside, np.zeros(3, int), np.ones(3), look_s=0.1, dt_s=0.1)
    assert ground.learned.classes["n"][0] == pytest.approx(0.1)
    assert ground.learned.seen.tolist() == [0, 0, 1000, 800]


def test_who_is_not_believed_teaches_nothing():
    before, fits = taught(20).learned.classes["n"][0], upright(taught(20).height(500, 600))
    assert learned_from(fits, 0.4).classes["n"][0] == before
    assert learned_from(fits, 0.9).classes["n"][0] == pytest.approx(before + 0.09)


def test_one_giant_changes_little():
    before, after = taught(20), GroundModel(CONFIG)
    after.learned = learned_from(upright(500, y=700), 1.0)
    assert after.height(500, 600) == pytest.approx(before.height(500, 600), rel=1e-3)


def test_no_boxes_and_no_time():
    ground = taught(20)
    before = ground.learned
    ground.learn(
        np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), look_s=0.1, dt_s=0.0, image_size=SIZE
    )
    np.testing.assert_array_equal(before.classes, ground.learned.classes)
    assert ground.against(np.zeros((0, 4)), np.zeros(0, int)).shape == (0,)
    empty = GroundModel(CONFIG)
    empty.learn(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), look_s=0.1, dt_s=0.1)
    assert len(empty.learned.classes) == 0


# ---- forgetting ----------------------------------------------------------------------------


def rest(ground, dt_s):
    ground.learn(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), look_s=0.0, dt_s=dt_s)
    return ground


def test_half_is_forgotten_in_a_half_life():
    before, ground = taught().learned, rest(taught(), 20.0)
    for name in ("xx", "xy", "n", "rss"):
        after, half = ground.learned.classes[name], before.classes[name] / 2
        np.testing.assert_allclose(after, half)


@given(st.floats(0, 60), st.floats(0, 60))
def test_forgetting_does_not_care_how_time_is_split(a, b):
    one, two = rest(taught(20), a + b), rest(rest(taught(20), a), b)
    np.testing.assert_allclose(one.learned.classes["xx"], two.learned.classes["xx"], rtol=1e-9)
    np.testing.assert_allclose(
        one.learned.classes["variance"], two.learned.classes["variance"], rtol=1e-9
    )


def shift(dx, dy, zoom=1.0):
    return np.array([[zoom, 0, dx], [0, zoom, dy], [0, 0, 1.0]])


def test_a_camera_that_stands_forgets_nothing():
    ground = taught(20)
    before = ground.learned
    ground.warp(np.eye(3))
    for name in CLASS.names:
        after = ground.learned.classes[name]
        np.testing.assert_allclose(after, before.classes[name], rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(before.seen, ground.learned.seen)


def test_a_pan_forgets_nothing_and_tilt_and_zoom_do():
    kept = {}
    for name, matrix in {
        "pan": shift(200, 0), "tilt": shift(0, 40), "more": shift(0, 80), "zoom": shift(0, 0, 1.2),
    }.items():  # fmt: skip
        ground = taught(50)
        before = ground.learned.classes["n"][0]
        ground.warp(matrix)
        kept[name] = ground.learned.classes["n"][0] / before
    assert kept["pan"] == pytest.approx(1.0)
    assert kept["more"] < kept["tilt"] < 0.8
    assert kept["zoom"] < 0.8


def test_before_it_has_seen_anything_it_can_be_warped():
    ground = GroundModel(CONFIG)
    ground.warp(shift(3, 4))
    assert ground.learned.classes["n"].shape == (0,)


# ---- in the tracker ------------------------------------------------------------------------


def street(seed=0, frames=150):
    """Walkers on one ground, and from frame 100 on a box twice as tall as it should be."""
    rng = np.random.default_rng(seed)
    x, y, pace = rng.uniform(200, 800, 6), rng.uniform(500, 700, 6), rng.normal(0, 30, 6)
    for k in range(frames):
        at = x + pace * k / 10
        height = np.array([expected(a, b) for a, b in zip(at, y, strict=True)])
        wide = 0.4 * height
        boxes = np.column_stack([at - wide / 2, y - height, at + wide / 2, y])
        confidence = np.full(6, 0.9)
        if k >= 100:
            boxes = np.vstack([boxes, [480, 600 - 2 * expected(500, 600), 520, 600]])
            confidence = np.append(confidence, 0.5)
        yield k / 10, Detections(boxes, confidence)


def test_what_does_not_fit_is_believed_less():
    ends = []
    for enabled in (True, False):
        tracker = Tracker(TrackerConfig(ground=GroundConfig(enabled=enabled)))
        for time, found in street():
            tracks = tracker.update(found, timestamp_s=time, image_size=SIZE)
        assert (tracks.existence[:6] > 0.9).all()
        ends.append(float(tracks.existence[-1]))
    assert ends[0] < ends[1]


@pytest.mark.parametrize("size", [SIZE, None])
def test_a_snapshot_carries_on_bit_for_bit(size):
    frames = list(street(1))
    tracker = Tracker()
    for time, found in frames[:80]:
        tracker.update(found, timestamp_s=time, image_size=size)
    text = json.dumps(tracker.snapshot(), default=lambda a: a.tolist(), allow_nan=False)
    other = Tracker.restore(json.loads(text))
    assert same(tracker._ground.learned, other._ground.learned)
    for time, found in frames[80:]:
        a, b = (t.update(found, timestamp_s=time, image_size=size) for t in (tracker, other))
        np.testing.assert_array_equal(a.existence, b.existence)
    assert same(tracker._ground.learned, other._ground.learned)


@pytest.mark.parametrize("warped", [False, True])
def test_late_measurements_teach_as_if_in_time(warped):
    """Every fifth frame comes three frames late; the ground is that of the right order."""
    frames = list(street(2, 60))
    order = sorted(range(60), key=lambda k: k + (3.5 if k % 5 == 2 else 0))
    late, in_order = Tracker(TrackerConfig(max_delay_s=1.0)), Tracker()
    assert order != sorted(order)
    warp = shift(0, 2.0) if warped else None
    for k in order:
        late.update(frames[k][1], timestamp_s=frames[k][0], image_size=SIZE)
    for time, found in frames:
        in_order.update(found, timestamp_s=time, image_size=SIZE)
    assert same(late._ground.learned, in_order._ground.learned)
    for each in (late, in_order):
        each.update(frames[0][1], timestamp_s=7.0, image_size=SIZE, warp=warp)
    assert same(late._ground.learned, in_order._ground.learned)


def test_a_reset_keeps_the_ground():
    tracker = Tracker()
    for time, found in street(3):
        tracker.update(found, timestamp_s=time, image_size=SIZE)
    before = tracker._ground.learned
    tracker.reset()
    assert same(before, tracker._ground.learned)
