"""Answers of people to "does this track follow a real object?", in one append-only file.

In: `Answer`s, from any number of reviewers, threads and processes. Out: `answers.jsonl`, a line
each, on the disk before `AnswerLog.append` returns; `read_answers` reads it back, also while it is
written, or after a crash cut its last line off. `run_key` says which run they are of: ids of tracks
mean nothing in another one. What several reviewers think together is in
`tracker.review.consensus`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tracker.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows: there one process at a time writes
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Answer",
    "AnswerLog",
    "Asked",
    "Said",
    "check_run",
    "is_printable",
    "now",
    "read_answers",
    "run_key",
]

FORMAT, VERSION = "conftrack-answers", 1
# How every line begins, and so what is left of one that was cut off.
_BEGIN = f'{{"format":"{FORMAT}"'.encode()

Said: TypeAlias = Literal["yes", "no", "unsure", "undo"]
Asked: TypeAlias = Literal["maybe", "audit"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one reviewer about one track.

    Attributes:
        run: Key of the run (`run_key`).
        track: Id of the track in it.
        answer: `yes`: it follows a real object. `no`: it does not. `unsure`: nobody can tell from
            what is shown. `undo`: the reviewer's last answer about this track is withdrawn.
        class_name: Name of the class it is, None if that was not said.
        reviewer: Who says so.
        at: When, ISO 8601 with its time zone (`now`).
        seconds: How long it took, s.
        probability: P(it follows a real object) that it was asked with.
        asked: `maybe`: because it is in doubt. `audit`: at random, from those that are not.
        inclusion: Probability with which it came to be asked: 1 for maybes, the share of its pile
            that was drawn for audits.

    Raises:
        InputError: A value that the format does not allow.
    """

    run: str
    track: int
    answer: Said
    class_name: str | None
    reviewer: str
    at: str
    seconds: float
    probability: float
    asked: Asked = "maybe"
    inclusion: float = 1.0

    def __post_init__(self) -> None:
        """Check everything, for it comes from files and from browsers."""
        for name, value, kind in (
            ("run", self.run, str),
            ("track", self.track, int),
            ("reviewer", self.reviewer, str),
            ("class", self.class_name, str | None),
            ("at", self.at, str),
        ):
            if not isinstance(value, kind) or isinstance(value, bool):
                raise InputError(f"{name} of an answer is {value!r}: of another type")
        for name, value, known in (
            ("answer", self.answer, get_args(Said)),
            ("asked", self.asked, get_args(Asked)),
        ):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}; got {value!r}")
        if not self.reviewer.strip() or not self.run:
            raise InputError("an answer needs a reviewer and a run, got an empty name")
        if not is_printable(self.reviewer):
            raise InputError(f"the name {self.reviewer!r} has characters that cannot be seen")
        for name, number, least, most in (
            ("seconds", self.seconds, 0.0, math.inf),
            ("probability", self.probability, 0.0, 1.0),
            ("inclusion", self.inclusion, 0.0, 1.0),
        ):
            fits = isinstance(number, int | float) and not isinstance(number, bool)
            # Whole numbers can be larger than what `math.isfinite` can be asked about.
            if not fits or not (least <= number <= most and number <= sys.float_info.max):
                raise InputError(f"{name} must be a number from {least:g} to {most:g}: {number!r}")
        if self.inclusion == 0.0:
            raise InputError("inclusion must be above 0: what could not be asked was not answered")
        try:
            zone = datetime.fromisoformat(self.at).tzinfo
        except ValueError:
            zone = None
        if zone is None:
            raise InputError(f"at must be ISO 8601 with a time zone, got {self.at!r}")

    def to_line(self) -> str:
        """The line of the file, with its line feed.

        Example:
            >>> one = Answer("0123456789abcdef", 12, "yes", "person", "anna",
            ...              "2026-01-31T12:34:56.789Z", 3.2, 0.43)
            >>> Answer.from_line(one.to_line()) == one
            True
        """
        plain = {
            "format": FORMAT,
            "version": VERSION,
            "run": self.run,
            "track": self.track,
            "answer": self.answer,
            "class": self.class_name,
            "reviewer": self.reviewer,
            "at": self.at,
            "seconds": self.seconds,
            "probability": self.probability,
            "asked": self.asked,
            "inclusion": self.inclusion,
        }
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Answer:
        """Read a line of the file; keys that this version does not know are left out.

        Raises:
            InputError: No such line, or one of another version.
        """
        try:
            plain: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"not JSON: {error}") from None
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise InputError(f'not an answer: "format" must be {FORMAT}')
        if plain.get("version") != VERSION:
            raise InputError(f"version {plain.get('version')!r}: only {VERSION} is known")
        try:
            return cls(
                run=plain["run"],
                track=plain["track"],
                answer=plain["answer"],
                class_name=plain["class"],
                reviewer=plain["reviewer"],
                at=plain["at"],
                seconds=plain["seconds"],
                probability=plain["probability"],
                asked=plain["asked"],
                inclusion=plain["inclusion"],
            )
        except KeyError as error:
            raise InputError(f"an answer without {error.args[0]!r}") from None


