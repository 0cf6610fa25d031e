"""What a tracker or a detector wrote, from files, paired with the sequences of the truth.

In: a file, a run's folder or a folder of sequences, and the truth. Out: a `BoxSequence` for each
sequence, in the order of the truth. For a single sequence any file will do, whatever it is called;
of several, each must be there: an empty file says that nothing was found, a missing one nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.evaluation.sequences import BoxSequence, TruthSequence
from tracker.evaluation.truth_files import canonical, kitti_kinds
from tracker.formats import coco, coco_dataset, jsonl, kitti, mot
from tracker.formats.records import map_scores, read_record
from tracker.tracks import Tracks

__all__ = ["OWN_DETECTIONS", "ScoreMap", "find_detections", "read_detections", "read_tracks"]

FloatArray = NDArray[np.float64]
ScoreMap = Literal["none", "sigmoid", "minmax"]

# In the order in which they are looked for; {} is the name of the sequence.
_TRACKS = ("{}.jsonl", "{}.txt", "{}/tracks.jsonl", "{}/tracks.txt", "data/{}.txt")
_RUN_TRACKS = ("tracks.jsonl", "tracks.txt")
# det_prob.txt: scores mapped to [0, 1] by whoever made the data.
OWN_DETECTIONS = ("detections.jsonl", "det_prob.txt", "det.txt", "det/det.txt")
_DETECTIONS = (
    *("{}/" + name for name in OWN_DETECTIONS),
    *("{}.jsonl", "{}.txt", "{}.json"),
)


def read_tracks(path: str | Path, truth: Sequence[TruthSequence]) -> list[BoxSequence]:
    """Read tracks.

    Args:
        path: JSONL, MOT text or KITTI results; a folder that `conftrack run` wrote; a folder with
            `SEQUENCE.txt`, `SEQUENCE.jsonl` or `SEQUENCE/tracks.jsonl`.
        truth: The sequences to find tracks for.

    Returns:
        One for each sequence of the truth.

    Raises:
        InputError: There are none for some sequence, or a file does not follow its format.
        OSError: A file cannot be read.
    """
    files = _files(Path(path), truth, _RUN_TRACKS, _TRACKS, "tracks")
    return [_tracks(file, s.name) for file, s in zip(files, truth, strict=True)]


def read_detections(
    path: str | Path,
    truth: Sequence[TruthSequence],
    *,
    score_map: ScoreMap = "none",
    dataset: str | Path | None = None,
) -> list[BoxSequence]:
    """Read raw detections.

    Args:
        path: Detections JSONL, MOT text, KITTI or COCO results; or a folder with
            `SEQUENCE/det_prob.txt`, `SEQUENCE/det.txt`, `SEQUENCE/det/det.txt` or `SEQUENCE.txt`.
        truth: The sequences to find detections for.
        score_map: How scores become probabilities: as they are, 1 / (1 + exp(−score)) for logits
            and margins, or by the least and the greatest score.
        dataset: COCO results only: the data set that their image and category ids belong to.

    Returns:
        One for each sequence of the truth.

    Raises:
        InputError: There are none for some sequence, a file does not follow its format, or a score
            is no probability.
        OSError: A file cannot be read.
    """
    path = Path(path)
    if path.suffix == ".json" and dataset is not None:
        return _coco_results(path, Path(dataset), truth, score_map)
    files = _files(path, truth, OWN_DETECTIONS, _DETECTIONS, "detections")
    return [_detections(file, s.name, score_map) for file, s in zip(files, truth, strict=True)]


def find_detections(
    truth_path: str | Path, tracks_path: str | Path | None, truth: Sequence[TruthSequence]
) -> Path | None:
    """The raw detections that lie beside the tracks or the truth, None if there are none."""
    for given in (tracks_path, truth_path):
        if given is None:
            continue
        folder = Path(given)
        if folder.is_file():
            folder = folder.parent.parent if folder.parent.name == "gt" else folder.parent
        try:
            _files(folder, truth, OWN_DETECTIONS, _DETECTIONS[: len(OWN_DETECTIONS)], "")
        except InputError:
            continue
        return folder
    return None


def _files(
    path: Path,
    truth: Sequence[TruthSequence],
    own: Sequence[str],
    patterns: Sequence[str],
    what: str,
) -> list[Path]:
    """The file of each sequence."""
    if not path.exists():
        raise InputError(f"{path} does not exist: --{what} takes a file or a folder")
    if path.is_file():
        if len(truth) != 1:
            raise InputError(
                f"{path} is one file, but the truth has {len(truth)} sequences:"
                f" --{what} must be a folder with {_shown(patterns)}"
            )
        return [path]
    if len(truth) == 1:
        for name in own:
            if (path / name).is_file():
                return [path / name]
    found = []
    for sequence in truth:
        names = [path / pattern.format(sequence.name) for pattern in patterns]
        there = [name for name in names if name.is_file()]
        if not there:
            raise InputError(
                f"{path} holds no {what} of sequence {sequence.name}: expected"
                f" {_shown(p.format(sequence.name) for p in patterns)}; an empty file says that"
                " nothing was found"
            )
        found.append(there[0])
    return found


def _shown(patterns: Iterable[str]) -> str:
    return " or ".join(p.replace("{}", "SEQUENCE") for p in patterns)


def _tracks(path: Path, name: str) -> BoxSequence:
    if path.suffix == ".jsonl":
        return _tracks_jsonl(path, name)
    if path.suffix not in (".txt", ".csv"):
        raise InputError(f"{path}: tracks must be .jsonl (conftrack) or .txt (MOT text)")
    if kitti.is_kitti(path):
        return _kitti(path, name, "none")
    rows = mot.read(path)
    if len(rows) and (rows.track_id < 0).any():
        raise InputError(
            f"{path} has boxes without an id (-1): these are detections, give them as --detections"
        )
    existence = rows.extra[:, 0] if rows.extra.shape[1] else np.full(len(rows), -1.0)
    return BoxSequence(
        name=name,
        class_names=(),
        frame=rows.frame - 1,
        track_id=rows.track_id,
        xyxy=rows.xyxy,
        score=_track_scores(path, rows.score),
        existence=np.where(existence < 0, np.nan, existence),
        class_id=np.zeros(len(rows), np.int64),
    )


def _tracks_jsonl(path: Path, name: str) -> BoxSequence:
    file = jsonl.read_tracks(path)
    records = list(file)
    columns = [r.tracks for r in records] or [Tracks.empty()]
    index = np.array([r.index for r in records], np.int64)
    return BoxSequence(
        name=name,
        class_names=_names(file.class_names),
        frame=np.repeat(index, [len(r.tracks) for r in records]),
        track_id=np.concatenate([t.track_id for t in columns]),
        xyxy=np.concatenate([t.xyxy for t in columns]),
        score=np.concatenate([t.score for t in columns]),
        existence=np.concatenate([t.existence for t in columns]),
        class_id=np.concatenate([t.class_id for t in columns]),
        looked=index,
        fps=_rate(index, np.array([r.timestamp_s for r in records])),
    )


def _kitti(path: Path, name: str, score_map: ScoreMap) -> BoxSequence:
    """Results in KITTI's format, tracks or detections."""
    rows = kitti.read(path)
    if np.isnan(rows.score).any():
        raise InputError(f"{path} has lines without a score (field 18): these are labels")
    kinds = kitti_kinds(rows)
    names = tuple(dict.fromkeys(kinds))
    return BoxSequence(
        name=name,
        class_names=names,
        frame=rows.frame,
        track_id=rows.track_id,
        xyxy=rows.xyxy,
        score=_probabilities(path, rows.score, score_map),
        existence=np.full(len(rows), np.nan),
        class_id=np.array([names.index(kind) for kind in kinds], np.int64),
    )


