"""Ground truth from files, with what each benchmark says must not be judged.

In: a file or a folder of sequences. Out: one `TruthSequence` for each. It stands apart from the
judging so that a benchmark's rules are written down in one place:

| format | judged | neither right nor wrong |
|---|---|---|
| MOT16, MOT17, MOT20 | class 1 with flag 1 | boxes of classes 2, 7, 8, 12 (MOT20: 6), and of flag 0 |
| with `labels.txt` (CVAT) | every class with flag 1 | boxes of flag 0 |
| MOT15 (ten columns) | rows of flag 1 | nothing: rows of flag 0 are not there |
| KITTI tracking | Car, Pedestrian | DontCare (area); Van for Car; Person (sitting) and Cyclist for Pedestrian; truncated, or occluded beyond 2; unmatched boxes up to 25 px high |
| COCO | every category | `iscrowd` (area), `ignore` (box) |

Class 8 of MOT text with a visibility of −1 is an ignored area. Class names are compared in lower
case, and "pedestrian" is "person".
"""  # noqa: E501

from __future__ import annotations

import configparser
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.evaluation.sequences import EVERY_CLASS, Role, TruthSequence
from tracker.formats import coco_dataset, kitti, mot

__all__ = ["canonical", "kitti_kinds", "read_truth"]

PERSON = "person"
_SAME = {
    "pedestrian": PERSON,
    "pedestrians": PERSON,
    "people": PERSON,
    "persons": PERSON,
    "human": PERSON,
    "motorbike": "motorcycle",
}
# Classes of MOT16, MOT17 and MOT20 that can be judged.
_MOT_CLASSES = {1: PERSON, 3: "car", 4: "bicycle", 5: "motorcycle", 6: "non motorised vehicle"}
# On a vehicle, static, distractor, reflection: a detector may or may not call them persons.
_MOT_IGNORED = (2, 7, 8, 12)
_MOT_AREA = 8
_MOT15_COLUMNS = 10

_KITTI_JUDGED = (PERSON, "car")
_KITTI_NEIGHBOURS = {"van": "car", "person sitting": PERSON, "cyclist": PERSON}
_KITTI_OCCLUDED, _KITTI_HEIGHT, _KITTI_FPS = 2, 25.0, 10.0
_NOT_TRUTH = {"labels.txt", "det.txt", "det_prob.txt"}


def canonical(name: str) -> str:
    """The name under which a class is compared.

    Example:
        >>> canonical("Pedestrian"), canonical("Person_sitting"), canonical("traffic light")
        ('person', 'person sitting', 'traffic light')
    """
    plain = name.strip().lower().replace("_", " ")
    return _SAME.get(plain, plain)


def read_truth(path: str | Path) -> list[TruthSequence]:
    """Read ground truth.

    Args:
        path: A file (MOT text, KITTI tracking labels, COCO JSON), a folder with `gt.txt` or
            `gt/gt.txt`, or a folder of such folders or of such files. A `seqinfo.ini` beside MOT
            text gives name, frame rate and number of frames.

    Returns:
        The sequences by name.

    Raises:
        InputError: Nothing is found, or a file does not follow its format.
        OSError: A file cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: --truth takes a file or a folder of sequences")
    files = [(path, _name(path))] if path.is_file() else _files(path)
    found = [sequence for file, name in files for sequence in _read_file(file, name)]
    names = [sequence.name for sequence in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"{path}: sequence {min(twice)!r} is there more than once")
    return found


def _files(folder: Path) -> list[tuple[Path, str]]:
    """The truth files of a folder, and what their sequences are called."""
    own = _inside(folder)
    if own is not None:
        return [(own, folder.resolve().name)]
    nested = [(_inside(entry), entry.name) for entry in sorted(folder.iterdir()) if entry.is_dir()]
    found = [(file, name) for file, name in nested if file is not None]
    if not found:
        flat = sorted([*folder.glob("*.txt"), *folder.glob("*.json")])
        found = [(file, file.stem) for file in flat if file.name not in _NOT_TRUTH]
    if not found:
        raise InputError(
            f"{folder} holds no ground truth: expected gt.txt, gt/gt.txt, SEQUENCE/gt.txt,"
            " SEQUENCE/gt/gt.txt, or a label file (.txt, .json) for each sequence"
        )
    return found


def _inside(folder: Path) -> Path | None:
    """The truth of a sequence's folder."""
    for name in ("gt.txt", "gt/gt.txt", "truth.txt"):
        if (folder / name).is_file():
            return folder / name
    return None


def _name(path: Path) -> str:
    """What the sequence of a truth file is called: after its folder where the file is a gt.txt."""
    if path.name != "gt.txt":
        return path.stem
    folder = path.resolve().parent
    return (folder.parent if folder.name == "gt" else folder).name or path.stem


def _read_file(path: Path, name: str) -> list[TruthSequence]:
    if path.suffix == ".json":
        return _from_coco(path)
    if kitti.is_kitti(path):
        return [_from_kitti(path, name)]
    return [_from_mot(path, name)]


