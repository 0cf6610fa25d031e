"""Recordings from files: detections, with or without truth, as `conftrack evaluate` takes them.

In come paths; out go `Recording`s. Without truth the sequences are those that there are detections
of: a file, a run's folder, or a folder of sequences.
"""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tracker.calibration.fitting.recording import Recording, paired
from tracker.errors import InputError
from tracker.evaluation.output_files import (
    OWN_DETECTIONS,
    ScoreMap,
    find_detections,
    read_detections,
)
from tracker.evaluation.sequences import BoxSequence, TruthSequence
from tracker.evaluation.truth_files import read_truth, sequence_info
from tracker.formats import jsonl

__all__ = ["detector_name", "read_recordings"]

_SIDES = ("imWidth", "imHeight")
# What a run leaves whatever it was told to save, and what it saves unless told otherwise.
_OF_A_RUN = ("summary.json", "tracks.jsonl")
_RECORDS = (".jsonl", ".txt", ".csv")


def read_recordings(
    detections: str | Path | None,
    truth: str | Path | None = None,
    *,
    score_map: ScoreMap = "none",
    fps: float | None = None,
) -> tuple[list[Recording], Path]:
    """Read what can be fitted to.

    Args:
        detections: As `tracker.evaluation.read_detections`; None takes those beside the truth.
        truth: As `tracker.evaluation.read_truth`; None for none.
        score_map: How scores become probabilities.
        fps: Frames a second; None takes what the files say.

    Returns:
        The recordings, and where their detections are.

    Raises:
        InputError: There is nothing, or it does not follow its format, or nobody knows the rate.
        OSError: A file cannot be read.
    """
    if truth is None:
        if detections is None:
            raise InputError("give --detections, --truth, or both")
        place = Path(detections)
        _no_bare_run(place)
        asked = [_unlabelled(name, file) for name, file in _sequences(place)]
    else:
        asked = read_truth(truth)
        found = find_detections(truth, None, asked) if detections is None else Path(detections)
        if found is None:
            raise InputError(
                f"there are no detections beside {truth}: --detections says where they are"
            )
        place = found
        _no_bare_run(place)
    dataset = truth if truth is not None and Path(truth).suffix == ".json" else None
    boxes = read_detections(place, asked, score_map=score_map, dataset=dataset)
    counts = [_length(one, found) for one, found in zip(asked, boxes, strict=True)]
    rates = [fps or one.fps or found.fps for one, found in zip(asked, boxes, strict=True)]
    labels = [None if truth is None else one for one in asked]
    places = [place] if truth is None else [Path(truth), place]
    sizes = [found.image_size or _image_size(places, found.name) for found in boxes]
    return paired(boxes, labels, rates, counts, sizes), place


def detector_name(place: Path) -> str:
    """What recorded detections say of the detector they are from; "" if nothing."""
    files = [place] if place.is_file() else sorted(place.glob("**/*detections*.jsonl"))
    names = set()
    for file in files:
        if file.suffix == ".jsonl":
            names.add(str(jsonl.read_detections(file).header.get("model", "")))
    return names.pop() if len(names) == 1 else ""


def _no_bare_run(place: Path) -> None:
    """Refuse the folder of a run that did not save its detections."""
    own = any((place / name).is_file() for name in OWN_DETECTIONS)
    if not own and any((place / name).is_file() for name in _OF_A_RUN):
        raise InputError(f"{place} has no {OWN_DETECTIONS[0]}: make the run again with --save all")


def _sequences(place: Path) -> list[tuple[str, Path]]:
    """Name and detections of each sequence that there are detections of."""
    if place.is_file():
        own = place.name in {Path(name).name for name in OWN_DETECTIONS}
        return [(place.resolve().parent.name if own else place.stem, place)]
    if not place.is_dir():
        raise InputError(f"{place} does not exist: --detections takes a file or a folder")
    for name in OWN_DETECTIONS:
        if (place / name).is_file():
            return [(place.resolve().name, place / name)]
    nested = [
        (folder.name, folder / name)
        for folder in sorted(place.iterdir())
        if folder.is_dir()
        for name in OWN_DETECTIONS
        if (folder / name).is_file()
    ]
    first = dict(reversed(nested))  # of several files of a sequence the one looked for first
    if first:
        return sorted(first.items())
    flat = sorted(file for file in place.iterdir() if file.suffix in _RECORDS)
    if not flat:
        raise InputError(
            f"{place} holds no detections: expected SEQUENCE/{OWN_DETECTIONS[0]},"
            " SEQUENCE/det.txt, SEQUENCE/det/det.txt, or a file for each sequence"
        )
    return [(file.stem, file) for file in flat]


def _unlabelled(name: str, file: Path) -> TruthSequence:
    """A sequence that nobody labelled, with what is known of its length and rate."""
    count, fps = sequence_info(file)
    whole, none = np.zeros(0, np.int64), np.zeros((0, 4))
    return TruthSequence(name, (), whole, whole, none, whole, whole.astype(np.int8), count, fps)


def _image_size(places: Sequence[Path], name: str) -> tuple[int, int] | None:
    """Width and height of the pictures of a sequence, where a seqinfo.ini says them."""
    for place in places:
        folder = place.parent if place.is_file() else place
        for file in (folder / name, folder, folder.parent):
            info = configparser.ConfigParser()
            if not (file / "seqinfo.ini").is_file():
                continue
            try:
                info.read(file / "seqinfo.ini", encoding="utf-8-sig")
                size = tuple(info.getint("Sequence", key, fallback=0) for key in _SIDES)
            except (configparser.Error, ValueError) as error:
                raise InputError(f"{file / 'seqinfo.ini'}: {error}") from None
            return (size[0], size[1]) if min(size) > 0 else None
    return None


def _length(asked: TruthSequence, found: BoxSequence) -> int:
    """Frames of a sequence, 0 if nobody knows."""
    beyond = int(found.frame.max(initial=-1)) + 1
    if asked.frame_count and beyond > asked.frame_count:
        raise InputError(
            f"{found.name}: there are detections in frame {beyond - 1} (from 0), but by its"
            f" seqinfo.ini the sequence has {asked.frame_count} frames"
        )
    return asked.frame_count
