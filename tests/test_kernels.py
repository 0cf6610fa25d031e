"""The compiled kernels against the NumPy functions they stand for.

They skip where the kernels are not built. With `CONFTRACK_KERNELS=compiled` in the environment
`import tracker` itself fails there, so that such a run cannot pass without them.
"""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.built import BUILT, needs_kernels
from tracker import (
    AssociationConfig,
    ClutterConfig,
    ConstantVelocity,
    Detections,
    DoublesConfig,
    ExistenceConfig,
    MotionConfig,
    Tracker,
    TrackerConfig,
    Tracks,
    kernels,
)
from tracker.association import candidates
from tracker.births import born
from tracker.clock import Clock
from tracker.clutter import ClutterMap
from tracker.doubles import against_doubles
from tracker.filterpy_motion import FilterPyMotion
from tracker.ground import CLASS, GroundModel
from tracker.observation import observe
from tracker.state import ROW, State
from tracker.visibility import visibility

PATHS = (BUILT, None)


def run(native, frames, config=None, motion=None) -> list[Tracks]:
    """The tracks after each of the (timestamp, detections), by one of the paths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "native", native)
        tracker = Tracker(config, motion=motion)
        return [tracker.update(detections, timestamp_s=time) for time, detections in frames]


def assert_equal(one: list[Tracks], other: list[Tracks]) -> None:
    for a, b in zip(one, other, strict=True):
        for column in fields(Tracks)[1:]:
            x, y = (np.asarray(getattr(t, column.name)) for t in (a, b))
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            if x.dtype.kind == "f":
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12, err_msg=column.name)
            else:
                np.testing.assert_array_equal(x, y, err_msg=column.name)


# ---- both paths are one tracker -----------------------------------------------------------


@needs_kernels
@pytest.mark.parametrize(
    ("scene", "config"),
    [
        ({}, TrackerConfig()),
        ({"walkers": 60}, TrackerConfig(clutter=ClutterConfig(stand_s=0.1, half_life_s=2.0))),
        ({"classes": 3}, TrackerConfig(association=AssociationConfig(per_class=True))),
        ({"classes": 4, "vectors": True}, TrackerConfig(clutter=ClutterConfig(enabled=False))),
        ({"walkers": 20}, TrackerConfig(motion=MotionConfig(size_noise_ratio=2.0))),
    ],
)
def test_long_runs(street, scene, config):
    for seed in range(2):
        frames = [
            (time + 3.0 * (k >= 200) + 30.0 * (k >= 300), detections)
            for k, (time, detections) in enumerate(street(seed, 400, **scene))
        ]
        assert_equal(*(run(native, frames, config) for native in PATHS))


@needs_kernels
def test_another_motion_model(street):
    frames = list(street(5, 40))
    models = [FilterPyMotion.constant_velocity() for _ in PATHS]
    assert_equal(*(run(path, frames, motion=m) for path, m in zip(PATHS, models, strict=True)))


@needs_kernels
def test_predictions(street, monkeypatch):
    looks = []
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        tracker = Tracker()
        for time, detections in street(6, 80):
            tracker.update(detections, timestamp_s=time)
        looks.append([tracker.predict(timestamp_s=time + 0.4)])
    assert_equal(*looks)


@needs_kernels
def test_a_snapshot_goes_from_one_path_to_the_other(street, monkeypatch):
    frames = list(street(7, 120))
    expected = run(None, frames)[60:]
    monkeypatch.setattr(kernels, "native", BUILT)
    first = Tracker()
    for time, detections in frames[:60]:
        first.update(detections, timestamp_s=time)
    monkeypatch.setattr(kernels, "native", None)
    second = Tracker.restore(first.snapshot())
    rest = [second.update(detections, timestamp_s=time) for time, detections in frames[60:]]
    assert_equal(rest, expected)


# A coarse grid makes ties, equal and empty boxes common.
place = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))
row = st.tuples(place, st.sampled_from([0.0, 0.1, 0.3, 0.3, 0.6, 0.9, 1.0]))
step = st.sampled_from([0.01, 1 / 30, 0.1, 0.5, 3.0, 20.0])
scenes = st.lists(
    st.tuples(step, st.one_of(st.none(), st.lists(row, max_size=8))), min_size=1, max_size=12
)


@needs_kernels
@settings(deadline=None)
@given(scenes)
def test_degenerate_scenes(scene):
    time, frames = 0.0, []
    for dt, rows in scene:
        time += dt
        detections = None
        if rows is not None:
            xyxy = [[10 * x, 10 * y, 10 * (x + w), 10 * (y + h)] for (x, y, w, h), _ in rows]
            detections = Detections(xyxy, [c for _, c in rows])
        frames.append((time, detections))
    assert_equal(*(run(native, frames) for native in PATHS))


@needs_kernels
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 90), (90, 7), (2000, 1100)])
def test_candidates_are_the_same_and_in_order(monkeypatch, n, m):
    rng = np.random.default_rng(n)
    model, config = ConstantVelocity(), AssociationConfig()

    def frame(count):
        low = rng.uniform(0, 15.0 * np.sqrt(n * m) ** 0.5, (count, 2))
        return observe(
            Detections(np.hstack([low, low + rng.uniform(0, 60, (count, 2))]), rng.random(count))
        )

    old, new = frame(n), frame(m)
    rows = np.zeros(n, ROW)
    rows["log_odds"] = rng.normal(-1, 1, n)
    motion = model.predict(model.birth(old.cxcywh, old.confidence), 0.2)
    tracks = State(rows, motion, np.zeros((n, 1)))
    found = []
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        found.append(candidates(tracks, new, model, config))
    assert n < 1000 or len(found[0].track) > 1000
    for column in ("track", "detection", "similarity", "tier"):
        np.testing.assert_array_equal(getattr(found[0], column), getattr(found[1], column))


def crowd(seed, n, span, classes=3):
    """Boxes that overlap more or less, ties and empty boxes among them."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, span, (n, 2)).round()
    confidence = rng.uniform(0, 1, n).round(2)
    size = rng.integers(0, 90, (n, 2))
    return Detections(np.hstack([low, low + size]), confidence, rng.integers(0, classes, n))


