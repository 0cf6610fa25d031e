"""What a detector is, and how one is found by name.

In: a name ("bundled", "auto", a torchvision name, "replay:PATH", a checkpoint's path) and options.
Out: a `Detector`, or the list of what could be loaded. It stands apart from the implementations
so that `import detectors` costs nothing: torch is imported by `load`, not before.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from tracker.detections import Detections
from tracker.errors import InputError, MissingExtraError
from tracker.frames import Frame

__all__ = ["Detector", "LoadOptions", "ModelInfo", "Precision", "available", "load", "register"]

Precision = Literal["auto", "float32", "half"]

REPLAY_PREFIX = "replay:"
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".safetensors")


@runtime_checkable
class Detector(Protocol):
    """Anything that turns frames into detections; write your own by having these four.

    The detectors of this package also have `note` (str: what the user should know about how it
    was loaded, "" if nothing) and `batch_size` (int: frames per `detect` call that suit the
    device). Read them with `getattr(detector, "note", "")` and
    `getattr(detector, "batch_size", 1)`.
    """

    @property
    def name(self) -> str:
        """Name to report."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; `Detections.class_id` indexes them, no background among them."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda:0", "mps"."""
        ...

    def detect(self, frames: Sequence[Frame]) -> Sequence[Detections | None]:
        """Detect in any number of frames (also none): one answer a frame, in order.

        None says that a frame was not looked at, which is no evidence; empty `Detections` say that
        nothing was found in it. A network always looks.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One line of `conftrack models`.

    Attributes:
        name: What `load` takes.
        classes: Number of classes, without background.
        weights: Name of the weights ("COCO_V1", or the file).
        size_bytes: Size of the weights file.
        cached: True if loading needs no network.
        note: Speed, origin, or why it cannot be loaded.
        box_map: AP@[.5:.95] on COCO val2017 in percent as torchvision reports it, None if unknown.
    """

    name: str
    classes: int
    weights: str
    size_bytes: int
    cached: bool
    note: str = ""
    box_map: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """The options of `load`, checked; what a registered loader gets."""

    device: str = "auto"
    score_threshold: float | None = None
    batch_size: int | None = None
    classes: Sequence[str | int] | None = None
    max_detections: int | None = None
    short_side: int | None = None
    precision: Precision = "auto"
    class_names: Sequence[str] | Literal["coco"] | None = None
    architecture: str | None = None

    def __post_init__(self) -> None:
        """Check the values that need no model to be checked.

        Raises:
            InputError: A value outside its range.
        """
        threshold = self.score_threshold
        if threshold is not None and not 0 <= threshold <= 1:
            raise InputError(f"score_threshold must be in [0, 1], got {threshold}")
        for field, least in (("batch_size", 1), ("max_detections", 1), ("short_side", 32)):
            value = getattr(self, field)
            if value is not None and (not isinstance(value, int) or value < least):
                raise InputError(f"{field} must be a whole number >= {least}, got {value!r}")
        if self.precision not in ("auto", "float32", "half"):
            raise InputError(
                f'precision must be "auto", "float32" or "half", got {self.precision!r}'
            )
        if isinstance(self.classes, str):
            raise InputError(f"classes must be a list of names or ids, got {self.classes!r}")
        if isinstance(self.class_names, str) and self.class_names != "coco":
            raise InputError(f'class_names must be a list or "coco", got {self.class_names!r}')


Loader = Callable[[str, LoadOptions], Detector]

_TORCHVISION_NAMES = (
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
)
# Name -> "module:function" (imported on first use) or a loader registered by the user.
_LOADERS: dict[str, str | Loader] = {
    "auto": "detectors.pretrained:load_auto",
    "bundled": "detectors.pretrained:load_bundled",
    "fasterrcnn_lite0_fpn_person": "detectors.pretrained:load_bundled",
    **dict.fromkeys(_TORCHVISION_NAMES, "detectors.pretrained:load_coco"),
}
_INFOS: dict[str, Callable[[], ModelInfo]] = {}


