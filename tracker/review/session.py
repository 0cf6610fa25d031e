"""One review: what is asked, who said what, what is left.

In come the questions about a run and the log of answers, and requests of any number of reviewers;
out go plain values. The file is the truth: what others add to it is seen, and nothing is answered
"saved" before it is on the disk.
"""

from __future__ import annotations

import math
import threading
import unicodedata
from collections.abc import Sequence
from errno import EIO
from pathlib import Path
from statistics import median
from typing import Any, get_args

from tracker.errors import InputError
from tracker.review.answers import Answer, AnswerLog, Said, is_printable, now, read_answers
from tracker.review.consensus import agreement, standing
from tracker.review.cutting import Cutter
from tracker.review.questions import Question
from tracker.review.telling import class_name, told
from tracker.review.triage import Triage

__all__ = ["ConflictError", "Review"]

_LONGEST_NAME = 60
_LONGEST_S = 600.0  # nobody looks longer: somebody went away
_PACE_OF = 30
_KEYS = 9


class ConflictError(Exception):
    """The reviewer has answered elsewhere since, or this is another run."""


class Review:
    """A review that goes on.

    Args:
        result: The triage of the run.
        asked: What is asked, in order.
        log: Where answers go.
        key: Of the run.
        cutter: Has the clips.
        reviewer: Who answers where nobody gave a name.
        seconds: Length of a clip.

    Raises:
        InputError: The log holds answers to another run, or lines that are no answers.
        OSError: It cannot be read.
    """

    def __init__(
        self,
        result: Triage,
        asked: Sequence[Question],
        log: AnswerLog,
        *,
        key: str,
        cutter: Cutter,
        reviewer: str,
        seconds: float = 3.0,
    ) -> None:
        """Read the answers that are there."""
        self.result, self.asked, self.reviewer = result, tuple(asked), _named(reviewer)
        self._log, self._key, self._cutter, self._seconds = log, key, cutter, seconds
        ids = result.lives.track_id
        self._questions = {int(ids[one.row]): one for one in asked}
        self._lock = threading.Lock()
        self._size = -1
        self._answers: list[Answer] = []
        self._read()

    def answers(self) -> list[Answer]:
        """All of them, as they are in the file now."""
        with self._lock:
            self._read()
            return list(self._answers)

    def state(self, reviewer: str) -> dict[str, Any]:
        """What the page shows of a reviewer's queue.

        Raises:
            InputError: No name.
        """
        reviewer, result = _named(reviewer), self.result
        with self._lock:
            self._read()
            progress = self._progress(reviewer)
            mine = {t: one for (t, who), one in standing(self._answers).items() if who == reviewer}
            others = sorted({one.reviewer for one in self._answers} - {reviewer})
        queue = [
            {
                "id": number,
                "class": class_name(result, int(result.lives.class_id[one.row])),
                "answer": mine[number].answer if number in mine else None,
                "said_class": mine[number].class_name if number in mine else None,
            }
            for number, one in self._questions.items()
        ]
        return {
            "run": self._key,
            "name": result.run.name,
            "source": Path(result.run.source).name,
            "reviewer": reviewer,
            "others": others,
            "classes": list(result.run.class_names),
            "keys": self._class_keys(),
            "number": "mean existence" if result.run.smoothing else "mean score",
            "queue": queue,
            "left_to_cut": self._cutter.left,
            "progress": progress,
        }

    def track(self, number: int) -> dict[str, Any] | None:
        """One track of the queue with all that is known of it; None for others."""
        one = self._questions.get(number)
        if one is None:
            return None
        view = self._cutter.view(one.row)
        shown = None if view is None else {"crops": bool(view.crops), "clip": bool(view.clip),
                                           "place": bool(view.place)}  # fmt: skip
        return told(self.result, one.row, seconds=self._seconds) | {"shown": shown}

    def file(self, number: int, kind: str) -> Path | None:
        """The file of a track's `clip`, `crops`, `still` or `place`; None if there is none yet."""
        one = self._questions.get(number)
        view = None if one is None else self._cutter.view(one.row)
        name = "" if view is None else getattr(view, kind)
        return self._cutter.path(name) if name else None

    def answer(
        self, number: int, said: Said, *, class_name: str | None, reviewer: str, seconds: float,
        run: str, after: int,
    ) -> dict[str, Any]:  # fmt: skip
        """Save an answer, or withdraw the last one (`undo`).

        Args:
            number: Id of the track.
            said: The answer.
            class_name: What it is; None if that is not said.
            reviewer: Who says so.
            seconds: How long it took.
            run: Key of the run that the page showed.
            after: How many answers of this reviewer the page knows of: one that was saved already,
                while its sender never heard of it, is not saved twice.

        Returns:
            The progress of the reviewer.

        Raises:
            ConflictError: Of another run; or there are answers the page does not know of.
            InputError: No such track, name, class or answer.
            OSError: It could not be saved.
        """
        reviewer, one = _named(reviewer), self._questions.get(number)
        if run != self._key:
            raise ConflictError("this page is of another run: load it again")
        if one is None:
            raise InputError(f"track {number} is not asked about")
        if said not in get_args(Said):
            raise InputError(f"an answer is one of {', '.join(get_args(Said))}")
        if class_name is not None and class_name not in self.result.run.class_names:
            raise InputError("the run has no such class")
        seconds = min(seconds, _LONGEST_S)
        given = Answer(
            run=self._key,
            track=number,
            answer=said,
            class_name=class_name if said == "yes" else None,
            reviewer=reviewer,
            at=now(),
            seconds=0.0 if math.isnan(seconds) else round(seconds, 1),
            probability=round(float(self.result.lives.probability[one.row]), 6),
            asked=one.asked,
            inclusion=one.inclusion,
        )
        with self._lock:
            try:
                self._read()
            except InputError as error:  # somebody broke the file: the answer is not at fault
                raise OSError(EIO, str(error), str(self._log.path)) from error
            mine = [a for a in self._answers if a.reviewer == reviewer]
            if len(mine) != after:
                same = bool(mine) and len(mine) == after + 1 and _alike(mine[-1], given)
                if not same:
                    raise ConflictError("there are answers of yours that this page did not know of")
            elif said == "undo" and (number, reviewer) not in standing(mine):
                raise ConflictError("there is no answer of yours to withdraw")
            else:
                try:
                    self._log.append(given)
                except InputError as error:
                    raise OSError(EIO, str(error), str(self._log.path)) from error
                self._read()
            return self._progress(reviewer)

    def agreement(self) -> dict[str, Any]:
        """How far reviewers agree, and where they do not."""
        answers = self.answers()
        whole, said = agreement(answers), dict[int, list[Answer]]()
        for (number, _), one in standing(answers).items():
            said.setdefault(number, []).append(one)
        apart = [
            {
                "id": number,
                "asked": number in self._questions,
                "said": [
                    {"reviewer": a.reviewer, "answer": a.answer, "class": a.class_name}
                    for a in sorted(said[number], key=lambda a: a.reviewer)
                ],
            }
            for number in sorted(said)
            if _differ(said[number])
        ]
        return {
            "reviewers": [
                {"name": who, "answered": sum(any(a.reviewer == who for a in of)
                                              for of in said.values())}
                for who in whole.reviewers
            ],
            "tracks": whole.tracks,
            "share": None if math.isnan(whole.share) else round(whole.share, 4),
            "kappa": None if math.isnan(whole.kappa) else round(whole.kappa, 4),
            "which": "Cohen" if len(whole.reviewers) == 2 else "Fleiss",
            "apart": apart,
        }  # fmt: skip

    def _progress(self, reviewer: str) -> dict[str, Any]:
        mine = [one for one in self._answers if one.reviewer == reviewer]
        answered = sum(number in self._questions for number, _ in standing(mine))
        # Each undo takes the last answer about its track off the stack.
        stack: list[Answer] = []
        for one in mine:
            if one.answer != "undo":
                stack.append(one)
            else:
                last = max((i for i, s in enumerate(stack) if s.track == one.track), default=None)
                if last is not None:
                    del stack[last]
        undoable = [one.track for one in stack if one.track in self._questions]
        times = [one.seconds for one in mine if one.answer != "undo"][-_PACE_OF:]
        return {
            "lines": len(mine),
            "answered": answered,
            "last": undoable[-1] if undoable else None,
            "seconds_each": round(median(times), 1) if times else None,
        }

    def _class_keys(self) -> list[str]:
        """The classes that have a key: all where they are few, else the most frequent here."""
        names, lives = self.result.run.class_names, self.result.lives
        if len(names) <= _KEYS:
            return list(names)
        known = lives.class_id < len(names)
        weight = [0.0] * len(names)
        for k, p in zip(lives.class_id[known].tolist(), lives.probability[known].tolist(),
                        strict=True):  # fmt: skip
            weight[k] += p
        most = sorted(range(len(names)), key=lambda k: -weight[k])[:_KEYS]
        return [names[k] for k in most if weight[k] > 0]

    def _read(self) -> None:
        """Read the file again if it is not as long as it was."""
        size = self._log.path.stat().st_size
        if size == self._size:
            return
        answers = read_answers(self._log.path)
        foreign = [one for one in answers if one.run != self._key]
        if foreign:
            raise InputError(
                f"{self._log.path} has {len(foreign)} answers about tracks that were made at"
                " another time, and their numbers mean other objects now: give the file another"
                " name, to keep it, and start again"
            )
        self._answers, self._size = answers, size


def _named(reviewer: str) -> str:
    """A reviewer's name as it is kept.

    Raises:
        InputError: It is empty, too long, or not to be printed.

    Example:
        >>> _named("  Anna  Maria ")
        'Anna Maria'
        >>> _named("Rene\u0301") == _named("Ren\u00e9")  # the same to the eye, and to us
        True
    """
    name = unicodedata.normalize("NFC", " ".join(reviewer.split()))
    seen = name.strip("\u200c\u200d")
    if not seen or len(name) > _LONGEST_NAME or not is_printable(name):
        raise InputError(
            f"a reviewer needs a name of 1 to {_LONGEST_NAME} letters, all of which can be seen"
        )
    return name


def _alike(one: Answer, other: Answer) -> bool:
    return (one.track, one.answer, one.class_name) == (other.track, other.answer, other.class_name)


def _differ(said: Sequence[Answer]) -> bool:
    """Whether reviewers say different things of a track, also of what it is."""
    answers = {one.answer for one in said}
    return len(answers) > 1 or len({one.class_name for one in said if one.answer == "yes"}) > 1
