"""Fine-tuning on the export of `conftrack rank`: what is taught, from what, what it was worth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import detectors
from detectors import lite_fasterrcnn
from detectors.architectures import build
from scripts import label_from_truth, train_detector
from scripts.training import batches, sets, start, validation
from scripts.training import run as run_module
from scripts.training.coco import Scene, load_scenes
from tests.scripts.conftest import write_coco

MOBILE = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 64 pixels, so that an iteration takes tenths of a second."""
    monkeypatch.setattr(batches, "SIDES", (64, 64, 64))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the bundled network: their scores are near one half everywhere."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "first.safetensors"
    state = lite_fasterrcnn.build().state_dict()
    save_file({k: v.half().contiguous() for k, v in state.items()}, path)
    return path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder as `conftrack rank --export coco` writes it: six pictures with wrong boxes."""
    labels, images = write_coco(tmp_path / "drawn", 6)
    folder = tmp_path / "street-rank"
    folder.mkdir()
    shutil.move(images, folder / "images")
    coco = json.loads(labels.read_text())
    for image in coco["images"]:
        image |= {"video_id": 1, "frame_index": 10 * image["id"], "reviewed": False}
    box = {"bbox": [1, 1, 20, 40], "score": 0.7, "iscrowd": 0, "segmentation": []}
    coco["annotations"] = [box | {"id": n + 1, "image_id": n, "category_id": 1} for n in range(6)]
    coco["videos"] = [{"id": 1, "name": "street"}]
    (folder / "coco.json").write_text(json.dumps(coco))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Frames 1, 11 … of the same video: a person, in the first also one that is not judged."""
    path = tmp_path / "gt.txt"
    rows = [f"{10 * n + 1},5,40,30,50,100,1,1,1" for n in range(6)]
    path.write_text("\n".join([*rows, "1,6,150,30,90,60,0,1,0.1", "2,7,0,0,9,9,1,1,1"]) + "\n")
    return path


def train(*options: str | Path) -> int:
    command = ["--batch-size", "1", "--workers", "0", "--threads", "1", "--iterations", "1"]
    return train_detector.main([*map(str, options), *command])


def labels_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "labels.json").read_text())
    return content


# The simulated labeller.


def test_truth_takes_the_place_of_the_tracks_boxes(export, truth, capsys) -> None:
    assert label_from_truth.main([str(export), str(truth)]) == 0
    out = capsys.readouterr().out
    assert "6 pictures, 0 stayed, 0 moved, 6 removed, 6 drawn" in out
    labels = labels_of(export)
    assert all(image["reviewed"] for image in labels["images"])
    first = [a for a in labels["annotations"] if a["image_id"] == 0]
    assert [a["bbox"] for a in first] == [[40, 30, 50, 100], [150, 30, 50, 60]]  # cut at the edge
    assert [a["iscrowd"] for a in first] == [0, 1]
    assert len({a["id"] for a in labels["annotations"]}) == len(labels["annotations"]) == 7
    assert not any("score" in a for a in labels["annotations"])
    scenes = load_scenes(export / "labels.json", export / "images")
    np.testing.assert_array_equal(scenes[0].persons, [[40, 30, 90, 130]])


def test_work_that_a_person_would_have_had() -> None:
    true = np.array([[0, 0, 100, 100], [200, 0, 300, 100], [400, 0, 500, 100]], float)
    boxes = [[0, 0, 100, 98], [200, 0, 270, 100], [0, 300, 10, 310], [50, 300, 60, 310]]
    old = [{"bbox": [a, b, c - a, d - b], "score": 0.9} for a, b, c, d in boxes]
    assert label_from_truth._work(old, true) == {
        "stayed": 1,
        "moved": 1,
        "removed": 2,
        "drawn": 1,
    }


