"""The bundled detector's network: shapes, folding, ImageNet weights, the shipped file."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
safetensors_torch = pytest.importorskip("safetensors.torch")

from detectors.catalog import BUNDLED_CLASS_NAMES, BUNDLED_PATH  # noqa: E402
from detectors.efficientnet_lite import (  # noqa: E402
    NORM_EPS,
    OUT_CHANNELS,
    STAGES,
    ConvUnit,
    EfficientNetLite0,
    fold_norms,
    load_imagenet,
)
from detectors.lite_fasterrcnn import build, load_weights  # noqa: E402


def random_norms(trunk: EfficientNetLite0) -> None:
    """Gives every frozen norm values as after a training."""
    generator = torch.Generator().manual_seed(1)
    for name, value in trunk.named_buffers():
        if name.endswith(("weight", "running_var")):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.2)


def published_names(trunk: EfficientNetLite0) -> dict[str, torch.Tensor]:
    """A state dict in the naming of the published weights, with distinct random values."""
    generator = torch.Generator().manual_seed(2)
    state: dict[str, torch.Tensor] = {}

    def put(unit: torch.nn.Module, conv: str, norm: str) -> None:
        for name, value in unit.state_dict().items():
            part, leaf = name.split(".")
            key = f"{conv if part == 'conv' else norm}.{leaf}"
            state[key] = torch.rand(value.shape, generator=generator)

    put(trunk.stem, "_conv_stem", "_bn0")
    number = 0
    for stage, layout in zip(trunk.stages, STAGES, strict=True):
        for block in stage:
            head = f"_blocks.{number}."
            if layout.expansion > 1:
                put(block.expand, f"{head}_expand_conv", f"{head}_bn0")
            put(block.depthwise, f"{head}_depthwise_conv", f"{head}_bn1")
            put(block.project, f"{head}_project_conv", f"{head}_bn2")
            number += 1
    return state


def test_maps_have_strides_8_16_and_32() -> None:
    with torch.inference_mode():
        maps = EfficientNetLite0()(torch.zeros(2, 3, 64, 96))
    shapes = [tuple(m.shape) for m in maps]
    assert shapes == [
        (2, OUT_CHANNELS[0], 8, 12),
        (2, OUT_CHANNELS[1], 4, 6),
        (2, OUT_CHANNELS[2], 2, 3),
    ]


@pytest.mark.parametrize(("kernel", "before", "after"), [(3, 0, 1), (5, 1, 2)])
def test_stride_two_pads_like_tensorflow(kernel: int, before: int, after: int) -> None:
    unit = ConvUnit(1, 1, kernel, stride=2, activate=False, frozen_norm=False)
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    padded = torch.zeros(1, 1, 8 + before + after, 8 + before + after)
    padded[:, :, before : before + 8, before : before + 8] = image
    expected = torch.nn.functional.conv2d(padded, unit.conv.weight, unit.conv.bias, stride=2)
    torch.testing.assert_close(unit(image), expected)


def test_folding_keeps_the_function_and_gives_the_shipped_form() -> None:
    trunk = EfficientNetLite0(frozen_norm=True).eval()
    random_norms(trunk)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = trunk(image)
    fold_norms(trunk)
    fold_norms(trunk)  # the second time changes nothing
    with torch.inference_mode():
        after = trunk(image)
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    EfficientNetLite0().load_state_dict(trunk.state_dict())


def test_norm_is_that_of_tensorflow() -> None:
    assert EfficientNetLite0(frozen_norm=True).stem.norm.eps == NORM_EPS


def test_imagenet_weights_reach_every_parameter() -> None:
    trunk = EfficientNetLite0(frozen_norm=True)
    state = published_names(trunk)
    load_imagenet(trunk, state | {"_fc.weight": torch.zeros(1)})
    own = trunk.state_dict()
    assert len(own) == len(state)
    ours = sorted(float(v.double().sum()) for v in own.values())
    assert ours == sorted(float(v.double().sum()) for v in state.values())
    assert torch.equal(own["stages.1.0.expand.conv.weight"], state["_blocks.1._expand_conv.weight"])


def test_imagenet_weights_of_another_net_are_refused() -> None:
    trunk = EfficientNetLite0(frozen_norm=True)
    state = published_names(trunk)
    with pytest.raises(KeyError, match="_conv_stem"):
        load_imagenet(trunk, {})
    state["_blocks.0._project_conv.weight"] = torch.zeros(24, 32, 1, 1)
    with pytest.raises(ValueError, match=r"_blocks\.0\._project_conv\.weight has shape \(24"):
        load_imagenet(trunk, state)


def test_build_is_a_plain_torchvision_detector() -> None:
    model = build(3, min_size=64, max_size=128, score_thresh=0.0).eval()
    with torch.inference_mode():
        small, large = model([torch.rand(3, 40, 70), torch.rand(3, 90, 60)])
    for output in (small, large):
        assert set(output) == {"boxes", "labels", "scores"}
        assert output["boxes"].shape == (len(output["scores"]), 4)
    assert {int(label) for label in small["labels"]} <= {1, 2}


def test_build_refuses_less_than_two_classes() -> None:
    with pytest.raises(ValueError, match="num_classes is 1"):
        build(1)


def test_half_precision_weights_come_back(tmp_path) -> None:
    torch.manual_seed(0)
    model, other = build(), build()
    path = tmp_path / "half.safetensors"
    state = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    safetensors_torch.save_file(state, path, {"class_names": json.dumps(BUNDLED_CLASS_NAMES)})
    assert json.loads(load_weights(other, path)["class_names"]) == list(BUNDLED_CLASS_NAMES)
    for name, value in other.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, state[name].float())


def test_wrong_weights_are_told_by_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_weights(build(), tmp_path / "none.safetensors")
    path = tmp_path / "other.safetensors"
    safetensors_torch.save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(RuntimeError, match="Missing key"):
        load_weights(build(), path)


class TestShippedWeights:
    def test_size_and_metadata(self) -> None:
        assert BUNDLED_PATH.stat().st_size < 16_000_000
        metadata = load_weights(build(), BUNDLED_PATH)
        assert json.loads(metadata["class_names"]) == list(BUNDLED_CLASS_NAMES)
        assert metadata["format_version"] == "1"
        assert "/" not in metadata["training_command"]

    def test_finds_drawn_walkers_and_leaves_an_empty_street(self) -> None:
        pytest.importorskip("cv2")
        from tracker.evaluation.matching import match_boxes
        from tracker.scenes.backdrop import street_background
        from tracker.scenes.walker import draw_walker

        model = build(score_thresh=0.5)
        load_weights(model, BUNDLED_PATH)
        model.eval()
        street = street_background(640, 480, 11)
        walked = street.copy()
        truth = [draw_walker(walked, 90 + 150 * i, 430, 150, i, 40 + i) for i in range(4)]
        with torch.inference_mode():
            empty, full = model(
                [torch.from_numpy(p).permute(2, 0, 1).float() / 255 for p in (street, walked)]
            )
        assert len(empty["boxes"]) <= 1
        verdict = match_boxes(full["boxes"].double(), full["scores"].double(), truth)
        assert verdict.matched.sum() >= 3