class AnswerLog:
    """Appends answers to a file: a line each, whole or not at all, on the disk when it returns.

    Several threads and processes may have a log of one file. Each line goes into the file by one
    write under a lock of the file (where the system has `fcntl`); what a crash left of a line that
    was never finished is taken off before the next one. What ends otherwise is not written to.

    Args:
        path: File to append to; it is created, and its end repaired, at once, so that a place that
            cannot be written to is known before somebody has answered.

    Raises:
        InputError: It ends with what is neither an answer nor the beginning of one.
        OSError: It cannot be written.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Create the file where it is not there, and repair its end."""
        self.path = Path(path)
        new = not self.path.exists()
        with self._locked() as (file, _):
            os.fsync(file)
        if new and hasattr(os, "O_DIRECTORY"):  # that the file is there must be on the disk, too
            folder = os.open(self.path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def append(self, answer: Answer) -> None:
        """Write an answer; it survives a crash of the machine from here on.

        Raises:
            OSError: The disk is full, or gone; the file is as it was before.
        """
        line = answer.to_line().encode("utf-8")
        with self._locked() as (file, size):
            try:
                written = os.write(file, line)
                if written != len(line):  # the disk is full; the next write says so
                    os.write(file, line[written:])
                os.fsync(file)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(file, size)
                raise OSError(error.errno, error.strerror, os.fspath(self.path)) from error

    @contextmanager
    def _locked(self) -> Iterator[tuple[int, int]]:
        """The open file, which nobody else writes to, and its size, behind a whole line."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        file = os.open(self.path, flags, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed
            yield file, _repaired(file, self.path)
        finally:
            os.close(file)


def read_answers(path: str | PathLike[str]) -> list[Answer]:
    """Read all lines, in the order in which they were written.

    A last line that was cut off is left out: nobody was told that it was saved.

    Raises:
        InputError: A line is no answer; the message has its number.
        OSError: The file cannot be read.
    """
    *lines, last = Path(path).read_bytes().split(b"\n")
    if _is_whole(last):
        lines.append(last)
    answers = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answers.append(Answer.from_line(line.decode("utf-8")))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(f"{os.fspath(path)}, line {number}: {error}") from None
    return answers


def run_key(tracks: str | PathLike[str]) -> str:
    """What a run is known by: 16 hexadecimal digits of the SHA-256 of its `tracks.jsonl`.

    Args:
        tracks: The file, or its folder.

    Raises:
        OSError: The file cannot be read.
    """
    path = Path(tracks)
    with open(path / "tracks.jsonl" if path.is_dir() else path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def check_run(
    answers: Iterable[Answer], tracks: str | PathLike[str], *, ids: Sequence[int] | None = None
) -> None:
    """Refuse answers that are of another run.

    Args:
        answers: All of them.
        tracks: `tracks.jsonl` of the run, or its folder.
        ids: The tracks that it has, if they are to be checked too.

    Raises:
        InputError: One is of another run, or of a track that the run does not have.
        OSError: The file cannot be read.
    """
    key, known = run_key(tracks), None if ids is None else set(ids)
    for one in answers:
        if one.run != key:
            raise InputError(
                f"the answer of {one.reviewer} about track {one.track} is of run {one.run}, and"
                f" {os.fspath(tracks)} is run {key}: tracks of another run are other tracks, also"
                " if it was made of the same video"
            )
        if known is not None and one.track not in known:
            raise InputError(f"there is an answer about track {one.track}, which the run lacks")


def now() -> str:
    """The time, as answers have it: UTC, to the millisecond.

    >>> len(now()), now()[-1]
    (24, 'Z')
    """
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_printable(name: str) -> bool:
    r"""Whether a name has nothing in it but what can be seen, and what joins letters.

    Example:
        >>> [is_printable(name) for name in ("Jörg", "a\nb", "\u202enna", "\u0639\u200c\u0631")]
        [True, False, False, True]
    """
    return name.replace("\u200c", "").replace("\u200d", "").isprintable()


def _repaired(file: int, path: Path) -> int:
    """Size of a file that ends with a whole line: what a crash left of another is taken off.

    Raises:
        InputError: The end is something else.
    """
    size = os.fstat(file).st_size
    tail, start = b"", size
    while start > 0 and b"\n" not in tail:
        step = min(4096, start)
        start -= step
        os.lseek(file, start, os.SEEK_SET)
        tail = os.read(file, step) + tail
    last = tail.rpartition(b"\n")[2]
    if not last:
        return size
    if _is_whole(last):  # only its line feed is missing
        os.write(file, b"\n")
        return size + 1
    if not _is_torn(last):
        text = last[:60].decode("utf-8", "replace")
        raise InputError(f"{os.fspath(path)} is no list of answers, it ends with {text!r}")
    os.ftruncate(file, size - len(last))
    return size - len(last)


def _is_torn(line: bytes) -> bool:
    """Whether it is the beginning of a line and no more, or the zeros of a machine that died."""
    if not line.strip(b"\0"):
        return True
    begun = line.startswith(_BEGIN) or _BEGIN.startswith(line)
    return begun and not line.rstrip(b"\0 \r").endswith(b"}")


def _is_whole(line: bytes) -> bool:
    """Whether a line is an answer, up to its last bracket."""
    try:
        Answer.from_line(line.decode("utf-8"))
    except (InputError, UnicodeDecodeError):
        return False
    return True
