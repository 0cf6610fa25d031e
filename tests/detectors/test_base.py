from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import detectors
from detectors import base, catalog
from tracker import Detections
from tracker.errors import InputError, MissingExtraError
from tracker.frames import Frame


class Constant:
    name, class_names, device = "constant", ("person",), "cpu"

    def detect(self, frames):
        return [Detections([[0, 0, 9, 9]], [0.5]) for _ in frames]


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(base, "_LOADERS", dict(base._LOADERS))
    monkeypatch.setattr(base, "_INFOS", dict(base._INFOS))


def test_public_names():
    assert detectors.__all__ == ["Detector", "ModelInfo", "available", "load", "register"]


def test_importing_and_listing_need_no_torch():
    code = (
        "import sys, detectors; detectors.available(); "
        "assert not {'torch', 'torchvision', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_detector_of_ones_own(registry):
    info = detectors.ModelInfo("constant", 1, "none", 0, cached=True)
    detectors.register("constant", lambda name, options: Constant(), info=lambda: info)
    detector = detectors.load("constant")
    assert isinstance(detector, detectors.Detector)
    assert len(detector.detect([Frame(np.zeros((4, 4, 3), np.uint8), 0.0, 0)])) == 1
    assert info in detectors.available()


def test_loaders_get_the_options(registry):
    seen = []
    detectors.register("spy", lambda name, options: seen.append((name, options)) or Constant())
    detectors.load("spy", score_threshold=0.2, classes=["person"])
    assert seen[0][0] == "spy"
    assert seen[0][1].score_threshold == 0.2
    assert seen[0][1].classes == ["person"]


@pytest.mark.parametrize("name", ["bundled", "auto", "replay:x", "a/b", "x.pth", ""])
def test_names_that_cannot_be_registered(registry, name):
    with pytest.raises(InputError):
        detectors.register(name, lambda name, options: Constant())


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match=r"did you mean 'fasterrcnn_resnet50_fpn_v2'\?"):
        detectors.load("fasterrcnn_resnet50_fpnv2")
    with pytest.raises(InputError, match="known: auto, bundled"):
        detectors.load("zzz")


def test_options_are_checked_before_anything_is_loaded():
    with pytest.raises(InputError, match="score_threshold"):
        detectors.load("bundled", score_threshold=-1)


def test_missing_torch_names_the_extra(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(base.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r'pip install -e "\.\[detect\]"'):
        detectors.load("bundled")


def test_the_catalog_is_torchvisions():
    from torchvision.models import get_model_weights

    for name, model in catalog.COCO_MODELS.items():
        weights = get_model_weights(name)["COCO_V1"]
        assert model.url == weights.url
        assert model.size_mib == weights.meta["_file_size"]
        assert model.box_map == weights.meta["_metrics"]["COCO-val2017"]["box_map"]


def test_the_cache_is_where_torch_has_it(monkeypatch, tmp_path):
    import torch.hub

    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    for variables in (
        {"TORCH_HOME": str(tmp_path)},
        {"XDG_CACHE_HOME": str(tmp_path)},
        {},
    ):
        with monkeypatch.context() as patch:
            for variable in ("TORCH_HOME", "XDG_CACHE_HOME"):
                patch.delenv(variable, raising=False)
            for variable, value in variables.items():
                patch.setenv(variable, value)
            with_torch = catalog.cache_dir()
            patch.delitem(sys.modules, "torch")
            assert catalog.cache_dir() == with_torch


def test_available_tells_what_is_cached(no_network):
    before = {m.name: m for m in detectors.available()}
    assert not before["fasterrcnn_resnet50_fpn"].cached
    assert before["fasterrcnn_resnet50_fpn"].size_bytes == pytest.approx(159.743 * 2**20, abs=1)
    assert before["fasterrcnn_resnet50_fpn"].box_map == 37.0
    no_network.mkdir(parents=True)
    (no_network / catalog.COCO_MODELS["fasterrcnn_resnet50_fpn"].file).write_bytes(b"12345")
    (no_network / (catalog.COCO_MODELS["fasterrcnn_resnet50_fpn_v2"].file + ".a.partial")).touch()
    after = {m.name: m for m in detectors.available()}
    assert after["fasterrcnn_resnet50_fpn"].cached
    assert after["fasterrcnn_resnet50_fpn"].size_bytes == 5
    assert not after["fasterrcnn_resnet50_fpn_v2"].cached
    assert catalog.BUNDLED in after