@needs_kernels
@pytest.mark.parametrize("n", [0, 1, 2, 40, 700])
@pytest.mark.parametrize("span", [50.0, 2000.0])
def test_observations_and_doubles_are_the_same(monkeypatch, n, span):
    frames, lost = [], []
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        frames.append(observe(crowd(n, n, span)))
        lost.append(against_doubles(frames[-1], DoublesConfig()))
    for column in fields(frames[0]):
        one, other = (getattr(frame, column.name) for frame in frames)
        np.testing.assert_array_equal(one, other, err_msg=column.name)
        assert one.dtype == other.dtype
    np.testing.assert_allclose(*lost, rtol=1e-12, atol=1e-12)
    assert n < 40 or span > 50 or lost[0].max() > 0


@needs_kernels
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 5), (5, 0), (3, 3), (60, 90), (900, 500)])
@pytest.mark.parametrize("size", [None, (700, 500)])
def test_what_can_be_seen_is_the_same(monkeypatch, n, m, size):
    rng, model = np.random.default_rng(n + m), ConstantVelocity()
    old, new = (observe(crowd(seed, k, 800.0)) for seed, k in ((1, n), (2, m)))
    rows = np.zeros(n, ROW)
    rows["log_odds"] = rng.normal(0, 1, n)
    tracks = State(rows, model.birth(old.cxcywh, old.confidence), np.zeros((n, 1)))
    match = np.full(n, -1)
    hits = min(n, m) // 2
    match[rng.permutation(n)[:hits]] = rng.permutation(m)[:hits]
    views = []
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        views.append(visibility(tracks, match, new, model, ExistenceConfig(hidden=0.7), size))
    for column in fields(views[0]):
        one, other = (getattr(view, column.name) for view in views)
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12, err_msg=column.name)
    assert n < 60 or (0 < views[0].hidden.max() <= 1 and (views[0].telling < 1).any())


