"""filterpy as the oracle of the built-in motion model, and as a plug."""

import json

import numpy as np
import pytest
from filterpy.kalman import (
    EnsembleKalmanFilter,
    ExtendedKalmanFilter,
    IMMEstimator,
    KalmanFilter,
    MerweScaledSigmaPoints,
    UnscentedKalmanFilter,
)

from tracker import (
    ConfigError,
    Detections,
    InputError,
    MotionConfig,
    Tracker,
    TrackerConfig,
    Tracks,
)
from tracker.filterpy_motion import FilterPyMotion, constant_velocity_filter
from tracker.motion import ConstantVelocity
from tracker.warp import homography

COLUMNS = [
    "track_id", "xyxy", "velocity", "covariance", "existence", "score", "state", "class_id",
    "class_probabilities", "hits", "misses", "age_s", "gap_s", "detection",
]  # fmt: skip
BOX = Detections([[10, 20, 50, 120]], [0.6])


def assert_equal(a: Tracks, b: Tracks) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def as_json(state):
    """Through JSON text and back."""
    return json.loads(json.dumps(state, default=lambda a: a.tolist()))


def transition(dt: float) -> np.ndarray:
    return np.eye(8) + dt * np.eye(8, k=4)


def set_dt(kf, dt_s: float) -> None:
    kf.F = transition(dt_s)
    kf.Q = np.diag([4.0] * 4 + [100.0] * 4) * dt_s


def plain(cxcywh, confidence):
    """The filter a user would write first."""
    kf = KalmanFilter(dim_x=8, dim_z=4)
    kf.x[:4, 0] = cxcywh
    kf.P = np.diag([25.0] * 4 + [400.0] * 4)
    kf.H = np.eye(4, 8)
    return kf


def extended(cxcywh, confidence):
    kf = ExtendedKalmanFilter(dim_x=8, dim_z=4)
    kf.x = np.concatenate([cxcywh, np.zeros(4)])
    kf.P = np.diag([25.0] * 4 + [400.0] * 4)
    return kf


def extended_correct(kf, cxcywh, variance):
    kf.update(cxcywh, lambda x: np.eye(4, 8), lambda x: x[:4], R=np.diag(variance))


def unscented(cxcywh, confidence):
    kf = UnscentedKalmanFilter(
        8, 4, 1.0, hx=lambda x: x[:4], fx=lambda x, dt: transition(dt) @ x,
        points=MerweScaledSigmaPoints(8, 0.5, 2.0, -5.0),
    )  # fmt: skip
    kf.x = np.concatenate([cxcywh, np.zeros(4)])
    kf.P = np.diag([25.0] * 4 + [400.0] * 4)
    return kf


def unscented_dt(kf, dt_s: float) -> None:
    kf._dt = dt_s
    kf.Q = np.diag([4.0] * 4 + [100.0] * 4) * dt_s


def interacting(cxcywh, confidence):
    calm, wild = plain(cxcywh, confidence), plain(cxcywh, confidence)
    return IMMEstimator([calm, wild], [0.8, 0.2], np.array([[0.95, 0.05], [0.1, 0.9]]))


def interacting_dt(imm, dt_s: float) -> None:
    for factor, kf in zip((0.1, 10.0), imm.filters, strict=True):
        set_dt(kf, dt_s)
        kf.Q *= factor


