"""JSON lines: a header, then a line a frame; the complete record of a run.

In: `Tracks` or `Detections` of each frame, or a file's path. Out: files of the schemas
`conftrack.tracks` and `conftrack.detections` (docs/formats.md), or their frames one by one, as the
same containers that were written. Reading is lazy, so hours of video fit in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from tracker.detections import Detections
from tracker.errors import InputError
from tracker.formats.base import FrameLike, LineFile, bad_line, label, probability
from tracker.tracks import Tracks, TrackState

__all__ = [
    "DetectionsJsonlWriter",
    "DetectionsRecord",
    "JsonlFile",
    "TracksJsonlWriter",
    "TracksRecord",
    "read_detections",
    "read_tracks",
]

TRACKS_SCHEMA = "conftrack.tracks"
DETECTIONS_SCHEMA = "conftrack.detections"
VERSION = 1

_TRACK_PROBABILITY = 0.01
_DETECTION_PROBABILITY = 1e-4


class _JsonlWriter(LineFile):
    """Header and lines; base of both writers."""

    _schema: str

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        class_names: Sequence[str],
        source: str = "",
        model: str = "",
        created: str | None = None,
        **more: Any,
    ) -> None:
        """Open the file and write the header.

        Args:
            path: File to create or replace.
            class_names: Names of the classes; class ids index them.
            source: What was read (no credentials).
            model: Name of the detector.
            created: ISO 8601 time; None is now, in UTC.
            more: Further JSON-able keys for the header.

        Raises:
            OSError: If the file cannot be created.
        """
        super().__init__(path)
        self._class_names = tuple(class_names)
        self._put_json(
            {
                "schema": self._schema,
                "version": VERSION,
                "source": source,
                "model": model,
                "class_names": list(class_names),
                "created": created or datetime.now(UTC).isoformat(timespec="seconds"),
                **more,
            }
        )

    def _put_json(self, line: dict[str, Any]) -> None:
        # allow_nan=False: NaN is no JSON, other programs could not read the line.
        self._put(
            json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"
        )

    def _sparse(self, probabilities: np.ndarray[Any, Any], least: float) -> list[dict[str, float]]:
        """Class vectors as {name: p} of the values worth writing, one a row."""
        out: list[dict[str, float]] = [{} for _ in range(len(probabilities))]
        rows, columns = np.nonzero(probabilities >= least)
        values = probabilities[rows, columns].round(6).tolist()
        for row, column, value in zip(rows.tolist(), columns.tolist(), values, strict=True):
            out[row][label(self._class_names, column)] = value
        return out


class TracksJsonlWriter(_JsonlWriter):
    """Writes tracks, a line a frame, complete after every frame; see `_JsonlWriter` for arguments.

    Example:
        ```python
        with TracksJsonlWriter("tracks.jsonl", class_names=detector.class_names) as out:
            out.write(frame, tracks)
        ```
    """

    _schema = TRACKS_SCHEMA

    def write(self, frame: FrameLike, tracks: Tracks, *, looked: bool = True) -> None:
        """Append one frame; `looked=False` says that no detector ran on it."""
        rows = zip(
            tracks.track_id.tolist(),
            tracks.xyxy.round(2).tolist(),
            probability(tracks.existence),
            probability(tracks.score),
            tracks.state.tolist(),
            tracks.class_id.tolist(),
            self._sparse(tracks.class_probabilities, _TRACK_PROBABILITY),
            tracks.velocity.round(2).tolist(),
            tracks.hits.tolist(),
            tracks.misses.tolist(),
            tracks.age_s.round(6).tolist(),
            tracks.gap_s.round(6).tolist(),
            tracks.seen.tolist(),
            strict=True,
        )
        self._put_json(
            {
                "frame": frame.index,
                "timestamp_s": round(float(frame.timestamp_s), 6),
                "looked": looked,
                "tracks": [
                    {
                        "id": i,
                        "xyxy": xyxy,
                        "existence": existence,
                        "score": score,
                        "state": TrackState(state).name.lower(),
                        "class_id": class_id,
                        "class": label(self._class_names, class_id),
                        "class_probabilities": classes,
                        "velocity": velocity,
                        "hits": hits,
                        "misses": misses,
                        "age_s": age,
                        "gap_s": gap,
                        "detected": detected,
                    }
                    for (
                        i, xyxy, existence, score, state, class_id, classes, velocity,
                        hits, misses, age, gap, detected,
                    ) in rows
                ],
            }
        )  # fmt: skip


class DetectionsJsonlWriter(_JsonlWriter):
    """Writes raw detections for replay, a line a frame; see `_JsonlWriter` for arguments.

    Boxes and confidences keep the full precision of a float32 network, so that a replay tracks the
    very boxes of the run; class probabilities below 0.0001 are left out.
    """

    _schema = DETECTIONS_SCHEMA

    def write(self, frame: FrameLike, detections: Detections) -> None:
        """Append the detections of one frame."""
        # Going through float32 text gives the shortest number that reads back as the same float32.
        rows = zip(
            [[float(str(v)) for v in box] for box in detections.xyxy.astype(np.float32)],
            [float(str(v)) for v in detections.confidence.astype(np.float32)],
            detections.class_id.tolist(),
            self._sparse(detections.class_probabilities, _DETECTION_PROBABILITY),
            strict=True,
        )
        self._put_json(
            {
                "frame": frame.index,
                "timestamp_s": round(float(frame.timestamp_s), 6),
                "detections": [
                    {"xyxy": x, "confidence": c, "class_id": i, "class_probabilities": p}
                    for x, c, i, p in rows
                ],
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class TracksRecord:
    """One frame of a tracks file; `covariance` is NaN, `detection` is 0 where detected, else -1."""

    index: int
    timestamp_s: float
    looked: bool
    tracks: Tracks


@dataclass(frozen=True, slots=True, eq=False)
class DetectionsRecord:
    """One frame of a detections file."""

    index: int
    timestamp_s: float
    detections: Detections


Record = TypeVar("Record", TracksRecord, DetectionsRecord)


@dataclass(slots=True, eq=False)
class JsonlFile(Generic[Record]):
    """An opened file: the header now, the frames by iterating (again from the start each time).

    Attributes:
        path: The file.
        header: The whole first line.
        class_names: Names of the classes.
        truncated_lines: 1 once iteration has met a last line that was cut off, else 0.
    """

    path: str
    header: dict[str, Any]
    class_names: tuple[str, ...]
    truncated_lines: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Record]:
        """Yield the frames.

        Raises:
            InputError: A line that does not follow the schema, with its number.
        """
        columns = {name: i for i, name in enumerate(self.class_names)}
        make = _tracks_record if self.header["schema"] == TRACKS_SCHEMA else _detections_record
        last = -1
        with open(self.path, encoding="utf-8-sig") as file:
            file.readline()
            for number, line in enumerate(file, 2):
                if not line.endswith("\n"):
                    # Only an interrupted writer leaves a line without an end.
                    self.truncated_lines = 1
                    return
                if not line.strip():
                    continue
                try:
                    record: Any = make(json.loads(line), columns)
                    if record.index <= last:
                        raise InputError(f"frame {record.index} follows frame {last}")
                except KeyError as error:
                    raise bad_line(self.path, number, f"missing key {error}") from None
                except (TypeError, ValueError) as error:
                    raise bad_line(self.path, number, error) from None
                last = record.index
                yield record


def read_tracks(path: str | PathLike[str]) -> JsonlFile[TracksRecord]:
    """Open a tracks file; iterate over the result for its frames.

    Raises:
        InputError: If the header is missing, of another schema, or of a version not known here.
        OSError: If the file cannot be read.
    """
    return JsonlFile(str(path), *_header(Path(path), TRACKS_SCHEMA))


def read_detections(path: str | PathLike[str]) -> JsonlFile[DetectionsRecord]:
    """Open a detections file; iterate over the result for its frames.

    Raises:
        InputError: If the header is missing, of another schema, or of a version not known here.
        OSError: If the file cannot be read.
    """
    return JsonlFile(str(path), *_header(Path(path), DETECTIONS_SCHEMA))


def _header(path: Path, schema: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read and check the first line."""
    with open(path, encoding="utf-8-sig") as file:
        first = file.readline()
    try:
        header = json.loads(first)
    except ValueError:
        header = None
    if not isinstance(header, dict) or "schema" not in header:
        raise bad_line(str(path), 1, f'expected a header with "schema": "{schema}"')
    if header["schema"] != schema:
        raise bad_line(str(path), 1, f'expected schema "{schema}", got "{header["schema"]}"')
    if header.get("version") != VERSION:
        raise bad_line(
            str(path),
            1,
            f"version {header.get('version')} of {schema} is not known here (this program reads "
            f"version {VERSION}): it was written by another release",
        )
    names = header.get("class_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_line(str(path), 1, '"class_names" must be a list of names')
    return header, tuple(names)


def _dense(rows: list[dict[str, Any]], columns: dict[str, int]) -> np.ndarray[Any, Any]:
    """{name: p} of each row -> (N, C); C = 0 if no row has any."""
    given = [row["class_probabilities"] for row in rows]
    if not any(given):
        return np.zeros((len(rows), 0))
    out = np.zeros((len(rows), len(columns)))
    for i, values in enumerate(given):
        for name, value in values.items():
            if name not in columns:
                raise InputError(f"class {name!r} is not among those of the header")
            out[i, columns[name]] = value
    return out


def _detections_record(line: dict[str, Any], columns: dict[str, int]) -> DetectionsRecord:
    rows = line["detections"]
    # Through float32, as they were written: the very values of the network come back.
    detections = Detections(
        np.array([row["xyxy"] for row in rows], np.float32).reshape(-1, 4).astype(np.float64),
        np.array([row["confidence"] for row in rows], np.float32).astype(np.float64),
        np.array([row["class_id"] for row in rows], np.int64),
        _dense(rows, columns),
    )
    return DetectionsRecord(int(line["frame"]), float(line["timestamp_s"]), detections)


def _tracks_record(line: dict[str, Any], columns: dict[str, int]) -> TracksRecord:
    rows, n = line["tracks"], len(line["tracks"])

    def column(key: str, dtype: type = np.float64) -> np.ndarray[Any, Any]:
        return np.array([row[key] for row in rows], dtype)

    tracks = Tracks(
        timestamp_s=float(line["timestamp_s"]),
        track_id=column("id", np.int64),
        xyxy=column("xyxy").reshape(n, 4),
        velocity=column("velocity").reshape(n, 2),
        covariance=np.full((n, 8, 8), np.nan),
        existence=column("existence"),
        score=column("score"),
        state=np.array([TrackState[row["state"].upper()] for row in rows], np.int8),
        class_id=column("class_id", np.int64),
        class_probabilities=_dense(rows, columns),
        hits=column("hits", np.int64),
        misses=column("misses", np.int64),
        age_s=column("age_s"),
        gap_s=column("gap_s"),
        detection=column("detected", np.int64) - 1,
    )
    return TracksRecord(int(line["frame"]), tracks.timestamp_s, bool(line["looked"]), tracks)
