from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import detection

import detectors
from detectors import architectures, catalog, pretrained
from detectors.catalog import BUNDLED, COCO_MODELS
from tracker.errors import ConftrackError, InputError

SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture
def small_auto(monkeypatch):
    """ "auto" chooses the smallest COCO model, so that tests are quick."""
    monkeypatch.setattr(pretrained, "AUTO_CPU", SMALL)


@pytest.fixture
def bundled_file(monkeypatch, tmp_path):
    """A bundled model of random weights, in half precision as it is shipped."""
    torch.manual_seed(0)
    state = architectures.build(BUNDLED, 2).state_dict()
    path = tmp_path / f"{BUNDLED}.safetensors"
    save_file({k: v.half().contiguous() for k, v in state.items()}, path)
    monkeypatch.setattr(pretrained, "BUNDLED_PATH", path)
    return path


@pytest.fixture
def cached_small(no_network):
    """Random weights under the name of the smallest COCO model, in the cache."""
    torch.manual_seed(0)
    state = architectures.build(SMALL, 91).state_dict()
    no_network.mkdir(parents=True)
    path = no_network / COCO_MODELS[SMALL].file
    torch.save(state, path)
    return path


def test_coco_weights_from_the_cache_run_as_in_torchvision(cached_small, noise):
    detector = detectors.load(SMALL, device="cpu", score_threshold=0.0, max_detections=10_000)
    assert len(detector.class_names) == 80
    assert detector.class_names[0] == "person"
    assert detector.class_names[79] == "toothbrush"
    reference = getattr(detection, SMALL)(weights="COCO_V1", rpn_score_thresh=0.0).eval()
    detector._model.rpn.score_thresh = 0.0
    image = noise(60, 80)
    out = detector.detect_images([image])[0]
    assert out.class_probabilities.shape[1] == 80
    with torch.inference_mode():
        batch, _ = reference.transform([torch.from_numpy(image).permute(2, 0, 1) / 255])
        ours = detector._model.backbone(batch.tensors)
        theirs = reference.backbone(batch.tensors)
    for level in theirs:
        torch.testing.assert_close(ours[level], theirs[level], rtol=1e-3, atol=1e-4)


def test_names_of_coco_are_the_same_everywhere():
    from torchvision.models import get_model_weights

    from tracker.formats.coco import COCO_CATEGORIES

    names = get_model_weights(SMALL)["COCO_V1"].meta["categories"]
    assert {n: i for i, n in enumerate(names) if i and n != "N/A"} == COCO_CATEGORIES


def test_a_damaged_file_in_the_cache_is_named(no_network):
    no_network.mkdir(parents=True)
    path = no_network / COCO_MODELS[SMALL].file
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ConftrackError, match=r"cannot be read .*: delete the file"):
        detectors.load(SMALL)


def test_weights_that_cannot_be_downloaded(no_network, capsys):
    with pytest.raises(ConftrackError, match=r'cannot be downloaded.*use the model "bundled"'):
        detectors.load(SMALL)
    assert list(no_network.glob("*")) == []
    assert capsys.readouterr().out == ""


def test_auto_takes_cached_weights_without_asking_the_network(small_auto, cached_small):
    detector = detectors.load("auto", device="cpu")
    assert detector.name == SMALL
    assert detector.note.startswith(f"auto: {SMALL} (COCO weights, cached), on cpu; for persons")


@pytest.mark.parametrize(("kind", "taken"), [("cpu", "AUTO_CPU"), ("cuda", "AUTO_GPU")])
def test_auto_chooses_by_what_the_device_can_run(
    kind, taken, no_network, bundled_file, monkeypatch
):
    asked = []
    monkeypatch.setattr(pretrained, "reachable", lambda url: asked.append(url) or "asked only")
    placement = SimpleNamespace(device=torch.device(kind))
    monkeypatch.setattr(pretrained, "place", lambda device: placement)
    detectors.load("auto", device="cpu")
    assert asked == [COCO_MODELS[getattr(pretrained, taken)].url]


def test_auto_takes_another_coco_model_that_is_cached(cached_small):
    detector = detectors.load("auto", device="cpu")
    assert detector.name == SMALL
    assert "cached" in detector.note


def test_auto_falls_back_to_the_bundled_model_and_says_so(no_network, bundled_file, caplog):
    with caplog.at_level(logging.WARNING, "conftrack"):
        detector = detectors.load("auto", device="cpu")
    assert detector.name == BUNDLED
    assert detector.class_names == ("person",)
    assert "persons only" in detector.note
    assert "no network in tests" in detector.note
    assert "\n" not in detector.note
    assert detector.note in caplog.text


def test_auto_falls_back_when_the_download_breaks(
    no_network, small_auto, bundled_file, monkeypatch
):
    monkeypatch.setattr(pretrained, "reachable", lambda url: None)
    detector = detectors.load("auto", device="cpu")
    assert detector.name == BUNDLED
    assert "cannot be downloaded" in detector.note
    assert list(no_network.glob("*")) == []


def test_auto_asks_for_a_class_only_coco_has(no_network, bundled_file):
    with pytest.raises(InputError, match=r"unknown class 'car'"):
        detectors.load("auto", device="cpu", classes=["car"])


def test_bundled_runs(bundled_file, noise):
    detector = detectors.load("bundled", device="cpu", short_side=64)
    assert detector.name == BUNDLED
    out = detector.detect_images([noise(60, 80)])[0]
    assert out.class_probabilities.shape[1] == 1
    assert next(detector._model.parameters()).dtype == torch.float32


def test_bundled_weights_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "BUNDLED_PATH", tmp_path / "none.safetensors")
    with pytest.raises(ConftrackError, match="bundled weights are missing"):
        detectors.load("bundled")


@pytest.mark.skipif(not catalog.BUNDLED_PATH.is_file(), reason="not trained yet")
def test_the_shipped_weights_load(noise):
    detector = detectors.load("bundled", device="cpu", short_side=64)
    assert np.isfinite(detector.detect_images([noise(60, 80)])[0].xyxy).all()


def test_named_models_refuse_the_options_of_checkpoints(bundled_file):
    with pytest.raises(InputError, match="class_names is for checkpoints"):
        detectors.load("bundled", class_names=["x"])
    with pytest.raises(InputError, match="architecture is for checkpoints"):
        detectors.load("auto", architecture=SMALL)


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_reachable(server):
    assert pretrained.reachable(f"{server}/there") is None
    assert "404" in pretrained.reachable(f"{server}/gone")


def test_a_silent_server_does_not_hold_us_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        start = time.monotonic()
        assert pretrained.reachable(url, timeout_s=0.2)
        assert time.monotonic() - start < 10  # it would be for ever


def test_a_garbled_download_leaves_nothing(server, no_network, monkeypatch):
    """What this package relies on in torch.hub: hash checked, then moved into the cache."""
    import io
    import urllib.request
    from types import SimpleNamespace

    class Answer(io.BytesIO):
        def info(self):
            return SimpleNamespace(get_all=lambda name: None)

    monkeypatch.setattr(torch.hub, "urlopen", lambda request: Answer(b"garbage"))
    assert urllib.request.urlopen is not torch.hub.urlopen
    with pytest.raises(ConftrackError, match="invalid hash value"):
        detectors.load(SMALL)
    assert list(no_network.glob("*")) == []