def test_lot_labels_some_pictures_and_the_others_are_not_taught(export, truth) -> None:
    command = [str(export), str(truth), "--random", "2"]
    assert label_from_truth.main([*command, "--seed", "1"]) == 0
    images = labels_of(export)["images"]
    reviewed = [image["id"] for image in images if image["reviewed"]]
    assert len(reviewed) == 2
    untouched = [a for a in labels_of(export)["annotations"] if a["image_id"] not in reviewed]
    assert [a["bbox"] for a in untouched] == [[1, 1, 20, 40]] * 4
    scenes = load_scenes(export / "labels.json", export / "images")
    assert len(scenes) == 2
    assert all(len(scene.persons) == 1 and scene.persons[0, 0] == 40 for scene in scenes)
    lots = set()
    for seed in range(8):
        label_from_truth.main([*command, "--seed", str(seed)])
        lots.add(tuple(i["id"] for i in labels_of(export)["images"] if i["reviewed"]))
    assert len(lots) > 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gt.txt", "gt.txt"], "it shows 1 videos, but 2 truths were given"),
        (["gt.txt", "--random", "7"], "--random must be from 1 to 6"),
        (["gt.txt", "--category", "dog"], "no COCO export of `conftrack rank` with 'dog'"),
        (["none.txt"], "none.txt"),
    ],
)
def test_labeller_says_what_is_wrong(export, truth, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(truth.parent)
    assert label_from_truth.main([str(export), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (export / "labels.json").exists()


# What is taught.


def test_labels_that_nobody_reviewed_are_not_taught(export, weights, tmp_path, caplog) -> None:
    out = tmp_path / "out"
    assert train("--data", export, "--out", out, "--init", weights) == 1
    assert "no image in" in caplog.text
    assert "--all-reviewed" in caplog.text
    assert not (out / "last.safetensors").exists()
    everything, _ = sets.read(sets.find([export], []), "person", all_reviewed=True)
    assert len(everything["street-rank"]) == 6


def test_every_nth_picture_of_a_folder_is_kept_back(export, truth) -> None:
    label_from_truth.main([str(export), str(truth)])
    taught, held = sets.read(sets.find([export], []), "person", hold_out=3)
    everything, none = sets.read(sets.find([export], []), "person")
    assert none == {}
    kept, whole = held["street-rank, held out"], everything["street-rank"]
    assert len(taught["street-rank"]) == 4
    for scene, number in zip(kept, (2, 5), strict=True):
        np.testing.assert_array_equal(scene.image, whole[number].image)
    twice, once = sets.read(sets.find([export, export], []), "person", hold_out=3)
    assert [len(twice["street-rank"]), len(once["street-rank, held out"])] == [8, 2]
    with pytest.raises(ValueError, match="--hold-out 9"):
        sets.read(sets.find([export], []), "person", hold_out=9)


def test_folder_without_labels_says_where_they_come_from(tmp_path) -> None:
    with pytest.raises(ValueError, match="conftrack rank RUN --export coco"):
        sets.find([tmp_path], [])


def test_folders_and_files_are_paired_in_order(export, tmp_path) -> None:
    found = sets.find([Path("a.json"), export, Path("b.json")], [Path("A"), Path("B")])
    assert [s.images for s in found] == [Path("A"), export / "images", Path("B")]
    assert [s.name for s in found] == ["a", "street-rank", "b"]


# What it was worth.


def test_export_to_fine_tuned_detector_with_before_and_after(
    export, truth, weights, tmp_path, capsys
) -> None:
    label_from_truth.main([str(export), str(truth)])
    out = tmp_path / "out"
    capsys.readouterr()
    options = ("--data", export, "--hold-out", "3", "--out", out, "--init", weights)
    assert train(*options, "--threshold", "0.4") == 0
    head, before, after, kept = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["images", "AP50", "AP70"]
    assert "recall at 0.4" in head
    assert before.startswith("street-rank, held out  before")
    assert after.startswith("(2)")
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    looks = [entry for entry in entries if "validation" in entry]
    assert [look["iteration"] for look in looks] == [0, 1]
    for line, look in zip((before, after), looks, strict=True):
        numbers = look["validation"]["all"]
        shown = [float(cell) for cell in line.split()[-4:]]
        keys = ("ap50", "ap70", "recall_strong", "false_per_image_strong")
        assert shown == pytest.approx([numbers[k] for k in keys], abs=6e-4)
    better = looks[1]["validation"]["all"]["choice"] > looks[0]["validation"]["all"]["choice"]
    assert kept.startswith("kept: after, iteration 1" if better else "kept: before")
    detector = detectors.load(str(out / "best.safetensors"), device="cpu")
    assert detector.class_names == ("person",)
    assert lite_fasterrcnn.build().transform.min_size[0] == 480


@pytest.mark.parametrize("better", [True, False])
def test_better_of_before_and_after_is_kept(
    export, truth, weights, tmp_path, capsys, monkeypatch, better: bool
) -> None:
    from safetensors.torch import load_file

    label_from_truth.main([str(export), str(truth)])
    told = iter((0.5, 0.6 if better else 0.4))

    def validate(*_: object, **__: object) -> dict[str, dict[str, float]]:
        names = ("ap50", "ap70", "recall_strong", "false_per_image_strong", "choice", "images")
        return {"all": dict.fromkeys(names, next(told))}

    monkeypatch.setattr(run_module, "validate", validate)
    out = tmp_path / "out"
    assert train("--data", export, "--hold-out", "3", "--out", out, "--init", weights) == 0
    assert ("kept: after" if better else "kept: before") in capsys.readouterr().out
    best, last, first = (
        load_file(path) for path in (out / "best.safetensors", out / "last.safetensors", weights)
    )
    name = "roi_heads.box_predictor.cls_score.weight"
    assert torch.equal(best[name], (last if better else first)[name])
    assert not torch.equal(last[name], first[name])


def test_table_counts_at_the_threshold_and_for_each_set() -> None:
    """A model that always gives one right box and, at a score of 0.4, one on nothing."""

    class Fixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.anchor = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
            return [
                {
                    "boxes": torch.tensor([[0.0, 0, 10, 20], [30, 0, 40, 20], [0, 0, 10, 20]]),
                    "scores": torch.tensor([0.9, 0.4, 0.99]),
                    "labels": torch.tensor([7, 7, 3]),
                }
            ]

    picture = np.zeros((40, 60, 3), np.uint8)
    empty, one = np.zeros((0, 4), np.float32), np.array([[0, 0, 10, 20]], np.float32)
    pictures = {
        "a": [Scene(picture, one, empty, ())],
        "b": [Scene(picture, empty, empty, ())] * 3,
    }
    results = validation.validate(Fixed(), pictures, threshold=0.5, column=7)
    assert results["a"]["ap50"] == 1.0
    assert (results["a"]["recall_strong"], results["a"]["false_per_image_strong"]) == (1.0, 0.0)
    assert (results["a"]["false_per_image"], results["b"]["false_per_image"]) == (1.0, 2.0)
    assert results["b"]["false_per_image_strong"] == 1.0
    assert results["all"]["images"] == 4
    assert results["all"]["false_per_image"] == pytest.approx(7 / 4)
    lines = validation.table(None, results, 0.5).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "(1)", "b", "(3)", "all", "(4)"]
    assert lines[1].split()[2:] == ["-"] * 4


# From which weights.


def test_coco_weights_that_cannot_be_had_are_a_clear_error(
    export, tmp_path, caplog, monkeypatch
) -> None:
    from detectors import pretrained
    from tracker.errors import ConftrackError

    def refuse(*_: object) -> None:
        raise ConftrackError("the weights of x cannot be downloaded (no network): try later")

    monkeypatch.setattr(pretrained, "_coco_state", refuse)
    options = ("--data", export, "--all-reviewed", "--out", tmp_path / "out", "--init", "coco")
    assert train(*options, "--architecture", MOBILE) == 1
    assert "cannot be downloaded (no network)" in caplog.text
    assert train(*options) == 1
    assert "--init coco needs --architecture, one of: fasterrcnn_resnet50_fpn_v2" in caplog.text


@pytest.fixture(scope="module")
def coco_state() -> dict[str, torch.Tensor]:
    """Random weights in the place of COCO's, with norms that are not all alike."""
    torch.manual_seed(1)
    state = build(MOBILE, 91).state_dict()
    for name, value in state.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
    return state


def test_fine_tuning_of_coco_weights(
    export, truth, tmp_path, capsys, monkeypatch, coco_state
) -> None:
    from detectors import pretrained

    monkeypatch.setattr(pretrained, "_coco_state", lambda *_: coco_state)
    label_from_truth.main([str(export), str(truth)])
    out = tmp_path / "out"
    options = ("--data", export, "--hold-out", "3", "--init", "coco", "--architecture", MOBILE)
    assert train(*options, "--out", out) == 0
    assert "before" in capsys.readouterr().out
    detector = detectors.load(str(out / "last.safetensors"), device="cpu")
    assert detector.class_names == ("person",)
    said = json.loads((out / "log.jsonl").read_text().splitlines()[0])
    assert said["iteration"] == 0
    from safetensors import safe_open

    with safe_open(out / "last.safetensors", framework="pt") as file:
        assert file.metadata()["architecture"] == MOBILE
        assert file.metadata()["min_size"] == "320"
        norm = "backbone.body.4.block.0.1.running_var"
        assert torch.equal(file.get_tensor(norm), coco_state[norm])  # no batch touched it
        head = file.get_tensor("roi_heads.box_predictor.cls_score.weight")
    # Person is column 1 of COCO; one iteration moves little.
    assert torch.allclose(
        head.float(), coco_state["roi_heads.box_predictor.cls_score.weight"][:2], atol=0.01
    )
    # It goes on from its own file, too.
    again = start.start(str(out / "last.safetensors"))
    assert (again.architecture, again.column, again.class_names) == (MOBILE, 1, ("person",))


def test_one_class_is_kept_of_a_head_and_its_boxes(monkeypatch, coco_state) -> None:
    from detectors import pretrained

    monkeypatch.setattr(pretrained, "_coco_state", lambda *_: coco_state)
    first = start.start("coco", architecture=MOBILE, category="car")
    assert first.column == 3
    assert first.before is not None
    pooled = torch.rand(4, 1024)
    with torch.no_grad():
        logits, boxes = first.model.roi_heads.box_predictor(pooled)
        all_logits, all_boxes = first.before.roi_heads.box_predictor(pooled)
    torch.testing.assert_close(logits, all_logits[:, [0, 3]])
    torch.testing.assert_close(boxes, all_boxes[:, [0, 1, 2, 3, 12, 13, 14, 15]])
    unknown = start.start("coco", architecture=MOBILE, category="forklift")
    assert unknown.before is None
    trained = {n for n, p in first.model.named_parameters() if p.requires_grad}
    assert "backbone.body.13.block.0.0.weight" in trained
    assert "backbone.body.3.block.0.0.weight" not in trained
    assert not any(".1.weight" in n and "body" in n for n in trained)  # norms


def test_norms_without_epsilon_are_written_as_the_same_function() -> None:
    torch.manual_seed(0)
    model = build("fasterrcnn_resnet50_fpn", 2).eval()
    found = start.norms(model)
    for norm in found:
        norm.eps = 0.0
        norm.running_var.uniform_(1e-6, 1e-3)
    some = (found[0], found[-1])
    pictures = [torch.rand(1, norm.num_features, 3, 3) for norm in some]
    with torch.inference_mode():
        before = [norm(x) for norm, x in zip(some, pictures, strict=True)]
    start._freeze(model, "fasterrcnn_resnet50_fpn")
    assert {norm.eps for norm in found} == {1e-5}
    with torch.inference_mode():
        for norm, x, value in zip(some, pictures, before, strict=True):
            torch.testing.assert_close(norm(x), value, rtol=1e-4, atol=1e-4)
