"""Truth and boxes brought together: by sequence, class and frame.

In: the truth of some sequences and what was found in them. Out: a `Part` for each sequence and
class, in which every box has its verdict. It decides which classes are judged and which frames
count: those that were labelled and looked at. What it leaves out, it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.evaluation.judging import JudgedBoxes, Overlaps
from tracker.evaluation.sequences import BoxSequence, TruthSequence
from tracker.evaluation.truth_files import canonical

__all__ = ["LADDER", "Found", "Part", "pair_up"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# The overlaps that AP 0.5:0.95 averages over.
LADDER: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The boxes of one class in one sequence, judged.

    Attributes:
        judged: At the overlap asked for.
        ladder: For each overlap of `LADDER` the (N,) masks of right boxes and of those that count.
    """

    judged: JudgedBoxes
    ladder: tuple[tuple[BoolArray, BoolArray], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One class in one sequence.

    Attributes:
        sequence: Its name.
        class_name: Of the class.
        truth: Its truth, also what is ignored.
        frames: The frames that count, ascending.
        fps: Frames a second, None if nobody knows.
        tracks: Boxes of the tracks, None without any.
        detections: Raw detections, None without any.
    """

    sequence: str
    class_name: str
    truth: TruthSequence
    frames: IntArray
    fps: float | None
    tracks: Found | None
    detections: Found | None


def pair_up(
    truth: Sequence[TruthSequence],
    tracks: Sequence[BoxSequence] | None,
    detections: Sequence[BoxSequence] | None,
    *,
    classes: Sequence[str] | None = None,
    min_iou: float = 0.5,
    least_height: float | None = None,
    ladder: bool = True,
) -> tuple[list[Part], list[str]]:
    """Judge everything that was found.

    Args:
        truth: The sequences, by name.
        tracks: For each sequence one of the same name, or None.
        detections: The same.
        classes: Classes to judge; None takes those that the benchmark judges, of which the truth
            has some and the tracks know.
        min_iou: Least overlap of a match.
        least_height: Unmatched boxes up to this height in pixels count neither way; None does as
            the benchmark does.
        ladder: Whether boxes are also judged at the overlaps of `LADDER`, which takes most of the
            time; without, `Found.ladder` is empty.

    Returns:
        The parts, ordered by sequence, then class; and notes on what was left out.

    Raises:
        InputError: Sequences without boxes, classes that nobody knows, frames beyond the end.
    """
    given = {"tracks": tracks, "detections": detections}
    boxes = {
        kind: _by_name(kind, truth, found) for kind, found in given.items() if found is not None
    }
    if not boxes:
        raise InputError("give tracks, detections, or both")
    notes: list[str] = []
    chosen, any_class = _classes(truth, boxes, classes, notes)
    parts = []
    for sequence in truth:
        mine = {kind: found[sequence.name] for kind, found in boxes.items()}
        frames, fps = _frames(sequence, mine, notes)
        for name in chosen:
            asked = replace(sequence.of_class(name).within(frames), fps=fps)
            if least_height is not None:
                asked = replace(asked, least_height=least_height)
            found = {
                kind: _judge(
                    _of_class(b, None if kind in any_class else name).within(frames),
                    asked,
                    min_iou,
                    ladder,
                )
                for kind, b in mine.items()
            }
            parts.append(
                Part(
                    sequence.name,
                    name,
                    asked,
                    frames,
                    fps,
                    found.get("tracks"),
                    found.get("detections"),
                )
            )
    return parts, notes


def _by_name(
    kind: str, truth: Sequence[TruthSequence], found: Sequence[BoxSequence]
) -> dict[str, BoxSequence]:
    of = {sequence.name: sequence for sequence in found}
    missing = [sequence.name for sequence in truth if sequence.name not in of]
    if missing:
        raise InputError(f"there are no {kind} of sequence {missing[0]}")
    return of


def _classes(
    truth: Sequence[TruthSequence],
    boxes: dict[str, dict[str, BoxSequence]],
    classes: Sequence[str] | None,
    notes: list[str],
) -> tuple[list[str], set[str]]:
    """The classes to judge, and which kinds of boxes are taken whatever their class."""
    listed = sorted({name for s in truth for name in s.class_names})
    present = {s.class_names[c] for s in truth for c in np.unique(s.class_id[s.judged]).tolist()}
    if classes is not None:
        chosen = list(dict.fromkeys(canonical(name) for name in classes))
        unknown = [name for name in chosen if name not in listed]
        if unknown or not chosen:
            raise InputError(
                f"the truth has no class {', '.join(unknown) or '(none named)'};"
                f" it has {', '.join(listed)}"
            )
    else:
        asked = dict.fromkeys(name for s in truth for name in (s.asked or s.class_names))
        chosen = [name for name in asked if name in present] or list(asked)
    any_class: set[str] = set()
    for kind, found in boxes.items():
        known = {name for b in found.values() for name in b.class_names}
        common = [name for name in chosen if name in known]
        if not known or (not common and len(chosen) == 1 and len(known) == 1):
            # Boxes without classes, or one class under two names.
            if len(chosen) > 1:
                raise InputError(
                    f"the {kind} have no classes, the truth has {', '.join(chosen)}:"
                    " name the one to judge (--classes NAME)"
                )
            any_class.add(kind)
            if known:
                notes.append(f"{kind} of class {min(known)!r} are judged as {chosen[0]!r}")
        elif not common:
            raise InputError(
                f"the {kind} have the classes {', '.join(sorted(known))}, the truth has"
                f" {', '.join(chosen)}: no name is in both"
            )
        elif classes is None and len(common) < len(chosen):
            left = [name for name in chosen if name not in known]
            notes.append(f"not judged: {', '.join(left)}, which the {kind} do not know")
            chosen = common
    return chosen, any_class


def _frames(
    truth: TruthSequence, boxes: dict[str, BoxSequence], notes: list[str]
) -> tuple[IntArray, float | None]:
    """The frames of a sequence that count, and its frame rate."""
    ends = [int(truth.frame.max(initial=-1))]
    for kind, found in boxes.items():
        looked = -1 if found.looked is None else int(found.looked.max(initial=-1))
        ends.append(max(int(found.frame.max(initial=-1)), looked))
        if truth.frame_count and ends[-1] >= truth.frame_count:
            raise InputError(
                f"{truth.name}: the {kind} reach frame {ends[-1]} (from 0), but by its seqinfo.ini"
                f" the sequence has {truth.frame_count} frames: are they of the same video?"
            )
    frames: IntArray = np.arange(truth.frame_count or max(ends) + 1)
    if truth.frame_count and ends[0] >= truth.frame_count:
        raise InputError(
            f"{truth.name}: the truth reaches frame {ends[0]} (from 0), but by its seqinfo.ini the"
            f" sequence has {truth.frame_count} frames"
        )
    every = len(frames)
    for what, some in (
        ("labelled", truth.labelled),
        *((f"looked at by the {kind}", found.looked) for kind, found in boxes.items()),
    ):
        if some is not None:
            frames = np.intersect1d(frames, some)
            if len(frames) < every:
                notes.append(
                    f"{truth.name}: only {len(frames)} of {every} frames are judged, those {what}"
                )
                every = len(frames)
    rates = [truth.fps, *(found.fps for found in boxes.values())]
    return frames, next((rate for rate in rates if rate), None)


def _of_class(boxes: BoxSequence, name: str | None) -> BoxSequence:
    """The boxes of a class; None takes all."""
    if name is None:
        return boxes
    wanted = np.array([known == name for known in boxes.class_names], np.bool_)
    return boxes.select(wanted[boxes.class_id])


def _judge(boxes: BoxSequence, truth: TruthSequence, min_iou: float, ladder: bool) -> Found:
    overlaps = Overlaps(boxes, truth, least=min(min_iou, LADDER[0]))
    steps = (overlaps.judge(step) for step in (LADDER if ladder else ()))
    verdicts = tuple((step.true, step.judged) for step in steps)
    return Found(overlaps.judge(min_iou), verdicts)
