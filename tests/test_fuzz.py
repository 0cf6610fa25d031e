"""Any sequence of valid and invalid inputs: what must hold of a tracker, holds after each.

A twin is restored from a snapshot at any point and must go on like its original, bit for bit; an
input that is refused must leave no trace. Both kinds of kernels are driven.
"""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tracker import (
    AssociationConfig,
    ClutterConfig,
    ConfigError,
    Detections,
    InputError,
    Tracker,
    TrackerConfig,
    Tracks,
    kernels,
)

START_NS = 1_795_325_445_123_456_789
CONFIGS = {
    "default": TrackerConfig(),
    "late": TrackerConfig(max_delay_s=0.6),
    "late or anew": TrackerConfig(max_delay_s=0.3, on_backward_time="reset"),
    "per class": TrackerConfig(association=AssociationConfig(per_class=True), ledger_updates=3),
    "clutter": TrackerConfig(clutter=ClutterConfig(stand_s=0.05, half_life_s=0.5, cell_px=5.0)),
}
BAD_WARPS = [np.eye(2), np.full((3, 3), np.nan), np.zeros((2, 3)), "no", np.diag([-1.0, 1, 1])]

place = st.integers(-3, 12).map(lambda k: 12.0 * k)
box = st.tuples(
    place, place, st.sampled_from([0.0, 5.0, 30.0, 400.0]), st.sampled_from([0.0, 60.0])
)
row = st.tuples(box, st.sampled_from([0.0, 0.05, 0.3, 0.7, 0.95, 1.0]), st.integers(0, 3))
rows = st.one_of(st.none(), st.lists(row, max_size=6))
step_ns = st.sampled_from([1, 1_000_000, 33_333_333, 100_000_001, 700_000_000, 9_000_000_000])
size = st.sampled_from([None, (160, 120), (1, 1), (4000, 3000)])
warp = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from([0.0, 2.0, 90.0, 181.0]),
        st.sampled_from([1.0, 1.1, 0.03, 40.0]),
        st.sampled_from([0.0, 13.7, -1e6]),
        st.sampled_from([0.0, 1e-4, -1e-2]),
    ),
)


def matrix(parts):
    if parts is None:
        return None
    angle, zoom, shift, tilt = parts
    c, s = zoom * math.cos(math.radians(angle)), zoom * math.sin(math.radians(angle))
    return [[c, -s, shift], [s, c, -shift], [tilt, tilt / 3, 1.0]]


def detections(found):
    if found is None:
        return None
    xyxy = [[x, y, x + w, y + h] for (x, y, w, h), _, _ in found]
    return Detections(xyxy, [c for _, c, _ in found], [k for _, _, k in found])


def as_json(state):
    return json.loads(json.dumps(state, default=lambda a: a.tolist(), allow_nan=False))


def assert_same(a: Tracks, b: Tracks) -> None:
    for name in Tracks.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


