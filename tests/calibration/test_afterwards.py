"""What a calibration tells of tracks that are seen afterwards."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.calibration.kit import recording
from tracker import Detections, Tracker, TrackerConfig
from tracker.calibration import Afterwards, Calibration, LogOddsMap
from tracker.calibration.fitting import by_mixture, by_truth, figures, fit
from tracker.calibration.fitting.telling import seen_afterwards
from tracker.smoothing import LagSmoother, Recorder, smooth

CONFIG = TrackerConfig()
TIMID = Calibration(
    afterwards=Afterwards(
        existence=LogOddsMap(offset=-1.5, low=0.5, high=0.5),
        score_seen=LogOddsMap(offset=-3.0),
        score_unseen=LogOddsMap(offset=-4.0),
    )
)


def both(calibration: Calibration | None):
    """A walker with a gap, seen afterwards: whole, and with a longer lag than it lasts."""
    tracker, recorder = Tracker(calibration=calibration), Recorder()
    late, given = LagSmoother(lag_s=60.0, calibration=calibration), []
    for k in range(60):
        boxes = [] if 20 <= k < 26 else [[10 + k, 20, 50 + k, 120]]
        detections = Detections(boxes, [0.8] * len(boxes))
        tracks = tracker.update(detections, timestamp_s=k / 20)
        recorder.add(detections, tracks)
        given += late.add(detections, tracks)
    return list(smooth(recorder, calibration=calibration)), given + late.flush()


def test_it_is_told_through_its_maps():
    plain, told = both(None), both(TIMID)
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    for before, after in zip(plain, told, strict=True):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a.xyxy, b.xyxy)
            offset = np.where(a.seen, -3.0, -4.0)
            np.testing.assert_allclose(logit(b.score), logit(a.score) + offset, atol=1e-4)
            expected = np.maximum(0.5 * logit(a.existence) - 1.5, logit(b.score))
            np.testing.assert_allclose(logit(b.existence), expected, atol=1e-4)
            assert (b.existence >= b.score).all()
    # Thresholds are on what is told: none of it reaches confirm_at.
    assert any(tracks.believed.any() for tracks in plain[0])
    assert max(tracks.existence.max() for tracks in told[0]) < CONFIG.existence.confirm_at
    assert not any(tracks.believed.any() for way in told for tracks in way)


@pytest.mark.parametrize(("offset", "confirm_at"), [(-0.8, CONFIG.existence.ceiling), (0.0, 0.99)])
def test_thresholds_stay_where_existence_can_be(offset: float, confirm_at: float):
    timid = Afterwards(existence=LogOddsMap(offset=offset, low=0.3, high=0.3))
    inside = timid.inside(CONFIG).existence
    assert inside.confirm_at == pytest.approx(confirm_at, abs=2e-3)
    assert inside.release_at <= inside.confirm_at <= inside.ceiling


def test_what_is_told_at_once_is_as_it_is():
    tracker, calibrated = Tracker(), Tracker(calibration=TIMID)
    for k in range(5):
        detections = Detections([[10 + k, 20, 50 + k, 120]], [0.8])
        a, b = (t.update(detections, timestamp_s=k / 20) for t in (tracker, calibrated))
        assert (a.existence[0], a.score[0]) == (b.existence[0], b.score[0])


def test_the_file_holds_it(tmp_path: Path):
    TIMID.save(tmp_path / "timid.toml")
    assert Calibration.from_toml(tmp_path / "timid.toml") == TIMID
    assert "afterwards" not in Calibration().to_dict()


def test_a_fit_makes_it_true_elsewhere():
    worlds = [recording(k, 100, shift=2.5, posts=5) for k in range(3)]
    other = recording(9, 100, shift=2.5, posts=5)
    found = fit(worlds, by_truth(), CONFIG)
    assert not found.afterwards.is_identity
    told, untold = (
        figures([(other, seen_afterwards(other, CONFIG, c))], track_metrics=False)
        for c in (found, replace(found, afterwards=Afterwards()))
    )
    for name in ("score", "existence"):
        assert getattr(told, name).ece < 0.8 * getattr(untold, name).ece
        assert getattr(told, name).log_loss < getattr(untold, name).log_loss
    assert told.boxes.ap == pytest.approx(untold.boxes.ap, abs=0.02)


def test_maps_are_fitted_to_what_goes_into_them():
    """Existence is raised to score after its map, so the map is of existence before that."""
    world = recording(1, 60, posts=3)
    found = seen_afterwards(world, CONFIG, Calibration(consistent=True))
    below = found.existence_odds < found.score_odds - 0.1
    assert 0.05 < below.mean() < 0.95
    np.testing.assert_allclose(found.existence[below], found.score[below])
    assert (found.existence >= found.score).all()


def test_without_labels_it_is_left_as_it_is():
    unseen = [replace(recording(0, 60), truth=None)]
    assert fit(unseen, by_mixture, CONFIG).afterwards.is_identity
    assert fit([recording(0, 60)], by_truth(), CONFIG, afterwards=False).afterwards.is_identity
