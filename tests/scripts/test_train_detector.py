"""A training of a few iterations: files, resume, determinism, and errors that help."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from detectors.lite_fasterrcnn import build, load_weights
from scripts import train_detector
from scripts.training import batches, state
from scripts.training import run as run_module
from scripts.training.coco import load_scenes
from scripts.training.losses import detection_losses


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 64 pixels, so that an iteration takes tenths of a second."""
    monkeypatch.setattr(batches, "SIDES", (64, 96, 128))


@pytest.fixture(scope="module")
def first_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights to start from: the shipped ones would hide a training that does nothing."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "first.safetensors"
    save_file({k: v.half().contiguous() for k, v in build().state_dict().items()}, path)
    return path


def run(streets: tuple[Path, Path], init: Path, out: Path, *options: str) -> int:
    labels, images = streets
    command = ["--data", str(labels), "--images", str(images), "--out", str(out)]
    return train(init, *command, *options)


def train(init: Path | str, *options: str) -> int:
    command = ["--init", str(init), "--batch-size", "2", "--workers", "0", "--threads", "2"]
    return train_detector.main([*command, *options])


def test_resumed_run_equals_uninterrupted_run(streets, first_weights, tmp_path) -> None:
    labels, images = streets
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = ("--iterations", "2", "--validate-every", "1")
    validation = ("--val", str(labels), "--val-images", str(images))
    assert run(streets, first_weights, whole, *common, *validation) == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module.Run, "step", _step_then_interrupt)
        assert run(streets, first_weights, parts, *common) == 130
    assert state.load_checkpoint(parts / "last.pt")["iteration"] == 1
    assert run(streets, first_weights, parts, *common, "--resume") == 0

    expected = load_file(whole / "last.safetensors")
    got = load_file(parts / "last.safetensors")
    first = load_file(first_weights)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        assert value.dtype == torch.float16
        assert torch.equal(value, got[name]), name
    moved = {name for name, value in expected.items() if not torch.equal(value, first[name])}
    assert any(name.startswith("roi_heads") for name in moved)
    assert any(name.startswith("backbone.trunk.stages.6") for name in moved)
    assert not any(
        name.startswith(("backbone.trunk.stem", "backbone.trunk.stages.1.")) for name in moved
    )

    metadata = load_weights(build(), whole / "best.safetensors")
    assert json.loads(metadata["class_names"]) == ["person"]
    assert set(json.loads(metadata["validation"])) >= {"ap50", "ap70", "recall"}
    entries = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert {"objectness", "proposal", "class", "box"} <= set().union(*entries)
    looks = [entry["iteration"] for entry in entries if "validation" in entry]
    assert looks == [0, 1, 2]  # what it began with is measured first


_step = run_module.Run.step


def _step_then_interrupt(
    self: run_module.Run, images: torch.Tensor, boxes: list[torch.Tensor]
) -> dict[str, float]:
    losses = _step(self, images, boxes)
    signal.raise_signal(signal.SIGINT)
    return losses


def test_batches_depend_on_seed_and_iteration_only(streets) -> None:
    from scripts.training.augment import Augmenter

    augmenter = Augmenter(load_scenes(*streets))
    data = batches.Iterations(augmenter, batch_size=2, seed=5)
    alone = data[3]
    served = list(batches.load(data, 2, 4, workers=0))[1]
    other = batches.Iterations(augmenter, batch_size=2, seed=6)[3]
    assert torch.equal(alone[0], served[0])
    assert all(torch.equal(a, b) for a, b in zip(alone[1], served[1], strict=True))
    assert alone[0].shape != other[0].shape or not torch.equal(alone[0], other[0])


def test_rate_rises_then_falls() -> None:
    rates = [run_module.rate(i, 1000) for i in range(1000)]
    top = int(np.argmax(rates))
    assert 90 <= top <= 110
    assert rates[0] < 0.02
    assert rates[-1] == pytest.approx(run_module.FINAL_SHARE, abs=1e-3)
    assert np.all(np.diff(rates[top:]) < 0)


def test_existing_run_is_not_overwritten(streets, first_weights, tmp_path, caplog) -> None:
    (tmp_path / "last.pt").write_bytes(b"")
    assert run(streets, first_weights, tmp_path) == 1
    assert "--resume it or choose another --out" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--category", "dog"), "no category named 'dog', only: other, person"),
        (("--images", "more"), "1 label files but 2 image folders"),
        (("--resume",), "last.pt"),
        (("--init", "none.safetensors"), "no checkpoint at none.safetensors"),
    ],
)
def test_errors_name_the_cause(
    streets, first_weights, tmp_path, caplog, options: tuple[str, ...], message: str
) -> None:
    assert run(streets, first_weights, tmp_path, *options) == 1
    assert message in caplog.text


def test_labels_that_are_not_coco(tmp_path, first_weights, caplog) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text("[]")
    assert run((labels, tmp_path), first_weights, tmp_path / "out") == 1
    assert "is not COCO-format JSON" in caplog.text


@pytest.mark.parametrize(
    ("box", "told"),
    [(None, "KeyError"), ([1, 2, "x", 3], "string"), ([1, 2, 3, float("nan")], "not finite")],
)
def test_a_box_that_is_none_names_its_image(
    streets, first_weights, tmp_path, caplog, box: object, told: str
) -> None:
    labels, images = streets
    coco = json.loads(labels.read_text())
    wrong = coco["annotations"][0]
    wrong.pop("bbox")
    if box is not None:
        wrong["bbox"] = box
    (tmp_path / "labels.json").write_text(json.dumps(coco))
    assert run((tmp_path / "labels.json", images), first_weights, tmp_path / "out") == 1
    (name,) = (one["file_name"] for one in coco["images"] if one["id"] == wrong["image_id"])
    assert f"a box of image {name} is none" in caplog.text
    assert told in caplog.text


def test_labels_that_do_not_fit_their_pictures_are_told(streets, tmp_path, caplog) -> None:
    labels, images = streets
    coco = json.loads(labels.read_text())
    coco["images"][0]["width"] = 4000
    coco["annotations"].append(coco["annotations"][0] | {"image_id": 77777})
    (tmp_path / "labels.json").write_text(json.dumps(coco))
    scenes = load_scenes(tmp_path / "labels.json", images)
    assert len(scenes) == len(coco["images"])
    assert "not 4000x" in caplog.text
    assert "1 annotations are of images that it lacks" in caplog.text


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train_detector.main(["--help"])
    assert "--init backbone --out runs/person" in capsys.readouterr().out


def test_batch_without_persons_has_finite_losses() -> None:
    torch.manual_seed(0)
    losses = detection_losses(build(), torch.rand(2, 3, 64, 64), [torch.zeros(0, 4)] * 2)
    torch.stack(list(losses.values())).sum().backward()
    assert losses["box"].item() == 0.0
    assert losses["proposal"].item() == 0.0
    assert all(torch.isfinite(loss) for loss in losses.values())
