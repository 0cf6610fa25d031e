"""A camera that moves: points, boxes, motion states, tracks and the clutter map."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import (
    ClutterConfig,
    ConstantVelocity,
    Detections,
    Event,
    InputError,
    MotionConfig,
    Tracker,
    TrackerConfig,
    Tracks,
)
from tracker.clutter import ClutterMap
from tracker.filterpy_motion import FilterPyMotion
from tracker.warp import homography, in_view, move_boxes, move_points

SHIFT = [[1, 0, 30], [0, 1, -12]]
PERSPECTIVE = [[1.02, 0.01, 3.0], [-0.02, 0.99, 2.0], [2e-5, -1e-5, 1.0]]
BOX = np.array([[100.0, 80.0, 40.0, 90.0], [300.0, 200.0, 10.0, 25.0], [500.0, 300.0, 90.0, 30.0]])


def turn(degrees, zoom=1.0, x=0.0, y=0.0):
    c, s = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    return np.array([[c, -s, x], [s, c, y]])


# ---- points and boxes ----------------------------------------------------------------------


@pytest.mark.parametrize("warp", [SHIFT, turn(10, 1.1, 5, 7), PERSPECTIVE])
def test_points_go_where_opencv_takes_them(warp):
    cv2 = pytest.importorskip("cv2")
    h = homography(warp)
    expected = cv2.perspectiveTransform(BOX[:, None, :2], h)[:, 0]
    np.testing.assert_allclose(move_points(h, BOX[:, :2]), expected, rtol=1e-12)
    assert in_view(h, BOX[:, :2]).all()


def test_an_affine_matrix_is_a_homography_and_scale_is_nothing():
    h = homography(PERSPECTIVE)
    np.testing.assert_allclose(homography(np.array(PERSPECTIVE) * -7.0), h, rtol=1e-15)
    np.testing.assert_array_equal(homography(SHIFT)[2], [0, 0, 1])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.eye(2), r"shape \(2, 3\) or \(3, 3\), got \(2, 2\)"),
        (np.full((2, 3), np.nan), "must be finite"),
        ([["a", 0, 0], [0, 1, 0]], "matrix of numbers"),
        ([[1, 2, 3], [2, 4, 5]], "invertible"),
        ([[-1, 0, 0], [0, 1, 0]], "not a mirror"),
        ([[1, 0, 1e12], [0, 1, 0]], "within 1e"),
        ([[1, 0, 0], [0, 1, 0], [1, 1, 0]], "within 1e"),
    ],
)
def test_what_no_camera_does_is_refused_and_changes_nothing(bad, message):
    tracker = Tracker()
    tracker.update(Detections([[10, 20, 50, 120]], [0.9]), timestamp_s=0.0)
    before = json.dumps(tracker.snapshot(), default=lambda a: a.tolist())
    with pytest.raises(InputError, match=f"warp must be.*{message}|{message}"):
        tracker.update(None, timestamp_s=1.0, warp=bad)
    with pytest.raises(InputError, match=message):
        tracker.predict(timestamp_s=1.0, warp=bad)
    assert json.dumps(tracker.snapshot(), default=lambda a: a.tolist()) == before


@pytest.mark.parametrize("warp", [SHIFT, turn(25, 0.8), PERSPECTIVE])
def test_jacobians_are_those_of_finite_differences(warp):
    h, step = homography(warp), 1e-4
    moved = move_boxes(h, BOX)
    for axis in range(4):
        ahead, back = BOX.copy(), BOX.copy()
        ahead[:, axis] += step
        back[:, axis] -= step
        slope = (move_boxes(h, ahead).cxcywh - move_boxes(h, back).cxcywh) / (2 * step)
        if axis < 2:
            np.testing.assert_allclose(moved.centre[:, :, axis], slope[:, :2], atol=1e-7)
        else:
            np.testing.assert_allclose(slope[:, :2], 0.0, atol=1e-7)
    # A size grows with the whole of both: for twice the box, twice the size.
    twice = move_boxes(h, BOX * [1, 1, 2, 2]).cxcywh
    np.testing.assert_allclose(twice[:, 2:], 2 * moved.cxcywh[:, 2:], rtol=1e-12)


def test_sizes_under_zoom_quarter_turn_and_small_turn():
    def sizes(warp):
        return move_boxes(homography(warp), BOX).cxcywh[:, 2:]

    np.testing.assert_allclose(sizes(turn(0, 1.5)), 1.5 * BOX[:, 2:])
    np.testing.assert_allclose(sizes(turn(90)), BOX[:, [3, 2]], atol=1e-9)
    np.testing.assert_allclose(sizes(turn(1)), BOX[:, 2:], rtol=2e-3)
    np.testing.assert_array_equal(sizes(SHIFT), BOX[:, 2:])


@pytest.mark.parametrize("size", [(0, 0), (0, 30), (20, 0)])
def test_boxes_without_area_stay_numbers(size):
    moved = move_boxes(homography(turn(30, 2.0)), np.array([[5.0, 5.0, *size]]))
    assert np.isfinite(moved.size).all()
    assert (moved.cxcywh[:, 2:] >= 0).all()


def test_no_boxes():
    moved = move_boxes(homography(PERSPECTIVE), np.zeros((0, 4)))
    assert (moved.cxcywh.shape, moved.size.shape) == ((0, 4), (0, 2, 2))


# ---- motion states -------------------------------------------------------------------------


def states(model):
    """The same past for any model: born, predicted, corrected, predicted."""
    sure = np.array([0.9, 0.3, 0.5])
    state = model.predict(model.birth(BOX, sure), 0.1)
    state = model.correct(state, BOX + np.array([3.0, -2.0, 1.0, 2.0]), sure)
    return model.predict(state, 0.05)


@pytest.mark.parametrize(
    "warp", [SHIFT, turn(0, 1.3, 4, 5), turn(12, 0.9, -8, 3)], ids=["shift", "zoom", "turn"]
)
def test_a_similarity_keeps_all_of_the_centre_of_the_full_filter(warp):
    """Against filterpy's 8 x 8 covariance, cross terms and all: of the centre nothing is lost."""
    pytest.importorskip("filterpy")
    h = homography(warp)
    ours, full = ConstantVelocity(), FilterPyMotion.constant_velocity()
    a, b = ours.warp(states(ours), h), full.warp(states(full), h)
    np.testing.assert_allclose(ours.project(a).cxcywh, full.project(b).cxcywh, rtol=1e-12)
    np.testing.assert_allclose(ours.velocity(a), full.velocity(b), rtol=1e-9, atol=1e-9)
    centre = np.ix_(range(3), [0, 1, 4, 5], [0, 1, 4, 5])
    np.testing.assert_allclose(
        ours.covariance(a)[centre], full.covariance(b)[centre], rtol=1e-9, atol=1e-9
    )
    later = ours.correct(ours.predict(a, 0.1), BOX, np.full(3, 0.5))
    reference = full.correct(full.predict(b, 0.1), BOX, np.full(3, 0.5))
    np.testing.assert_allclose(
        ours.project(later).cxcywh[:, :2], full.project(reference).cxcywh[:, :2], rtol=1e-9
    )