MODELS = {
    "kalman": lambda: FilterPyMotion(plain, set_dt=set_dt),
    "extended": lambda: FilterPyMotion(extended, set_dt=set_dt, correct=extended_correct),
    "unscented": lambda: FilterPyMotion(unscented, set_dt=unscented_dt),
    "interacting": lambda: FilterPyMotion(interacting, set_dt=interacting_dt),
    "constant velocity": FilterPyMotion.constant_velocity,
}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_default_model_equals_filterpy(street, seed):
    """Births, hits, misses, frames not looked at, deaths: the whole tracker, within 1e-9."""
    ours, theirs = Tracker(), Tracker(motion=FilterPyMotion.constant_velocity())
    deaths = 0
    for time, detections in street(seed, frames=250, walkers=4):
        a = ours.update(detections, timestamp_s=time)
        b = theirs.update(detections, timestamp_s=time)
        np.testing.assert_array_equal(a.track_id, b.track_id)
        np.testing.assert_array_equal(a.detection, b.detection)
        np.testing.assert_array_equal(a.state, b.state)
        for name in ("xyxy", "velocity", "covariance", "existence", "score"):
            np.testing.assert_allclose(
                getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-9, err_msg=name
            )
        deaths = int(a.track_id[-1]) - len(a) if len(a) else deaths
    assert deaths > 20


