"""The table of delays is what a tracker does; the page has the one of the present constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts import confirmation_delay as script
from tracker import (
    ClutterConfig,
    Detections,
    ExistenceConfig,
    GroundConfig,
    ScoreConfig,
    Tracker,
    TrackerConfig,
    existence,
)
from tracker.calibration import Calibration, LogOddsMap, ScoreModel

PAGE = Path(__file__).parents[1] / "docs" / "robotics.md"
ALONE = TrackerConfig(
    clutter=ClutterConfig(enabled=False),
    ground=GroundConfig(enabled=False),
    score=ScoreConfig(consistent=False),
)


def tracked(
    confidence: float,
    fps: float,
    *,
    widths_per_s: float = 0.0,
    hits: int = 1,
    of: int = 1,
    config: TrackerConfig = ALONE,
    calibration: Calibration | None = None,
) -> tuple[float | None, int, float]:
    """What a tracker makes of one box: seconds and frames until confirmed, largest existence."""
    tracker = Tracker(config, calibration=calibration)
    most = 0.0
    for k in range(int(20 * fps)):
        x = 40.0 * widths_per_s * k / fps
        found = k % of < hits
        detections = Detections(
            np.array([[x, 0.0, x + 40.0, 120.0]])[: int(found)], [confidence] * found
        )
        tracks = tracker.update(detections, timestamp_s=k / fps)
        if not len(tracks):
            return None, k + 1, most
        most = max(most, float(tracks.existence[0]))
        if tracks.confirmed[0]:
            return k / fps, k + 1, most
    return None, k + 1, most


@pytest.mark.parametrize("confidence", [0.25, 0.4, 0.5, 0.7, 0.95])
@pytest.mark.parametrize(
    ("fps", "widths_per_s"), [(5.0, 0.0), (10.0, 0.0), (30.0, 0.0), (10.0, 2.0)]
)
def test_a_tracker_takes_as_long(confidence: float, fps: float, widths_per_s: float) -> None:
    seconds, frames, most = tracked(confidence, fps, widths_per_s=widths_per_s)
    told = script.delay(confidence, fps, script.Detector(), widths_per_s=widths_per_s)
    assert told.seconds == (None if seconds is None else pytest.approx(seconds))
    if seconds is not None:
        assert told.frames == frames
    assert told.most == pytest.approx(most, abs=0.01)


def test_one_that_is_found_now_and_then() -> None:
    for hits, of in ((3, 4), (1, 2), (1, 5)):
        seconds, frames, _ = tracked(0.8, 10.0, hits=hits, of=of)
        told = script.delay(0.8, 10.0, script.Detector(hits=hits, of=of))
        assert (told.seconds, told.frames) == (pytest.approx(seconds) if seconds else None, frames)


def test_a_calibration_counts() -> None:
    calibration = Calibration(
        confidence=ScoreModel("platt", offset=1.0, low=1.2, high=1.2),
        existence=LogOddsMap(offset=-0.7),
    )
    settings = calibration.inside(calibration.applied(ALONE))
    detector = script.Detector(settings.existence, calibration)
    for confidence in (0.3, 0.5, 0.8):
        seconds, _, most = tracked(confidence, 10.0, calibration=calibration)
        told = script.delay(confidence, 10.0, detector)
        assert told.seconds == (None if seconds is None else pytest.approx(seconds))
        assert told.most == pytest.approx(most, abs=0.01)
        plain = script.delay(confidence, 10.0, script.Detector())
        assert (plain.seconds, plain.most) != (told.seconds, told.most)


def test_the_least_share_is_where_belief_turns() -> None:
    # Without a floor in the way, and with hits spread as evenly as they can be.
    config = ExistenceConfig(coast_least_s=100.0, coast_most_s=100.0)
    detector = script.Detector(config)
    for confidence in (0.5, 0.9):
        least = script.least_share(confidence, 10.0, detector)
        assert least is not None
        for share, believed in ((least - 0.04, False), (least + 0.04, True)):
            looks = support = 0.0
            fade = existence.faded(0.1, config)
            weight = existence.look_share(0.1, config)
            hit = detector.log_ratio(confidence) / config.gain
            for _ in range(600):
                looks = looks * fade + weight
                support = support * fade + weight * (share * hit - (1 - share) * config.miss)
            (odds,) = existence.log_odds(
                np.array([looks]), np.array([support]), np.array([False]), config
            )
            assert (odds >= existence.log_odds_of(config.confirm_at)) == believed
    assert script.least_share(config.neutral_confidence, 10.0, detector) is None


def test_the_page_has_the_table_of_the_present_constants() -> None:
    page = PAGE.read_text(encoding="utf-8")
    again = script.written(page, script.table(script.Detector()))
    assert page == again, "run: python scripts/confirmation_delay.py --write docs/robotics.md"


def test_writing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{script.BEGIN}old\n{script.END}after\n", encoding="utf-8")
    script.main(["--write", str(page)])
    script.main([])
    assert page.read_text() == f"before\n{script.BEGIN}{capsys.readouterr().out}{script.END}after\n"
    with pytest.raises(SystemExit):
        script.main(["--write", str(page), "--at", "0.5"])
    with pytest.raises(ValueError, match="no <!-- delays -->"):
        script.written("nothing", "")


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    script.main(["--config", "camera", "--at", "0.3"])
    sooner = capsys.readouterr().out.splitlines()
    script.main([])
    assert len(sooner) == 2 + len(script.CONFIDENCES)
    assert sooner != capsys.readouterr().out.splitlines()
    with pytest.raises(SystemExit):
        script.main(["--hits", "3", "--of", "2"])
