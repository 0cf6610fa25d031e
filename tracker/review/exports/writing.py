"""Picked frames as a folder to label: their pictures, and labels for each tool that was asked for.

In: a `Ranking`, the video of each of its runs, names of `EXPORTS`. Out: `images/` and the files of
each export. A picture is named after its run and frame, so that it is found again by people too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracker.errors import InputError
from tracker.review.exports import EXPORTS, IMAGES
from tracker.review.labels import LabelledImage, prelabel
from tracker.review.pictures import frames_at
from tracker.review.ranking import Ranking

__all__ = ["Exported", "write_exports"]

_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        images: The pictures with their labels, best first.
        files: Files and folders.
        missing: Picks whose picture does not decode: (run, frame) of each.
    """

    images: tuple[LabelledImage, ...]
    files: tuple[Path, ...]
    missing: tuple[tuple[str, int], ...]


def write_exports(
    ranking: Ranking,
    videos: Sequence[str],
    folder: Path,
    kinds: Sequence[str] = (),
    *,
    image_format: Literal["jpg", "png"] = "jpg",
    least: float = 0.5,
) -> Exported:
    """Write the pictures of all picks, and labels.

    Args:
        ranking: Frames that were picked.
        videos: The video of each of its runs.
        folder: An existing folder.
        kinds: Of `EXPORTS`.
        image_format: `"jpg"` (quality 95), or `"png"`, which loses nothing.
        least: Least score of a box to be labelled.

    Raises:
        InputError: An unknown kind, or as `frames_at`.
        SourceError: A video cannot be read.
        OSError: A file cannot be written.
    """
    from tracker.video.optional import import_cv2

    unknown = [kind for kind in kinds if kind not in EXPORTS]
    if unknown:
        raise InputError(f"there is no export {unknown[0]!r}: known are {', '.join(EXPORTS)}")
    if len(videos) != len(ranking.runs):
        raise InputError(f"{len(ranking.runs)} runs need as many videos, got {len(videos)}")
    cv2 = import_cv2()
    pictures = folder / IMAGES
    pictures.mkdir(exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if image_format == "jpg" else []
    stems = _stems([run.name for run in ranking.runs])
    found: dict[tuple[int, int], LabelledImage] = {}
    for v, (run, video) in enumerate(zip(ranking.runs, videos, strict=True)):
        wanted = [pick.position for pick in ranking.picks if pick.run == v]
        for position, frame in frames_at(run, video, wanted):
            name = f"{stems[v]}-{frame.index:06d}.{image_format}"
            height, width = frame.image.shape[:2]
            _, data = cv2.imencode(f".{image_format}", frame.image[..., ::-1], options)
            (pictures / name).write_bytes(data.tobytes())
            found[v, position] = prelabel(
                run, position, file_name=name, width=width, height=height, least=least
            )
    missing = [pick for pick in ranking.picks if (pick.run, pick.position) not in found]
    images = tuple(found[pick.run, pick.position] for pick in ranking.picks if pick not in missing)
    files = [pictures]
    for kind in kinds:
        files += EXPORTS[kind](folder, images, ranking.runs[0].class_names)
    runs = ranking.runs
    lost = tuple((runs[p.run].name, int(runs[p.run].frame[p.position])) for p in missing)
    return Exported(images, tuple(files), lost)


def _stems(names: Sequence[str]) -> list[str]:
    """Names of runs as parts of file names, no two alike.

    >>> _stems(["a b", "a b", "c/d"])
    ['a-b', 'a-b-2', 'c-d']
    """
    out: list[str] = []
    for name in names:
        stem = re.sub(r"[^\w.]+", "-", name).strip("-.") or "run"
        number, unique = 1, stem
        while unique in out:
            number += 1
            unique = f"{stem}-{number}"
        out.append(unique)
    return out
