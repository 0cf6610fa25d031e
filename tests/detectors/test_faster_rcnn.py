from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
import torchvision

from detectors.base import Detector, LoadOptions
from detectors.faster_rcnn import FasterRcnn
from tracker import Detections
from tracker.errors import ConftrackError, InputError
from tracker.frames import Frame


def reference(model, image):
    """torchvision's own output for one uint8 RGB image."""
    tensor = torch.from_numpy(image.copy()).permute(2, 0, 1).to(torch.float32).div(255)
    with torch.inference_mode():
        out = model([tensor])[0]
    return out["boxes"].numpy(), out["scores"].numpy(), out["labels"].numpy()


def assert_same(a: Detections, b: Detections, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(a.xyxy, b.xyxy, rtol=1e-5, atol=atol * 100)
    np.testing.assert_allclose(a.confidence, b.confidence, atol=atol)
    np.testing.assert_array_equal(a.class_id, b.class_id)
    np.testing.assert_allclose(a.class_probabilities, b.class_probabilities, atol=atol)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_one_class_it_is_torchvision_exactly(tiny_model, noise, seed):
    """One class: no doubles across classes, so every box must be torchvision's, in its order."""
    model = tiny_model(1, seed=seed)
    image = noise(seed=seed)
    boxes, scores, _ = reference(model, image)
    out = FasterRcnn(model, name="x", class_names=["person"]).detect_images([image])[0]
    assert len(out) > 10
    np.testing.assert_allclose(out.xyxy, boxes, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(out.confidence, scores, atol=1e-6)
    np.testing.assert_allclose(out.class_probabilities[:, 0], scores, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_many_classes_every_box_is_one_of_torchvisions(tiny_model, tiny, noise, seed):
    """Where a box's top label wins, box and score are torchvision's; the doubles are gone."""
    model = tiny_model(seed=seed, box_detections_per_img=10_000)
    image = noise(seed=seed)
    boxes, scores, labels = reference(model, image)
    out = tiny(model).detect_images([image])[0]
    assert len(out) > 10
    assert len(out) < len(scores)
    assert len(set(out.class_id.tolist())) > 1
    # torchvision may suppress a box (i, c) by a (j, c) whose proposal has another top class and
    # whose box for that class lies elsewhere; that is rare, and no error of either.
    found = 0
    for box, score, class_id in zip(out.xyxy, out.confidence, out.class_id, strict=True):
        same = (
            (labels == class_id + 1)
            & np.isclose(scores, score, atol=1e-5)
            & np.isclose(boxes, box, rtol=1e-5, atol=1e-5).all(1)
        )
        found += same.any()
    assert found >= 0.95 * len(out)
    overlap = torchvision.ops.box_iou(torch.tensor(out.xyxy), torch.tensor(out.xyxy)).numpy()
    assert (overlap - np.eye(len(out))).max() <= 0.5 + 1e-6


def test_the_class_vector_is_the_softmax_row(tiny_model, tiny, noise):
    model = tiny_model()
    taken = []
    model.roi_heads.box_predictor.register_forward_hook(lambda m, i, out: taken.append(out[0]))
    out = tiny(model).detect_images([noise()])[0]
    rows = taken[0].softmax(1)[:, 1:].numpy()
    for vector, confidence, class_id in zip(
        out.class_probabilities, out.confidence, out.class_id, strict=True
    ):
        assert np.isclose(rows, vector, atol=1e-6).all(1).any()
        assert vector.argmax() == class_id
        assert vector.max() == confidence
        assert vector.sum() <= 1 + 1e-6


def test_a_car_that_might_be_a_truck_is_one_box_with_both(tiny_model, tiny, noise):
    """Every proposal is 50 % car, 40 % truck: torchvision doubles each box, we do not."""
    model = tiny_model(box_detections_per_img=10_000)
    predictor = model.roi_heads.box_predictor
    with torch.no_grad():
        predictor.cls_score.weight.zero_()
        predictor.cls_score.bias.copy_(torch.log(torch.tensor([0.05, 0.03, 0.5, 0.4, 0.02])))
        for part in (predictor.bbox_pred.weight, predictor.bbox_pred.bias):
            part.zero_()
    image = noise()
    boxes, _, labels = reference(model, image)
    assert {2, 3} <= set(labels.tolist())
    out = tiny(model).detect_images([image])[0]
    assert set(out.class_id.tolist()) == {1}
    np.testing.assert_allclose(
        out.class_probabilities, [[0.03, 0.5, 0.4, 0.02]] * len(out), atol=1e-5
    )
    np.testing.assert_allclose(out.xyxy, boxes[labels == 2][: len(out)], rtol=1e-5, atol=1e-4)


def test_unused_columns_are_left_out(tiny_model, noise):
    model = tiny_model()
    full = FasterRcnn(model, name="x", class_names=["a", "b", "c", "d"])
    part = FasterRcnn(model, name="x", class_names=["a", "N/A", "c", "d"])
    assert part.class_names == ("a", "c", "d")
    out = part.detect_images([noise()])[0]
    assert out.class_probabilities.shape[1] == 3
    wide = full.detect_images([noise()])[0].class_probabilities
    assert any(
        np.isclose(wide[:, [0, 2, 3]], row, atol=1e-6).all(1).any()
        for row in out.class_probabilities
    )
    assert out.class_id.max() <= 2


def test_a_real_torchvision_network(noise):
    torch.manual_seed(0)
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=2, rpn_score_thresh=0.0
    ).eval()
    image = noise(90, 160)
    boxes, scores, _ = reference(model, image)
    out = FasterRcnn(model, name="x", class_names=["person"]).detect_images([image])[0]
    assert len(out) > 0
    np.testing.assert_allclose(out.xyxy, boxes, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(out.confidence, scores, atol=1e-5)


def test_frames_and_images_agree_and_it_is_a_detector(tiny, noise):
    detector = tiny()
    assert isinstance(detector, Detector)
    image = noise()
    from_frames = detector.detect([Frame(image, 0.0, 0)])
    assert_same(from_frames[0], detector.detect_images([image])[0])
    assert detector.detect([]) == []


def test_images_of_differing_sizes_in_one_batch(tiny, noise):
    images = [noise(120, 200), noise(200, 120, seed=1), noise(64, 64, seed=2)]
    single, batched = tiny(batch_size=1), tiny(batch_size=3)
    # A smaller image is padded to the size of the largest, which changes its far edge a little:
    # torchvision does the same, so that is what batches are compared with.
    with torch.inference_mode():
        reference_out = batched._model(
            [torch.from_numpy(i).permute(2, 0, 1).to(torch.float32).div(255) for i in images]
        )
    out = batched.detect_images(images)
    assert [len(o) > 0 for o in out] == [True] * 3
    for found, expected, image in zip(out, reference_out, images, strict=True):
        assert found.confidence[0] == pytest.approx(float(expected["scores"][0]), abs=1e-5)
        assert found.xyxy[:, 2].max() <= image.shape[1] + 1e-3
        assert found.xyxy[:, 3].max() <= image.shape[0] + 1e-3
    alone = single.detect_images(images)
    assert len(alone) == 3


def test_a_batch_of_equal_sizes_equals_single_images(tiny, noise):
    images = [noise(seed=i) for i in range(5)]
    for a, b in zip(
        tiny(batch_size=2).detect_images(images),
        tiny(batch_size=1).detect_images(images),
        strict=True,
    ):
        assert_same(a, b)


def test_the_same_input_gives_the_same_output_bit_for_bit(tiny, noise):
    a, b = (tiny().detect_images([noise()])[0] for _ in range(2))
    np.testing.assert_array_equal(a.xyxy, b.xyxy)
    np.testing.assert_array_equal(a.class_probabilities, b.class_probabilities)


def test_half_precision_path_stays_close(tiny_model, tiny, noise):
    """On a CPU with bfloat16, to run the very code that CUDA runs with float16."""
    model = tiny_model()
    detector = tiny(model)
    image = noise()
    full = detector.detect_images([image])[0]
    detector._half = torch.bfloat16
    half = detector.detect_images([image])[0]
    assert model.rpn.anchor_generator.cell_anchors[0].dtype == torch.float32
    assert half.class_probabilities.dtype == np.float64
    assert half.confidence[0] == pytest.approx(full.confidence[0], abs=0.05)
    assert abs(len(half) - len(full)) <= 0.3 * len(full)


def test_threshold_filter_and_limit(tiny, noise):
    image = noise()
    everything = tiny(score_threshold=0.0, max_detections=1000).detect_images([image])[0]
    assert everything.confidence.min() < 0.4
    assert tiny(score_threshold=0.4).detect_images([image])[0].confidence.min() > 0.4
    assert len(tiny(max_detections=3).detect_images([image])[0]) == 3
    for wanted in (["car"], [1], ["1"]):
        cars = tiny(classes=wanted).detect_images([image])[0]
        assert set(cars.class_id.tolist()) == {1}
        assert cars.class_probabilities.shape[1] == 4
        assert (cars.class_probabilities[:, [0, 2, 3]] > 0).any()


def test_the_networks_own_limit_is_respected(tiny_model, tiny, noise):
    assert len(tiny(tiny_model(box_detections_per_img=5)).detect_images([noise()])[0]) == 5


def test_unknown_class_to_keep(tiny):
    with pytest.raises(InputError, match=r"unknown class 'trck' \(did you mean 'truck'\?\)"):
        tiny(classes=["trck"])


def test_short_side_changes_the_size_the_network_sees(tiny_model, tiny):
    model = tiny_model()
    tiny(model, short_side=80)
    assert model.transform.min_size == (80,)
    assert model.transform.max_size == 160


def test_wrong_number_of_names(tiny_model):
    with pytest.raises(InputError, match=r"5 outputs \(background and 4 classes\).* 2 names"):
        FasterRcnn(tiny_model(), name="x", class_names=["a", "b"])


def test_grey_alpha_bgr_and_float_are_the_same_image(tiny, noise):
    detector = tiny()
    image = noise()
    expected = detector.detect_images([image])[0]
    alpha = np.dstack([image, np.full(image.shape[:2], 9, np.uint8)])
    for same in (alpha, image.astype(np.float32) / 255, image.astype(np.float64) / 255):
        assert_same(detector.detect_images([same])[0], expected)
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    assert_same(detector.detect_images([bgr], channel_order="bgr")[0], expected)
    bgra = np.dstack([bgr, alpha[:, :, 3]])
    assert_same(detector.detect_images([bgra], channel_order="bgr")[0], expected)
    grey = image[:, :, 0]
    assert_same(
        detector.detect_images([grey])[0], detector.detect_images([np.dstack([grey] * 3)])[0]
    )


def test_read_only_and_strided_images(tiny, noise):
    detector = tiny()
    image = noise()
    expected = detector.detect_images([image])[0]
    locked = image.copy()
    locked.setflags(write=False)
    mirrored = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    for same in (locked, mirrored):
        assert_same(detector.detect([Frame(same, 0.0, 0)])[0], expected)
    np.testing.assert_array_equal(locked, image)


def test_dark_and_flat_images_are_fine(tiny):
    detector = tiny()
    for value in (0, 1, 255):
        out = detector.detect_images([np.full((60, 80, 3), value, np.uint8)])
        assert isinstance(out[0], Detections)


def test_no_proposals_at_all(tiny_model, tiny, noise):
    model = tiny_model()
    model.rpn.score_thresh = 1.1
    out = tiny(model, batch_size=2).detect_images([noise(), noise(seed=1)])
    assert [len(o) for o in out] == [0, 0]
    assert out[0].class_probabilities.shape == (0, 4)


def test_errors_of_images_have_their_number(tiny, noise):
    with pytest.raises(InputError, match=r"image 1: a float image must be in \[0, 1\]"):
        tiny().detect_images([noise(), noise().astype(float)])
    with pytest.raises(InputError, match="list of images"):
        tiny().detect_images(noise())
    with pytest.raises(InputError, match="image 0 of 2000x1 pixels is too narrow"):
        tiny().detect_images([np.zeros((1, 2000, 3), np.uint8)])


def test_a_frame_of_zeros_and_ones_is_warned_about_once(tiny, caplog):
    frame = Frame(np.eye(64, dtype=np.uint8)[:, :, None].repeat(3, 2), 0.0, 7)
    detector = tiny()
    with caplog.at_level(logging.WARNING, "conftrack"):
        detector.detect([frame])
        detector.detect([frame])
    assert caplog.text.count("only the values 0 and 1") == 1


@pytest.mark.parametrize(
    "part",
    [
        "backbone",
        "rpn.head.bbox_pred",
        "roi_heads.box_predictor.cls_score",
        "roi_heads.box_predictor.bbox_pred",
    ],
)
def test_nan_out_of_the_network_is_an_error(tiny_model, tiny, noise, part):
    model = tiny_model()
    with torch.no_grad():
        next(model.get_submodule(part).parameters()).view(-1)[0] = float("nan")
    with pytest.raises(ConftrackError, match="tiny gave NaN or infinite values for image 0"):
        tiny(model).detect_images([noise()])


def test_warm_up_runs_and_changes_nothing(tiny, noise):
    detector = tiny(batch_size=2)
    before = detector.detect_images([noise()])[0]
    detector.warm_up(120, 160)
    assert_same(detector.detect_images([noise()])[0], before)


def test_gradients_are_off_and_the_network_in_evaluation_mode(tiny_model, tiny, noise):
    model = tiny_model().train()
    detector = tiny(model)
    assert not model.training
    seen = []
    model.backbone.register_forward_hook(lambda *a: seen.append(torch.is_inference_mode_enabled()))
    detector.detect_images([noise()])
    assert seen == [True]


cuda = pytest.mark.cuda
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@cuda
@needs_cuda
def test_cuda_half_is_close_to_cpu_float(tiny, noise):
    image = noise()
    cpu = tiny(device="cpu", score_threshold=0.2).detect_images([image])[0]
    detector = tiny(device="cuda", score_threshold=0.2)
    assert detector.device.startswith("cuda")
    assert "half precision" in detector.note
    gpu = detector.detect_images([image])[0]
    overlap = torchvision.ops.box_iou(torch.tensor(cpu.xyxy), torch.tensor(gpu.xyxy)).numpy()
    strong = cpu.confidence > 0.3
    assert (overlap[strong].max(1) > 0.8).mean() > 0.9


@cuda
@needs_cuda
def test_cuda_float_is_cpu_float(tiny, noise):
    cpu = tiny(device="cpu").detect_images([noise()])[0]
    gpu = tiny(device="cuda", precision="float32").detect_images([noise()])[0]
    assert gpu.confidence[0] == pytest.approx(cpu.confidence[0], abs=5e-3)


@cuda
@needs_cuda
def test_cuda_batch_equals_single(tiny, noise):
    images = [noise(seed=i) for i in range(6)]
    batch = tiny(device="cuda", batch_size=4, precision="float32").detect_images(images)
    single = tiny(device="cuda", batch_size=1, precision="float32").detect_images(images)
    for a, b in zip(batch, single, strict=True):
        np.testing.assert_allclose(a.confidence[:5], b.confidence[:5], atol=5e-3)


@cuda
@needs_cuda
def test_cuda_warm_up_and_repeat(tiny, noise):
    detector = tiny(device="cuda")
    detector.warm_up(120, 200)
    a, b = (detector.detect_images([noise()])[0] for _ in range(2))
    np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-3)


def test_note_names_the_device():
    from detectors.device import place

    assert place("cpu").note == "cpu"
    note = place("auto").note
    assert note.startswith("cuda") or note == "cpu (no CUDA device found)"


def test_devices_that_are_not_there():
    from detectors.device import place

    with pytest.raises(InputError, match='must be "auto", "cpu"'):
        place("gpu")
    with pytest.raises(InputError, match="needs CUDA"):
        place("cpu", precision="half")
    if not torch.cuda.is_available():
        with pytest.raises(ConftrackError, match=r'sees no CUDA devices.*device="auto"'):
            place("cuda")
        with pytest.raises(ConftrackError, match='device="auto"'):
            place("mps")


def test_bad_options():
    for bad in (
        {"score_threshold": 2},
        {"batch_size": 0},
        {"max_detections": 1.5},
        {"short_side": 1},
    ):
        with pytest.raises(InputError, match=next(iter(bad))):
            LoadOptions(**bad)
    with pytest.raises(InputError, match="classes must be a list"):
        LoadOptions(classes="person")
