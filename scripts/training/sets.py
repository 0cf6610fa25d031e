"""Finds labelled pictures: pairs of a COCO file and a folder, or folders of `conftrack rank`.

In: the options `--data` and `--images`. Out: named lists of scenes. It stands apart from `coco`,
which reads one file, because what was given on the command line is sorted out here: which labels of
a folder count, which pictures a person has gone through, which are held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.training.coco import Scene, load_scenes

# In a folder of `conftrack rank --export coco`, the first that is there: labels that were
# corrected, then those that rank wrote itself.
LABELS = ("labels.json", "coco.json")
PICTURES = "images"


@dataclass(frozen=True)
class Source:
    """Where a set of labelled pictures is.

    Attributes:
        name: What the set is called in tables.
        labels: COCO JSON.
        images: Folder that its file names are relative to.
        folder: Whether it was given as one folder, as `conftrack rank` writes it.
    """

    name: str
    labels: Path
    images: Path
    folder: bool


def find(data: Sequence[Path], images: Sequence[Path]) -> list[Source]:
    """Pairs label files with image folders; folders have both.

    Raises:
        ValueError: Not as many image folders as label files, or a folder without labels.
    """
    files = [path for path in data if not path.is_dir()]
    if len(files) != len(images):
        raise ValueError(f"{len(files)} label files but {len(images)} image folders")
    rest = iter(images)
    return [
        _in_folder(path) if path.is_dir() else Source(path.stem, path, next(rest), False)
        for path in data
    ]


def _in_folder(folder: Path) -> Source:
    found = [folder / name for name in LABELS if (folder / name).is_file()]
    if not found:
        raise ValueError(
            f"{folder} has neither {' nor '.join(LABELS)}: give a COCO file with --images, or a "
            "folder written by: conftrack rank RUN --export coco"
        )
    return Source(folder.resolve().name, found[0], folder / PICTURES, True)


def read(
    sources: Sequence[Source], category: str, *, all_reviewed: bool = False, hold_out: int = 0
) -> tuple[dict[str, list[Scene]], dict[str, list[Scene]]]:
    """Reads sets of pictures.

    Args:
        sources: From `find`.
        category: See `load_scenes`.
        all_reviewed: See `load_scenes`.
        hold_out: Of each source that is a folder every so many-th picture is kept back; 0 none.

    Returns:
        The scenes of each set, and those kept back. Sets of the same name are put together; of a
        source given twice, so that it is taught more often, the same are kept back once.

    Raises:
        ValueError, FileNotFoundError: As `load_scenes`; or nothing to keep back.
    """
    taught: dict[str, list[Scene]] = {}
    held: dict[str, list[Scene]] = {}
    known: set[Path] = set()
    for source in sources:
        scenes = load_scenes(
            source.labels, source.images, category=category, all_reviewed=all_reviewed
        )
        if source.folder and hold_out:
            kept = scenes[hold_out - 1 :: hold_out]
            if not kept or len(kept) == len(scenes):
                raise ValueError(
                    f"of the {len(scenes)} pictures of {source.name} none can be held out and "
                    f"another taught with --hold-out {hold_out}"
                )
            del scenes[hold_out - 1 :: hold_out]
            if source.labels.resolve() not in known:
                held.setdefault(f"{source.name}, held out", []).extend(kept)
            known.add(source.labels.resolve())
        taught.setdefault(source.name, []).extend(scenes)
    return taught, held
