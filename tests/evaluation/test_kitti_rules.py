"""KITTI's rules against TrackEval's own reading of them, on a made-up street."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.kit import write
from tracker.errors import InputError
from tracker.evaluation import evaluate, read_tracks, read_truth

trackeval = pytest.importorskip("trackeval")
FRAMES = 30


def street(folder: Path, rng: np.random.Generator) -> None:
    """Labels and results in KITTI's layout; things far enough apart that matching is clear."""
    labels, results = [], []
    types = ("Car", "Van", "Pedestrian", "Person", "Misc")
    for frame in range(FRAMES):
        for k in range(9):
            x, y, w, h = 150.0 * k + 2 * frame, 100.0, 60.0, float(rng.choice([20, 25, 40, 80]))
            kind, shown = types[k % len(types)], rng.random()
            truncated, occluded = int(rng.random() < 0.1), int(rng.integers(0, 4))
            labels.append(f"{frame} {k} {kind} {truncated} {occluded} 0 {box(x, y, w, h)}")
            if shown < 0.8:  # found, now and then at the wrong place
                dy = 0.0 if shown < 0.6 else 200.0
                called = "Car" if kind in ("Car", "Van") else "Pedestrian"
                place = box(x + 2, y + dy, w, h)
                results.append(f"{frame} {k} {called} 0 0 0 {place} {rng.uniform(0.1, 1):.4f}")
        labels.append(f"{frame} -1 DontCare -1 -1 -10 {box(0, 280, 400, 120)}")
    write(folder / "gt" / "label_02" / "0000.txt", labels)
    write(
        folder / "gt" / "evaluate_tracking.seqmap.training",
        [f"0000 empty 000000 {FRAMES:06d}", f"0001 empty 000000 {FRAMES:06d}"],
    )
    write(folder / "gt" / "label_02" / "0001.txt", labels[:1])
    write(folder / "out" / "ours" / "data" / "0000.txt", results)
    write(folder / "out" / "ours" / "data" / "0001.txt", results[:1])


def box(x: float, y: float, w: float, h: float) -> str:
    return f"{x} {y} {x + w} {y + h} 1 1 1 0 0 9 0"


def test_agrees_with_trackeval(tmp_path: Path) -> None:
    street(tmp_path, np.random.default_rng(4))
    theirs = trackeval.datasets.Kitti2DBox(
        {
            "GT_FOLDER": str(tmp_path / "gt"),
            "TRACKERS_FOLDER": str(tmp_path / "out"),
            "PRINT_CONFIG": False,
        }
    )
    for name, called in (("car", "car"), ("pedestrian", "person")):
        raw = theirs.get_raw_seq_data("ours", "0000")
        data = theirs.get_preprocessed_seq_data(raw, name)
        expected = {
            **trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(data),
            "HOTA": trackeval.metrics.HOTA().eval_sequence(data)["HOTA"].mean(),
        }
        result = evaluate(
            truth=tmp_path / "gt" / "label_02",
            tracks=tmp_path / "out" / "ours" / "data",
            classes=[name],
            threshold=0.0,
        )
        found = result.by_sequence["0000"].tracks
        assert found is not None
        assert found.tracks is not None
        assert list(result.by_class) == [called]
        counts = (found.boxes.true, found.boxes.false, found.boxes.missed)
        assert counts == tuple(int(expected[k]) for k in ("CLR_TP", "CLR_FP", "CLR_FN"))
        assert min(counts) > 0
        assert found.boxes.ignored > 0
        assert found.tracks.hota == pytest.approx(expected["HOTA"])
        assert found.tracks.mota == pytest.approx(expected["MOTA"])


def test_labels_are_no_results(tmp_path: Path) -> None:
    street(tmp_path, np.random.default_rng(0))
    truth = read_truth(tmp_path / "gt" / "label_02" / "0000.txt")
    with pytest.raises(InputError, match="without a score"):
        read_tracks(tmp_path / "gt" / "label_02" / "0000.txt", truth)
