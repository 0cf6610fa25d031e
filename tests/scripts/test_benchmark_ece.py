"""How true numbers could be told: the tables, and that chance is what a true number shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from scripts import benchmark_ece
from scripts.quality.truth_of_numbers import boxes_of, ece, folds_of, isotonic, maps, noise
from tests.calibration.kit import recording
from tests.cli.test_calibrate import write

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ece")
    for k in range(2):
        write(recording(k, 15, shift=2.0, posts=2), root / "set" / f"s{k}")
    write(recording(3, 30, shift=2.0, posts=2), root / "camera" / "one")
    return root


def test_chance_is_what_a_true_number_shows():
    """Tracks of ten boxes that are real or not as probably as told: drawn anew, and estimated."""
    rng = np.random.default_rng(0)
    p = np.repeat(rng.uniform(0, 1, 300), 10)
    cluster = np.repeat(np.arange(300), 10)
    shown = [ece(p, np.repeat(rng.random(300) < p[::10], 10).astype(float)) for _ in range(40)]
    outcome = np.repeat(rng.random(300) < p[::10], 10).astype(float)
    mean, most = noise(p, outcome, cluster)
    assert mean == pytest.approx(np.mean(shown), rel=0.25)
    assert mean < most < 2.5 * mean
    # Boxes by themselves would be sure of ten times as much.
    assert noise(p, outcome, np.arange(3000))[0] < 0.5 * mean


def test_boxes_are_judged_as_by_evaluate(data: Path):
    from tracker import TrackerConfig
    from tracker.calibration.fitting import by_truth, read_recordings, track
    from tracker.calibration.fitting.held_out import figures

    one = boxes_of(data / "set")
    recordings, _ = read_recordings(None, data / "set")
    tracked = track(recordings, by_truth(), TrackerConfig())
    judged = figures([(t.recording, t.found) for t in tracked], track_metrics=False)
    assert judged.existence is not None
    assert len(one.real) == judged.boxes.boxes
    assert one.real.mean() == pytest.approx(judged.existence.true_share)
    assert one.right.mean() == pytest.approx(judged.score.true_share)
    told = 1 / (1 + np.exp(-one.existence))
    assert ece(told, one.real) == pytest.approx(judged.existence.ece, abs=1e-6)
    assert set(one.part.tolist()) == {0, 1}
    # The halves of one camera, with a gap between them that no part has.
    assert set(boxes_of(data / "camera").part.tolist()) == {-1, 0, 1}


def test_what_is_fitted_to_what_is_judged_is_truer(data: Path):
    for fold in folds_of(data / "set"):
        assert not {o.recording.name for o in fold.train.tracked} & {
            o.recording.name for o in fold.judged.tracked
        }
        known = isotonic(fold.judged)(fold.judged)
        apart = maps(0.85, 60.0)(fold.train)(fold.judged)
        assert ece(known[1], fold.judged.right) < ece(apart[1], fold.judged.right)
        assert all((told[0] >= told[1] - 1e-12).all() for told in (known, apart))


def test_tables(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    few = ("bent lines, nearly free", "… every sequence counts alike", "isotonic regression")
    tried = {name: benchmark_ece.ATTEMPTS[name] for name in (benchmark_ece.SHIPPED, *few)}
    monkeypatch.setattr(benchmark_ece, "ATTEMPTS", tried)
    assert benchmark_ece.main([str(data)]) == 0
    text = capsys.readouterr().out
    rows = re.findall(r"^\| ([^|]+) \|( \d\.\d{3} / \d\.\d{3} \|){2}$", text, re.M)
    names = [name for name, _ in rows]
    assert names[: len(tried)] == list(tried)
    assert benchmark_ece.SHIPPED in names
    assert sum(name.startswith("oracle") for name in names) == 8
    assert "as it is told" in names
    assert "a number that is true, 95 %" in names


def test_what_is_no_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert benchmark_ece.main([str(tmp_path)]) == 2
    assert "seqinfo.ini" in capsys.readouterr().err


def test_log_loss_within_what_is_fitted_on(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Of two sequences one is fitted on, and has no other; of three, each is told by another."""
    monkeypatch.setattr(benchmark_ece, "STRENGTHS", [benchmark_ece.SHIPPED])
    write(recording(5, 15, shift=2.0, posts=2), data / "three" / "a")
    for k, name in enumerate(("b", "c")):
        write(recording(6 + k, 15, shift=2.0, posts=2), data / "three" / name)
    folders = [str(data / name) for name in ("set", "three")]
    assert benchmark_ece.main([*folders, "--within"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^\| … and the two meet at 0.85 \| – \| 0\.\d{4} / \d\.\d{4} \|$", text, re.M)
