"""Tracks of a made-up scene, and a recording read back as plain rows."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.made import made_tracks
from tracker import Frame, Tracks

# Without the extra there is nothing to log with.
_MISSING = [name for name in ("rerun", "cv2") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_log.py", "test_launch.py"] if _MISSING else []

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def make_tracks() -> Callable[..., Tracks]:
    """Tracks from rows of (id, existence, score, state, seen); box and class follow from the id."""

    def make(timestamp_s: float, *rows: tuple[int, float, float, int, bool], **more: Any) -> Tracks:
        ids, existence, score, state, seen = (
            np.array(column) for column in (zip(*rows, strict=True) if rows else [()] * 5)
        )
        corner = 10.0 * ids.reshape(-1, 1) + np.array([0.0, 1.0])
        columns = {
            "xyxy": np.hstack([corner, corner + np.array([4.0, 8.0])]),
            "existence": existence,
            "score": score,
            "state": state,
            "class_id": ids % 2,
            "hits": 3,
            "misses": 1,
            "age_s": 0.4,
            "detection": np.where(seen, np.arange(len(rows)), -1),
        }
        return made_tracks(ids, timestamp_s=timestamp_s, **(columns | more))

    return make


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    def make(index: int, timestamp_s: float, size: tuple[int, int] = (96, 48)) -> Frame:
        image = np.full((size[1], size[0], 3), (200, 40, 40), np.uint8)
        return Frame(image, timestamp_s, index)

    return make


@pytest.fixture
def read_back() -> Callable[..., Rows]:
    """Every entity of a recording, or of its blueprint, as rows in the order of their frames."""

    def read(path: Path, *, blueprint: bool = False) -> Rows:
        from rerun.chunk import RrdReader

        reader = RrdReader(path)
        (store,) = reader.blueprints() if blueprint else reader.recordings()
        out: Rows = defaultdict(list)
        for chunk in reader.stream(store=store):
            batch = chunk.to_record_batch()
            columns = {}
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                # Python's times have no nanoseconds.
                is_time = str(column.type).endswith("[ns]")
                values = (column.cast("int64") if is_time else column).to_pylist()
                columns["ns" if name == "capture_time" else name.split(":")[-1]] = values
            for row in zip(*columns.values(), strict=True):
                out[chunk.entity_path].append(dict(zip(columns, row, strict=True)))
        for rows in out.values():
            rows.sort(key=lambda row: row.get("frame") or 0)
        return out

    return read
