"""Tracks and detections from files, paired with the sequences of the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.kit import A, run_folder, truth, write
from tracker.errors import InputError
from tracker.evaluation import find_detections, read_detections, read_tracks, read_truth

ONE = [truth([(0, 1, A)], 3)]
TWO = [truth([(0, 1, A)], 3, name="a"), truth([(0, 1, A)], 3, name="b")]
TRACK, DETECTION = "1,4,0,0,10,10,0.5,0.75,-1,-1", "2,-1,0,0,10,10,0.25,-1,-1,-1"


def test_a_run_folder(tmp_path: Path) -> None:
    gt = run_folder(tmp_path / "run")
    (there,) = read_truth(gt)
    (tracks,) = read_tracks(tmp_path / "run", [there])
    assert (tracks.name, tracks.class_names) == (tmp_path.name, ("person",))
    assert tracks.fps == pytest.approx(10.0)
    assert tracks.looked is not None
    assert tracks.looked.tolist() == list(range(40))
    assert ((tracks.existence > 0) & (tracks.existence < 1)).all()
    (same,) = read_tracks(tmp_path / "run" / "tracks.jsonl", [there])
    assert same.score.tolist() == tracks.score.tolist()
    assert find_detections(gt, tmp_path / "run", [there]) == tmp_path / "run"
    (raw,) = read_detections(tmp_path / "run", [there])
    assert (raw.track_id == -1).all()
    assert np.isnan(raw.existence).all()
    assert raw.fps == pytest.approx(10.0)


def test_mot_text(tmp_path: Path) -> None:
    lines = [TRACK, "2,4,1,0,10,10,0.6,-1,-1,-1"]
    (tracks,) = read_tracks(write(tmp_path / "any name.txt", lines), ONE)
    assert (tracks.name, tracks.class_names, tracks.looked) == ("seq", (), None)
    assert (tracks.frame.tolist(), tracks.track_id.tolist()) == ([0, 1], [4, 4])
    assert tracks.existence[0] == 0.75
    assert np.isnan(tracks.existence[1])
    with pytest.raises(InputError, match="write 1 where the tracker gives none"):
        read_tracks(write(tmp_path / "t.txt", [TRACK.replace("0.5,", "-1,")]), ONE)
    with pytest.raises(InputError, match="give them as --detections"):
        read_tracks(write(tmp_path / "det.txt", [DETECTION]), ONE)


@pytest.mark.parametrize("layout", ["{}.txt", "{}/tracks.txt", "data/{}.txt"])
def test_folders_of_tracks(tmp_path: Path, layout: str) -> None:
    write(tmp_path / layout.format("a"), [TRACK])
    with pytest.raises(InputError, match=r"no tracks of sequence b: expected .*b\.jsonl"):
        read_tracks(tmp_path, TWO)
    write(tmp_path / layout.format("b"), [])  # empty: nothing was found
    assert [len(t) for t in read_tracks(tmp_path, TWO)] == [1, 0]
    with pytest.raises(InputError, match="is one file, but the truth has 2 sequences"):
        read_tracks(tmp_path / layout.format("a"), TWO)


@pytest.mark.parametrize("layout", ["{}/det_prob.txt", "{}/det.txt", "{}/det/det.txt", "{}.txt"])
def test_folders_of_detections(tmp_path: Path, layout: str) -> None:
    for name in ("a", "b"):
        write(tmp_path / layout.format(name), [DETECTION])
    assert [d.score.tolist() for d in read_detections(tmp_path, TWO)] == [[0.25], [0.25]]


def test_mapped_scores_come_before_raw_ones(tmp_path: Path) -> None:
    write(tmp_path / "det.txt", [DETECTION.replace("0.25", "30")])
    with pytest.raises(InputError, match="30 to 30, which are no probabilities: --score-map"):
        read_detections(tmp_path, ONE)
    write(tmp_path / "det_prob.txt", [DETECTION])
    assert read_detections(tmp_path, ONE)[0].score.tolist() == [0.25]


def test_score_maps(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.txt", [f"{k},-1,0,0,9,9,{v},-1" for k, v in ((1, -2), (2, 0), (3, 2))]
    )
    (flat,) = read_detections(path, ONE, score_map="sigmoid")
    assert flat.score.tolist() == pytest.approx((1 / (1 + np.exp([2.0, 0.0, -2.0]))).tolist())
    (span,) = read_detections(path, ONE, score_map="minmax")
    assert span.score.tolist() == [0.0, 0.5, 1.0]


def test_coco_results_of_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "val.json").write_text(
        json.dumps(
            {
                "images": [{"id": 10, "video_id": 2}, {"id": 11, "video_id": 2}],
                "videos": [{"id": 2, "name": "seq"}],
                "categories": [{"id": 3, "name": "Car"}],
                "annotations": [],
            }
        )
    )
    results = [{"image_id": 11, "category_id": 3, "bbox": [0, 0, 10, 10], "score": 0.5}]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    (found,) = read_detections(path, ONE, dataset=tmp_path / "val.json")
    assert (found.frame.tolist(), found.class_names) == ([1], ("car",))
    path.write_text(json.dumps([{**results[0], "image_id": 12}]))
    with pytest.raises(InputError, match="id 12, which is not in"):
        read_detections(path, ONE, dataset=tmp_path / "val.json")


def test_detections_beside_the_truth(tmp_path: Path) -> None:
    write(tmp_path / "seq" / "gt" / "gt.txt", ["1,1,0,0,9,9,1,1,1"])
    (there,) = read_truth(tmp_path / "seq")
    assert find_detections(tmp_path / "seq", None, [there]) is None
    write(tmp_path / "seq" / "det" / "det.txt", [DETECTION])
    for given in ("seq", "seq/gt/gt.txt"):
        assert find_detections(tmp_path / given, None, [there]) == tmp_path / "seq"
    # A folder of tracks of one sequence is no folder of detections, whatever it is called.
    tracks = write(tmp_path / "out" / "seq.txt", [TRACK])
    assert find_detections(tmp_path / "seq", tracks.parent, [there]) == tmp_path / "seq"


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist: --tracks takes"):
        read_tracks(tmp_path / "nowhere", ONE)
    with pytest.raises(InputError, match=r"must be \.jsonl"):
        read_tracks(write(tmp_path / "tracks.xml", []), ONE)