@pytest.mark.parametrize("warp", [[[1.2, 0.1, 3], [0.05, 0.8, 2]], PERSPECTIVE])
def test_each_axis_has_the_variance_of_the_full_filter(warp):
    """Stretches and shears: what is left out is what axes share, and only that."""
    pytest.importorskip("filterpy")
    h = homography(warp)
    ours, full = ConstantVelocity(), FilterPyMotion.constant_velocity()
    a, b = ours.covariance(ours.warp(states(ours), h)), full.covariance(full.warp(states(full), h))
    kept = a != 0
    assert kept.sum() == 3 * 16  # 2 x 2 for each of four axes
    np.testing.assert_allclose(a[kept], b[kept], rtol=1e-9)
    # Leaving it out claims less knowledge, never more.
    assert (np.linalg.slogdet(a)[1] >= np.linalg.slogdet(b)[1] - 1e-9).all()


def test_the_covariance_is_that_of_moved_samples():
    """A homography acts on a cloud of places as its Jacobian says."""
    rng = np.random.default_rng(0)
    h = homography([[1.1, 0.2, 5], [-0.1, 0.9, 2], [1e-4, 5e-5, 1]])
    model = ConstantVelocity(MotionConfig(parallax=0.0))
    state = states(model)
    moved = model.warp(state, h)
    for k in range(3):
        before, after = model.covariance(state)[k], model.covariance(moved)[k]
        places = rng.multivariate_normal(model.project(state).cxcywh[k, :2], before[:2, :2], 40_000)
        cloud = np.var(move_points(h, places), axis=0)
        np.testing.assert_allclose(np.diag(after)[:2], cloud, rtol=0.03)