def _detections(path: Path, name: str, score_map: ScoreMap) -> BoxSequence:
    if path.suffix == ".txt" and kitti.is_kitti(path):
        return _kitti(path, name, score_map)
    record = read_record(path)
    index = np.array(sorted(record.frames), np.int64)
    frames = [record.frames[i] for i in index.tolist()]
    n = [len(f.score) for f in frames]
    score = np.concatenate([f.score for f in frames] or [np.zeros(0)])
    times = np.array([record.times[i] for i in index.tolist()] if record.times else ())
    return BoxSequence(
        name=name,
        class_names=() if path.suffix in (".txt", ".csv") else _names(record.class_names),
        frame=np.repeat(index, n),
        track_id=np.full(len(score), -1, np.int64),
        xyxy=np.concatenate([f.xyxy for f in frames] or [np.zeros((0, 4))]),
        score=_probabilities(path, score, score_map),
        existence=np.full(len(score), np.nan),
        class_id=np.concatenate([f.class_id for f in frames] or [np.zeros(0, np.int64)]),
        looked=index if record.complete else None,
        fps=_rate(index, times) if len(times) else None,
        times=times if record.complete and len(times) else None,
        image_size=record.image_size,
    )


def _coco_results(
    path: Path, dataset: Path, truth: Sequence[TruthSequence], score_map: ScoreMap
) -> list[BoxSequence]:
    """Results whose image ids are those of a data set of one video or many."""
    results, data = coco.read(path), coco_dataset.read(dataset)
    unknown = set(results.image_id.tolist()) - data.place.keys()
    unknown |= set(results.category_id.tolist()) - data.category_names.keys()
    if unknown:
        raise InputError(
            f"{path} has image or category id {min(unknown)}, which is not in {dataset}: results"
            " must be of that data set"
        )
    ids = sorted(data.category_names)
    column = {number: k for k, number in enumerate(ids)}
    place = np.array([data.place[i] for i in results.image_id.tolist()], np.int64).reshape(-1, 2)
    class_id = np.array([column[i] for i in results.category_id.tolist()], np.int64)
    score = _probabilities(path, results.score, score_map)
    out = []
    for sequence in truth:
        video = data.videos.index(sequence.name) if sequence.name in data.videos else -1
        mine = place[:, 0] == video
        out.append(
            BoxSequence(
                name=sequence.name,
                class_names=_names([data.category_names[i] for i in ids]),
                frame=place[mine, 1],
                track_id=np.full(int(mine.sum()), -1, np.int64),
                xyxy=results.xyxy[mine],
                score=score[mine],
                existence=np.full(int(mine.sum()), np.nan),
                class_id=class_id[mine],
            )
        )
    return out


def _track_scores(path: Path, score: FloatArray) -> FloatArray:
    """Scores of tracks, which must be probabilities."""
    if len(score) and not (score.min() >= 0 and score.max() <= 1):
        raise InputError(
            f"{path} has scores from {score.min():.4g} to {score.max():.4g} in column 7: tracks"
            " need probabilities there; write 1 where the tracker gives none"
        )
    return score


def _probabilities(path: Path, score: FloatArray, score_map: ScoreMap) -> FloatArray:
    """Scores as probabilities, or an error that says how to make them so."""
    if score_map != "none":
        score = map_scores(score, score_map)
    if len(score) and not (score.min() >= 0 and score.max() <= 1):
        raise InputError(
            f"{path} has scores from {score.min():.4g} to {score.max():.4g}, which are no"
            " probabilities: --score-map sigmoid (for logits and margins) or minmax makes"
            " probabilities of the scores of detections"
        )
    return score


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(canonical(name) for name in names)


def _rate(index: NDArray[np.int64], times: FloatArray) -> float | None:
    """Frames a second of a file with times, None if it is too short to tell."""
    if len(index) < 2 or not times[-1] > times[0]:
        return None
    return float((index[-1] - index[0]) / (times[-1] - times[0]))
