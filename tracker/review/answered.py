"""Answers laid beside the tracks of their run, for whoever learns from them or judges by them.

In: a `Run` and the `Consensus` about its tracks; for a fit also the `Recording` of its detections.
Out: columns by the rows of `Lives`, or an `Answered` for `tracker.calibration.fitting.answers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracker.errors import InputError
from tracker.review.consensus import Consensus
from tracker.review.lives import Lives, lives_of
from tracker.review.runs import Run

if TYPE_CHECKING:
    from tracker.calibration.fitting.answers import Answered
    from tracker.calibration.fitting.recording import Recording

__all__ = ["answered_of", "columns"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def columns(
    lives: Lives, together: Sequence[Consensus]
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """What was said of each track.

    Args:
        lives: The K tracks of a run.
        together: What the reviewers say; tracks that are open count as not answered.

    Returns:
        (K,) 1 for yes, 0 for no, NaN without an answer; (K,) inclusion, NaN without; (K,) whether
        it was asked at random.

    Raises:
        InputError: An answer is about a track that the run lacks.
    """
    said, inclusion = np.full(len(lives), np.nan), np.full(len(lives), np.nan)
    audited = np.zeros(len(lives), np.bool_)
    row = {track: k for k, track in enumerate(lives.track_id.tolist())}
    for one in together:
        k = row.get(one.track)
        if k is None:
            raise InputError(f"there is an answer about track {one.track}, which the run lacks")
        if one.answer is not None:
            said[k], inclusion[k] = float(one.answer == "yes"), one.inclusion
            audited[k] = one.asked == "audit"
    return said, inclusion, audited


def answered_of(run: Run, together: Sequence[Consensus], recording: Recording) -> Answered:
    """What a fit to the recording of a run needs to know of its answers.

    Raises:
        InputError: The run has no detections, or they are not those of the recording, or an answer
            is about a track that it lacks.
    """
    from tracker.calibration.fitting.answers import Answered

    lives = lives_of(run)
    said, inclusion, audited = columns(lives, together)
    if run.detections is None:
        raise InputError(
            f"{run.name} has no detections.jsonl: tracks are made again from it; run with --save"
            " jsonl,detections, or --save all"
        )
    boxes, recorded = run.detections, recording.detections
    if not (
        len(boxes) == len(recorded)
        and np.array_equal(run.frame[boxes.frame], recorded.frame)
        and np.allclose(boxes.xyxy, recorded.xyxy)
    ):
        raise InputError(f"{run.name}: detections.jsonl and tracks.jsonl are of different runs")
    owner = np.full(len(boxes), -1, np.int64)
    taken = boxes.track_row >= 0
    owner[taken] = lives.row_track[boxes.track_row[taken]]
    return Answered(owner, lives.probability, said, inclusion, audited)
