"""One training run: first weights, schedule, updates, validation, and what it leaves on disk.

In: the options of `scripts.train_detector`. Out: files in its `--out` folder. It stands apart from
the command line so that this module reads as the training itself.
"""

from __future__ import annotations

import argparse
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

from detectors.catalog import BUNDLED
from detectors.lite_fasterrcnn import ANCHOR_RATIOS, ANCHOR_SIZES
from scripts.training import batches, sets, state
from scripts.training.augment import Augmenter
from scripts.training.coco import Scene
from scripts.training.losses import detection_losses
from scripts.training.start import Start, norms, start
from scripts.training.validation import ALL, table, validate

log = logging.getLogger("train_detector")
FORMAT_VERSION = "1"
WARMUP = 150  # iterations of rising learning rate
FINAL_SHARE = 0.02  # of the learning rate, at the end of the cosine
REPORT_EVERY = 20  # iterations
BEST, LAST = "best.safetensors", "last.safetensors"
TRUNKS = ("backbone.trunk", "backbone.body")  # of the bundled model, of torchvision's
Results = dict[str, dict[str, float]]


def make_optimizer(model: FasterRCNN, args: argparse.Namespace) -> torch.optim.AdamW:
    """AdamW with a lower rate for the trunk; biases do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith(TRUNKS), parameter.ndim > 1)
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
        self.taught, self.held_out = self._read_sets()
        self.augmenter = Augmenter([scene for scenes in self.taught.values() for scene in scenes])
        self.device = torch.device(args.device)
        self.checkpoint = args.out / "last.pt"
        self.iteration, self.best, self.best_iteration = 0, -1.0, -1
        self.before: Results | None = None
        self.after: Results | None = None  # of the best trained weights; of the last if none won
        self.stopping = False
        torch.manual_seed(args.seed)
        saved = state.load_checkpoint(self.checkpoint) if args.resume else None
        # Channels last: the same sums, and a fifth less time a step on a CPU.
        self.start = start(args.init, architecture=args.architecture, category=args.category)
        self.model = self.start.model.to(self.device, memory_format=torch.channels_last)
        self.norms = norms(self.model)
        self.optimizer = make_optimizer(self.model, args)
        self.average = state.Average(self.model, args.average)
        if saved:
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.average.values = {k: v.to(self.device) for k, v in saved["average"].items()}
            self.iteration, self.best = saved["iteration"], saved["best"]
            self.best_iteration = saved["best_iteration"]
            self.before, self.after = saved["before"], saved["after"]
            if self.iteration >= args.iterations:
                raise ValueError(f"{self.checkpoint} has {self.iteration} iterations already")
        elif self.checkpoint.exists():
            raise ValueError(f"{self.checkpoint} exists: --resume it or choose another --out")
        args.out.mkdir(parents=True, exist_ok=True)

    def _read_sets(self) -> tuple[dict[str, list[Scene]], dict[str, list[Scene]]]:
        """What is taught, and what is held out."""
        args = self.args
        taught, held = sets.read(
            sets.find(args.data, args.images),
            args.category,
            all_reviewed=args.all_reviewed,
            hold_out=args.hold_out,
        )
        more, _ = sets.read(
            sets.find(args.val, args.val_images), args.category, all_reviewed=args.all_reviewed
        )
        for name, scenes in more.items():
            held.setdefault(name, []).extend(scenes)
        return taught, held

    def stop(self, *_: object) -> None:
        """Asks `train` to end after the present iteration; a signal handler."""
        self.stopping = True

    def train(self) -> bool:
        """Runs to the last iteration, logging, validating and saving on the way.

        Returns:
            False if it was stopped before; the checkpoint is written then too.
        """
        args = self.args
        if self.held_out and self.before is None and self.start.before is not None:
            self.look_before(self.start)
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
        for norm in self.norms:
            norm.eval()
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

    def look_before(self, first: Start) -> None:
        """Measures the first weights; they are the best so far."""
        assert first.before is not None
        model = first.before.to(self.device, memory_format=torch.channels_last).eval()
        self.before = self.measure(model, first.column)
        self.best, self.best_iteration = self.before[ALL]["choice"], 0
        about = self.metadata(self.before) | {"class_names": json.dumps(first.class_names)}
        state.export(self.args.out / BEST, model, about)
        self.record({"iteration": 0, "validation": self.before})

    def measure(self, model: FasterRCNN, column: int = 1) -> Results:
        """Validates and logs."""
        results = validate(model, self.held_out, threshold=self.args.threshold, column=column)
        shown = "  ".join(f"{k} {v:.3f}" for k, v in results[ALL].items() if k != "images")
        log.info("validation  %s", shown)
        return results

    def validate_and_save(self) -> None:
        """Exports the averaged weights, keeps the best, writes the checkpoint."""
        averaged = self.average.model(self.model)
        results = self.measure(averaged) if self.held_out else {}
        state.export(self.args.out / LAST, averaged, self.metadata(results))
        if results:
            self.record({"iteration": self.iteration, "validation": results})
            if self.best_iteration <= 0 or results[ALL]["choice"] > self.best:
                self.after = results
            if results[ALL]["choice"] > self.best:
                self.best, self.best_iteration = results[ALL]["choice"], self.iteration
                state.export(self.args.out / BEST, averaged, self.metadata(results))
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
                "best_iteration": self.best_iteration,
                "before": self.before,
                "after": self.after,
            },
        )

    def outcome(self) -> str:
        """Before and after on the held-out images, and which weights to take, as text."""
        last, best = self.args.out / LAST, self.args.out / BEST
        if self.after is None:
            return f"{last} (nothing was held out: whether it is better is not known)"
        if self.best_iteration == 0:
            kept = f"before: the training made nothing better. {best} is what it began with"
        else:
            kept = f"after, iteration {self.best_iteration}: {best}"
        return f"{table(self.before, self.after, self.args.threshold)}\nkept: {kept}"

    def metadata(self, results: Results) -> dict[str, str]:
        """What the weight file says about itself; paths are reduced to names."""
        command = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
        transform = self.model.transform
        numbers = results.get(ALL, {})
        about = {
            "format_version": FORMAT_VERSION,
            "architecture": self.start.architecture,
            "class_names": json.dumps([self.args.category]),
            "min_size": str(transform.min_size[0]),
            "max_size": str(transform.max_size),
            "image_mean": json.dumps(transform.image_mean),
            "image_std": json.dumps(transform.image_std),
            "iteration": str(self.iteration),
            "training_command": shlex.join(["python", "-m", "scripts.train_detector", *command]),
            "validation": json.dumps({k: round(v, 4) for k, v in numbers.items()}),
            "torch": torch.__version__,
        }
        if self.start.architecture == BUNDLED:
            about["anchor_sizes"] = json.dumps(ANCHOR_SIZES)
            about["anchor_ratios"] = json.dumps(ANCHOR_RATIOS)
        return about
