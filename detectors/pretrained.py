"""Loads what has a name: the COCO weights of torchvision, the bundled model, "auto".

In: a name and options. Out: a `FasterRcnn`. Downloads go through torch.hub, which checks the hash
that is part of the file's name before it puts the file in its cache: an interrupted or garbled
download leaves nothing there. "auto" asks the network with a time limit first, so that it never
hangs without one.
"""

from __future__ import annotations

import http.client
import logging
import pickle
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from torch import Tensor
from torchvision.models import get_model_weights
from torchvision.models.detection import FasterRCNN

from detectors.architectures import build, fill
from detectors.base import LoadOptions
from detectors.catalog import (
    BUNDLED,
    BUNDLED_CLASS_NAMES,
    BUNDLED_PATH,
    COCO_MODELS,
    cache_dir,
    cached,
)
from detectors.checkpoints import apply_metadata
from detectors.device import place
from detectors.faster_rcnn import FasterRcnn
from detectors.weight_files import read_checkpoint, reason
from tracker.errors import ConftrackError, InputError

__all__ = ["coco_network", "load_auto", "load_bundled", "load_coco", "reachable"]

# What "auto" takes where there is a GPU and where there is none: the most accurate network, and
# the most accurate one that a CPU runs at more than a frame a second.
AUTO_GPU, AUTO_CPU = "fasterrcnn_resnet50_fpn_v2", "fasterrcnn_mobilenet_v3_large_fpn"
_PROBE_S = 3.0
_STALL_S = 30.0

_log = logging.getLogger("conftrack")


def load_coco(name: str, options: LoadOptions, *, note: str = "") -> FasterRcnn:
    """Load a torchvision Faster R-CNN with COCO weights, downloading them if they are not cached.

    Args:
        name: A key of `COCO_MODELS`.
        options: See `detectors.load`.
        note: Start of the detector's note.

    Raises:
        InputError: An option that belongs to checkpoints.
        ConftrackError: Neither cached nor downloadable, or the cached file is damaged.
    """
    _refuse_checkpoint_options(name, options)
    model, class_names = coco_network(name)
    return FasterRcnn(model, name=name, class_names=class_names, options=options, note=note)


def coco_network(name: str) -> tuple[FasterRCNN, list[str]]:
    """The network of `load_coco` by itself, to train it on.

    Returns:
        The network with its COCO weights, and the names of its output columns without background,
        "N/A" for COCO's gaps.

    Raises:
        ConftrackError: Neither cached nor downloadable, or the cached file is damaged.
    """
    weights = get_model_weights(name)["COCO_V1"]
    columns = weights.meta["categories"]
    model = build(name, len(columns))
    fill(model, _coco_state(name, weights), zero_norm_eps=name == "fasterrcnn_resnet50_fpn")
    return model, columns[1:]


def load_bundled(name: str, options: LoadOptions, *, note: str = "") -> FasterRcnn:
    """Load the person detector that comes with this package.

    Raises:
        InputError: An option that belongs to checkpoints.
        ConftrackError: The weights are missing, as in an incomplete installation.
    """
    _refuse_checkpoint_options(name, options)
    if not BUNDLED_PATH.is_file():
        raise ConftrackError(
            f"the bundled weights are missing at {BUNDLED_PATH}: the installation is incomplete, "
            "install the package again"
        )
    checkpoint = read_checkpoint(BUNDLED_PATH)
    model = build(BUNDLED, 1 + len(BUNDLED_CLASS_NAMES))
    apply_metadata(BUNDLED_PATH, model, checkpoint.metadata)
    fill(model, checkpoint.state)
    return FasterRcnn(
        model, name=BUNDLED, class_names=BUNDLED_CLASS_NAMES, options=options, note=note
    )


def load_auto(name: str, options: LoadOptions) -> FasterRcnn:
    """Load COCO weights if they are cached or can be downloaded, else the bundled model.

    What was taken and why is in the detector's `note`, and in the log "conftrack".
    """
    _refuse_checkpoint_options(name, options)
    choice = AUTO_CPU if place(options.device).device.type == "cpu" else AUTO_GPU
    if cached(choice) is None:  # another one that is there is better than a download
        choice = next((name for name in COCO_MODELS if cached(name) is not None), choice)
    if cached(choice) is not None:
        detector = load_coco(choice, options, note=f"auto: {choice} (COCO weights, cached)")
    else:
        problem = reachable(COCO_MODELS[choice].url)
        if problem is None:
            _log.info("auto: downloading %s (%.0f MB)", choice, COCO_MODELS[choice].size_mib)
            try:
                _coco_state(choice, get_model_weights(choice)["COCO_V1"])
            except ConftrackError as error:
                problem = str(error)
        if problem is not None:
            note = (
                f"auto: bundled person detector {BUNDLED} (persons only), because the COCO "
                f"weights are not cached and cannot be downloaded ({problem})"
            )
            detector = load_bundled(BUNDLED, options, note=note)
            _log.warning("%s", detector.note)
            return detector
        detector = load_coco(choice, options, note=f"auto: {choice} (COCO weights, downloaded)")
    if detector.device == "cpu":
        detector.note += "; for persons alone the model bundled is several times faster"
    _log.info("%s", detector.note)
    return detector


def reachable(url: str, timeout_s: float = _PROBE_S) -> str | None:
    """Ask a server for the head of a file.

    Args:
        url: The file.
        timeout_s: Most seconds this takes, looking up the server's name included.

    Returns:
        None if the file is there, else what is in the way.
    """
    answer = [f"no answer within {timeout_s:g} s"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=timeout_s):
                answer[0] = ""
        except urllib.error.HTTPError as error:
            answer[0] = f"the server says {error.code} {error.reason}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer[0] = str(getattr(error, "reason", "") or error)

    # A thread, because looking up a name has no time limit of its own.
    thread = threading.Thread(target=ask, daemon=True, name="conftrack-probe")
    thread.start()
    thread.join(timeout_s)
    return answer[0] or None


def _coco_state(name: str, weights: Any) -> dict[str, Tensor]:
    """Weights of a COCO model, from the cache or the network."""
    path = cache_dir() / COCO_MODELS[name].file
    there = path.is_file()
    try:
        # torch.hub announces a download on stdout, which may be a pipe that someone reads.
        with _stall_limit(), redirect_stdout(sys.stderr):
            state: dict[str, Tensor] = weights.get_state_dict(
                progress=True, check_hash=True, weights_only=True, map_location="cpu"
            )
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, KeyError) as error:
        if there:
            raise ConftrackError(
                f"the cached weights {path} cannot be read ({reason(error)}): delete the file"
            ) from error
        raise ConftrackError(
            f"the weights of {name} cannot be downloaded ({reason(error)}): try later, copy "
            f'{COCO_MODELS[name].url} to {path}, or use the model "bundled"'
        ) from error
    return state


@contextmanager
def _stall_limit() -> Iterator[None]:
    """Let a download that stands still fail; torch.hub sets no time limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALL_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _refuse_checkpoint_options(name: str, options: LoadOptions) -> None:
    """The classes of a named model are fixed."""
    for field in ("class_names", "architecture"):
        if getattr(options, field) is not None:
            raise InputError(f"{field} is for checkpoints; {name!r} has its own")
