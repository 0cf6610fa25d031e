from __future__ import annotations

import argparse
import json

import pytest
import torch
from safetensors.torch import save_file

import detectors
from detectors import architectures, checkpoints
from detectors.catalog import BUNDLED
from tracker.errors import ConftrackError, InputError

NAMES = ["person", "cart"]


@pytest.fixture(scope="module")
def state():
    """Weights of the smallest architecture with two classes."""
    torch.manual_seed(0)
    return {k: v.contiguous() for k, v in architectures.build(BUNDLED, 3).state_dict().items()}


def test_safetensors_that_describe_themselves(state, tmp_path, noise):
    path = tmp_path / "carts.safetensors"
    save_file(state, path, metadata={"class_names": json.dumps(NAMES), "architecture": BUNDLED})
    detector = detectors.load(path, device="cpu", short_side=64)
    assert detector.class_names == ("person", "cart")
    assert detector.name == "carts"
    assert f"carts.safetensors ({BUNDLED}, 2 classes), on cpu" in detector.note
    assert detector.detect_images([noise(60, 80)])[0].class_probabilities.shape[1] == 2
    loaded = detector._model.state_dict()
    assert all(torch.equal(loaded[k].contiguous(), v) for k, v in state.items())


def test_a_plain_state_dict_is_recognised(state, tmp_path):
    path = tmp_path / "model.pth"
    torch.save(state, path)
    detector = detectors.load(str(path), device="cpu", class_names=NAMES)
    assert BUNDLED in detector.note
    assert detectors.load(
        path, device="cpu", class_names=["__background__", *NAMES]
    ).class_names == (
        "person",
        "cart",
    )


def test_a_training_checkpoint_from_several_gpus(state, tmp_path):
    path = tmp_path / "epoch.pt"
    content = {f"module.{k}": v for k, v in state.items()}
    torch.save(
        {"model": content, "optimizer": {"lr": 0.1}, "class_names": NAMES, "architecture": BUNDLED},
        path,
    )
    assert detectors.load(path, device="cpu").class_names == ("person", "cart")


def test_wrong_number_of_names(state, tmp_path):
    path = tmp_path / "model.pth"
    torch.save(state, path)
    message = r"3 outputs, background and 2 classes, but class_names gives 1 names"
    with pytest.raises(InputError, match=message):
        detectors.load(path, class_names=["person"], architecture=BUNDLED)
    with pytest.raises(InputError, match="but COCO gives 90 names"):
        detectors.load(path, class_names="coco", architecture=BUNDLED)
    with pytest.raises(InputError, match=r"pass class_names=\.\.\. with 2 names"):
        detectors.load(path, architecture=BUNDLED)


def test_another_architecture_than_it_is_said_to_be(state, tmp_path):
    path = tmp_path / "model.pth"
    torch.save(state, path)
    with pytest.raises(InputError, match=r"is not a fasterrcnn_resnet50_fpn: .* missing"):
        detectors.load(path, class_names=NAMES, architecture="fasterrcnn_resnet50_fpn")
    with pytest.raises(InputError, match="unknown architecture 'yolo'"):
        detectors.load(path, class_names=NAMES, architecture="yolo")


def test_weights_of_another_shape_are_named(state, tmp_path):
    path = tmp_path / "model.pth"
    torch.save({**state, "roi_heads.box_head.fc6.weight": torch.zeros(7, 7)}, path)
    with pytest.raises(InputError, match=r"1 of another shape \(first: roi_heads.box_head.fc6"):
        detectors.load(path, class_names=NAMES, architecture=BUNDLED)
    with pytest.raises(InputError, match="fits none of"):
        detectors.load(path, class_names=NAMES)


def test_the_two_mobilenets_cannot_be_told_apart(tmp_path, monkeypatch):
    shapes = architectures.shapes("fasterrcnn_mobilenet_v3_large_fpn", 3)
    monkeypatch.setattr(checkpoints, "weight_shapes", lambda state: shapes)
    with pytest.raises(InputError, match=r"fits .*large_fpn and .*large_320_fpn: pass arch"):
        checkpoints._recognise(tmp_path / "x.pth", {}, 3)


def test_another_networks_weights(tmp_path):
    path = tmp_path / "classifier.pth"
    torch.save({"fc.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(InputError, match=r"no torchvision Faster R-CNN.* begin with fc\.weight"):
        detectors.load(path)


def test_pickled_objects_are_not_executed(state, tmp_path):
    path = tmp_path / "unsafe.pth"
    torch.save({"model": state, "args": argparse.Namespace(lr=1)}, path)
    with pytest.raises(ConftrackError, match=r"cannot be read safely.*torch\.save\(model\.state"):
        detectors.load(path)


def test_a_whole_pickled_model_is_refused(tmp_path):
    path = tmp_path / "whole.pth"
    torch.save(torch.nn.Linear(1, 1), path)
    with pytest.raises(ConftrackError, match="cannot be read safely"):
        detectors.load(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut off"])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ConftrackError, match=str(path.name)):
        detectors.load(path)


def test_no_state_dict_in_it(tmp_path):
    path = tmp_path / "list.pth"
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="holds no state dict"):
        detectors.load(path)


def test_missing_file(tmp_path):
    with pytest.raises(ConftrackError, match="no checkpoint at"):
        detectors.load(tmp_path / "none.pth")


def test_sizes_and_scale_of_images_come_from_the_file(state, tmp_path):
    path = tmp_path / "far.safetensors"
    metadata = {
        "class_names": json.dumps(NAMES),
        "architecture": BUNDLED,
        "min_size": "96",
        "max_size": "200",
        "image_mean": "[0.1, 0.2, 0.3]",
    }
    save_file(state, path, metadata=metadata)
    transform = detectors.load(path, device="cpu")._model.transform
    assert (transform.min_size, transform.max_size) == ((96,), 200)
    assert transform.image_mean == [0.1, 0.2, 0.3]
    assert detectors.load(path, device="cpu", short_side=48)._model.transform.max_size == 100
    for bad in ({"min_size": "x"}, {"min_size": "300"}, {"image_mean": "[1]"}, {"image_std": "{"}):
        save_file(state, path, metadata={**metadata, **bad})
        with pytest.raises(InputError, match="metadata"):
            detectors.load(path, device="cpu")
