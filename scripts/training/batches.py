"""Serves training batches that depend on nothing but the seed and the iteration.

In: an `Augmenter`. Out: tensors. Every picture draws from its own generator, seeded by (seed,
iteration, place in the batch), so that the number of worker processes, an interruption or a
resumed run changes no pixel.
"""

from __future__ import annotations

import signal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scripts.training.augment import Augmenter

# Large figures need large pictures; the batch shrinks with their area, so that an iteration
# always takes about the same time.
SIDES = (320, 416, 544)
SIDE_SHARES = (0.62, 0.25, 0.13)

Batch = tuple[Tensor, list[Tensor]]


class Iterations(Dataset[Batch]):
    """Batch number i, made on demand."""

    def __init__(self, augmenter: Augmenter, *, batch_size: int, seed: int) -> None:
        """`batch_size` is meant for the smallest pictures."""
        self.augmenter, self.batch_size, self.seed = augmenter, batch_size, seed

    def __getitem__(self, iteration: int) -> Batch:
        """Returns (B, 3, S, S) uint8 RGB and B tensors (N, 4) of boxes, float32."""
        rng = np.random.default_rng([self.seed, iteration])
        side = int(rng.choice(SIDES, p=SIDE_SHARES))
        count = max(round(self.batch_size * (SIDES[0] / side) ** 2), 1)
        images, boxes = [], []
        for place in range(count):
            own = np.random.default_rng([self.seed, iteration, place])
            canvas = self.augmenter.picture(own, side)
            pixels = np.ascontiguousarray(canvas.image.transpose(2, 0, 1))
            images.append(torch.from_numpy(pixels))
            boxes.append(torch.from_numpy(canvas.boxes))
        return torch.stack(images), boxes


def _prepare_worker(_: int) -> None:
    # Ctrl-C reaches the whole process group; the main process decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def load(dataset: Iterations, start: int, stop: int, *, workers: int) -> DataLoader[Batch]:
    """Iterates over batches `start` to `stop`, made ahead in `workers` processes."""
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_prepare_worker,
    )