def _from_mot(path: Path, name: str) -> TruthSequence:
    rows = mot.read(path)
    frame_count, fps = sequence_info(path)
    labels = path.parent / "labels.txt"
    flagged = rows.score != 0
    n, columns = len(rows), 7 + rows.extra.shape[1]
    role = np.where(flagged, Role.JUDGED, Role.IGNORE_BOX).astype(np.int8)
    class_id, keep = np.zeros(n, np.int64), np.ones(n, np.bool_)
    names: tuple[str, ...] = (PERSON,)
    if labels.is_file() and columns > 7:
        lines = labels.read_text(encoding="utf-8-sig").splitlines()
        listed = [canonical(line) for line in lines if line.strip()]
        kind = rows.extra[:, 0].astype(np.int64)
        if n and not (kind.min() >= 1 and kind.max() <= len(listed)):
            raise InputError(
                f"{path} has classes {kind.min()} to {kind.max()}, but {labels} names {len(listed)}"
            )
        names = tuple(dict.fromkeys(listed))
        class_id = np.array([names.index(listed[k - 1]) for k in kind.tolist()], np.int64)
    elif columns >= _MOT15_COLUMNS:
        keep = flagged
    elif columns > 7:
        kind = rows.extra[:, 0].astype(np.int64)
        ignored = np.isin(kind, (*_MOT_IGNORED, 6) if "MOT20" in name else _MOT_IGNORED)
        role[ignored] = Role.IGNORE_BOX
        if columns > 8:
            role[(kind == _MOT_AREA) & (rows.extra[:, 1] == -1)] = Role.IGNORE_AREA
        # Other classes can be asked for where the file has some to be judged.
        known = [k for k in _MOT_CLASSES if k == 1 or (flagged & (kind == k) & ~ignored).any()]
        names = tuple(_MOT_CLASSES[k] for k in known)
        column = np.full(max(int(kind.max(initial=0)), 12) + 1, -1, np.int64)
        column[known] = np.arange(len(known))
        class_id = np.where(ignored, 0, column[np.maximum(kind, 0)])
        keep = (class_id >= 0) & (kind > 0)
    return TruthSequence(
        name=name,
        class_names=names,
        frame=rows.frame[keep] - 1,
        object_id=rows.track_id[keep],
        xyxy=rows.xyxy[keep],
        class_id=class_id[keep],
        role=role[keep],
        frame_count=frame_count,
        fps=fps,
        asked=names if labels.is_file() else (PERSON,),
    )


def sequence_info(path: Path) -> tuple[int, float | None]:
    """Frames and frame rate from the seqinfo.ini of a sequence; 0 and None without one."""
    for folder in (path.parent, path.parent.parent):
        file = folder / "seqinfo.ini"
        if not file.is_file():
            continue
        info = configparser.ConfigParser()
        try:
            info.read(file, encoding="utf-8-sig")
            fps = info.getfloat("Sequence", "frameRate", fallback=None)
            return info.getint("Sequence", "seqLength"), fps
        except (configparser.Error, ValueError) as error:
            raise InputError(f"{file}: {error}") from None
    return 0, None


def kitti_kinds(rows: kitti.KittiRows) -> list[str]:
    """The N class names under which KITTI's types are compared.

    In the tracking labels "Person" is someone sitting; who walks is a "Pedestrian".
    """
    return ["person sitting" if kind == "Person" else canonical(kind) for kind in rows.kind]


def _from_kitti(path: Path, name: str) -> TruthSequence:
    rows = kitti.read(path)
    kinds = kitti_kinds(rows)
    names = tuple(sorted({PERSON, "car", *kinds} - {"dontcare"}))
    unclear = (rows.truncated > 0) | (rows.occluded > _KITTI_OCCLUDED)
    picked: list[tuple[int, int, int]] = []  # row, class, role
    for row, kind in enumerate(kinds):
        if kind == "dontcare":
            picked.append((row, EVERY_CLASS, Role.IGNORE_AREA))
            continue
        picked.append((row, names.index(kind), Role.IGNORE_BOX if unclear[row] else Role.JUDGED))
        if kind in _KITTI_NEIGHBOURS:
            picked.append((row, names.index(_KITTI_NEIGHBOURS[kind]), Role.IGNORE_BOX))
    table = np.array(picked, np.int64).reshape(-1, 3)
    frame_count, fps = sequence_info(path)
    return TruthSequence(
        name=name,
        class_names=names,
        frame=rows.frame[table[:, 0]],
        object_id=rows.track_id[table[:, 0]],
        xyxy=rows.xyxy[table[:, 0]],
        class_id=table[:, 1],
        role=table[:, 2].astype(np.int8),
        frame_count=frame_count,
        fps=fps or _KITTI_FPS,
        least_height=_KITTI_HEIGHT,
        asked=_KITTI_JUDGED,
    )


def _from_coco(path: Path) -> list[TruthSequence]:
    data = coco_dataset.read(path)
    ids = sorted(data.category_names)
    name_of = {i: canonical(data.category_names[i]) for i in ids}
    names = tuple(dict.fromkeys(name_of.values()))
    class_id = np.array([names.index(name_of[i]) for i in data.category_id.tolist()], np.int64)
    place = np.array([data.place[i] for i in data.image_id.tolist()], np.int64).reshape(-1, 2)
    role: NDArray[np.int8] = np.where(
        data.crowd, Role.IGNORE_AREA, np.where(data.ignore, Role.IGNORE_BOX, Role.JUDGED)
    ).astype(np.int8)
    out = []
    for k, name in enumerate(data.videos):
        mine = place[:, 0] == k
        out.append(
            TruthSequence(
                name=name,
                class_names=names,
                frame=place[mine, 1],
                object_id=data.object_id[mine],
                xyxy=data.xyxy[mine],
                class_id=class_id[mine],
                role=role[mine],
                fps=data.fps[k],
                asked=names,
                labelled=data.labelled(k),
            )
        )
    return out