def test_other_noise_levels_are_taken_over():
    config = MotionConfig(acceleration_noise=2.0, least_height_px=5.0, size_noise_ratio=0.9)
    ours, theirs = ConstantVelocity(config), FilterPyMotion.constant_velocity(config)
    box, confidence = np.array([[5.0, 6.0, 3.0, 2.0], [90.0, 80.0, 20.0, 70.0]]), np.array([0.1, 1])
    a, b = ours.birth(box, confidence), theirs.birth(box, confidence)
    for _ in range(5):
        a, b = ours.predict(a, 0.3), theirs.predict(b, 0.3)
        a, b = ours.correct(a, box + 1, confidence), theirs.correct(b, box + 1, confidence)
    np.testing.assert_allclose(ours.covariance(a), theirs.covariance(b), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.velocity(a), theirs.velocity(b), rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_each_kind_of_filter_follows_an_object(name):
    """30 px to the right a second, for 2 s, then a gap: the box and the velocity are right."""
    tracker = Tracker(motion=MODELS[name]())
    for k in range(41):
        time = k * 0.05
        x = 100 + 30 * time
        tracks = tracker.update(Detections([[x, 50, x + 40, 150]], [0.8]), timestamp_s=time)
    assert tracks.track_id.tolist() == [1]
    np.testing.assert_allclose(tracks.velocity, [[30, 0]], atol=3)
    np.testing.assert_allclose(tracks.xyxy, [[160, 50, 200, 150]], atol=2)
    later = tracker.predict(timestamp_s=2.5)
    np.testing.assert_allclose(later.xyxy, [[175, 50, 215, 150]], atol=4)
    assert (np.diagonal(later.covariance[0]) > np.diagonal(tracks.covariance[0])).all()


@pytest.mark.parametrize("name", MODELS)
def test_predict_changes_nothing(name, street):
    with_looks, without = (Tracker(motion=MODELS[name]()) for _ in range(2))
    for time, detections in street(3, frames=12, walkers=3):
        a = with_looks.update(detections, timestamp_s=time)
        with_looks.predict(timestamp_s=time + 0.5)
        assert_equal(with_looks.predict(timestamp_s=time + 0.2),
                     with_looks.predict(timestamp_s=time + 0.2))  # fmt: skip
        assert_equal(a, without.update(detections, timestamp_s=time))


@pytest.mark.parametrize("name", MODELS)
def test_a_snapshot_carries_on_bit_for_bit(name, street):
    tracker = Tracker(motion=MODELS[name]())
    for k, (time, detections) in enumerate(street(4, frames=20, walkers=3)):
        if k == 10:
            other = Tracker.restore(as_json(tracker.snapshot()), motion=MODELS[name]())
        a = tracker.update(detections, timestamp_s=time)
        if k >= 10:
            assert_equal(a, other.update(detections, timestamp_s=time))


def test_a_snapshot_without_tracks():
    motion = FilterPyMotion.constant_velocity()
    tracker = Tracker.restore(as_json(Tracker(motion=motion).snapshot()), motion=motion)
    assert len(tracker.update(BOX, timestamp_s=0.0)) == 1


def test_a_correction_leaves_the_given_filters_alone():
    motion = FilterPyMotion.constant_velocity()
    state = motion.birth(np.array([[5.0, 5.0, 4.0, 8.0]]), np.array([0.5]))
    motion.correct(state, np.array([[9.0, 9.0, 4.0, 8.0]]), np.array([0.5]))
    motion.predict(state, 1.0)
    assert state[0].x[:4].tolist() == [5.0, 5.0, 4.0, 8.0]


def test_two_trackers_of_one_model_share_nothing():
    motion = FilterPyMotion.constant_velocity()
    one, two = Tracker(motion=motion), Tracker(motion=motion)
    one.update(BOX, timestamp_s=0.0)
    a = one.update(BOX, timestamp_s=0.1)
    assert len(two.update(None, timestamp_s=0.0)) == 0
    two.update(Detections([[500, 20, 560, 120]], [0.6]), timestamp_s=1.0)
    np.testing.assert_allclose(a.xyxy, one.predict(timestamp_s=0.1).xyxy)


def test_a_state_in_another_order_needs_read():
    """x, vx, y, vy alone, the size held constant: the user says how to read it."""

    def factory(cxcywh, confidence):
        kf = KalmanFilter(dim_x=4, dim_z=2)
        kf.x = np.array([cxcywh[0], 0.0, cxcywh[1], 0.0])
        kf.P *= 100.0
        kf.H = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
        kf.size = cxcywh[2:]
        return kf

    def prepare(kf, dt_s):
        kf.F = np.array([[1, dt_s, 0, 0], [0, 1, 0, 0], [0, 0, 1, dt_s], [0, 0, 0, 1]])

    def correct(kf, cxcywh, variance):
        kf.update(cxcywh[:2], R=np.diag(variance[:2]))
        kf.size = 0.5 * (kf.size + cxcywh[2:])

    def read(kf):
        mean = np.array([kf.x[0], kf.x[2], *kf.size, kf.x[1], kf.x[3], 0, 0])
        covariance = np.eye(8)
        rows = np.array([0, 4, 1, 5])
        covariance[np.ix_(rows, rows)] = kf.P
        return mean, covariance

    blind = Tracker(motion=FilterPyMotion(factory, set_dt=prepare, correct=correct))
    with pytest.raises(InputError, match=r"pass read="):
        blind.update(BOX, timestamp_s=0.0)
    motion = FilterPyMotion(
        factory, set_dt=prepare, correct=correct, read=read, carried=("size",),
        noise=lambda kf, confidence: np.full(4, 9.0),
    )  # fmt: skip
    tracker = Tracker(motion=motion)
    for k in range(40):
        tracks = tracker.update(
            Detections([[10 + k, 20, 50 + k, 120 + k]], [0.6]), timestamp_s=k / 10
        )
    assert tracks.hits.tolist() == [40]
    np.testing.assert_allclose(tracks.velocity, [[10, 5]], atol=2)
    other = Tracker.restore(as_json(tracker.snapshot()), motion=motion)
    assert_equal(other.predict(timestamp_s=5.0), tracker.predict(timestamp_s=5.0))


@pytest.mark.parametrize("name", MODELS)
def test_a_moving_camera_moves_filters_of_any_kind(name):
    """A box at rest in the world, zoomed and shifted by the camera: right box, no velocity."""
    zoom = np.array([[1.03, 0, -4.0], [0, 1.03, 6.0], [0, 0, 1]])
    tracker, corner = Tracker(motion=MODELS[name]()), np.array([[100.0, 80, 1], [140, 170, 1]])
    for k in range(30):
        tracks = tracker.update(
            Detections([corner[:, :2].ravel()], [0.8]), timestamp_s=k / 10, warp=zoom if k else None
        )
        corner = corner @ zoom.T
    assert tracks.track_id.tolist() == [1]
    np.testing.assert_allclose(tracks.velocity, 0.0, atol=1.0)
    ahead = tracker.predict(timestamp_s=2.9, warp=zoom)
    np.testing.assert_allclose(ahead.xyxy, [corner[:, :2].ravel()], atol=0.5)
    assert (ahead.covariance[0].diagonal() > tracks.covariance[0].diagonal()).all()


def test_a_filter_of_another_state_needs_to_say_how_the_camera_moves_it():
    from filterpy.kalman import KalmanFilter

    def factory(cxcywh, confidence):
        kf = KalmanFilter(dim_x=4, dim_z=4)
        kf.x, kf.H = cxcywh, np.eye(4)
        return kf

    def read(kf):
        return np.concatenate([kf.x, np.zeros(4)]), np.kron(np.eye(2), kf.P)

    def move(kf, moved):
        kf.x = moved.cxcywh[0]

    hooks = {"set_dt": lambda kf, dt_s: None, "read": read}
    shift = [[1, 0, 5], [0, 1, 0]]
    silent = Tracker(motion=FilterPyMotion(factory, **hooks))
    silent.update(Detections([[10, 20, 50, 120]], [0.8]), timestamp_s=0.0)
    with pytest.raises(InputError, match="pass warp="):
        silent.update(None, timestamp_s=0.1, warp=shift)
    told = Tracker(motion=FilterPyMotion(factory, warp=move, **hooks))
    told.update(Detections([[10, 20, 50, 120]], [0.8]), timestamp_s=0.0)
    tracks = told.update(None, timestamp_s=0.1, warp=shift)
    assert tracks.xyxy.tolist() == [[15, 20, 55, 120]]


def test_what_a_snapshot_cannot_carry_is_said():
    def ensemble(cxcywh, confidence):
        return EnsembleKalmanFilter(
            np.concatenate([cxcywh, np.zeros(4)]), np.eye(8), 4, 1.0, 10,
            hx=lambda x: x[:4], fx=lambda x, dt: x,
        )  # fmt: skip

    tracker = Tracker(motion=FilterPyMotion(ensemble, set_dt=lambda kf, dt: None))
    tracker.update(BOX, timestamp_s=0.0)
    with pytest.raises(InputError, match=r"cannot carry EnsembleKalmanFilter"):
        tracker.snapshot()


def test_a_snapshot_of_another_filter_is_refused():
    tracker = Tracker(motion=MODELS["kalman"]())
    tracker.update(BOX, timestamp_s=0.0)
    state = tracker.snapshot()
    with pytest.raises(InputError, match=r"72 numbers a track.*IMMEstimator"):
        Tracker.restore(state, motion=MODELS["interacting"]())


def test_a_diverged_filter_is_named():
    def diverge(kf, dt_s):
        kf.F = np.full((8, 8), np.inf)

    tracker = Tracker(motion=FilterPyMotion(constant_velocity_filter(), set_dt=diverge))
    tracker.update(BOX, timestamp_s=0.0)
    with np.errstate(invalid="ignore"), pytest.raises(InputError, match=r"filter 0 has diverged"):
        tracker.update(BOX, timestamp_s=0.1)


def test_a_noise_that_is_no_variance_is_named():
    motion = FilterPyMotion(plain, set_dt=set_dt, noise=lambda kf, confidence: np.zeros(4))
    tracker = Tracker(motion=motion)
    tracker.update(BOX, timestamp_s=0.0)
    with pytest.raises(InputError, match=r"must give 4 variances"):
        tracker.update(BOX, timestamp_s=0.1)


def test_a_factory_alone_is_enough_for_filters_of_boxes():
    from filterpy.kalman import KalmanFilter

    def factory(cxcywh, confidence):
        kf = KalmanFilter(dim_x=8, dim_z=4)
        kf.x, kf.H = np.concatenate([cxcywh, np.zeros(4)]), np.eye(4, 8)
        kf.P *= 100.0
        return kf

    tracker = Tracker(motion=FilterPyMotion(factory))
    for k in range(30):
        box = [10.0 + 3 * k, 20, 50.0 + 3 * k, 120]
        tracks = tracker.update(Detections([box], [0.8]), timestamp_s=k / 10)
    assert tracks.track_id.tolist() == [1]
    np.testing.assert_allclose(tracks.velocity, [[30.0, 0.0]], atol=1.0)


def test_a_filter_of_another_state_needs_to_say_how_time_changes_it():
    from filterpy.kalman import KalmanFilter

    def factory(cxcywh, confidence):
        kf = KalmanFilter(dim_x=9, dim_z=4)
        kf.x[:4, 0], kf.H = cxcywh, np.eye(4, 9)
        return kf

    tracker = Tracker(motion=FilterPyMotion(factory))
    tracker.update(Detections([[10, 20, 50, 120]], [0.8]), timestamp_s=0.0)
    with pytest.raises(InputError, match="pass set_dt="):
        tracker.update(Detections([[10, 20, 50, 120]], [0.8]), timestamp_s=0.1)


OTHER = TrackerConfig(motion=MotionConfig(measurement_noise=0.2, position_noise=0.3))


@pytest.mark.parametrize(
    ("config", "motion"),
    [
        (OTHER, FilterPyMotion.constant_velocity()),
        (None, FilterPyMotion.constant_velocity(OTHER.motion)),
        (OTHER, FilterPyMotion(constant_velocity_filter())),
        (OTHER, ConstantVelocity()),
    ],
)
def test_a_model_with_other_noise_than_the_trackers_is_refused(config, motion):
    with pytest.raises(ConfigError, match=r"made with position_noise = .* but config\.motion has"):
        Tracker(config, motion=motion)


def test_a_model_with_the_trackers_noise_does_as_the_default(street):
    ours = Tracker(OTHER)
    theirs = Tracker(OTHER, motion=FilterPyMotion.constant_velocity(OTHER.motion))
    defaults = Tracker()
    for time, detections in street(1, 40):
        a, b, c = (t.update(detections, timestamp_s=time) for t in (ours, theirs, defaults))
        np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-6, atol=1e-9)
    assert len(a) != len(c) or not np.allclose(a.covariance, c.covariance, rtol=1e-3)
    state = ours.snapshot()
    with pytest.raises(ConfigError, match="position_noise"):
        Tracker.restore(state, motion=FilterPyMotion.constant_velocity())