class Life(RuleBasedStateMachine):
    """A tracker and, from some time on, its twin."""

    native: kernels.Kernels | None = None

    @initialize(config=st.sampled_from(sorted(CONFIGS)))
    def begin(self, config):
        self.kept, kernels.native = kernels.native, self.native
        self.tracker = Tracker(CONFIGS[config])
        self.twin = None
        self.now_ns = START_NS
        self.tracks = Tracks.empty()
        self.shown: set[int] = set()

    def teardown(self):
        if hasattr(self, "kept"):
            kernels.native = self.kept

    # ---- what is done to it ----------------------------------------------------------------

    def take(self, found, **options):
        """One update of both; a refused one leaves no trace."""
        before, replay = self.tracker._clock.timestamp_ns, self.tracker._replay
        # A track that had ended when late news first made it may be shown later, by its id.
        named = set() if replay is None else {replay.name_of(i) for i in self.tracker._ledger.ids()}
        try:
            tracks = self.tracker.update(found, **options)
        except InputError:
            assert self.tracker._clock.timestamp_ns == before
            if self.twin is not None:
                with pytest.raises(InputError):
                    self.twin.update(found, **options)
            return
        if self.twin is not None:
            assert_same(tracks, self.twin.update(found, **options))
        self.tracks = tracks
        self.now_ns = tracks.timestamp_ns
        fresh = set(tracks.track_id.tolist()) - self.shown
        assert all(i > max(self.shown, default=0) for i in fresh - named)
        self.shown |= fresh

    @rule(found=rows, step=step_ns, move=warp, in_seconds=st.booleans(), size=size)
    def see(self, found, step, move, in_seconds, size):
        at = self.now_ns + step
        when = {"timestamp_s": at / 1e9} if in_seconds else {"timestamp_ns": at}
        self.take(detections(found), warp=matrix(move), image_size=size, **when)

    @rule(found=rows, repeats=st.integers(2, 12))
    def see_the_same(self, found, repeats):
        for _ in range(repeats):
            self.take(detections(found), timestamp_ns=self.now_ns + 40_000_000)

    @rule(found=rows, back=st.integers(0, 900_000_000), move=warp, size=size)
    def see_late(self, found, back, move, size):
        at = self.now_ns - back
        self.take(detections(found), timestamp_ns=at, warp=matrix(move), image_size=size)

    @rule(seed=st.integers(0, 99), count=st.sampled_from([50, 1000]))
    def see_a_crowd(self, seed, count):
        rng = np.random.default_rng(seed)
        corner = rng.uniform(0, 400, (count, 2))
        found = Detections(
            np.hstack([corner, corner + rng.uniform(0, 60, (count, 2))]), rng.random(count)
        )
        self.take(found, timestamp_ns=self.now_ns + 33_333_333)

    @rule(
        found=st.lists(row, min_size=1, max_size=4),
        bad=st.sampled_from([math.nan, math.inf, -1e300]),
    )
    def see_bad_rows(self, found, bad):
        xyxy = [[x, y, x + w, y + h] for (x, y, w, h), _, _ in found]
        xyxy[0][2] = bad
        with pytest.raises(InputError):
            Detections(xyxy, [c for _, c, _ in found])
        kept = Detections(xyxy, [c for _, c, _ in found], on_bad="drop")
        assert kept.dropped == 1
        self.take(kept, timestamp_ns=self.now_ns + 33_333_333)

    @rule(
        wrong=st.sampled_from(
            [
                {"timestamp_s": math.nan},
                {"timestamp_s": math.inf},
                {"timestamp_s": "now"},
                {"timestamp_ns": 1.5},
                {"timestamp_ns": 2**70},
                {"timestamp_s": 1.0, "timestamp_ns": 1},
                {},
            ]
        ),
        found=rows,
    )
    def give_no_time(self, wrong, found):
        self.refused(detections(found), **wrong)

    @rule(wrong=st.sampled_from([[], "boxes", 5, np.zeros((1, 4)), Detections]))
    def give_no_detections(self, wrong):
        self.refused(wrong, timestamp_ns=self.now_ns + 1)

    @rule(wrong=st.sampled_from(BAD_WARPS), found=rows)
    def give_no_warp(self, wrong, found):
        self.refused(detections(found), timestamp_ns=self.now_ns + 1, warp=wrong)

    @rule(wrong=st.sampled_from([(0, 5), (5,), "no", (math.nan, 3), 7]))
    def give_no_size(self, wrong):
        self.refused(None, timestamp_ns=self.now_ns + 1, image_size=wrong)

    @rule()
    def give_a_class_that_is_none(self):
        self.refused(Detections([[0, 0, 9, 9]], [0.5], 10**6), timestamp_ns=self.now_ns + 1)

    def refused(self, found, **options):
        before = as_json(self.tracker.snapshot())
        with pytest.raises(InputError):
            self.tracker.update(found, **options)
        assert as_json(self.tracker.snapshot()) == before

    @rule(step=step_ns, move=warp)
    def ask_ahead(self, step, move):
        options = {"timestamp_ns": self.now_ns + step, "warp": matrix(move)}
        try:
            ahead = self.tracker.predict(**options)
        except InputError:  # a camera that turns a plane round does not exist
            assert move is not None
            return
        self.sound(ahead)
        assert not ahead.seen.any()
        if self.twin is not None:
            assert_same(ahead, self.twin.predict(**options))

    @rule()
    def clone(self):
        self.twin = Tracker.restore(as_json(self.tracker.snapshot()))

    @rule()
    def start_anew(self):
        for tracker in (self.tracker, self.twin):
            if tracker is not None:
                tracker.reset()
        self.tracks = Tracks.empty()

    # ---- what holds ------------------------------------------------------------------------

    def sound(self, tracks: Tracks) -> None:
        ids = tracks.track_id.tolist()
        assert ids == sorted(set(ids))
        for column in (tracks.existence, tracks.score):
            assert ((column > 0) & (column < 1)).all()
        for column in (tracks.xyxy, tracks.velocity, tracks.covariance, tracks.age_s, tracks.gap_s):
            assert np.isfinite(column).all()
        assert (tracks.xyxy[:, 2:] >= tracks.xyxy[:, :2]).all()
        np.testing.assert_allclose(tracks.class_probabilities.sum(axis=1), 1.0)
        assert (tracks.hits >= 1).all()
        assert (tracks.misses >= 0).all()
        covariance = tracks.covariance
        np.testing.assert_array_equal(covariance, covariance.swapaxes(1, 2))
        deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        assert (deviation > 0).all()
        scaled = covariance / deviation[:, :, None] / deviation[:, None, :]
        assert (np.linalg.eigvalsh(scaled) > 0).all()

    @invariant()
    def all_is_sound(self):
        self.sound(self.tracks)

    @invariant()
    def every_track_can_be_explained(self):
        for track_id in self.tracks.track_id.tolist()[:3]:
            entries = self.tracker.explain(track_id)
            assert all(0 < e.existence < 1 for e in entries)
            if self.twin is not None:
                assert repr(entries) == repr(self.twin.explain(track_id))


class LifeInNumpy(Life):
    """The same without compiled kernels."""


effort = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

try:
    Life.native = kernels.load("compiled")
except ConfigError as error:
    no_kernels = str(error)
else:
    no_kernels = ""

TestCompiled = pytest.mark.skipif(bool(no_kernels), reason=no_kernels)(Life.TestCase)
TestCompiled.settings = effort
LifeInNumpy.native = None
TestNumpy = LifeInNumpy.TestCase
TestNumpy.settings = effort
