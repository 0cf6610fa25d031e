"""Agreement, to the digit, with an independent scorer on real data.

Runs where the environment variable CONFTRACK_BENCH names a folder with `score.py` and `data_dev`.
"""

from __future__ import annotations

import importlib.util
import math
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.track_detections import track_sequence
from tracker import TrackerConfig
from tracker.evaluation import Comparison, evaluate, frontier

BENCH = Path(os.environ.get("CONFTRACK_BENCH", "."))
SETS = sorted(p for p in (BENCH / "data_dev").glob("*") if p.is_dir())
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("CONFTRACK_BENCH" not in os.environ, reason="CONFTRACK_BENCH is not set"),
]


def ours(pair: Comparison) -> dict[str, float]:
    """Our figures under the scorer's names."""
    found, raw = pair.tracks, pair.detections
    assert found is not None
    assert raw is not None
    boxes, score, existence, tracks = found.boxes, found.score, found.existence, found.tracks
    assert existence is not None
    assert tracks is not None
    return {
        "AP": boxes.ap,
        "maxrec": boxes.max_recall,
        "TP": boxes.true,
        "FP": boxes.false,
        "precision": boxes.precision,
        "recall": boxes.recall,
        "F1": boxes.f1,
        "ece": score.ece,
        "ece_mass": score.ece_mass,
        "brier": score.brier,
        "nll": score.log_loss,
        "existence_ece": existence.ece,
        "existence_ece_mass": existence.ece_mass,
        "existence_brier": existence.brier,
        "existence_nll": existence.log_loss,
        "raw_AP": raw.boxes.ap,
        "raw_maxrec": raw.boxes.max_recall,
        "false_tracks": tracks.false_tracks,
        "false_per_1000": tracks.false_tracks_per_1000,
        "confirm_median": tracks.confirm_frames,
        "never_confirmed": tracks.never_confirmed,
        "weak_boxes": tracks.weak_boxes,
        "weak_recall": tracks.weak_recall,
        "weak_raw_recall": tracks.weak_raw_recall,
        "low_boxes": tracks.low_boxes,
        "low_recall": tracks.low_recall,
        "HOTA": tracks.hota,
        "AssA": tracks.assa,
        "DetA": tracks.deta,
        "IDF1": tracks.idf1,
        "MOTA": tracks.mota,
        "IDs": tracks.id_switches,
    }


@pytest.fixture(scope="module")
def scorer() -> Any:
    spec = importlib.util.spec_from_file_location("independent_scorer", BENCH / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("data", SETS, ids=lambda p: p.name)
def test_agrees_on(data: Path, scorer: Any, tmp_path: Path) -> None:
    folders = sorted(p.parent for p in data.glob("*/seqinfo.ini"))
    for folder in folders:
        track_sequence(folder, tmp_path / f"{folder.name}.txt", TrackerConfig())
    sequences = scorer.read_set(str(data))
    tracks = {
        s.name: scorer.by_frame(scorer.read(str(tmp_path / f"{s.name}.txt")), s.frames)
        for s in sequences
    }
    for by, threshold in (("score", 0.5), ("existence", 0.5), ("score", 0.2)):
        theirs = scorer.evaluate(sequences, tracks, threshold, by=by)
        result = evaluate(truth=data, tracks=tmp_path, detections=data, threshold=threshold, by=by)
        pairs = [(result.overall, theirs["pooled"])]
        pairs += [(result.by_sequence[s.name], theirs["sequences"][s.name]) for s in sequences]
        for mine, other in pairs:
            for name, value in ours(mine).items():
                expected = other[name]
                if expected is None:
                    assert not math.isfinite(value), name
                else:
                    assert value == pytest.approx(expected, abs=1e-10), name
        # The whole sweep, and the frontier made of it.
        assert result.tracks.curve.true.tolist() == theirs["sweep"][0].tolist()
        assert result.tracks.curve.false.tolist() == theirs["sweep"][1].tolist()
        points = {"a": (int(theirs["raw_sweep"][0][-1] * 0.9), 500), "b": (10**9, 3)}
        peers = {name: {"TP": true, "FP": false} for name, (true, false) in points.items()}
        ratios = scorer.frontier(*theirs["raw_sweep"], peers)["ratio"]
        found = frontier(result.detections.curve, points)
        assert found["a"] == ratios["a"]
        assert (found["b"], ratios["b"]) == (math.inf, None)
