"""`evaluate`: from files or sequences in memory to all figures, in one call.

In: tracks, raw detections or both, and the truth. Out: an `Evaluation`. It stands between the
command line and the judging, so that a script gets the same numbers as the command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from tracker.errors import InputError
from tracker.evaluation.output_files import ScoreMap, read_detections, read_tracks
from tracker.evaluation.pairing import Part, pair_up
from tracker.evaluation.result import By, Comparison, Evaluation, figures
from tracker.evaluation.sequences import BoxSequence, TruthSequence
from tracker.evaluation.track_metrics import Tally, tally
from tracker.evaluation.truth_files import read_truth

__all__ = ["Boxes", "Truth", "evaluate"]

Truth: TypeAlias = str | Path | TruthSequence | Sequence[TruthSequence]
Boxes: TypeAlias = str | Path | BoxSequence | Sequence[BoxSequence]


def evaluate(
    *,
    truth: Truth,
    tracks: Boxes | None = None,
    detections: Boxes | None = None,
    classes: Sequence[str] | None = None,
    threshold: float = 0.5,
    by: By = "score",
    min_iou: float = 0.5,
    least_height: float | None = None,
    score_map: ScoreMap = "none",
    track_metrics: bool = True,
    on_progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Hold tracks and raw detections against the truth.

    Args:
        truth: Path of a file or folder (see `truth_files.read_truth`), or sequences.
        tracks: Path (see `output_files.read_tracks`), or a sequence for each of the truth.
        detections: Path (see `output_files.read_detections`), or sequences. With them also the
            gain of the tracks over them, and figures of weak objects.
        classes: Classes to judge; None takes those of the benchmark.
        threshold: Operating point: boxes with less are not output.
        by: Whether `score` or `existence` of a track is held to it.
        min_iou: Least overlap of a match, in (0, 1].
        least_height: Unmatched boxes up to this height in pixels count neither way; None does as
            the benchmark does (KITTI 25, others 0).
        score_map: For detections in files whose scores are no probabilities.
        track_metrics: Also HOTA, identity and false tracks; needs trackeval.
        on_progress: Called with a few words before each step that takes time.

    Returns:
        All figures.

    Raises:
        InputError: Files or arguments that do not fit together; the message says what to do.
        MissingExtraError: trackeval is not installed and `track_metrics` is not False.
        OSError: A file cannot be read.

    Example:
        ```python
        result = evaluate(tracks="runs/street", truth="street/gt.txt")
        print(result.tracks.boxes.ap, result.tracks.score.ece, result.tracks.tracks.hota)
        ```
    """
    if by not in ("score", "existence"):
        raise InputError(f'by must be "score" or "existence", got {by!r}')
    if not 0.0 < min_iou <= 1.0:
        raise InputError(f"min_iou must be in (0, 1], got {min_iou:g}")
    say = on_progress or (lambda _: None)
    say("reading")
    asked = _truth(truth)
    dataset = truth if isinstance(truth, str | Path) and Path(truth).suffix == ".json" else None
    found = None if tracks is None else _boxes(tracks, lambda p: read_tracks(p, asked))
    raw = None
    if detections is not None:
        raw = _boxes(
            detections,
            lambda p: read_detections(p, asked, score_map=score_map, dataset=dataset),
        )
    say("matching")
    parts, notes = pair_up(
        asked, found, raw, classes=classes, min_iou=min_iou, least_height=least_height
    )
    if by == "existence" and found is not None and not _has_existence(parts):
        raise InputError("the tracks have no existence: hold their score to the threshold instead")
    tallies: list[Tally | None] = []
    for part in parts:
        tallies.append(_tally(part, threshold, by, say) if track_metrics else None)
    say("adding up")

    done: dict[tuple[int, ...], Comparison] = {}

    def pooled(chosen: list[int]) -> Comparison:
        # A single class, or a single sequence, is the same as everything.
        key = tuple(chosen)
        if key not in done:
            done[key] = compared(chosen)
        return done[key]

    def compared(chosen: list[int]) -> Comparison:
        some, counts = [parts[k] for k in chosen], [tallies[k] for k in chosen]
        of_tracks, of_detections = (
            figures(some, kind, counts, threshold=threshold, by=by, min_iou=min_iou)
            for kind in ("tracks", "detections")
        )
        return Comparison(of_tracks, of_detections)

    def grouped(name: str) -> dict[str, Comparison]:
        keys = [getattr(part, name) for part in parts]
        return {
            key: pooled([k for k, other in enumerate(keys) if other == key])
            for key in dict.fromkeys(keys)
        }

    return Evaluation(
        threshold=threshold,
        by=by,
        min_iou=min_iou,
        notes=tuple(notes),
        overall=pooled(list(range(len(parts)))),
        by_sequence=grouped("sequence"),
        by_class=grouped("class_name"),
        parts=tuple(parts),
    )


def _truth(truth: Truth) -> list[TruthSequence]:
    if isinstance(truth, TruthSequence):
        return [truth]
    return read_truth(truth) if isinstance(truth, str | Path) else list(truth)


def _boxes(given: Boxes, read: Callable[[str | Path], list[BoxSequence]]) -> list[BoxSequence]:
    if isinstance(given, BoxSequence):
        return [given]
    return read(given) if isinstance(given, str | Path) else list(given)


def _has_existence(parts: Sequence[Part]) -> bool:
    return any(
        p.tracks is not None and (p.tracks.judged.column("existence") >= 0).any() for p in parts
    )


def _tally(part: Part, threshold: float, by: By, say: Callable[[str], None]) -> Tally | None:
    if part.tracks is None:
        return None
    say(f"tracks of {part.sequence}")
    raw = None if part.detections is None else part.detections.judged
    return tally(part.tracks.judged, raw, frames=len(part.frames), threshold=threshold, by=by)