def register(name: str, loader: Loader, *, info: Callable[[], ModelInfo] | None = None) -> None:
    """Make `load(name)` call `loader(name, options)`.

    Args:
        name: A new name; the names of this package cannot be replaced.
        loader: Gets the name and the `LoadOptions`, returns a `Detector`.
        info: Called by `available` for its line; None leaves it out there.

    Raises:
        InputError: If the name is taken or looks like a path.
    """
    if name in _LOADERS:
        raise InputError(f"a detector named {name!r} is registered already")
    if _is_path(name) or name.startswith(REPLAY_PREFIX) or not name:
        raise InputError(f"a detector's name must not look like a path, got {name!r}")
    _LOADERS[name] = loader
    if info is not None:
        _INFOS[name] = info


def names() -> tuple[str, ...]:
    """Every name that `load` knows, besides paths and "replay:PATH"."""
    return tuple(_LOADERS)


def load(
    name: str | Path,
    *,
    device: str = "auto",
    score_threshold: float | None = None,
    batch_size: int | None = None,
    classes: Sequence[str | int] | None = None,
    max_detections: int | None = None,
    short_side: int | None = None,
    precision: Precision = "auto",
    class_names: Sequence[str] | Literal["coco"] | None = None,
    architecture: str | None = None,
) -> Detector:
    """Load a detector, ready to run.

    Args:
        name: "auto" (COCO weights if cached or downloadable, else the bundled model), "bundled",
            a torchvision name such as "fasterrcnn_resnet50_fpn_v2", "replay:PATH" of recorded
            detections, or the path of a checkpoint (.pth, .pt, .safetensors).
        device: "auto" (CUDA if there, else CPU), "cpu", "cuda", "cuda:1", "mps".
        score_threshold: Boxes must score above it. None is 0.05, and 0 for replays.
        batch_size: Frames that go through the network at once. None suits the device.
        classes: Keep only boxes whose top class is one of these names or ids. Class vectors
            stay complete.
        max_detections: Most boxes of a frame. None is the model's own limit.
        short_side: Shorter side in pixels that frames are resized to. None is the model's own;
            smaller is faster and misses small objects.
        precision: "half" (CUDA only), "float32", or "auto": half on CUDA.
        class_names: For a checkpoint: its classes without background, or "coco".
        architecture: For a checkpoint that does not say: a name of `names()`.

    Returns:
        The detector. Its `note` says what was chosen where there was a choice.

    Raises:
        InputError: Unknown name, wrong option, a checkpoint that does not fit.
        MissingExtraError: torch or torchvision is not installed.
        ConftrackError: Weights cannot be downloaded or read, device not there.
    """
    options = LoadOptions(
        device=device,
        score_threshold=score_threshold,
        batch_size=batch_size,
        classes=classes,
        max_detections=max_detections,
        short_side=short_side,
        precision=precision,
        class_names=class_names,
        architecture=architecture,
    )
    name = str(name)
    return _loader(name)(name, options)


def available() -> list[ModelInfo]:
    """What can be loaded by name, without loading or importing any network."""
    from detectors.catalog import infos  # it imports this module

    return [*infos(), *(info() for info in _INFOS.values())]


def _loader(name: str) -> Loader:
    """Find the loader, importing its module only now."""
    if name.startswith(REPLAY_PREFIX):
        target: str | Loader = "detectors.replay:load_replay"
    elif name in _LOADERS:
        target = _LOADERS[name]
    elif _is_path(name):
        target = "detectors.checkpoints:load_checkpoint"
    else:
        near = difflib.get_close_matches(name, _LOADERS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(
            f"unknown detector {name!r}{hint}; known: {', '.join(_LOADERS)}, replay:PATH, "
            f"or a path ending in {', '.join(CHECKPOINT_SUFFIXES)}"
        )
    if not isinstance(target, str):
        return target
    module, function = target.split(":")
    try:
        loader: Loader = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("torch", "torchvision", "safetensors"):
            raise MissingExtraError(package, "detect") from error
        raise
    return loader


def _is_path(name: str) -> bool:
    """Tell a checkpoint's path from a name."""
    return Path(name).suffix in CHECKPOINT_SUFFIXES or "/" in name or "\\" in name