@given(st.floats(-180, 180), st.floats(0.3, 3.0), st.floats(-1e3, 1e3), st.floats(-3e-4, 3e-4))
def test_covariances_stay_positive(angle, zoom, x, tilt):
    h = homography(np.vstack([turn(angle, zoom, x, 5), [tilt, -tilt / 2, 1]]))
    model = ConstantVelocity()
    covariance = model.covariance(model.warp(states(model), h))
    deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert np.linalg.eigvalsh(covariance / deviation[:, :, None] / deviation[:, None]).min() > 0


def test_a_box_may_be_off_by_a_share_of_its_way():
    """Twice the way, twice the deviation that it adds; no way, none."""
    exact, rough = (ConstantVelocity(MotionConfig(parallax=p)) for p in (0.0, 0.5))
    state = states(exact)
    for shift in (0.0, 6.0, 12.0):
        h = homography([[1, 0, 0.8 * shift], [0, 1, -0.6 * shift]])
        more = (
            rough.project(rough.warp(state, h)).variance
            - exact.project(exact.warp(state, h)).variance
        )
        np.testing.assert_allclose(more[:, :2], (0.5 * shift) ** 2, atol=1e-9)
        np.testing.assert_allclose(more[:, 2:], 0.0, atol=1e-9)
    zoomed = homography(turn(0, 1.5))
    more = (
        rough.project(rough.warp(state, zoomed)).variance
        - exact.project(exact.warp(state, zoomed)).variance
    )
    size = exact.project(state).cxcywh[:, 2:]
    np.testing.assert_allclose(more[:, 2:], (0.5 * 0.5 * size) ** 2, rtol=1e-9)


def test_there_and_back_is_where_it_was():
    model = ConstantVelocity(MotionConfig(parallax=0.0))
    h = homography(turn(0, 1.7, 20, -30))
    state = states(model)
    back = model.warp(model.warp(state, h), homography(np.linalg.inv(h)))
    np.testing.assert_allclose(back, state, rtol=1e-9, atol=1e-9)


def test_a_tiny_scale_stays_at_its_least():
    model = ConstantVelocity(MotionConfig(least_height_px=1.0))
    state = states(model)
    for _ in range(50):
        state = model.warp(state, homography(turn(0, 0.5)))
    assert (model.measurement_variance(state, np.ones(3)) > 0).all()


# ---- tracks --------------------------------------------------------------------------------


def pan(k, each):
    """The warp from frame k - 1 to frame k, and from the first frame to frame k."""
    step = homography(each)
    return step, homography(np.linalg.matrix_power(step, k))


def corners(boxes):
    return np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])


