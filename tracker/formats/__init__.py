"""Files that tracks and detections are written to and read from; docs/formats.md has the schemas.

| module | content | writes | reads |
|---|---|---|---|
| `jsonl` | everything about the tracks, or raw detections, a line a frame | yes | yes |
| `csv` | a row a track and frame, for spreadsheets | yes | yes |
| `mot` | MOTChallenge text, what benchmarks read | yes | yes |
| `coco` | COCO results JSON, what detection scorers read | yes | yes |

Writers are context managers with `write(frame, tracks)`. What was written is readable at any time
after an interruption. Readers say in `truncated_lines` if the end was cut off.
"""

from __future__ import annotations

from tracker.formats.base import FrameLike, TracksWriter
from tracker.formats.coco import CocoWriter
from tracker.formats.csv import CsvWriter
from tracker.formats.jsonl import DetectionsJsonlWriter, TracksJsonlWriter
from tracker.formats.mot import MotWriter

__all__ = [
    "CocoWriter",
    "CsvWriter",
    "DetectionsJsonlWriter",
    "FrameLike",
    "MotWriter",
    "TracksJsonlWriter",
    "TracksWriter",
]
