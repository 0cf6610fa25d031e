"""A tracker with a calibration: what changes and what must not."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from tracker import (
    ConfigError,
    Detections,
    ScoreConfig,
    Tracker,
    TrackerConfig,
    Tracks,
    TrackState,
    kernels,
)
from tracker.calibration import Calibration, Constants, LogOddsMap, Scene, ScoreModel
from tracker.config import ClutterConfig

MAPS = Calibration(
    existence=LogOddsMap(-0.7, 0.6, 0.9),
    score_seen=LogOddsMap(0.4, 0.8, 1.3),
    score_coasted=LogOddsMap(-0.3, 1.2, 0.7),
)
EVERYTHING = replace(
    MAPS,
    confidence=ScoreModel(
        "isotonic", knots=((0.05, 0.01), (0.4, 0.2), (0.9, 0.95)), evidence_scale=1.2
    ),
    constants=Constants(birth=0.1, gain=0.5, miss=0.8),
    scene=Scene(60.0, 24.0, (256 * 5 + 3,), (2.0,)),
)
TOLD = ("existence", "score", "state", "earned")
PATHS = [None] if kernels.native is None else [kernels.native, None]


def run(calibration, frames, config=None, native=kernels.native) -> list[Tracks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "native", native)
        tracker = Tracker(config, calibration=calibration)
        return [tracker.update(detections, timestamp_s=time) for time, detections in frames]


def assert_same(one, other, *, but=()):
    for a, b in zip(one, other, strict=True):
        for column in fields(Tracks):
            if column.name not in but:
                np.testing.assert_array_equal(getattr(a, column.name), getattr(b, column.name))


def test_none_and_the_identity_are_the_same(street):
    frames = list(street(1, 150))
    assert_same(run(None, frames), run(Calibration(), frames))


def test_how_it_is_told_changes_neither_ids_nor_boxes(street):
    frames = list(street(2, 200))
    earned = TrackerConfig(score=ScoreConfig(consistent=False))
    plain, told = run(None, frames, earned), run(MAPS, frames, earned)
    assert_same(plain, told, but=TOLD)
    for a, b in zip(plain, told, strict=True):
        np.testing.assert_array_equal(b.existence, MAPS.existence.of_probability(a.existence))
        seen = a.seen
        expected = MAPS.score_seen.of_probability(a.score)
        np.testing.assert_array_equal(b.score[seen], expected[seen])
        expected = MAPS.score_coasted.of_probability(a.score)
        np.testing.assert_array_equal(b.score[~seen], expected[~seen])


@pytest.mark.parametrize("native", PATHS)
def test_states_are_thresholds_on_what_is_told(street, native):
    frames = list(street(3, 300))
    config = TrackerConfig()
    before: dict[int, bool] = {}
    states = set()
    for tracks in run(MAPS, frames, config, native):
        rows = zip(
            tracks.track_id.tolist(), tracks.earned.tolist(), tracks.score.tolist(),
            tracks.state.tolist(), tracks.seen.tolist(), strict=True,
        )  # fmt: skip
        for number, existence, score, state, seen in rows:
            believed = existence >= config.existence.confirm_at or (
                before.get(number, False) and existence >= config.existence.release_at
            )
            before[number] = believed
            expected = TrackState.TENTATIVE
            if believed:
                lost = score < config.score.lost_below
                expected = TrackState.LOST if lost else TrackState.COASTING
                expected = TrackState.CONFIRMED if seen else expected
            assert state == expected
            states.add(state)
    assert states == {
        TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.COASTING, TrackState.LOST
    }  # fmt: skip


@pytest.mark.skipif(kernels.native is None, reason="the kernels are not built")
def test_both_paths_are_one_tracker(street):
    frames = list(street(4, 200))
    one, other = (run(EVERYTHING, frames, native=native) for native in PATHS)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.track_id, b.track_id)
        np.testing.assert_array_equal(a.state, b.state)
        for name in ("existence", "score", "xyxy"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-9)


def test_a_line_of_an_ordinary_detector_changes_nothing_inside(street):
    frames = list(street(5, 200))
    line = ScoreModel("platt", -1.0, 1.5, 1.5, evidence_offset=-1.0, evidence_scale=1.5)
    plain, calibrated = run(None, frames), run(Calibration(confidence=line), frames)
    for a, b in zip(plain, calibrated, strict=True):
        np.testing.assert_array_equal(a.track_id, b.track_id)
        np.testing.assert_allclose(a.existence, b.existence, rtol=1e-9)
        np.testing.assert_allclose(a.score, b.score, rtol=1e-9)


def test_a_snapshot_goes_on_with_it(street):
    frames = list(street(6, 120))
    expected = run(EVERYTHING, frames)[60:]
    first = Tracker(calibration=EVERYTHING)
    for time, detections in frames[:60]:
        first.update(detections, timestamp_s=time)
    kept = json.loads(json.dumps(first.snapshot(), default=np.ndarray.tolist))
    second = Tracker.restore(kept)
    assert second.calibration == EVERYTHING
    assert_same([second.update(d, timestamp_s=t) for t, d in frames[60:]], expected)


def test_late_measurements_are_calibrated_too(street):
    frames = [frame for frame in street(7, 60) if frame[1] is not None]
    expected = run(EVERYTHING, frames)[-1]
    tracker = Tracker(TrackerConfig(max_delay_s=1.0), calibration=EVERYTHING)
    swapped = [*frames[:-2], frames[-1], frames[-2]]
    for time, detections in swapped:
        tracks = tracker.update(detections, timestamp_s=time)
    assert_same([tracks], [expected], but=("track_id",))


def test_predictions_and_explanations_are_told_the_same_way():
    free = TrackerConfig(score=ScoreConfig(consistent=False))
    tracker, plain = Tracker(free, calibration=MAPS), Tracker(free)
    for k in range(10):
        detections = Detections([[100, 100, 140, 200]], [0.7])
        told = tracker.update(detections, timestamp_s=k / 10)
        plain.update(detections, timestamp_s=k / 10)
    assert tracker.explain(1)[-1].existence == pytest.approx(float(told.existence[0]))
    then, without = (t.predict(timestamp_s=1.2) for t in (tracker, plain))
    np.testing.assert_array_equal(then.existence, MAPS.existence.of_probability(without.existence))
    np.testing.assert_array_equal(then.score, MAPS.score_coasted.of_probability(without.score))


def test_other_fusers_are_left_alone(street):
    frames = list(street(8, 60))
    config = TrackerConfig(fuser="ema")
    assert_same(run(None, frames, config), run(MAPS, frames, config))


def test_constants_are_those_of_the_tracker():
    tracker = Tracker(calibration=EVERYTHING)
    assert (tracker.config.existence.birth, tracker.config.existence.miss) == (0.1, 0.8)


def test_a_file_or_the_settings_name_it(tmp_path):
    MAPS.save(tmp_path / "cal.toml")
    assert Tracker(calibration=tmp_path / "cal.toml").calibration == MAPS
    assert Tracker(calibration=str(tmp_path / "cal.toml")).calibration == MAPS
    (tmp_path / "my.toml").write_text('calibration = "cal.toml"')
    assert Tracker.from_toml(tmp_path / "my.toml").calibration == MAPS
    named = TrackerConfig(calibration=str(tmp_path / "cal.toml"))
    assert Tracker(named, calibration=Calibration()).calibration == Calibration()
    with pytest.raises(FileNotFoundError, match="packaged calibrations"):
        Tracker(calibration="nowhere")


def test_known_clutter_speaks_against_its_place():
    box = [[3.5 * 24 - 20, 40, 3.5 * 24 + 20, 5.5 * 24]]
    with_scene = replace(Calibration(), scene=EVERYTHING.scene)
    plain, knowing = Tracker(), Tracker(calibration=with_scene)
    for k in range(5):
        a, b = (t.update(Detections(box, [0.6]), timestamp_s=k / 10) for t in (plain, knowing))
    assert b.existence[0] < a.existence[0]
    assert b.score[0] < a.score[0]


def test_a_scene_of_other_cells_is_refused():
    with pytest.raises(ConfigError, match=r"cells of 24 px, but clutter.cell_px is 16"):
        Tracker(TrackerConfig(clutter=ClutterConfig(cell_px=16.0)), calibration=EVERYTHING)


def test_a_camera_that_turns_away_forgets_what_stood_there():
    tracker = Tracker(calibration=replace(Calibration(), scene=EVERYTHING.scene))
    box = [[3.5 * 24 - 20, 40, 3.5 * 24 + 20, 5.5 * 24]]
    tracker.update(Detections(box, [0.6]), timestamp_s=0.0)
    zoom = [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]]
    tracker.update(Detections.empty(), timestamp_s=0.1, warp=zoom)
    assert not len(tracker.snapshot()["clutter"]["lasting_place"])


def test_consistent_means_that_existence_is_at_least_score(street):
    frames = list(street(4, 150))
    config = TrackerConfig(score=ScoreConfig(consistent=False))
    free, bound = (run(replace(MAPS, consistent=c), frames, config) for c in (False, True))
    assert_same(free, bound, but=("existence", "score"))
    raised = 0
    for a, b in zip(free, bound, strict=True):
        np.testing.assert_allclose(b.existence, np.maximum(a.existence, a.score), rtol=1e-12)
        np.testing.assert_allclose(b.score, a.score, rtol=1e-12)
        raised += np.count_nonzero(b.existence > a.existence)
    assert raised > 0
    again = Calibration.from_dict(replace(MAPS, consistent=True).to_dict())
    assert again.consistent
    assert not Calibration(consistent=True).is_identity
    with pytest.raises(ConfigError, match="consistent must be true or false"):
        Calibration.from_dict({"version": 1, "consistent": "yes"})