@pytest.mark.parametrize("each", [SHIFT, turn(2, 1.0, 3, 0), turn(0, 1.02), PERSPECTIVE], ids=str)
def test_what_stands_in_the_world_stands_on_a_moving_camera(each):
    """Boxes that only the camera moves: with warps they are one track each, at rest."""
    with_warp, without = Tracker(), Tracker()
    for k in range(25):
        step, whole = pan(k, each)
        boxes = Detections(corners(move_boxes(whole, BOX).cxcywh), [0.7, 0.7, 0.7])
        tracks = with_warp.update(boxes, timestamp_s=k / 10, warp=step if k else None)
        naive = without.update(boxes, timestamp_s=k / 10)
    assert tracks.track_id.tolist() == [1, 2, 3]
    assert tracks.hits.tolist() == [25, 25, 25]
    speed = np.abs(tracks.velocity) / tracks.xyxy[:, 3:]
    assert speed.max() < 0.02
    assert np.abs(naive.velocity / naive.xyxy[:, 3:]).max() > 0.2


def test_a_velocity_turns_with_the_camera():
    tracker = Tracker()
    for k in range(30):
        tracks = tracker.update(
            Detections([[100 + k, 80, 140 + k, 170]], [0.9]), timestamp_s=k / 10
        )
    turned = tracker.predict(timestamp_s=2.9, warp=turn(90))
    (vx, vy), (tx, ty) = tracks.velocity[0], turned.velocity[0]
    np.testing.assert_allclose([tx, ty], [-vy, vx], atol=1e-9)
    again = tracker.predict(timestamp_s=2.9)  # predict changed nothing
    np.testing.assert_array_equal(again.velocity, tracks.velocity)


def test_predict_and_update_move_alike():
    tracker = Tracker()
    for k in range(5):
        tracker.update(Detections(corners(BOX), [0.7] * 3), timestamp_s=k / 10)
    ahead = tracker.predict(timestamp_s=0.5, warp=PERSPECTIVE)
    after = tracker.update(None, timestamp_s=0.5, warp=PERSPECTIVE)
    for name in ("xyxy", "velocity", "covariance", "existence", "score"):
        np.testing.assert_array_equal(getattr(ahead, name), getattr(after, name))


def test_no_warp_and_the_identity_are_one(street):
    a, b = Tracker(), Tracker()
    for time, detections in street(4, 100):
        one = a.update(detections, timestamp_s=time)
        other = b.update(detections, timestamp_s=time, warp=np.eye(3))
        for name in Tracks.__dataclass_fields__:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_what_stands_while_the_camera_moves_has_not_moved():
    """The place where a track began moves with the picture."""
    tracker = Tracker()
    for k in range(40):
        step, whole = pan(k, [[1, 0, 9], [0, 1, 0]])
        boxes = corners(move_boxes(whole, BOX[:1]).cxcywh)
        tracker.update(Detections(boxes, [0.4]), timestamp_s=k / 10, warp=step if k else None)
    assert not tracker.snapshot()["rows"]["moved"].any()


def test_what_goes_behind_the_camera_ends():
    tracker = Tracker()
    tracker.update(Detections([[0, 0, 40, 90], [900, 0, 940, 90]], [0.9, 0.9]), timestamp_s=0.0)
    tilt = [[1, 0, 0], [0, 1, 0], [-1 / 600, 0, 1]]  # the horizon is at x = 600
    tracks = tracker.update(Detections.empty(), timestamp_s=0.1, warp=tilt)
    assert tracks.track_id.tolist() == [1]
    assert tracker.explain(2)[-1].event == Event.DEAD


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([1e4, 30.0, 1e-4, 0.03]), st.booleans())
def test_endless_zoom_leaves_only_numbers(zoom, seen):
    tracker = Tracker()
    tracker.update(Detections(corners(BOX), [0.9] * 3), timestamp_s=0.0)
    for k in range(1, 60):
        found = Detections(corners(BOX), [0.9] * 3) if seen else None
        tracks = tracker.update(found, timestamp_s=k / 30, warp=turn(1, zoom))
        for column in (tracks.xyxy, tracks.velocity, tracks.covariance, tracks.score):
            assert np.isfinite(column).all()


