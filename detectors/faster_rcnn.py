"""Any torchvision Faster R-CNN as a `Detector`: low threshold, full class vectors, batches.

In: frames or plain images. Out: `Detections` with a class probability for every class. Here are the
device, the copies to and from it and the options; the network is run by `network`, and what becomes
a detection is decided by `rows`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from detectors.base import LoadOptions
from detectors.classes import class_mask
from detectors.device import place
from detectors.images import ChannelOrder, looks_binary, rgb
from detectors.network import NotFiniteError, candidates
from detectors.rows import Rules, best_rows
from tracker.detections import Detections
from tracker.errors import ConftrackError, InputError
from tracker.frames import Frame

__all__ = ["FasterRcnn"]

DEFAULT_SCORE_THRESHOLD = 0.05
_UNUSED = "N/A"

_log = logging.getLogger("conftrack")


class FasterRcnn:
    """A torchvision Faster R-CNN as a detector.

    Args:
        model: The network, with its weights. It is moved to the device and put in evaluation mode.
        name: Name to report.
        class_names: One name for each output column without the background; columns named "N/A"
            (COCO's gaps) are left out everywhere.
        options: Device, thresholds, filters; see `detectors.load`.
        note: What the user should know about how it was loaded.

    Attributes:
        name: As given.
        class_names: Names of the C classes, without "N/A".
        device: Device it runs on.
        note: As given, and the device.
        batch_size: Frames that go through the network at once; `detect` takes any number.

    Raises:
        InputError: Names that do not fit the network, a class to keep that does not exist.
        ConftrackError: The device is not there.
    """

    def __init__(
        self,
        model: FasterRCNN,
        *,
        name: str,
        class_names: Sequence[str],
        options: LoadOptions | None = None,
        note: str = "",
    ) -> None:
        """Move the network to its device and settle the rules."""
        options = options or LoadOptions()
        outputs = model.roi_heads.box_predictor.cls_score.out_features
        if len(class_names) != outputs - 1:
            raise InputError(
                f"{name} has {outputs} outputs (background and {outputs - 1} classes), "
                f"but class_names has {len(class_names)} names"
            )
        placement = place(
            options.device, precision=options.precision, batch_size=options.batch_size
        )
        self.name = name
        self.class_names = tuple(n for n in class_names if n != _UNUSED)
        self.device = str(placement.device)
        self.note = f"{note}, on {placement.note}" if note else f"{name} on {placement.note}"
        self.batch_size = placement.batch_size
        self._device = placement.device
        self._half = placement.half
        self._warned_dark = False
        # Channels last: on 2 CPU cores a quarter faster for ResNet-50, up to twice as fast for the
        # bundled model, the same for MobileNet; and the layout tensor cores want.
        self._model = model.eval().to(self._device, memory_format=torch.channels_last)
        if options.short_side is not None:
            _resize_to(self._model, options.short_side)
        heads = self._model.roi_heads
        columns = [i for i, n in enumerate(class_names, 1) if n != _UNUSED]
        self._rules = Rules(
            columns=torch.tensor(columns, device=self._device),
            score_threshold=DEFAULT_SCORE_THRESHOLD
            if options.score_threshold is None
            else options.score_threshold,
            iou=heads.nms_thresh,
            limit=options.max_detections or heads.detections_per_img,
            wanted=None
            if options.classes is None
            else torch.from_numpy(class_mask(options.classes, self.class_names)).to(self._device),
        )

    def __repr__(self) -> str:
        """Show what runs where."""
        return f"FasterRcnn({self.name!r}, {len(self.class_names)} classes, {self.device})"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detect in frames; sizes may differ.

        Args:
            frames: Any number of frames; they are worked off `batch_size` at a time.

        Returns:
            One `Detections` a frame, best box first, boxes in pixels of the frame.

        Raises:
            ConftrackError: If the network gives NaN.
        """
        for frame in frames:
            if not self._warned_dark and looks_binary(frame.image):
                self._warned_dark = True
                _log.warning(
                    "frame %d holds only the values 0 and 1: almost black, or a float image in "
                    "[0, 1] that was cast without multiplying by 255",
                    frame.index,
                )
        return self._detect([frame.image for frame in frames])

    def detect_images(
        self, images: Sequence[NDArray[Any]], *, channel_order: ChannelOrder = "rgb"
    ) -> list[Detections]:
        """Detect in plain arrays; sizes may differ.

        Args:
            images: Any number of (H, W, 3) uint8 images; also float in [0, 1], grey (H, W), and
                with alpha (H, W, 4).
            channel_order: "rgb", or "bgr" for images read by OpenCV.

        Returns:
            One `Detections` an image, best box first, boxes in pixels of the image.

        Raises:
            InputError: An image of another shape, type or scale, with its number.
            ConftrackError: If the network gives NaN.
        """
        if getattr(images, "ndim", 4) < 4:
            raise InputError("images must be a list of images, got one array")
        checked = []
        for number, image in enumerate(images):
            try:
                checked.append(rgb(image, channel_order=channel_order))
            except InputError as error:
                raise InputError(f"image {number}: {error}") from None
        return self._detect(checked)

    def warm_up(self, height: int = 1080, width: int = 1920) -> None:
        """Run a batch of noise of the size to come, so that the first real frames are not slow.

        Args:
            height: Height of the frames in pixels.
            width: Width of the frames in pixels.
        """
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self._detect([noise] * self.batch_size)

    def _detect(self, images: Sequence[NDArray[Any]]) -> list[Detections]:
        """Detect in checked (H, W, 3) RGB images, batch by batch."""
        for number, image in enumerate(images):
            _check_size(image.shape, self._model, number)
        out: list[Detections] = []
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            with torch.inference_mode():
                rows = self._run([self._upload(image) for image in batch])
                # One copy back for the whole batch: each copy waits for the GPU.
                table = torch.cat(rows).cpu().numpy().astype(np.float64)
            for part in np.split(table, np.cumsum([len(r) for r in rows])[:-1]):
                out.append(
                    Detections(part[:, :4], part[:, 4], part[:, 5].astype(np.int64), part[:, 6:])
                )
        return out

    def _upload(self, image: NDArray[Any]) -> Tensor:
        """(H, W, 3) uint8 or float32 -> (3, H, W) float32 in [0, 1] on the device."""
        # torch warns about arrays it could write to by accident, as decoders hand them out.
        if not image.flags.writeable or not image.flags.c_contiguous:
            image = image.copy(order="C")
        tensor = torch.from_numpy(image)
        if self._device.type == "cuda":
            # From pinned memory the copy runs while the GPU still computes; bytes, not floats.
            tensor = tensor.pin_memory().to(self._device, non_blocking=True)
        else:
            tensor = tensor.to(self._device)
        tensor = tensor.permute(2, 0, 1)
        return tensor if tensor.is_floating_point() else tensor.to(torch.float32).div_(255)

    def _run(self, images: list[Tensor]) -> list[Tensor]:
        """(3, H, W) images -> for each the rows of `best_rows`."""
        try:
            found = candidates(self._model, images, self._rules.columns, half=self._half)
        except NotFiniteError as error:
            raise ConftrackError(
                f"{self.name} gave NaN or infinite values for image {error.image} of a batch of "
                f"{len(images)} on {self.device}: "
                + (
                    'half precision may overflow here, try precision="float32"'
                    if self._half is not None
                    else "its weights are damaged or do not belong to this architecture"
                )
            ) from None
        return [
            best_rows(
                c.probabilities,
                c.boxes,
                self._rules,
                resized=c.size,
                original=(image.shape[1], image.shape[2]),
            )
            for c, image in zip(found, images, strict=True)
        ]


def _resize_to(model: FasterRCNN, short_side: int) -> None:
    """Set the resizing of a network, keeping the proportion of its two limits."""
    transform = model.transform
    ratio = transform.max_size / transform.min_size[-1]
    transform.min_size = (short_side,)
    transform.max_size = round(short_side * ratio)


def _check_size(shape: tuple[int, ...], model: FasterRCNN, number: int) -> None:
    """Reject an image that resizing would make thinner than a pixel."""
    short, long = min(shape[:2]), max(shape[:2])
    scale = min(model.transform.min_size[-1] / short, model.transform.max_size / long)
    if short * scale < 1:
        raise InputError(f"image {number} of {shape[1]}x{shape[0]} pixels is too narrow")
