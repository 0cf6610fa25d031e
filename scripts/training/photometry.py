"""Changes of light, colour and camera: what varies between videos without moving a box.

In: an RGB image and a generator. Out: the image as another camera might have recorded it:
other exposure and white balance, out of focus, low resolution, noisy, compressed.
"""

from __future__ import annotations

import cv2
import numpy as np

from scripts.training.coco import Image, resized


def jitter_light(image: Image, rng: np.random.Generator) -> Image:
    """Exposure, contrast, gamma, white balance and saturation, by one lookup a channel."""
    if rng.random() < 0.8:
        levels = np.linspace(0.0, 1.0, 256)[:, None] ** rng.uniform(0.65, 1.5)
        gains = rng.uniform(0.6, 1.4) * rng.uniform(0.9, 1.1, 3)
        offset = rng.uniform(-0.12, 0.12)
        table = np.clip((levels - 0.5) * gains + 0.5 + offset, 0, 1) * 255
        image = np.asarray(cv2.LUT(image, table.astype(np.uint8)[None]), np.uint8)
    saturation = 0.0 if rng.random() < 0.08 else rng.uniform(0.4, 1.4)
    if rng.random() < 0.6:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        mixed = cv2.addWeighted(image, saturation, grey, 1.0 - saturation, 0.0)
        image = np.asarray(mixed, np.uint8)
    return image


def jitter_camera(image: Image, rng: np.random.Generator) -> Image:
    """Low resolution, blur, noise and JPEG, each now and then."""
    height, width = image.shape[:2]
    if rng.random() < 0.25:
        factor = rng.uniform(0.4, 0.9)
        small = resized(image, round(width * factor), round(height * factor))
        image = resized(small, width, height)
    elif rng.random() < 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    if rng.random() < 0.15:
        noise = rng.normal(0.0, rng.uniform(2, 12), image.shape[:2]).astype(np.float32)
        image = np.clip(image + noise[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 92))]
        coded = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image
