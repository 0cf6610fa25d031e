"""Cut one frame out of a video for the README: the picture is what the demo wrote, nothing else.

conftrack demo --out runs/picture
python scripts/make_readme_image.py runs/picture/before_after.mp4 --at 4.5
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from tracker.video.sources import open_source

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "before_after.jpg"
QUALITY = 88


def main() -> None:
    """Write the first frame at or after the wanted time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, help="before_after.mp4 of a demo")
    parser.add_argument("--at", type=float, default=4.5, help="seconds (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=TARGET, help="default: %(default)s")
    options = parser.parse_args()
    with open_source(options.video, start_s=options.at) as source:
        frame = next(iter(source), None)
    if frame is None:
        parser.error(f"{options.video} has no frame at {options.at} s")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out), frame.image[..., ::-1], [int(cv2.IMWRITE_JPEG_QUALITY), QUALITY])
    print(
        f"{options.out}: {frame.image.shape[1]}x{frame.image.shape[0]}, {frame.timestamp_s:.2f} s"
    )


if __name__ == "__main__":
    main()