def test_a_motion_model_that_knows_no_warps():
    class Old:
        def __init__(self):
            self.model = ConstantVelocity()

        def __getattr__(self, name):
            if name == "warp":
                raise AttributeError(name)
            return getattr(self.model, name)

    tracker = Tracker(motion=Old())
    tracker.update(None, timestamp_s=0.0)
    with pytest.raises(InputError, match="Old has no method warp"):
        tracker.update(None, timestamp_s=1.0, warp=SHIFT)


# ---- the clutter map -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "each",
    [
        [[1, 0, 7.3], [0, 1, -2.1]],
        turn(0.05, 1.0, 3, 0),
        turn(0, 1.004, -2, -1),
        turn(0, 0.995, 4, 3),
        [[1, 0, 2], [0, 1, 0], [2e-6, 1e-6, 1]],
    ],
    ids=str,
)
def test_the_map_stays_with_the_scene(each):
    """A poster that fires for 15 s on a moving camera is held against as on a standing one."""
    moving, standing = ClutterMap(), ClutterMap()
    poster = np.array([[300.0, 200.0, 60.0, 90.0]])
    for k in range(150):
        step, whole = pan(k, each)
        here = corners(move_boxes(whole, poster).cxcywh)
        for m in (moving, standing):
            m.fade(0.1)
        if k:
            moving.warp(step)
        moving.add(here, 0.1)
        standing.add(corners(poster), 0.1)
    near = [here + np.array([dx, dy, dx, dy]) for dx in (-20, 0, 20) for dy in (-20, 0, 20)]
    held = max(float(moving.against(box)[0]) for box in near)
    assert held > 0.85 * float(standing.against(corners(poster))[0])
    assert float(moving.against(here + 400.0)[0]) == 0.0


def test_the_next_move_can_be_asked_before_it_is_made(street):
    one = ClutterMap()
    box = np.array([[300.0, 200.0, 360.0, 300.0]])
    one.add(box, 5.0)
    h = homography(turn(3, 1.1, 40, 5))
    asked = one.against(box, 0.5, h)
    one.fade(0.5)
    one.warp(h)
    np.testing.assert_array_equal(asked, one.against(box))
    other = ClutterMap()
    other.load(json.loads(json.dumps(one.dump(), default=lambda a: a.tolist())))
    np.testing.assert_array_equal(other.against(box), one.against(box))


def test_a_standing_poster_on_a_panning_camera_is_clutter():
    def belief(warped):
        tracker = Tracker(TrackerConfig(clutter=ClutterConfig()))
        for k in range(150):
            boxes = [[2000.0 - 8 * k, 10, 2040.0 - 8 * k, 110]]
            warp = [[1, 0, -8], [0, 1, 0]] if warped and k else None
            tracks = tracker.update(Detections(boxes, [0.4]), timestamp_s=k / 10, warp=warp)
        return float(tracks.existence[0])

    assert belief(warped=True) < belief(warped=False)


@pytest.mark.parametrize("seed", range(2))
def test_a_snapshot_of_a_moving_camera_carries_on_bit_for_bit(street, seed):
    rng = np.random.default_rng(seed)
    tracker, other = Tracker(), None
    for k, (time, detections) in enumerate(street(seed, 80)):
        warp = turn(rng.normal(0, 1), rng.uniform(0.97, 1.05), *rng.normal(0, 5, 2))
        if k == 40:
            text = json.dumps(tracker.snapshot(), default=lambda a: a.tolist())
            other = Tracker.restore(json.loads(text))
        a = tracker.update(detections, timestamp_s=time, warp=warp)
        if other is not None:
            b = other.update(detections, timestamp_s=time, warp=warp)
            for name in Tracks.__dataclass_fields__:
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