@pytest.mark.parametrize("parallax", [0.0, 1.0])
@pytest.mark.parametrize("name", ["kalman", "extended", "unscented"])
def test_what_a_moved_camera_leaves_open_is_open_to_the_next_box(name, parallax):
    """x' = x + P / (P + R) (z − x), with the P that parallax has widened, for samples too."""
    model = FilterPyMotion(
        {"kalman": plain, "extended": extended, "unscented": unscented}[name],
        set_dt=unscented_dt if name == "unscented" else set_dt,
        correct=extended_correct if name == "extended" else None,
        config=MotionConfig(parallax=parallax),
    )
    box, sure = np.array([[100.0, 80.0, 40.0, 90.0]]), np.array([0.8])
    state = model.predict(model.birth(box, sure), 0.1)
    state = model.warp(state, homography([[1, 0, 60], [0, 1, 0]]))
    before = model.project(state)
    assert (before.variance[0, 0] > 3000) == (parallax > 0)
    r = model.measurement_variance(state, sure)[0, 0]
    z = before.cxcywh + np.array([50.0, 0.0, 0.0, 0.0])
    p = before.variance[0, 0]
    if name == "unscented":  # filterpy draws no new points after the noise Q
        p -= 4.0 * 0.1 if parallax == 0 else 0.0
    after = model.project(model.correct(state, z, sure)).cxcywh[0, 0]
    expected = before.cxcywh[0, 0] + p / (p + r) * 50.0
    assert after == pytest.approx(expected, abs=0.5)