@needs_kernels
@pytest.mark.parametrize("size", [None, (900, 900)])
def test_the_ground_is_the_same(monkeypatch, size):
    models, told = [GroundModel(), GroundModel()], []
    rng = np.random.default_rng(0)
    for k in range(60):
        found = observe(crowd(k, int(rng.integers(0, 30)), 800.0, classes=1 + k // 15))
        score = rng.uniform(0, 1, len(found))
        for native, model in zip(PATHS, models, strict=True):
            monkeypatch.setattr(kernels, "native", native)
            told.append(model.against(found.xyxy, found.class_id))
            model.learn(
                found.xyxy, found.class_id, score, look_s=0.5, dt_s=0.1 * k, image_size=size
            )
            if k % 20 == 19:
                model.warp(np.array([[1.01, 0, 3], [0, 1.01, 2], [0, 0, 1]]))
        np.testing.assert_allclose(told[-1], told[-2], rtol=1e-10, atol=1e-10)
        one, other = (model.learned for model in models)
        assert one.classes.dtype == other.classes.dtype
        for name in CLASS.names:
            np.testing.assert_allclose(
                one.classes[name], other.classes[name], rtol=1e-10, atol=1e-10, err_msg=name
            )
        np.testing.assert_array_equal(one.seen, other.seen)
    assert max(t.max(initial=0.0) for t in told) > 0.1


@needs_kernels
def test_the_clutter_map_is_the_same(monkeypatch):
    clutter = ClutterMap()
    for k in range(40):
        clutter.add(crowd(k, 20, 300.0).xyxy - 100.0, 0.3)
        clutter.fade(0.5)
    found, told = crowd(99, 400, 300.0).xyxy - 100.0, []
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        told.append(clutter.against(found, 0.2))
        given = np.ones(400)
        assert clutter.against(found, 0.2, out=given) is given
        np.testing.assert_array_equal(given, 1.0 + told[-1])
    np.testing.assert_allclose(*told, rtol=1e-12)
    assert (told[0] > 0).mean() > 0.3


@needs_kernels
def test_births_are_the_same(monkeypatch):
    model, frame, both = ConstantVelocity(), observe(crowd(3, 30, 500.0)), []
    clock = Clock(10, 1e-8, 0, 1.25, 7, 0.9)
    for native in PATHS:
        monkeypatch.setattr(kernels, "native", native)
        tracks = State(np.zeros(0, ROW), np.zeros((0, 6, 4)), np.zeros((0, 2)))
        for new in (np.array([4, 0, 29]), np.zeros(0, int), np.arange(10)):
            tracks = born(
                tracks, new, frame, np.full((len(new), 2), -0.7), model,
                next_id=len(tracks) + 5, clock=clock, strong_confidence=0.5,
            )  # fmt: skip
            for array in (tracks.rows, tracks.motion):
                array.setflags(write=False)
        both.append(tracks)
    assert len(both[0]) == 13
    for name in ROW.names:
        np.testing.assert_array_equal(both[0].rows[name], both[1].rows[name], err_msg=name)
    np.testing.assert_allclose(both[0].motion, both[1].motion, rtol=1e-12)
    np.testing.assert_array_equal(both[0].classes, both[1].classes)


# ---- arrays as callers have them ----------------------------------------------------------


def test_detections_in_any_memory_order(street):
    one, two = Tracker(), Tracker()
    for time, detections in street(8, 30):
        turned = None
        if detections is not None:
            d = detections
            turned = Detections(np.asfortranarray(d.xyxy), d.confidence[::-1][::-1], d.class_id)
        assert_equal(
            [one.update(detections, timestamp_s=time)], [two.update(turned, timestamp_s=time)]
        )


def test_states_in_any_memory_order():
    model = ConstantVelocity()
    box, confidence = np.arange(12.0).reshape(3, 4) + 9.0, np.array([0.1, 0.5, 0.9])
    state = model.predict(model.birth(box, confidence), 0.5)
    expected = model.correct(state, box + 1.0, confidence)
    turned = model.correct(np.asfortranarray(state), np.asfortranarray(box + 1.0), confidence)
    np.testing.assert_array_equal(turned, expected)
